import Glibc
import TestSupport
import Testing

@Suite struct ShutdownTests {
    @Test(
        "SIGTERM and SIGINT let the request in flight finish, then weir exits with 0",
        arguments: [SIGTERM, SIGINT])
    func drain(signal: Int32) throws {
        try TestBed.run { bed in
            let (arrived, answer) = (Gate(), Gate())
            let replica = try bed.replica(
                ScriptedReplica.serving { _ in
                    arrived.open()
                    try answer.wait()
                    return Reply("finished")
                })
            let weir = try bed.weir(to: replica)
            let idle = try bed.connect(to: weir)
            let busy = try bed.connect(to: weir)
            try busy.send(request("GET /"))
            try arrived.wait()
            weir.process.signal(signal)
            #expect(idle.isClosedByOtherSide(within: 5))
            #expect(!weir.process.hasEnded)
            answer.open()
            let response = try busy.readResponse()
            #expect(response.text == "finished")
            #expect(response["connection"]?.lowercased() == "close")
            #expect(try weir.process.exitCode(within: 5) == 0)
        }
    }

    @Test("A weir that is told to end says at once that it is not ready")
    func notReady() throws {
        try TestBed.run { bed in
            let (arrived, answer) = (Gate(), Gate())
            let replica = try bed.replica(
                ScriptedReplica.serving { _ in
                    arrived.open()
                    try answer.wait()
                    return Reply("finished")
                })
            let weir = try bed.weir(to: replica)
            let busy = try bed.connect(to: weir)
            try busy.send(request("GET /"))
            try arrived.wait()
            #expect(try weir.ask("/ready").status == 200)
            weir.process.signal(SIGTERM)
            try eventually("it is not ready") { try weir.ask("/ready").status == 503 }
            #expect(try weir.ask("/live").status == 200)
            answer.open()
            #expect(try busy.readResponse().text == "finished")
        }
    }

    @Test("What does not finish is cut when its time is over, and the exit code is still 0")
    func deadline() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                _ = try wire.readRequest()
                wire.ignoreEverything()
            }
            let weir = try bed.weir(
                to: replica, pool: "probe: off", rest: "shutdown_timeout: 300ms")
            let busy = try bed.connect(to: weir)
            try busy.send(request("GET /"))
            try eventually("the request is there") { replica.connections == 1 }
            var exitCode: Int32?
            let took = try milliseconds(of: { exitCode = try weir.terminate(within: 5) })
            #expect(exitCode == 0)
            #expect((250..<3_000).contains(took))
            #expect(busy.isClosedByOtherSide(within: 1))
        }
    }

    @Test("A tunnel may go on while weir drains, and weir ends when it does")
    func tunnel() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.echoingBytes)
            let address = LoopbackAddress.unique(port: 6379)
            let weir = try bed.weir(
                """
                listeners: { tcp: { bind: "\(address)", protocol: tcp, pool: web } }
                pools: { web: { discover: "\(replica.address)" } }
                """)
            let client = try bed.connect(to: address)
            try client.send("a")
            #expect(try client.read(count: 1) == Array("a".utf8))
            weir.process.signal(SIGTERM)
            try eventually("it is not ready") { try weir.ask("/ready").status == 503 }
            try client.send("b")
            #expect(try client.read(count: 1) == Array("b".utf8))
            client.close()
            #expect(try weir.process.exitCode(within: 5) == 0)
        }
    }
}
