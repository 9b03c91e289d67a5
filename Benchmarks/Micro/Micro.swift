import Balancing
import HTTP
import Metrics
import Transport

/// Runs the function that is named by the argument, 1,000 rounds of it, once to warm up and once to
/// be counted; without an argument it prints the names.
@main
enum Micro {
    static let rounds = 1_000

    static func main() {
        let functions = heads() + routes() + pickers() + others()
        guard CommandLine.arguments.count > 1 else {
            for (name, _) in functions { print(name) }
            return
        }
        for (name, function) in functions where name == CommandLine.arguments[1] {
            // What happens once, such as the runtime's look for a type, happens here.
            function()
            collectedPass(function)
        }
    }

    /// What callgrind counts.
    @inline(never)
    private static func collectedPass(_ function: () -> Void) { function() }

    private static func heads() -> [(String, () -> Void)] {
        [
            ("parse-small", { parseRequests(Samples.small) }),
            ("parse-browser", { parseRequests(Samples.browser) }),
            ("parse-response", { parseResponses(Samples.response) }),
            ("write-small", { writeRequests(Samples.small) }),
            ("write-browser", { writeRequests(Samples.browser) }),
            ("write-response", { writeResponses(Samples.response) }),
        ]
    }

    private static func routes() -> [(String, () -> Void)] {
        let (one, many) = (Samples.routes(1), Samples.routes(1_000))
        return [
            ("route-among-1", { route(one) }), ("route-among-1000", { route(many) }),
        ]
    }

    private static func pickers() -> [(String, () -> Void)] {
        let board = LoadBoard(workers: 2, replicaRowsMaximum: 1_000)
        func picking(
            _ policy: BalancePolicy, from replicas: Int, weights: Int = 1
        ) -> () -> Void {
            var picker = PoolPicker(seed: 1)
            picker.adopt(Samples.pool(policy, replicas: replicas) { 1 + $0 % weights })
            return { pick(&picker, board) }
        }
        return [
            ("turns-of-3", picking(.roundRobin, from: 3)),
            ("turns-of-1000", picking(.roundRobin, from: 1_000)),
            ("weighted-turns-of-3", picking(.roundRobin, from: 3, weights: 3)),
            ("weighted-turns-of-1000", picking(.roundRobin, from: 1_000, weights: 3)),
            ("least-connections-of-3", picking(.leastConnections, from: 3)),
            ("least-connections-of-1000", picking(.leastConnections, from: 1_000)),
            ("two-choices-of-1000", picking(.powerOfTwo, from: 1_000)),
            ("hash-of-1000", picking(.consistentHash, from: 1_000)),
        ]
    }

    private static func others() -> [(String, () -> Void)] {
        let table = CounterTable(rowsMaximum: 1, columns: Histogram.bucketCount)
        let snapshot = Samples.snapshot(routes: 1_000, replicas: 3)
        return [
            ("timer", moveTimers), ("histogram", { record(in: table) }),
            ("snapshot-copy", { copy(snapshot) }),
        ]
    }
}
