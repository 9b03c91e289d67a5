import Glibc
import TestSupport
import Testing

@Suite struct StickySplitTests {
    private let sticky = "weights: { stable: 95, canary: 5 }, sticky: cookie"

    /// Newcomers, one after the other, and where each came.
    private func newcomers(_ count: Int, _ wire: Wire) throws -> (
        visitors: [Visitor], pools: [String]
    ) {
        var visitors: [Visitor] = []
        var pools: [String] = []
        for _ in 0..<count {
            var visitor = Visitor()
            pools.append(try visitor.get(wire).text)
            visitors.append(visitor)
        }
        return (visitors, pools)
    }

    private func pools(of visitors: inout [Visitor], _ wire: Wire) throws -> [String] {
        var pools: [String] = []
        for index in visitors.indices {
            pools.append(try visitors[index].get(wire).text)
            if !visitors[index].received.isEmpty {
                throw NotInTime("a known client was given another cookie")
            }
        }
        return pools
    }

    @Test("From 5 to 20 nobody leaves the canary, from 20 to 5 nobody comes, and back is as before")
    func monotone() throws {
        try StickyBed.run(sticky, workers: 2) { bed in
            let wire = try bed.connect()
            var (visitors, first) = try newcomers(400, wire)
            #expect(first.count { $0 == "canary" } == 20)
            #expect(try pools(of: &visitors, wire) == first)
            var before = first
            for weight in [20, 50, 100] {
                try bed.shift(100 - weight, weight)
                let after = try pools(of: &visitors, wire)
                #expect(zip(before, after).allSatisfy { $0 != "canary" || $1 == "canary" })
                #expect(abs(after.count { $0 == "canary" } - 4 * weight) <= 6)
                before = after
            }
            for weight in [35, 5] {
                try bed.shift(100 - weight, weight)
                let after = try pools(of: &visitors, wire)
                #expect(zip(before, after).allSatisfy { $0 != "stable" || $1 == "stable" })
                before = after
            }
            #expect(before == first)
        }
    }

    @Test("The cookie is for all paths, signed, and set once; with an age if that is wished")
    func attributes() throws {
        try StickyBed.run(
            "weights: { stable: 1, canary: 0 }, sticky: { cookie: who, max_age: 30d }"
        ) { bed in
            let wire = try bed.connect()
            var visitor = Visitor()
            _ = try visitor.get(wire)
            let line = try #require(visitor.received.first)
            let value = /who=[0-9]{1,4}\.[0-9a-f]{16}/
            let rest = line.drop { $0 != ";" }
            #expect(try value.wholeMatch(in: line.dropLast(rest.count)) != nil, "\(line)")
            #expect(rest == "; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000")
            #expect(visitor.received.count == 1)
            _ = try visitor.get(wire)
            #expect(visitor.received.isEmpty)
        }
    }

    @Test(
        "A forged, broken or foreign cookie is ignored, and replaced",
        arguments: [
            "1.0000000000000000", "x", "", "10001.0123456789abcdef", "1", "FOREIGN", "NEXT SLOT",
        ])
    func forged(value: String) throws {
        try StickyBed.run("weights: { stable: 1, canary: 1 }, sticky: cookie") { bed in
            let wire = try bed.connect()
            var honest = Visitor()
            _ = try honest.get(wire)
            let own = try #require(honest.cookie("weir_app"))
            let signature = own.drop { $0 != "." }
            let slot = try #require(Int(own.dropLast(signature.count)))
            var visitor = Visitor()
            switch value {
            case "NEXT SLOT": visitor.keep("weir_app=\((slot + 1) % 10_000)\(signature)")
            case "FOREIGN": visitor.keep("weir_other=\(own)")
            default: visitor.keep("weir_app=\(value)")
            }
            #expect(try visitor.get(wire).status == 200)
            #expect(visitor.received.count == 1)
            let given = try #require(visitor.cookie("weir_app"))
            _ = try visitor.get(wire)
            #expect(visitor.received.isEmpty, "\(given)")
        }
    }

    @Test("Neither weir's own answers nor interim responses set a cookie")
    func notOnOwnAnswers() throws {
        try TestBed.run { bed in
            let replica = try bed.replica { wire in
                while try wire.readRequest() != nil {
                    try wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
                    try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                }
            }
            let weir = try bed.weir(
                """
                routes: [{ split: app }, { path: /nobody, split: gone }]
                splits:
                  app: { weights: { web: 1 }, sticky: cookie }
                  gone: { weights: { none: 1 }, sticky: cookie }
                pools:
                  web: { discover: "\(replica.address)" }
                  none: { discover: "\(LoopbackAddress.unique())", hold: off }
                """)
            try weir.awaitReady(1)
            let wire = try bed.connect(to: weir)
            try wire.send(request("GET /"))
            #expect(try wire.readHead()?.values("set-cookie") == [])
            #expect(try wire.readHead()?.values("set-cookie").count == 1)
            let refused = try wire.roundTrip(request("GET /nobody"))
            #expect(refused.status == 503 && refused.values("set-cookie").isEmpty)
        }
    }

    @Test("A reload keeps slots and key, also when a pool is added")
    func reload() throws {
        try StickyBed.run(sticky) { bed in
            let wire = try bed.connect()
            var (visitors, first) = try newcomers(100, wire)
            let more = try bed.bed.replica(ScriptedReplica.saying("more"))
            let text = StickyBed.configuration(
                "weights: { more: 10, canary: 5, stable: 95 }, sticky: cookie", bed.stable,
                bed.canary)
            try bed.weir.rewrite(text + "\n  more: { discover: \"\(more.address)\" }")
            let reloaded = try bed.weir.run("reload")
            #expect(reloaded.exitCode == 0, "\(reloaded)")
            try bed.weir.awaitReady(1, in: "more")
            let after = try pools(of: &visitors, wire)
            #expect(zip(first, after).allSatisfy { $0 == $1 || $1 == "more" })
            #expect(after.count { $0 == "more" } < 20)
            first = after
            #expect(try pools(of: &visitors, wire) == first)
        }
    }

    @Test("The same header value goes the same way; without one the schedule decides")
    func hash() throws {
        try StickyBed.run(
            "weights: { stable: 80, canary: 20 }, sticky: { hash: { header: X-User } }"
        ) { bed in
            let wire = try bed.connect()
            func round() throws -> [String] {
                try (0..<300).map { number in
                    let response = try wire.roundTrip(request("GET /", "x-user: u\(number)"))
                    #expect(response.values("set-cookie").isEmpty)
                    return response.text
                }
            }
            let first = try round()
            #expect(try round() == first)
            #expect((35...85).contains(first.count { $0 == "canary" }))
            let turns = try (0..<50).map { _ in try wire.roundTrip(request("GET /")).text }
            #expect(turns.count { $0 == "canary" } == 10)
            try bed.shift(50, 50)
            let after = try round()
            #expect(zip(first, after).allSatisfy { $0 != "canary" || $1 == "canary" })
        }
    }

    @Test("While the canary has nothing ready its clients go elsewhere, and come back with it")
    func yielding() throws {
        try StickyBed.run("weights: { stable: 50, canary: 50 }, sticky: cookie") { bed in
            let wire = try bed.connect()
            var (visitors, first) = try newcomers(20, wire)
            bed.canary.stop()
            try bed.weir.awaitReady(0, in: "canary")
            #expect(try pools(of: &visitors, wire).allSatisfy { $0 == "stable" })
            #expect(try bed.figure("yielded", of: "stable") == 10)
            try eventually("all are logged") { try bed.weir.accessLog().count == 40 }
            let log = try bed.weir.accessLog()
            #expect(log.suffix(20).count { $0["yielded"] == .bool(true) } == 10)
            #expect(log.prefix(20).allSatisfy { $0["yielded"] != .bool(true) })
            try bed.canary.start()
            try bed.weir.awaitReady(1, in: "canary")
            #expect(try pools(of: &visitors, wire) == first)
            first = []
        }
    }

    @Test("With the same key file two weirs believe each other's cookies, else they do not")
    func keyFile() throws {
        try TestBed.run { bed in
            let path = "/tmp/weir-e2e-key-\(getpid())-\(UInt32.random(in: 0...(.max)))"
            try TextFile.write("000102030405060708090a0b0c0d0e0f\n", to: path)
            defer { unsafe remove(path) }
            let stable = try bed.replica(ScriptedReplica.saying("stable"))
            let canary = try bed.replica(ScriptedReplica.saying("canary"))
            func start(_ key: String) throws -> Wire {
                let weir = try bed.weir(
                    StickyBed.configuration(
                        "weights: { stable: 1, canary: 1 }, sticky: { cookie: c \(key) }", stable,
                        canary))
                try weir.awaitReady(1, in: "stable")
                try weir.awaitReady(1, in: "canary")
                return try bed.connect(to: weir)
            }
            let (one, two) = (try start(", key_file: \(path)"), try start(", key_file: \(path)"))
            var (visitors, first) = try newcomers(10, one)
            #expect(try pools(of: &visitors, two) == first)
            let other = try start("")
            _ = try visitors[0].get(other)
            #expect(visitors[0].received.count == 1)
            first = []
        }
    }
}
