import Testing

@testable import DataPlane

@Suite("What the access log has a line of")
struct AccessLogRulesTests {
    @Test("Of what went well a share is logged, evenly; of what failed or was slow everything")
    func sampling() {
        var rules = AccessLogRules()
        rules.sharePerMillion = 100_000
        rules.slowNanoseconds = 1_000
        var sampler = LogSampler(rules)
        var gaps: Set<Int> = []
        var last: Int?
        for number in 0..<1_000
        where sampler.wants(status: 200, isFailed: false, nanoseconds: 999) {
            if let last { gaps.insert(number - last) }
            last = number
        }
        #expect(gaps == [10])
        for _ in 0..<20 {
            let slow = sampler.wants(status: 200, isFailed: false, nanoseconds: 1_000)
            let bad = sampler.wants(status: 503, isFailed: false, nanoseconds: 0)
            let failed = sampler.wants(status: 404, isFailed: true, nanoseconds: 0)
            #expect(slow && bad && failed)
        }
        rules.sharePerMillion = 0
        var none = LogSampler(rules)
        #expect(
            (0..<100).allSatisfy { _ in !none.wants(status: 200, isFailed: false, nanoseconds: 0) })
        var all = LogSampler(AccessLogRules())
        #expect(
            (0..<100).allSatisfy { _ in all.wants(status: 200, isFailed: false, nanoseconds: 0) })
    }

    private func field(_ name: [UInt8], in head: String) -> String {
        let bytes = Array(head.utf8)
        let value = HeadText.field(name, in: bytes.span)
        return String(decoding: value.indices.map { value[$0] }, as: UTF8.self)
    }

    @Test("A field is found by its name in any letters, and none within another or in the body")
    func fields() {
        let head = "GET /referer: HTTP/1.1\r\nX-Referer: a\r\nREFERER:  b\r\n\r\nUser-Agent: c\r\n"
        #expect(field(HeadText.referer, in: head) == "b")
        #expect(field(HeadText.userAgent, in: head) == "")
        #expect(field(HeadText.referer, in: "") == "")
        #expect(field(HeadText.referer, in: "GET / HTTP/1.1\r\nReferer:\r\n\r\n") == "")
    }

    @Test(
        "A trace id is taken from a traceparent, and from nothing else",
        arguments: [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false), ("", false),
            ("00-\"bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
        ])
    func traces(text: String, isOne: Bool) {
        let bytes = Array(text.utf8)
        #expect(HeadText.traceID(bytes.span).count == (isOne ? 32 : 0))
    }
}
