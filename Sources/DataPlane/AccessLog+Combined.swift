internal import HTTP
internal import Transport

/// The combined form: `client - - [time] "request" status bytes "referer" "agent"`.
extension Worker {
    mutating func logCombined(_ exchange: Ref<Exchange>) {
        guard let request = exchange.its.request else { return }
        let head = request.bytes.extracting(exchange.its.hostBytes...)
        var line = LogLine(plain: log.space())
        line.plain(exchange.its.client.its.addressText)
        line.plain(" - - [")
        line.plain(combinedTime: log.wallNanoseconds(at: now))
        line.plain("] \"")
        line.plain(escaping: head.extracting(0..<HeadText.lineEnd(head)))
        line.plain("\" ")
        line.plain(exchange.its.status)
        line.plain(" ")
        line.plain(Int(clamping: exchange.its.bytesToClient))
        line.plain(" \"")
        line.plain(escaping: HeadText.field(HeadText.referer, in: head), or: "-")
        line.plain("\" \"")
        line.plain(escaping: HeadText.field(HeadText.userAgent, in: head), or: "-")
        line.plain("\"\n")
        log.commit(line.finishPlain())
    }
}

/// Finds things in the text of a head, for the log.
enum HeadText {
    static let referer = Array("referer".utf8)
    static let userAgent = Array("user-agent".utf8)
    static let traceparent = Array("traceparent".utf8)
    static let tracestate = Array("tracestate".utf8)

    /// Where the first line ends.
    static func lineEnd(_ head: Span<UInt8>) -> Int {
        var end = 0
        while end < head.count, head[end] != 13, head[end] != 10 { end += 1 }
        return end
    }

    /// Of a request.
    @_lifetime(copy head)
    static func method(_ head: Span<UInt8>) -> Span<UInt8> {
        head.extracting(0..<end(of: head, from: 0))
    }

    /// Path and query of a request.
    @_lifetime(copy head)
    static func target(_ head: Span<UInt8>) -> Span<UInt8> {
        let start = min(end(of: head, from: 0) + 1, head.count)
        return head.extracting(start..<end(of: head, from: start))
    }

    /// The path alone.
    @_lifetime(copy head)
    static func path(_ head: Span<UInt8>) -> Span<UInt8> {
        let target = target(head)
        var end = 0
        while end < target.count, target[end] != 63 { end += 1 }
        return target.extracting(0..<end)
    }

    /// Where the word of the first line ends that begins at `start`.
    private static func end(of head: Span<UInt8>, from start: Int) -> Int {
        var end = start
        while end < head.count, head[end] != 32 { end += 1 }
        return end
    }

    /// The value of the first field of that name, which is in lower case; empty if there is none.
    @_lifetime(copy head)
    static func field(_ name: [UInt8], in head: Span<UInt8>) -> Span<UInt8> {
        var start = 0
        while start < head.count {
            var end = start
            while end < head.count, head[end] != 10 { end += 1 }
            let next = end + 1
            if end > start, head[end - 1] == 13 { end -= 1 }
            if end == start, start > 0 { break }
            if end - start > name.count, head[start + name.count] == 58,
                isEqual(name, head, at: start)
            {
                var first = start + name.count + 1
                while first < end, head[first] == 32 { first += 1 }
                return head.extracting(first..<end)
            }
            start = next
        }
        return head.extracting(0..<0)
    }

    private static func isEqual(_ name: [UInt8], _ head: Span<UInt8>, at start: Int) -> Bool {
        for index in name.indices where head[start + index] | 0x20 != name[index] | 0x20 {
            return false
        }
        return true
    }

    /// The trace id of a `traceparent` (W3C Trace Context §3.2); empty if it is none.
    @_lifetime(copy value)
    static func traceID(_ value: Span<UInt8>) -> Span<UInt8> {
        guard value.count >= 55, value[2] == 45, value[35] == 45, value[52] == 45 else {
            return value.extracting(0..<0)
        }
        for index in 3..<35 {
            let byte = value[index]
            guard byte &- 48 < 10 || byte &- 97 < 6 else { return value.extracting(0..<0) }
        }
        return value.extracting(3..<35)
    }
}
