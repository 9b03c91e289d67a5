import TestSupport

/// In tests a wire is the test's own end of it, not the program's.
typealias Wire = TestSupport.Wire

/// Who keeps cookies, as a browser does.
struct Visitor {
    private(set) var cookies: [(name: String, value: String)] = []
    /// The Set-Cookie lines of the last response.
    private(set) var received: [String] = []

    /// One request on `wire` with the cookies so far.
    mutating func get(_ wire: Wire, _ fields: String...) throws -> WireMessage {
        let pairs = cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
        let lines = (fields + (pairs.isEmpty ? [] : ["Cookie: \(pairs)"])).map { "\($0)\r\n" }
        try wire.send("GET / HTTP/1.1\r\nHost: example.com\r\n\(lines.joined())\r\n")
        let response = try wire.readResponse()
        received = response.values("set-cookie")
        for line in received { keep(line) }
        return response
    }

    /// Takes over what a Set-Cookie line or `NAME=VALUE` says.
    mutating func keep(_ line: String) {
        let pair = line.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
        guard pair.count == 2 else { return }
        cookies.removeAll { $0.name == pair[0] }
        cookies.append((String(pair[0]), String(pair[1])))
    }

    func cookie(_ name: String) -> String? { cookies.first { $0.name == name }?.value }
}

/// Two pools behind a split, each with one replica that says its name.
struct StickyBed {
    let bed: TestBed
    let weir: WeirProcess
    let stable: ScriptedReplica
    let canary: ScriptedReplica

    static func run(
        _ split: String, workers: Int = 1, pools: String = "",
        _ body: (StickyBed) throws -> Void
    ) throws {
        try TestBed.run { bed in
            let stable = try bed.replica(ScriptedReplica.saying("stable"))
            let canary = try bed.replica(ScriptedReplica.saying("canary"))
            let text = configuration(split, stable, canary, pools: pools)
            let weir = try bed.weir(text, workers: workers)
            try weir.awaitReady(1, in: "stable")
            try weir.awaitReady(1, in: "canary")
            try body(StickyBed(bed: bed, weir: weir, stable: stable, canary: canary))
        }
    }

    static func configuration(
        _ split: String, _ stable: ScriptedReplica, _ canary: ScriptedReplica, pools: String = ""
    ) -> String {
        """
        limits: { requests_per_connection: 1000000 }
        routes: [{ split: app }]
        splits: { app: { \(split) } }
        pools:
          stable: { discover: "\(stable.address)" \(pools) }
          canary: { discover: "\(canary.address)" \(pools) }
        """
    }

    func connect() throws -> Wire { try bed.connect(to: weir) }

    func shift(_ stable: Int, _ canary: Int) throws {
        let done = try weir.run("shift", "app", "stable=\(stable)", "canary=\(canary)", "--wait")
        guard done.exitCode == 0 else { throw NotInTime("shift: \(done)") }
    }

    /// A figure of a pool in the status.
    func figure(_ name: String, of pool: String) throws -> Int? {
        try JSON(weir.ask("/status").text)["pools"].first("name", pool)[name].int
    }
}
