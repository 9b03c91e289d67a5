import TestSupport
import Testing

@Suite struct PinTests {
    private let pins =
        "pin: [{ header: X-Canary, pool: canary }, { cookie: canary, pool: canary },"
        + " { header: x-stable, pool: stable }]"

    @Test("Always previews a pool of weight 0, never keeps away, other values say nothing")
    func preview() throws {
        try StickyBed.run("weights: { stable: 1, canary: 0 }, \(pins)") { bed in
            let wire = try bed.connect()
            func text(_ fields: String...) throws -> String {
                var visitor = Visitor()
                for field in fields where field.hasPrefix("Cookie: ") {
                    visitor.keep(String(field.dropFirst(8)))
                }
                let field = fields.first { !$0.hasPrefix("Cookie: ") }
                return try visitor.get(wire, field ?? "X-None: 1").text
            }
            for _ in 0..<3 {
                #expect(try text() == "stable")
                #expect(try text("x-canary: always") == "canary")
                #expect(try text("Cookie: canary=always") == "canary")
                for value in ["Always", "1", "", "always,always", "alway"] {
                    #expect(try text("X-Canary: \(value)") == "stable")
                }
                // The first pin that says something counts.
                #expect(try text("X-Canary: never", "Cookie: canary=always") == "stable")
                #expect(try text("X-Canary: yes", "Cookie: canary=always") == "canary")
                // Never, but nothing else has a weight.
                #expect(try text("X-Stable: never") == "stable")
            }
        }
    }

    @Test("Pins come before the slot, take none, and leave the shares of the others exact")
    func beforeSlots() throws {
        try StickyBed.run("weights: { stable: 50, canary: 50 }, sticky: cookie, \(pins)") { bed in
            let wire = try bed.connect()
            var texts: [String] = []
            for _ in 0..<20 {
                var visitor = Visitor()
                texts.append(try visitor.get(wire).text)
                let cookie = visitor.cookie("weir_app")
                #expect(try visitor.get(wire, "X-Canary: always").text == "canary")
                #expect(try visitor.get(wire, "X-Canary: never").text == "stable")
                #expect(try visitor.get(wire, "X-Stable: never").text == "canary")
                #expect(visitor.received.isEmpty && visitor.cookie("weir_app") == cookie)
                var pinned = Visitor()
                #expect(try pinned.get(wire, "X-Canary: always").text == "canary")
                #expect(pinned.received.isEmpty)
            }
            #expect(texts.count { $0 == "canary" } == 10)
        }
    }

    @Test("Always yields while its pool has nothing ready, and is counted; never does not give in")
    func yielding() throws {
        try StickyBed.run("weights: { stable: 1, canary: 0 }, \(pins)") { bed in
            let wire = try bed.connect()
            bed.canary.stop()
            try bed.weir.awaitReady(0, in: "canary")
            let response = try wire.roundTrip(request("GET /", "X-Canary: always"))
            #expect(response.text == "stable")
            #expect(try bed.figure("yielded", of: "stable") == 1)
            try eventually("it is logged") {
                try bed.weir.accessLog().last?["yielded"] == .bool(true)
            }
            try bed.shift(1, 1)
            for _ in 0..<4 {
                let never = try wire.roundTrip(request("GET /", "X-Canary: never"))
                #expect(never.text == "stable")
            }
        }
    }
}
