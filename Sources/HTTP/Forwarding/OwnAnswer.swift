/// An answer that weir makes itself, with the reason for it (RFC 9209).
public struct OwnAnswer: Sendable {
    /// 200 or 400...599.
    public var status: Int
    /// A proxy error word of RFC 9209 §2.3; none for answers that are no errors.
    public var error: StaticString?
    /// For people: what happened to what. Anything but visible ASCII is shown as "?".
    public var details: String
    public var requestID: RequestID?
    public var retryAfterSeconds: Int?
    public var date: HTTPDate?
    /// The request is a gRPC call: it is answered with 200 and this, and no body.
    public var grpcStatus: GRPCStatus?
    /// As in `ResponseForwarding`.
    public var hstsSeconds: Int32 = -1
    /// The connection closes after this answer.
    public var closes = false
    /// What is shown in place of status and details; nil: these.
    public var page: Page?
    /// The answer to a HEAD has no body, but its length.
    public var isForHEAD = false

    /// A body and what it is.
    public struct Page: Sendable {
        public var contentType: StaticString
        public var bytes: [UInt8]

        public init(contentType: StaticString, bytes: [UInt8]) {
            self.contentType = contentType
            self.bytes = bytes
        }
    }

    /// An answer that keeps the connection open; what else it has is set afterwards.
    public init(status: Int, error: StaticString? = nil, details: String = "") {
        self.status = status
        self.error = error
        self.details = details
    }

    /// The answer to a request that cannot be read; the connection closes after it.
    public init(refusing reason: HTTPError) {
        self.init(status: reason.status, error: "http_request_error", details: reason.reason)
        closes = true
    }

    /// Writes head and body at the front of `space` and returns their bytes; nil when they do not
    /// fit. 512 bytes, three times `details` and the page are enough.
    public func write(into space: inout MutableSpan<UInt8>) -> Int? {
        var writer = HeadWriter(&space)
        writer.append("HTTP/1.1 ")
        if grpcStatus == nil { appendStatus(to: &writer) } else { writer.append("200 OK") }
        if let date {
            writer.append("\r\nDate: ")
            writer.append(date.text.span)
        }
        if let grpcStatus {
            appendGRPC(grpcStatus, to: &writer)
        } else {
            writer.append("\r\nContent-Type: ")
            writer.append(page?.contentType ?? "text/plain")
            writer.append("\r\nContent-Length: ")
            writer.append(decimal: bodyByteCount)
        }
        appendProxyStatus(to: &writer)
        if let requestID {
            writer.append("\r\nX-Request-ID: ")
            writer.append(requestID.text.span)
        }
        if let retryAfterSeconds {
            writer.append("\r\nRetry-After: ")
            writer.append(decimal: max(retryAfterSeconds, 0))
        }
        if closes { writer.append("\r\nConnection: close") }
        writer.append("\r\n")
        if hstsSeconds >= 0 { writer.appendHSTS(seconds: hstsSeconds) }
        writer.append("\r\n")
        if !isForHEAD, grpcStatus == nil { appendBody(to: &writer) }
        return writer.written
    }

    /// What gRPC calls Trailers-Only; its message is percent-encoded.
    private func appendGRPC(_ status: GRPCStatus, to writer: inout HeadWriter) {
        writer.append("\r\nContent-Type: application/grpc\r\nContent-Length: 0\r\ngrpc-status: ")
        writer.append(decimal: Int(status.rawValue))
        writer.append("\r\ngrpc-message: ")
        for byte in details.utf8 {
            writer.append(byte: byte.isVisible && byte != UInt8(ascii: "%") ? byte : .question)
        }
    }

    private func appendStatus(to writer: inout HeadWriter) {
        writer.append(decimal: status)
        writer.append(" ")
        writer.append(reasonPhrase(of: status))
    }

    /// RFC 9209 §2.
    private func appendProxyStatus(to writer: inout HeadWriter) {
        guard let error else { return }
        writer.append("\r\nProxy-Status: weir; error=")
        writer.append(error)
        guard !details.isEmpty else { return }
        writer.append("; details=\"")
        for byte in details.utf8 {
            // A string of RFC 9651 §3.3.3 has these two escaped.
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { writer.append("\\") }
            writer.append(byte: byte.isVisible ? byte : .question)
        }
        writer.append("\"")
    }

    /// The page, or "503 Service Unavailable" and the details on a line of their own.
    private func appendBody(to writer: inout HeadWriter) {
        if let page { return writer.append(page.bytes.span) }
        appendStatus(to: &writer)
        writer.append("\n")
        guard !details.isEmpty else { return }
        for byte in details.utf8 { writer.append(byte: byte.isVisible ? byte : .question) }
        writer.append("\n")
    }

    private var bodyByteCount: Int {
        if let page { return page.bytes.count }
        let first = 3 + 1 + reasonPhrase(of: status).utf8CodeUnitCount + 1
        return details.isEmpty ? first : first + details.utf8.count + 1
    }
}

extension UInt8 {
    /// Visible ASCII or a space.
    fileprivate var isVisible: Bool { self >= 0x20 && self < 0x7f }
}

/// The usual words for a status (RFC 9110 §15); empty for those that weir never answers with.
func reasonPhrase(of status: Int) -> StaticString {
    switch status {
    case 200: "OK"
    case 400: "Bad Request"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: ""
    }
}
