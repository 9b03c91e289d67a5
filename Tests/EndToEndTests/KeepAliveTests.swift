import TestSupport
import Testing

@Suite struct KeepAliveTests {
    @Test("Requests of one client connection share one upstream connection")
    func reuse() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            for _ in 0..<50 {
                let response = try client.roundTrip(request("GET /"))
                #expect(response.status == 200 && response.text == "ok")
            }
            #expect(replica.requests == 50)
            #expect(replica.connections == 1)
        }
    }

    @Test("A client that says close gets its response and then the end")
    func close() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            let response = try client.roundTrip(request("GET /", "Connection: close"))
            #expect(response.text == "ok")
            #expect(response["connection"]?.lowercased() == "close")
            #expect(try client.readToEnd().isEmpty)
        }
    }

    @Test("A replica's close ends its connection only, not the client's")
    func replicaCloses() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                guard try wire.readRequest() != nil else { return }
                try wire.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            for _ in 0..<5 {
                let response = try client.roundTrip(request("GET /"))
                #expect(response.status == 200 && response["connection"] == nil)
            }
            #expect(replica.connections == 5)
        }
    }

    @Test("10,000 pipelined requests are answered in order")
    func pipelining() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.serving { Reply($0.target) })
            let weir = try bed.weir(
                to: replica, rest: "limits: { requests_per_connection: 1000000 }")
            let client = try bed.connect(to: weir)
            let sending = try Background {
                for hundred in 0..<100 {
                    let texts = (0..<100).map { request("GET /\(hundred * 100 + $0)") }
                    try client.send(texts.joined())
                }
            }
            var inOrder = 0
            for number in 0..<10_000 {
                if try client.readResponse().text == "/\(number)" { inOrder += 1 }
            }
            try sending.join()
            #expect(inOrder == 10_000)
        }
    }

    @Test("Pipelined requests with bodies of both framings stay apart")
    func pipelinedBodies() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.serving { Reply(bytes: $0.body) })
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            let chunked = "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"
            try client.send(
                request("POST /1", body: "first")
                    + request("POST /2", "Transfer-Encoding: chunked", body: chunked)
                    + request("GET /3") + request("PUT /4", body: "fourth"))
            for body in ["first", "abcdefg", "", "fourth"] {
                #expect(try client.readResponse().text == body)
            }
        }
    }

    @Test("An HTTP/1.0 client without Host gets a body that ends with the connection")
    func oldClient() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while try wire.readRequest() != nil {
                    try wire.send(
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                            + "5\r\nhello\r\n0\r\n\r\n"
                    )
                }
            }
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            let response = try client.roundTrip("GET / HTTP/1.0\r\n\r\n")
            #expect(response.status == 200)
            #expect(response.values("transfer-encoding").isEmpty)
            #expect(response.text == "hello")
        }
    }

    @Test("An HTTP/1.0 client that asks for keep-alive may go on where the length is known")
    func oldClientKeepsAlive() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            let old = "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
            let response = try client.roundTrip(old)
            #expect(response.text == "ok")
            if response["connection"]?.lowercased() == "keep-alive" {
                #expect(try client.roundTrip(old).text == "ok")
            } else {
                #expect(try client.readToEnd().isEmpty)
            }
        }
    }

    @Test("An idle client connection is closed after its time")
    func idleClient() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(to: replica, rest: "limits: { keep_alive_timeout: 200ms }")
            let client = try bed.connect(to: weir)
            #expect(try client.roundTrip(request("GET /")).status == 200)
            let waited = try milliseconds(of: { _ = try client.readToEnd() })
            #expect((150..<2_000).contains(waited))
        }
    }
}
