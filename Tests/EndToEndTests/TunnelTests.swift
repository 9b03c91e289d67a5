import TestSupport
import Testing
import Transport

@Suite struct TunnelTests {
    /// A weir whose listener `tcp` leads to these replicas.
    private func tunnel(
        _ bed: TestBed, to replicas: ScriptedReplica..., pool: String = "probe: off"
    ) throws -> (WeirProcess, SocketAddress) {
        let address = LoopbackAddress.unique(port: 6379)
        let addresses = replicas.map { "\"\($0.address)\"" }.joined(separator: ", ")
        let weir = try bed.weir(
            """
            listeners: { tcp: { bind: "\(address)", protocol: tcp, pool: web } }
            pools: { web: { discover: [\(addresses)], \(pool) } }
            """)
        return (weir, address)
    }

    @Test("Bytes pass both ways unchanged")
    func echo() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.echoingBytes)
            let (_, address) = try tunnel(bed, to: replica)
            let client = try bed.connect(to: address)
            let sending = try Background {
                try client.sendPattern(50_000_000)
                client.halfClose()
            }
            #expect(try client.readPattern(50_000_000))
            #expect(try client.readToEnd().isEmpty)
            try sending.join()
        }
    }

    @Test("A replica that speaks first is heard")
    func serverFirst() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                try wire.send("220 ready\r\n")
                try wire.send("you said \(try wire.read(until: "\r\n"))")
            }
            let (_, address) = try tunnel(bed, to: replica)
            let client = try bed.connect(to: address)
            #expect(try client.read(until: "\r\n") == "220 ready\r\n")
            try client.send("hi\r\n")
            #expect(String(decoding: try client.readToEnd(), as: UTF8.self) == "you said hi\r\n")
        }
    }

    @Test("When the client ends, the replica may still answer")
    func clientHalfClose() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                let all = try wire.readToEnd()
                try wire.send("got \(all.count)")
            }
            let (_, address) = try tunnel(bed, to: replica)
            let client = try bed.connect(to: address)
            try client.sendPattern(1_000_000)
            client.halfClose()
            #expect(String(decoding: try client.readToEnd(), as: UTF8.self) == "got 1000000")
        }
    }

    @Test("When the replica ends, the client may still send")
    func replicaHalfClose() throws {
        try TestBed.run { bed in
            let received = Handover<Int>()
            let replica = try bed.replica { wire in
                try wire.send("bye")
                wire.halfClose()
                received.give(try wire.readToEnd().count)
            }
            let (_, address) = try tunnel(bed, to: replica)
            let client = try bed.connect(to: address)
            #expect(String(decoding: try client.readToEnd(), as: UTF8.self) == "bye")
            try client.sendPattern(1_000_000)
            client.halfClose()
            #expect(try received.value() == 1_000_000)
        }
    }

    @Test("A reset on one side is a reset on the other, not an orderly end")
    func reset() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                try wire.send("begin")
                _ = try wire.read(count: 1)
                wire.reset()
            }
            let (_, address) = try tunnel(bed, to: replica)
            let client = try bed.connect(to: address)
            #expect(try client.read(count: 5) == Array("begin".utf8))
            try client.send("x")
            #expect(throws: SystemError.self) { try client.readToEnd() }
        }
    }

    @Test("A side that does not read stops the other one, in bounded memory")
    func backPressure() throws {
        try TestBed.run { bed in
            let done = Gate()
            defer { done.open() }
            let replica = try bed.replica { wire in
                _ = try wire.hasMore()
                try done.wait(within: 60)
            }
            let (weir, address) = try tunnel(bed, to: replica)
            let before = try weir.process.peakMemory
            let client = try bed.connect(to: address)
            let block = [UInt8](repeating: 120, count: 65_536)
            let swallowed = try client.sendUntilFull(block, quiet: 0.5)
            let grown = try weir.process.peakMemory - before
            print("tunnel: \(swallowed >> 10) KiB taken, memory grew by \(grown >> 10) KiB")
            #expect(swallowed < 64 << 20)
            #expect(WeirProgram.isSanitized || grown < 16 << 20)
        }
    }

    @Test("A tunnel without a byte either way ends after its idle time")
    func idle() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.echoingBytes)
            let (_, address) = try tunnel(
                bed, to: replica, pool: "probe: off, timeouts: { tunnel_idle: 300ms }")
            let client = try bed.connect(to: address)
            try client.send("a")
            #expect(try client.read(count: 1) == Array("a".utf8))
            #expect(client.isClosedByOtherSide(within: 5))
            try eventually("the replica's side is closed too") { replica.openConnections == 0 }
        }
    }

    @Test("A replica that refuses is passed over")
    func refused() throws {
        try TestBed.run { bed in
            let gone = try bed.replica(ScriptedReplica.echoingBytes)
            let alive = try bed.replica(ScriptedReplica.echoingBytes)
            let (weir, address) = try tunnel(
                bed, to: gone, alive, pool: "probe: { tcp: true, interval: 60s }")
            try weir.awaitReady(2)
            gone.stop()
            for _ in 0..<4 {
                let client = try bed.connect(to: address)
                try client.send("ping")
                #expect(try client.read(count: 4) == Array("ping".utf8))
            }
        }
    }

    @Test("A connection waits while no replica is there")
    func hold() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.echoingBytes)
            replica.stop()
            let (_, address) = try tunnel(bed, to: replica, pool: "probe: { tcp: true }")
            let client = try bed.connect(to: address)
            try client.send("early")
            #expect(client.isSilent(for: 0.2))
            try replica.start()
            #expect(try client.read(count: 5) == Array("early".utf8))
        }
    }

    @Test("A thousand tunnels live side by side")
    func many() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.echoingBytes)
            let (_, address) = try tunnel(bed, to: replica)
            let clients = try (0..<1_000).map { _ in try bed.connect(to: address) }
            for (number, client) in clients.enumerated() { try client.send("number \(number)\n") }
            for (number, client) in clients.enumerated() {
                #expect(try client.read(until: "\n") == "number \(number)\n")
            }
        }
    }
}
