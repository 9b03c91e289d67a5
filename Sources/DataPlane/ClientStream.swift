internal import HTTP
internal import Transport

/// What a client connection knows that speaks HTTP/2, or that is one stream of such a one.
///
/// Each stream has a slot of its own beside the connections of HTTP/1, and everything behind the
/// codec takes it for one of those. Its bytes come and go by its `carrier`, which has the socket
/// and the session.
struct ClientStream {
    /// Of the carrier.
    var session: HTTP2Session?
    /// Of a stream.
    var carrier: Ref<ClientConnection>?
    /// The carrier's streams; and the neighbours of one in that list.
    var first: Ref<ClientConnection>?
    var previous: Ref<ClientConnection>?
    var next: Ref<ClientConnection>?
    /// The buffers that the queues of the carrier's streams hold.
    var heldBytes = 0
    /// Of the carrier.
    var clock = SessionClock()
    /// How many of the carrier's streams have a wide window at the replica.
    var wideCount: Int16 = 0
    /// The carrier is on the worker's list of those with something to send.
    var wantsFlush = false

    /// The head of the final response is with the session; its end is.
    var hasHead = false
    var hasEnd = false
    /// It asks for another protocol (RFC 8441).
    var isTunnel = false
    var stream = HTTP2Stream.none
    /// How many streams the carrier has.
    var count: Int32 = 0
    /// Bytes of the request's body that have come, and that the client may not send again yet.
    var unreturned = 0
    /// Lines of the trailer section of the response, until they are sent.
    var responseTrailers: Buffer?
}

extension Ref where Slot == ClientConnection {
    /// One stream of an HTTP/2 connection.
    var isStream: Bool {
        @inline(__always) get { its.http2.carrier != nil }
    }
}
