import TestSupport
import Testing

@Suite struct BodyTests {
    @Test(
        "A request body arrives whole, whatever its framing",
        arguments: [0, 1, 16_383, 16_384, 65_537, 1_000_000])
    func requestBodies(size: Int) throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.serving { Reply(bytes: $0.body) })
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            var pattern = BytePattern()
            var body: [UInt8] = []
            while body.count < size { body += pattern.next(min(65_536, size - body.count)) }

            try client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
            try client.send(body)
            #expect(try client.readResponse().body == body)

            try client.send("POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            for start in stride(from: 0, to: size, by: 10_000) {
                let chunk = body[start..<min(size, start + 10_000)]
                try client.send(String(chunk.count, radix: 16) + "\r\n")
                try client.send(chunk)
                try client.send("\r\n")
            }
            try client.send("0\r\n\r\n")
            #expect(try client.readResponse().body == body)
        }
    }

    @Test("A chunked response keeps its content; chunk extensions are dropped")
    func chunkedResponse() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while try wire.readRequest() != nil {
                    try wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    try wire.send("5;secret=1\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n")
                }
            }
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            for _ in 0..<2 {
                try client.send(request("GET /"))
                let head = try client.read(until: "\r\n\r\n")
                #expect(head.lowercased().contains("transfer-encoding: chunked"))
                let wire = try client.read(until: "0\r\n\r\n")
                #expect(!wire.contains("secret"))
                #expect(wire.contains("hello"))
            }
        }
    }

    @Test("Trailers pass in both directions")
    func trailers() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while let request = try wire.readRequest() {
                    let sum =
                        request.trailers.first { $0.name.lowercased() == "x-sum" }?.value ?? "none"
                    try wire.send(
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Back\r\n\r\n")
                    try wire.send("2\r\nok\r\n0\r\nX-Back: \(sum)\r\n\r\n")
                }
            }
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            let response = try client.roundTrip(
                request(
                    "POST /", "Transfer-Encoding: chunked", "Trailer: X-Sum", "TE: trailers",
                    body: "3\r\nabc\r\n0\r\nX-Sum: 294\r\n\r\n"))
            #expect(response.text == "ok")
            #expect(response.trailers == [.init(name: "X-Back", value: "294")])
        }
    }

    @Test("A response that ends with its connection arrives whole")
    func untilClose() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                guard try wire.readRequest() != nil else { return }
                try wire.send("HTTP/1.1 200 OK\r\n\r\n")
                try wire.sendPattern(300_000)
            }
            let weir = try bed.weir(to: replica)
            let response = try bed.connect(to: weir).roundTrip(request("GET /"))
            #expect(response.body.count == 300_000)
            #expect(BytePattern.isStart(response.body))
        }
    }

    @Test("A response cut short is cut for the client too, never passed off as whole")
    func truncated() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                guard let request = try wire.readRequest() else { return }
                let framing =
                    request.target == "/length"
                    ? "Content-Length: 100\r\n\r\n0123456789"
                    : "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n"
                try wire.send("HTTP/1.1 200 OK\r\n" + framing)
            }
            let weir = try bed.weir(to: replica)
            for target in ["/length", "/chunked"] {
                let client = try bed.connect(to: weir)
                try client.send(request("GET \(target)"))
                let head = try client.readHead()
                #expect(head?.status == 200)
                var received: [UInt8] = []
                do {
                    received = try client.readToEnd()
                } catch {
                    // A reset tells the same.
                    _ = error
                }
                #expect(!String(decoding: received, as: UTF8.self).hasSuffix("0\r\n\r\n"))
                #expect(received.count < 100)
            }
        }
    }

    @Test("HEAD, 204 and 304 have no body, whatever their fields say")
    func bodiless() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while let request = try wire.readRequest() {
                    let status =
                        request.method == "HEAD" ? "200" : String(request.target.dropFirst())
                    let length = status == "204" ? "" : "Content-Length: 10\r\n"
                    try wire.send("HTTP/1.1 \(status) X\r\n\(length)ETag: \"1\"\r\n\r\n")
                }
            }
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            let head = try client.roundTrip(request("HEAD /"))
            #expect(head.status == 200 && head["content-length"] == "10")
            #expect(try client.roundTrip(request("GET /304")).status == 304)
            #expect(try client.roundTrip(request("GET /204")).status == 204)
            #expect(try client.roundTrip(request("HEAD /")).status == 200)
        }
    }

    @Test("A response before the end of the request body is passed on")
    func earlyResponse() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                guard try wire.readHead() != nil else { return }
                try wire.send(
                    "HTTP/1.1 413 No\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
                wire.halfClose()
                wire.ignoreEverything()
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
            let response = try client.readResponse()
            #expect(response.status == 413 && response.text == "big")
        }
    }
}
