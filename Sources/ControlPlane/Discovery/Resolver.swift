internal import Transport

/// Asks DNS questions and tells every kind of answer apart. One for all pools; one thread.
///
/// Questions go out with EDNS0 over UDP, and again over TCP when the answer was truncated. Names
/// are asked for as they stand, without search domains.
final class Resolver {
    typealias Completion = (DNSAnswer) -> Void

    let configuration: DNSConfiguration
    /// In the order in which they are asked.
    let servers: [SocketAddress]
    let loop: EventLoop
    private let datagrams: DNSChannel
    private let stream: DNSChannel
    /// For what the first server fails to answer; nil if it is the only one.
    private let others: DNSChannel?
    /// Of all questions since it began.
    private(set) var counts = DNSCounts()

    /// - Throws: when the servers cannot be used, which `ConfigurationReader` rules out.
    init(loop: EventLoop, configuration: DNSConfiguration) throws(ResolverError) {
        self.loop = loop
        self.configuration = configuration
        servers = configuration.servers.isEmpty ? SystemNames.servers() : configuration.servers
        let options = DNSChannel.Options(
            servers: servers, timeoutMilliseconds: configuration.timeoutMilliseconds, tries: 2,
            transfer: .datagrams)
        datagrams = try DNSChannel(loop: loop, options: options)
        var overStream = options
        overStream.transfer = .stream
        stream = try DNSChannel(loop: loop, options: overStream)
        var skipping = options
        skipping.errors = .skipped
        others = servers.count > 1 ? try DNSChannel(loop: loop, options: skipping) : nil
    }

    /// True when the answers come from Docker's embedded server, which knows containers by name.
    var isDocker: Bool { servers.first?.withPort(0) == Resolver.dockerServer }

    private static let dockerServer = SocketAddress(ipv4: 0x7f00_000b, port: 0)

    /// Asks one question. `completion` is called later, once, unless the resolver is closed first.
    func ask(_ name: String, _ type: DNSRecordType, _ completion: @escaping Completion) {
        let question = DNSQuestion(name: name, type: type)
        let began = Instant.now()
        counts.questions += 1
        datagrams.query(question) { [weak self] status, bytes in
            guard let self else { return }
            let answer = answer(to: question, status, bytes, datagrams)
            counts.note(
                answer.outcome, microseconds: Instant.now().nanoseconds(since: began) / 1_000)
            if answer.isTruncated {
                counts.truncated += 1
                askAgain(question, truncated: answer, completion)
            } else if let others, answer.outcome == .serverFailure || answer.outcome == .refused {
                askOthers(others, question, failed: answer, completion)
            } else {
                completion(answer)
            }
        }
    }

    /// The names of the container or host behind an address (PTR).
    func askName(of address: SocketAddress, _ completion: @escaping Completion) {
        ask(Resolver.reverseName(of: address), .ptr, completion)
    }

    /// Forgets all questions; no completion is called any more.
    func close() {
        datagrams.close()
        stream.close()
        others?.close()
    }

    private func askOthers(
        _ others: DNSChannel, _ question: DNSQuestion, failed: DNSAnswer,
        _ completion: @escaping Completion
    ) {
        others.query(question) { [weak self] status, bytes in
            guard let self else { return }
            let answer = answer(to: question, status, bytes, others)
            switch answer.outcome {
            case .records where answer.isTruncated:
                askAgain(question, truncated: answer, completion)
            case .records, .noSuchName, .empty: completion(answer)
            default: completion(failed)
            }
        }
    }

    private func askAgain(
        _ question: DNSQuestion, truncated: DNSAnswer, _ completion: @escaping Completion
    ) {
        stream.query(question) { [weak self] status, bytes in
            guard let self else { return }
            let whole = answer(to: question, status, bytes, stream)
            let isBetter = whole.records.count >= truncated.records.count
            completion(isBetter && !whole.records.isEmpty ? whole : truncated)
        }
    }

    private func answer(
        to question: DNSQuestion, _ status: Int32, _ bytes: [UInt8], _ channel: DNSChannel
    ) -> DNSAnswer {
        if !bytes.isEmpty { return DNSParser.parse(bytes, question: question) }
        let outcome = DNSAnswer.Outcome(status: status)
        if outcome == .timeout, let problem = channel.problem {
            return DNSAnswer(outcome: .unreachable(problem.description))
        }
        return DNSAnswer(outcome: outcome)
    }

    /// The name under which DNS keeps the names of an address (RFC 1035 §3.5, RFC 3596 §2.5).
    static func reverseName(of address: SocketAddress) -> String {
        if address.isIPv4 {
            let bytes = (0..<4).map { String(address.ipv4 >> (8 * UInt32($0)) & 255) }
            return bytes.joined(separator: ".") + ".in-addr.arpa"
        }
        let nibbles = (0..<32).map { index in
            let word = index < 16 ? address.low : address.high
            return String(word >> (4 * UInt64(index % 16)) & 15, radix: 16)
        }
        return nibbles.joined(separator: ".") + ".ip6.arpa"
    }
}
