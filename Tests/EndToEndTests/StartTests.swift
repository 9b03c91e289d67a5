import TestSupport
import Testing

@Suite struct StartTests {
    @Test("weir says when it listens, where, and how long that took")
    func startTime() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            var times: [Double] = []
            for _ in 0..<7 {
                let weir = try bed.weir(to: replica)
                let said = weir.standardError
                let words = said.split(whereSeparator: { $0 == " " || $0 == "\n" })
                let position = try #require(words.firstIndex(of: "ms,"), "\(said)")
                let time = try #require(Double(words[position - 1]))
                #expect(time > 0)
                times.append(time)
                #expect(said.contains("listening on \(weir.address)"))
                #expect(try weir.terminate() == 0)
            }
            times.sort()
            // How much work a start may be is counted in Benchmarks/Counts: how long that takes
            // depends on what else the machine does.
            print("start to listening: best \(times[0]) ms, median \(times[3]) ms")
        }
    }

    @Test("weir accepts before any name resolves, and holds what comes")
    func unresolved() throws {
        try TestBed.run { bed in
            let weir = try bed.weir(
                """
                pools: { web: { discover: "nothing.invalid:8080", hold: { timeout: 300ms } } }
                dns: { servers: ["\(LoopbackAddress.unique(port: 53))"] }
                """)
            let response = try bed.connect(to: weir).roundTrip(request("GET /"))
            #expect(response.status == 503 && response.reason != nil)
        }
    }

    @Test("Without a file: --listen, --to and --probe are enough")
    func flags() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let address = LoopbackAddress.unique()
            let process = try SpawnedProcess(
                WeirProgram.path,
                [
                    "run", "--listen", "\(address)", "--to", "\(replica.address)",
                    "--probe", "/healthz", "--workers", "2",
                ],
                output: "\(folder.path)/out", error: "\(folder.path)/err")
            defer { process.kill() }
            var response: WireMessage?
            try eventually("an answer") {
                do {
                    response = try bed.connect(to: address).roundTrip(request("GET /"))
                    return true
                } catch {
                    return false
                }
            }
            #expect(response?.text == "ok")
            process.signal(15)
            #expect(try process.exitCode() == 0)
        }
    }

    @Test("Several workers share a listener and count together")
    func workers() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(
                "pools: { web: { discover: \"\(replica.address)\" } }", workers: 4)
            for _ in 0..<40 {
                let client = try bed.connect(to: weir)
                #expect(try client.roundTrip(request("GET /")).text == "ok")
            }
            let status = try JSON(weir.ask("/status").text)
            #expect(status["workers"].array.count == 4)
            #expect(status["pools"][0]["requests"].int == 40)
        }
    }
}
