internal import HTTP

/// The response to an HTTP probe as far as it has come, and what it proves.
///
/// It is judged as early as possible: by the status alone, unless a text must be in the body.
struct ProbeResponse {
    enum Verdict: Equatable, Sendable {
        case undecided
        case passed
        case failed(ProbeFailure)
    }

    private static let bodyBytesMaximum = 65_536

    private let accepted: [ClosedRange<Int>]
    private let text: [UInt8]?
    private var bytes: [UInt8] = []
    /// Of the final response, once its head is there.
    private var headByteCount = 0
    private var framing: BodyFraming?

    init(accepting probe: ProbeConfiguration.HTTPProbe) {
        accepted = probe.status
        text = probe.body.map { Array($0.utf8) }
    }

    /// Takes what has arrived.
    mutating func take(_ span: Span<UInt8>) -> Verdict {
        bytes.reserveCapacity(bytes.count + span.count)
        for index in span.indices { bytes.append(span[index]) }
        return judge(isEnded: false)
    }

    /// The replica has sent all it will send.
    mutating func end() -> Verdict { judge(isEnded: true) }

    private mutating func judge(isEnded: Bool) -> Verdict {
        guard startsAsHTTP else { return .failed(.malformed("not HTTP/1")) }
        do throws(HTTPError) {
            while framing == nil {
                var head = ResponseHead()
                guard try head.parse(bytes.span, limits: HeadLimits()) else {
                    return isEnded ? .failed(.closed) : .undecided
                }
                if let verdict = judge(&head) { return verdict }
            }
        } catch {
            return .failed(.malformed(error.reason))
        }
        return judgeBody(isEnded: isEnded)
    }

    /// nil if the status alone does not decide.
    private mutating func judge(_ head: inout ResponseHead) -> Verdict? {
        guard !head.isInterim else {
            bytes.removeFirst(head.byteCount)
            return nil
        }
        let status = head.status
        if status == 503, asksForDrain(head) { return .failed(.drain) }
        guard accepted.contains(where: { $0.contains(status) }) else {
            return .failed(.status(status))
        }
        headByteCount = head.byteCount
        framing = head.framing(answering: .get)
        return text == nil ? .passed : nil
    }

    /// `Weir-Drain: 1`
    private func asksForDrain(_ head: borrowing ResponseHead) -> Bool {
        guard let value = head.fields.span.first(.weirDrain) else { return false }
        return bytes[value.indices].elementsEqual("1".utf8)
    }

    private func judgeBody(isEnded: Bool) -> Verdict {
        guard let framing, let text else { return .passed }
        let received = bytes[headByteCount...]
        let (content, isWhole) = content(of: received, framing)
        if contains(text, in: content.prefix(ProbeResponse.bodyBytesMaximum)) { return .passed }
        let isTooLong = received.count >= ProbeResponse.bodyBytesMaximum
        return isEnded || isWhole || isTooLong ? .failed(.body) : .undecided
    }

    private var startsAsHTTP: Bool { zip(bytes, "HTTP/1.".utf8).allSatisfy(==) }

    private func content(
        of received: ArraySlice<UInt8>, _ framing: BodyFraming
    ) -> (ArraySlice<UInt8>, isWhole: Bool) {
        switch framing {
        case .none: (received.prefix(0), true)
        case .length(let length): (received, UInt64(received.count) >= length)
        case .chunked: ChunkedBody.content(of: received)
        case .untilClose: (received, false)
        }
    }

    private func contains(_ text: [UInt8], in content: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return true }
        var rest = content
        while let start = rest.firstIndex(of: first) {
            rest = rest[start...]
            if rest.starts(with: text) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}

/// Chunked bodies (RFC 9112 §7.1), as far as they have come.
private enum ChunkedBody {
    /// The content of all chunks, and whether the last chunk was there.
    static func content(of bytes: ArraySlice<UInt8>) -> (ArraySlice<UInt8>, Bool) {
        var content: [UInt8] = []
        var rest = bytes
        while let lineEnd = rest.firstIndex(of: 10) {
            let digits = rest[..<lineEnd].prefix { $0 != 13 && $0 != 59 && $0 != 32 }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size > 0
            else {
                return (content[...], true)
            }
            rest = rest[(lineEnd + 1)...]
            content += rest.prefix(size)
            guard rest.count - 2 >= size else { break }
            rest = rest.dropFirst(size + 2)
        }
        return (content[...], false)
    }
}
