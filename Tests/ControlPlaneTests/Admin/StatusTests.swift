import Testing

@testable import ControlPlane

@Suite("The status report")
struct StatusTests {
    @Test("A report read back from its JSON is the same report")
    func roundTrip() throws {
        let report = Reports.full()
        let text = StatusJSON.text(report)
        #expect(try StatusJSON.report(from: Array(text.utf8)) == report)
    }

    @Test("Members that are unknown are ignored, and missing ones keep their default")
    func otherVersion() throws {
        let report = try StatusJSON.report(
            from: Array(#"{"version": "9", "new": [1], "pools": [{"name": "web"}]}"#.utf8))
        #expect(report.version == "9")
        #expect(report.pools.map(\.name) == ["web"])
        #expect(report.listeners.isEmpty)
    }

    @Test("A member of the wrong kind is told by its path")
    func wrongKind() {
        let error = #expect(throws: JSONError.self) {
            try StatusJSON.report(from: Array(#"{"pools": [{"requests": "many"}]}"#.utf8))
        }
        #expect(error?.message == "pools.0.requests should be a whole number")
    }

    @Test("Names of pools, states, causes and figures stand in the text, in columns")
    func text() throws {
        let lines = StatusText.text(Reports.full()).split(separator: "\n").map(String.init)
        #expect(
            lines[0] == "weir 1.2.3  ready  up 1 h 2 m  1 worker  snapshot 17 (1 not there yet)")
        let head = try #require(lines.first { $0.contains("REPLICA") })
        let first = try #require(lines.first { $0.contains("app-1") })
        let second = try #require(lines.first { $0.contains("two") })
        #expect(second.contains("connect refused"))
        #expect(first.contains("pass 3 ms, 400 ms ago"))
        #expect(first.contains("1.5 ms"))
        for column in ["ADDRESS", "STATE", "LAST PROBE", "CAUSE"] {
            let at = try #require(head.firstRange(of: column)).lowerBound
            let offset = head.distance(from: head.startIndex, to: at)
            for line in [first, second] {
                let index = line.index(line.startIndex, offsetBy: offset)
                #expect(line[line.index(before: index)] == " ")
                #expect(line[index] != " ")
            }
        }
        #expect(lines.contains { $0.contains("api") && $0.contains("90 %") })
        #expect(lines.contains { $0.contains("api") && $0.contains("cookie weir_api") })
        #expect(lines.contains { $0.contains("sticky cookie weir_replica_web") })
        #expect(lines.contains { $0.contains("p50 1.25 ms  p99 46 ms") })
    }

    @Test("Colours appear for a terminal only")
    func colours() {
        #expect(!StatusText.text(Reports.full(), style: .plain).contains("\u{1b}"))
        #expect(
            StatusText.text(Reports.full(), style: .terminal).contains("\u{1b}[31mdown\u{1b}[0m"))
    }

    @Test("With an earlier report rates are those between the two")
    func rates() {
        let earlier = Reports.full()
        var now = earlier
        now.uptimeMilliseconds += 2_000
        now.pools[0].requests += 300
        #expect(StatusText.text(now, since: earlier).contains("rps 150 "))
        #expect(StatusText.text(now).contains("rps 42.5 "))
    }

    @Test(
        "Durations are short and round down",
        arguments: [
            (0, "0 ms"), (999, "999 ms"), (1_000, "1 s"), (59_999, "59 s"), (200_000, "3 m 20 s"),
            (18_720_000, "5 h 12 m"), (792_000_000, "9 d 4 h"),
        ])
    func durations(milliseconds: Int, text: String) {
        #expect(StatusText.duration(milliseconds) == text)
    }
}
