import TestSupport
import Testing

@testable import ControlPlane

@Suite("The dashboard and its live events")
struct DashboardTests {
    private func run(_ body: (AdminBed) throws -> Void) throws {
        var configuration = ControlDesk.configuration()
        configuration.pools = [PoolConfiguration(name: "a"), PoolConfiguration(name: "b")]
        try AdminBed.run(configuration, body)
    }

    @Test("Every file that the page names is in the program, and all of them have at most 100 kB")
    func files() throws {
        let paths = Set(DashboardFile.all.map(\.path))
        for file in DashboardFile.all {
            let named = file.body.matches(of: /(?:href|src)="(\/[^"#]*)"/).map { String($0.1) }
            let imported = file.body.matches(of: /from '\.\/([a-z]+\.js)'/).map {
                "/dashboard/\($0.1)"
            }
            for path in named + imported where path != "/status" {
                #expect(paths.contains(path), "\(file.path) wants \(path)")
            }
        }
        #expect(DashboardFile.all.reduce(0) { $0 + $1.body.utf8.count } <= 100_000)
    }

    @Test("Nothing in it comes from elsewhere, runs inline, or makes markup of text")
    func harmless() {
        for file in DashboardFile.all {
            for danger in ["innerHTML", "outerHTML", "document.write", "eval(", "style=\""] {
                #expect(!file.body.contains(danger), "\(file.path): \(danger)")
            }
            let addresses = file.body.matches(of: /https?:\/\/[^'\s]+/).map { String($0.0) }
            #expect(addresses.allSatisfy { $0.hasPrefix("http://www.w3.org/") }, "\(addresses)")
        }
    }

    @Test("The page is sent with a policy that lets only its own files in")
    func policy() throws {
        try run { bed in
            let wire = try Wire(to: bed.address)
            for file in DashboardFile.all {
                let answer = try wire.roundTrip("GET \(file.path) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(answer.status == 200)
                #expect(answer["content-type"] == file.contentType)
                let policy = try #require(answer["content-security-policy"])
                #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
                #expect(policy.contains("frame-ancestors 'none'"))
            }
        }
    }

    /// A reader of `/events`, behind the head of the answer.
    private func listen(_ bed: AdminBed, after id: String? = nil) throws -> Wire {
        let wire = try Wire(to: bed.address)
        let field = id.map { "Last-Event-ID: \($0)\r\n" } ?? ""
        try wire.send("GET /events HTTP/1.1\r\nHost: a\r\n\(field)\r\n")
        let head = try wire.read(until: "\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200 "))
        #expect(head.contains("Content-Type: text/event-stream\r\n"))
        return wire
    }

    private struct Missing: Error {}

    /// The data of the next event of that name; what comes before it is of no interest.
    private func next(_ name: String, _ wire: Wire) throws -> (data: JSONValue, id: String?) {
        for _ in 0..<100 {
            let lines = try wire.read(until: "\n\n").split(separator: "\n")
            guard lines.contains("event: \(name)") else { continue }
            let data = try #require(lines.first { $0.hasPrefix("data: ") }).dropFirst(6)
            let id = lines.first { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
            return (try JSONValue(parsing: Array(data.utf8)), id)
        }
        throw Missing()
    }

    @Test("A reader is told who may change things, then how everything is, again and again")
    func status() throws {
        try run { bed in
            let wire = try listen(bed)
            #expect(try next("hello", wire).data["changes"]?.string == "off")
            for _ in 0..<2 {
                let status = try next("status", wire).data
                #expect(status["pools"]?.array?.count == 2)
                #expect(status["events"]?.array?.count == 0)
            }
        }
    }

    @Test("A change is told when it happens, and to who comes again only what was missed")
    func changes() throws {
        try run { bed in
            let wire = try listen(bed)
            _ = try next("status", wire)
            _ = try bed.client.post("/pools/a/pause")
            let (pause, id) = try next("change", wire)
            #expect(pause["text"]?.string?.contains("pool=a serving -> paused") == true)
            wire.close()
            _ = try bed.client.post("/pools/a/resume")
            let again = try listen(bed, after: id)
            #expect(try next("change", again).data["text"]?.string?.contains("-> serving") == true)
            let other = try listen(bed, after: "1-1")
            #expect(try next("change", other).data["text"]?.string?.contains("listen") == true)
        }
    }

    @Test("More readers than are accepted are told so, and a place is free when one leaves")
    func readers() throws {
        try run { bed in
            var wires = try (0..<EventFeed.readersMaximum).map { _ in try listen(bed) }
            for wire in wires { _ = try next("status", wire) }
            let one = try Wire(to: bed.address)
            let request = "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"
            #expect(try one.roundTrip(request).status == 503)
            wires.removeLast().close()
            try eventually("a place is free") {
                let wire = try Wire(to: bed.address)
                try wire.send(request)
                return try wire.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 ")
            }
        }
    }

    @Test("A reader that does not read gets every change later, and nobody waits for it")
    func slow() throws {
        try run { bed in
            let wire = try listen(bed)
            _ = try next("status", wire)
            for _ in 0..<40 {
                _ = try bed.client.post("/pools/a/pause")
                _ = try bed.client.post("/pools/a/resume")
            }
            for _ in 0..<80 { _ = try next("change", wire) }
        }
    }
}
