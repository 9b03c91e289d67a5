import Balancing
import Metrics
import Transport

func route(_ table: RouteTable) {
    let host = Array("host-0.example.com".utf8)
    let path = Array("/path/0/index.html".utf8)
    let method = Array("GET".utf8)
    for _ in 0..<Micro.rounds {
        let request = RouteRequest(
            listenerRow: 0, host: host.span, path: path.span, method: method.span)
        precondition(table.match(request) != nil)
    }
}

func pick(_ picker: inout PoolPicker, _ board: LoadBoard) {
    let tried = TriedReplicas()
    for round in 0..<Micro.rounds {
        let hash = UInt64(round) &* 0x9e37_79b9_7f4a_7c15
        precondition(
            picker.pick(board: board, tried: tried, hash: hash, now: UInt64(round)) != nil)
    }
}

func moveTimers() {
    var wheel = TimerWheel(now: Instant(nanoseconds: 0))
    let timers = (0..<64).map { wheel.make(owner: UInt64($0)) }
    for round in 0..<Micro.rounds {
        let now = Instant(nanoseconds: UInt64(round) * 100_000)
        let timer = timers[round & 63]
        wheel.set(timer, at: now.adding(milliseconds: 60_000))
        precondition(wheel.popDue(now: now) == nil)
        wheel.cancel(timer)
    }
}

func record(in table: CounterTable) {
    for round in 0..<Micro.rounds {
        table.record(microseconds: UInt64(round), row: 0, histogram: 0)
    }
}

func copy(_ snapshot: Snapshot) {
    for _ in 0..<Micro.rounds { precondition(snapshot.deepCopy().pools.count == 1) }
}
