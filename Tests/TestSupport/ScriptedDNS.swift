public import Transport

/// A DNS server on a loopback port, UDP and TCP, that misbehaves as told, on a thread of its own.
///
/// Its messages are made without the product's encoder, so that a mistake there cannot hide.
public final class ScriptedDNS: Sendable {
    /// What it says to one question.
    public indirect enum Reply: Sendable {
        case addresses([String])
        /// PTR.
        case names([String])
        /// SRV: priority, weight, port, target.
        case services([(UInt16, UInt16, UInt16, String)])
        /// A CNAME, and the addresses of what it leads to.
        case alias(String, addresses: [String])
        case noSuchName
        case empty
        case serverFailure
        case refused
        case silence
        /// The right header and question, and then nonsense.
        case garbage
        /// Bytes that are no message at all.
        case noise
        /// A right answer to a question that nobody asked.
        case wrongID([String])
        /// Over UDP these addresses with the truncation bit, over TCP something else.
        case truncated([String], overStream: Reply)
        case delayed(Reply, milliseconds: Int)
    }

    public enum Kind: UInt16, Sendable {
        case a = 1
        case ptr = 12
        case aaaa = 28
        case srv = 33
    }

    struct Key: Hashable {
        var name: String
        var kind: UInt16
    }

    struct Script {
        var replies: [Key: Reply] = [:]
        var counts: [Key: Int] = [:]
        var streamCount = 0
        var isStopped = false
    }

    /// Where it listens.
    public let address: SocketAddress
    private let script = Guarded(Script())
    private let wakeup: Wakeup
    private let thread = Guarded<WorkerThread?>(nil)

    /// Starts it; unknown names do not exist. `stop` when done.
    public init() throws {
        wakeup = try Wakeup()
        let sockets = try ScriptedDNSLoop.openSockets()
        address = sockets.address
        let started = try WorkerThread(name: "scripted-dns") { [self] in
            var loop = ScriptedDNSLoop(sockets: sockets, server: self)
            loop.run(until: wakeup)
        }
        thread.withLock { $0 = started }
    }

    /// From now on this is what is said about a name.
    public func say(_ reply: Reply, about name: String, _ kind: Kind = .a) {
        let key = Key(name: name.lowercased(), kind: kind.rawValue)
        script.withLock { $0.replies[key] = reply }
    }

    /// The name behind an IPv4 address.
    public func name(_ name: String, address: String) {
        let reversed = address.split(separator: ".").reversed().joined(separator: ".")
        say(.names([name]), about: reversed + ".in-addr.arpa", .ptr)
    }

    /// How often this was asked.
    public func count(of name: String, _ kind: Kind = .a) -> Int {
        script.withLock { $0.counts[Key(name: name.lowercased(), kind: kind.rawValue)] ?? 0 }
    }

    /// How many questions came over TCP.
    public var streamCount: Int { script.withLock { $0.streamCount } }

    /// Ends it, and waits until it has ended.
    public func stop() {
        script.withLock { $0.isStopped = true }
        wakeup.signal()
        thread.withLock { $0.take() }?.join()
    }

    var isStopped: Bool { script.withLock { $0.isStopped } }

    func reply(to key: Key, overStream: Bool) -> Reply {
        script.withLock { script in
            script.counts[key, default: 0] += 1
            if overStream { script.streamCount += 1 }
            return script.replies[key] ?? .noSuchName
        }
    }
}
