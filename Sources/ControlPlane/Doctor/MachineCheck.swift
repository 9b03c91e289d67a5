internal import Transport

/// What of the machine decides how many connections weir can hold, and whether names resolve.
struct MachineFacts: Equatable {
    var openFilesMaximum: Int?
    var acceptQueueMaximum: Int?
    var localPorts: ClosedRange<Int>?
    var nameservers: [String] = []
    var isContainer = false

    init() {}
}

/// Checks of the machine on which `weir doctor` runs.
public enum MachineCheck {
    static let openFilesWanted = 65_536
    static let acceptQueueWanted = 1_024
    static let localPortsWanted = 16_384
    private static let dockerServer = "127.0.0.11"

    /// What this machine, or this container, should have otherwise.
    public static func run() -> [Advice] { advice(facts()) }

    static func advice(_ facts: MachineFacts) -> [Advice] {
        var found: [Advice] = []
        if let count = facts.openFilesMaximum, count < openFilesWanted {
            found.append(
                Advice(
                    gravity: .risky, place: "limit of open files",
                    problem: "it is \(count), so that about \(count / 2) clients can be served"
                        + " at once",
                    remedy: "set ulimits: { nofile: \(openFilesWanted) } in the Compose file, or"
                        + " LimitNOFILE= in the unit"))
        }
        if let length = facts.acceptQueueMaximum, length < acceptQueueWanted {
            found.append(
                Advice(
                    gravity: .risky, place: "net.core.somaxconn",
                    problem: "it is \(length): a burst of more new connections than that is"
                        + " answered late",
                    remedy: "set sysctls: { net.core.somaxconn: 4096 }"))
        }
        if let ports = facts.localPorts, ports.count < localPortsWanted {
            found.append(
                Advice(
                    gravity: .risky, place: "net.ipv4.ip_local_port_range",
                    problem: "\(ports.count) ports are as many connections as weir can have to"
                        + " one address of a replica",
                    remedy: "set it to 10240 65535"))
        }
        return found + nameserverAdvice(facts)
    }

    private static func nameserverAdvice(_ facts: MachineFacts) -> [Advice] {
        guard let first = facts.nameservers.first else {
            return [
                Advice(
                    gravity: .wrong, place: "/etc/resolv.conf",
                    problem: "it names no nameserver, so that no name is resolved",
                    remedy: "set dns: { servers: […] } in weir's configuration")
            ]
        }
        guard facts.isContainer, first != dockerServer else { return [] }
        return [
            Advice(
                gravity: .wrong, place: "/etc/resolv.conf",
                problem: "in this container the resolver is \(first), not Docker's"
                    + " (\(dockerServer)): names of services are not resolved on the default"
                    + " bridge and with network_mode: host",
                remedy: "attach the container to a network of its own, as Compose does by itself")
        ]
    }

    private static func facts() -> MachineFacts {
        var facts = MachineFacts()
        facts.openFilesMaximum = hardLimit(in: SystemFile.text(of: "/proc/self/limits") ?? "")
        facts.acceptQueueMaximum = numbers("/proc/sys/net/core/somaxconn").first
        let ports = numbers("/proc/sys/net/ipv4/ip_local_port_range")
        if ports.count == 2, ports[0] <= ports[1] { facts.localPorts = ports[0]...ports[1] }
        facts.nameservers = nameservers(in: SystemFile.text(of: "/etc/resolv.conf") ?? "")
        facts.isContainer = SystemFile.text(of: "/.dockerenv") != nil
        return facts
    }

    private static func numbers(_ path: String) -> [Int] {
        (SystemFile.text(of: path) ?? "").split { $0 == "\t" || $0 == " " || $0 == "\n" }
            .compactMap { Int($0) }
    }

    /// The hard limit, up to which weir raises the soft one by itself.
    static func hardLimit(in text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix("Max open files") {
            let words = line.dropFirst("Max open files".count).split(separator: " ")
            return words.count >= 2 ? Int(words[1]) : nil
        }
        return nil
    }

    static func nameservers(in text: String) -> [String] {
        SystemFile.words(of: text).filter { $0.first == "nameserver" }
            .compactMap { $0.dropFirst().first.map(String.init) }
    }
}
