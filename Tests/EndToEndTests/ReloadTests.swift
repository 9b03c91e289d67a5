import Glibc
import TestSupport
import Testing

@Suite struct ReloadTests {
    private func configuration(_ path: String, _ replica: ScriptedReplica) -> String {
        """
        limits: { requests_per_connection: 1000000 }
        routes: [{ path: "\(path)", pool: web }]
        pools: { web: { discover: "\(replica.address)" } }
        """
    }

    @Test("SIGHUP takes the new file, and leaves connections alone")
    func reload() throws {
        try TestBed.run { bed in
            let answer = Gate()
            let replica = try bed.replica(
                ScriptedReplica.serving { request in
                    if request.target == "/old/wait" { try answer.wait() }
                    return Reply("ok")
                })
            let weir = try bed.weir(configuration("/old", replica))
            let idle = try bed.connect(to: weir)
            #expect(try idle.roundTrip(request("GET /old")).status == 200)
            let busy = try bed.connect(to: weir)
            try busy.send(request("GET /old/wait"))
            try eventually("the request is there") {
                try JSON(weir.ask("/status").text)["pools"][0]["in_flight"].int == 1
            }
            try weir.rewrite(configuration("/new", replica))
            weir.process.signal(SIGHUP)
            try eventually("the new route works") {
                try idle.roundTrip(request("GET /new")).status == 200
            }
            #expect(try idle.roundTrip(request("GET /old")).status == 404)
            answer.open()
            #expect(try busy.readResponse().text == "ok")
            #expect(try busy.roundTrip(request("GET /new")).status == 200)
        }
    }

    @Test("A wrong file changes nothing, and every problem is said with its place")
    func allOrNothing() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(configuration("/old", replica))
            let client = try bed.connect(to: weir)
            #expect(try client.roundTrip(request("GET /old")).status == 200)
            try weir.rewrite(
                """
                routes: [{ path: /new, pool: web }, { path: /x, pool: nowhere }]
                pools: { web: { discover: "\(replica.address)", balanse: round-robin } }
                """)
            weir.process.signal(SIGHUP)
            try eventually("both problems are said") {
                let said = weir.standardError
                return said.contains("nowhere") && said.contains("balanse")
            }
            #expect(weir.standardError.contains("\(weir.configurationPath):"))
            #expect(try client.roundTrip(request("GET /old")).status == 200)
            #expect(try client.roundTrip(request("GET /new")).status == 404)

            let verb = try weir.run("reload")
            #expect(verb.exitCode == 1)
            #expect(verb.error.contains("nowhere") && verb.error.contains("balanse"))
        }
    }

    @Test("A listener that is added accepts, one that is removed refuses, the others never stop")
    func listeners() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let (one, two, three) = (
                LoopbackAddress.unique(), LoopbackAddress.unique(), LoopbackAddress.unique()
            )
            func listeners(_ all: String) -> String {
                "listeners: { \(all) }\npools: { web: { discover: \"\(replica.address)\" } }"
            }
            let weir = try bed.weir(
                listeners("a: { bind: \"\(one)\" }, b: { bind: \"\(two)\" }"))
            let staying = try bed.connect(to: one)
            #expect(try staying.roundTrip(request("GET /")).text == "ok")
            try weir.rewrite(listeners("a: { bind: \"\(one)\" }, c: { bind: \"\(three)\" }"))
            #expect(try weir.run("reload").exitCode == 0)
            #expect(try bed.connect(to: three).roundTrip(request("GET /")).text == "ok")
            try eventually("the removed listener refuses") {
                do {
                    try Wire(to: two).close()
                    return false
                } catch {
                    return true
                }
            }
            #expect(try staying.roundTrip(request("GET /")).text == "ok")
        }
    }

    @Test("Replicas that are added get traffic, removed ones get none")
    func replicas() throws {
        try TestBed.run { bed in
            let a = try bed.replica(ScriptedReplica.saying("a"))
            let b = try bed.replica(ScriptedReplica.saying("b"))
            let weir = try bed.weir(configuration("/", a))
            let client = try bed.connect(to: weir)
            #expect(try client.roundTrip(request("GET /")).text == "a")
            try weir.rewrite(configuration("/", b))
            #expect(try weir.run("reload").exitCode == 0)
            try eventually("b answers") { try client.roundTrip(request("GET /")).text == "b" }
            for _ in 0..<10 { #expect(try client.roundTrip(request("GET /")).text == "b") }
        }
    }

    /// Answers in the protocol that it is spoken to in, and says in which.
    private static func eitherProtocol(_ isHeld: Gate) -> ScriptedReplica.Script {
        { wire in
            while true {
                let start = try wire.read(count: 3)
                if start == Array("PRI".utf8) { break }
                let head = try wire.read(until: "\r\n\r\n")
                if head.contains("/wait") { try isHeld.wait(within: 60) }
                if start == Array("POS".utf8) { _ = try wire.read(count: 1) }
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhttp1")
            }
            _ = try wire.read(count: 21)
            try wire.send(frame: StreamFrame.settings)
            while true { try wire.answer(try wire.nextStream(), "http2") }
        }
    }

    @Test("A pool whose protocol changes under load fails no request, and goes over at once")
    func protocolOfPool() throws {
        try TestBed.run { bed in
            let isHeld = Gate()
            let replica = try bed.replica(Self.eitherProtocol(isHeld))
            func spoken(_ name: String) -> String {
                "pools: { web: { discover: \"\(replica.address)\", protocol: \(name) } }"
            }
            let weir = try bed.weir(spoken("http1"))
            let waiting = try bed.connect(to: weir)
            try waiting.send(request("GET /wait"))
            let stop = Flag()
            let loads = try (0..<4).map { number in
                let client = try bed.connect(to: weir)
                let text = number == 0 ? request("POST /", body: "x") : request("GET /")
                return try Background {
                    while !stop.isSet {
                        let said = try client.roundTrip(text)
                        guard said.text.hasPrefix("http") else { throw NotInTime("got \(said)") }
                    }
                }
            }
            let client = try bed.connect(to: weir)
            for round in 1...20 {
                let name = round.isMultiple(of: 2) ? "http1" : "http2"
                try weir.rewrite(spoken(name))
                #expect(try weir.run("reload").exitCode == 0)
                try eventually("\(name) is spoken") {
                    try client.roundTrip(request("GET /")).text == name
                }
                #expect(try client.roundTrip(request("POST /", body: "x")).text == name)
            }
            isHeld.open()
            #expect(try waiting.readResponse().text == "http1")
            stop.set()
            for load in loads { try load.join() }
            // What was made for the other protocol is gone.
            try eventually("few connections are left") { replica.openConnections <= 6 }
        }
    }

    @Test("A hundred reloads under load fail no request")
    func manyReloads() throws {
        try TestBed.run { bed in
            let a = try bed.replica(ScriptedReplica.saying("ok"))
            let b = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(configuration("/", a))
            let stop = Flag()
            let client = try bed.connect(to: weir)
            let load = try Background {
                while !stop.isSet {
                    let response = try client.roundTrip(request("POST /", body: "x"))
                    guard response.text == "ok" else { throw NotInTime("got \(response)") }
                }
            }
            for number in 0..<100 {
                try weir.rewrite(configuration("/", number.isMultiple(of: 2) ? b : a))
                #expect(try weir.run("reload").exitCode == 0)
            }
            stop.set()
            try load.join()
        }
    }
}
