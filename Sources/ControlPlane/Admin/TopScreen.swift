/// What `weir top` shows: all of a running weir on one screen, by the newest of the reports that it
/// was given. Pure.
public struct TopScreen: Sendable {
    /// In which order replicas stand in their pool.
    public enum Order: String, CaseIterable, Sendable { case name, trouble, load }

    /// What the person looking has chosen.
    public var order = Order.name
    public var isPaused = false
    /// Lines of the pools that are above the screen.
    public private(set) var scroll = 0

    var figures = TopFigures()
    private static let eventRows = 5
    static let barWidth = 20

    public init() {}

    /// Takes a newer report, unless the screen is paused.
    public mutating func add(_ report: StatusReport) {
        if !isPaused { figures.add(report) }
    }

    /// Moves the pools by so many lines; `lines` says where they end.
    public mutating func scroll(by lines: Int) { scroll = max(0, scroll + lines) }

    /// The lines of a screen of that size, for a terminal or without colours.
    public mutating func lines(
        columns: Int, rows: Int, style: StatusText.Style
    ) -> [String] {
        let head = heading() + [TopLine()] + listeners() + splits() + [TopLine()]
        let body = pools()
        let events = eventLines()
        let room = max(3, rows - head.count - events.count - 1)
        scroll = min(scroll, max(0, body.count - room))
        var lines = head
        lines += body.dropFirst(scroll).prefix(room)
        // What is above or below is said, for nobody to take a part for the whole.
        if body.count > room {
            let last = min(body.count, scroll + room)
            lines[lines.count - 1].put("  lines \(scroll + 1)–\(last) of \(body.count)", .faint)
        }
        while lines.count < rows - events.count - 1, style == .terminal { lines.append(TopLine()) }
        lines += events
        lines.append(keys())
        return lines.prefix(max(rows, 5)).map { $0.text(columns: columns, style) }
    }

    private func heading() -> [TopLine] {
        let report = figures.newest
        var first = TopLine("weir \(report.version)", .bold)
        let isGood = report.isReady && report.phase == "serving"
        let state = report.phase == "serving" ? (isGood ? "ready" : "not ready") : report.phase
        first.put("  \(state)", isGood ? .green : .red)
        first.put("  up \(StatusText.duration(report.uptimeMilliseconds))")
        let workers = report.workers.count
        first.put("  \(workers) worker\(workers == 1 ? "" : "s")  snapshot \(report.generation)")
        if isPaused { first.put("  PAUSED", .yellow) }
        var second = TopLine()
        let requests = report.pools.reduce(0) { $0 + figures.requests($1) }
        second.put("\(TopLine.number(requests)) requests/s ", .bold)
        second.put(TopLine.spark(figures.course(report.pools.map(\.name)), width: 24), .cyan)
        second.put("  p50 \(TopLine.milliseconds(figures.quantile(0.5, report.pools)))")
        second.put("  p99 \(TopLine.milliseconds(figures.quantile(0.99, report.pools)))")
        let errors = figures.errorShare(report.pools)
        second.put("  errors \(TopLine.percent(errors))", TopLine.colour(ofErrors: errors))
        let holding = report.pools.reduce(0) { $0 + $1.holding }
        second.put("  in flight \(report.pools.reduce(0) { $0 + $1.inFlight })")
        second.put("  waiting \(holding)", holding > 0 ? .yellow : .none)
        let rescued = report.pools.reduce(0) { $0 + $1.rescued }
        second.put("  rescued \(rescued)", rescued > 0 ? .green : .none)
        return [first, second] + report.notReadyReasons.map { TopLine("  \($0)", .red) }
    }

    private func listeners() -> [TopLine] {
        figures.newest.listeners.map { listener in
            var line = TopLine("LISTENER ", .faint)
            line.put(listener.name, .bold, width: 14)
            line.put(listener.bind, width: 22)
            line.put(listener.mode, width: 6)
            line.put(figures.requests(listener).map { "\(TopLine.number($0))/s" } ?? "", width: 10)
            line.put("\(listener.open) open")
            let refused = listener.refused + listener.clientsRefused
            if refused + listener.malformed > 0 {
                line.put(
                    "  \(refused) refused, \(listener.malformed) malformed", .yellow)
            }
            return line
        }
    }

    private func splits() -> [TopLine] {
        let report = figures.newest
        return report.splits.flatMap { split in
            var line = TopLine("SPLIT    ", .faint)
            line.put(split.name, .bold, width: 14)
            line.put(TopLine.shares(split.parts.map(\.sharePercent), width: TopScreen.barWidth))
            let live = split.parts.map { part in
                report.pools.first { $0.name == part.pool }.map { figures.requests($0) } ?? 0
            }
            let sum = live.reduce(0, +)
            for (part, rate) in zip(split.parts, live) {
                line.put("  \(part.pool) \(StatusText.number(part.sharePercent)) %")
                if sum > 0 { line.put(" live \(TopLine.percent(rate / sum))", .faint) }
            }
            let rollout = report.rollouts.first { $0.record.split == split.name }
            return [line] + (rollout.map { [rolloutLine($0)] } ?? [])
        }
    }

    private func rolloutLine(_ rollout: RolloutReport) -> TopLine {
        let record = rollout.record
        var line = TopLine("ROLLOUT  ", .faint)
        let colour: TextTable.Colour =
            switch record.stage {
            case .aborted: .red
            case .succeeded: .green
            default: record.isPaused ? .yellow : .cyan
            }
        line.put(record.plan.to, .bold, width: 14)
        line.put(record.isPaused ? "paused" : record.stage.rawValue, colour)
        line.put("  step \(record.stepsTaken) of \(record.plan.steps.count)")
        if let verdict = rollout.verdict, let reason = rollout.reason {
            line.put("  \(verdict): \(reason)")
        } else {
            line.put("  \(rollout.waitingFor.map { "waits for \($0)" } ?? record.cause)")
        }
        return line
    }

    private func eventLines() -> [TopLine] {
        let events = figures.newest.events.suffix(TopScreen.eventRows)
        guard !events.isEmpty else { return [] }
        return [TopLine("EVENTS", .faint)]
            + events.map { event in
                var line = TopLine(String(event.time.dropFirst(11).prefix(8)), .faint)
                line.put("  \(event.text)", event.level == "info" ? .none : .yellow)
                return line
            }
    }

    private func keys() -> TopLine {
        TopLine("q quit  ↑↓ scroll  p pause  s sort by \(order.rawValue)", .faint)
    }
}
