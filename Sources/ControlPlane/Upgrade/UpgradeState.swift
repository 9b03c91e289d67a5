/// One upgrade: a successor is started, says that it could serve, gets the state, says that it
/// serves, and only then this process stops to accept. Events in, actions out.
///
/// What holds whatever happens:
/// - Until the successor serves, nothing here has changed, and any failure leaves it so.
/// - A successor that is given up is killed.
/// - Whoever asked is answered once.
/// - There is one upgrade at a time, and none after one that went well.
struct UpgradeState: Equatable {
    enum Stage: Equatable {
        case idle
        /// The successor reads its configuration and opens what is new.
        case starting
        /// It has the state, and begins to accept.
        case committing
        /// It accepts, and this process does not any more.
        case handedOver
    }

    enum Event: Equatable {
        /// - Parameter obstacle: why there can be no upgrade; nil if there can.
        case asked(obstacle: String?)
        case started
        case startFailed(String)
        case said(SuccessorMessage)
        /// It is gone.
        case ended(String)
        case timedOut
        /// The program is about to end.
        case shutDown
    }

    enum Action: Equatable {
        /// Start the successor; the answer is `started` or `startFailed`, always.
        case start
        case giveState
        /// Accept nothing any more; the successor does.
        case handOver
        /// Kill the successor and forget it.
        case abandon
        /// Tell whoever asked. nil is done; else nothing has changed, and why.
        case answer(problem: String?)
        /// The same for another who asked meanwhile.
        case refuse(problem: String)
    }

    private(set) var stage = Stage.idle

    /// What an operator changes now would be lost.
    var forbidsChanges: Bool { stage == .committing || stage == .handedOver }

    mutating func handle(_ event: Event) -> [Action] {
        switch (stage, event) {
        case (.idle, .asked(let obstacle?)): return [.refuse(problem: obstacle)]
        case (.idle, .asked(nil)):
            stage = .starting
            return [.start]
        case (.starting, .asked), (.committing, .asked):
            return [.refuse(problem: "an upgrade is under way")]
        case (.handedOver, .asked):
            return [.refuse(problem: "this process has handed over already, and is about to end")]
        case (.idle, _), (.handedOver, _): return []

        case (_, .started): return []
        case (.committing, .startFailed(let problem)): return giveUp(problem)
        case (.starting, .startFailed(let problem)):
            stage = .idle
            return [.answer(problem: problem)]
        case (.starting, .said(.prepared)):
            stage = .committing
            return [.giveState]
        case (.committing, .said(.serving)):
            stage = .handedOver
            return [.answer(problem: nil), .handOver]
        case (_, .said(.failed(let problem))): return giveUp(problem)
        case (_, .said(let message)): return giveUp("the new program said \"\(message)\" too soon")
        case (_, .ended(let how)): return giveUp("the new program \(how) before it served")
        case (_, .timedOut):
            let limit = UpgradeState.timeoutMilliseconds / 1_000
            return giveUp("the new program did not serve within \(limit) s")
        case (_, .shutDown): return giveUp("this process was told to end")
        }
    }

    /// From the start of the successor until it serves.
    static let timeoutMilliseconds = 10_000

    private mutating func giveUp(_ problem: String) -> [Action] {
        stage = .idle
        return [.abandon, .answer(problem: problem)]
    }
}

/// What a successor tells its predecessor, one message each.
enum SuccessorMessage: Equatable, CustomStringConvertible {
    /// All that can fail has gone well; it accepts nothing yet.
    case prepared
    /// It accepts.
    case serving
    /// It ends, and this is why.
    case failed(String)
    case unknown(String)

    init(_ text: String) {
        switch text {
        case "prepared": self = .prepared
        case "serving": self = .serving
        case _ where text.hasPrefix("failed "): self = .failed(String(text.dropFirst(7)))
        default: self = .unknown(text)
        }
    }

    var description: String {
        switch self {
        case .prepared: "prepared"
        case .serving: "serving"
        case .failed(let problem): "failed \(problem)"
        case .unknown(let text): text
        }
    }
}

/// What a predecessor tells its successor.
enum PredecessorMessage {
    /// The state is in the file that both have.
    static let state = "state"
    /// It accepts nothing any more.
    static let handedOver = "handed over"
    /// What it counted since is in the file; it ends.
    static let counts = "counts"
}
