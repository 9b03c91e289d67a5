internal import Transport

/// One request to the admin interface, complete with its body.
struct AdminRequest: Sendable {
    /// Where it came in, which decides what it may do.
    enum Origin: Equatable, Sendable {
        /// Over the Unix socket: the file's mode says who may.
        case unixSocket
        /// Over TCP: anybody on this host, or beyond if the operator bound it so.
        case network
    }

    var origin: Origin
    var method: String
    /// Without the query.
    var path: String
    /// What the Host field says, without port; empty if nothing.
    var host = ""
    /// From behind the "?" on; empty if there is none.
    var query = ""
    /// Of the other side; nil over the Unix socket.
    var client: SocketAddress?
    /// What the Authorization field says; nil if there is none. Secret.
    var authorization: String?
    /// The id of the last event that a reader of `/events` has; nil if it has none.
    var lastEvent: String?
    /// A browser sent it for a page.
    var isFromPage = false
    var body: [UInt8] = []
}

/// What the admin interface answers.
struct AdminResponse: Sendable {
    var status: Int
    var contentType: String
    /// The methods that the path knows, for 405.
    var allow: String?
    /// What the other side has to show, for 401.
    var challenge: String?
    /// Further fields of the head.
    var fields: [(name: String, value: String)] = []
    var body: [UInt8]
    /// What the connection does after the answer.
    var sequel = Sequel.requests

    enum Sequel: Sendable {
        /// It waits for the next request.
        case requests
        /// It sends events, until one side ends it.
        case events(after: String?)
    }

    init(_ status: Int, contentType: String, body: String) {
        self.status = status
        self.contentType = contentType
        self.body = Array(body.utf8)
    }

    /// Plain text; a line end is added.
    static func text(_ status: Int, _ text: String) -> AdminResponse {
        AdminResponse(status, contentType: "text/plain; charset=utf-8", body: text + "\n")
    }

    static func json(_ status: Int, _ json: JSONValue) -> AdminResponse {
        AdminResponse(status, contentType: "application/json", body: json.text + "\n")
    }

    /// `{"error": "…"}`, or `{"error": "…", "problems": […]}` where there are several.
    static func error(_ status: Int, _ problems: [String]) -> AdminResponse {
        let message = problems.joined(separator: "\n")
        guard problems.count > 1 else { return json(status, ["error": .string(message)]) }
        return json(
            status,
            ["error": .string(message), "problems": .array(problems.map(JSONValue.string))])
    }

    static func error(_ status: Int, _ problem: String) -> AdminResponse {
        error(status, [problem])
    }
}

/// Head and body as they are sent.
extension AdminResponse {
    enum Persistence { case keepAlive, close }

    /// - Parameter method: of the request; the body of an answer to HEAD is left out.
    func bytes(for method: String, _ persistence: Persistence) -> [UInt8] {
        var head = "HTTP/1.1 \(status) \(AdminResponse.reason(status))\r\n"
        head += "Content-Type: \(contentType)\r\n"
        if case .requests = sequel { head += "Content-Length: \(body.count)\r\n" }
        head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        if let challenge { head += "WWW-Authenticate: \(challenge)\r\n" }
        if let allow { head += "Allow: \(allow)\r\n" }
        for field in fields { head += "\(field.name): \(field.value)\r\n" }
        if persistence == .close { head += "Connection: close\r\n" }
        head += "\r\n"
        return method == "HEAD" ? Array(head.utf8) : Array(head.utf8) + body
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 422: "Unprocessable Content"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Status \(status)"
        }
    }
}
