/// What is wrong with `sticky` and `pin`.
extension BadFile {
    private static let start =
        "listeners: { web: { bind: 80 } }\nroutes: [ { split: s } ]\n"
        + "pools: { a: { discover: 'a:1' }, b: { discover: 'b:1' }, c: { discover: 'c:1' } }\n"

    private static func split(_ keys: String, _ problems: String...) -> BadFile {
        var file = BadFile("\(start)splits: { s: { weights: { a: 1, b: 0 }, \(keys) } }")
        file.problems = problems
        return file
    }

    static let sticky = [
        split(
            "sticky: on",
            "4:49: sticky: found 'on', accepted is cookie, off, or a mapping such as { hash: {"
                + " header: NAME } }"),
        split(
            "sticky: {}",
            "4:49: sticky: found an empty mapping, accepted is cookie, off, or a mapping such as"
                + " { hash: { header: NAME } }"),
        split(
            "sticky: { cookie: 'a b' }",
            "4:59: cookie: found 'a b', accepted is the name of a cookie: up to 64 letters,"
                + " digits and !#$%&'*+-.^_`|~"),
        split(
            "sticky: { max_age: 401d }",
            "4:60: max_age: found '401d', accepted is a time from 1s to 400d, such as 1h or 30d"),
        split(
            "sticky: { max_age: 30 }", "4:60: max_age: '30' has no unit; write 30h or 30d"),
        split(
            "sticky: { key_file: key }",
            "4:61: key_file: found 'key', accepted is the path of a file, such as"
                + " /run/secrets/weir"),
        split(
            "sticky: { cookie: x, hash: { header: y } }",
            "4:62: 'cookie' and 'hash' exclude each other; keep one"),
        split(
            "sticky: { hash: header }",
            "4:57: hash: found 'header', accepted is { header: NAME } or { cookie: NAME }"),
        split(
            "sticky: { hash: { header: 'x y' } }",
            "4:67: header: found 'x y', accepted is the name of a header field"),
        split(
            "sticky: { hash: { header: a, cookie: b } }",
            "4:70: 'header' and 'cookie' exclude each other; keep one"),
        split(
            "pin: { header: x, pool: a }",
            "4:46: pin: found a mapping, accepted is a list of these: a pin, such as { header:"
                + " NAME, pool: POOL }"),
        split("pin: []", "4:46: pin: the list is empty"),
        split(
            "pin: [ { pool: a } ]", "4:48: this pin has neither 'header' nor 'cookie'"),
        split(
            "pin: [ { header: x } ]",
            "4:48: this pin has no 'pool', which must be one of the split"),
        split(
            "pin: [ { header: x, pool: c } ]",
            "4:67: pool: 'c' is not in the split; add it to 'weights', with 0 for no share"),
        split("pin: [ { header: x, pool: d } ]", "4:67: pool: no pool 'd'; did you mean 'a'?"),
        split(
            "pin: [ { header: x, cookie: y, pool: a } ]",
            "4:61: 'header' and 'cookie' exclude each other; keep one"),
        BadFile(
            "\(start)splits: { s: { weights: { a: 1 }, sticky: cookie }, t: { weights: { a: 1 },"
                + " sticky: { cookie: weir_s } } }",
            "4:95: sticky: the cookie 'weir_s' belongs to split 's' already"),
        BadFile(
            pool("sticky: { cookie: weir_s }") + "\nroutes: [ { split: s } ]\n"
                + "splits: { s: { weights: { web: 1 }, sticky: cookie } }",
            "5:23: sticky: the cookie 'weir_s' belongs to split 's' already"),
        BadFile(
            pool("sticky: { hash: { header: x } }"),
            "5:15: unknown key 'hash' in 'pools.NAME.sticky'; accepted are cookie, max_age,"
                + " key_file"),
    ]
}
