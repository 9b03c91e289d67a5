/// Points on a circle, many for each member: a key belongs to the member whose point comes next.
///
/// Points depend on a member's name and its weight only. So whoever comes or goes moves the keys of
/// its own points and no others, and all workers, and all weirs, agree.
struct HashRing: Sendable {
    /// Who has points, and how many.
    struct Member: Equatable, Sendable {
        /// Of its name and port.
        var seed: UInt64
        var weight: Int32
    }

    /// Points of a member of weight 1, as long as there are few enough in all.
    static let pointsPerWeight = 128
    /// Half as many for each, and again, as long as there would be more.
    static let pointsMaximum = 131_072

    private static let placeBits: UInt64 = 0xffff_ffff_0000_0000

    /// The place of each point in the upper half, the index of its member in the lower; in order.
    private var points: [UInt64] = []
    private var members: [Member] = []
    private var perWeight = HashRing.pointsPerWeight

    var count: Int { points.count }

    /// The first point at or after the key.
    func place(of key: UInt64) -> Int {
        let wanted = HashRing.mixed(key) & HashRing.placeBits
        var low = 0
        var high = points.count
        while low < high {
            let middle = (low &+ high) / 2
            if points[middle] < wanted { low = middle &+ 1 } else { high = middle }
        }
        return low == points.count ? 0 : low
    }

    /// The point after this one.
    func next(_ place: Int) -> Int { place &+ 1 == points.count ? 0 : place &+ 1 }

    /// The index of the member that the point belongs to.
    func member(at place: Int) -> Int { Int(points[place] & ~HashRing.placeBits) }

    /// Takes over other members. Only the points of those that are new are computed.
    mutating func adopt(_ new: [Member]) {
        guard new != members else { return }
        let perWeight = HashRing.pointsPerWeight(of: new)
        // Where the points of former members are now; equal ones keep theirs in order.
        var indices: [UInt64: [Int]] = [:]
        for (index, member) in new.enumerated().reversed() {
            indices[member.seed, default: []].append(index)
        }
        var renamed = [Int](repeating: -1, count: members.count)
        var isKept = [Bool](repeating: false, count: new.count)
        if perWeight == self.perWeight {
            for (index, member) in members.enumerated() {
                guard let match = indices[member.seed]?.last, new[match] == member else { continue }
                indices[member.seed]?.removeLast()
                renamed[index] = match
                isKept[match] = true
            }
        }
        points = points.compactMap { point in
            let index = renamed[Int(point & ~HashRing.placeBits)]
            return index < 0 ? nil : point & HashRing.placeBits | UInt64(index)
        }
        for (index, member) in new.enumerated() where !isKept[index] {
            append(member, index, max(1, Int(member.weight) * perWeight))
        }
        points.sort()
        members = new
        self.perWeight = perWeight
    }

    private mutating func append(_ member: Member, _ index: Int, _ count: Int) {
        for number in 0..<UInt64(count) {
            let place = HashRing.mixed(member.seed &+ number &* 0x9e37_79b9_7f4a_7c15)
            points.append(place & HashRing.placeBits | UInt64(index))
        }
    }

    private static func pointsPerWeight(of members: [Member]) -> Int {
        let sum = members.reduce(0) { $0 + Int($1.weight) }
        var points = pointsPerWeight
        while points > 1, sum * points > pointsMaximum { points /= 2 }
        return points
    }

    /// Every bit of the result depends on every bit of the key.
    private static func mixed(_ key: UInt64) -> UInt64 {
        var bits = key &+ 0x9e37_79b9_7f4a_7c15
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ (bits >> 31)
    }
}

extension HashRing.Member {
    /// A container's name stays when it is made anew at another address, and so do its keys.
    init(_ replica: borrowing Replica, weight: Int32) {
        let name = replica.name.utf8.reduce(hashStart, hashStep)
        seed = hashStep(hashStep(name, UInt8(replica.port >> 8)), UInt8(replica.port & 0xff))
        self.weight = weight
    }
}
