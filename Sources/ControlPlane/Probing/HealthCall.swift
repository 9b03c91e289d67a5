internal import HTTP

/// One call of `grpc.health.v1.Health/Check` over a connection of its own, without the connection:
/// bytes in, bytes out, and a verdict.
final class HealthCall {
    private static let user: UInt64 = 1

    private let session: HTTP2Session
    private let stream: HTTP2Stream
    /// The message with its length in front of it, and how much of it was sent.
    private let body: [UInt8]
    private var sentCount = 0
    /// To be sent.
    private var pending: [UInt8] = []
    /// What has come of the answer.
    private var answer: [UInt8] = []

    /// - Parameters:
    ///   - service: whose health is asked for; empty is the server's as a whole.
    ///   - authority: the host that is asked.
    /// - Returns: nil when there is no memory.
    init?(service: String, authority: String) {
        guard let session = HTTP2Session.client(HTTP2Settings(), keyBits: 0) else { return nil }
        self.session = session
        body = HealthMessage.request(service: service)
        let lines = [
            "POST /grpc.health.v1.Health/Check HTTP/1.1", "Host: \(authority)",
            "Content-Type: application/grpc", "TE: trailers", "User-Agent: weir-probe",
        ]
        let head = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        stream = session.request(
            head.span, scheme: .http, body: .offered, user: HealthCall.user)
        session.offer(stream, body.count)
        session.end(stream)
    }

    deinit { session.close() }

    /// What is to be sent now.
    func output() -> [UInt8] {
        collect()
        defer { pending = [] }
        return pending
    }

    private func collect() {
        var space = [UInt8](repeating: 0, count: HTTP2Session.outputBytesMaximum)
        while true {
            var span = space.mutableSpan
            switch session.nextOutput(into: &span) {
            case .nothing: return
            case .bytes(let count): pending += space[..<count]
            case .data(let count, _, let bodyCount):
                pending += space[..<count] + body[sentCount..<sentCount + bodyCount]
                sentCount += bodyCount
            }
        }
    }

    /// Takes what has arrived.
    func take(_ bytes: Span<UInt8>) -> ProbeResponse.Verdict {
        var rest = bytes
        while rest.count > 0 {
            let (consumed, event) = session.receive(rest, atMilliseconds: 0)
            if let verdict = judge(event, rest) { return verdict }
            while let closed = session.nextClosed() {
                guard closed.user == HealthCall.user else { continue }
                return .failed(closed.code == 0 ? .malformed("no message") : .closed)
            }
            guard consumed > 0 else { break }
            rest = rest.extracting(consumed...)
        }
        collect()
        return session.isOver ? .failed(.malformed("not HTTP/2")) : .undecided
    }

    private func judge(_ event: HTTP2Event, _ bytes: Span<UInt8>) -> ProbeResponse.Verdict? {
        switch event {
        case .response(_, let ends): return judgeHead(ends: ends)
        case .trailers: return judgeStatus(in: HealthCall.text(session.head))
        case .data(_, let range, _):
            for index in range { answer.append(bytes[index]) }
            session.consume(stream, range.count)
            return HealthMessage.verdict(answer)
        case .largeResponse: return .failed(.malformed("head too large"))
        case .nothing, .request, .largeRequest, .settings, .goingAway: return nil
        }
    }

    private func judgeHead(ends: Bool) -> ProbeResponse.Verdict? {
        let text = HealthCall.text(session.head)
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count > 1, let status = Int(words[1]) else {
            return .failed(.malformed("no status"))
        }
        guard status >= 200 else { return nil }
        guard status == 200 else { return .failed(.status(status)) }
        return ends ? judgeStatus(in: text) : nil
    }

    /// Without a message the call must have failed.
    private func judgeStatus(in text: String) -> ProbeResponse.Verdict {
        for line in text.split(separator: "\r\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "grpc-status" else { continue }
            let code = parts[1].drop { $0 == " " }
            return .failed(.health("grpc-status \(String(code).shortened)"))
        }
        return .failed(.malformed("no grpc-status"))
    }

    private static func text(_ bytes: Span<UInt8>) -> String {
        String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
    }
}

/// The messages of grpc.health.v1, which have one field each, in the encoding of protocol buffers.
enum HealthMessage {
    private static let serving: UInt64 = 1
    private static let names = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]

    /// `HealthCheckRequest { service }`, with what gRPC puts before a message.
    static func request(service: String) -> [UInt8] {
        let name = Array(service.utf8)
        let message = name.isEmpty ? [] : [0x0a] + varint(UInt64(name.count)) + name
        let count = UInt32(message.count)
        return [0] + (0..<4).map { UInt8(truncatingIfNeeded: count >> UInt32(24 - $0 * 8)) }
            + message
    }

    /// Of a `HealthCheckResponse { status }`; nil while it is not whole.
    static func verdict(_ bytes: [UInt8]) -> ProbeResponse.Verdict? {
        guard bytes.count >= 5 else { return nil }
        let count = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
        guard bytes[0] == 0, count <= 1_024 else { return .failed(.malformed("its message")) }
        guard bytes.count >= 5 + count else { return nil }
        guard let status = status(in: bytes[5..<5 + count]) else {
            return .failed(.malformed("its message"))
        }
        if status == serving { return .passed }
        return .failed(.health(status < names.count ? names[Int(status)] : "status \(status)"))
    }

    /// A field that is missing is zero; nil for what is no message.
    private static func status(in message: ArraySlice<UInt8>) -> UInt64? {
        var rest = message
        var status: UInt64 = 0
        while !rest.isEmpty {
            guard let tag = takeVarint(&rest) else { return nil }
            switch tag & 7 {
            case 0:
                guard let value = takeVarint(&rest) else { return nil }
                if tag >> 3 == 1 { status = value }
            case 1, 5:
                let count = tag & 7 == 1 ? 8 : 4
                guard rest.count >= count else { return nil }
                rest = rest.dropFirst(count)
            case 2:
                guard let count = takeVarint(&rest), count <= rest.count else { return nil }
                rest = rest.dropFirst(Int(count))
            default: return nil
            }
        }
        return status
    }

    private static func varint(_ number: UInt64) -> [UInt8] {
        var number = number
        var bytes: [UInt8] = []
        while number >= 128 {
            bytes.append(UInt8(number & 127) | 128)
            number >>= 7
        }
        return bytes + [UInt8(number)]
    }

    private static func takeVarint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            number |= shift < 64 ? UInt64(byte & 127) << shift : 0
            if byte < 128 { return number }
        }
        return nil
    }
}
