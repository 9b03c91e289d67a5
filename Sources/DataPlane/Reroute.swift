internal import Balancing
internal import HTTP
internal import Transport

/// Requests that wait, and for whom their pool is not the right one any more.
extension Worker {
    /// The newest snapshot does not have its pool, or another one is ready: it is in no queue now.
    /// It goes where one goes that comes now, and waits on if need be. What a replica may have done
    /// already goes nowhere else, unless the route that is for it now allows that.
    mutating func reroute(_ exchange: Ref<Exchange>) {
        guard exchange.its.isOpen else { return }
        if let former = exchange.its.pool {
            endTrial(of: exchange)
            exchange.its.pool = nil
            former.its.useCount -= 1
            freeIfUnused(former)
        }
        forgetChoice(of: exchange)
        let head = readAgain(exchange)
        guard let target = target(again: exchange, head) else { return fail(exchange, .noRoute) }
        guard mayGoElsewhere(exchange) else { return fail(exchange, .noReadyReplica) }
        choosePool(exchange, target, head)
        dispatch(exchange)
    }

    /// One that was due at a pool of a split when none had anything ready goes to the first that
    /// has, as one does that comes now. What a pin keeps away from a pool is not asked twice.
    ///
    /// - Returns: whether it does; else it waits where it is.
    mutating func yieldsNow(_ exchange: Ref<Exchange>) -> Bool {
        guard !snapshot.splits.isEmpty, let pool = exchange.its.pool, !pool.its.pool.isPaused,
            !hasOffer(pool)
        else { return false }
        let head = readAgain(exchange)
        guard case .split(let position) = target(again: exchange, head),
            mayGoElsewhere(exchange), hasShareOnOffer(in: position),
            wish(in: position, exchange, head).never == nil
        else { return false }
        release(exchange)
        reroute(exchange)
        return true
    }

    private mutating func hasShareOnOffer(in position: Int) -> Bool {
        let entries = snapshot.splits[position].schedule.entries
        for entry in entries where entry.weight > 0 {
            let pool = poolsByPosition[entry.pool]
            if !pool.its.pool.isPaused, hasOffer(pool) { return true }
        }
        return false
    }

    private mutating func mayGoElsewhere(_ exchange: Ref<Exchange>) -> Bool {
        exchange.its.isIdempotent || exchange.its.connectedCount == 0
    }

    /// Where it goes by the newest snapshot; its head must have been read again.
    private mutating func target(again exchange: Ref<Exchange>, _ head: Buffer?) -> Target? {
        let row = exchange.its.client.its.listenerRow
        if exchange.its.kind == .tunnel { return target(of: exchange.its.client, row) }
        guard let head else { return nil }
        exchange.its.isIdempotent = exchange.its.method.isIdempotent
        return route(head, row, exchange)
    }

    private mutating func forgetChoice(of exchange: Ref<Exchange>) {
        exchange.its.hash = nil
        exchange.its.newSlot = -1
        exchange.its.replicaTag = 0
        exchange.its.yieldedFromSplit = false
        exchange.its.isBackedUp = false
        exchange.its.tried = TriedReplicas()
    }

    private mutating func target(of client: Ref<ClientConnection>, _ row: Int) -> Target? {
        for listener in snapshot.listeners where listener.row == row {
            switch listener.mode {
            case .http: return nil
            case .tcp(let target): return target
            case .tls(let names): return target(of: client, names)
            }
        }
        return nil
    }

    /// Reads the head as it is kept for the replica: it says what the one said that came.
    private mutating func readAgain(_ exchange: Ref<Exchange>) -> Buffer? {
        guard var head = exchange.its.request else { return nil }
        head.consume(exchange.its.hostBytes)
        let limits = HeadLimits(
            headBytesMaximum: BufferStore.largeBytes, fieldsMaximum: Fields.capacity)
        do {
            guard try requestHead.parse(head.bytes, limits: limits) else { return nil }
            try readPath(head)
        } catch {
            return nil
        }
        return head
    }
}
