import Testing

@testable import ControlPlane

@Suite("Configuration: storms of wrong input")
struct StormTests {
    @Test("A letter missing in a key is found in the line of the key, or changes nothing")
    func missingLetters() throws {
        let text = try contents("conf/complete.yaml")
        let original = try accepted(text)
        var tried = 0
        for key in try KeyPlaces(text).places {
            for offset in 0..<key.length {
                let outcome = read(KeyPlaces.delete(offset, of: key, in: text))
                tried += 1
                if let configuration = outcome.configuration {
                    #expect(configuration == original, "\(key.text), letter \(offset)")
                } else {
                    #expect(
                        outcome.problems.contains { $0.line == key.mark.line },
                        "\(key.text), letter \(offset): \(outcome.problems)")
                }
            }
        }
        #expect(tried > 300)
    }

    @Test("A letter missing all over the file never crashes, and problems are inside the file")
    func missingCharacters() throws {
        let text = Array(try contents("conf/complete.yaml").utf8)
        let lines = text.count { $0 == UInt8(ascii: "\n") } + 1
        for index in stride(from: 0, to: text.count, by: 3) {
            var bytes = text
            bytes.remove(at: index)
            check(
                ConfigurationReader.read(bytes: bytes, file: "f", environment: [:]), lines: lines)
        }
    }

    @Test("Garbage never crashes", arguments: 0..<8 as Range<UInt64>)
    func garbage(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let count = Int.random(in: 0..<200, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let outcome = ConfigurationReader.read(bytes: bytes, file: "f", environment: [:])
            check(outcome, lines: count + 1)
        }
    }

    @Test("Pieces of YAML in any order never crash", arguments: 0..<8 as Range<UInt64>)
    func pieces(seed: UInt64) {
        let pieces = [
            "listeners", "pools", "routes", ": ", "{", "}", "[", "]", ",", "\n", "  ", "- ", "&a ",
            "*a", "<<: ", "'", "\"", "${X}", "$", "|\n", "web", "bind: 80", "discover: a:1",
            "pool: web", "!x ", "#", "---\n", "? ", "\t", "é", "\u{85}", "weights", "split: s",
            "splits", "1", "-1", "off", "null", "probe: ",
        ]
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let count = Int.random(in: 1..<40, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            check(read(text, environment: ["X": "x"]), lines: text.unicodeScalars.count + 1)
        }
    }

    @Test("Complete files with pieces replaced by garbage never crash")
    func damaged() throws {
        let text = Array(try contents("conf/complete.yaml").utf8)
        var random = SeededGenerator(seed: 7)
        for _ in 0..<1_000 {
            var bytes = text
            for _ in 0..<Int.random(in: 1..<8, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                bytes[index] = UInt8.random(in: 0...255, using: &random)
            }
            let outcome = ConfigurationReader.read(bytes: bytes, file: "f", environment: [:])
            check(outcome, lines: bytes.count)
        }
    }

    @Test("The longest file with a mistake in each line is read at once", .timeLimit(.minutes(1)))
    func manyMistakes() {
        var text = "listeners: { web: { bind: 80 } }\npools:\n"
        for index in 0..<12_000 { text += "  p\(index): { discover: a }\n" }
        text += "routes:\n"
        for index in 0..<12_000 { text += "- { path: /\(index), pool: other-\(index) }\n" }
        let problems = read(text).problems
        #expect(problems.count == 24_000)
        #expect(problems.last?.line == 24_003)
    }

    /// Either a configuration or problems, and these at places that exist.
    private func check(_ outcome: ConfigurationReader.Outcome, lines: Int) {
        #expect((outcome.configuration == nil) == !outcome.problems.isEmpty)
        for problem in outcome.problems {
            #expect((1...lines).contains(problem.line) && problem.column >= 1, "\(problem)")
            let isPrintable = !problem.message.unicodeScalars.contains(where: \.isControl)
            #expect(isPrintable, "\(problem)")
        }
    }
}

/// Where the keys of the reader stand in a text; names that the operator chooses are none.
struct KeyPlaces {
    struct Place {
        var text: String
        var mark: Mark
        var length: Int { text.count }
    }

    private(set) var places: [Place] = []

    init(_ text: String) throws {
        var composer = YAMLComposer(Array(text.utf8), environment: [:])
        let document = try #require(try composer.document())
        collect(document, path: "")
    }

    static func delete(_ offset: Int, of place: Place, in text: String) -> String {
        var text = text
        var index = text.utf8.startIndex
        for _ in 1..<place.mark.line {
            index = text.utf8.index(after: text.utf8[index...].firstIndex(of: 10) ?? index)
        }
        text.remove(at: text.index(index, offsetBy: place.mark.column - 1 + offset))
        return text
    }

    private mutating func collect(_ node: YAMLNode, path: String) {
        switch node.content {
        case .sequence(let nodes): nodes.forEach { collect($0, path: "\(path)[]") }
        case .mapping(let entries) where !KeyPathText.free.contains(path):
            for entry in entries {
                if KeyPathText.named.contains(path) {
                    collect(entry.value, path: "\(path).NAME")
                } else {
                    places.append(Place(text: entry.key, mark: entry.keyMark))
                    collect(entry.value, path: KeyPathText.join(path, entry.key))
                }
            }
        default: break
        }
    }
}

/// The same storm for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
