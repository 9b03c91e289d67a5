import Metrics
import Testing

@Suite("Histograms")
struct HistogramTests {
    private var interesting: [UInt64] {
        (0..<34).flatMap { power in
            let base = UInt64(1) << UInt64(power)
            return [
                base &- 1, base, base + 1, base + base / 4, base + base / 2, base + base / 4 * 3,
            ]
        }
    }

    @Test("A duration lies within the bounds of its bucket")
    func bounds() {
        for value in interesting + Array(0...5000) where value < 1 << 33 {
            let bucket = Histogram.bucket(microseconds: value)
            #expect(Histogram.lowerBound(ofBucket: bucket) <= value)
            #expect(value < Histogram.upperBound(ofBucket: bucket))
        }
    }

    @Test("Buckets follow each other without gap or overlap")
    func gapless() {
        #expect(Histogram.lowerBound(ofBucket: 0) == 0)
        for bucket in 0..<Histogram.bucketCount {
            let (lower, upper) = (
                Histogram.lowerBound(ofBucket: bucket), Histogram.upperBound(ofBucket: bucket)
            )
            #expect(lower < upper)
            #expect(upper == Histogram.lowerBound(ofBucket: bucket + 1))
            #expect(Histogram.bucket(microseconds: lower) == bucket)
            #expect(Histogram.bucket(microseconds: upper - 1) == bucket)
        }
    }

    @Test("The middle of a bucket is at most an eighth away from all in it")
    func relativeError() {
        for bucket in 4..<Histogram.bucketCount {
            let lower = Double(Histogram.lowerBound(ofBucket: bucket))
            let upper = Double(Histogram.upperBound(ofBucket: bucket))
            #expect((upper - lower) / 2 <= 0.125 * lower)
        }
    }

    @Test("More than two hours, and whatever is longer, are in the last bucket")
    func longest() {
        #expect(Histogram.bucket(microseconds: 100_000_000) < Histogram.bucketCount - 1)
        #expect(Histogram.bucket(microseconds: 7_600_000_000) == Histogram.bucketCount - 1)
        #expect(Histogram.bucket(microseconds: .max) == Histogram.bucketCount - 1)
        #expect(Histogram.lowerBound(ofBucket: Histogram.bucketCount - 1) == 7_516_192_768)
    }

    @Test("Quantiles of what was counted are within an eighth of the true ones")
    func quantiles() throws {
        var state = UInt64(42)
        let durations = (0..<20_000).map { _ -> UInt64 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return 20 + (state >> 40) % (1 << ((state >> 33) % 20 + 1))
        }
        var counts = [UInt64](repeating: 0, count: Histogram.bucketCount)
        for duration in durations { counts[Histogram.bucket(microseconds: duration)] += 1 }
        let sorted = durations.sorted()
        for quantile in [0.01, 0.25, 0.5, 0.9, 0.99, 0.999] {
            let truth = Double(sorted[Int(Double(sorted.count) * quantile)])
            let found = try #require(Histogram.quantile(quantile, counts: counts))
            #expect(abs(found - truth) <= 0.13 * truth, "\(quantile): \(found) for \(truth)")
        }
    }

    @Test("Quantiles of nothing, of one, and beyond the ends")
    func edges() {
        var counts = [UInt64](repeating: 0, count: Histogram.bucketCount)
        #expect(Histogram.quantile(0.5, counts: counts) == nil)
        #expect(Histogram.quantile(0.5, counts: []) == nil)
        counts[Histogram.bucket(microseconds: 100)] = 10
        #expect(Histogram.quantile(0, counts: counts) == 96)
        #expect(Histogram.quantile(0.5, counts: counts) == 104)
        #expect(Histogram.quantile(1, counts: counts) == 112)
        #expect(Histogram.quantile(7, counts: counts) == 112)
        #expect(Histogram.quantile(-1, counts: counts) == 96)
    }
}
