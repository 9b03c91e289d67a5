import Transport

/// The thread of a `ScriptedDNS`.
struct ScriptedDNSLoop: ~Copyable {
    struct Sockets: Sendable {
        var datagrams: Descriptor
        var listener: Descriptor
        var address: SocketAddress
    }

    private enum Route {
        case datagram(to: SocketAddress)
        case stream(Descriptor)

        var isStream: Bool { if case .stream = self { true } else { false } }
    }

    private struct Late {
        var at: Instant
        var bytes: [UInt8]
        var route: Route
    }

    private let sockets: Sockets
    private let server: ScriptedDNS
    private var buffer = Buffer.allocate(capacity: 65_536)
    private var streams: [Descriptor] = []
    private var late: [Late] = []

    init(sockets: Sockets, server: ScriptedDNS) {
        self.sockets = sockets
        self.server = server
    }

    deinit {
        for stream in streams { stream.close() }
        sockets.datagrams.close()
        sockets.listener.close()
        buffer.deallocate()
    }

    /// A UDP and a TCP socket on the same free port.
    static func openSockets() throws -> Sockets {
        var lastError = SystemError("bind", code: 0)
        for _ in 0..<20 {
            let datagrams = try Socket.datagram(on: .loopback)
            guard let address = Socket.localAddress(of: datagrams) else { continue }
            do throws(SystemError) {
                let listener = try Socket.listen(on: address, sharing: .exclusive)
                return Sockets(datagrams: datagrams, listener: listener, address: address)
            } catch {
                lastError = error
                datagrams.close()
            }
        }
        throw lastError
    }

    mutating func run(until wakeup: borrowing Wakeup) {
        do throws(SystemError) {
            var poller = try Poller()
            try poller.add(sockets.datagrams, .readable, token: 1)
            try poller.add(sockets.listener, .readable, token: 2)
            try poller.add(wakeup.descriptor, .readable, token: 3)
            while !server.isStopped {
                let count = poller.wait(milliseconds: late.isEmpty ? -1 : 1)
                sendLate()
                for index in 0..<count {
                    try serve(poller.event(at: index).token, &poller)
                }
            }
        } catch {
            fatalError("scripted DNS server: \(error)")
        }
    }

    private mutating func serve(_ token: UInt64, _ poller: inout Poller) throws(SystemError) {
        switch token {
        case 1: serveDatagrams()
        case 2: try acceptStreams(&poller)
        case 3: break
        default: serveStream(Int(token) - 4, &poller)
        }
    }

    private mutating func serveDatagrams() {
        buffer.clear()
        while let client = sockets.datagrams.receiveDatagram(into: &buffer) {
            answer(taken(), .datagram(to: client))
            buffer.clear()
        }
    }

    private mutating func acceptStreams(_ poller: inout Poller) throws(SystemError) {
        while let (stream, _) = try Socket.accept(from: sockets.listener) {
            streams.append(stream)
            try poller.add(stream, .readable, token: UInt64(streams.count + 3))
        }
    }

    /// Questions are short: each comes in one piece.
    private mutating func serveStream(_ index: Int, _ poller: inout Poller) {
        buffer.clear()
        guard case .bytes = streams[index].receive(into: &buffer) else {
            poller.remove(streams[index])
            streams[index].close()
            streams[index] = .none
            return
        }
        answer(Array(taken().dropFirst(2)), .stream(streams[index]))
    }

    private func taken() -> [UInt8] {
        let bytes = buffer.bytes
        return bytes.indices.map { bytes[$0] }
    }

    private mutating func answer(_ question: [UInt8], _ route: Route) {
        guard let message = ScriptedDNSMessage(question: question) else { return }
        var reply = server.reply(to: message.key, overStream: route.isStream)
        if case .truncated(_, let overStream) = reply, route.isStream { reply = overStream }
        var delay = 0
        if case .delayed(let later, let milliseconds) = reply {
            delay = milliseconds
            reply = later
        }
        guard let bytes = message.response(reply) else { return }
        if delay == 0 {
            send(bytes, route)
        } else {
            let at = Instant.now().adding(milliseconds: delay)
            late.append(Late(at: at, bytes: bytes, route: route))
        }
    }

    private mutating func sendLate() {
        let now = Instant.now()
        for item in late where item.at <= now { send(item.bytes, item.route) }
        late.removeAll { $0.at <= now }
    }

    private func send(_ bytes: [UInt8], _ route: Route) {
        switch route {
        case .datagram(let client): sockets.datagrams.sendDatagram(bytes.span, to: client)
        case .stream(let stream):
            let framed = [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
            _ = stream.send(framed.span)
        }
    }
}

/// One question, and the messages that can answer it.
private struct ScriptedDNSMessage {
    let key: ScriptedDNS.Key
    private let id: [UInt8]
    private let questionBytes: [UInt8]

    init?(question: [UInt8]) {
        guard question.count > 16 else { return nil }
        id = Array(question[0..<2])
        var labels: [String] = []
        var position = 12
        while position < question.count, question[position] != 0 {
            let end = position + 1 + Int(question[position])
            guard end < question.count else { return nil }
            labels.append(String(decoding: question[(position + 1)..<end], as: UTF8.self))
            position = end
        }
        guard position + 5 <= question.count else { return nil }
        let kind = UInt16(question[position + 1]) << 8 | UInt16(question[position + 2])
        questionBytes = Array(question[12..<(position + 5)])
        key = ScriptedDNS.Key(name: labels.joined(separator: ".").lowercased(), kind: kind)
    }

    func response(_ reply: ScriptedDNS.Reply) -> [UInt8]? {
        switch reply {
        case .addresses(let list): message(records: list.shuffled().map { address($0) })
        case .names(let list): message(records: list.map { record(12, name($0)) })
        case .services(let list): message(records: list.map(service))
        case .alias(let target, let list):
            message(
                records: list.map { address($0, owner: name(target)) } + [record(5, name(target))])
        case .noSuchName: message(code: 3)
        case .empty: message()
        case .serverFailure: message(code: 2)
        case .refused: message(code: 5)
        case .silence, .delayed: nil
        case .garbage: message(records: [[0xc0, 0xff, 0x00, 0x01, 0xde, 0xad]])
        case .noise: [0xde, 0xad, 0xbe, 0xef, 0x00]
        case .wrongID(let list): message(records: list.map { address($0) }, idOffset: 1)
        case .truncated(let list, _):
            message(records: list.map { address($0) }, flags: 0x02)
        }
    }

    private func message(
        code: UInt8 = 0, records: [[UInt8]] = [], flags: UInt8 = 0, idOffset: UInt8 = 0
    ) -> [UInt8] {
        let count = short(UInt16(records.count))
        return [id[0] &+ idOffset, id[1], 0x80 | flags, 0x80 | code, 0, 1] + count
            + [0, 0, 0, 0] + questionBytes + records.flatMap { $0 }
    }

    private func address(_ text: String, owner: [UInt8] = [0xc0, 0x0c]) -> [UInt8] {
        guard let address = SocketAddress(numeric: text, port: 0) else { return [] }
        if address.isIPv4 {
            return record(
                1, short(UInt16(address.ipv4 >> 16)) + short(UInt16(address.ipv4 & 0xffff)), owner)
        }
        let words = [address.high, address.low].flatMap { word in
            [48, 32, 16, 0].flatMap { short(UInt16(word >> UInt64($0) & 0xffff)) }
        }
        return record(28, words, owner)
    }

    private func service(_ entry: (UInt16, UInt16, UInt16, String)) -> [UInt8] {
        record(33, short(entry.0) + short(entry.1) + short(entry.2) + name(entry.3))
    }

    private func record(
        _ kind: UInt16, _ content: [UInt8], _ owner: [UInt8] = [0xc0, 0x0c]
    ) -> [UInt8] {
        owner + short(kind) + [0, 1, 0, 0, 2, 88] + short(UInt16(content.count)) + content
    }

    private func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private func short(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
}
