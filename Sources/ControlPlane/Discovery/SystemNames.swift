internal import Transport

/// What this host's own files say about names.
enum SystemNames {
    /// The name servers of /etc/resolv.conf; without any, this host's own, as the C library does.
    static func servers() -> [SocketAddress] {
        let found = SystemFile.text(of: "/etc/resolv.conf").map(servers(inResolverFile:)) ?? []
        return found.isEmpty ? [SocketAddress.loopback.withPort(53)] : found
    }

    /// The name servers in a text of the form that resolv.conf(5) describes.
    static func servers(inResolverFile text: String) -> [SocketAddress] {
        SystemFile.words(of: text).compactMap { words in
            guard words.count > 1, words[0] == "nameserver" else { return nil }
            return SocketAddress(numeric: String(words[1]), port: 53)
        }
    }

    /// The addresses that /etc/hosts has for `name`: where Docker's `extra_hosts` puts names such
    /// as `host.docker.internal`. The port is zero.
    static func hostsAddresses(of name: String) -> [SocketAddress] {
        SystemFile.text(of: "/etc/hosts").map { addresses(of: name, inHostsFile: $0) } ?? []
    }

    /// The addresses of `name` in a text of the form that hosts(5) describes; IPv4 ones if there
    /// are any, as for DNS.
    static func addresses(of name: String, inHostsFile text: String) -> [SocketAddress] {
        let wanted = name.lowercased()
        let all = SystemFile.words(of: text).compactMap { words -> SocketAddress? in
            guard words.dropFirst().contains(where: { $0.lowercased() == wanted }) else {
                return nil
            }
            return SocketAddress(numeric: String(words[0]), port: 0)
        }
        let four = all.filter(\.isIPv4)
        return four.isEmpty ? all : four
    }

    /// The name of this host, which in a container Docker's DNS always knows; nil if it has none.
    static func hostName() -> String? {
        let text = SystemFile.text(of: "/proc/sys/kernel/hostname") ?? ""
        let name = text.split { $0 == "\n" || $0 == " " }.first.map(String.init)
        return name == "(none)" ? nil : name
    }
}
