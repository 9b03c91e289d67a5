internal import ArgumentParser
internal import ControlPlane
internal import Transport

/// A value of the command line that is a length of time: `500ms`, `60s`, `2m`.
struct DurationArgument: ExpressibleByArgument {
    let milliseconds: Int

    init?(argument: String) {
        let digits = argument.prefix { $0.isNumber }
        let units = ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000]
        guard let count = Int(digits), let unit = units[String(argument.dropFirst(digits.count))]
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        milliseconds = product
    }
}

/// A weight for a pool of a split: `canary=5`.
struct WeightArgument: ExpressibleByArgument {
    let pool: String
    let weight: Int

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let weight = Int(parts[1]), weight >= 0
        else { return nil }
        pool = String(parts[0])
        self.weight = weight
    }
}

/// An address to listen on: `:8080`, `127.0.0.1:8080`, `[::]:8080`.
struct ListenArgument: ExpressibleByArgument {
    let address: SocketAddress

    init?(argument: String) {
        guard let (host, port) = splitPort(argument) else { return nil }
        let text = host.isEmpty ? "0.0.0.0" : host
        guard let address = SocketAddress(numeric: text, port: port) else { return nil }
        self.address = address
    }
}

/// Where replicas are: `app:3000` for a DNS name, `10.0.0.7:3000` for an address.
struct SourceArgument: ExpressibleByArgument {
    let source: PoolConfiguration.Source

    init?(argument: String) {
        guard let (host, port) = splitPort(argument), !host.isEmpty, port > 0 else { return nil }
        if let address = SocketAddress(numeric: host, port: port) {
            source = .address(address, weight: 1)
        } else {
            source = .name(host, port: port, weight: 1)
        }
    }
}

private func splitPort(_ text: String) -> (host: String, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    let host = text[..<colon]
    guard !host.contains(":") || host.hasPrefix("[") else { return nil }
    return (String(host), port)
}
