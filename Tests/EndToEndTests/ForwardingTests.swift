import TestSupport
import Testing

@Suite struct ForwardingTests {
    /// What the replica saw of a request.
    private func seen(_ text: String) throws -> WireMessage {
        var seen: WireMessage?
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.echoing)
            let weir = try bed.weir(to: replica)
            let response = try bed.connect(to: weir).roundTrip(text)
            #expect(response.status == 200)
            seen = try WireMessage(head: response.text)
        }
        return try #require(seen)
    }

    @Test("Fields of one hop stay on their hop, the ones that Connection names included")
    func hopByHop() throws {
        let request = try seen(
            request(
                "GET /a", "Connection: keep-alive, X-Private", "Keep-Alive: timeout=5",
                "X-Private: 1",
                "Proxy-Connection: keep-alive", "Proxy-Authorization: Basic eDp5", "TE: gzip",
                "X-Public: 2"))
        for name in [
            "keep-alive", "x-private", "proxy-connection", "proxy-authorization", "te", "upgrade",
        ] {
            #expect(request.values(name).isEmpty, "\(name) was forwarded")
        }
        #expect(request["x-public"] == "2")
        #expect(request.startLine == "GET /a HTTP/1.1")
    }

    @Test("A response loses the fields of its hop too")
    func responseHopByHop() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while try wire.readRequest() != nil {
                    try wire.send(
                        "HTTP/1.1 200 OK\r\nConnection: X-Private\r\nX-Private: 1\r\nKeep-Alive: "
                            + "timeout=5\r\nX-Public: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                            + "Content-Length: 0\r\n\r\n")
                }
            }
            let weir = try bed.weir(to: replica)
            let response = try bed.connect(to: weir).roundTrip(request("GET /"))
            #expect(response["x-private"] == nil && response["keep-alive"] == nil)
            #expect(response["x-public"] == "2")
            #expect(response.values("set-cookie") == ["a=1", "b=2"])
        }
    }

    @Test("The replica learns the client's address, scheme and host by both conventions")
    func forwarded() throws {
        let request = try seen(request("GET /", "Host: shop.example.com:8080"))
        #expect(request["host"] == "shop.example.com:8080")
        #expect(request["x-forwarded-for"] == "127.0.0.1")
        #expect(request["x-forwarded-proto"] == "http")
        #expect(request["x-forwarded-host"] == "shop.example.com:8080")
        let forwarded = try #require(request["forwarded"]).lowercased()
        #expect(forwarded.contains("for=127.0.0.1"))
        #expect(forwarded.contains("proto=http"))
        #expect(forwarded.contains("host=\"shop.example.com:8080\""))
        #expect(request["via"] == nil)
    }

    @Test("What a client that is not trusted says about itself is not believed")
    func untrusted() throws {
        let request = try seen(
            request(
                "GET /", "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https",
                "X-Forwarded-Host: evil.example", "Forwarded: for=198.51.100.7;proto=https"))
        #expect(request["x-forwarded-for"] == "127.0.0.1")
        #expect(request["x-forwarded-proto"] == "http")
        #expect(request["x-forwarded-host"] == "example.com")
        #expect(request["forwarded"]?.contains("198.51.100.7") == false)
    }

    @Test("A trusted proxy's account is kept and added to")
    func trusted() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.echoing)
            let address = LoopbackAddress.unique()
            _ = try bed.weir(
                """
                listeners: { web: { bind: "\(address)", trust: [127.0.0.0/8] } }
                pools: { web: { discover: "\(replica.address)" } }
                """)
            let response = try bed.connect(to: address).roundTrip(
                request(
                    "GET /", "X-Forwarded-For: 198.51.100.7", "X-Forwarded-Proto: https",
                    "X-Forwarded-Host: shop.example", "Forwarded: for=198.51.100.7;proto=https"))
            let seen = try WireMessage(head: response.text)
            #expect(seen["x-forwarded-for"] == "198.51.100.7, 127.0.0.1")
            #expect(seen["x-forwarded-proto"] == "https")
            #expect(seen["x-forwarded-host"] == "shop.example")
            let forwarded = seen.values("forwarded").joined(separator: ", ")
            #expect(forwarded.hasPrefix("for=198.51.100.7;proto=https"))
            #expect(forwarded.contains("for=127.0.0.1"))
        }
    }

    @Test("Every request has an id of its own, which the client and the access log see as well")
    func requestIDs() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.echoing)
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            var ids: Set<String> = []
            for _ in 0..<20 {
                let response = try client.roundTrip(request("GET /"))
                let id = try #require(try WireMessage(head: response.text)["x-request-id"])
                #expect(id.utf8.count >= 16)
                ids.insert(id)
            }
            #expect(ids.count == 20)
            try eventually("the log has the ids") {
                Set(try weir.accessLog().compactMap { $0["request_id"].string }) == ids
            }
        }
    }

    @Test("An absolute target is sent on in origin form, and its host rules")
    func absoluteForm() throws {
        let request = try seen(
            "GET http://shop.example.com/a?b=c HTTP/1.1\r\nHost: other.example\r\n\r\n")
        #expect(request.startLine == "GET /a?b=c HTTP/1.1")
        #expect(request["host"] == "shop.example.com")
    }
}
