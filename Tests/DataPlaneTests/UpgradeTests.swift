import Balancing
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Upgrades in unkind pieces")
struct UpgradeTests {
    private let upgrade = """
        GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: echo\r\n
        """ + "\r\n"
    private static let agreed =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"

    @Test("Much that comes right behind the 101 arrives whole")
    func muchBehind() throws {
        let isBusy = Gate()
        let isAsked = Gate()
        let replica = try ScriptedReplica { wire in
            try wire.widenWindow()
            _ = try wire.readRequest()
            isAsked.open()
            try isBusy.wait()
            var pattern = BytePattern()
            var message = Array(UpgradeTests.agreed.utf8)
            for _ in 0..<10 { message += pattern.next(65_536) }
            try wire.send(message)
            wire.ignoreEverything()
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        try client.awaitWideWindow()
        try client.send(upgrade)
        try isAsked.wait()
        bed.keepBusy()
        isBusy.open()
        #expect(try client.readHead()?.status == 101)
        #expect(try client.readPattern(655_360))
        bed.stop()
        replica.stop()
    }

    @Test("An end that comes right behind the 101 is passed on")
    func endBehind() throws {
        let replica = try ScriptedReplica { wire in
            _ = try wire.readRequest()
            try wire.send(UpgradeTests.agreed + "bye")
        }
        let bed = try Bed(replicas: [replica.address])
        for _ in 0..<50 {
            let client = try bed.client()
            client.patience = 3
            try client.send(upgrade)
            #expect(try client.readHead()?.status == 101)
            #expect(try client.readToEnd() == Array("bye".utf8))
        }
        bed.stop()
        replica.stop()
    }

    @Test("A 101 before the request is whole is no agreement")
    func early() throws {
        let replica = try ScriptedReplica { wire in
            _ = try wire.readHead()
            try wire.send(UpgradeTests.agreed)
            wire.ignoreEverything()
        }
        let bed = try Bed(replicas: [replica.address])
        let client = try bed.client()
        try client.send(
            "POST / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: echo\r\n"
                + "Content-Length: 10\r\n\r\n")
        #expect(try client.readResponse().status == 502)
        bed.stop()
        replica.stop()
    }
}
