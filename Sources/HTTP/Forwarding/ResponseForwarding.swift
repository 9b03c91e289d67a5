/// How a response is presented to the client.
public struct ResponseForwarding: Sendable, BitwiseCopyable {
    /// What becomes of the body's framing.
    public enum FramingChange: Sendable, BitwiseCopyable {
        case asIs
        /// The body, whose end the upstream did not announce, goes out in chunks.
        case chunk
        /// The body goes out without chunks; the close of the connection may end it.
        case none
    }

    /// 0 or 1. HTTP/1.0 clients are told of no chunks, and of no interim responses.
    public var clientMinorVersion: UInt8
    public var framingChange: FramingChange
    /// The connection closes after this response.
    public var closes = false
    /// The upgrade that the request asked for was passed on.
    public var keepsUpgrade = false
    /// Told to the client as X-Request-ID, in place of what the upstream says.
    public var requestID: RequestID?
    /// How long the client keeps to https, in seconds, unless the upstream says (RFC 6797);
    /// negative: nothing is said of it.
    public var hstsSeconds: Int32 = -1

    /// A connection that stays open; what differs is set afterwards.
    public init(clientMinorVersion: UInt8 = 1, framingChange: FramingChange = .asIs) {
        self.clientMinorVersion = clientMinorVersion
        self.framingChange = framingChange
    }

    @inline(__always)
    fileprivate func dropped(from head: borrowing ResponseHead) -> FieldNameSet {
        var names = FieldNameSet.hopByHop
        if keepsUpgrade, head.isUpgrade { names.remove(.upgrade) }
        if requestID != nil { names.insert(.xRequestID) }
        // RFC 9110 §8.6: neither has a body, so a length could only mislead.
        if head.status < 200 || head.status == 204 || framingChange == .chunk {
            names.insert(.contentLength)
        }
        return names
    }

    @inline(__always)
    fileprivate func isChunked(_ head: borrowing ResponseHead) -> Bool {
        guard clientMinorVersion == 1, head.status >= 200, head.status != 204 else { return false }
        return switch framingChange {
        case .asIs: head.facts.seen.contains(.transferEncoding)
        case .chunk: true
        case .none: false
        }
    }
}

/// Writes a response head as the client gets it, at the front of `space`, and returns its bytes;
/// nil when it does not fit, and 0 for an interim response that an HTTP/1.0 client must not get.
///
/// `bytes` is the span that the head was parsed from, `lines` are whole field lines that are added.
/// RFC 9110 §7.6, RFC 9112 §4.
public func writeResponse(
    _ head: borrowing ResponseHead, from bytes: Span<UInt8>, adding lines: Span<UInt8> = Span(),
    forwarding: borrowing ResponseForwarding, into space: inout MutableSpan<UInt8>
) -> Int? {
    if head.status < 200, forwarding.clientMinorVersion == 0 { return 0 }
    var writer = HeadWriter(&space)
    let start = writer.appendStatusLine(head, from: bytes)
    writer.appendFields(
        head.fields.span, from: bytes,
        lines: ByteRange(start: start, end: head.fieldLines.end),
        except: forwarding.dropped(from: head), facts: head.facts)
    if forwarding.isChunked(head) { writer.append("Transfer-Encoding: chunked\r\n") }
    writer.appendConnection(head, forwarding: forwarding)
    if let requestID = forwarding.requestID {
        writer.append("X-Request-ID: ")
        writer.append(requestID.text.span)
        writer.append("\r\n")
    }
    if forwarding.hstsSeconds >= 0, !head.fields.span.saysHSTS(bytes) {
        writer.appendHSTS(seconds: forwarding.hstsSeconds)
    }
    writer.append(lines)
    writer.append("\r\n")
    return writer.written
}

extension HeadWriter {
    /// RFC 9112 §4, in the version of weir and with the space before an empty reason.
    ///
    /// - Returns: where that begins which is still to be copied: what the upstream wrote goes on
    ///   in one piece with the field lines, if it can.
    @inline(__always)
    fileprivate mutating func appendStatusLine(
        _ head: borrowing ResponseHead, from bytes: Span<UInt8>
    ) -> UInt16 {
        if head.minorVersion == 1, !head.reason.isEmpty { return 0 }
        append("HTTP/1.1 ")
        append(decimal: head.status)
        append(" ")
        append(bytes, head.reason)
        append("\r\n")
        return head.fieldLines.start
    }

    /// RFC 9112 §9.3, §9.6; RFC 9110 §7.8.
    @inline(__always)
    fileprivate mutating func appendConnection(
        _ head: borrowing ResponseHead, forwarding: borrowing ResponseForwarding
    ) {
        if head.isUpgrade {
            if forwarding.keepsUpgrade { append("Connection: upgrade\r\n") }
        } else if head.isInterim {
            return
        } else if forwarding.closes {
            append("Connection: close\r\n")
        } else if forwarding.clientMinorVersion == 0 {
            append("Connection: keep-alive\r\n")
        }
    }
}
