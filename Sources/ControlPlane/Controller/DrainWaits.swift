internal import Balancing
internal import Transport

/// Those who wait until drained replicas have nothing in flight any more.
final class DrainWaits {
    /// How a wait ended.
    enum Outcome { case idle, timedOut }

    private struct Wait {
        var replicas: [FoundReplica]
        /// Of the snapshot without new work there.
        var generation: UInt64
        var deadline: Instant
        var completion: (Outcome, [FoundReplica]) -> Void
    }

    static let intervalMilliseconds = 50

    private unowned let controller: Controller
    private var waits: [Wait] = []
    private var isScheduled = false
    private let inFlight: (FoundReplica) -> Int

    /// - Parameter inFlight: how much is on a replica now; workers change it meanwhile.
    init(controller: Controller, inFlight: @escaping (FoundReplica) -> Int) {
        self.controller = controller
        self.inFlight = inFlight
    }

    /// Calls `completion` once: when nothing is in flight on the replicas, or when time is over.
    func add(
        _ replicas: [FoundReplica], milliseconds: Int,
        _ completion: @escaping (Outcome, [FoundReplica]) -> Void
    ) {
        waits.append(
            Wait(
                replicas: replicas, generation: controller.generation,
                deadline: Instant.now().adding(milliseconds: milliseconds),
                completion: completion))
        look()
    }

    private func look() {
        let now = Instant.now()
        let isAdopted = controller.workers.adoptedGeneration
        var ended: [(Wait, Outcome)] = []
        // Workers count on meanwhile: each wait is looked at once, or it could be left out as ended
        // after it was passed over as busy, and never be answered.
        waits.removeAll { wait in
            let isIdle =
                isAdopted >= wait.generation
                && wait.replicas.allSatisfy { inFlight($0) == 0 }
            guard isIdle || wait.deadline <= now else { return false }
            ended.append((wait, isIdle ? .idle : .timedOut))
            return true
        }
        for (wait, outcome) in ended { wait.completion(outcome, wait.replicas) }
        guard !waits.isEmpty, !isScheduled else { return }
        isScheduled = true
        controller.loop.schedule(afterMilliseconds: DrainWaits.intervalMilliseconds) {
            [weak self] in
            self?.isScheduled = false
            self?.look()
        }
    }
}
