internal import Balancing
internal import Transport

extension Configuration {
    static let section = Section<Configuration>(
        "",
        [
            Key("listeners") { entry, configuration, reading in
                configuration.listeners = reading.named("listener", entry.value) {
                    ListenerConfiguration($0, &$1)
                }
            },
            Key("routes") { entry, configuration, reading in
                configuration.routes = RouteConfiguration.list(entry.value, &reading)
            },
            Key("splits") { entry, configuration, reading in
                configuration.splits = reading.named("split", entry.value) {
                    SplitConfiguration($0, &$1)
                }
            },
            Key("rollouts") { entry, configuration, reading in
                configuration.rollouts = reading.named("rollout", entry.value) {
                    RolloutConfiguration($0, &$1)
                }
            },
            Key("pools") { entry, configuration, reading in
                configuration.pools = reading.named("pool", entry.value) {
                    PoolConfiguration($0, &$1)
                }
            },
            Key("dns", \.dns, section: DNSConfiguration.section),
            Key("admin", \.admin, section: AdminConfiguration.section),
            Key("log", \.log, section: LogConfiguration.section),
            Key("tracing", \.tracing, section: TracingConfiguration.section),
            Key("limits", \.limits, section: Limits.section),
            Key(
                "state", \.statePath,
                ValueKind.filePath("off, or the path of a file, such as /var/lib/weir/state.json")
                    .orNil(["off", "false"])),
            Key("workers", \.workers, ValueKind.count(1...256).orNil(["auto"])),
            Key("shutdown_timeout", \.shutdownTimeoutMilliseconds, .time(0...3_600_000)),
            Key("upgrade_timeout", \.upgradeTimeoutMilliseconds, .time(0...604_800_000)),
        ])
}

extension DNSConfiguration {
    static let section = Section<DNSConfiguration>(
        "dns",
        [
            Key("servers", \.servers, .nameServers),
            Key("interval", \.intervalMilliseconds, .time(50...60_000)),
            Key("timeout", \.timeoutMilliseconds, .time(10...10_000)),
        ])
}

extension ValueKind<[SocketAddress]> {
    fileprivate static var nameServers: ValueKind {
        ValueKind<SocketAddress>(scalar: "ADDRESS or ADDRESS:PORT") { text throws(Refusal) in
            try AddressText.server(text, port: 53)
        }.listOrOne.or(["system"], [])
    }
}

extension AdminConfiguration {
    static let section = Section<AdminConfiguration>(
        "admin",
        [
            Key("bind", \.bind, ValueKind.bind.orNil(["off", "false"])),
            Key("socket", \.socketPath, ValueKind.socketPath.orNil(["off", "false"])),
            Key(
                "token_file", \.tokenPath,
                ValueKind.filePath("the path of a file, such as /run/secrets/weir")),
        ])
}

extension ValueKind<SocketAddress> {
    static var bind: ValueKind {
        ValueKind(scalar: "ADDRESS:PORT, such as 0.0.0.0:80, [::]:80 or :80") {
            text throws(Refusal) in
            try AddressText.bind(text)
        }
    }
}

extension ValueKind<String> {
    /// Of a file, from the root on.
    static func filePath(_ accepted: String) -> ValueKind {
        ValueKind(scalar: accepted) { text throws(Refusal) in
            guard text.hasPrefix("/"), !text.hasSuffix("/"),
                !text.unicodeScalars.contains(where: \.isControl)
            else { throw Refusal() }
            return text
        }
    }

    /// The kernel takes 107 bytes (unix(7)).
    fileprivate static var socketPath: ValueKind {
        ValueKind(scalar: "a path that starts with '/', of at most 107 bytes") {
            text throws(Refusal) in
            guard text.hasPrefix("/"), text.utf8.count <= 107,
                !text.unicodeScalars.contains(where: \.isControl)
            else { throw Refusal() }
            return text
        }
    }
}

extension LogConfiguration {
    static let section = Section<LogConfiguration>(
        "log",
        [
            Key("access", \.access, .access),
            Key("format", \.format, .word(["json": .json, "combined": .combined])),
            Key("trace_ids", \.hasTraceIDs, .onOff),
            Key("sample", \.sample, .percent(0...100)),
            Key(
                "slower_than", \.slowerThanMilliseconds,
                ValueKind<Int>.time(1...3_600_000).orNil(["off", "false"])),
            Key(
                "level", \.level,
                .word(["debug": .debug, "info": .info, "warning": .warning, "error": .error])),
        ])
}

extension ValueKind<LogConfiguration.Access> {
    fileprivate static var access: ValueKind {
        ValueKind(scalar: "off, stdout, or the path of a file, such as /var/log/weir.log") {
            text throws(Refusal) in
            switch text {
            case "off", "false": return .off
            case "stdout": return .stdout
            default:
                guard text.contains("/"), !text.hasSuffix("/"),
                    !text.unicodeScalars.contains(where: \.isControl)
                else { throw Refusal() }
                return .file(text)
            }
        }
    }
}

extension Limits {
    static let section = Section<Limits>(
        "limits",
        [
            Key("request_head", \.requestHeadBytesMaximum, .size(1_024...1_048_576)),
            Key("response_head", \.responseHeadBytesMaximum, .size(1_024...1_048_576)),
            Key("fields", \.fieldsMaximum, .count(10...10_000)),
            Key("head_timeout", \.headTimeoutMilliseconds, .time(100...3_600_000)),
            Key("keep_alive_timeout", \.keepAliveTimeoutMilliseconds, .time(100...86_400_000)),
            Key("client_idle_timeout", \.clientIdleTimeoutMilliseconds, .time(100...86_400_000)),
            Key(
                "min_request_rate", \.requestBytesPerSecondMinimum,
                ValueKind.size(1...1 << 20).or(["off", "false"], 0)),
            Key(
                "min_response_rate", \.responseBytesPerSecondMinimum,
                ValueKind.size(1...1 << 20).or(["off", "false"], 0)),
            Key("rate_window", \.rateWindowMilliseconds, .time(1_000...3_600_000)),
            Key(
                "requests_per_connection", \.requestsPerConnectionMaximum,
                .count(1...1_000_000_000)),
            Key(
                "connections_per_worker", \.clientConnectionsPerWorkerMaximum,
                .count(1...1_048_576)),
            Key(
                "upstream_connections_per_worker", \.upstreamConnectionsPerWorkerMaximum,
                .count(1...1_048_576)),
            Key(
                "connections_per_client", \.connectionsPerClientMaximum,
                ValueKind.count(1...1_000_000).or(["off", "false"], 0)),
            Key("read_ahead", \.readAheadBytesMaximum, .size(16_384...1 << 30)),
            Key("replay", \.replayBytesMaximum, .size(0...1 << 16)),
            Key("buffers_per_worker", \.bufferBytesPerWorkerMaximum, .size(1 << 20...64 << 30)),
        ])
}
