import TestSupport
import Testing

@Suite struct SplitAtEveryByteTests {
    private static let chunkedRequest = request(
        "POST /app/c", "Transfer-Encoding: chunked", "Trailer: X-T", "X-A: 1",
        body: "3;e=1\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-T: end\r\n\r\n")

    @Test(
        "A request cut in two at any byte is the same request",
        arguments: [
            request("GET /app/a?b=%20c", "Accept: text/html, */*", "Cookie: a=1; b=2"),
            request("POST /app/b", "X-A: 1", body: "hello\r\n\r\nworld"),
            chunkedRequest,
        ])
    func requests(text: String) throws {
        try TestBed.run { bed in
            let replica = try bed.replica(Self.echoWithoutID)
            let weir = try Self.weir(bed, to: replica)
            let barrier = try Barrier(weir)
            let client = try bed.connect(to: weir)
            let whole = try client.roundTrip(text).text
            let bytes = Array(text.utf8)
            for position in 1..<bytes.count {
                try client.send(bytes[..<position])
                try barrier.pass()
                try client.send(bytes[position...])
                let response = try client.readResponse()
                #expect(response.text == whole, "cut at byte \(position)")
            }
            #expect(replica.requests == bytes.count)
        }
    }

    @Test("Requests that come byte by byte, pipelined, are the same requests")
    func singleBytes() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(Self.echoWithoutID)
            let weir = try Self.weir(bed, to: replica)
            let barrier = try Barrier(weir)
            let client = try bed.connect(to: weir)
            let whole = try client.roundTrip(Self.chunkedRequest).text
            for byte in Array((Self.chunkedRequest + Self.chunkedRequest).utf8) {
                try client.send([byte])
                try barrier.pass()
            }
            #expect(try client.readResponse().text == whole)
            #expect(try client.readResponse().text == whole)
        }
    }

    @Test(
        "A response cut in two at any byte is the same response",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nSet-Cookie: a=b\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5;e=1\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
        ])
    func responses(text: String) throws {
        try TestBed.run { bed in
            let bytes = Array(text.utf8)
            let barriers = Handover<Barrier>()
            let replica = try bed.replica { wire in
                while let request = try wire.readRequest() {
                    let position = Int(request.target.split(separator: "/").last ?? "") ?? 0
                    try wire.send(bytes[..<position])
                    try barriers.value().pass()
                    try wire.send(bytes[position...])
                }
            }
            let weir = try Self.weir(bed, to: replica)
            barriers.give(try Barrier(weir))
            let client = try bed.connect(to: weir)
            for position in 1..<bytes.count {
                let response = try client.roundTrip(request("GET /app/\(position)"))
                #expect(response.text == "hello", "cut at byte \(position)")
            }
        }
    }

    private static let echoWithoutID = ScriptedReplica.serving { request in
        let fields = request.fields.filter { $0.name.lowercased() != "x-request-id" }
        return Reply("\(request.startLine) \(fields) \(request.text) \(request.trailers)")
    }

    private static func weir(_ bed: TestBed, to replica: ScriptedReplica) throws -> WeirProcess {
        try bed.weir(
            """
            routes: [{ path: /app, pool: app }]
            pools: { app: { discover: "\(replica.address)", probe: off } }
            """)
    }
}
