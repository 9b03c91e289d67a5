import TestSupport
import Testing

@Suite struct InterimResponseTests {
    @Test("Interim responses pass before the final one")
    func earlyHints() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while try wire.readRequest() != nil {
                    try wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
                    try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            for _ in 0..<2 {
                let hint = try client.roundTrip(request("GET /"))
                #expect(hint.status == 103 && hint["link"] == "</a.css>; rel=preload")
                #expect(try client.readResponse().text == "ok")
            }
        }
    }

    @Test("An HTTP/1.0 client sees no interim response")
    func oldClient() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while try wire.readRequest() != nil {
                    try wire.send("HTTP/1.1 103 Early Hints\r\n\r\n")
                    try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            let weir = try bed.weir(to: replica)
            let response = try bed.connect(to: weir).roundTrip("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            #expect(response.status == 200)
        }
    }

    @Test("A client that expects 100 gets it, and its body arrives")
    func continues() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while let head = try wire.readHead() {
                    if head["expect"] != nil { try wire.send("HTTP/1.1 100 Continue\r\n\r\n") }
                    let body = try wire.read(count: head.contentLength ?? 0)
                    try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
                    try wire.send(body)
                }
            }
            let weir = try bed.weir(to: replica)
            let client = try bed.connect(to: weir)
            for _ in 0..<2 {
                try client.send(
                    request("POST /", "Expect: 100-continue", "Content-Length: 4")
                )
                #expect(try client.readResponse().status == 100)
                try client.send("body")
                let response = try client.readResponse()
                #expect(response.status == 200 && response.text == "body")
            }
        }
    }

    @Test("A replica's final answer instead of 100 reaches the client without its body")
    func refusesToContinue() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                guard let head = try wire.readHead(), head["expect"] != nil else { return }
                try wire.send("HTTP/1.1 417 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                wire.ignoreEverything()
            }
            let weir = try bed.weir(to: replica, pool: "probe: off")
            let client = try bed.connect(to: weir)
            try client.send(
                request("POST /", "Expect: 100-continue", "Content-Length: 4"))
            #expect(try client.readResponse().status == 417)
        }
    }
}
