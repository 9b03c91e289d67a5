import Glibc
import TestSupport
import Testing

@Suite struct AdminTests {
    @Test("live is 200 at once; ready is 503 with a reason until a replica is ready")
    func readiness() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            replica.stop()
            let weir = try bed.weir(to: replica)
            #expect(try weir.ask("/live").status == 200)
            let notReady = try weir.ask("/ready")
            #expect(notReady.status == 503 && !notReady.text.isEmpty)
            try replica.start()
            try eventually("weir is ready") { try weir.ask("/ready").status == 200 }
        }
    }

    @Test("Metrics count requests by pool, replica and class")
    func metrics() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(
                ScriptedReplica.serving { request in
                    request.target == "/bad" ? Reply("no", status: "404 Not Found") : Reply("ok")
                })
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            for _ in 0..<7 { _ = try client.roundTrip(request("GET /")) }
            for _ in 0..<3 { _ = try client.roundTrip(request("GET /bad")) }
            try eventually("all are counted") {
                let status = try JSON(weir.ask("/status").text)
                return status["pools"][0]["responses"]["4xx"].int == 3
            }
            let response = try weir.ask("/metrics")
            #expect(response["content-type"]?.hasPrefix("text/plain") == true)
            let samples = response.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            func has(_ label: String, _ status: String, _ value: String) -> Bool {
                samples.contains {
                    $0.contains(label) && $0.contains("\"\(status)\"") && $0.hasSuffix(" \(value)")
                }
            }
            #expect(has("pool=\"web\"", "2xx", "7"), "\(response.text)")
            #expect(has("pool=\"web\"", "4xx", "3"))
            #expect(has("replica=\"\(replica.address)\"", "2xx", "7"))
            for sample in samples {
                #expect(sample.hasPrefix("weir_") || sample.hasPrefix("process_"), "\(sample)")
            }
        }
    }

    @Test("A path that the admin listener does not know is 404, a wrong method 405")
    func unknown() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            #expect(try weir.ask("/nothing").status == 404)
            #expect(try weir.ask("/status", method: "POST").status == 405)
        }
    }

    @Test("Garbage on the admin listener ends its connection only")
    func garbage() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            for text in [
                "\0\0\0\r\n\r\n", "GET / HTTP/9\r\n\r\n",
                "POST /reload HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            ] {
                let client = try bed.connect(to: weir.admin)
                try client.send(text)
                #expect(client.isClosedByOtherSide(within: 15))
            }
            let long = try bed.connect(to: weir.admin)
            let block = [UInt8](repeating: 97, count: 65_536)
            do {
                for _ in 0..<64 { try long.send(block) }
            } catch {
                // Refused on the way: as good as at the end.
                _ = error
            }
            #expect(long.isClosedByOtherSide(within: 15))
            #expect(try weir.ask("/live").status == 200)
        }
    }

    @Test("The access log has one JSON line per request, with an entry per attempt")
    func accessLog() throws {
        try TestBed.run { bed in
            let gone = try bed.replica(ScriptedReplica.saying("gone"))
            let alive = try bed.replica(ScriptedReplica.saying("alive"))
            let weir = try bed.weir(to: gone, alive, pool: "probe: { tcp: true, interval: 60s }")
            try weir.awaitReady(2)
            gone.stop()
            let client = try bed.connect(to: weir)
            for number in 0..<2 {
                #expect(try client.roundTrip(request("GET /\(number)?q=\"\\")).text == "alive")
            }
            try eventually("two lines") { try weir.accessLog().count == 2 }
            let log = try weir.accessLog()
            let attempts = log.flatMap { $0["attempts"].array }
            #expect(attempts.count == 3)
            #expect(attempts.count { $0["address"].string == "\(gone.address)" } == 1)
            #expect(attempts.count { $0["outcome"].string == "ok" } == 2)
            for line in log {
                #expect(line["method"].string == "GET" && line["status"].int == 200)
                #expect(line["pool"].string == "web" && line["listener"].string == "web")
                #expect(line["attempts"].array.last?["address"].string == "\(alive.address)")
            }
            #expect(Set(log.map { $0["target"].string }) == ["/0?q=\"\\", "/1?q=\"\\"])
        }
    }

    @Test("What weir answers itself is logged with the reason that the client saw")
    func refusals() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            replica.stop()
            let weir = try bed.weir(
                """
                routes: [{ path: /held, pool: web }]
                pools: { web: { discover: "\(replica.address)", hold: { timeout: 100ms } } }
                """)
            for text in [request("GET /held"), request("GET /lost"), "GET  / HTTP/1.1\r\n\r\n"] {
                let client = try bed.connect(to: weir)
                let response = try client.roundTrip(text)
                let id = try #require(response["x-request-id"])
                try eventually("the log has it") {
                    try weir.accessLog().contains {
                        $0["request_id"].string == id && $0["status"].int == response.status
                            && $0["reason"].string.map { response["proxy-status"]?.contains($0) }
                                == true
                    }
                }
            }
        }
    }

    @Test("A log file is opened anew on SIGUSR1")
    func rotation() throws {
        try TestBed.run { bed in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let path = "\(folder.path)/access.log"
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica, rest: "log: { access: \(path), level: info }")
            let client = try bed.connect(to: weir)
            _ = try client.roundTrip(request("GET /first"))
            try eventually("the first line") { try TextFile.read(path).contains("/first") }
            #expect(unsafe rename(path, path + ".1") == 0)
            weir.process.signal(SIGUSR1)
            try eventually("there is a new file") { unsafe access(path, F_OK) == 0 }
            _ = try client.roundTrip(request("GET /second"))
            try eventually("the second line") { try TextFile.read(path).contains("/second") }
            #expect(try !TextFile.read(path).contains("/first"))
        }
    }
}
