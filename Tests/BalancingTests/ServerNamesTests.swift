import Testing

@testable import Balancing

@Suite("Server names")
struct ServerNamesTests {
    private let entries = [
        ServerNames.Entry(name: .exact("a.example.com"), target: .pool(0)),
        ServerNames.Entry(name: .wildcard(".example.com"), target: .pool(1)),
        ServerNames.Entry(name: .wildcard(".b.example.com"), target: .split(0)),
    ]

    @Test(
        "The most specific name decides, in either case",
        arguments: [
            ("a.example.com", .pool(0)), ("A.EXAMPLE.com", .pool(0)), ("x.example.com", .pool(1)),
            ("x.a.example.com", .pool(1)), ("x.b.example.com", .split(0)),
            ("b.example.com", .pool(1)), ("example.com", nil), ("other", nil), ("", nil),
        ] as [(String, Target?)])
    func specific(name: String, target: Target?) {
        let names = ServerNames(entries, fallback: nil)
        #expect(find(name, in: names) == target)
        let others = ServerNames(entries.reversed(), fallback: .pool(9)).deepCopy()
        #expect(find(name, in: others) == target ?? .pool(9))
    }

    @Test("A client that names nobody gets the fallback, or is refused")
    func nobody() {
        #expect(find(nil, in: ServerNames(entries, fallback: nil)) == nil)
        #expect(find(nil, in: ServerNames(entries, fallback: .split(3))) == .split(3))
        #expect(find("a", in: ServerNames([], fallback: .pool(1))) == .pool(1))
    }

    private func find(_ name: String?, in names: ServerNames) -> Target? {
        guard let name else { return names.target(of: nil) }
        return names.target(of: name.utf8.span)
    }
}
