import Metrics
@testable import ControlPlane

/// Status reports for tests.
enum Reports {
    /// One of everything, with no two figures alike where that could hide a mix-up.
    static func full() -> StatusReport {
        var report = StatusReport()
        report.version = "1.2.3"
        report.time = "2026-11-21T06:00:00.123Z"
        report.uptimeMilliseconds = 3_723_004
        report.generation = 17
        report.isReady = true
        var worker = WorkerReport()
        worker.generation = 16
        worker.clientConnections = 21
        worker.logRecordsDropped = 22
        worker.spansDropped = 24
        worker.loopTurns = 23
        report.workers = [worker]
        var listener = ListenerReport()
        listener.name = "web"
        listener.bind = "0.0.0.0:80"
        listener.mode = "http"
        listener.accepted = 31
        listener.open = 32
        listener.requests = 33
        report.listeners = [listener]
        var route = RouteReport()
        route.host = "example.com"
        route.path = "/v1"
        route.headers = ["x-beta: on"]
        route.target = "split api"
        report.routes = [route]
        report.splits = [split()]
        report.pools = [pool()]
        var event = EventReport()
        event.time = "2026-11-21T05:59:59.000Z"
        event.level = "warning"
        event.text = "pool=web replica=app-2 10.0.0.3:8080 ready -> down cause=\"connect refused\""
        report.events = [event]
        report.spansExported = 54
        report.spansLost = 55
        report.dns.questions = 51
        report.dns.timeouts = 52
        return report
    }

    private static func split() -> SplitReport {
        var stable = SplitReport.Part()
        stable.pool = "stable"
        stable.weight = 90
        stable.fileWeight = 95
        stable.sharePercent = 90
        var canary = SplitReport.Part()
        canary.pool = "canary"
        canary.weight = 10
        canary.fileWeight = 5
        canary.sharePercent = 10
        var split = SplitReport()
        split.name = "api"
        split.parts = [stable, canary]
        split.sticky = "cookie weir_api"
        split.pins = ["header x-canary: canary"]
        var slots = SplitReport.SlotRun()
        slots.pool = "canary"
        slots.count = 1_000
        split.slots = [slots]
        return split
    }

    static func pool() -> PoolReport {
        var pool = PoolReport()
        pool.name = "web"
        pool.policy = "round-robin"
        pool.probe = "http /healthz"
        pool.sticky = "cookie weir_replica_web"
        var fast = DurationCount()
        fast.belowMicroseconds = 1_280
        fast.count = 4_041
        pool.durations = [fast]
        pool.ready = 1
        pool.requests = 4_100
        pool.responses.status2xx = 4_000
        pool.responses.status5xx = 41
        pool.requestsPerSecond = 42.5
        pool.retries = 43
        pool.rescued = 44
        pool.rescues[.held] = 40
        pool.rescues[.connectRefused] = 4
        pool.tunnelsDrained = 47
        pool.retriesDenied = 48
        pool.holding = 45
        pool.probeFailures = 53
        pool.medianMilliseconds = 1.25
        pool.p99Milliseconds = 46
        pool.replicas = [
            replica("app-1", "10.0.0.2:8080", state: "ready"),
            replica("app \"two\"\\", "10.0.0.3:8080", state: "down"),
            replica("app-0", "10.0.0.2:8080", state: "gone"),
        ]
        return pool
    }

    static func replica(_ name: String, _ address: String, state: String) -> ReplicaReport {
        var replica = ReplicaReport()
        replica.name = name
        replica.address = address
        replica.state = state
        replica.cause = state == "down" ? "connect refused" : "probe passed"
        replica.since = "2026-11-21T05:59:00.000Z"
        replica.sinceMilliseconds = 60_123
        if state == "ready" {
            replica.probeOutcome = "pass"
            replica.probeMilliseconds = 3
            replica.probeAgeMilliseconds = 400
        }
        replica.inFlight = 7
        replica.responses.status2xx = 2_000
        replica.firstByteMicrosecondsSum = 3_000_000
        return replica
    }
}
