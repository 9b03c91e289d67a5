import Glibc
import Metrics
import TestSupport
import Testing
import Transport

@testable import DataPlane

@Suite("Turns of the loop") struct FairnessTests {
    /// What one turn of the loop moved at most, as seen from outside while a stream ran.
    private static func largestTurn(
        _ bed: Bed, of column: ReplicaColumn, while isRunning: () -> Bool
    ) -> UInt64 {
        var largest: UInt64 = 0
        var turn = bed.worker(.loopTurns)
        var atStart: UInt64?
        while isRunning() {
            let moved = bed.counters[0].replicas.value(row: 0, column: column.rawValue)
            let now = bed.worker(.loopTurns)
            if now != turn {
                (turn, atStart) = (now, nil)
            } else if let atStart {
                largest = max(largest, moved - atStart)
            } else {
                atStart = moved
            }
        }
        return largest
    }

    private static let streamBytes = 1 << 30
    /// Answers with so many bytes, as fast as it can.
    private static let pouring: ScriptedReplica.Script = { wire in
        let block = [UInt8](repeating: 0x61, count: 1 << 20)
        _ = try wire.readRequest()
        try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(streamBytes)\r\n\r\n")
        for _ in 0..<streamBytes / block.count { try wire.send(block) }
    }
    private static let request = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

    @Test("A replica that sends as fast as it can has its turns like everybody else")
    func fastResponse() throws {
        let replica = try ScriptedReplica(Self.pouring)
        let bed = try Bed(replicas: [replica.address])
        defer { bed.stop() }
        let isDone = Flag()
        let reader = try Background {
            let client = try bed.client()
            try client.send(Self.request)
            _ = try client.readHead()
            var left = Self.streamBytes
            while left > 0 { left -= try client.readSome().count }
            isDone.set()
        }
        let largest = Self.largestTurn(bed, of: .bytesReceived) { !isDone.isSet }
        try reader.join()
        // A receive may begin within the limit and end beyond it; and one that was not finished has
        // its turn before what the poller has to say.
        #expect(largest <= 2 * UInt64(DataPlaneLimits.turnBytesMaximum + 262_144))
        #expect(largest > 0)
    }

    @Test("So it has where a stream of HTTP/2 takes all that there is")
    func fastStream() throws {
        let replica = try ScriptedReplica(Self.pouring)
        let bed = try Bed(replicas: [replica.address])
        defer { bed.stop() }
        let isDone = Flag()
        let reader = try Background {
            let client = try bed.client()
            let widest: [UInt8] = [0, 4, 0x7f, 0xff, 0xff, 0xff]
            try client.send(FrameBytes.preface + FrameBytes.frame(4, widest))
            try client.send(FrameBytes.frame(8, [0x7f, 0, 0, 0]) + FrameBytes.request(1))
            var left = Self.streamBytes
            while left > 0 { left -= try client.readSome().count }
            isDone.set()
        }
        let largest = Self.largestTurn(bed, of: .bytesReceived) { !isDone.isSet }
        try reader.join()
        #expect(largest <= 2 * UInt64(DataPlaneLimits.turnBytesMaximum + 262_144))
        #expect(largest > 0)
    }
}
