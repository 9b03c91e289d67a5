internal import Balancing
internal import HTTP
internal import Metrics
internal import Transport

/// Which pool an exchange goes to, and what of the request its pool and split go by.
extension Worker {
    /// The pool, by way of the split if there is one.
    ///
    /// - Parameter received: what the head was just parsed from; nil for a TCP connection.
    mutating func choosePool(_ exchange: Ref<Exchange>, _ target: Target, _ received: Buffer?) {
        switch target {
        case .pool(let position): exchange.its.pool = poolsByPosition[position]
        case .split(let position): exchange.its.pool = choose(in: position, exchange, received)
        }
        guard let pool = exchange.its.pool else { return }
        pool.its.useCount += 1
        pool.its.arrivals += 1
        exchange.its.place = pool.its.arrivals
        pool.its.budget.noteRequest(second: now.seconds)
        if pool.its.needsHash { noteHash(exchange, pool, received) }
        if pool.its.isSticky, let received { noteReplicaTag(exchange, pool, received) }
        counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.requests.rawValue)
        if exchange.its.yieldedFromSplit {
            exchange.note(.yielded)
            counters.pools.add(1, row: pool.its.pool.row, column: PoolColumn.yielded.rawValue)
        }
    }

    private mutating func noteHash(
        _ exchange: Ref<Exchange>, _ pool: Ref<UpstreamPool>, _ received: Buffer?
    ) {
        let client = exchange.its.client
        if let received {
            exchange.its.hash = hash(of: pool.its.pool.hashKey, received, from: client)
        } else if pool.its.pool.hashKey == .clientAddress {
            exchange.its.hash = hashOfAddress(client)
        }
    }

    private mutating func choose(
        in position: Int, _ exchange: Ref<Exchange>, _ received: Buffer?
    ) -> Ref<UpstreamPool>? {
        var available: UInt64 = 0
        for entry in 0..<snapshot.splits[position].schedule.entries.count
        where hasOffer(poolsByPosition[snapshot.splits[position].schedule.entries[entry].pool]) {
            available |= 1 << UInt64(entry)
        }
        let wish = wish(in: position, exchange, received)
        guard let choice = snapshot.splits[position].choose(wish, available: available) else {
            return nil
        }
        exchange.its.yieldedFromSplit = choice.hasYielded
        if let slot = choice.newSlot {
            exchange.its.newSlot = Int16(slot)
            exchange.its.splitMark = snapshot.splits[position].stickiness.mark
        }
        return poolsByPosition[snapshot.splits[position].schedule.entries[choice.entry].pool]
    }

    /// What the request says about where it belongs.
    mutating func wish(
        in position: Int, _ exchange: Ref<Exchange>, _ received: Buffer?
    ) -> SplitWish {
        var wish = SplitWish()
        if let received, !snapshot.splits[position].pins.isEmpty {
            readPins(in: position, received, &wish)
            if wish.always != nil { return wish }
        }
        switch snapshot.splits[position].stickiness.kind {
        case .off: break
        case .cookie:
            if let received { wish.slot = signedSlot(in: position, received) }
        case .hash:
            guard let key = snapshot.splits[position].stickiness.key else { break }
            let client = exchange.its.client
            let hash =
                if let received {
                    hash(of: key, received, from: client)
                } else {
                    key == .clientAddress ? hashOfAddress(client) : nil
                }
            wish.slot = hash.map(StickyTable.slot(ofHash:))
        }
        return wish
    }

    /// The first pin that says something is the one that counts.
    private mutating func readPins(
        in position: Int, _ received: Buffer, _ wish: inout SplitWish
    ) {
        let bytes = received.bytes
        for index in snapshot.splits[position].pins.indices {
            let pin = snapshot.splits[position].pins[index]
            guard let range = range(of: pin.key, in: bytes) else { continue }
            let value = bytes.extracting(range)
            if value.spells("always") {
                wish.always = pin.entry
                return
            }
            if value.spells("never") {
                wish.never = pin.entry
                return
            }
        }
    }
}

extension Span where Element == UInt8 {
    /// Whether these are the bytes of the word.
    fileprivate func spells(_ word: String) -> Bool {
        let word = word.utf8
        return count == word.count && zip(indices, word).allSatisfy { self[$0] == $1 }
    }
}
