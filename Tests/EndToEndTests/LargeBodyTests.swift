import TestSupport
import Testing

@Suite struct LargeBodyTests {
    private static let gibibyte = 1 << 30
    /// What weir's memory may grow by, whatever passes through.
    private static let memoryMaximum = 24 << 20

    private func expectBoundedMemory(_ weir: WeirProcess, since before: Int) throws {
        let grown = try weir.process.peakMemory - before
        print("peak memory grew by \(grown >> 10) KiB")
        #expect(WeirProgram.isSanitized || grown < Self.memoryMaximum)
    }

    @Test("1 GiB comes down unchanged in bounded memory")
    func download() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while try wire.readRequest() != nil {
                    try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.gibibyte)\r\n\r\n")
                    try wire.sendPattern(Self.gibibyte)
                }
            }
            let weir = try bed.weir(to: replica)
            let before = try weir.process.peakMemory
            let client = try bed.connect(to: weir)
            try client.send(request("GET /"))
            #expect(try client.readHead()?.contentLength == Self.gibibyte)
            #expect(try client.readPattern(Self.gibibyte))
            try expectBoundedMemory(weir, since: before)
        }
    }

    @Test("1 GiB goes up unchanged in bounded memory")
    func upload() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while let head = try wire.readHead() {
                    let whole = try wire.readPattern(head.contentLength ?? 0)
                    try wire.send("HTTP/1.1 \(whole ? 200 : 500) X\r\nContent-Length: 0\r\n\r\n")
                }
            }
            let weir = try bed.weir(to: replica)
            let before = try weir.process.peakMemory
            let client = try bed.connect(to: weir)
            try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.gibibyte)\r\n\r\n")
            try client.sendPattern(Self.gibibyte)
            #expect(try client.readResponse().status == 200)
            try expectBoundedMemory(weir, since: before)
        }
    }

    @Test("A chunked response of 64 MiB passes in bounded memory")
    func chunked() throws {
        try TestBed.run { bed in
            let chunk = String(repeating: "x", count: 65_536)
            let replica = try bed.replica { wire in
                while try wire.readRequest() != nil {
                    try wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    for _ in 0..<1_024 { try wire.send("10000\r\n\(chunk)\r\n") }
                    try wire.send("0\r\n\r\n")
                }
            }
            let weir = try bed.weir(to: replica)
            let before = try weir.process.peakMemory
            let response = try bed.connect(to: weir).roundTrip(request("GET /"))
            #expect(response.body.count == 64 << 20)
            try expectBoundedMemory(weir, since: before)
        }
    }

    @Test("A client that does not read stops the replica, not weir's memory")
    func slowReader() throws {
        try TestBed.run { bed in
            let taken = Handover<Int>()
            let block = [UInt8](repeating: 120, count: 65_536)
            let replica = try bed.replica { wire in
                guard try wire.readRequest() != nil else { return }
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.gibibyte)\r\n\r\n")
                taken.give(try wire.sendUntilFull(block, quiet: 0.5))
                wire.ignoreEverything()
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let before = try weir.process.peakMemory
            let client = try bed.connect(to: weir)
            try client.send(request("GET /"))
            let swallowed = try taken.value()
            print("\(swallowed >> 10) KiB left the replica without a reader")
            #expect(swallowed < 64 << 20)
            try expectBoundedMemory(weir, since: before)
        }
    }

    @Test("A replica that does not read stops the client, not weir's memory")
    func slowWriter() throws {
        try TestBed.run { bed in
            let done = Gate()
            defer { done.open() }
            let replica = try bed.replica { wire in
                _ = try wire.readHead()
                try done.wait(within: 60)
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let before = try weir.process.peakMemory
            let client = try bed.connect(to: weir)
            try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.gibibyte)\r\n\r\n")
            let block = [UInt8](repeating: 120, count: 65_536)
            let swallowed = try client.sendUntilFull(block, quiet: 0.5)
            print("\(swallowed >> 10) KiB left the client without a reader")
            #expect(swallowed < 64 << 20)
            try expectBoundedMemory(weir, since: before)
        }
    }

    @Test("A response is read ahead: the replica may end before a slow client has read")
    func readAhead() throws {
        try TestBed.run { bed in
            let size = 700_000
            let written = Gate()
            let replica = try bed.replica { wire in
                guard try wire.readRequest() != nil else { return }
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                try wire.sendPattern(size)
                try wire.awaitDelivery()
                wire.reset()
                written.open()
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            try client.send(request("GET /"))
            try written.wait()
            #expect(try client.readHead()?.contentLength == size)
            #expect(try client.readPattern(size))
        }
    }
}
