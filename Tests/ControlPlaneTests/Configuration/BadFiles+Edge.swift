/// What is refused of how connections begin: PROXY headers and server names.
extension BadFile {
    static let edge = [
        BadFile(
            "listeners: { web: { bind: 80, server_names: { a.example: app } } }\n" + pools,
            "1:31: 'server_names' is for 'protocol: tcp'; where HTTP goes is said under 'routes'"),
        BadFile(
            "listeners: { web: { bind: 80, protocol: tcp, server_names: {} } }\n" + pools,
            "1:60: server_names: found an empty mapping, accepted is a mapping of SERVER NAME:"
                + " POOL, such as { \"*.example.com\": web }"),
        BadFile(
            "listeners: { web: { bind: 80, protocol: tcp, server_names:"
                + " { '*': app, 10.0.0.1: app, A.example: ap, a.Example: app } } }\n" + pools,
            "1:62: server_names: found '*', accepted is a server name such as example.com or"
                + " *.example.com",
            "1:72: server_names: found '10.0.0.1', accepted is a server name such as example.com"
                + " or *.example.com",
            "1:98: A.example: no pool 'ap'; did you mean 'app'?"),
        BadFile(
            "listeners: { web: { bind: 80, protocol: tcp, server_names:"
                + " { A.example: app, a.Example: app } } }\n" + pools,
            "1:78: 'a.example' stands here twice; upper and lower case are the same"),
        BadFile(
            "listeners: { web: { bind: 80, proxy_protocol: on } }\n" + pools,
            "1:47: proxy_protocol: found 'on', accepted is a subnet such as 10.0.0.0/8, or an"
                + " address"),
        BadFile(
            "listeners: { web: { bind: 80, error_pages: { 200: /ok, 6xx: /six } } }\n"
                + pools,
            "1:46: error_pages: found '200', accepted is a status from 400 to 599, or 4xx or 5xx",
            "1:56: error_pages: found '6xx', accepted is a status from 400 to 599, or 4xx or 5xx"),
        BadFile(
            "listeners: { web: { bind: 80, error_pages: /sorry.html } }\n" + pools,
            "1:44: error_pages: found '/sorry.html', accepted is a mapping of STATUS: FILE, such"
                + " as { 5xx: /pages/sorry.html }"),
        BadFile(
            "listeners: { web: { bind: 80, protocol: tcp, pool: app, error_pages: { 5xx: /a } } }\n"
                + pools,
            "1:57: 'error_pages' is for 'protocol: http'"),
        BadFile(
            "listeners: { web: { bind: 80 } }\n"
                + "pools: { app: { discover: 'app:1', proxy_protocol: v3 } }",
            "2:52: proxy_protocol: found 'v3', accepted is off, v1, v2; did you mean 'v1'?"),
        BadFile(
            pool("proxy_protocol: v2", "probe: { grpc: on }"),
            "5:5: 'proxy_protocol' does not go with HTTP/2: a connection carries many clients"),
    ]

    private static let pools = "pools: { app: { discover: 'app:1' } }\n"
}
