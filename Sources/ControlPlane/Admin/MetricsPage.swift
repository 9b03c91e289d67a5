/// The page that Prometheus scrapes: every counter, summed over the workers. A pure function of the
/// status report and the latency buckets of the pools.
///
/// Series exist for as long as their pool or replica does.
struct MetricsPage {
    let report: StatusReport
    /// By pool name, as `Metrics.Histogram` sorts durations.
    let histograms: [String: [UInt64]]

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
        write(MetricsPage.worker, report.workers.enumerated().map { index, worker in
            ([(name: "worker", value: String(index))], worker)
        }, to: &page)
        write(MetricsPage.listener, report.listeners.map { listener in
            ([(name: "listener", value: listener.name), (name: "address", value: listener.bind)],
                listener)
        }, to: &page)
        writeSplits(to: &page)
        writePools(to: &page)
        writeReplicas(to: &page)
        return page.text
    }

    private func write<Thing>(
        _ metrics: [Metric<Thing>], _ things: [(labels: PrometheusText.Labels, thing: Thing)],
        to page: inout PrometheusText
    ) {
        for metric in metrics {
            page.family(
                metric.name, metric.kind, metric.help,
                things.map { ($0.labels, metric.value($0.thing)) })
        }
    }

    private func writeProgram(to page: inout PrometheusText) {
        page.family(
            "weir_build_info", .gauge, "The version that runs.",
            [([(name: "version", value: report.version)], 1)])
        write(MetricsPage.program, [([], report)], to: &page)
    }

    private func writeSplits(to page: inout PrometheusText) {
        page.family(
            "weir_split_weight", .gauge, "The weight of a pool in a split.",
            report.splits.flatMap { split in
                split.parts.map { part in
                    ([(name: "split", value: split.name), (name: "pool", value: part.pool)],
                        Double(part.weight))
                }
            })
    }

    private func writePools(to page: inout PrometheusText) {
        let pools = report.pools.map { ([(name: "pool", value: $0.name)], $0) }
        page.family(
            "weir_pool_requests_total", .counter,
            "Answers given to clients, by status class, those of weir itself included.",
            pools.flatMap { MetricsPage.classes($0.1.responses, labels: $0.0) })
        write(MetricsPage.pool, pools, to: &page)
        page.histograms(
            "weir_pool_request_duration_seconds",
            "How long requests took; the sum is estimated from the buckets.",
            bounds: LatencyBuckets.boundsSeconds,
            report.pools.map { pool in
                let buckets = LatencyBuckets(histograms[pool.name] ?? [])
                return ([(name: "pool", value: pool.name)], buckets.cumulative, buckets.sumSeconds)
            })
    }

    private func writeReplicas(to page: inout PrometheusText) {
        var replicas: [(labels: PrometheusText.Labels, thing: ReplicaReport)] = []
        for pool in report.pools {
            // One that is gone may have left name and address to the next.
            for replica in pool.replicas where replica.state != ReplicaState.gone.rawValue {
                replicas.append((
                    [(name: "pool", value: pool.name), (name: "replica", value: replica.name),
                        (name: "address", value: replica.address)], replica))
            }
        }
        page.family(
            "weir_replica_state", .gauge, "1 for the state that the replica is in.",
            replicas.flatMap { labels, replica in
                ReplicaState.allCases.filter { $0 != .gone }.map { state in
                    (labels + [(name: "state", value: state.rawValue)],
                        replica.state == state.rawValue ? 1 : 0)
                }
            })
        page.family(
            "weir_replica_responses_total", .counter, "Responses of the replica, by status class.",
            replicas.flatMap { MetricsPage.classes($0.thing.responses, labels: $0.labels) })
        write(MetricsPage.replica, replicas, to: &page)
        write(MetricsPage.probe, replicas.filter { $0.thing.probeOutcome != nil }, to: &page)
    }

    private static func classes(
        _ counts: ClassCounts, labels: PrometheusText.Labels
    ) -> [(labels: PrometheusText.Labels, value: Double)] {
        let classes = [
            ("1xx", counts.status1xx), ("2xx", counts.status2xx), ("3xx", counts.status3xx),
            ("4xx", counts.status4xx), ("5xx", counts.status5xx),
        ]
        return classes.map { (labels + [(name: "code", value: $0.0)], Double($0.1)) }
    }
}
