import Metrics
import Testing

@Suite("Prometheus text")
struct PrometheusTextTests {
    @Test("A counter and a gauge read as the format has them")
    func samples() {
        var page = PrometheusText()
        page.begin(.counter, "weir_pool_requests_total", help: "Requests by pool.")
        page.sample(12 as UInt64, labels: [("pool", "web")])
        page.sample(UInt64.max, labels: [("pool", "api"), ("class", "2xx")])
        page.begin(.gauge, "weir_share", help: "A share.")
        page.sample(0.25)
        page.sample(3.0)
        page.sample(Double.infinity)
        page.sample(-Double.infinity)
        page.sample(Double.nan)
        #expect(
            page.text == """
                # HELP weir_pool_requests_total Requests by pool.
                # TYPE weir_pool_requests_total counter
                weir_pool_requests_total{pool="web"} 12
                weir_pool_requests_total{pool="api",class="2xx"} 18446744073709551615
                # HELP weir_share A share.
                # TYPE weir_share gauge
                weir_share 0.25
                weir_share 3
                weir_share +Inf
                weir_share -Inf
                weir_share NaN

                """)
    }

    @Test("Help and label values are escaped, each in its way")
    func escaping() {
        var page = PrometheusText()
        page.begin(.gauge, "a", help: "one\\two\n\"three\"")
        page.sample(1 as UInt64, labels: [("name", "q\" b\\ n\n é \u{1F30A} \r\n")])
        let lines = page.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0] == "# HELP a one\\\\two\\n\"three\"")
        #expect(page.text.hasSuffix("a{name=\"q\\\" b\\\\ n\\n é \u{1F30A} \r\\n\"} 1\n"))
    }

    @Test("The buckets of a histogram contain those before them, and +Inf contains all")
    func histogram() {
        var counts = [UInt64](repeating: 0, count: Histogram.bucketCount)
        for duration in [0, 1000, 1024, 1_500_000, 80_000_000, UInt64.max] {
            counts[Histogram.bucket(microseconds: duration)] += 1
        }
        var page = PrometheusText()
        page.begin(.histogram, "weir_request_seconds", help: "Time.")
        let bounds = [1000, 2_000_000].map { Histogram.bucket(microseconds: $0) }
        page.histogram(
            counts: counts, sumMicroseconds: 2_502_024, labels: [("pool", "web")], bounds: bounds)
        #expect(
            page.text == """
                # HELP weir_request_seconds Time.
                # TYPE weir_request_seconds histogram
                weir_request_seconds_bucket{pool="web",le="0.001024"} 2
                weir_request_seconds_bucket{pool="web",le="2.097152"} 4
                weir_request_seconds_bucket{pool="web",le="+Inf"} 6
                weir_request_seconds_sum{pool="web"} 2.502024
                weir_request_seconds_count{pool="web"} 6

                """)
    }

    @Test("The default bounds rise from 128 µs to 67 s")
    func defaultBounds() {
        let bounds = PrometheusText.bounds.map { Histogram.upperBound(ofBucket: $0) }
        #expect(bounds.first == 128 && bounds.last == 67_108_864)
        #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 && $1 <= 2 * $0 })
    }

    @Test("A name without its unit is a mistake of this program and ends it")
    func names() async {
        await #expect(processExitsWith: .failure) {
            var page = PrometheusText()
            page.begin(.counter, "weir_requests", help: "")
        }
        await #expect(processExitsWith: .failure) {
            var page = PrometheusText()
            page.begin(.gauge, "9lives", help: "")
        }
    }
}
