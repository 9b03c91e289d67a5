internal import Transport

/// What an event of the poller or the timer wheel is about, packed into its 64 bits: a tag in the
/// low three bits, and the slot's address.
enum Token {
    case mailbox
    case listener(row: Int)
    case client(Ref<ClientConnection>)
    case upstream(Ref<UpstreamConnection>)
    case exchange(Ref<Exchange>)

    private static let tagMask: UInt64 = 7

    @inline(__always)
    var bits: UInt64 {
        switch self {
        case .mailbox: 0
        case .listener(let row): UInt64(row) << 3 | 1
        case .client(let client): client.bits | 2
        case .upstream(let upstream): upstream.bits | 3
        case .exchange(let exchange): exchange.bits | 4
        }
    }

    @inline(__always)
    init(bits: UInt64) {
        switch bits & Token.tagMask {
        case 0: self = .mailbox
        case 1: self = .listener(row: Int(bits >> 3))
        case 2: self = .client(Ref(bits: bits & ~Token.tagMask))
        case 3: self = .upstream(Ref(bits: bits & ~Token.tagMask))
        case 4: self = .exchange(Ref(bits: bits & ~Token.tagMask))
        default: preconditionFailure("a token of no kind")
        }
    }
}
