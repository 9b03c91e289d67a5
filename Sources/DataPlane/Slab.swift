/// A handle to a slot of a slab: one pointer, copied freely.
///
/// `client.its.wire` reads and writes the slot in place. A slot that was freed stays readable
/// until the end of the turn of the loop, so that an event already reported for it can be
/// recognised as late (`isOpen` is false).
@safe
struct Ref<Slot>: Equatable {
    private let pointer: UnsafeMutablePointer<Slot>

    fileprivate init(_ pointer: UnsafeMutablePointer<Slot>) { unsafe self.pointer = pointer }

    /// The slot itself.
    var its: Slot {
        @inline(__always)
        unsafeAddress { unsafe UnsafePointer(pointer) }
        @inline(__always)
        nonmutating unsafeMutableAddress { unsafe pointer }
    }

    static func == (left: Ref, right: Ref) -> Bool { left.bits == right.bits }

    /// The address as a number; slots are aligned, so the low bits are free for a tag.
    var bits: UInt64 { unsafe UInt64(UInt(bitPattern: pointer)) }

    /// The inverse of `bits`: only for numbers that came from there, as poller tokens do.
    init(bits: UInt64) {
        guard let pointer = unsafe UnsafeMutablePointer<Slot>(bitPattern: UInt(bits)) else {
            preconditionFailure("a token without a slot")
        }
        unsafe self.pointer = pointer
    }
}

/// What a slab needs to know of its slots.
protocol Slotted {
    /// False from the moment the slot is freed until it is made again.
    var isOpen: Bool { get set }
}

/// Slots of one kind at fixed addresses, recycled last in first out. It grows in chunks and never
/// shrinks; used by one worker.
@safe
struct Slab<Slot: Slotted>: ~Copyable {
    @safe
    private struct Chunk {
        let slots: UnsafeMutablePointer<Slot>
    }

    private static var chunkSlots: Int { 64 }
    private var chunks: [Chunk] = []
    private var free: [Ref<Slot>] = []
    private var freedThisTurn: [Ref<Slot>] = []
    /// What new slots are filled with.
    let blank: Slot
    private(set) var openCount = 0

    /// - Parameter blank: what new slots are filled with.
    init(blank: Slot) { self.blank = blank }

    deinit {
        for chunk in chunks {
            unsafe chunk.slots.deinitialize(count: Self.chunkSlots)
            unsafe chunk.slots.deallocate()
        }
    }

    /// An open slot that still holds what its last user left; the caller fills it.
    mutating func make() -> Ref<Slot> {
        if free.isEmpty { grow() }
        let slot = free.removeLast()
        slot.its.isOpen = true
        openCount += 1
        return slot
    }

    /// The slot may be made again from the next turn on.
    mutating func free(_ slot: Ref<Slot>) {
        precondition(slot.its.isOpen, "a slot was freed twice")
        slot.its.isOpen = false
        openCount -= 1
        freedThisTurn.append(slot)
    }

    /// Ends the turn: slots freed during it can be made again.
    mutating func recycle() {
        guard !freedThisTurn.isEmpty else { return }
        free.append(contentsOf: freedThisTurn)
        freedThisTurn.removeAll(keepingCapacity: true)
    }

    /// The open slots; for rare sweeps such as shutting down.
    func open() -> [Ref<Slot>] {
        var found: [Ref<Slot>] = []
        for chunk in chunks {
            for index in 0..<Self.chunkSlots {
                let slot = unsafe Ref(chunk.slots + index)
                if slot.its.isOpen { found.append(slot) }
            }
        }
        return found
    }

    private mutating func grow() {
        let chunk = UnsafeMutablePointer<Slot>.allocate(capacity: Self.chunkSlots)
        unsafe chunk.initialize(repeating: blank, count: Self.chunkSlots)
        chunks.append(unsafe Chunk(slots: chunk))
        for index in (0..<Self.chunkSlots).reversed() { unsafe free.append(Ref(chunk + index)) }
    }
}
