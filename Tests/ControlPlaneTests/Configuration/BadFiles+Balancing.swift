/// What is refused of how a pool chooses among its replicas.
extension BadFile {
    static let balancing = [
        BadFile(
            pool("ejection: 5"),
            "5:15: ejection: found '5', accepted is on, off, or a mapping of failures, window,"
                + " requests, difference, time, time_max, share"),
        BadFile(
            pool("ejection: { difference: 20, share: 101%, requests: 2 }"),
            "5:29: difference: found '20', accepted is a share from 1% to 100%, such as 20%",
            "5:40: share: found '101%', accepted is a share from 0% to 100%, such as 20%",
            "5:56: requests: found '2', accepted is a number from 5 to 1000000"),
        BadFile(
            pool("balance: consistent-hash", "slow_start: 10s"),
            "6:5: 'slow_start' does not go with 'balance: consistent-hash': keys would move with"
                + " every step"),
        BadFile(
            pool("slow_start: 10"),
            "5:17: slow_start: '10' has no unit; write 10ms or 10s"),
        BadFile(
            "listeners: { web: { bind: 80 } }\nroutes: [{ pool: a }]\npools:\n"
                + "  a: { discover: 'a:1', backup: b }\n  b: { discover: 'b:1', backup: a }\n"
                + "  c: { discover: 'c:1', backup: c }\n  d: { discover: 'd:1', backup: a }\n"
                + "  e: { discover: 'e:1', backup: nosuch }\n",
            "4:33: backup: it leads back to itself: a -> b -> a",
            "5:33: backup: it leads back to itself: b -> a -> b",
            "6:33: backup: it leads back to itself: c -> c",
            "8:33: backup: no pool 'nosuch'; there are a, b, c, d, e"),
        BadFile(
            "listeners: { web: { bind: 80 } }\nroutes: [{ pool: a }]\npools:\n"
                + "  a: { discover: 'a:1', backup: b }\n  b: { discover: 'b:1', backup: c }\n"
                + "  c: { discover: 'c:1', backup: d }\n  d: { discover: 'd:1', backup: e }\n"
                + "  e: { discover: 'e:1', backup: f }\n  f: { discover: 'f:1' }\n",
            "4:33: backup: at most 4 in a row are possible: a -> b -> c -> d -> e -> f"),
        BadFile(
            pool("hash: path"),
            "5:5: 'hash' is for 'balance: consistent-hash'"),
        BadFile(
            pool("balance: consistent-hash", "hash: { header: x, cookie: y }"),
            "6:24: 'header' and 'cookie' exclude each other; keep one"),
        BadFile(
            pool("balance: consistent-hash", "hash: { header: 'a b' }"),
            "6:21: header: found 'a b', accepted is the name of a header field"),
        BadFile(
            pool("balance: consistent-hash", "hash: user"),
            "6:11: hash: found 'user', accepted is address, path, { header: NAME } or"
                + " { cookie: NAME }"),
    ]
}
