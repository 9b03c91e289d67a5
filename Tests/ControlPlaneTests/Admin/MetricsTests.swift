import Metrics
import Testing

@testable import ControlPlane

@Suite("The metrics page")
struct MetricsTests {
    private func page(_ report: StatusReport = Reports.full()) throws -> MetricsLint {
        var counts = [UInt64](repeating: 0, count: Histogram.bucketCount)
        counts[Histogram.bucket(microseconds: 1_500)] = 30
        counts[Histogram.bucket(microseconds: 900_000)] = 12
        let page = MetricsPage(
            report: report,
            latencies: ["web": .init(counts: counts, sumMicroseconds: 10_845_000)],
            firstBytes: [
                .init(pool: "web", address: "10.0.0.2:8080"): (0..<32).map { $0 == 10 ? 5 : 0 }
            ])
        return try MetricsLint(page.text())
    }

    @Test("The page is valid: each metric once, with help and kind, no series twice")
    func valid() throws {
        let page = try page()
        #expect(page.families.count > 30)
        #expect(page.samples.count > 60)
    }

    @Test("Figures appear under their names and labels")
    func figures() throws {
        let page = try page()
        #expect(page["weir_pool_requests_total{pool=\"web\",code=\"2xx\"}"] == 4_000)
        #expect(page["weir_pool_requests_total{pool=\"web\",code=\"5xx\"}"] == 41)
        #expect(page["weir_pool_requests_rescued_total{pool=\"web\"}"] == 44)
        #expect(page["weir_pool_rescued_total{pool=\"web\",class=\"held\"}"] == 40)
        #expect(page["weir_pool_rescued_total{pool=\"web\",class=\"connect_refused\"}"] == 4)
        #expect(page["weir_pool_rescued_total{pool=\"web\",class=\"status\"}"] == 0)
        #expect(page["weir_pool_tunnels_drained_total{pool=\"web\"}"] == 47)
        #expect(page["weir_pool_retries_denied_total{pool=\"web\"}"] == 48)
        #expect(page["weir_split_weight{split=\"api\",pool=\"canary\"}"] == 10)
        #expect(page["weir_worker_log_records_dropped_total{worker=\"0\"}"] == 22)
        #expect(page["weir_worker_spans_dropped_total{worker=\"0\"}"] == 24)
        #expect(page["weir_spans_exported_total"] == 54)
        #expect(page["weir_spans_lost_total"] == 55)
        #expect(page["weir_build_info{version=\"1.2.3\"}"] == 1)
        #expect(page["weir_dns_answers_total{outcome=\"timeout\"}"] == 52)
        #expect(page["weir_pool_probe_failures_total{pool=\"web\"}"] == 53)
        let labels = "pool=\"web\",replica=\"app-1\",address=\"10.0.0.2:8080\""
        #expect(page["weir_replica_state{\(labels),state=\"ready\"}"] == 1)
        #expect(page["weir_replica_state{\(labels),state=\"down\"}"] == 0)
        #expect(page["weir_replica_probe_success{\(labels)}"] == 1)
        let times = "weir_replica_first_byte_seconds"
        #expect(page["\(times)_bucket{\(labels),le=\"0.002048\"}"] == 0)
        #expect(page["\(times)_bucket{\(labels),le=\"0.004096\"}"] == 5)
        #expect(page["\(times)_sum{\(labels)}"] == 3)
    }

    @Test("A replica that is gone has no series, one that was never probed none of its probe")
    func vanished() throws {
        let names = try page().samples.keys
        #expect(!names.contains { $0.contains("app-0") })
        #expect(!names.contains { $0.contains("probe") && $0.contains("two") })
    }

    @Test("The histogram is cumulative and ends with all")
    func histogram() throws {
        let page = try page()
        let name = "weir_pool_request_duration_seconds"
        let buckets = page.order.filter { $0.hasPrefix("\(name)_bucket") }.compactMap { page[$0] }
        #expect(buckets == buckets.sorted())
        #expect(page["\(name)_bucket{pool=\"web\",le=\"+Inf\"}"] == 42)
        #expect(page["\(name)_count{pool=\"web\"}"] == 42)
        #expect(page["\(name)_sum{pool=\"web\"}"] == 10.845)
    }

    @Test("Without pools and listeners the page is still valid")
    func empty() throws {
        let page = try page(StatusReport())
        #expect(page["weir_workers"] == 0)
        #expect(!page.families.contains("weir_pool_requests_total"))
    }
}

/// Reads a page by the rules of the text format, and refuses what breaks them.
struct MetricsLint {
    struct Broken: Error, CustomStringConvertible { let description: String }

    private(set) var families: Set<String> = []
    private(set) var samples: [String: Double] = [:]
    private(set) var order: [String] = []

    subscript(series: String) -> Double? { samples[series] }

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Broken(description: "no line end at the end") }
        var family = ""
        var helped = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if line.hasPrefix("# HELP ") {
                helped = words[2]
            } else if line.hasPrefix("# TYPE ") {
                family = words[2]
                guard helped == family, words[3].isKind, families.insert(family).inserted else {
                    throw Broken(description: "\(line): no help, no kind, or there twice")
                }
            } else {
                try add(line, family)
            }
        }
    }

    private mutating func add(_ line: Substring, _ family: String) throws {
        guard let space = line.lastIndex(of: " "),
            let value = Double(line[line.index(after: space)...])
        else { throw Broken(description: "\(line): no value") }
        let series = String(line[..<space])
        let name = series.prefix { $0 != "{" }
        let suffixes = ["", "_bucket", "_sum", "_count"]
        guard suffixes.contains(where: { name == family + $0 }) else {
            throw Broken(description: "\(line): not of \(family)")
        }
        guard samples.updateValue(value, forKey: series) == nil else {
            throw Broken(description: "\(series): there twice")
        }
        order.append(series)
        try checkLabels(series.dropFirst(name.count))
    }

    /// `{name="value",…}` with quotes and backslashes escaped in values.
    private func checkLabels(_ text: Substring) throws {
        guard !text.isEmpty else { return }
        let pattern = /\{([a-z_]+="(?:[^"\\\n]|\\["\\n])*",)*[a-z_]+="(?:[^"\\\n]|\\["\\n])*"\}/
        guard try pattern.wholeMatch(in: text) != nil else {
            throw Broken(description: "\(text): no labels")
        }
    }
}

extension String {
    fileprivate var isKind: Bool { ["counter", "gauge", "histogram"].contains(self) }
}
