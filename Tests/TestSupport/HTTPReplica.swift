/// Scripts that many tests share.
extension ScriptedReplica {
    /// Answers every request, one after the other on a connection, with what `answer` returns.
    public static func serving(
        _ answer: @escaping @Sendable (WireMessage) throws -> Reply
    ) -> Script {
        { wire in
            while let request = try wire.readRequest() {
                let reply = try answer(request)
                try wire.send(reply.bytes(to: request.method))
                if request.endsConnection { return }
            }
        }
    }

    /// Answers every request with 200 and `text`.
    public static func saying(_ text: String) -> Script { serving { _ in Reply(text) } }

    /// Answers with the request as it arrived: its head in the body, its own body behind.
    public static let echoing: Script = serving { request in
        let lines = request.fields.map { "\($0.name): \($0.value)\r\n" }
        let trailers = request.trailers.map { "\($0.name): \($0.value)\r\n" }
        let head = "\(request.startLine)\r\n\(lines.joined())\r\n"
        return Reply(bytes: Array(head.utf8) + request.body + Array(trailers.joined().utf8))
    }

    /// Sends back every byte until the stream ends, then ends its own.
    public static let echoingBytes: Script = { wire in
        while true {
            let bytes = try wire.readSome()
            if bytes.isEmpty { break }
            try wire.send(bytes)
        }
        wire.halfClose()
    }
}

/// A response that a replica gives.
public struct Reply: Sendable {
    public var status: String
    public var fields: [String]
    public var body: [UInt8]

    public init(_ text: String = "", status: String = "200 OK", fields: [String] = []) {
        self.init(bytes: Array(text.utf8), status: status, fields: fields)
    }

    public init(bytes: [UInt8], status: String = "200 OK", fields: [String] = []) {
        self.status = status
        self.fields = fields
        body = bytes
    }

    func bytes(to method: String) -> [UInt8] {
        let lines = fields.map { "\($0)\r\n" }.joined()
        let head = "HTTP/1.1 \(status)\r\n\(lines)Content-Length: \(body.count)\r\n\r\n"
        return Array(head.utf8) + (method == "HEAD" ? [] : body)
    }
}
