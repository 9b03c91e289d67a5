/// How durations are sorted into buckets: see `bucket(microseconds:)`.
public enum Histogram {
    /// Columns that a histogram takes in a counter table.
    public static let bucketCount = 128
}
