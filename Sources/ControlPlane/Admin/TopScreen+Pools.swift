/// The part of the screen that scrolls: pools and their replicas.
extension TopScreen {
    private static let columns: [(title: String, width: Int)] = [
        ("POOL", 26), ("READY", 10), ("REQ/S", 9), ("LAST MINUTE", 22), ("P50", 10), ("P99", 10),
        ("ERRORS", 8), ("FLIGHT", 8), ("WAIT", 6), ("RETRIES", 9), ("RESCUED", 8),
    ]

    func pools() -> [TopLine] {
        var head = TopLine()
        for (title, width) in TopScreen.columns { head.put(title, .faint, width: width) }
        return [head] + figures.newest.pools.flatMap { [line($0)] + replicas($0) }
    }

    private func line(_ pool: PoolReport) -> TopLine {
        let widths = TopScreen.columns.map(\.width)
        let present = pool.replicas.count { $0.state != "gone" }
        let errors = figures.errorShare([pool])
        var line = TopLine()
        line.put(pool.name + (pool.isPaused ? " (paused)" : ""), .bold, width: widths[0])
        let colour: TextTable.Colour =
            pool.ready == 0 ? .red : pool.ready < present ? .yellow : .green
        line.put("\(pool.ready)/\(present)", colour, width: widths[1])
        line.put(TopLine.number(figures.requests(pool)), width: widths[2])
        line.put(TopLine.spark(figures.course([pool.name]), width: 20), .cyan, width: widths[3])
        line.put(TopLine.milliseconds(figures.quantile(0.5, [pool])), width: widths[4])
        line.put(TopLine.milliseconds(figures.quantile(0.99, [pool])), width: widths[5])
        line.put(TopLine.percent(errors), TopLine.colour(ofErrors: errors), width: widths[6])
        line.put("\(pool.inFlight)", width: widths[7])
        line.put("\(pool.holding)", pool.holding > 0 ? .yellow : .none, width: widths[8])
        line.put("\(pool.retries)", width: widths[9])
        line.put("\(pool.rescued)", pool.rescued > 0 ? .green : .none, width: widths[10])
        return line
    }

    private func replicas(_ pool: PoolReport) -> [TopLine] {
        let rates = figures.answers(pool)
        let top = max(rates.max() ?? 0, 1e-9)
        var rows = zip(pool.replicas, rates).filter { $0.0.state != "gone" }
        switch order {
        case .name: break
        case .trouble: rows.sort { TopScreen.trouble($0.0) > TopScreen.trouble($1.0) }
        case .load: rows.sort { $0.1 > $1.1 }
        }
        return rows.map { replica, rate in
            var line = TopLine("  ")
            let colour = PoolText.colour(of: replica.state)
            line.put(replica.state == "ready" ? "● " : "▲ ", colour)
            line.put(replica.name, width: 22)
            line.put(replica.state, colour, width: 10)
            line.put(TopLine.number(rate), width: 9)
            line.put(TopLine.bar(rate / top, width: TopScreen.barWidth), .cyan, width: 22)
            line.put("in flight \(replica.inFlight)", width: 14)
            let failed = replica.responses.status5xx + replica.failures
            line.put("bad \(failed)", failed > 0 ? .yellow : .none, width: 10)
            line.put("for \(StatusText.duration(replica.sinceMilliseconds))", width: 16)
            line.put(replica.isDrained ? "drained; \(replica.cause)" : replica.cause, .faint)
            return line
        }
    }

    private static func trouble(_ replica: ReplicaReport) -> Int {
        replica.state == "ready" ? replica.failures : Int.max
    }
}

/// One line of the screen, in pieces of one colour.
struct TopLine {
    private var pieces: [(text: String, colour: TextTable.Colour)] = []

    init() {}

    init(_ text: String, _ colour: TextTable.Colour = .none) { put(text, colour) }

    /// - Parameter width: filled with spaces to it, or cut one short of it.
    mutating func put(_ text: String, _ colour: TextTable.Colour = .none, width: Int? = nil) {
        guard let width else { return pieces.append((text, colour)) }
        let kept = text.count < width ? text : String(text.prefix(width - 2)) + "…"
        pieces.append((kept, colour))
        pieces.append((String(repeating: " ", count: width - kept.count), .none))
    }

    /// At most so many columns of it.
    func text(columns: Int, _ style: StatusText.Style) -> String {
        var room = columns
        var line = ""
        for (text, colour) in pieces where room > 0 {
            let kept = text.count <= room ? text : String(text.prefix(room))
            room -= kept.count
            line += TextTable.coloured(kept, colour, style)
        }
        return line
    }

    static func number(_ value: Double) -> String {
        value >= 100 || value == 0 ? "\(Int(value.rounded()))" : StatusText.number(round1(value))
    }

    static func percent(_ share: Double) -> String { "\(StatusText.number(round1(share * 100))) %" }

    static func milliseconds(_ value: Double?) -> String {
        guard let value else { return "–" }
        return value >= 10_000
            ? "\(StatusText.number(round1(value / 1_000))) s"
            : "\(StatusText.number(value >= 100 ? value.rounded() : round1(value))) ms"
    }

    static func colour(ofErrors share: Double) -> TextTable.Colour {
        share > 0.01 ? .red : share > 0 ? .yellow : .none
    }

    /// The course of the last values as a line of blocks.
    static func spark(_ values: [Double], width: Int) -> String {
        let blocks = Array("▁▂▃▄▅▆▇█")
        let top = max(values.max() ?? 0, 1e-9)
        return String(
            values.suffix(width).map { blocks[min(7, Int($0 / top * 7.999))] })
    }

    static func bar(_ share: Double, width: Int) -> String {
        let eighths = Int((min(max(share, 0), 1) * Double(width * 8)).rounded())
        let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        return String(repeating: "█", count: eighths / 8) + rest
    }

    /// Shares of a whole, each as long as it is large, told apart by their shade.
    static func shares(_ percents: [Double], width: Int) -> String {
        let shades = ["█", "░", "▓", "▒"]
        return percents.enumerated().map { index, percent in
            let count = percent == 0 ? 0 : max(1, Int((percent / 100 * Double(width)).rounded()))
            return String(repeating: shades[index % shades.count], count: count)
        }.joined()
    }

    private static func round1(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
