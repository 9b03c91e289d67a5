internal import Balancing

extension SnapshotBuilder {
    /// What a weight in the snapshot may be, and by how much all are raised for the sake of those
    /// that have a part of theirs.
    static let weightMaximum = 1_000
    static let scaleMaximum = 100

    /// The weights of a pool's replicas for the workers: as configured, or, while some have only a
    /// part of theirs, all multiplied by the same number, so that the part is a whole one.
    static func weights(_ replicas: [ReplicaStatus]) -> [Int] {
        guard replicas.contains(where: { $0.rampPercent < 100 }) else {
            return replicas.map(\.weight)
        }
        let most = replicas.map(\.weight).max() ?? 1
        let scale = min(max(1, weightMaximum / most), scaleMaximum)
        return replicas.map { max(1, $0.weight * scale * $0.rampPercent / 100) }
    }
}
