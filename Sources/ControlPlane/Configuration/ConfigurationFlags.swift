internal import Transport

extension ConfigurationReader {
    /// The configuration of `weir run --listen :8080 --to app:3000 --probe /healthz`: the listeners
    /// `web`, `web-2` and so on, all HTTP, in front of the pool `app`.
    ///
    /// - Returns: problems with the flag in the place of the file.
    public static func fromFlags(listen: [String], to: [String], probe: String?) -> Outcome {
        var problems: [ConfigurationProblem] = []
        var configuration = Configuration()
        for text in listen {
            let bind = value(of: text, "--listen", .bind, &problems)
            let count = configuration.listeners.count
            guard let bind else { continue }
            if bind.port != 0, configuration.listeners.contains(where: { $0.bind == bind }) {
                problems.append(.init(flag: "--listen", message: "'\(text)' stands here twice"))
            }
            let name = count == 0 ? "web" : "web-\(count + 1)"
            configuration.listeners.append(.init(name: name, bind: bind, mode: .http))
        }
        var pool = PoolConfiguration(name: "app")
        for text in to {
            guard let source = value(of: text, "--to", .source, &problems) else { continue }
            if pool.sources.contains(source) {
                problems.append(.init(flag: "--to", message: "'\(text)' stands here twice"))
            }
            pool.sources.append(source)
        }
        if let probe, let path = value(of: probe, "--probe", .path, &problems) {
            pool.probe.kind = .http(.init(path: path))
        }
        configuration.pools = [pool]
        configuration.routes = [RouteConfiguration(target: .pool(pool.name))]
        problems += missing(listen: listen, to: to)
        return (problems.isEmpty ? configuration : nil, problems)
    }

    private static func missing(listen: [String], to: [String]) -> [ConfigurationProblem] {
        var problems: [ConfigurationProblem] = []
        if listen.isEmpty {
            problems.append(.init(flag: "--listen", message: "missing, such as --listen :8080"))
        }
        if to.isEmpty {
            problems.append(.init(flag: "--to", message: "missing, such as --to app:3000"))
        }
        return problems
    }

    /// Reads one flag the way that the file's key is read.
    private static func value<Value>(
        of text: String, _ flag: String, _ kind: ValueKind<Value>,
        _ problems: inout [ConfigurationProblem]
    ) -> Value? {
        var reading = Reading(file: flag)
        let value = kind.read(YAMLNode(mark: .start, content: .scalar(text)), &reading)
        problems += reading.problems.map {
            ConfigurationProblem(flag: flag, message: $0.message)
        }
        return value
    }
}
