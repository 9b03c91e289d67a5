/// How the attempts of one replica ended since the last sample.
struct ReplicaTally: Equatable, Sendable {
    var id: ReplicaID
    /// Responses below 500, and tunnels that opened.
    var good: Int
    /// Responses of 500 and above, and attempts that ended without a whole response.
    var bad: Int
}

/// What speaks against a replica: its own figures, and those of the pool's others meanwhile.
public struct EjectionEvidence: Equatable, Sendable {
    public var bad: Int
    public var total: Int
    public var othersBad: Int
    public var othersTotal: Int
}

/// Whom real traffic speaks against. Samples in, evidence out; the time is a parameter, in
/// milliseconds. What is done about it, and what protects a small pool, is `PoolState`'s business.
///
/// A replica is judged against the others of its pool only, so that a cause which all of them share
/// (a bad database, a bad release, a bad request) speaks against nobody. There are two ways:
/// - Nothing but bad answers, sample after sample: quick, and good enough for little traffic.
/// - A share of bad answers over a window that is higher than that of the others by a fixed
///   difference at the least, and by far more than chance explains.
struct EjectionState {
    /// How unlikely an unbroken run of bad answers must be for a replica that is like the others.
    static let chanceMaximum = 1e-6
    /// With more bad answers than this the others do not do well, and no run says much.
    static let othersShareMaximum = 0.7
    /// How many standard deviations two shares must be apart. Samples come every 200 ms for ever,
    /// so that chance gets many tries.
    static let deviationsMinimum = 5.0
    /// By how many standard deviations their difference must be above the one configured.
    static let marginDeviations = 2.0
    static let bucketsMaximum = 10

    struct Bucket {
        var good = 0
        var bad = 0
        /// Which stretch of time it holds.
        var number = -1
    }

    struct Record {
        /// Bad answers since the last good one, and what the others had meanwhile.
        var run = 0
        var othersGood = 0
        var othersBad = 0
        var buckets = [Bucket](repeating: Bucket(), count: EjectionState.bucketsMaximum)
        var seenAt = 0
    }

    private var records: [ReplicaID: Record] = [:]

    /// Takes what has happened since the last sample.
    ///
    /// - Returns: the replicas that something speaks against, the worst first.
    mutating func take(
        _ sample: [ReplicaTally], _ rules: EjectionConfiguration, now: Int
    ) -> [(id: ReplicaID, evidence: EjectionEvidence)] {
        let good = sample.reduce(0) { $0 + $1.good }
        let bad = sample.reduce(0) { $0 + $1.bad }
        let stretch = max(1, rules.windowMilliseconds / EjectionState.bucketsMaximum)
        records = records.filter { now - $0.value.seenAt <= rules.windowMilliseconds }
        for tally in sample {
            records[tally.id, default: Record()].add(
                tally, othersGood: good - tally.good, othersBad: bad - tally.bad,
                bucket: now / stretch)
            records[tally.id]?.seenAt = now
        }
        let oldest = now / stretch - EjectionState.bucketsMaximum + 1
        let sums = records.mapValues { $0.sum(since: oldest) }
        let all = sums.values.reduce(Bucket()) {
            Bucket(good: $0.good + $1.good, bad: $0.bad + $1.bad)
        }
        return sample.compactMap { tally in
            evidence(against: tally.id, sums[tally.id] ?? Bucket(), all, rules).map {
                (tally.id, $0)
            }
        }.sorted { left, right in
            let (one, other) = (left.evidence, right.evidence)
            return one.bad * other.total != other.bad * one.total
                ? one.bad * other.total > other.bad * one.total : left.id < right.id
        }
    }

    /// Nothing that was known about the replica counts any more.
    mutating func forget(_ id: ReplicaID) { records[id] = nil }

    private func evidence(
        against id: ReplicaID, _ own: Bucket, _ all: Bucket, _ rules: EjectionConfiguration
    ) -> EjectionEvidence? {
        guard let record = records[id] else { return nil }
        let share = EjectionEvidence(
            bad: own.bad, total: own.bad + own.good, othersBad: all.bad - own.bad,
            othersTotal: all.bad + all.good - own.bad - own.good)
        let run = EjectionEvidence(
            bad: record.run, total: record.run, othersBad: record.othersBad,
            othersTotal: record.othersBad + record.othersGood)
        if run.bad >= rules.failures, run.othersTotal >= rules.failures {
            let others = max(run.othersShareAtMost, share.othersShareAtMost)
            if others <= EjectionState.othersShareMaximum,
                run.chanceOfRun(others) <= EjectionState.chanceMaximum
            {
                return run
            }
        }
        guard min(share.total, share.othersTotal) >= rules.requests,
            share.deviations >= EjectionState.deviationsMinimum,
            share.difference - EjectionState.marginDeviations * share.deviationOfDifference
                >= Double(rules.differencePercent) / 100
        else { return nil }
        return share
    }
}

extension EjectionState.Record {
    mutating func add(_ tally: ReplicaTally, othersGood: Int, othersBad: Int, bucket: Int) {
        // Within a sample nobody knows the order: one good answer breaks the run.
        if tally.good > 0 {
            (run, self.othersGood, self.othersBad) = (0, 0, 0)
        } else if tally.bad > 0 || run > 0 {
            run += tally.bad
            self.othersGood += othersGood
            self.othersBad += othersBad
        }
        let index = bucket % buckets.count
        if buckets[index].number != bucket {
            buckets[index] = EjectionState.Bucket(number: bucket)
        }
        buckets[index].good += tally.good
        buckets[index].bad += tally.bad
    }

    func sum(since oldest: Int) -> EjectionState.Bucket {
        buckets.reduce(into: EjectionState.Bucket()) { sum, bucket in
            guard bucket.number >= oldest else { return }
            sum.good += bucket.good
            sum.bad += bucket.bad
        }
    }
}

extension EjectionEvidence {
    /// The others' share of bad answers, with half a bad one added: a few good ones do not prove
    /// that none is bad.
    var othersShareAtMost: Double { (Double(othersBad) + 0.5) / (Double(othersTotal) + 1) }

    /// How likely such an unbroken run is, if each answer is bad with this probability.
    func chanceOfRun(_ share: Double) -> Double {
        var chance = 1.0
        for _ in 0..<min(bad, 1_000) { chance *= share }
        return chance
    }

    /// Between its share of bad answers and that of the others.
    var difference: Double {
        Double(bad) / Double(total) - Double(othersBad) / Double(othersTotal)
    }

    /// How far chance moves the difference, as the shares are.
    var deviationOfDifference: Double {
        let (one, other) = (Double(bad) / Double(total), Double(othersBad) / Double(othersTotal))
        let variance =
            one * (1 - one) / Double(total) + other * (1 - other) / Double(othersTotal)
        return variance.squareRoot()
    }

    /// How far the two shares are apart, in standard deviations of their difference if they were
    /// the same.
    var deviations: Double {
        let (one, other) = (Double(total), Double(othersTotal))
        let both = Double(bad + othersBad) / (one + other)
        let variance = both * (1 - both) * (1 / one + 1 / other)
        return variance > 0 ? difference / variance.squareRoot() : 0
    }
}

extension EjectionEvidence: CustomStringConvertible {
    public var description: String {
        let permille = othersTotal > 0 ? (othersBad * 1_000 + othersTotal / 2) / othersTotal : 0
        let rest = permille % 10 == 0 ? "" : ".\(permille % 10)"
        return "\(bad) of \(total) answers were 5xx or missing, \(permille / 10)\(rest) % elsewhere"
    }
}
