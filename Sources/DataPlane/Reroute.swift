internal import Balancing
internal import HTTP
internal import Transport

/// Requests that waited for a pool which the newest snapshot does not have.
extension Worker {
    /// It goes where one goes that comes now, and waits on if need be. What a replica may have done
    /// already goes nowhere else, unless the route that is for it now allows that.
    mutating func reroute(_ exchange: Ref<Exchange>) {
        guard exchange.its.isOpen else { return }
        if let former = exchange.its.pool {
            exchange.its.pool = nil
            former.its.useCount -= 1
            freeIfUnused(former)
        }
        forgetChoice(of: exchange)
        if exchange.its.kind == .tunnel {
            guard let target = target(ofListener: exchange.its.client.its.listenerRow) else {
                return fail(exchange, .noRoute)
            }
            choosePool(exchange, target, nil)
        } else {
            guard let head = readAgain(exchange),
                let target = route(head, exchange.its.client.its.listenerRow, exchange)
            else { return fail(exchange, .noRoute) }
            guard exchange.its.isIdempotent || exchange.its.connectedCount == 0 else {
                return fail(exchange, .noReadyReplica)
            }
            choosePool(exchange, target, head)
        }
        dispatch(exchange)
    }

    private mutating func forgetChoice(of exchange: Ref<Exchange>) {
        exchange.its.isIdempotent = exchange.its.method.isIdempotent
        exchange.its.hash = nil
        exchange.its.newSlot = -1
        exchange.its.replicaTag = 0
        exchange.its.yieldedFromSplit = false
        exchange.its.isBackedUp = false
        exchange.its.tried = TriedReplicas()
    }

    private mutating func target(ofListener row: Int) -> Target? {
        for listener in snapshot.listeners where listener.row == row {
            if case .tcp(let target) = listener.mode { return target }
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
