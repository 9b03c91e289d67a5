import TestSupport
import Testing

/// What a replica may not say. The client gets 502 with a reason, and the connection is not reused.
@Suite struct MalformedResponseTests {
    static let answers = [
        "bytes that are no HTTP": "SSH-2.0-OpenSSH\r\n\r\n",
        "two different Content-Length":
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "length and chunked":
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "an unknown coding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "a bare LF": "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "a NUL": "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        "a status of two digits": "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        "white space before the colon": "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        "a folded field": "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "101 without being asked": "HTTP/1.1 101 Up\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        "a head without end": "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 70_000),
    ]

    @Test("A malformed response is a 502 with a reason", arguments: answers.keys.sorted())
    func malformed(name: String) throws {
        try TestBed.run { bed in
            let answer = Self.answers[name] ?? ""
            let replica = try bed.replica { wire in
                guard let request = try wire.readRequest() else { return }
                try wire.send(request.target == "/good" ? "HTTP/1.1 204 OK\r\n\r\n" : answer)
                wire.ignoreEverything()
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            let response = try client.roundTrip(request("POST /bad"))
            #expect(response.status == 502)
            #expect(response.reason != nil, "no reason in \(response.fields)")
            let next = try bed.connect(to: weir).roundTrip(request("GET /good"))
            #expect(next.status == 204)
            #expect(replica.connections == 2)
        }
    }

    @Test("Bytes after a response are never taken for the next one")
    func surplus() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                guard let request = try wire.readRequest() else { return }
                let one = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                try wire.send(
                    request.target == "/first" ? one + one.replacing("ok", with: "no") : one)
                while try wire.readRequest() != nil { try wire.send(one) }
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            for target in ["/first", "/second", "/third"] {
                #expect(try client.roundTrip(request("GET \(target)")).text == "ok")
            }
        }
    }
}
