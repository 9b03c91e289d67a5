extension TracingConfiguration {
    static let section = Section<TracingConfiguration>(
        "tracing",
        [
            Key("otlp", \.endpoint, ValueKind.collector.orNil(["off", "false"])),
            Key("sample", \.sample, .percent(0...100)),
            Key("service", \.service, .text),
        ])
}

extension ValueKind<String> {
    /// Where a collector takes OTLP over HTTP.
    fileprivate static var collector: ValueKind {
        ValueKind(scalar: "http://HOST:PORT, such as http://collector:4318") {
            text throws(Refusal) in
            guard !text.hasPrefix("https://") else {
                throw Refusal(
                    "https is not spoken with collectors; send to one over http that passes"
                        + " traces on")
            }
            guard HTTPURL(text) != nil, !text.contains("?") else { throw Refusal() }
            return text
        }
    }
}
