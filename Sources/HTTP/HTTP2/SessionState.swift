internal import CNGHTTP2

/// What a session keeps for a stream.
///
/// From `makeRecord` to `freeRecord` it belongs to one stream: libnghttp2 has its number, and says
/// once that the stream is over; then it is freed, or waits in the list of those that closed.
@safe
struct StreamRecord {
    var isUsed = false
    var id: Int32 = 0
    /// Zero: nobody wants to hear of it.
    var user: UInt64 = 0
    /// Bytes of a body that were offered and not sent yet.
    var available = 0
    /// Bytes of its message that are still to come, where a length was announced; else -1.
    var announced = -1
    /// No more will be offered.
    var ends = false
    /// libnghttp2 waits to be told that there is something to send.
    var isDeferred = false
    /// It is in the list of those that closed.
    var isClosed = false
    /// Of a client session: no body can follow, whatever the fields say.
    var isHEAD = false
    /// It asks for another protocol (RFC 8441); of a server session: it has become a tunnel.
    var isTunnel = false
    var closeCode: UInt32 = 0
    /// Of a client session: it was reset for what the server sent.
    var isResetHere = false
    /// The next unused record, or the next one that closed.
    var next: Int32 = -1
    /// Lines to be sent behind the body.
    var trailers: TextMemory?
    /// What a client of HTTP/1.1 expects in the answer to its handshake.
    var accept: WebSocketAccept?
}

/// The memory behind a session's handle. libnghttp2's callbacks know it by its address.
@safe
struct SessionState {
    enum Role { case server, client }

    let role: Role
    var session: OpaquePointer?
    var section = FieldSection()
    /// What fields are put together in on their way out.
    let fields = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: FieldList.capacity)
    var scanner: FrameScanner
    var guardian = FloodGuard()
    var memory = StreamMemory()
    var records: [StreamRecord] = []
    var firstFree: Int32 = -1
    /// Streams that are not over.
    var streamCount = 0
    var firstClosed: Int32 = -1
    var lastClosed: Int32 = -1
    /// As many as the other side was told that it may have.
    var streamsMaximum = 0
    /// What the present bytes came to.
    var event = HTTP2Event.nothing
    var input: UnsafePointer<UInt8>?
    var nowMilliseconds: UInt64 = 0
    /// Random bits for the keys of WebSocket handshakes.
    var keyBits: UInt64
    var keyCount: UInt64 = 0
    /// The DATA frame that is to be sent.
    var frameHeader = InlineArray<9, UInt8>(repeating: 0)
    var frameUser: UInt64 = 0
    var frameBytes = 0
    var hasFrame = false
    /// Nothing that comes is looked at any more.
    var isDeaf = false
    var hasGoneAway = false
    /// The other side's first SETTINGS have come.
    var hasSettings = false

    init(role: Role, keyBits: UInt64) {
        self.role = role
        self.keyBits = keyBits
        scanner = FrameScanner(skipping: role == .server ? 24 : 0)
    }

    mutating func makeRecord(id: Int32) -> Int32 {
        streamCount += 1
        if firstFree >= 0 {
            let index = firstFree
            firstFree = records[Int(index)].next
            records[Int(index)] = StreamRecord(isUsed: true, id: id)
            return index
        }
        records.append(StreamRecord(isUsed: true, id: id))
        return Int32(records.count - 1)
    }

    mutating func freeRecord(_ index: Int32) {
        // Freed twice, it would be given to two streams, and one's response to the other's client.
        precondition(records[Int(index)].isUsed, "the record of a stream is freed twice")
        if !records[Int(index)].isClosed { streamCount -= 1 }
        records[Int(index)].trailers?.deallocate()
        records[Int(index)] = StreamRecord()
        records[Int(index)].next = firstFree
        firstFree = index
    }

    /// libnghttp2 has forgotten the stream.
    mutating func noteClosed(_ index: Int32, code: UInt32) {
        precondition(!records[Int(index)].isClosed, "a stream is over twice")
        guard records[Int(index)].user != 0 else { return freeRecord(index) }
        records[Int(index)].isClosed = true
        streamCount -= 1
        records[Int(index)].closeCode = code
        records[Int(index)].next = -1
        if lastClosed >= 0 { records[Int(lastClosed)].next = index } else { firstClosed = index }
        lastClosed = index
    }

    mutating func popClosed() -> HTTP2Closed? {
        while firstClosed >= 0 {
            let index = firstClosed
            firstClosed = records[Int(index)].next
            if firstClosed < 0 { lastClosed = -1 }
            let user = records[Int(index)].user
            let code = records[Int(index)].closeCode
            let isResetHere = records[Int(index)].isResetHere
            freeRecord(index)
            // Released meanwhile: what closed it was also its proper end.
            guard user != 0 else { continue }
            return HTTP2Closed(user: user, code: code, isResetHere: isResetHere)
        }
        return nil
    }

    mutating func deallocate() {
        section.deallocate()
        unsafe fields.deallocate()
        for index in records.indices { records[index].trailers?.deallocate() }
    }
}
