internal import CAres
internal import Transport

/// One c-ares channel in the loop: its sockets are watched by the loop's poller, its timeouts are
/// timers of the loop.
@safe
final class DNSChannel {
    /// The status of c-ares, and the bytes of the response if there was one.
    typealias Completion = (_ status: Int32, _ bytes: [UInt8]) -> Void

    struct Options {
        var servers: [SocketAddress]
        var timeoutMilliseconds: Int
        var tries: Int
        var transfer: Transfer

        var errors = Errors.told

        enum Transfer { case datagrams, stream }

        /// What becomes of SERVFAIL and REFUSED.
        enum Errors {
            case told
            /// The next server is asked; c-ares does not tell what the last one said.
            case skipped
        }
    }

    /// c-ares receives datagrams of at most this size, whatever is announced (seen in 1.18.1), so
    /// announcing more would turn long answers into broken ones. They are truncated instead, and
    /// asked for again over TCP.
    private static let datagramBytesMaximum: Int32 = 4096

    private let loop: EventLoop
    private var channel: OpaquePointer?
    private var watched: [Int32: Readiness] = [:]
    private var timer: EventLoop.Scheduled?
    /// How many calls into c-ares are under way: it may call back, but not be closed, from within.
    private var depth = 0
    private var isClosing = false
    /// Completions of queries that ended before `query` returned.
    private var early: [() -> Void] = []
    private var isStarting = false
    /// Why a socket could not be watched; the queries on it time out.
    private(set) var problem: SystemError?

    init(loop: EventLoop, options: Options) throws(ResolverError) {
        self.loop = loop
        let servers = options.servers.map(\.description).joined(separator: ",")
        let status = unsafe servers.withCString { text in
            var wanted = unsafe weir_dns_options()
            unsafe wanted.servers = text
            unsafe wanted.timeout_ms = Int32(clamping: options.timeoutMilliseconds)
            unsafe wanted.tries = Int32(clamping: options.tries)
            unsafe wanted.edns_bytes = DNSChannel.datagramBytesMaximum
            unsafe wanted.tcp_only = options.transfer == .stream ? 1 : 0
            unsafe wanted.skip_errors = options.errors == .skipped ? 1 : 0
            unsafe wanted.owner = Unmanaged.passUnretained(self).toOpaque()
            unsafe wanted.watch = { owner, descriptor, readable, writable in
                guard let owner = unsafe owner else { return }
                let channel = unsafe Unmanaged<DNSChannel>.fromOpaque(owner).takeUnretainedValue()
                channel.watch(descriptor, readable: readable != 0, writable: writable != 0)
            }
            return unsafe weir_dns_open(&wanted, &channel)
        }
        guard status == 0 else { throw ResolverError(servers: servers, status: status) }
    }

    deinit { close() }

    /// Asks for the records of one name. `completion` is called later, once, unless the channel is
    /// closed first.
    func query(_ question: DNSQuestion, _ completion: @escaping Completion) {
        guard let channel = unsafe channel, !isClosing else { return }
        let query = Query(channel: self, completion: completion)
        isStarting = true
        depth += 1
        unsafe weir_dns_query(
            channel, question.name, Int32(question.type.rawValue),
            { query, status, _, bytes, count in
                guard let query = unsafe query else { return }
                let ended = unsafe Unmanaged<Query>.fromOpaque(query).takeRetainedValue()
                let response = unsafe UnsafeBufferPointer(start: bytes, count: Int(count))
                ended.channel.finish(ended, status, unsafe Array(response))
            }, Unmanaged.passRetained(query).toOpaque())
        isStarting = false
        leave()
        if !early.isEmpty {
            loop.schedule(afterMilliseconds: 0) { [weak self] in self?.callEarly() }
        }
    }

    /// Forgets all queries; no completion is called any more.
    func close() {
        isClosing = true
        guard depth == 0, let channel = unsafe channel else { return }
        unsafe self.channel = nil
        depth += 1
        unsafe weir_dns_close(channel)
        depth -= 1
        for number in watched.keys { loop.unwatch(Descriptor(number)) }
        watched = [:]
        if let timer { loop.cancel(timer) }
        timer = nil
    }

    private final class Query {
        let channel: DNSChannel
        let completion: Completion

        init(channel: DNSChannel, completion: @escaping Completion) {
            self.channel = channel
            self.completion = completion
        }
    }

    private func finish(_ query: Query, _ status: Int32, _ bytes: [UInt8]) {
        guard !isClosing else { return }
        if isStarting {
            early.append { query.completion(status, bytes) }
        } else {
            query.completion(status, bytes)
        }
    }

    private func callEarly() {
        let ended = early
        early = []
        for completion in ended where !isClosing { completion() }
    }

    private func watch(_ number: Int32, readable: Bool, writable: Bool) {
        let descriptor = Descriptor(number)
        var interest: Readiness = []
        if readable { interest.insert(.readable) }
        if writable { interest.insert(.writable) }
        do throws(SystemError) {
            if interest.isEmpty {
                loop.unwatch(descriptor)
            } else if watched[number] == nil {
                try loop.watch(descriptor, interest) { [weak self] readiness in
                    self?.serve(number, readiness)
                }
            } else {
                try loop.rewatch(descriptor, interest)
            }
            watched[number] = interest.isEmpty ? nil : interest
        } catch {
            problem = error
        }
    }

    private func serve(_ number: Int32, _ readiness: Readiness) {
        let failed = readiness.contains(.error) || readiness.contains(.hangup)
        let interest = watched[number] ?? []
        let reads = readiness.contains(.readable) || failed && interest.contains(.readable)
        let writes = readiness.contains(.writable) || failed && interest.contains(.writable)
        process(readable: reads ? number : -1, writable: writes ? number : -1)
    }

    private func process(readable: Int32, writable: Int32) {
        guard let channel = unsafe channel, !isClosing else { return }
        depth += 1
        unsafe weir_dns_process(channel, readable, writable)
        leave()
    }

    private func leave() {
        depth -= 1
        guard depth == 0 else { return }
        if isClosing { close() } else { arm() }
    }

    private func arm() {
        if let timer { loop.cancel(timer) }
        timer = nil
        guard let channel = unsafe channel else { return }
        let milliseconds = unsafe weir_dns_timeout(channel)
        guard milliseconds >= 0 else { return }
        timer = loop.schedule(afterMilliseconds: Int(milliseconds) + 1) { [weak self] in
            self?.timer = nil
            self?.process(readable: -1, writable: -1)
        }
    }
}

/// Why there can be no resolver.
struct ResolverError: Error, Equatable, CustomStringConvertible {
    var servers: String
    var text: String

    init(servers: String, status: Int32) {
        self.servers = servers
        text = unsafe weir_dns_error(status).map { unsafe String(cString: $0) } ?? "error \(status)"
    }

    var description: String { "dns servers \(servers): \(text)" }
}

extension DNSAnswer.Outcome {
    /// What c-ares says of a question that got no response it would accept.
    init(status: Int32) {
        let text = ResolverError(servers: "", status: status).text
        switch weir_dns_failure_of(status) {
        case WEIR_DNS_TIMEOUT: self = .timeout
        case WEIR_DNS_SERVER_FAILURE: self = .serverFailure
        case WEIR_DNS_REFUSED: self = .refused
        case WEIR_DNS_MALFORMED: self = .malformed(text)
        default: self = .unreachable(text)
        }
    }
}
