extension ProbeConfiguration {
    static let section = Section<ProbeDraft>(
        "pools.NAME.probe", exclusive: [("http", "tcp"), ("http", "grpc"), ("tcp", "grpc")],
        [
            Key("http", \.http.path, .path),
            Key("tcp") { entry, _, reading in
                guard ValueKind<Bool>.onOff.read(entry.value, &reading) == false else { return }
                reading.report(entry.value.mark, "tcp: found 'off'; to probe nothing, 'probe: off'")
            },
            Key("grpc", \.service, ValueKind<String>.text.or(["on", "true"], "")),
            Key("host", \.http.host, .text),
            Key("status", \.http.status, ValueKind.statusRange.listOrOne),
            Key("body", \.http.body, .text),
            Key("interval", \.probe.intervalMilliseconds, .time(10...3_600_000)),
            Key("timeout", \.probe.timeoutMilliseconds, .time(1...3_600_000)),
            Key("rise", \.probe.rise, .count(1...100)),
            Key("fall", \.probe.fall, .count(1...100)),
        ])
}

/// What a probe says, before it is known which kind it is.
struct ProbeDraft: Sendable {
    var probe = ProbeConfiguration()
    var http = ProbeConfiguration.HTTPProbe(path: "/")
    /// Of gRPC; empty is the server as a whole.
    var service = ""
}

extension ValueKind<ProbeConfiguration> {
    static var probe: ValueKind {
        ValueKind(accepted: "off, or a mapping such as { http: /healthz }") { node, reading in
            var off = ProbeConfiguration()
            off.kind = .off
            if ["off", "false"].contains(node.text) { return off }
            guard case .mapping = node.content else {
                reading.refuse(node, accepted: "off, or a mapping such as { http: /healthz }")
                return nil
            }
            var draft = ProbeDraft()
            ProbeConfiguration.section.read(node, into: &draft, &reading)
            if node.entry("http") != nil {
                draft.probe.kind = .http(draft.http)
            } else {
                if node.entry("grpc") != nil { draft.probe.kind = .grpc(service: draft.service) }
                for key in ["host", "status", "body"] {
                    guard let entry = node.entry(key) else { continue }
                    reading.report(entry.keyMark, "'\(key)' is for a probe with 'http: PATH'")
                }
            }
            return draft.probe
        }
    }
}

extension ValueKind<ClosedRange<Int>> {
    fileprivate static var statusRange: ValueKind {
        ValueKind(scalar: "a status such as 200, or a range such as 200-399") {
            text throws(Refusal) in
            let ends = text.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count),
                let low = Quantity.number(ends[0]),
                let high = Quantity.number(ends[ends.count - 1]),
                low <= high, low >= 100, high <= 599
            else { throw Refusal() }
            return low...high
        }
    }
}
