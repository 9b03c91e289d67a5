internal import HTTP
internal import Transport

/// One accepted connection that speaks HTTP/1 or TCP, one that carries the streams of HTTP/2, or
/// one of these streams.
struct ClientConnection: Slotted {
    enum Phase: UInt8 {
        /// A PROXY header is to come before anything else.
        case awaitingProxyHeader
        /// A ClientHello is to come, whose name says where it goes.
        case awaitingHello
        /// TLS is being agreed on.
        case handshaking
        /// Between requests: nothing of the next one has come.
        case idle
        /// Part of a request head has come.
        case readingHead
        /// A request is being dealt with.
        case exchanging
        /// Bytes pass both ways, uninterpreted.
        case tunnelling
        /// It speaks HTTP/2: its streams are connections of their own.
        case multiplexing
        /// All is said; the rest of the output is flushed, then the connection is closed.
        case closing
        /// FIN is sent; what the client still sends is thrown away, so that it can read our answer.
        case lingering
    }

    var isOpen = false
    var phase = Phase.idle
    /// More can be received: the poller said so and nothing has drained it since.
    var isReadable = false
    /// The poller reported FIN or worse, so a short read does not mean drained.
    var hasHangup = false
    /// The client's FIN has been received.
    var hasEnded = false
    /// `input` holds bytes that nobody has looked at yet.
    var hasUnseenInput = false
    /// The client has not been heard to its end, and may be sending still.
    var mayStillSend = false
    /// Close after the present response.
    var closesAfterResponse = false
    /// The socket had no room for the word of TLS that all is said.
    var owesEnd = false
    /// The loop in `serveRequests` is running for this client, so it need not be started.
    var isServing = false
    /// Its handshake goes on in the next turn of the loop.
    var isDeferred = false
    /// It is on the list of those that go on in the next turn.
    var goesOnLater = false
    /// It is a proxy whose forwarding fields are believed.
    var isTrusted = false
    /// It spoke TLS with the proxy before weir, which said so in a PROXY header.
    var spokeTLSBefore = false
    /// It has shown a certificate, which was verified.
    var hasCertificate = false
    /// It speaks TLS.
    var isSecure = false
    /// Where https is spoken instead, 0: nowhere.
    var redirectPort: UInt16 = 0
    /// How long clients are told to keep to https, in seconds; negative: they are not.
    var hstsSeconds: Int32 = -1
    var wire = Wire.none
    var listenerRow = 0
    /// What it is counted by among the connections of its client; 0: it is not.
    var countedAs: UInt64 = 0
    var address: SocketAddress?
    var addressText = AddressText.unknown
    var timer = TimerWheel.Timer.none
    /// Where it connected to, as the proxy before weir says; nil: to this end of its connection.
    var destination: SocketAddress?
    /// What else that proxy said, and a replica is told in turn.
    var proxyValues: [UInt8] = []
    /// Never that of another client; 0 until there is a connection to a replica that is its alone.
    var serial: UInt64 = 0
    /// Bytes received and not dealt with: part of a head, or pipelined requests.
    var input: Buffer?
    var output = OutputQueue()
    /// How fast it takes what is queued, and sends the body of its present request.
    var reading = RateWindow()
    var sending = RateWindow()
    var exchange: Ref<Exchange>?
    var requestsServed = 0
    /// Bytes thrown away while lingering.
    var discarded = 0
    var http2 = ClientStream()
}
