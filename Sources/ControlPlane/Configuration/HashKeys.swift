internal import Balancing

extension RequestKeyDraft {
    static let poolHash = section("pools.NAME.hash")
}

extension ValueKind<RequestKey> {
    /// What `consistent-hash` goes by.
    static var hash: ValueKind {
        let accepted = "address, path, { header: NAME } or { cookie: NAME }"
        return ValueKind(accepted: accepted) { node, reading in
            switch node.text {
            case "address": return .clientAddress
            case "path": return .path
            default: break
            }
            guard case .mapping(let entries) = node.content, !entries.isEmpty else {
                reading.refuse(node, accepted: accepted)
                return nil
            }
            return ValueKind.requestKey(RequestKeyDraft.poolHash).read(node, &reading)
        }
    }
}
