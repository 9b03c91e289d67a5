internal import Metrics

/// The page that Prometheus scrapes: every counter, summed over the workers. A pure function of the
/// status report and the latencies of the pools.
///
/// Series exist for as long as their pool or replica does.
struct MetricsPage {
    let report: StatusReport
    /// How long requests took, by pool name.
    let latencies: [String: Latencies]
    /// How long replicas took to begin their answers, by power of two.
    var firstBytes: [ReplicaKey: [UInt64]] = [:]

    /// With more replicas than this none has a histogram.
    static let timedReplicasMaximum = 256

    /// A replica of a pool.
    struct ReplicaKey: Hashable {
        var pool: String
        var address: String
    }

    typealias Labels = [PrometheusText.Label]

    /// The durations of one pool's requests.
    struct Latencies {
        /// As `Histogram` sorts them.
        var counts: [UInt64]
        var sumMicroseconds: UInt64
    }

    /// A number of some thing: what it is called, and how to read it.
    struct Metric<Thing> {
        let name: String
        let kind: PrometheusText.Kind
        let help: String
        let value: (Thing) -> Double

        init(
            _ name: String, _ kind: PrometheusText.Kind, _ help: String,
            _ value: @escaping (Thing) -> Double
        ) {
            self.name = name
            self.kind = kind
            self.help = help
            self.value = value
        }

        /// The same for a count.
        init(
            _ name: String, _ kind: PrometheusText.Kind, _ help: String,
            _ property: KeyPath<Thing, Int>
        ) {
            self.init(name, kind, help) { Double($0[keyPath: property]) }
        }
    }

    func text() -> String {
        var page = PrometheusText()
        writeProgram(to: &page)
        write(
            MetricsPage.worker,
            report.workers.enumerated().map { index, worker in
                ([("worker", String(index))], worker)
            }, to: &page)
        write(
            MetricsPage.listener,
            report.listeners.map { listener in
                ([("listener", listener.name), ("address", listener.bind)], listener)
            }, to: &page)
        write(
            MetricsPage.certificate,
            report.listeners.flatMap { listener in
                listener.certificates.map {
                    ([("listener", listener.name), ("file", $0.file)], $0)
                }
            }, to: &page)
        writeSplits(to: &page)
        writeRollouts(to: &page)
        writePools(to: &page)
        writeReplicas(to: &page)
        return page.text
    }

    private func write<Thing>(
        _ metrics: [Metric<Thing>], _ things: [(labels: Labels, thing: Thing)],
        to page: inout PrometheusText
    ) {
        guard !things.isEmpty else { return }
        for metric in metrics {
            page.begin(metric.kind, metric.name, help: metric.help)
            for (labels, thing) in things { page.sample(metric.value(thing), labels: labels) }
        }
    }

    private func writeProgram(to page: inout PrometheusText) {
        page.begin(.gauge, "weir_build_info", help: "The version that runs.")
        page.sample(1 as UInt64, labels: [("version", report.version)])
        write(MetricsPage.program, [([], report)], to: &page)
        page.begin(
            .counter, "weir_dns_answers_total",
            help: "What came of the questions to the resolver, by outcome.")
        for (word, count) in report.dns.outcomes {
            page.sample(Double(count), labels: [("outcome", word)])
        }
    }

    private func writeSplits(to page: inout PrometheusText) {
        guard !report.splits.isEmpty else { return }
        page.begin(.gauge, "weir_split_weight", help: "The weight of a pool in a split.")
        for split in report.splits {
            for part in split.parts {
                page.sample(
                    Double(part.weight), labels: [("split", split.name), ("pool", part.pool)])
            }
        }
    }

    private func writeRollouts(to page: inout PrometheusText) {
        guard !report.rollouts.isEmpty else { return }
        page.begin(
            .gauge, "weir_rollout_state", help: "1 for the state that the last rollout is in.")
        for rollout in report.rollouts {
            for stage in RolloutStage.allCases {
                page.sample(
                    rollout.record.stage == stage ? 1 as UInt64 : 0,
                    labels: [("split", rollout.record.split), ("state", stage.rawValue)])
            }
        }
        write(
            MetricsPage.rollout,
            report.rollouts.map {
                ([("split", $0.record.split), ("pool", $0.record.plan.to)], $0)
            }, to: &page)
    }

    private func writePools(to page: inout PrometheusText) {
        guard !report.pools.isEmpty else { return }
        page.begin(
            .counter, "weir_pool_requests_total",
            help: "Answers given to clients, by status class, those of weir itself included.")
        for pool in report.pools { write(pool.responses, labels: [("pool", pool.name)], to: &page) }
        write(MetricsPage.pool, report.pools.map { ([("pool", $0.name)], $0) }, to: &page)
        page.begin(
            .counter, "weir_pool_rescued_total",
            help: "Requests that would have failed without weir's doing, by what threatened them.")
        for pool in report.pools {
            for rescue in RescueClass.allCases {
                page.sample(
                    Double(pool.rescues[rescue]),
                    labels: [("pool", pool.name), ("class", rescue.word)])
            }
        }
        page.begin(
            .histogram, "weir_pool_request_duration_seconds", help: "How long requests took.")
        for pool in report.pools {
            guard let latencies = latencies[pool.name] else { continue }
            page.histogram(
                counts: latencies.counts, sumMicroseconds: latencies.sumMicroseconds,
                labels: [("pool", pool.name)])
        }
    }

    private func writeReplicas(to page: inout PrometheusText) {
        let replicas = report.pools.flatMap(MetricsPage.replicas)
        guard !replicas.isEmpty else { return }
        page.begin(.gauge, "weir_replica_state", help: "1 for the state that the replica is in.")
        for (labels, replica) in replicas {
            for state in ReplicaState.allCases where state != .gone {
                page.sample(
                    replica.state == state.rawValue ? 1 as UInt64 : 0,
                    labels: labels + [("state", state.rawValue)])
            }
        }
        page.begin(
            .counter, "weir_replica_responses_total",
            help: "Responses of the replica, by status class.")
        for (labels, replica) in replicas { write(replica.responses, labels: labels, to: &page) }
        write(MetricsPage.replica, replicas, to: &page)
        writeFirstBytes(to: &page)
        write(MetricsPage.probe, replicas.filter { $0.thing.probeOutcome != nil }, to: &page)
    }

    private func writeFirstBytes(to page: inout PrometheusText) {
        guard !firstBytes.isEmpty else { return }
        page.begin(
            .histogram, "weir_replica_first_byte_seconds",
            help: "From the request to the first byte of the replica's response.")
        for pool in report.pools {
            for (labels, replica) in MetricsPage.replicas(of: pool) {
                let key = ReplicaKey(pool: pool.name, address: replica.address)
                guard let octaves = firstBytes[key] else { continue }
                page.histogram(
                    counts: octaves.flatMap { [0, 0, 0, $0] },
                    sumMicroseconds: UInt64(replica.firstByteMicrosecondsSum), labels: labels,
                    bounds: PrometheusText.octaveBounds)
            }
        }
    }

    /// One that is gone may have left its name and address to the next, so it has no series.
    private static func replicas(of pool: PoolReport) -> [(labels: Labels, thing: ReplicaReport)] {
        pool.replicas.filter { $0.state != ReplicaState.gone.rawValue }.map { replica in
            (
                [("pool", pool.name), ("replica", replica.name), ("address", replica.address)],
                replica
            )
        }
    }

    private func write(_ counts: ClassCounts, labels: Labels, to page: inout PrometheusText) {
        let classes = [
            ("1xx", counts.status1xx), ("2xx", counts.status2xx), ("3xx", counts.status3xx),
            ("4xx", counts.status4xx), ("5xx", counts.status5xx),
        ]
        for (code, count) in classes {
            page.sample(Double(count), labels: labels + [("code", code)])
        }
    }
}
