internal import Transport

/// Bytes that a socket did not take at once, in order, in buffers of the worker's store.
///
/// Empty nearly always: a fast reader never needs it.
struct OutputQueue {
    private var first: Buffer?
    /// Behind `first`; used by slow readers only.
    private var rest: [Buffer] = []
    /// Bytes queued.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// What the buffers take, full or not.
    var heldBytes: Int {
        var bytes = first?.capacity ?? 0
        for buffer in rest { bytes += buffer.capacity }
        return bytes
    }

    /// Sends `span`, behind what is queued already, and queues what the socket does not take.
    ///
    /// - Returns: nil, or why the connection is broken or the bytes could not be kept.
    mutating func send(
        _ span: Span<UInt8>, to wire: Wire, store: inout BufferStore
    ) -> SendFailure? {
        guard count == 0 else { return append(span, store: &store) ? nil : .noBuffers }
        switch wire.send(span) {
        case .bytes(let sent):
            if sent == span.count { return nil }
            return append(span.extracting(sent...), store: &store) ? nil : .noBuffers
        case .wouldBlock: return append(span, store: &store) ? nil : .noBuffers
        case .endOfStream: return .broken(0)
        case .failed(let code): return .broken(code)
        }
    }

    /// Like `send` of one span after the other, with one system call.
    mutating func send(
        _ head: Span<UInt8>, _ body: Span<UInt8>, to wire: Wire,
        store: inout BufferStore
    ) -> SendFailure? {
        var sent = 0
        if count == 0 {
            switch wire.send(head, body) {
            case .bytes(let bytes): sent = bytes
            case .wouldBlock: sent = 0
            case .endOfStream: return .broken(0)
            case .failed(let code): return .broken(code)
            }
        }
        if sent < head.count {
            guard append(head.extracting(sent...), store: &store) else { return .noBuffers }
            sent = head.count
        }
        if sent < head.count + body.count {
            guard append(body.extracting((sent - head.count)...), store: &store) else {
                return .noBuffers
            }
        }
        return nil
    }

    /// Sends what is queued until it is empty or the socket is full.
    mutating func flush(to wire: Wire, store: inout BufferStore) -> SendFailure? {
        while var buffer = first {
            switch wire.send(buffer.bytes) {
            case .bytes(let sent):
                count -= sent
                let isWhole = sent == buffer.count
                buffer.consume(sent)
                guard isWhole else {
                    first = buffer
                    return nil
                }
                store.give(buffer)
                first = rest.isEmpty ? nil : rest.removeFirst()
            case .wouldBlock: return nil
            case .endOfStream: return .broken(0)
            case .failed(let code): return .broken(code)
            }
        }
        return nil
    }

    /// Moves `wanted` bytes, or as many as there are, from the front of the queue into `buffer`,
    /// which has room for them.
    mutating func take(_ wanted: Int, into buffer: inout Buffer, store: inout BufferStore) {
        var missing = min(wanted, count)
        while missing > 0, var front = first {
            let part = min(missing, front.count)
            buffer.append(front.bytes.extracting(first: part))
            front.consume(part)
            missing -= part
            count -= part
            if front.isEmpty {
                store.give(front)
                first = rest.isEmpty ? nil : rest.removeFirst()
            } else {
                first = front
            }
        }
    }

    /// Queues `span`; false if the buffers ran out on the way, after which the queue is of no use.
    mutating func append(_ span: Span<UInt8>, store: inout BufferStore) -> Bool {
        var offset = 0
        while offset < span.count {
            if rest.isEmpty, var only = first, only.room > 0 {
                offset += only.append(span.extracting(offset...))
                first = only
            } else if let last = rest.indices.last, rest[last].room > 0 {
                offset += rest[last].append(span.extracting(offset...))
            } else {
                guard let fresh = store.take(atLeast: span.count - offset) else { return false }
                if first == nil { first = fresh } else { rest.append(fresh) }
            }
        }
        count += span.count
        return true
    }

    /// Gives all buffers back.
    mutating func discard(store: inout BufferStore) {
        if let buffer = first { store.give(buffer) }
        for buffer in rest { store.give(buffer) }
        first = nil
        rest = []
        count = 0
    }
}

/// Why bytes could not be sent.
enum SendFailure {
    /// The connection is broken; the errno, or zero.
    case broken(Int32)
    /// The worker's buffers are used up.
    case noBuffers
}

/// A worker's buffers: small ones for heads, large ones for bodies and big heads.
struct BufferStore: ~Copyable {
    static let smallBytes = 4_096
    static let largeBytes = 65_536
    private var small: BufferPool
    private var large: BufferPool

    /// - Parameter bytesMaximum: what all buffers together may take.
    init(bytesMaximum: Int) {
        small = BufferPool(bufferBytes: Self.smallBytes, buffersMaximum: 0)
        large = BufferPool(bufferBytes: Self.largeBytes, buffersMaximum: 0)
        limit(toBytes: bytesMaximum)
    }

    /// Changes what all buffers together may take; those in use beyond it are not replaced.
    mutating func limit(toBytes bytesMaximum: Int) {
        small.buffersMaximum = bytesMaximum / 4 / Self.smallBytes
        large.buffersMaximum = bytesMaximum / 4 * 3 / Self.largeBytes
    }

    /// A buffer that holds `count` bytes if a small one does, else a large one; nil at the limit.
    mutating func take(atLeast count: Int) -> Buffer? {
        if count <= Self.smallBytes, let buffer = small.take() { return buffer }
        return large.take()
    }

    mutating func give(_ buffer: Buffer) {
        if buffer.capacity == Self.smallBytes { small.give(buffer) } else { large.give(buffer) }
    }

    var inUse: Int { small.buffersInUse + large.buffersInUse }

    /// Whether reading ahead is still wise: an eighth is kept for those who must have a buffer.
    var hasPlenty: Bool { large.buffersInUse < large.buffersMaximum / 8 * 7 }
}
