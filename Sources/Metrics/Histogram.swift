/// Durations sorted into 128 buckets, four per power of two, so that a bucket is at most a quarter
/// wider than its lower bound and its middle at most an eighth from anything in it.
///
/// Buckets 0 to 3 hold 0 to 3 µs exactly; the last begins at 7,516 s and takes all that is longer.
/// The counts themselves are columns of a counter table.
public enum Histogram {
    /// Columns that a histogram takes in a counter table.
    public static let bucketCount = 128

    /// The bucket that a duration belongs to; no branch, no table.
    @inlinable
    @inline(__always)
    public static func bucket(microseconds: UInt64) -> Int {
        let octave = 61 &- (microseconds | 4).leadingZeroBitCount
        return min(
            octave &<< 2 &+ Int(truncatingIfNeeded: microseconds &>> octave), bucketCount &- 1)
    }

    /// The shortest duration in the bucket, in microseconds.
    public static func lowerBound(ofBucket bucket: Int) -> UInt64 {
        bucket < 4 ? UInt64(max(0, bucket)) : UInt64(4 + bucket % 4) << UInt64(bucket / 4 - 1)
    }

    /// The duration, in microseconds, that is just too long for the bucket. The last bucket has
    /// none in truth; its bound is where it would end.
    public static func upperBound(ofBucket bucket: Int) -> UInt64 {
        lowerBound(ofBucket: bucket + 1)
    }

    /// The duration, in microseconds, that the share `quantile` of all is not longer than, taking
    /// those of one bucket as evenly spread over it.
    ///
    /// - Parameters:
    ///   - quantile: 0 to 1, such as 0.99; what is outside is taken for the nearest end.
    ///   - counts: by bucket; `bucketCount` of them.
    /// - Returns: nil if nothing was counted.
    public static func quantile(_ quantile: Double, counts: [UInt64]) -> Double? {
        let total = counts.reduce(0, &+)
        guard total > 0 else { return nil }
        let wanted = Double(total) * min(max(quantile, 0), 1)
        var before = 0.0
        for (bucket, count) in counts.enumerated() where count > 0 {
            let after = before + Double(count)
            if after >= wanted { return position((wanted - before) / Double(count), in: bucket) }
            before = after
        }
        return Double(upperBound(ofBucket: counts.count - 1))
    }

    private static func position(_ share: Double, in bucket: Int) -> Double {
        let lower = Double(lowerBound(ofBucket: bucket))
        return lower + share * (Double(upperBound(ofBucket: bucket)) - lower)
    }
}
