/// The status report as tables for people.
public enum StatusText {
    /// Where the text goes.
    public enum Style: Sendable {
        /// A file or a pipe: no colours.
        case plain
        /// A terminal: with colours.
        case terminal
    }

    /// How many of the newest events are shown.
    public static let eventsShown = 8

    /// The whole page.
    ///
    /// - Parameter previous: an earlier report of the same weir; rates are then those between the
    ///   two, for `--watch`. Without it they are those of the last minute.
    public static func text(
        _ report: StatusReport, since previous: StatusReport? = nil, style: Style = .plain
    ) -> String {
        var sections = [summary(report, style), listeners(report, style)]
        if report.listeners.contains(where: { !$0.certificates.isEmpty }) {
            sections.append(certificates(report, style))
        }
        if !report.splits.isEmpty { sections.append(splits(report, style)) }
        sections += report.rollouts.map { RolloutText(report: $0).text(style) }
        sections += report.pools.map { pool in
            let earlier = previous?.pools.first { $0.name == pool.name }
            let elapsed = report.uptimeMilliseconds - (previous?.uptimeMilliseconds ?? 0)
            return PoolText(pool: pool, earlier: earlier, elapsedMilliseconds: elapsed).text(style)
        }
        if !report.events.isEmpty { sections.append(events(report, style)) }
        return sections.joined(separator: "\n")
    }

    private static func summary(_ report: StatusReport, _ style: Style) -> String {
        let state = report.isReady ? "ready" : "not ready"
        let colour: TextTable.Colour = report.isReady ? .green : .red
        var text = TextTable.coloured("weir \(report.version)", .bold, style)
        text += "  " + TextTable.coloured(state, colour, style)
        if report.phase != "serving" {
            text += "  " + TextTable.coloured(report.phase, .yellow, style)
        }
        let workers = report.workers.count
        text += "  up \(duration(report.uptimeMilliseconds))"
        text += "  \(workers) worker\(workers == 1 ? "" : "s")"
        text += "  snapshot \(report.generation)"
        let behind = report.workers.count { $0.generation < report.generation }
        if behind > 0 { text += " (\(behind) not there yet)" }
        text += "\n"
        for reason in report.notReadyReasons { text += "  \(reason)\n" }
        return text
    }

    private static func listeners(_ report: StatusReport, _ style: Style) -> String {
        var table = TextTable([
            ("LISTENER", .left), ("ADDRESS", .left), ("PROTOCOL", .left), ("OPEN", .right),
            ("ACCEPTED", .right), ("REQUESTS", .right), ("REFUSED", .right), ("TO", .left),
        ])
        for listener in report.listeners {
            table.add([
                .init(text: listener.name, colour: .bold), .init(text: listener.bind),
                .init(text: listener.certificates.isEmpty ? listener.mode : listener.mode + " tls"),
                .init(text: "\(listener.open)"),
                .init(text: "\(listener.accepted)"), .init(text: "\(listener.requests)"),
                .init(text: "\(listener.refused + listener.clientsRefused + listener.malformed)"),
                .init(text: listener.target ?? routesText(report, listener.name)),
            ])
        }
        return table.text(style)
    }

    private static func certificates(_ report: StatusReport, _ style: Style) -> String {
        var table = TextTable([
            ("LISTENER", .left), ("CERTIFICATE", .left), ("KEY", .left), ("EXPIRES IN", .right),
            ("NOT AFTER", .left), ("PROBLEM", .left),
        ])
        for listener in report.listeners {
            for certificate in listener.certificates {
                let left = certificate.expiresInSeconds
                table.add([
                    .init(text: listener.name),
                    .init(text: certificate.names.joined(separator: ", ")),
                    .init(text: certificate.key),
                    .init(
                        text: left > 0 ? duration(left * 1_000) : "expired",
                        colour: left > 7 * 86_400 ? .none : .red),
                    .init(text: certificate.notAfter), .init(text: certificate.problem ?? ""),
                ])
            }
        }
        return table.text(style)
    }

    private static func routesText(_ report: StatusReport, _ listener: String) -> String {
        let routes = report.routes.filter {
            $0.listeners.isEmpty || $0.listeners.contains(listener)
        }
        guard routes.count == 1, let route = routes.first else { return "\(routes.count) routes" }
        return route.target
    }

    private static func splits(_ report: StatusReport, _ style: Style) -> String {
        var table = TextTable([
            ("SPLIT", .left), ("POOL", .left), ("WEIGHT", .right), ("SHARE", .right),
            ("FILE SAYS", .right), ("STICKY", .left),
        ])
        for split in report.splits {
            for (index, part) in split.parts.enumerated() {
                table.add([
                    .init(text: index == 0 ? split.name : "", colour: .bold),
                    .init(text: part.pool), .init(text: "\(part.weight)"),
                    .init(text: "\(number(part.sharePercent)) %"),
                    .init(
                        text: "\(part.fileWeight)",
                        colour: part.fileWeight == part.weight ? .none : .yellow),
                    .init(text: index == 0 ? split.sticky : ""),
                ])
            }
        }
        return table.text(style)
    }

    private static func events(_ report: StatusReport, _ style: Style) -> String {
        var text = TextTable.coloured("EVENTS", .faint, style) + "\n"
        for event in report.events.suffix(eventsShown) {
            let colour: TextTable.Colour = event.level == "info" ? .none : .yellow
            text += "\(event.time)  \(TextTable.coloured(event.text, colour, style))\n"
        }
        return text
    }

    /// `340 ms`, `12 s`, `3 m 20 s`, `5 h 12 m`, `9 d 4 h`.
    static func duration(_ milliseconds: Int) -> String {
        let seconds = milliseconds / 1000
        return switch seconds {
        case ..<1: "\(milliseconds) ms"
        case ..<60: "\(seconds) s"
        case ..<3_600: "\(seconds / 60) m \(seconds % 60) s"
        case ..<86_400: "\(seconds / 3_600) h \(seconds % 3_600 / 60) m"
        default: "\(seconds / 86_400) d \(seconds % 86_400 / 3_600) h"
        }
    }

    /// With at most two digits after the point, and none where they are zeros.
    static func number(_ value: Double) -> String {
        let rounded = (value * 100).rounded() / 100
        return rounded == rounded.rounded() && abs(rounded) < 1e15
            ? String(Int(rounded)) : String(rounded)
    }
}
