internal import ControlPlane
internal import Glibc
internal import Transport

/// What the demo shows, step by step: real requests through weir, while the town around it changes.
/// Runs in a thread of its own, as a client would.
final class DemoTour {
    private let town: DemoTown
    private let client: DemoClient
    private let admin: AdminClient
    /// Over all steps.
    private(set) var failures: [String] = []

    init(town: DemoTown, client: DemoClient, admin: AdminClient) {
        self.town = town
        self.client = client
        self.admin = admin
    }

    func run() throws {
        let names = town.appNames
        heading("requests are spread over \(names.count) replicas, found by their DNS name")
        send(untilAll: names)
        show(send(30 * names.count / 3))

        let added = try town.start(.app).name
        heading("\(added) is added: in DNS now")
        let wait = send(untilAll: [added])
        Console.line("  its first answer came \(wait) ms later, after its first probe had passed")
        show(send(40))

        heading("\(names[1]) is killed")
        town.kill(names[1])
        show(send(60))

        heading("a fifth of the requests goes to the canary: weir shift web stable=80 canary=20")
        try admin.shift("web", [("stable", 80), ("canary", 20)])
        show(send(100))
    }

    private func heading(_ text: String) { Console.line("\n\(text)") }

    /// Sends `count` requests, and tells on the way who answered.
    private func send(_ count: Int) -> DemoTally {
        var tally = DemoTally()
        for _ in 0..<count { sendOne(&tally) }
        return tally
    }

    /// Sends requests until each of `names` has answered, and returns how many milliseconds it took.
    @discardableResult
    private func send(untilAll names: [String]) -> Int {
        let began = Instant.now()
        var tally = DemoTally()
        while !names.allSatisfy({ tally.counts[$0] != nil }) {
            sendOne(&tally)
            guard Instant.now().milliseconds(since: began) < 10_000 else {
                failures.append("no answer from \(names.joined(separator: ", ")) within 10 s")
                break
            }
        }
        return Instant.now().milliseconds(since: began)
    }

    private func sendOne(_ tally: inout DemoTally) {
        let answer = client.get()
        tally.note(answer)
        if case .failed(let reason) = answer { failures.append(reason) }
        Console.progress("  " + tally.line)
        usleep(DemoTour.pauseMicroseconds)
    }

    /// Between two requests, so that a person sees them come.
    private static let pauseMicroseconds: UInt32 = 10_000

    private func show(_ tally: DemoTally) {
        if Console.isTerminal { Console.progress("") }
        Console.line("  " + tally.line)
    }
}
