/// The container names that belong to one service.
///
/// Compose calls its containers `project-service-number`. Names that look otherwise (a shared
/// network alias, a fixed container name) are learned once DNS has vouched for them.
struct ServiceNames: Equatable, Sendable {
    private static let stemsMaximum = 32

    private var stems: [String] = []

    /// True while nothing has been learned.
    var isEmpty: Bool { stems.isEmpty }

    /// True if `name`, such as `shop-app-3.shop_default`, is known to be of the service `service`.
    func recognises(_ name: String, service: String) -> Bool {
        let stem = ServiceNames.stem(of: name)
        guard stems.isEmpty else { return stems.contains(stem) }
        return !service.isEmpty
            && (stem == service || stem.hasSuffix("-" + service) || stem.hasSuffix("_" + service))
    }

    /// From now on names like `name` are recognised.
    mutating func learn(_ name: String) {
        let stem = ServiceNames.stem(of: name)
        guard !stems.contains(stem) else { return }
        if stems.count == ServiceNames.stemsMaximum { stems.removeFirst() }
        stems.append(stem)
    }

    /// What all replicas of a service share: the container's name without network and number.
    static func stem(of name: String) -> String {
        let label = String(name.prefix { $0 != "." })
        let digits = label.reversed().prefix { $0.isNumber }
        let rest = label.dropLast(digits.count)
        guard !digits.isEmpty, let last = rest.last, last == "-" || last == "_" else {
            return label
        }
        return String(rest.dropLast())
    }

    /// The container in `container.network`. Swarm's have dots of their own, `service.slot.task`;
    /// the identifier of a task has 25 characters.
    static func container(of name: String) -> String {
        let labels = name.split(separator: ".")
        let isTask = labels.count > 2 && labels[2].count == 25
        return labels.prefix(isTask ? 3 : 1).joined(separator: ".")
    }

    /// The service that a DNS name asks for: `app` for `app`, `app.shop_default` and `tasks.app`.
    static func service(askedBy name: String) -> String {
        let labels = name.lowercased().split(separator: ".")
        let own = labels.first == "tasks" ? labels.dropFirst() : labels[...]
        return own.first.map(String.init) ?? ""
    }
}
