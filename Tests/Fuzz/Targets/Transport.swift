// Compiled into those files of Transport that read what stands before a protocol.

/// What is read of a header is within it, no part of it is a header, and the addresses are written
/// so that they are read again.
@Sendable private func fuzzProxyHeader(_ bytes: [UInt8]) {
    guard let header = proxyHeader(bytes) else { return }
    guard header.byteCount <= bytes.count, header.values.upperBound <= header.byteCount else {
        broken("a header is within the bytes")
    }
    for cut in 0..<header.byteCount where proxyHeader(Array(bytes[..<cut])) != nil {
        broken("a part of a header is not whole")
    }
    guard let ends = header.addresses else { return }
    var buffer = Buffer.allocate(capacity: ProxyWriter.bytesMaximum)
    defer { buffer.deallocate() }
    let values = ProxyValues.passedOn(bytes.span, header)
    for version in [ProxyWriter.Version.text, .binary] {
        buffer.clear()
        ProxyWriter.append(version, ends, values: values, to: &buffer)
        let written = buffer.bytes.indices.map { buffer.bytes[$0] }
        if proxyHeader(written)?.addresses != ends { broken("it reads back as it was written") }
    }
}

private func proxyHeader(_ bytes: [UInt8]) -> ProxyHeader? {
    do throws(ProxyHeaderError) {
        return try ProxyHeader.read(bytes.span)
    } catch {
        if error.reason.isEmpty { broken("an error says what is wrong") }
        return nil
    }
}

/// A name is within the message, which is read the same however its records are cut.
@Sendable private func fuzzClientHello(_ bytes: [UInt8]) {
    var message = Buffer.allocate(capacity: ClientHello.bytesMaximum)
    defer { message.deallocate() }
    guard let hello = clientHello(bytes, &message) else { return }
    let whole = message.bytes.indices.map { message.bytes[$0] }
    if let name = hello.serverName, name.upperBound > whole.count || name.isEmpty {
        broken("a name is within the message")
    }
    let again = stride(from: 0, to: whole.count, by: 7).flatMap { start -> [UInt8] in
        let part = whole[start..<min(start + 7, whole.count)]
        return [22, 3, 1, 0, UInt8(part.count)] + part
    }
    guard again.count < ClientHello.bytesMaximum else { return }
    if clientHello(again, &message) != hello { broken("records do not matter") }
}

private func clientHello(_ bytes: [UInt8], _ message: inout Buffer) -> ClientHello? {
    do throws(ClientHelloError) {
        return try ClientHello.read(bytes.span, into: &message)
    } catch {
        if error.reason.isEmpty { broken("an error says what is wrong") }
        return nil
    }
}

let targets: [String: @Sendable ([UInt8]) -> Void] = [
    "proxy-header": fuzzProxyHeader, "client-hello": fuzzClientHello,
]
