/// The slow ends of two samples of latencies, cut at bounds of buckets.
///
/// The cuts are chosen by both samples taken together. Where they lie says nothing of which sample
/// the slow ones belong to, so an exact test of the counts beyond a cut stays exact.
struct LatencyTails {
    /// How much of both lies beyond each cut, in multiples of what lies beyond the quantile.
    static let multiples = [4.0, 2, 1, 0.5]
    /// Buckets of `Histogram` to a power of two.
    private static let bucketsPerDoubling = 4

    /// Beyond the lower bound of each bucket.
    private var canary: [Int]
    private var stable: [Int]
    /// Buckets, each the first beyond a cut.
    let cuts: [Int]
    /// The cut beyond which twice as many lie as beyond the quantile.
    private let slowest: Int

    /// Nil if nothing was timed in one of them.
    init?(_ canaryCounts: [UInt64], _ stableCounts: [UInt64], quantile: Double) {
        guard canaryCounts.count == stableCounts.count, !canaryCounts.isEmpty else { return nil }
        canary = LatencyTails.beyond(canaryCounts)
        stable = LatencyTails.beyond(stableCounts)
        guard canary[0] > 0, stable[0] > 0 else { return nil }
        let total = Double(canary[0] + stable[0]) * (1 - quantile)
        var cuts: [Int] = []
        for multiple in LatencyTails.multiples {
            let cut = LatencyTails.cut(canary, stable, nearest: total * multiple)
            if cut > 0, cuts.last != cut { cuts.append(cut) }
        }
        self.cuts = cuts
        slowest = LatencyTails.cut(canary, stable, nearest: total * 2)
    }

    /// How likely it is by chance that the canary has so many more slow ones than the stable pools,
    /// at the cut where that is least likely; for all the cuts tried.
    var chance: Double {
        let chances = cuts.map { cut in
            ExactTest.chance(
                marked: canary[cut], of: canary[0], against: stable[cut], of: stable[0])
        }
        return min(1, (chances.min() ?? 1) * Double(LatencyTails.multiples.count))
    }

    /// The share of the stable pools' requests that are slow, and the share that would be if twice
    /// as many as lie beyond the quantile were twice as slow, and the others as they are; by cut.
    var doubled: [(now: Double, then: Double)] {
        cuts.compactMap { cut in
            let half = cut - LatencyTails.bucketsPerDoubling
            guard half > 0 else { return nil }
            let total = Double(stable[0])
            return (Double(stable[cut]) / total, Double(stable[max(half, slowest)]) / total)
        }
    }

    private static func beyond(_ counts: [UInt64]) -> [Int] {
        var tails = Array(repeating: 0, count: counts.count)
        var sum = 0
        var bucket = counts.count - 1
        while bucket >= 0 {
            sum += Int(counts[bucket])
            tails[bucket] = sum
            bucket -= 1
        }
        return tails
    }

    /// The bucket beyond whose lower bound lies what is nearest to `wanted`, as a ratio; 0 if all
    /// are in one bucket.
    private static func cut(_ canary: [Int], _ stable: [Int], nearest wanted: Double) -> Int {
        var bucket = canary.count - 1
        while bucket > 0, Double(canary[bucket] + stable[bucket]) < wanted { bucket -= 1 }
        let above = bucket + 1
        guard above < canary.count else { return bucket }
        let (more, less) = (
            Double(canary[bucket] + stable[bucket]), Double(canary[above] + stable[above])
        )
        return less > 0 && (bucket == 0 || wanted / less < more / wanted) ? above : bucket
    }
}
