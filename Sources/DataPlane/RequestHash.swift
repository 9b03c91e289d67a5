internal import Balancing
internal import HTTP
internal import Transport

/// What of a request is hashed, so that requests that are alike in it go the same way.
extension Worker {
    /// The hash of what `key` names in the request whose head was just parsed from `received`; nil
    /// if the request has nothing of it, or an empty value. The same in every weir: no secret.
    mutating func hash(
        of key: borrowing RequestKey, _ received: Buffer, from client: Ref<ClientConnection>
    ) -> UInt64? {
        switch key {
        case .clientAddress: return origin(of: client, received).map(RequestHash.of)
        case .path: return hashOfPath(received)
        case .header, .cookie:
            let bytes = received.bytes
            guard let range = range(of: key, in: bytes), !range.isEmpty else { return nil }
            return SipHash.hash(bytes.extracting(range), key: .none)
        }
    }

    /// Where the value of a header or cookie is in the head; nil for other keys.
    mutating func range(of key: borrowing RequestKey, in bytes: Span<UInt8>) -> ByteRange? {
        switch key {
        case .clientAddress, .path: nil
        case .header(let name): requestHead.fields.span.value(name.utf8.span, in: bytes)
        case .cookie(let name): requestHead.fields.span.cookie(name.utf8.span, in: bytes)
        }
    }

    /// Nil for a client whose address is not known.
    mutating func hashOfAddress(_ client: Ref<ClientConnection>) -> UInt64? {
        client.its.address.map(RequestHash.of)
    }

    /// Whose request it is whose head was just parsed from `received`: the client's, or, where that
    /// is a proxy under `trust`, that of whom the proxy has named last in `X-Forwarded-For`.
    mutating func origin(
        of client: Ref<ClientConnection>, _ received: Buffer
    ) -> SocketAddress? {
        let bytes = received.bytes
        guard client.its.isTrusted,
            let range = requestHead.fields.span.lastMember(of: .xForwardedFor, in: bytes)
        else { return client.its.address }
        let text = String(decoding: range.indices.map { bytes[$0] }, as: UTF8.self)
        return SocketAddress(numeric: text, port: 0) ?? client.its.address
    }

    /// Of what the path means; an empty one stands for "/".
    private mutating func hashOfPath(_ received: Buffer) -> UInt64 {
        let meaning = pathMeaning
        if !meaning.isEmpty { return SipHash.hash(meaning.bytes, key: .none) }
        if requestHead.path.isEmpty {
            let root: InlineArray<1, UInt8> = [UInt8(ascii: "/")]
            return SipHash.hash(root.span, key: .none)
        }
        return SipHash.hash(received.bytes.extracting(requestHead.path), key: .none)
    }
}

/// Of what is hashed as a whole.
private enum RequestHash {
    static func of(_ address: SocketAddress) -> UInt64 {
        SipHash.hash(address.high, address.low, key: .none)
    }
}
