import Testing

@testable import ControlPlane

@Suite("Configuration: what is refused, and where")
struct ProblemTests {
    @Test("All problems are reported at once, in the order of the file")
    func allAtOnce() {
        let text = """
            listeners:
              web: { bind: ":80", protocl: http }
              redis: { bind: ":80", protocol: tcp }
            routes:
              - { host: "a b", pool: wbe }
            pools:
              web: { discover: app, balance: round_robin, attempts: 0 }
              web: { discover: "app:1" }
            """
        #expect(
            problems(text) == [
                "2:23: unknown key 'protocl' in 'listeners.NAME'; did you mean 'protocol'?",
                "3:3: tcp listener 'redis' leads nowhere; add 'pool', 'split' or"
                    + " 'server_names'",
                "5:13: host: found 'a b', accepted is a host without port, such as example.com"
                    + " or *.example.com",
                "5:26: pool: no pool 'wbe'; did you mean 'web'?",
                "7:20: discover: 'app' has no port; write app:PORT",
                "7:34: balance: found 'round_robin', accepted is round-robin, least-connections,"
                    + " power-of-two, consistent-hash, least-response-time; did you mean"
                    + " 'round-robin'?",
                "7:57: attempts: found '0', accepted is a number from 1 to 10",
                "8:3: 'web' stands here again, first in line 7",
            ])
    }

    @Test("A bad file has exactly these problems", arguments: BadFile.all)
    func table(file: BadFile) {
        let outcome = read(file.text, environment: ["EMPTY": "", "NAME": "x"])
        #expect(outcome.configuration == nil)
        #expect(outcome.problems.map { String($0.description.dropFirst(2)) } == file.problems)
    }

    @Test("A file that cannot be read is a problem at its start")
    func unreadable() {
        let missing = ConfigurationReader.read(file: "/no/such/file", environment: [:])
        #expect(
            missing.problems.map(\.description) == [
                "/no/such/file:1:1: cannot be read: No such file or directory"
            ])
        let folder = ConfigurationReader.read(file: "/", environment: [:])
        #expect(folder.problems.map(\.description) == ["/:1:1: cannot be read: Is a directory"])
    }

    @Test("A few lines of aliases cannot stand for millions of values")
    func bomb() {
        var text = "x0: &a0 [a,a,a,a,a,a,a,a,a,a]\n"
        for level in 1...9 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
            text += "x\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(problems(text).contains { $0.contains("more than 100000 values") })
    }

    @Test("Merge keys count as what they repeat")
    func mergeBomb() {
        var text = "x0: &a0 { a: 1, b: 2 }\n"
        for level in 1...30 {
            text += "x\(level): &a\(level) { <<: [*a\(level - 1), *a\(level - 1)] }\n"
        }
        #expect(problems(text).contains { $0.contains("more than 100000 values") })
    }

    @Test("Depth has a limit")
    func depth() {
        let found = problems("a: " + String(repeating: "[", count: 100_000))
        #expect(found == ["1:35: nested deeper than 32 levels"])
    }

    @Test("Size has a limit")
    func size() throws {
        let path = "/tmp/weir-test-\(UInt64.random(in: 0 ... .max)).yaml"
        try TemporaryFile.write(String(repeating: "# more\n", count: 160_000), to: path)
        defer { TemporaryFile.remove(path) }
        let outcome = ConfigurationReader.read(file: path, environment: [:])
        #expect(outcome.problems.map(\.line) == [1])
        #expect(outcome.problems.first?.message.hasPrefix("larger than 1 MiB") == true)
    }

    @Test("A problem in an anchored value is reported once, where it is written")
    func anchored() {
        let text = """
            listeners: { web: { bind: 80 } }
            routes: [ { pool: a } ]
            pools:
              a: &base { discover: "a:1", atempts: 2 }
              b: *base
              c: { <<: *base }
            """
        #expect(
            problems(text) == [
                "4:31: unknown key 'atempts' in 'pools.NAME'; did you mean 'attempts'?"
            ])
    }
}
