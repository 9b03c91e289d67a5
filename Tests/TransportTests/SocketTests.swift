import Glibc
import Testing
import Transport

@Suite("Sockets")
struct SocketTests {
    @Test("Bytes pass both ways, and the accepted address is the client's")
    func bothWays() throws {
        let connection = try Connection()
        #expect(connection.clientAddress == Socket.localAddress(of: connection.client))
        try exchange("ping", from: connection.client, to: connection.server)
        try exchange("pong", from: connection.server, to: connection.client)
    }

    @Test("IPv6 works like IPv4", .enabled(if: SocketTests.hasIPv6))
    func overIPv6() throws {
        let connection = try Connection(on: SocketAddress(high: 0, low: 1, port: 0))
        #expect(connection.clientAddress?.host == "::1")
        try exchange("ping", from: connection.client, to: connection.server)
    }

    private static let hasIPv6: Bool = {
        do throws(SystemError) {
            let address = SocketAddress(high: 0, low: 1, port: 0)
            try Socket.listen(on: address, sharing: .exclusive).close()
            return true
        } catch {
            return false
        }
    }()

    private func exchange(_ message: String, from: Descriptor, to: Descriptor) throws {
        #expect(from.send(message) == .bytes(message.utf8.count))
        #expect(try receive(to) == message)
    }

    private func receive(_ descriptor: Descriptor) throws -> String {
        var watch = try Watch(descriptor, .readable)
        _ = try watch.next()
        var buffer = Buffer.allocate(capacity: 1024)
        defer { buffer.deallocate() }
        _ = descriptor.receive(into: &buffer)
        return text(buffer)
    }

    @Test("Two pieces go out in order with one call")
    func pieces() throws {
        let connection = try Connection()
        let (head, body) = (bytes("head,"), bytes("body"))
        let both = connection.client.send(head.span, body.span)
        let one = connection.client.send(head.span, [UInt8]().span)
        #expect(both == .bytes(9) && one == .bytes(5))
        try Watch(connection.server, .readable).waitForBytes(14, on: connection.server)
        #expect(try receive(connection.server) == "head,bodyhead,")
    }

    @Test("Nothing to receive is no end, and a look takes nothing away")
    func peek() throws {
        let connection = try Connection()
        #expect(connection.server.peek() == .wouldBlock)
        #expect(connection.client.send("x") == .bytes(1))
        var watch = try Watch(connection.server, .readable)
        _ = try watch.next()
        #expect(connection.server.peek() == .bytes(1))
        #expect(try receive(connection.server) == "x")
        #expect(connection.server.peek() == .wouldBlock)
        connection.client.shutdownWrite()
        _ = try watch.next()
        #expect(connection.server.peek() == .endOfStream)
    }

    @Test("After a half close the other direction goes on")
    func halfClose() throws {
        let connection = try Connection()
        connection.client.shutdownWrite()
        var watch = try Watch(connection.server)
        try watch.all(of: [.readable, .readHangup])
        var buffer = Buffer.allocate(capacity: 16)
        defer { buffer.deallocate() }
        #expect(connection.server.receive(into: &buffer) == .endOfStream)
        try exchange("still here", from: connection.server, to: connection.client)
    }

    @Test("A reset is told from an end")
    func reset() throws {
        let listener = try Socket.listen(on: .loopback, sharing: .exclusive)
        defer { listener.close() }
        let client = try Socket.connect(to: try #require(Socket.localAddress(of: listener)))
        var incoming = try Watch(listener, .readable)
        _ = try incoming.next()
        let (server, _) = try #require(try Socket.accept(from: listener))
        defer { server.close() }
        var watch = try Watch(server)
        client.resetOnClose()
        client.close()
        try watch.all(of: [.readHangup, .error])
        var buffer = Buffer.allocate(capacity: 16)
        defer { buffer.deallocate() }
        #expect(server.receive(into: &buffer) == .failed(ECONNRESET))
        #expect(server.send("x") == .failed(EPIPE))
    }

    @Test("A full socket would block, and reports when there is room again")
    func backPressure() throws {
        let connection = try Connection()
        let chunk = [UInt8](repeating: 7, count: 65_536)
        var sent = 0
        while case .bytes(let count) = connection.client.send(chunk.span) { sent += count }
        let full = connection.client.send(chunk.span)
        #expect(full == .wouldBlock)
        var buffer = Buffer.allocate(capacity: 65_536)
        defer { buffer.deallocate() }
        var watch = try Watch(connection.client, [.writable, .edgeTriggered])
        var source = try Watch(connection.server, .readable)
        var received = 0
        while received < sent {
            _ = try source.next()
            if case .bytes(let count) = connection.server.receive(into: &buffer) {
                received += count
            }
            buffer.clear()
        }
        #expect(received == sent)
        #expect(try watch.next().contains(.writable))
    }

    @Test(
        "To receive without room ends the program, since it would look like the end of the stream")
    func noRoom() async {
        await #expect(processExitsWith: .failure) {
            let connection = try Connection()
            var buffer = Buffer.allocate(capacity: 1)
            buffer.append([1].span)
            _ = connection.server.receive(into: &buffer)
        }
    }

    @Test("A refused connect says so, at once or by the poller")
    func refused() throws {
        let listener = try Socket.listen(on: .loopback, sharing: .exclusive)
        let address = try #require(Socket.localAddress(of: listener))
        listener.close()
        do throws(SystemError) {
            let descriptor = try Socket.connect(to: address)
            defer { descriptor.close() }
            var poller = try Poller()
            try poller.add(descriptor, .connection, token: 1)
            #expect(poller.wait(milliseconds: 5000) == 1)
            #expect(poller.event(at: 0).readiness.contains(.error))
            #expect(descriptor.pendingError() == ECONNREFUSED)
        } catch {
            #expect(error.code == ECONNREFUSED && error.operation == "connect \(address)")
        }
    }

    @Test("Workers share an address; others may not, and the error names it")
    func sharing() throws {
        let first = try Socket.listen(on: .loopback, sharing: .perWorker)
        defer { first.close() }
        let address = try #require(Socket.localAddress(of: first))
        let second = try Socket.listen(on: address, sharing: .perWorker)
        second.close()
        let error = #expect(throws: SystemError.self) {
            try Socket.listen(on: address, sharing: .exclusive)
        }
        #expect(error?.description == "bind \(address): Address already in use")
    }

    @Test("Nothing to accept is nil; one that was reset meanwhile hides none behind it")
    func accept() throws {
        let listener = try Socket.listen(on: .loopback, sharing: .exclusive)
        defer { listener.close() }
        #expect(try Socket.accept(from: listener) == nil)
        let address = try #require(Socket.localAddress(of: listener))
        let gone = try Socket.connect(to: address)
        gone.resetOnClose()
        gone.close()
        let client = try Socket.connect(to: address)
        defer { client.close() }
        var watch = try Watch(listener, .readable)
        var accepted: [SocketAddress?] = []
        while accepted.last != Socket.localAddress(of: client) {
            _ = try watch.next()
            while let (server, from) = try Socket.accept(from: listener) {
                server.close()
                accepted.append(from)
            }
        }
        #expect(accepted.count <= 2)
    }

    @Test("Datagrams keep their borders and their sender")
    func datagrams() throws {
        let one = try Socket.datagram(on: .loopback)
        defer { one.close() }
        let two = try Socket.datagram(on: .loopback)
        defer { two.close() }
        let target = try #require(Socket.localAddress(of: two))
        one.sendDatagram(bytes("first").span, to: target)
        one.sendDatagram(bytes("").span, to: target)
        one.sendDatagram(bytes("third").span, to: target)
        var watch = try Watch(two, .readable)
        for expected in ["first", "", "third"] {
            _ = try watch.next()
            var buffer = Buffer.allocate(capacity: 512)
            defer { buffer.deallocate() }
            #expect(two.receiveDatagram(into: &buffer) == Socket.localAddress(of: one))
            #expect(text(buffer) == expected)
        }
    }
}

extension Watch {
    /// Waits until the descriptor holds so many bytes.
    consuming func waitForBytes(_ count: Int, on descriptor: Descriptor) throws {
        var waiting: Int32 = 0
        repeat {
            _ = try next()
            _ = unsafe ioctl(descriptor.number, UInt(FIONREAD), &waiting)
        } while waiting < count
    }
}
