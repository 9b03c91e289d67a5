public import Transport

/// A small DNS server over UDP that answers from a table as Docker's does: addresses of names,
/// names of addresses, ten minutes of life. For `weir demo`, where it stands in for a network's
/// server.
public final class EmbeddedDNS {
    private static let datagramBytesMaximum = 4096
    /// RFC 1035 §4.2.1: what a client takes that says nothing else.
    private static let plainBytesMaximum = 512

    /// Where it listens.
    public let address: SocketAddress
    private let loop: EventLoop
    private let descriptor: Descriptor
    private var buffer = Buffer.allocate(capacity: datagramBytesMaximum)
    private var addresses: [String: [SocketAddress]] = [:]
    private var names: [String: String] = [:]

    /// Listens at once; port 0 is any free one.
    ///
    /// - Throws: when the address cannot be bound.
    public init(
        loop: EventLoop, bind: SocketAddress = SocketAddress.loopback
    ) throws(SystemError) {
        self.loop = loop
        descriptor = try Socket.datagram(on: bind)
        address = Socket.localAddress(of: descriptor) ?? bind
        do throws(SystemError) {
            try loop.watch(descriptor, .readable) { [weak self] _ in self?.serve() }
        } catch {
            descriptor.close()
            throw error
        }
    }

    deinit { buffer.deallocate() }

    /// `name` has these addresses from now on; their ports do not matter. Without any, there is no
    /// such name.
    public func set(_ name: String, to addresses: [SocketAddress]) {
        self.addresses[name.lowercased()] = addresses.isEmpty ? nil : addresses
    }

    /// The container name behind an address; nil if there is none any more.
    public func setName(_ name: String?, of address: SocketAddress) {
        names[Resolver.reverseName(of: address)] = name
    }

    /// Stops listening.
    public func stop() {
        loop.unwatch(descriptor)
        descriptor.close()
    }

    private func serve() {
        buffer.clear()
        while let client = descriptor.receiveDatagram(into: &buffer) {
            let bytes = buffer.bytes
            if let response = response(to: bytes.indices.map { bytes[$0] }) {
                descriptor.sendDatagram(response.span, to: client)
            }
            buffer.clear()
        }
    }

    /// nil for what is not even a question.
    private func response(to bytes: [UInt8]) -> [UInt8]? {
        var reader = DNSReader(bytes)
        do throws(DNSFormatError) {
            let id = try reader.short()
            let isQuestion = try reader.short() & 0x8000 == 0
            let questions = try reader.short()
            guard isQuestion else { return nil }
            try reader.skip(to: 10)
            let additional = try reader.short()
            guard questions == 1 else { return DNSWriter.failure(id: id, code: .formatError) }
            let name = try reader.name()
            guard let type = DNSRecordType(rawValue: try reader.short()) else {
                return DNSWriter.failure(id: id, code: .notImplemented)
            }
            return answer(
                id, DNSQuestion(name: name, type: type),
                additional > 0 ? EmbeddedDNS.datagramBytesMaximum : EmbeddedDNS.plainBytesMaximum)
        } catch {
            return nil
        }
    }

    private func answer(_ id: UInt16, _ question: DNSQuestion, _ bytesMaximum: Int) -> [UInt8] {
        let known = addresses[question.name]
        let name = names[question.name]
        let records: [DNSRecord]
        switch question.type {
        case .a: records = (known ?? []).filter(\.isIPv4).map { .address($0) }
        case .aaaa: records = (known ?? []).filter { !$0.isIPv4 }.map { .address($0) }
        case .ptr: records = name.map { [.host($0)] } ?? []
        case .srv, .cname: records = []
        }
        return DNSWriter.response(
            id: id, question: question,
            code: known == nil && name == nil ? .noSuchName : .noError,
            records: records.shuffled(), bytesMaximum: bytesMaximum)
    }
}
