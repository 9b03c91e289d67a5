/// One pool of the status page: a line about the pool, and a table of its replicas.
struct PoolText {
    let pool: PoolReport
    /// The same pool in an earlier report, and how much earlier.
    let earlier: PoolReport?
    let elapsedMilliseconds: Int

    func text(_ style: StatusText.Style) -> String {
        summary(style) + replicas(style)
    }

    private func summary(_ style: StatusText.Style) -> String {
        let ready = "\(pool.ready) of \(pool.replicas.count { $0.state != "gone" }) ready"
        let colour: TextTable.Colour = pool.ready > 0 ? .green : .red
        var line = TextTable.coloured("POOL \(pool.name)", .bold, style)
        line += "  \(TextTable.coloured(ready, colour, style))  \(pool.policy)"
        line += "  probe \(pool.probe)"
        if let backup = pool.backup {
            let text = "backup \(backup)"
            line +=
                "  "
                + (pool.isBackedUp ? TextTable.coloured("\(text) in use", .yellow, style) : text)
        }
        if pool.sticky != "off" { line += "  sticky \(pool.sticky)" }
        if pool.ejections == nil { line += "  ejection off" }
        if let circuit = pool.circuit {
            let text = "circuit \(circuit)"
            line += "  " + (circuit == "closed" ? text : TextTable.coloured(text, .red, style))
        }
        if pool.isPaused {
            let wait = StatusText.duration(pool.waitAtMostMilliseconds ?? 0)
            line += "  " + TextTable.coloured("paused, requests wait up to \(wait)", .yellow, style)
        }
        line += "\n  requests \(pool.requests)  rps \(StatusText.number(poolRate))"
        line += "  in flight \(pool.inFlight)  holding \(pool.holding)"
        line += "  p50 \(latency(pool.medianMilliseconds))  p99 \(latency(pool.p99Milliseconds))"
        line += "  4xx \(pool.responses.status4xx)  5xx \(pool.responses.status5xx)"
        line += "  failed \(pool.failures)  retries \(pool.retries)  rescued \(pool.rescued)"
        if let ejections = pool.ejections, ejections > 0 { line += "  ejections \(ejections)" }
        if pool.tunnels > 0 { line += "  tunnels \(pool.tunnels)" }
        if pool.yielded > 0 { line += "  yielded \(pool.yielded)" }
        return line + "\n"
    }

    private func replicas(_ style: StatusText.Style) -> String {
        guard !pool.replicas.isEmpty else { return "  no replicas\n" }
        var table = TextTable([
            ("  REPLICA", .left), ("ADDRESS", .left), ("STATE", .left), ("FOR", .right),
            ("LAST PROBE", .left), ("WEIGHT", .right), ("IN FLIGHT", .right), ("RPS", .right),
            ("REQUESTS", .right), ("5XX", .right), ("FAILED", .right), ("TTFB", .right),
            ("CAUSE", .left),
        ])
        for replica in pool.replicas { table.add(row(replica)) }
        return table.text(style)
    }

    private func row(_ replica: ReplicaReport) -> [TextTable.Cell] {
        [
            .init(text: "  \(replica.name)"), .init(text: replica.address),
            .init(text: replica.state, colour: PoolText.colour(of: replica.state)),
            .init(text: StatusText.duration(replica.sinceMilliseconds)),
            .init(text: probe(replica)), .init(text: weight(replica)),
            .init(text: "\(replica.inFlight)"), .init(text: StatusText.number(rate(replica))),
            .init(text: "\(replica.responses.total + replica.tunnels)"),
            .init(text: "\(replica.responses.status5xx)"),
            .init(text: "\(replica.failures + replica.connectFailures)"),
            .init(text: latency(meanFirstByte(replica))), .init(text: cause(replica)),
        ]
    }

    private func weight(_ replica: ReplicaReport) -> String {
        let percent = replica.weightPercent
        return percent < 100 ? "\(percent) % of \(replica.weight)" : "\(replica.weight)"
    }

    private func cause(_ replica: ReplicaReport) -> String {
        var text = replica.cause
        if replica.isDrained, replica.state != "draining" { text += "; drained" }
        guard replica.inFlight > 0, let milliseconds = replica.tunnelsEndInMilliseconds else {
            return text
        }
        return text
            + (milliseconds > 0
                ? "; tunnels end in \(StatusText.duration(milliseconds))"
                : "; tunnels are being ended")
    }

    private func probe(_ replica: ReplicaReport) -> String {
        guard let outcome = replica.probeOutcome else { return "none yet" }
        var text = outcome
        if let milliseconds = replica.probeMilliseconds {
            text += " \(StatusText.number(milliseconds)) ms"
        }
        if let age = replica.probeAgeMilliseconds { text += ", \(StatusText.duration(age)) ago" }
        return text
    }

    private var poolRate: Double {
        guard let earlier else { return pool.requestsPerSecond }
        return perSecond(pool.requests - earlier.requests)
    }

    private func rate(_ replica: ReplicaReport) -> Double {
        let before = earlier?.replicas.first {
            $0.name == replica.name && $0.address == replica.address
        }
        guard let before else { return replica.requestsPerSecond }
        return perSecond(replica.responses.total - before.responses.total)
    }

    private func perSecond(_ count: Int) -> Double {
        guard elapsedMilliseconds > 0, count > 0 else { return 0 }
        return (Double(count) * 10_000 / Double(elapsedMilliseconds)).rounded() / 10
    }

    private func meanFirstByte(_ replica: ReplicaReport) -> Double? {
        let answers = replica.responses.total
        guard answers > 0 else { return nil }
        return Double(replica.firstByteMicrosecondsSum) / Double(answers) / 1000
    }

    private func latency(_ milliseconds: Double?) -> String {
        milliseconds.map { "\(StatusText.number($0)) ms" } ?? "-"
    }

    static func colour(of state: String) -> TextTable.Colour {
        switch ReplicaState(rawValue: state) {
        case .ready: .green
        case .suspect, .draining: .yellow
        case .down: .red
        case .new, .probing: .cyan
        case .gone, nil: .faint
        }
    }
}
