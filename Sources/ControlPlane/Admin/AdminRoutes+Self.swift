internal import Transport

/// What a container asks for itself.
extension AdminRoutes {
    /// What `wait` may be, in milliseconds.
    private static let waitMilliseconds = 0...600_000

    /// Drains the replicas at the client's address, answers at once, or when nothing is in flight
    /// there.
    func drainSelf(_ request: AdminRequest, _ completion: @escaping (AdminResponse) -> Void) {
        guard let client = request.client else {
            return completion(
                .error(403, "over TCP only: the connection's address says who asks"))
        }
        guard !request.isFromPage else {
            return completion(.error(403, "not for the pages of a browser"))
        }
        let wait: Int?
        let replicas: [FoundReplica]
        do throws(AdminRefusal) {
            wait = try AdminRoutes.wait(in: request.query)
            replicas = controller.drainAll(at: client)
            if replicas.isEmpty {
                throw AdminRefusal(
                    403,
                    "no replica has the address \(client.host), from which the request came")
            }
        } catch {
            return completion(.error(error.status, error.problems))
        }
        guard let wait else { return completion(.json(200, drainReport(replicas).json)) }
        controller.drainWaits.add(replicas, milliseconds: wait) { outcome, replicas in
            let report = drainReport(replicas)
            switch outcome {
            case .idle: completion(.json(200, report.json))
            case .timedOut:
                let left = report.replicas.reduce(0) { $0 + $1.inFlight }
                let members: [JSONValue.Member] = [
                    .init("error", .string("drained, but \(left) in flight after \(wait) ms"))
                ]
                completion(.json(504, .object(members + (report.json.members ?? []))))
            }
        }
    }

    /// `wait=20s`, and nothing else.
    private static func wait(in query: String) throws(AdminRefusal) -> Int? {
        guard !query.isEmpty else { return nil }
        guard query.hasPrefix("wait=") else {
            throw AdminRefusal(400, "found ?\(query); accepted is ?wait=TIME, such as ?wait=20s")
        }
        do throws(Refusal) {
            return try Quantity.time.parse(String(query.dropFirst(5)), in: waitMilliseconds)
        } catch {
            throw AdminRefusal(
                400, "wait: found \(query.dropFirst(5)); accepted is a time up to 10m, such as 20s")
        }
    }
}
