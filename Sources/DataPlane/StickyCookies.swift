internal import Balancing
internal import HTTP
internal import Transport

/// The cookies that weir sets: which slot of a split a client has, and which replica of a pool.
extension Worker {
    /// The slot that the client was given by this split; nil without a cookie that it signed.
    mutating func signedSlot(in position: Int, _ received: Buffer) -> Int? {
        guard let cookie = snapshot.splits[position].stickiness.cookie else { return nil }
        let bytes = received.bytes
        guard let value = requestHead.fields.span.cookie(cookie.name.utf8.span, in: bytes)
        else { return nil }
        return snapshot.splits[position].stickiness.slot(
            signedIn: bytes.extracting(value), key: cookie.key)
    }

    /// Notes which replica the client's cookie means.
    mutating func noteReplicaTag(
        _ exchange: Ref<Exchange>, _ pool: Ref<UpstreamPool>, _ received: Buffer
    ) {
        guard let cookie = pool.its.pool.sticky else { return }
        let bytes = received.bytes
        guard let value = requestHead.fields.span.cookie(cookie.name.utf8.span, in: bytes)
        else { return }
        exchange.its.replicaTag = CookieValue.tag(bytes.extracting(value)) ?? 0
    }

    /// The replica that the client's cookie means, if it may be used and was not tried yet.
    mutating func stickyPosition(_ exchange: Ref<Exchange>, in pool: Ref<UpstreamPool>) -> Int? {
        let tag = exchange.its.replicaTag
        guard tag != 0 else { return nil }
        let usable: Replica.Availability = pool.its.picker.hasReady ? .ready : .lastResort
        var place = StickyPlace.first(of: tag, in: pool.its.stickyPlaces.span)
        while place < pool.its.stickyPlaces.count, pool.its.stickyPlaces[place].tag == tag {
            let position = pool.its.stickyPlaces[place].position
            let isUsable = pool.its.pool.replicas[position].availability == usable
            if isUsable, !exchange.its.tried.contains(pool.its.pool.replicas[position].row) {
                return position
            }
            place += 1
        }
        return nil
    }

    /// The field lines with the cookies that the client has not got yet; they are the worker's
    /// until the next call.
    mutating func newCookies(for exchange: Ref<Exchange>) -> Buffer {
        var lines = cookieLines
        lines.clear()
        if exchange.its.newSlot >= 0 { appendSlot(of: exchange, to: &lines) }
        if let pool = exchange.its.pool, pool.its.isSticky {
            appendReplica(of: exchange, pool, to: &lines)
        }
        return lines
    }

    /// By its mark, since positions may be other splits' by now; nothing if the split is gone.
    private mutating func appendSlot(of exchange: Ref<Exchange>, to lines: inout Buffer) {
        let slot = Int(exchange.its.newSlot)
        for position in snapshot.splits.indices
        where snapshot.splits[position].stickiness.mark == exchange.its.splitMark {
            guard let cookie = snapshot.splits[position].stickiness.cookie else { return }
            let signature = snapshot.splits[position].stickiness.signature(
                of: slot, key: cookie.key)
            var line = SetCookie(tag: signature)
            line.number = slot
            return append(line, cookie, to: &lines)
        }
    }

    private mutating func appendReplica(
        of exchange: Ref<Exchange>, _ pool: Ref<UpstreamPool>, to lines: inout Buffer
    ) {
        guard let replica = exchange.its.replica, replica.its.pool == pool,
            let cookie = pool.its.pool.sticky
        else { return }
        let tag = replica.its.stickyTag
        guard tag != 0, tag != exchange.its.replicaTag else { return }
        append(SetCookie(tag: tag), cookie, to: &lines)
    }

    private mutating func append(
        _ line: SetCookie, _ cookie: StickyCookie, to lines: inout Buffer
    ) {
        var line = line
        line.maxAgeSeconds = cookie.maxAgeSeconds
        var space = lines.free
        guard let count = line.write(name: cookie.name.utf8.span, into: &space) else { return }
        lines.commit(count)
    }
}
