internal import Transport

/// What looking a source up came to: where its replicas are, as far as one could learn.
struct Sighting: Equatable, Sendable {
    var endpoints: [Endpoint] = []
    /// False when some could not be learned: then nobody is missing for not being listed.
    var isComplete = true
    /// Why there are none, if there are none.
    var failure: DNSAnswer.Outcome?
    /// The host's own files said so, which need no checking.
    var isLocal = false

    struct Endpoint: Hashable, Sendable {
        var address: SocketAddress
        /// 1 to 1000.
        var weight: Int
    }
}

/// Finds the addresses of one source of a pool, by as many questions as that takes.
struct NameLookup {
    typealias Completion = (Sighting) -> Void

    let resolver: Resolver

    /// All addresses of a name, with one port and weight for all of them.
    ///
    /// IPv4 first: IPv6 addresses are asked for only where a name has no IPv4 ones, so that an
    /// empty AAAA answer can never matter.
    func addresses(
        of name: String, port: UInt16, weight: Int, _ completion: @escaping Completion
    ) {
        let local = SystemNames.hostsAddresses(of: name)
        guard local.isEmpty else {
            let endpoints = local.map { endpoint($0, port, weight) }
            let sighting = Sighting(endpoints: endpoints, isLocal: true)
            resolver.loop.schedule(afterMilliseconds: 0) { completion(sighting) }
            return
        }
        resolver.ask(name, .a) { answer in
            guard answer.outcome == .empty else {
                completion(sighting(answer, port, weight))
                return
            }
            resolver.ask(name, .aaaa) { other in
                completion(sighting(other.records.isEmpty ? answer : other, port, weight))
            }
        }
    }

    /// All endpoints that the SRV records of a name tell: those of the most preferred priority
    /// (RFC 2782), each with its addresses.
    func service(_ name: String, _ completion: @escaping Completion) {
        resolver.ask(name, .srv) { answer in
            let records = answer.records.compactMap { record in
                if case .service(let service) = record { service } else { nil }
            }
            // A target of "." says that there is no such service.
            let targets = mostPreferred(records.filter { !$0.target.isEmpty })
            guard !targets.isEmpty else {
                completion(Sighting(failure: records.isEmpty ? answer.outcome : .empty))
                return
            }
            let gathering = Gathering(waiting: targets.count, completion)
            gathering.sighting.isComplete = !answer.isTruncated
            for target in targets {
                let weight = max(1, min(1000, Int(target.weight)))
                addresses(of: target.target, port: target.port, weight: weight, gathering.add)
            }
        }
    }

    private func mostPreferred(_ records: [ServiceRecord]) -> [ServiceRecord] {
        let priority = records.map(\.priority).min()
        return records.filter { $0.priority == priority }
    }

    private func endpoint(
        _ address: SocketAddress, _ port: UInt16, _ weight: Int
    ) -> Sighting.Endpoint {
        Sighting.Endpoint(address: address.withPort(port), weight: weight)
    }

    private func sighting(_ answer: DNSAnswer, _ port: UInt16, _ weight: Int) -> Sighting {
        let endpoints = answer.records.compactMap { record -> Sighting.Endpoint? in
            guard case .address(let address) = record else { return nil }
            return endpoint(address, port, weight)
        }
        return Sighting(
            endpoints: endpoints, isComplete: !answer.isTruncated,
            failure: endpoints.isEmpty ? answer.outcome : nil)
    }

    /// Puts the sightings of several targets together.
    private final class Gathering {
        var sighting = Sighting()
        private var waiting: Int
        private let completion: Completion

        init(waiting: Int, _ completion: @escaping Completion) {
            self.waiting = waiting
            self.completion = completion
        }

        func add(_ part: Sighting) {
            sighting.endpoints += part.endpoints
            sighting.isComplete = sighting.isComplete && part.isComplete && part.failure == nil
            waiting -= 1
            guard waiting == 0 else { return }
            if sighting.endpoints.isEmpty { sighting.failure = part.failure ?? .empty }
            completion(sighting)
        }
    }
}
