/// The response to an HTTP probe as far as it has come, and what it proves.
///
/// It is judged as early as possible: by the status alone, unless a text must be in the body.
struct ProbeResponse {
    enum Verdict: Equatable, Sendable {
        case undecided
        case passed
        case failed(ProbeFailure)
    }

    private static let headBytesMaximum = 16_384
    private static let bodyBytesMaximum = 65_536

    private let accepted: [ClosedRange<Int>]
    private let text: [UInt8]?
    private var bytes: [UInt8] = []
    /// Where the body starts, and how it is framed, once the head is there.
    private var body: (start: Int, isChunked: Bool, length: Int?)?

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
        while body == nil {
            guard let end = headEnd() else {
                if let failure = headFailure() { return .failed(failure) }
                return isEnded ? .failed(.closed) : .undecided
            }
            guard let status = status() else { return .failed(.malformed("status line")) }
            if (100...199).contains(status), status != 101 {
                bytes.removeFirst(end)
                continue
            }
            guard accepted.contains(where: { $0.contains(status) }) else {
                return .failed(.status(status))
            }
            guard text != nil else { return .passed }
            body = framing(headEnd: end)
        }
        return judgeBody(isEnded: isEnded)
    }

    private func judgeBody(isEnded: Bool) -> Verdict {
        guard let body, let text else { return .passed }
        let received = bytes[body.start...]
        let content = body.isChunked ? ChunkedBody.content(of: received) : (received, false)
        let isWhole = content.1 || body.length.map { content.0.count >= $0 } ?? false
        if contains(text, in: content.0.prefix(ProbeResponse.bodyBytesMaximum)) { return .passed }
        let isTooLong = received.count >= ProbeResponse.bodyBytesMaximum
        return isEnded || isWhole || isTooLong ? .failed(.body) : .undecided
    }

    /// Where the first head ends, with its blank line.
    private func headEnd() -> Int? {
        let limit = min(bytes.count, ProbeResponse.headBytesMaximum)
        guard limit >= 4 else { return nil }
        return (4...limit).first { end in
            bytes[end - 1] == 10 && bytes[end - 2] == 13 && bytes[end - 3] == 10
                && bytes[end - 4] == 13
        }
    }

    /// What is wrong with a head that has no end yet.
    private func headFailure() -> ProbeFailure? {
        guard startsAsHTTP else { return .malformed("not HTTP/1") }
        let isTooLong = bytes.count >= ProbeResponse.headBytesMaximum
        return isTooLong ? .malformed("head over \(ProbeResponse.headBytesMaximum) bytes") : nil
    }

    private var startsAsHTTP: Bool { zip(bytes, "HTTP/1.".utf8).allSatisfy(==) }

    /// RFC 9112 §4: `HTTP/1.1 200` and then a space or the end of the line.
    private func status() -> Int? {
        let line = bytes.prefix { $0 != 13 }
        guard line.count >= 12, startsAsHTTP, line[8] == 32 else { return nil }
        guard line.count == 12 || line[12] == 32 else { return nil }
        guard line[9...11].allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(String(decoding: line[9...11], as: UTF8.self))
    }

    private func framing(headEnd: Int) -> (start: Int, isChunked: Bool, length: Int?) {
        let head = String(decoding: bytes[..<headEnd], as: UTF8.self).lowercased()
        var isChunked = false
        var length: Int?
        for line in head.split(whereSeparator: \.isNewline).dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].split { $0 == " " || $0 == "\t" }.joined(separator: " ")
            if parts[0] == "transfer-encoding" { isChunked = value.hasSuffix("chunked") }
            if parts[0] == "content-length" { length = Int(value) }
        }
        return (headEnd, isChunked, isChunked ? nil : length)
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
            guard rest.count >= size + 2 else { break }
            rest = rest.dropFirst(size + 2)
        }
        return (content[...], false)
    }
}
