internal import Glibc
internal import ControlPlane
internal import Transport

/// What the demo shows, step by step: real requests through weir, while the town around it changes.
/// Runs in a thread of its own, as a client would.
struct DemoTour {
    let town: DemoTown
    let client: DemoClient
    let admin: AdminClient
    /// How many replicas the app has at first.
    let replicas: Int
    /// Requests that failed, in all steps.
    private(set) var failures: [String] = []

    /// Between two requests, so that a person sees them come.
    private static let pauseMicroseconds: UInt32 = 8_000
    private static let patienceMilliseconds = 10_000

    init(town: DemoTown, client: DemoClient, admin: AdminClient, replicas: Int) {
        self.town = town
        self.client = client
        self.admin = admin
        self.replicas = replicas
    }

    mutating func run() throws {
        var names = ["demo-app-1"]
        for _ in 1..<replicas { names.append(try town.start(.app)) }
        try town.start(.canary)
        send(until: names)
        Console.line("\nRequests are spread over the \(replicas) replicas that DNS lists:")
        show(send(10 * replicas))

        let added = try town.start(.app)
        Console.line("\n\(added) is added:")
        let milliseconds = send(until: [added])
        Console.line("  in DNS, probed, and answering its first request after \(milliseconds) ms")
        show(send(10 * (replicas + 1)))

        Console.line("\n\(names[0]) is killed; DNS still lists it for a moment:")
        town.kill(names[0])
        show(send(20 * replicas))

        Console.line("\nA fifth goes to the canary, by weir shift web stable=80 canary=20:")
        try admin.shift("web", [("stable", 80), ("canary", 20)])
        show(send(100))
    }

    /// Sends `count` requests, and tells on the way who answered.
    private mutating func send(_ count: Int) -> DemoTally {
        var tally = DemoTally()
        for _ in 0..<count { send(&tally) }
        return tally
    }

    /// Sends requests until all of `names` have answered; returns how many milliseconds it took.
    @discardableResult
    private mutating func send(until names: [String]) -> Int {
        let began = Instant.now()
        var tally = DemoTally()
        while !names.allSatisfy({ tally.counts[$0] != nil }) {
            send(&tally)
            guard Instant.now().milliseconds(since: began) < DemoTour.patienceMilliseconds else {
                failures.append("not all of \(names.joined(separator: ", ")) answered within 10 s")
                break
            }
        }
        Console.progress("")
        return Instant.now().milliseconds(since: began)
    }

    private mutating func send(_ tally: inout DemoTally) {
        let answer = client.get()
        tally.note(answer)
        if case .failed(let reason) = answer { failures.append(reason) }
        Console.progress("  " + tally.line)
        usleep(DemoTour.pauseMicroseconds)
    }

    private func show(_ tally: DemoTally) {
        Console.progress("")
        Console.line("  " + tally.line)
    }
}
