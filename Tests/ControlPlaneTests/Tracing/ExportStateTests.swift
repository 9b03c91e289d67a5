import Testing

@testable import ControlPlane

@Suite("What becomes of a batch of spans")
struct ExportStateTests {
    private func answered(_ status: Int, after seconds: Int? = nil) -> HTTPPost.Outcome {
        .answered(status: status, retryAfterSeconds: seconds)
    }

    @Test("Any 2xx is the end of it, whatever was before")
    func delivered() {
        var state = ExportState()
        #expect(state.judge(answered(503), chance: 0) != .delivered)
        #expect(state.judge(answered(202), chance: 0) == .delivered)
    }

    @Test(
        "What the collector does not want is given up at once",
        arguments: [
            301, 400, 401, 404, 413, 500, 501, 505,
        ])
    func refused(status: Int) {
        var state = ExportState()
        #expect(state.judge(answered(status, after: 1), chance: 0) == .givenUp)
    }

    @Test("Pauses double, are shorter by chance, and end after the sixth try")
    func backOff() {
        for outcome in [answered(429), answered(502), answered(503), answered(504)]
            + [HTTPPost.Outcome.failed("connect: refused")]
        {
            for (chance, first) in [(0.0, 1_000), (1.0, 750)] {
                var state = ExportState()
                for doubling in 0..<5 {
                    let pause = first << doubling
                    #expect(
                        state.judge(outcome, chance: chance) == .again(afterMilliseconds: pause))
                }
                #expect(state.judge(outcome, chance: chance) == .givenUp)
            }
        }
    }

    @Test("The collector's own wish counts, as far as that goes")
    func retryAfter() {
        for (asked, pause) in [(7, 7_000), (0, 1_000), (-1, 1_000), (.max, 300_000)] {
            var state = ExportState()
            let verdict = state.judge(answered(503, after: asked), chance: 0)
            #expect(verdict == .again(afterMilliseconds: pause), "\(asked)")
        }
    }
}
