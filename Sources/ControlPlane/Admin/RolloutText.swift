/// A rollout as text for people.
public struct RolloutText {
    /// What is shown.
    public let report: RolloutReport

    public init(report: RolloutReport) { self.report = report }

    /// One line: where it is and why.
    public var line: String {
        let record = report.record
        var text = "\(record.split) -> \(record.plan.to)  \(record.stage.rawValue)"
        if record.isPaused, record.stage.isActive { text += " (paused)" }
        text += "  \(StatusText.number(report.sharePercent)) %"
        text += "  step \(record.stepsTaken) of \(record.plan.steps.count)"
        if let waiting = report.waitingFor {
            text += "  waits for: \(waiting)"
        } else if record.stage == .running, let verdict = report.verdict {
            text += "  \(verdict): \(report.reason ?? "")"
        } else {
            text += "  \(record.cause)"
        }
        return text
    }

    /// The line and the figures of both sides.
    public func text(_ style: StatusText.Style) -> String {
        let colour: TextTable.Colour =
            switch report.record.stage {
            case .succeeded: .green
            case .aborted: .red
            default: .yellow
            }
        var text = TextTable.coloured("ROLLOUT", .faint, style) + "  "
        text += TextTable.coloured(line, colour, style) + "\n"
        guard let canary = report.canary, let stable = report.stable else { return text }
        var table = TextTable([
            ("  ", .left), ("REQUESTS", .right), ("ERRORS", .right), ("SHARE", .right),
            ("LATENCY", .right),
        ])
        table.add(row("  canary", canary))
        table.add(row("  stable", stable))
        return text + table.text(style)
    }

    /// The same with every transition so far.
    public func history(_ style: StatusText.Style) -> String {
        var text = text(style)
        for moment in report.record.timeline {
            let share = moment.percent.map { "\($0) %" } ?? "-"
            text += "\(moment.time)  \(moment.event)  \(share)  \(moment.cause)\n"
        }
        return text
    }

    private func row(_ name: String, _ figures: RolloutFigures) -> [TextTable.Cell] {
        [
            .init(text: name), .init(text: "\(figures.requests)"),
            .init(text: "\(figures.errors)"),
            .init(text: figures.errorPercent.map { "\(StatusText.number($0)) %" } ?? "-"),
            .init(text: figures.latencyMilliseconds.map { "\(StatusText.number($0)) ms" } ?? "-"),
        ]
    }
}
