import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Responses under odd circumstances")
struct ResponseTests {
    private let get = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

    @Test("A response that ends with its connection arrives whole, however much comes at once")
    func untilClose() throws {
        let isBusy = Gate()
        let isAsked = Gate()
        let replica = try ScriptedReplica { wire in
            try wire.widenWindow()
            _ = try wire.readRequest()
            isAsked.open()
            try isBusy.wait()
            var pattern = BytePattern()
            var message = Array("HTTP/1.0 200 OK\r\n\r\n".utf8)
            for _ in 0..<10 { message += pattern.next(65_536) }
            try wire.send(message)
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        try client.awaitWideWindow()
        try client.send(get)
        try isAsked.wait()
        bed.keepBusy()
        isBusy.open()
        let response = try client.readResponse()
        #expect(response.body.count == 655_360)
        #expect(BytePattern.isStart(response.body))
        bed.stop()
        replica.stop()
    }

    @Test("A connection whose response came in many pieces is kept for the next request")
    func keptConnection() throws {
        let replica = try ScriptedReplica { wire in
            while try wire.readRequest() != nil {
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(8 << 20)\r\n\r\n")
                try wire.sendPattern(8 << 20)
            }
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        for _ in 0..<30 { #expect(try client.roundTrip(get).body.count == 8 << 20) }
        #expect(replica.connections == 1)
        bed.stop()
        replica.stop()
    }

    @Test("A client that has sent its end still gets a long response to the end")
    func halfClosedClient() throws {
        let count = 8 << 20
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
            try wire.sendPattern(count)
            wire.ignoreEverything()
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        try client.send(get)
        try eventually("weir has read ahead") {
            bed.worker(.buffersInUse) > 10
        }
        client.halfClose()
        _ = try client.readHead()
        #expect(try client.readPattern(count))
        #expect(try client.readToEnd().isEmpty)
        bed.stop()
        replica.stop()
    }

    @Test("A client that leaves before its second response still gets the first")
    func leftAfterFirst() throws {
        let isAsked = Gate()
        let count = 1 << 20
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
            try wire.sendPattern(count)
            _ = try wire.readRequest()
            isAsked.open()
            wire.ignoreEverything()
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        try client.send(get + get)
        try isAsked.wait()
        client.halfClose()
        _ = try client.readHead()
        #expect(try client.readPattern(count))
        client.reset()
        try eventually("nobody is left") { bed.worker(.clientConnections) == 0 }
        bed.stop()
        replica.stop()
    }

    @Test("A response that is broken before any of it was passed on is answered for")
    func brokenFromTheStart() throws {
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            wire.ignoreEverything()
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        for _ in 0..<3 { #expect(try client.roundTrip(get).status == 502) }
        bed.stop()
        replica.stop()
    }

    @Test("A replica that refuses a large body unread is heard")
    func earlyRefusal() throws {
        let replica = try ScriptedReplica { wire in
            _ = try wire.readHead()
            try wire.send(
                "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n"
                    + "Connection: close\r\n\r\nlarge"
            )
        }
        let bed = try Bed(replicas: [replica.address])
        for _ in 0..<20 {
            let client = try bed.client()
            // However far it comes.
            _ = try Background {
                try client.send(
                    "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10000000\r\n\r\n")
                try client.sendPattern(10_000_000)
            }
            #expect(try client.readResponse().status == 413)
        }
        bed.stop()
        replica.stop()
    }

    @Test("A final answer instead of 100 Continue tells the client that the connection ends")
    func refusedExpectation() throws {
        let replica = try ScriptedReplica { wire in
            _ = try wire.readHead()
            try wire.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
            wire.ignoreEverything()
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        try client.send(
            "PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n"
                + "Expect: 100-continue\r\n\r\n"
        )
        let response = try client.readResponse()
        #expect(response.status == 401)
        #expect(response["connection"] == "close")
        client.halfClose()
        #expect(try client.readToEnd().isEmpty)
        bed.stop()
        replica.stop()
    }

    @Test("A client that does not read its response is cut, and nobody else is blamed for it")
    func clientDoesNotRead() throws {
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(64 << 20)\r\n\r\n")
            try wire.sendPattern(64 << 20)
        }
        let bed = try Bed(replicas: [replica.address])
        bed.change { $0.limits.clientIdleTimeoutMilliseconds = 200 }
        let client = try bed.client()
        try eventually("the limit holds") { bed.worker(.generation) == 2 }
        try client.send(get)
        try eventually("it is cut") { bed.pool(.failures) == 1 }
        #expect(bed.pool(.cut) == 0)
        #expect(
            bed.counters[0].replicas.value(row: 0, column: ReplicaColumn.failures.rawValue) == 0)
        bed.stop()
        replica.stop()
    }
}
