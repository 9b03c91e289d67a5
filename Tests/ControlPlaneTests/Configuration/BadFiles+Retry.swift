/// What is refused of how a pool retries and lets requests wait.
extension BadFile {
    static let retry = [
        BadFile(
            pool("retry: { statuses: [500, 503], budget: 20, floor: -1, first_byte: maybe }"),
            "5:25: statuses: found '500', accepted is 502, 503, 504; did you mean '502'?",
            "5:44: budget: found '20', accepted is a share from 0% to 100%, such as 20%",
            "5:55: floor: found '-1', accepted is a number from 0 to 1000000",
            "5:71: first_byte: found 'maybe', accepted is on, off, true, false"),
        BadFile(
            pool("protocol: h2"),
            "5:15: protocol: found 'h2', accepted is http1, http2"),
        BadFile(
            "listeners: { w: { bind: 80, http2: maybe }, t: { bind: 81, protocol: tcp, pool: app,"
                + " http2: on } }\npools: { app: { discover: 'app:1' } }",
            "1:36: http2: found 'maybe', accepted is on, off, true, false",
            "1:86: 'http2' is for 'protocol: http'"),
        BadFile(
            pool("hold: { bytes: 64, release: 0 }"),
            "5:20: bytes: '64' has no unit; write 64B or 64kB",
            "5:33: release: found '0', accepted is a number from 1 to 1000000"),
        BadFile(
            "listeners: { web: { bind: 80 } }\npools: { app: { discover: 'app:1' } }\n"
                + "routes: [ { pool: app, idempotency_key: yes } ]",
            "3:41: idempotency_key: found 'yes', accepted is on, off, true, false"),
        BadFile(
            "listeners: { web: { bind: 80 } }\npools: { app: { discover: 'app:1' } }\n"
                + "routes: [ { pool: app, rate_limit: { per: 1, burst: 0, by: path } } ]",
            "3:36: this rate limit has no 'requests'",
            "3:43: per: '1' has no unit; write 1ms or 1s",
            "3:53: burst: found '0', accepted is a number from 1 to 1000000",
            "3:60: by: found 'path', accepted is address, { header: NAME } or { cookie: NAME }"),
    ]
}
