@testable import Balancing

/// Random numbers that are the same in every run, so that a failure can be seen again.
struct Seeded: RandomNumberGenerator {
    private var source: RandomSource
    init(_ seed: UInt64) { source = RandomSource(seed: seed) }
    mutating func next() -> UInt64 { source.next() }
}

/// What an exact share of `weight` in `picks` picks may differ by: less than one pick.
func isWithinOne(_ count: Int, share weight: Int, of sum: Int, picks: Int) -> Bool {
    abs(count * sum - picks * weight) <= sum
}

func makeReplica(
    _ row: Int, weight: Int = 1, _ availability: Replica.Availability = .ready
) -> Replica {
    Replica(
        row: row, name: "replica-\(row)", addressHigh: 0, addressLow: 0xffff_7f00_0001, port: 8080,
        weight: weight, availability: availability)
}

func makePool(_ replicas: [Replica], _ policy: BalancePolicy = .roundRobin) -> Pool {
    Pool(row: 0, name: "web", policy: policy, replicas: replicas)
}

/// A picker with its pool and board, as a worker has them.
struct PickerBed {
    var pool: Pool
    var picker: PoolPicker
    let board = LoadBoard(workers: 2, replicaRowsMaximum: 2048)

    init(_ pool: Pool, seed: UInt64 = 1) {
        self.pool = pool
        picker = PoolPicker(seed: seed)
        picker.adopt(pool)
    }

    mutating func adopt(_ replicas: [Replica]) {
        pool.replicas = replicas
        picker.adopt(pool)
    }

    mutating func pick(
        tried rows: [Int] = [], hash: UInt64? = nil, now: UInt64 = 0
    ) -> Replica? {
        var tried = TriedReplicas()
        for row in rows { tried.insert(row) }
        return picker.pick(board: board, tried: tried, hash: hash, now: now).map {
            pool.replicas[$0]
        }
    }

    /// The rows of so many picks in a row.
    mutating func rows(_ count: Int) -> [Int] { (0..<count).map { _ in pick()?.row ?? -1 } }
}

func counts(_ rows: some Sequence<Int>) -> [Int: Int] {
    rows.reduce(into: [:]) { $0[$1, default: 0] += 1 }
}
