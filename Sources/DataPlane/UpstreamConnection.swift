internal import Transport

/// One connection to a replica, or one stream of a connection of HTTP/2.
struct UpstreamConnection: Slotted {
    enum Phase: UInt8 {
        case connecting
        /// TLS is being agreed on.
        case handshaking
        /// Open and unused, in the list of its replica.
        case idle
        /// Carrying an exchange.
        case busy
        /// Bytes pass both ways, uninterpreted.
        case tunnelling
        /// It speaks HTTP/2: its streams are connections of their own.
        case multiplexing
    }

    var isOpen = false
    var phase = Phase.connecting
    /// More can be received: the poller said so and nothing has drained it since.
    var isReadable = false
    /// The poller reported FIN or worse, so a short read does not mean drained.
    var hasHangup = false
    /// The replica's FIN has been received.
    var hasEnded = false
    /// It takes no more of the request; its answer is still to be received.
    var hasStoppedReading = false
    /// Bytes that stay unacknowledged for a while end it.
    var hasUserTimeout = false
    /// Not to be used again.
    var closesAfterResponse = false
    /// It is on the list of those that go on in the next turn.
    var goesOnLater = false
    /// Of the replica, by which it was made.
    var terms: UInt32 = 0
    var wire = Wire.none
    var replica: Ref<UpstreamReplica>
    var exchange: Ref<Exchange>?
    /// Part of a response head.
    var input: Buffer?
    var output = OutputQueue()
    var timer = TimerWheel.Timer.none
    var requestsServed = 0
    /// Of the only client that it may serve, whom its replica was told of; 0: it serves any.
    var clientSerial: UInt64 = 0
    /// Since when it is unused; of a carrier, since when nothing has come.
    var idleSince = Instant(nanoseconds: 0)
    /// How long the replica keeps it unused, as its last response said; negative: it did not say.
    var idleSecondsPromised = -1
    /// Neighbours in the list of all connections of the replica.
    var previous: Ref<UpstreamConnection>?
    var next: Ref<UpstreamConnection>?
    /// Neighbours in the list of its idle connections, the latest used first.
    var previousIdle: Ref<UpstreamConnection>?
    var nextIdle: Ref<UpstreamConnection>?
    var http2 = UpstreamStream()
}
