/// What is refused of limits.
extension BadFile {
    static let limits = [
        BadFile(
            pool("max_in_flight: 0"),
            "5:20: max_in_flight: found '0', accepted is a number from 1 to 1000000"),
        BadFile(
            pool("circuit_breaker: { share: 0%, trials: 0 }"),
            "5:31: share: found '0%', accepted is a share from 1% to 100%, such as 20%",
            "5:43: trials: found '0', accepted is a number from 1 to 10000"),
        BadFile(
            pool("probe: off")
                + "\nlimits: { connections_per_client: 0, min_request_rate: 10, rate_window: 5ms }",
            "6:35: connections_per_client: found '0', accepted is a number from 1 to 1000000",
            "6:56: min_request_rate: '10' has no unit; write 10B or 10kB",
            "6:73: rate_window: found '5ms', accepted is a time from 1s to 1h, such as 500ms, 1s,"
                + " 1m or 1h"),
        BadFile(
            pool("probe: off")
                + "\ntracing: { otlp: \"collector:4318\", sample: 10, service: \"\" }",
            "6:18: otlp: found 'collector:4318', accepted is http://HOST:PORT, such as"
                + " http://collector:4318",
            "6:44: sample: found '10', accepted is a share from 0% to 100%, such as 99% or 0.5%",
            "6:57: service: found '', accepted is a text"),
        BadFile(
            pool("probe: off") + "\ntracing: { otlp: \"https://collector:4318\" }",
            "6:18: otlp: https is not spoken with collectors; send to one over http that passes"
                + " traces on"),
    ]
}
