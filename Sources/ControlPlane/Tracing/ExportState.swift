/// What becomes of a batch of spans after each try to deliver it: pure, and one for each batch.
///
/// What may be tried again, and when, is OTLP's to say (opentelemetry.io/docs/specs/otlp,
/// "OTLP/HTTP Response").
struct ExportState {
    /// How a batch goes on.
    enum Verdict: Equatable, Sendable {
        case delivered
        case again(afterMilliseconds: Int)
        /// The spans are lost.
        case givenUp
    }

    /// The most tries of one batch.
    static let triesMaximum = 6
    static let firstPauseMilliseconds = 1_000
    /// A collector that asks for more patience is asked again all the same.
    static let pauseMillisecondsMaximum = 300_000

    private(set) var tries = 0

    /// - Parameter chance: from 0 to 1; by it a pause of weir's own is shorter, by a quarter at
    ///   most, so that many weirs do not come back together.
    mutating func judge(_ outcome: HTTPPost.Outcome, chance: Double) -> Verdict {
        tries += 1
        var asked: Int?
        switch outcome {
        case .answered(200..<300, _): return .delivered
        case .answered(429, let seconds), .answered(502...504, let seconds): asked = seconds
        case .answered: return .givenUp
        case .failed: break
        }
        guard tries < ExportState.triesMaximum else { return .givenUp }
        if let asked, asked > 0 {
            let limit = ExportState.pauseMillisecondsMaximum
            return .again(afterMilliseconds: min(limit, min(asked, limit) * 1_000))
        }
        let pause = Double(ExportState.firstPauseMilliseconds << (tries - 1))
        return .again(afterMilliseconds: Int(pause * (1 - chance / 4)))
    }
}
