/// Lines of cells in aligned columns, for terminals.
struct TextTable {
    enum Alignment { case left, right }

    struct Cell {
        var text: String
        var colour = Colour.none
    }

    /// What a terminal can show; nothing of it appears where the output is no terminal.
    enum Colour: String {
        case none = ""
        case bold = "1"
        case faint = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[Cell]] = []

    init(_ columns: [(title: String, alignment: Alignment)]) { self.columns = columns }

    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    func text(_ style: StatusText.Style) -> String {
        let titles = columns.map { Cell(text: $0.title, colour: .faint) }
        let all = [titles] + rows
        let widths = columns.indices.map { column in
            all.map { column < $0.count ? $0[column].text.count : 0 }.max() ?? 0
        }
        return all.map { line($0, widths, style) }.joined(separator: "\n") + "\n"
    }

    private func line(_ cells: [Cell], _ widths: [Int], _ style: StatusText.Style) -> String {
        var line = ""
        for (column, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: widths[column] - cell.text.count)
            let isLast = column == cells.count - 1
            let text = TextTable.coloured(cell.text, cell.colour, style)
            switch columns[column].alignment {
            case .left: line += isLast ? text : text + padding
            case .right: line += padding + text
            }
            if !isLast { line += "  " }
        }
        return line
    }

    static func coloured(_ text: String, _ colour: Colour, _ style: StatusText.Style) -> String {
        guard style == .terminal, colour != .none else { return text }
        return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
    }
}
