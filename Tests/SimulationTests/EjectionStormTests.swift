import Testing

@testable import ControlPlane

/// Random traffic for `EjectionState`: what it must see, and what it must not take for more than
/// chance.
struct EjectionStormTests {
    @Test(
        "Replicas that are alike are not ejected for their random errors",
        arguments: [0.001, 0.02, 0.1, 0.3, 0.6, 0.98])
    func alike(share: Double) {
        var ejections = 0
        for seed in 1...16 as ClosedRange<UInt64> {
            var traffic = RandomTraffic(seed: seed, replicas: 2 + Int(seed % 7))
            for sample in 0..<1_500 {
                let rate = [1, 5, 40, 400][(sample / 100) % 4]
                ejections += traffic.sample(rate: rate) { _ in share }.count
            }
        }
        // 24,000 samples of two to eight replicas, at each share.
        #expect(ejections == 0)
    }

    @Test("Errors that all replicas have at once speak against nobody")
    func allAtOnce() {
        for seed in 1...100 as ClosedRange<UInt64> {
            var traffic = RandomTraffic(seed: seed, replicas: 3)
            for sample in 0..<400 {
                let isBroken = (sample / 25) % 2 == 1
                let found = traffic.sample(rate: 100) { _ in isBroken ? 0.95 : 0.001 }
                #expect(found.isEmpty)
            }
        }
    }

    @Test("A replica with nothing but errors is found in the second sample at the latest")
    func broken() {
        for seed in 1...200 as ClosedRange<UInt64> {
            var traffic = RandomTraffic(seed: seed, replicas: 3)
            for _ in 0..<60 { _ = traffic.sample(rate: 150) { _ in 0.001 } }
            _ = traffic.sample(rate: 150) { $0 == 1 ? 0.5 : 0.001 }
            let found = traffic.sample(rate: 150) { $0 == 1 ? 1 : 0.001 }
            #expect(found.first == 1)
        }
    }

    @Test("Five requests that fail are enough when two others do well, however slow the traffic")
    func slowTraffic() {
        var traffic = RandomTraffic(seed: 3, replicas: 3)
        for _ in 0..<4 {
            let found = traffic.sample(each: [1, 1, 1]) { $0 == 2 ? 1 : 0 }
            #expect(found.isEmpty)
        }
        #expect(traffic.sample(each: [1, 1, 1]) { $0 == 2 ? 1 : 0 } == [2])
    }

    @Test("A replica with a third of errors more than the others is found within the window")
    func partlyBroken() {
        for seed in 1...100 as ClosedRange<UInt64> {
            var traffic = RandomTraffic(seed: seed, replicas: 4)
            for _ in 0..<50 { _ = traffic.sample(rate: 80) { _ in 0.02 } }
            var isFound = false
            for _ in 0..<50 where !isFound {
                isFound = traffic.sample(rate: 80) { $0 == 0 ? 0.35 : 0.02 }.contains(0)
            }
            #expect(isFound)
        }
    }

    @Test(
        "A replica with a tenth of errors more than the others stays: that is a rollout's business")
    func slightlyWorse() {
        for seed in 1...50 as ClosedRange<UInt64> {
            var traffic = RandomTraffic(seed: seed, replicas: 3)
            for _ in 0..<300 {
                #expect(traffic.sample(rate: 300) { $0 == 0 ? 0.11 : 0.01 }.isEmpty)
            }
        }
    }
}

private struct RandomTraffic {
    var state = EjectionState()
    var now = 0
    var random: UInt64
    let replicas: Int

    init(seed: UInt64, replicas: Int) {
        random = seed &* 0xd134_2543_de82_ef95
        self.replicas = replicas
    }

    /// 200 ms with `rate` requests in turn; the positions of those that something speaks against.
    mutating func sample(rate: Int, _ share: (Int) -> Double) -> [Int] {
        var counts = [Int](repeating: rate / replicas, count: replicas)
        for _ in 0..<(rate % replicas) { counts[Int(next() % UInt64(replicas))] += 1 }
        return sample(each: counts, share)
    }

    mutating func sample(each counts: [Int], _ share: (Int) -> Double) -> [Int] {
        now += 200
        let tallies = counts.indices.compactMap { replica -> ReplicaTally? in
            guard counts[replica] > 0 else { return nil }
            var bad = 0
            for _ in 0..<counts[replica] where chance() < share(replica) { bad += 1 }
            return ReplicaTally(
                id: ReplicaID(UInt64(replica)), good: counts[replica] - bad, bad: bad)
        }
        return state.take(tallies, EjectionConfiguration(), now: now).map { Int($0.id.number) }
    }

    private mutating func chance() -> Double { Double(next() >> 11) / Double(1 << 53) }

    private mutating func next() -> UInt64 {
        random &+= 0x9e37_79b9_7f4a_7c15
        var bits = random
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }
}
