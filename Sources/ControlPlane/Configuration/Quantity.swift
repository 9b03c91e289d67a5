/// Numbers with a unit: `500ms`, `64kB`.
struct Quantity: Sendable {
    /// Smallest first; the first is what the program counts in.
    private let units: [(name: String, factor: Int)]
    private let example: @Sendable (String) -> String

    static let time = Quantity(
        units: [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)],
        example: { "\($0)ms or \($0)s" })

    static let longTime = Quantity(
        units: [("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)],
        example: { "\($0)h or \($0)d" })

    static let size = Quantity(
        units: [
            ("B", 1), ("kB", 1_000), ("KiB", 1_024), ("MB", 1_000_000), ("MiB", 1 << 20),
            ("GB", 1_000_000_000), ("GiB", 1 << 30),
        ],
        example: { "\($0)B or \($0)kB" })

    /// A whole number without sign, of at most 15 digits.
    static func number(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 15,
            text.utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return Int(text)
    }

    func parse(_ text: String, in range: ClosedRange<Int>) throws(Refusal) -> Int {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let number = Self.number(digits) else { throw Refusal() }
        if unit.isEmpty, number > 0 {
            throw Refusal("'\(text)' has no unit; write \(example(text))")
        }
        guard let factor = units.first(where: { $0.name == unit })?.factor else {
            let names = units.map(\.name).joined(separator: ", ")
            throw Refusal("'\(text.shortened)' is no whole number with a unit of \(names)")
        }
        let (value, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow, range.contains(value) else { throw Refusal() }
        return value
    }

    /// With the largest unit that needs no fraction.
    func text(of value: Int) -> String {
        let unit = units.last { value % $0.factor == 0 && value >= $0.factor } ?? units[0]
        return "\(value / unit.factor)\(unit.name)"
    }
}
