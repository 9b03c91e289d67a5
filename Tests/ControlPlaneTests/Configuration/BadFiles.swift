import Testing

/// A text that is refused, and the whole list of its problems.
struct BadFile: CustomTestStringConvertible, Sendable {
    var text: String
    var problems: [String]

    init(_ text: String, _ problems: String...) {
        self.text = text
        self.problems = problems
    }

    var testDescription: String { text }

    static let all =
        yaml + references + values + sections + sticky + balancing + retry + edge + tls + limits

    private static let listener = "listeners: { web: { bind: 80 } }\n"
    private static let app = "pools: { app: { discover: 'app:1' } }\n"

    private static let yaml = [
        BadFile("", "1:1: the file is empty; it needs 'listeners' and 'pools'"),
        BadFile("# nothing\n", "1:1: the file is empty; it needs 'listeners' and 'pools'"),
        BadFile("~", "1:1: the file is empty; it needs 'listeners' and 'pools'"),
        BadFile(
            "hello",
            "1:1: the file: found 'hello', accepted is a mapping of listeners, routes,"
                + " splits, rollouts, pools, dns, admin, log, tracing, limits, state, workers,"
                + " shutdown_timeout, upgrade_timeout"),
        BadFile(
            "[1, 2]",
            "1:1: the file: found a list, accepted is a mapping of listeners, routes,"
                + " splits, rollouts, pools, dns, admin, log, tracing, limits, state, workers,"
                + " shutdown_timeout, upgrade_timeout"),
        BadFile(
            "listeners:\n\tweb: 1",
            "2:1: a tab; YAML is indented with spaces"),
        BadFile(
            listener + "pools: { app: { discover: 'app:1' }",
            "3:1: not valid YAML: did not find expected ',' or '}' while parsing a flow"
                + " mapping that starts at line 2"),
        BadFile(
            listener + "pools\n  app: 1\n",
            "2:1: not valid YAML: no ':' after this key"),
        BadFile(
            listener + app + "---\na: b",
            "3:1: a second document; accepted is one"),
        BadFile(
            "a: \"\\q\"",
            "1:5: not valid YAML: found unknown escape character while parsing a quoted"
                + " scalar that starts at line 1"),
        BadFile(
            "a: \u{1}",
            "1:4: not a UTF-8 text: control characters are not allowed"),
        BadFile(
            listener + "pools: *app",
            "2:8: no anchor '&app' stands above"),
        BadFile(
            listener + "pools: { a: &app { discover: 'a:1' }, b: *ap }\nroutes: [ { pool: a } ]",
            "2:42: no anchor '&ap' stands above; did you mean 'app'?"),
        BadFile(
            listener + "pools: { a: &a { discover: 'a:1', <<: *a } }",
            "2:39: no anchor '&a' stands above"),
        BadFile(
            listener + "pools: { a: { <<: 5, discover: 'a:1' } }",
            "2:19: <<: found '5', accepted is an alias of a mapping"),
        BadFile(
            listener + "pools: { a: !x { discover: 'a:1' } }",
            "2:13: a tag, '!x'; tags are not supported"),
        BadFile(
            listener + app + "? [a, b]\n: 1\n",
            "3:3: a key that is no plain text; accepted is KEY: VALUE"),
        BadFile(
            listener + app + listener,
            "3:1: 'listeners' stands here again, first in line 1"),
    ]

    private static let references = [
        BadFile(
            "listeners: {}\n" + app,
            "1:12: listeners: found an empty mapping, accepted is a mapping of NAME: { …"
                + " }, one for each listener"),
        BadFile(
            "listeners:\n" + app,
            "1:11: listeners: found nothing, accepted is a mapping of NAME: { … }, one for"
                + " each listener"),
        BadFile(
            app,
            "1:1: no 'listeners'; add at least one: NAME: { bind: \":80\" }"),
        BadFile(
            listener,
            "1:1: no 'pools'; add at least one: NAME: { discover: \"app:8080\" }"),
        BadFile(
            listener + "pools: {}",
            "2:8: pools: found an empty mapping, accepted is a mapping of NAME: { … }, one"
                + " for each pool"),
        BadFile(
            "workers: 2",
            "1:1: no 'listeners'; add at least one: NAME: { bind: \":80\" }",
            "1:1: no 'pools'; add at least one: NAME: { discover: \"app:8080\" }"),
        BadFile(
            listener + "pools: { a: { discover: 'a:1' }, b: { discover: 'b:1' } }",
            "1:14: HTTP from listener 'web' leads nowhere: there are 2 pools; add 'routes:"
                + " [{ pool: NAME }]'"),
        BadFile(
            listener + app + "routes: [ { pool: apq } ]",
            "3:19: pool: no pool 'apq'; did you mean 'app'?"),
        BadFile(
            listener + app + "routes: [ { pool: zzzzzz } ]",
            "3:19: pool: no pool 'zzzzzz'; there are app"),
        BadFile(
            listener + app + "routes: [ { split: app } ]",
            "3:20: split: no split 'app'"),
        BadFile(
            listener + app + "routes: [ { listener: wob, pool: app } ]",
            "3:23: listener: no listener 'wob'; did you mean 'web'?"),
        BadFile(
            listener + app + "routes: [ { path: /a } ]",
            "3:11: this route leads nowhere; add 'pool' or 'split'"),
        BadFile(
            listener + app + "routes: [ { pool: app, split: app } ]",
            "3:24: 'pool' and 'split' exclude each other; keep one",
            "3:31: split: no split 'app'"),
        BadFile(
            listener + app + "routes:\n  - pool: app\n  - { pool: app, path: / }\n",
            "5:5: this route matches the same requests as the one in line 4"),
        BadFile(
            listener + app + "routes:\n  - { path: /a, methods: [GET, PUT], pool: app }\n"
                + "  - { path: /a/, method: PUT, pool: app }\n",
            "5:5: this route matches the same requests as the one in line 4"),
        BadFile(
            "listeners: { t: { bind: 80, protocol: tcp } }\n" + app,
            "1:14: tcp listener 't' leads nowhere; add 'pool', 'split' or 'server_names'"),
        BadFile(
            "listeners: { t: { bind: 80, protocol: tcp, pool: ap } }\n" + app,
            "1:50: pool: no pool 'ap'; did you mean 'app'?"),
        BadFile(
            "listeners: { w: { bind: 80, pool: app } }\n" + app,
            "1:29: 'pool' is for 'protocol: tcp'; where HTTP goes is said under 'routes'"),
        BadFile(
            "listeners: { w: { protocol: http } }\n" + app,
            "1:14: listener 'w' has no 'bind', such as \":80\""),
        BadFile(
            "listeners: { t: { bind: 80, protocol: tcp, pool: app, trust: 10.0.0.0/8 } }\n" + app,
            "1:55: 'trust' is for 'protocol: http'"),
        BadFile(
            "listeners: { t: { bind: 80, protocol: tcp, pool: app } }\n" + app
                + "routes: [ { pool: app } ]",
            "3:1: 'routes' without a listener that speaks HTTP"),
        BadFile(
            "listeners: { w: { bind: 80 }, t: { bind: 81, protocol: tcp, pool: app } }\n" + app
                + "routes: [ { listeners: [w, t], pool: app } ]",
            "3:28: listeners: 't' speaks tcp; routes are for http"),
        BadFile(
            "listeners: { a: { bind: 80 }, b: { bind: '0.0.0.0:80' } }\n" + app,
            "1:42: bind: 0.0.0.0:80 belongs to listener 'a' already"),
        BadFile(
            "listeners: { a: { bind: '127.0.0.1:9900' } }\n" + app,
            "1:25: bind: 127.0.0.1:9900 is wanted by both 'admin' and listener 'a'"),
        BadFile(
            listener + app + "admin: { bind: ':80' }",
            "3:16: bind: 0.0.0.0:80 is wanted by both 'admin' and listener 'web'"),
        BadFile(
            listener + app + "splits: { s: { weights: { app: 0 } } }",
            "3:25: weights: all are zero; at least one pool needs a weight above zero"),
        BadFile(
            listener + app + "splits: { s: { weights: { app: -1 } } }",
            "3:32: app: found '-1', accepted is a number from 0 to 10000"),
        BadFile(
            listener + app + "splits: { s: { weights: { app: many } } }",
            "3:32: app: found 'many', accepted is a number from 0 to 10000"),
        BadFile(
            listener + app + "splits: { s: { weights: { ap: 1 } } }",
            "3:27: weights: no pool 'ap'; did you mean 'app'?"),
        BadFile(
            listener + app + "splits: { s: { weights: {} } }",
            "3:25: weights: found an empty mapping, accepted is a mapping of POOL: WEIGHT"),
        BadFile(
            listener + app + "splits: { s: {} }",
            "3:11: split 's' has no 'weights', such as { POOL: 95 }"),
    ]

    private static let values = [
        BadFile(
            pool("discover: 'http://app:80/x'"),
            "4:15: discover: 'http://app:80/x' is a URL; write app:80"),
        BadFile(
            pool("discover: 'app:0'"),
            "4:15: discover: '0' is no port; accepted is 1 to 65535"),
        BadFile(
            pool("discover: 'app:99999'"),
            "4:15: discover: '99999' is no port; accepted is 1 to 65535"),
        BadFile(
            pool("discover: '1.2.3:80'"),
            "4:15: discover: found '1.2.3:80', accepted is NAME:PORT, ADDRESS:PORT or"
                + " srv:NAME"),
        BadFile(
            pool("discover: '::1:80'"),
            "4:15: discover: '::1:80': an IPv6 address stands in brackets, [ADDRESS]:PORT"),
        BadFile(
            pool("discover: 'srv:app'"),
            "4:15: discover: 'srv:app': accepted is srv:_SERVICE._PROTOCOL.NAME"),
        BadFile(
            pool("discover: []"),
            "4:15: discover: the list is empty"),
        BadFile(
            pool("discover: ['a:1', 'a:1']"),
            "4:23: discover: 'a:1' stands here twice"),
        BadFile(
            pool("discover: [{ weight: 2 }]"),
            "4:16: discover: an entry without 'name' or 'address'"),
        BadFile(
            pool("discover: [{ address: 'app:1' }]"),
            "4:27: address: found 'app:1', accepted is ADDRESS:PORT"),
        BadFile(
            pool("discover: [{ name: 'app:1', weight: 0 }]"),
            "4:41: weight: found '0', accepted is a number from 1 to 1000"),
        BadFile(
            pool("discover:"),
            "4:14: discover: found nothing, accepted is NAME:PORT, ADDRESS:PORT or srv:NAME"),
        BadFile(
            pool("discover: ${NONE}:80"),
            "4:15: the environment has no 'NONE'; set it, or write ${NONE:-default}"),
        BadFile(
            pool("discover: 'app:${POR T}'"),
            "4:20: found '${POR T}', accepted is ${NAME} or ${NAME:-default}"),
        BadFile(
            pool("discover: \"app:$PORT\""),
            "4:20: a '$' that is not ${NAME}; for a plain dollar write $$"),
        BadFile(
            pool("discover: ${EMPTY}"),
            "4:15: discover: found '', accepted is NAME:PORT, ADDRESS:PORT or srv:NAME"),
        BadFile(
            pool("probe: { grpc: x, tcp: on, status: 200 }"),
            "5:23: 'tcp' and 'grpc' exclude each other; keep one",
            "5:32: 'status' is for a probe with 'http: PATH'"),
        BadFile(
            pool("probe: on"),
            "5:12: probe: found 'on', accepted is off, or a mapping such as { http:"
                + " /healthz }"),
        BadFile(
            pool("probe: { tcp: off }"),
            "5:19: tcp: found 'off'; to probe nothing, 'probe: off'"),
        BadFile(
            pool("probe: { http: /a, tcp: on }"),
            "5:24: 'http' and 'tcp' exclude each other; keep one"),
        BadFile(
            pool("probe: { status: 200 }"),
            "5:14: 'status' is for a probe with 'http: PATH'"),
        BadFile(
            pool("probe: { http: /a, status: [399-200, 99, 2xx] }"),
            "5:33: status: found '399-200', accepted is a status such as 200, or a range"
                + " such as 200-399",
            "5:42: status: found '99', accepted is a status such as 200, or a range such"
                + " as 200-399",
            "5:46: status: found '2xx', accepted is a status such as 200, or a range such"
                + " as 200-399"),
        BadFile(
            pool("probe: { http: a?b, interval: 1, timeout: 1.5s }"),
            "5:20: http: found 'a?b', accepted is a path that starts with '/', without"
                + " '?', '#' or spaces",
            "5:35: interval: '1' has no unit; write 1ms or 1s",
            "5:47: timeout: '1.5s' is no whole number with a unit of ms, s, m, h"),
        BadFile(
            pool("timeouts: { connect: 0ms, idle: 99999999999999999999s }"),
            "5:26: connect: found '0ms', accepted is a time from 1ms to 5m, such as 500ms,"
                + " 1s, 1m or 1h",
            "5:37: idle: found '99999999999999999999s', accepted is a time from 1ms to"
                + " 24h, such as 500ms, 1s, 1m or 1h"),
        BadFile(
            pool("hold: 15s"),
            "5:11: hold: found '15s', accepted is off, or a mapping of timeout, requests,"
                + " bytes, release"),
        BadFile(
            pool("addresses: [any]"),
            "5:16: addresses: found a list, accepted is automatic, attached, any"),
        BadFile(
            pool("drain: { tunnels: 20, spread: -1s, idle: 1s }"),
            "5:23: tunnels: '20' has no unit; write 20ms or 20s",
            "5:35: spread: found '-1s', accepted is a time from 0ms to 1h, such as 500ms, 1s, 1m"
                + " or 1h",
            "5:40: unknown key 'idle' in 'pools.NAME.drain'; accepted are tunnels, spread"),
        BadFile(
            pool("attempts: +3"),
            "5:15: attempts: found '+3', accepted is a number from 1 to 10"),
    ]

    private static let sections = [
        BadFile(
            listener + app + "limits: { request_head: 64KB, replay: 64 }",
            "3:25: request_head: '64KB' is no whole number with a unit of B, kB, KiB, MB,"
                + " MiB, GB, GiB",
            "3:39: replay: '64' has no unit; write 64B or 64kB"),
        BadFile(
            listener + app + "dns: { servers: [a, '1.1.1.1:0'] }",
            "3:18: servers: 'a' has no port; write a:PORT",
            "3:21: servers: '0' is no port; accepted is 1 to 65535"),
        BadFile(
            listener + app + "admin: { socket: run/x }",
            "3:18: socket: found 'run/x', accepted is a path that starts with '/', of at"
                + " most 107 bytes"),
        BadFile(
            listener + app + "log: { access: stdot, level: warn }",
            "3:16: access: found 'stdot', accepted is off, stdout, or the path of a file,"
                + " such as /var/log/weir.log",
            "3:30: level: found 'warn', accepted is debug, info, warning, error; did you"
                + " mean 'warning'?"),
        BadFile(
            listener + app + "log: { format: clf, sample: 120%, slower_than: 0ms }",
            "3:16: format: found 'clf', accepted is json, combined",
            "3:29: sample: found '120%', accepted is a share from 0% to 100%, such as 99% or 0.5%",
            "3:48: slower_than: found '0ms', accepted is a time from 1ms to 1h, such as 500ms,"
                + " 1s, 1m or 1h"),
        BadFile(
            listener + app + "workers: 0",
            "3:10: workers: found '0', accepted is a number from 1 to 256"),
        BadFile(
            listener + app + "state: state.json",
            "3:8: state: found 'state.json', accepted is off, or the path of a file,"
                + " such as /var/lib/weir/state.json"),
        BadFile(
            listener + app + "shutdown_timeout: 10",
            "3:19: shutdown_timeout: '10' has no unit; write 10ms or 10s"),
        BadFile(
            listener + app + "upgrade_timeout: 169h",
            "3:18: upgrade_timeout: found '169h', accepted is a time from 0ms to 168h, such as"
                + " 500ms, 1s, 1m or 1h"),
        BadFile(
            listener + app + "rollouts: {}",
            "3:11: rollouts: found an empty mapping, accepted is a mapping of NAME: { … }, one for"
                + " each rollout"),
        BadFile(
            listener + app + "splits: { s: { weights: { app: 1 } } }\n"
                + "rollouts: { t: { to: ap, steps: [5, 5], every: 1 } }",
            "4:13: rollouts: no split 't'; did you mean 's'?",
            "4:22: to: no pool 'ap'; did you mean 'app'?",
            "4:33: steps: they must rise, such as [5, 25, 50, 100]",
            "4:48: every: '1' has no unit; write 1ms or 1s"),
        BadFile(
            listener + app + "splits: { s: { weights: { app: 1 } } }\n"
                + "rollouts: { s: { max_error_difference: 1, max_latency_ratio: 0.5,"
                + " latency_quantile: 100%, min_requests: few,"
                + " hooks: { after_abort: 'ftp://a' } } }",
            "4:40: max_error_difference: found '1', accepted is a share from 0% to 100%, such as"
                + " 99% or 0.5%",
            "4:62: max_latency_ratio: found '0.5', accepted is a number from 1 to 1000, such as"
                + " 1.5",
            "4:85: latency_quantile: found '100%', accepted is a share from 50% to 99.9%, such as"
                + " 99% or 0.5%",
            "4:105: min_requests: found 'few', accepted is a number from 0 to 10000000",
            "4:132: after_abort: found 'ftp://a', accepted is http://HOST:PORT/PATH"),
        BadFile(
            listener + app + "colour: red",
            "3:1: unknown key 'colour' in the file; accepted are listeners, routes,"
                + " splits, rollouts, pools, dns, admin, log, tracing, limits, state, workers,"
                + " shutdown_timeout, upgrade_timeout"),
        BadFile(
            listener + "pools: { 'a b': { discover: 'a:1' } }",
            "2:10: found 'a b', accepted as the name of a pool are up to 63 letters,"
                + " digits, '-', '_' and '.'"),
        BadFile(
            "listeners: { 'we=b': { bind: 80 } }\n" + app,
            "1:14: found 'we=b', accepted as the name of a listener are up to 63 letters,"
                + " digits, '-', '_' and '.'"),
        BadFile(
            "listeners: { w: { bind: '300.0.0.1:80', trust: [10.0.0.0/33] } }\n" + app,
            "1:25: bind: found '300.0.0.1:80', accepted is ADDRESS:PORT, such as"
                + " 0.0.0.0:80, [::]:80 or :80",
            "1:49: trust: found '10.0.0.0/33', accepted is a subnet such as 10.0.0.0/8, or"
                + " an address"),
        BadFile(
            listener + app + "routes: [ { method: CONNECT, pool: app } ]",
            "3:21: method: found 'CONNECT', accepted is a method such as GET"),
        BadFile(
            listener + app + "routes: [ { host: 'http://a', path: a, pool: app } ]",
            "3:19: host: found 'http://a', accepted is a host without port, such as"
                + " example.com or *.example.com",
            "3:37: path: found 'a', accepted is a path that starts with '/', without '?',"
                + " '#' or spaces"),
        BadFile(
            listener + app + "routes: [ { headers: { 'a b': x, C: 1, c: 2 }, pool: app } ]",
            "3:24: 'a b' is no name of a header field",
            "3:40: 'c' stands here twice; upper and lower case are the same"),
        BadFile(
            listener + app + "routes: { pool: app }",
            "3:9: routes: found a mapping, accepted is a list of routes, such as - { path:"
                + " /v1, pool: NAME }"),
    ]
}
