/// One path of the admin interface with one method, and what is done there. The table of all of
/// them is `AdminRoutes.calls`.
struct AdminCall: Sendable {
    enum Method: String, Sendable { case get = "GET", post = "POST" }

    /// Who may call it.
    enum Access: Equatable, Sendable {
        /// Whoever reaches the interface.
        case everybody
        /// An operator: over the Unix socket, whose mode says who may, or with the token.
        case `operator`
        /// A container, for itself: the answer goes by the address of the connection.
        case container
    }

    /// A request, with the parts of its path that stand for names.
    struct Arguments {
        var request: AdminRequest
        /// In the order of the path.
        var names: [String]
    }

    let method: Method
    /// Such as `/pools/{pool}/pause`.
    let path: String
    let access: Access
    let answer: @Sendable (AdminRoutes, Arguments, @escaping (AdminResponse) -> Void) -> Void

    init(
        _ method: Method, _ path: String, _ access: Access,
        later answer:
            @escaping @Sendable (AdminRoutes, Arguments, @escaping (AdminResponse) -> Void) -> Void
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.answer = answer
    }

    /// A call that is answered at once.
    init(
        _ method: Method, _ path: String, _ access: Access,
        _ answer: @escaping @Sendable (AdminRoutes, Arguments) -> AdminResponse
    ) {
        self.init(method, path, access, later: { $2(answer($0, $1)) })
    }

    /// A call that changes something: refusals become answers.
    init(
        change path: String,
        _ change:
            @escaping @Sendable (AdminRoutes, Arguments) throws(AdminRefusal) -> JSONValue
    ) {
        self.init(.post, path, .operator) { routes, arguments in
            do throws(AdminRefusal) {
                return .json(200, try change(routes, arguments))
            } catch {
                return .error(error.status, error.problems)
            }
        }
    }

    /// The names in `path` if it is one of this call's; nil if it is not.
    func names(in path: String) -> [String]? {
        let pattern = self.path.split(separator: "/", omittingEmptySubsequences: false)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard pattern.count == parts.count else { return nil }
        var names: [String] = []
        for (wanted, part) in zip(pattern, parts) {
            if wanted.hasPrefix("{") {
                guard !part.isEmpty else { return nil }
                names.append(String(part))
            } else if wanted != part {
                return nil
            }
        }
        return names
    }
}

/// Why a change was refused, as HTTP says it.
struct AdminRefusal: Error {
    /// 400 the body cannot be read, 404 no such thing, 409 not as things are, 422 not possible.
    var status: Int
    var problems: [String]

    init(_ status: Int, _ problems: [String]) {
        self.status = status
        self.problems = problems
    }

    init(_ status: Int, _ problem: String) { self.init(status, [problem]) }
}

/// The JSON of a request.
enum AdminBody {
    /// The object in `body`; an empty body is an object without members.
    ///
    /// - Throws: 400, with what is wrong and what is known.
    static func record<Record: JSONRecord>(
        _ type: Record.Type, in body: [UInt8]
    ) throws(AdminRefusal) -> Record {
        guard !body.isEmpty else { return Record() }
        let known = Record.fields.map(\.name)
        do throws(JSONError) {
            let json = try JSONValue(parsing: body)
            guard let members = json.members else {
                throw JSONError(
                    offset: 0,
                    message: "found \(json.kind); expected an object of \(known.shortList)")
            }
            if let other = members.first(where: { !known.contains($0.name) }) {
                throw JSONError(
                    offset: 0,
                    message: "\"\(other.name)\" is not known; known are \(known.shortList)")
            }
            return try record(type, from: json)
        } catch {
            throw AdminRefusal(400, "body: \(error)")
        }
    }

    private static func record<Record: JSONRecord>(
        _ type: Record.Type, from json: JSONValue
    ) throws(JSONError) -> Record {
        do throws(JSONMismatch) {
            return try Record(json: json)
        } catch {
            throw JSONError(offset: 0, message: "\(error.path) should be \(error.expected)")
        }
    }
}
