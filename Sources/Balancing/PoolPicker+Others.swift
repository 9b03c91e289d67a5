extension PoolPicker {
    /// How many replicas may be used.
    public var usableCount: Int { members.count }

    /// Whether a ready replica was not tried yet.
    public mutating func hasReadyUntried(_ tried: TriedReplicas) -> Bool {
        hasReady && firstUntried(in: 0..<members.count, tried) != nil
    }
}
