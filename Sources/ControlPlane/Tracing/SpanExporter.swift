internal import Transport

/// Sends the spans of all workers to a collector, by OTLP over HTTP in JSON: one batch at a time,
/// a moment after the first span has come. What workers have meanwhile waits in their rings.
final class SpanExporter {
    /// How long spans wait for more to come.
    static let gatheringMilliseconds = 200
    /// How long the end of the program waits for the collector.
    static let lastMilliseconds = 2_000
    static let path = "/v1/traces"

    /// Spans that the collector took, and those that it did not.
    private(set) var exportedCount = 0
    private(set) var lostCount = 0

    private let loop: EventLoop
    private let log: StateLog
    private let url: HTTPURL
    private let batch: SpanBatch
    private let resolver: () -> Resolver?
    private var sources: [SpanSource]
    private var present: (body: [UInt8], count: Int, state: ExportState)?
    private var call: HTTPPost?
    private var timer: EventLoop.Scheduled?
    /// The collector did not take the last try.
    private var isFailing = false
    private var isEnding = false
    /// The last batch had no room for all that there was.
    private var isBehind = false

    /// - Parameters:
    ///   - rings: of each worker.
    ///   - resolver: asked for at each call, since a reload makes another one.
    init?(
        _ configuration: TracingConfiguration, rings: [ByteRing], version: String,
        controller: Controller
    ) {
        guard let endpoint = configuration.endpoint, var url = HTTPURL(endpoint), !rings.isEmpty
        else { return nil }
        let base = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
        url.path = base.hasSuffix(SpanExporter.path) ? base : base + SpanExporter.path
        self.url = url
        loop = controller.loop
        log = controller.log
        resolver = { [unowned controller] in controller.resolver }
        batch = SpanBatch(service: configuration.service, version: version)
        sources = rings.map(SpanSource.init)
    }

    /// There is nothing to send.
    private var isIdle: Bool {
        present == nil && sources.allSatisfy(\.isEmpty)
    }

    /// Looks at the rings; at each turn of the loop, since workers signal when one is empty no
    /// more.
    func look() {
        guard present == nil, timer == nil, !isIdle else { return }
        gather(afterMilliseconds: isEnding || isBehind ? 0 : SpanExporter.gatheringMilliseconds)
    }

    /// Sends what is left, each batch once; when the workers have ended.
    func finish() {
        isEnding = true
        let deadline = loop.now.adding(milliseconds: SpanExporter.lastMilliseconds)
        if let timer { loop.cancel(timer) }
        timer = nil
        if call == nil, present != nil { send() }
        look()
        while !isIdle, Instant.now() < deadline { loop.turn(milliseconds: 50) }
        call?.cancel()
        guard !isIdle else { return }
        log.write(.warning, "tracing: not all spans were sent before the end")
    }

    private func gather(afterMilliseconds milliseconds: Int) {
        timer = loop.schedule(afterMilliseconds: milliseconds) { [unowned self] in
            timer = nil
            gather()
        }
    }

    private func gather() {
        var spans: [UInt8] = []
        var count = 0
        for source in sources where spans.count < SpanBatch.bytesEnough {
            count += source.take(into: &spans)
        }
        isBehind = spans.count >= SpanBatch.bytesEnough
        guard count > 0 else { return }
        // Nobody is always last.
        sources.append(sources.removeFirst())
        present = (batch.body(spans), count, ExportState())
        send()
    }

    private func send() {
        guard let present else { return }
        guard let resolver = resolver() else { return ended(.failed("no resolver")) }
        let call = HTTPPost(loop: loop, url: url, body: present.body) { [unowned self] in
            ended($0)
        }
        self.call = call
        call.begin(url, resolver: resolver)
    }

    private func ended(_ outcome: HTTPPost.Outcome) {
        call = nil
        guard var batch = present else { return }
        let chance = Double(Machine.randomBits() >> 11) * 0x1p-53
        let verdict = batch.state.judge(outcome, chance: chance)
        note(outcome)
        switch verdict {
        case .delivered:
            exportedCount += batch.count
            next()
        case .again(let milliseconds) where !isEnding:
            present = batch
            timer = loop.schedule(afterMilliseconds: milliseconds) { [unowned self] in
                timer = nil
                send()
            }
        case .again, .givenUp:
            lostCount += batch.count
            next()
        }
    }

    private func next() {
        present = nil
        look()
    }

    /// One line when it begins to fail, and one when that is over.
    private func note(_ outcome: HTTPPost.Outcome) {
        let problem = outcome.problem
        guard (problem != nil) != isFailing else { return }
        isFailing = problem != nil
        if let problem {
            log.write(
                .warning,
                "tracing: spans do not reach http://\(url.authority)\(url.path)"
                    + " cause=\"\(problem)\"")
        } else {
            log.write(.info, "tracing: spans reach http://\(url.authority)\(url.path) again")
        }
    }
}
