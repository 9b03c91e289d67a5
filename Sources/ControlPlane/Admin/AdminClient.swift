internal import HTTP
internal import Transport

/// Why a running weir could not be asked.
public struct AdminError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Names the address, what happened, and what to try.
    public let description: String
}

/// Asks a running weir, for the verbs of the command line. Blocks; one connection per request.
public struct AdminClient: Sendable {
    /// What weir answered.
    public struct Answer: Equatable, Sendable {
        /// Of HTTP.
        public var status: Int
        public var body: [UInt8]

        /// The body as text.
        public var text: String { String(decoding: body, as: UTF8.self) }
        /// A status of 2xx.
        public var isSuccess: Bool { (200..<300).contains(status) }

        /// What went wrong, in weir's words: the `error` of its JSON, or the whole body.
        public var problem: String {
            do throws(JSONError) {
                return try JSONValue(parsing: body)["error"]?.string ?? text
            } catch {
                return text
            }
        }
    }

    /// What a pause may last for one request.
    public static let pauseMilliseconds = 1...3_600_000

    /// An answer is refused beyond this.
    public static let answerBytesMaximum = 64 << 20

    private let address: AdminAddress
    private let token: AdminToken?
    private let timeoutMilliseconds: Int

    /// - Parameters:
    ///   - token: what allows changes over TCP.
    ///   - timeoutMilliseconds: for each request as a whole.
    public init(
        _ address: AdminAddress, token: AdminToken? = nil, timeoutMilliseconds: Int = 10_000
    ) {
        self.address = address
        self.token = token
        self.timeoutMilliseconds = timeoutMilliseconds
    }

    /// - Parameter text: `unix:PATH` or `http://ADDRESS:PORT`.
    /// - Throws: if it is neither. Nothing is sent yet.
    public init(_ text: String) throws(AdminError) {
        guard let address = AdminAddress(text) else {
            throw AdminError(
                description: "--admin \(text): expected unix:PATH or http://ADDRESS:PORT with an"
                    + " IP address or localhost")
        }
        self.init(address)
    }

    /// Asks for `path`, such as `/status`.
    ///
    /// - Throws: if nobody answers, or not in time, or not HTTP. The caller prints it and exits 1.
    public func get(_ path: String) throws(AdminError) -> Answer {
        try send("GET", path, body: nil)
    }

    /// Asks for a change.
    ///
    /// - Throws: as `get`. A change may have happened all the same when the answer is missing.
    public func post(_ path: String, _ body: JSONValue? = nil) throws(AdminError) -> Answer {
        try send("POST", path, body: body?.text ?? "")
    }

    private func send(
        _ method: String, _ path: String, body: String?
    ) throws(AdminError) -> Answer {
        var request = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let token { request += "Authorization: \(token.authorization)\r\n" }
        if let body {
            request += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
        }
        request += "\r\n" + (body ?? "")
        var received: [UInt8] = []
        do throws(SystemError) {
            let connection = try BlockingConnection(
                address, deadline: Instant.now().adding(milliseconds: timeoutMilliseconds))
            try connection.open()
            try connection.send(Array(request.utf8))
            received = try connection.receiveAll(bytesMaximum: AdminClient.answerBytesMaximum)
        } catch {
            throw AdminError(description: "\(address): \(error)\(advice(error))")
        }
        return try answer(received)
    }

    /// A name as a part of a path: whatever it is, weir says that there is nothing of that name.
    static func part(_ name: String) -> String {
        name.utf8.reduce(into: "") { text, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += byte < 16 ? "%0\(digits)" : "%\(digits)"
            }
        }
    }

    private func advice(_ error: SystemError) -> String {
        switch SystemError.text(of: error.code) {
        case "No such file or directory", "Connection refused":
            "; is weir running, and is --admin what its configuration says under admin?"
        case "Permission denied": "; the socket is for its owner and group only"
        default: ""
        }
    }

    private func answer(_ bytes: [UInt8]) throws(AdminError) -> Answer {
        var head = ResponseHead()
        var isComplete = false
        do throws(HTTPError) {
            isComplete = try head.parse(bytes.span, limits: HeadLimits())
        } catch {
            throw AdminError(description: "\(address): not HTTP (\(error.reason))")
        }
        guard isComplete else {
            throw AdminError(description: "\(address): the connection ended before an answer")
        }
        let body = Array(bytes[head.byteCount...])
        if case .length(let length) = head.framing(answering: .get), length != body.count {
            throw AdminError(
                description: "\(address): \(body.count) of \(length) bytes arrived")
        }
        return Answer(status: head.status, body: body)
    }
}
