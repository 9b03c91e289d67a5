import TestSupport
import Testing

@Suite struct UpgradeTests {
    private static let handshake = request(
        "GET /chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    private static let accepted =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

    /// Accepts the upgrade, says `hi`, echoes until the end.
    private static let webSocketEcho: ScriptedReplica.Script = { wire in
        guard let request = try wire.readRequest() else { return }
        guard request["upgrade"]?.lowercased() == "websocket",
            request["connection"]?.lowercased().contains("upgrade") == true
        else { return try wire.send("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n") }
        try wire.send(accepted + "hi")
        try ScriptedReplica.echoingBytes(wire)
    }

    @Test("A WebSocket handshake, its frames and its close pass through")
    func webSocket() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(Self.webSocketEcho)
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            try client.send(Self.handshake)
            let response = try #require(try client.readHead())
            #expect(response.status == 101)
            #expect(response["upgrade"] == "websocket")
            #expect(response["connection"]?.lowercased() == "upgrade")
            #expect(response["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            #expect(try client.read(count: 2) == Array("hi".utf8))
            let frame: [UInt8] = [0x81, 0x85, 1, 2, 3, 4, 0x69, 0x67, 0x6f, 0x68, 0x6e]
            try client.send(frame)
            #expect(try client.read(count: frame.count) == frame)
            client.halfClose()
            #expect(try client.readToEnd().isEmpty)
        }
    }

    @Test("Bytes that follow the handshake at once reach the replica")
    func eagerClient() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(Self.webSocketEcho)
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            try client.send(Self.handshake + "eager")
            #expect(try client.readHead()?.status == 101)
            #expect(try client.read(count: 7) == Array("hieager".utf8))
        }
    }

    @Test("A large upgraded stream passes both ways at once")
    func largeStream() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(Self.webSocketEcho)
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            try client.send(Self.handshake)
            #expect(try client.readHead()?.status == 101)
            _ = try client.read(count: 2)
            let sending = try Background { try client.sendPattern(20_000_000) }
            #expect(try client.readPattern(20_000_000))
            try sending.join()
        }
    }

    @Test("A refused upgrade is an ordinary response and the connection goes on")
    func refused() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("plain"))
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            #expect(try client.roundTrip(Self.handshake).text == "plain")
            #expect(try client.roundTrip(request("GET /")).text == "plain")
        }
    }

    @Test("CONNECT is refused and reaches no replica")
    func connect() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            let response = try client.roundTrip(
                "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
            #expect([400, 405, 501].contains(response.status))
            #expect(response.reason != nil)
            #expect(replica.requests == 0)
        }
    }
}
