import Balancing
import HTTP

/// What the measured functions work on.
enum Samples {
    static let small = Array("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n".utf8)
    static let browser = Array(
        [
            "GET /articles/2026/11?page=2 HTTP/1.1", "Host: example.com",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Language: en-GB,en;q=0.7,de;q=0.3",
            "Accept-Encoding: gzip, deflate, br, zstd", "Connection: keep-alive",
            "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
            "Upgrade-Insecure-Requests: 1", "Sec-Fetch-Dest: document",
            "Sec-Fetch-Mode: navigate", "Priority: u=0, i", "", "",
        ].joined(separator: "\r\n").utf8)
    static let response = Array(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n".utf8)

    static func pool(
        _ policy: BalancePolicy, replicas: Int, weights: (Int) -> Int = { _ in 1 }
    ) -> Pool {
        Pool(
            row: 0, name: "web", policy: policy,
            replicas: (0..<replicas).map { number in
                Replica(
                    row: number, name: "web-\(number)", addressHigh: 0,
                    addressLow: 0xffff_0a00_0000 + UInt64(number), port: 3_000,
                    weight: weights(number), availability: .ready)
            })
    }

    static func routes(_ count: Int) -> RouteTable {
        RouteTable(
            (0..<count).map { number in
                Route(
                    row: number, host: .exact("host-\(number).example.com"),
                    path: "/path/\(number)", target: .pool(0))
            } + [Route(row: count, target: .pool(0))])
    }

    static func snapshot(routes: Int, replicas: Int) -> Snapshot {
        var snapshot = Snapshot.empty
        snapshot.routes = Samples.routes(routes)
        snapshot.pools = [pool(.roundRobin, replicas: replicas)]
        return snapshot
    }
}
