import Balancing
import TestSupport
import Testing
import Transport

@testable import ControlPlane

@Suite("Certificates from files") struct TLSDirectorTests {
    private func configuration(_ files: TestCertificates, _ tls: String) throws -> Configuration {
        let text = """
            listeners:
              web:
                bind: "\(LoopbackAddress.unique().withPort(0))"
                tls:
                  certificates:
            \(tls)
            pools: { app: { discover: "127.0.0.1:1", probe: off } }
            admin: { bind: off, socket: off }
            state: off
            """
        let outcome = ConfigurationReader.read(text: text, file: "weir.yaml", environment: [:])
        #expect(outcome.problems == [])
        return try #require(outcome.configuration)
    }

    private func pair(_ files: TestCertificates, _ name: String, key: String? = nil) -> String {
        let key = files.path("\(key ?? name).key")
        return "        - { chain: \(files.path("\(name).pem")), key: \(key) }"
    }

    private func withFiles(_ body: (TestCertificates) throws -> Void) throws {
        let files = try TestCertificates()
        defer { files.remove() }
        try files.issue("web", for: "DNS:example.com")
        try body(files)
    }

    /// Which context the only listener has.
    private func context(_ desk: ControlDesk) -> ObjectIdentifier? {
        desk.last?.listeners.first?.tls.map { ObjectIdentifier($0) }
    }

    private func problems(_ body: () throws -> Void) -> [String] {
        do {
            try body()
            return []
        } catch {
            return (error as? ControlError)?.problems ?? ["\(error)"]
        }
    }

    @Test("Every file that does not fit is named with its place, and nothing starts")
    func badFiles() throws {
        try withFiles { files in
            try files.issue("other", for: "DNS:other.test")
            try files.shell("echo hello > hello.pem; cp web.key hello.key")
            let rows = [
                pair(files, "web", key: "other"), pair(files, "hello"), pair(files, "missing"),
            ]
            let configuration = try configuration(files, rows.joined(separator: "\n"))
            let desk = try ControlDesk(configuration)
            let found = problems { try desk.control.start() }
            let folder = files.folder.path
            try #require(found.count == 4, "\(found)")
            #expect(
                found[0].hasPrefix("weir.yaml:6:")
                    && found[0].hasSuffix(
                        "key: \(folder)/other.key does not belong to the first certificate in"
                            + " \(folder)/web.pem"),
                "\(found)")
            #expect(found[1].hasPrefix("weir.yaml:7:") && found[1].contains("holds no certificate"))
            #expect(found[2].hasPrefix("weir.yaml:8:") && found[2].contains("No such file"))
            #expect(found[3].contains("missing.key cannot be read: No such file"))
            let asked = TLSFiles.problems(of: configuration).map(\.description)
            #expect(asked == found)
        }
    }

    @Test("A certificate that has expired is used at the start, and said; a check refuses it")
    func expired() throws {
        try withFiles { files in
            try files.issue("old", for: "DNS:example.com", dates: "-days -1")
            let configuration = try configuration(files, pair(files, "old"))
            let desk = try ControlDesk(configuration)
            try desk.control.start()
            #expect(desk.lines.contains { $0.contains("warning") && $0.contains("expired at") })
            #expect(TLSFiles.problems(of: configuration).count == 1)
            let report = try #require(desk.controller.status().listeners.first?.certificates.first)
            #expect(report.expiresInSeconds < 0)
        }
    }

    @Test("A renewed certificate is taken over; one that does not fit is not, and is said once")
    func renewal() throws {
        try withFiles { files in
            let desk = try ControlDesk(try configuration(files, pair(files, "web")))
            try desk.control.start()
            let first = context(desk)
            #expect(first != nil)
            func notRenewed() -> [String] { desk.lines.filter { $0.contains("not renewed") } }

            try files.issue("next", for: "DNS:example.com")
            try files.shell("cp next.pem web.pem")
            try desk.turn(until: "the wrong pair is said") { !notRenewed().isEmpty }
            #expect(notRenewed()[0].contains("web.key does not belong"))
            #expect(context(desk) == first)
            let report = desk.controller.status().listeners[0].certificates[0]
            #expect(report.problem?.contains("does not belong") == true)

            try files.shell("cp next.key web.key")
            try desk.turn(until: "the right pair is used") {
                context(desk) != first
            }
            #expect(desk.lines.contains { $0.contains("certificate renewed file=") })
            #expect(desk.controller.status().listeners[0].certificates[0].problem == nil)

            try files.issue("late", for: "DNS:example.com", dates: "-days -1")
            let second = context(desk)
            try files.shell("cp late.pem web.pem; cp late.key web.key")
            try desk.turn(until: "the expired one is said") { notRenewed().count == 2 }
            #expect(context(desk) == second)
        }
    }

    @Test("A reload with files that do not fit changes nothing")
    func reload() throws {
        try withFiles { files in
            let good = try configuration(files, pair(files, "web"))
            let desk = try ControlDesk(good)
            try desk.control.start()
            let count = desk.snapshots.count
            let before = context(desk)
            var bad = good
            bad.listeners[0].tls?.certificates[0].key = NamedFile("/nowhere/key.pem")
            let found = problems { try desk.controller.reload(bad) }
            #expect(found.count == 1)
            #expect(desk.snapshots.count == count)
            try desk.controller.reload(good)
            #expect(context(desk) == before)
        }
    }
}
