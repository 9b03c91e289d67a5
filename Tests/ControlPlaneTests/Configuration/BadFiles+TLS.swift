/// What is refused of how TLS is spoken.
extension BadFile {
    static let tls = [
        BadFile(
            listener("bind: 443, tls: { }"),
            "1:32: 'tls' has no 'certificates', such as [{ chain: chain.pem, key: key.pem }]"),
        BadFile(
            listener("bind: 443, tls: { certificates: { chain: /c.pem } }"),
            "1:53: a certificate without 'key'; accepted is { chain: FILE, key: FILE }"),
        BadFile(
            listener(
                "bind: 443, tls: { certificates: { chain: /c, key: /k }, min_version: 1.1,"
                    + " hsts: 365 }"),
            "1:90: min_version: found '1.1', accepted is 1.2, 1.3; did you mean '1.2'?",
            "1:101: hsts: '365' has no unit; write 365h or 365d"),
        BadFile(
            listener(
                "bind: 443, tls: { certificates: { chain: /c, key: /k },"
                    + " client_certificates: required }"),
            "1:77: 'client_certificates' needs 'client_ca: FILE'"),
        BadFile(
            listener("bind: 443, tls: { certificates: { chain: /c, key: /k }, client_ca: /ca }"),
            "1:77: 'client_ca' is for 'client_certificates: optional' or 'required'"),
        BadFile(
            listener(
                "bind: 443, redirect_to_https: on,"
                    + " tls: { certificates: { chain: /c, key: /k } }"),
            "1:32: 'redirect_to_https' is for a listener without 'tls'"),
        BadFile(
            listener("bind: 80, redirect_to_https: https"),
            "1:50: redirect_to_https: found 'https', accepted is a number from 1 to 65535"),
        BadFile(
            listener(
                "bind: 1, protocol: tcp, pool: app, redirect_to_https: on,"
                    + " tls: { certificates: { chain: /c, key: /k }, hsts: 1d }"),
            "1:56: 'redirect_to_https' is for 'protocol: http'",
            "1:124: 'hsts' is for 'protocol: http'"),
        BadFile(
            pool("tls: { ca: /ca.pem, verify: off }"),
            "5:12: 'ca' says nothing with 'verify: off'; keep one"),
        BadFile(
            pool("tls: { certificate: [] }"),
            "5:25: certificate: found an empty list, accepted is { chain: FILE, key: FILE }"),
        BadFile(
            pool("tls: yes"),
            "5:10: tls: found 'yes', accepted is on, off, or a mapping such as { ca: FILE }"),
    ]

    private static func listener(_ text: String) -> String {
        "listeners: { web: { \(text) } }\npools: { app: { discover: 'app:1' } }\n"
    }
}
