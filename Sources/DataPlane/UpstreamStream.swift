internal import HTTP
internal import Transport

/// What an upstream connection knows that speaks HTTP/2, or that is one stream of such a one; the
/// counterpart of `ClientStream`.
struct UpstreamStream {
    /// It carries streams, or will once it is connected.
    var isCarrier = false
    /// The head of the request is with the session; its end is.
    var hasHead = false
    var hasEnd = false
    var stream = HTTP2Stream.none
    /// Of the carrier, once it is connected.
    var session: HTTP2Session?
    /// Of a stream.
    var carrier: Ref<UpstreamConnection>?
    /// The carrier's streams; and the neighbours of one in that list.
    var first: Ref<UpstreamConnection>?
    var previous: Ref<UpstreamConnection>?
    var next: Ref<UpstreamConnection>?
    var count = 0
    /// The carrier is on the worker's list of those with something to send.
    var wantsFlush = false
    /// The carrier takes no new streams: the replica says so, or it is old.
    var isEnding = false
    /// The carrier was silent for long, and takes no new streams before the replica has answered.
    var isSuspected = false
    var openedAt = Instant(nanoseconds: 0)

    /// Bytes of the response's body that have come, and that the replica may not send again yet.
    var unreturned = 0
    /// Its window has been widened, at the cost of this connection of a client.
    var widenedFor: Ref<ClientConnection>?
    /// How far the request's body has come, in the form that an exchange keeps it in.
    var body = MessageBody()
    /// Lines of its trailer section.
    var trailers: Buffer?
}

extension Ref where Slot == UpstreamConnection {
    /// Of a carrier: nothing that is known of it keeps new streams away.
    var takesStreams: Bool {
        !its.http2.isEnding && !its.http2.isSuspected && !its.hasHangup && isOnPresentTerms
    }

    /// Of a carrier: the replica has said what it allows.
    var hasSettings: Bool { its.http2.session?.takesTunnels != nil }

    /// One stream of an HTTP/2 connection.
    var isStream: Bool {
        @inline(__always) get { its.http2.carrier != nil }
    }
}
