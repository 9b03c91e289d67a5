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

    init(controller: Controller) { self.controller = controller }

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
        let ended = waits.compactMap { wait -> (Wait, Outcome)? in
            let isIdle =
                isAdopted >= wait.generation
                && wait.replicas.allSatisfy { controller.inFlight(on: $0) == 0 }
            if isIdle { return (wait, .idle) }
            return wait.deadline <= now ? (wait, .timedOut) : nil
        }
        waits.removeAll { wait in
            wait.deadline <= now
                || isAdopted >= wait.generation
                    && wait.replicas.allSatisfy { controller.inFlight(on: $0) == 0 }
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
