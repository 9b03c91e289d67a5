import Balancing
@testable import ControlPlane

/// Real traffic that speaks against replicas, and what must hold then.
extension PoolStorm {
    /// Some replicas answer well and some badly, whatever their probes say.
    mutating func judgeTraffic() {
        let worst = roll(max(1, state.members.count))
        send(
            .sampled(
                state.members.enumerated().map { position, member in
                    let count = 10 + roll(30)
                    let isBad = position == worst || roll(8) == 0
                    let bad = isBad ? count : count * roll(100) / 1_000
                    return ReplicaTally(id: member.id, good: count - bad, bad: bad)
                }))
    }

    /// The last replica that is ready is never ejected.
    mutating func checkEjected(by event: PoolState.Event) {
        guard case .sampled = event else { return }
        let wasEjected = state.members.contains { $0.ejectedUntil != nil && $0.since == now }
        if wasEjected, state.readyCount == 0 { broken = "the last ready replica was ejected" }
        let ejected = state.members.count { $0.ejectedUntil != nil }
        let pool = state.members.count {
            $0.hasPassed && $0.leftAt == nil && $0.state != .gone
        }
        if wasEjected, ejected > max(1, pool / 2) { broken = "\(ejected) of \(pool) are ejected" }
    }

    /// Whoever is ejected is down, gets nothing while another is ready, and has an end.
    mutating func checkEjections() {
        for member in state.members {
            guard let end = member.ejectedUntil else { continue }
            if member.state != .down { broken = "ejected, and \(member.state)" }
            if state.readyCount > 0,
                [.ready, .lastResort].contains(
                    member.availability(readyCount: state.readyCount))
            {
                broken = "ejected, and gets traffic"
            }
            if end > now + 300_000 { broken = "ejected for longer than the longest time" }
            if state.nextDeadline ?? .max > end { broken = "the end of an ejection is forgotten" }
        }
    }
}
