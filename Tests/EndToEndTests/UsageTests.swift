import Glibc
import TestSupport
import Testing

@Suite struct UsageTests {
    @Test("A count below zero and a time out of range are wrong usage")
    func ranges() throws {
        for arguments in [
            ["wait", "web", "--ready=-1"], ["pause", "web", "--wait-at-most", "0s"],
            ["pause", "web", "--wait-at-most", "2h"],
        ] {
            let finished = try WeirProgram.run(arguments)
            #expect(finished.exitCode == 2, "\(arguments): \(finished)")
            #expect(finished.error.contains("accepted is"), "\(finished)")
        }
    }

    @Test("top writes the rates of two looks where the output is no terminal")
    func top() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            let finished = try weir.run("top")
            #expect(finished.exitCode == 0, "\(finished)")
            #expect(finished.output.contains("requests/s") && finished.output.contains("web"))
            #expect(!finished.output.contains("\u{1b}"))
        }
    }

    @Test("explain says of each route before the one taken what of the request it does not want")
    func whyNot() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/weir.yaml"
        try TextFile.write(
            """
            listeners: { web: { bind: ":8080" }, other: { bind: ":8081" } }
            routes:
              - { pool: web }
              - { host: shop.example, path: /v1, pool: api }
              - { path: /v2, headers: { x-debug: "*" }, method: POST, listener: other, pool: api }
            pools: { web: { discover: "app:8080" }, api: { discover: "10.0.0.9:9090" } }
            """, to: path)
        let finished = try WeirProgram.run("explain", "-c", path, "http://a.example:8080/v2/x")
        let lines = finished.output.split(separator: "\n").map(String.init)
        #expect(
            lines.contains {
                $0.hasPrefix("not ") && $0.contains("host shop.example, path /v1:")
                    && $0.hasSuffix("the request has host a.example:8080, path /v2/x")
            }, "\(lines)")
        #expect(
            lines.contains { $0.hasSuffix("has listener web, method GET, no x-debug") },
            "\(lines)")
    }

    @Test("doctor names the place of what is wrong in a Compose file, and exits with 1")
    func doctor() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = "\(folder.path)/compose.yaml"
        try TextFile.write(
            "services:\n  app: { image: a, restart: always, scale: 2, container_name: a }\n",
            to: path)
        let finished = try WeirProgram.run("doctor", "--compose", path)
        #expect(finished.exitCode == 1, "\(finished)")
        #expect(finished.output.contains("\(path):2:47: wrong: service app: "), "\(finished)")
    }
}
