@testable import Balancing
import Testing

@Suite("Snapshots")
struct SnapshotTests {
    private let long = "a name that is too long to be stored within the value itself"

    private func make() -> Snapshot {
        let replica = Replica(
            row: 4, name: long, addressHigh: 0, addressLow: 1, port: 80, weight: 3,
            availability: .ready)
        let settings = PoolSettings()
        return Snapshot(
            generation: 9, phase: .draining(deadline: 5),
            listeners: [
                Listener(
                    row: 1, name: long, mode: .tcp(.split(0)), descriptors: [7, 8],
                    trusted: [AddressRange(maskHigh: 1, maskLow: 2, baseHigh: 0, baseLow: 2)])
            ],
            routes: RouteTable([
                Route(row: 0, target: .pool(0)),
                Route(
                    row: 1, listeners: [1], host: .exact(long + ".test"), path: "/" + long,
                    methods: [long], headers: [HeaderRule(name: long, value: long)],
                    target: .split(0)),
                Route(row: 2, host: .wildcard("." + long + ".test"), target: .pool(0)),
                Route(row: 3, target: .pool(0)),
            ]),
            splits: [
                Split(
                    row: 2, name: long, schedule: SplitSchedule([.init(pool: 0, weight: 2)]),
                    ticket: SplitTicket())
            ],
            pools: [
                Pool(
                    row: 3, name: long, policy: .powerOfTwo, replicas: [replica], isPaused: true,
                    settings: settings)
            ],
            limits: Limits())
    }

    @Test("A deep copy says the same")
    func same() {
        let original = make()
        let copy = original.deepCopy()
        #expect(textOf(copy) == textOf(original))
        #expect(copy.routes.routes.map(\.row) == [1, 2, 0, 3])
    }

    @Test("A deep copy shares no memory but the tickets of its splits and the routes")
    func noSharing() {
        let original = make()
        let copy = original.deepCopy()
        #expect(copy.splits[0].ticket === original.splits[0].ticket)
        let routes = addresses(of: original.routes)
        let shared = addresses(of: copy).intersection(addresses(of: original))
        #expect(shared.subtracting(routes).isEmpty)
        #expect(routes.isSubset(of: shared))
        #expect(addresses(of: copy).subtracting(routes).count > 8)
    }

    private func textOf(_ snapshot: Snapshot) -> String {
        var text = ""
        dump(snapshot.listeners, to: &text)
        dump(snapshot.routes, to: &text)
        dump(snapshot.splits.map(\.schedule), to: &text)
        dump(snapshot.splits.map(\.name), to: &text)
        dump(snapshot.pools, to: &text)
        return text + "\(snapshot.generation) \(snapshot.phase) \(snapshot.limits)"
    }

    /// Where the elements of all arrays and the bytes of all long strings are.
    private func addresses(of value: Any) -> Set<UInt> {
        var found: Set<UInt> = []
        collect(value, into: &found)
        return found
    }

    private func collect(_ value: Any, into found: inout Set<UInt>) {
        if value is SplitTicket { return }
        if let string = value as? String {
            if string.utf8.count > 15 { found.formUnion(storage(of: string.utf8)) }
            return
        }
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .collection, let elements = value as? any Collection {
            found.formUnion(storage(of: elements))
        }
        for child in mirror.children { collect(child.value, into: &found) }
    }

    private func storage(of elements: some Collection) -> [UInt] {
        guard !elements.isEmpty else { return [] }
        let address = elements.withContiguousStorageIfAvailable {
            UInt(bitPattern: $0.baseAddress)
        }
        return address.map { [$0] } ?? []
    }
}
