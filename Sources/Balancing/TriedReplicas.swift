/// The replicas that were tried for one request, by row, so that a retry goes elsewhere.
///
/// A fixed table that is part of the exchange: when it is full, the oldest is forgotten.
public struct TriedReplicas: Sendable, BitwiseCopyable {
    public static let capacity = 8
    private var rows = InlineArray<8, Int32>(repeating: -1)
    private var inserted: UInt32 = 0

    public init() {}

    /// How many are remembered.
    public var count: Int { min(Int(inserted), TriedReplicas.capacity) }

    /// Remembers the replica with this row.
    public mutating func insert(_ row: Int) {
        guard !contains(row) else { return }
        rows[Int(inserted % UInt32(TriedReplicas.capacity))] = Int32(truncatingIfNeeded: row)
        inserted &+= 1
    }

    /// Whether the replica with this row was tried.
    @inline(__always)
    public func contains(_ row: Int) -> Bool {
        inserted > 0 && contains(row: Int32(truncatingIfNeeded: row))
    }

    func contains(row: Int32) -> Bool {
        for index in 0..<count where rows[index] == row { return true }
        return false
    }
}
