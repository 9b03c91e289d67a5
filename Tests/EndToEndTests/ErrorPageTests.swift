import Glibc
import TestSupport
import Testing
import Transport

@Suite("Pages for errors of weir's own")
struct ErrorPageTests {
    /// The folder has `404.html` and `down.json`.
    private static func run(
        _ body: (TestBed, TemporaryFolder, SocketAddress, String) throws -> Void
    ) throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try TextFile.write("<h1>Not here</h1>", to: "\(folder.path)/404.html")
        try TextFile.write(#"{"down":true}"#, to: "\(folder.path)/down.json")
        try TestBed.run { bed in
            let replica = try bed.replica(
                ScriptedReplica.serving { _ in Reply("the app's own", status: "404 Not Found") })
            let address = LoopbackAddress.unique().withPort(8080)
            try body(
                bed, folder, address,
                """
                listeners:
                  web:
                    bind: "\(address)"
                    error_pages:
                      404: \(folder.path)/404.html
                      5xx: \(folder.path)/down.json
                routes:
                  - { path: /app, pool: web }
                  - { path: /nobody, pool: nobody }
                pools:
                  web: { discover: "\(replica.address)" }
                  nobody:
                    discover: "127.0.0.1:1"
                    hold: off
                """)
        }
    }

    @Test("What weir answers itself has the page of its status, and the reason all the same")
    func shown() throws {
        try Self.run { bed, _, address, configuration in
            _ = try bed.weir(configuration)
            let client = try bed.connect(to: address)
            let notFound = try client.roundTrip(request("GET /elsewhere"))
            #expect(notFound.status == 404 && notFound.text == "<h1>Not here</h1>")
            #expect(notFound["content-type"] == "text/html; charset=utf-8")
            #expect(notFound["proxy-status"]?.contains("no_route") == true)
            let down = try client.roundTrip(request("GET /nobody"))
            #expect(down.status == 503 && down.text == #"{"down":true}"#)
            #expect(down["content-type"] == "application/json")
            // What the app says is the app's, and a status without a page has weir's words.
            #expect(try client.roundTrip(request("GET /app")).text == "the app's own")
            let bad = try client.roundTrip("GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
            #expect(bad.status == 400 && bad.text.hasPrefix("400 Bad Request"))
        }
    }

    @Test("By HTTP/2 the same page is shown")
    func byHTTP2() throws {
        try Self.run { bed, folder, address, configuration in
            // More than a stream's first window: the rest follows as the client reads.
            let long = String(repeating: "sorry ", count: 10_900)
            try TextFile.write(long, to: "\(folder.path)/404.html")
            _ = try bed.weir(configuration)
            let url = "http://\(address)/elsewhere"
            let page = try Tool.run(
                "/usr/bin/curl", ["-sS", "--max-time", "20", "--http2-prior-knowledge", url])
            #expect(page.output == long)
        }
    }

    @Test("A reload takes changed pages; what is missing or too large is named, and changes none")
    func reload() throws {
        try Self.run { bed, folder, address, configuration in
            let weir = try bed.weir(configuration)
            func page() throws -> String {
                try bed.connect(to: address).roundTrip(request("GET /elsewhere")).text
            }
            try TextFile.write("new", to: "\(folder.path)/404.html")
            #expect(try weir.run("reload").exitCode == 0)
            try eventually("the new page is shown") { try page() == "new" }

            try TextFile.write(String(repeating: "a", count: 65_537), to: "\(folder.path)/404.html")
            unsafe unlink("\(folder.path)/down.json")
            let refused = try weir.run("reload")
            #expect(refused.exitCode == 1)
            let tooLarge =
                "8:12: error_pages: \(folder.path)/404.html has 65537 bytes;"
                + " accepted are at most 65536"
            let missing = "9:12: error_pages: \(folder.path)/down.json cannot be read"
            #expect(refused.error.contains(tooLarge) && refused.error.contains(missing))
            #expect(try page() == "new")
            let check = try WeirProgram.run("check", weir.configurationPath)
            #expect(check.exitCode == 1)
            #expect(check.output.contains(tooLarge) && check.output.contains(missing))
        }
    }
}
