import Glibc
import TestSupport
import Testing

@Suite struct OverloadTests {
    private static func openDescriptors(of process: Int32) throws -> Int {
        guard let folder = unsafe opendir("/proc/\(process)/fd") else {
            throw NotInTime("no process \(process)")
        }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        return count
    }

    /// A program that is weir with few descriptors.
    private static func limited(to descriptors: Int, in folder: TemporaryFolder) throws -> String {
        let path = "\(folder.path)/weir"
        try TextFile.write(
            "#!/bin/sh\nulimit -n \(descriptors)\nexec \(WeirProgram.path) \"$@\"\n", to: path)
        guard unsafe chmod(path, 0o700) == 0 else { throw NotInTime("chmod: errno \(errno)") }
        return path
    }

    @Test(
        "With 256 descriptors and hundreds of clients weir lives, answers its admin, and recovers")
    func descriptors() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let program = try Self.limited(to: 256, in: folder)
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = try bed.weir(
                "pools: { web: { discover: \"\(replica.address)\", timeouts: { idle: 1s } } }",
                workers: 2, program: program)
            try weir.awaitReady(1)
            #expect(weir.standardError.contains("the limit of open files is 256"))
            let baseline = try Self.openDescriptors(of: weir.process.pid)
            let served = try bed.connect(to: weir)
            #expect(try served.roundTrip(request("GET /")).status == 200)

            let crowd = try (0..<400).map { _ in try bed.connect(to: weir) }
            for client in crowd { try client.send(request("GET /")) }
            try eventually("accepting pauses, and that is said") {
                weir.standardError.contains("accepting paused")
            }
            // Those who are in go on, the replica stays ready, and the admin interface answers.
            for _ in 0..<3 {
                #expect(try served.roundTrip(request("GET /")).status == 200)
                let status = try JSON(weir.ask("/status").text)
                #expect(status["ready"] == .bool(true))
                #expect(status["listeners"].first("name", "web")["refused"].int ?? 0 > 0)
            }
            #expect(try weir.run("status").exitCode == 0)
            #expect(try weir.states(of: "web").values.allSatisfy { $0 == "ready" })
            #expect(try Self.openDescriptors(of: weir.process.pid) < 256)

            // As some leave, those who waited have their turn.
            for client in crowd { client.close() }
            let late = try bed.connect(to: weir)
            #expect(try late.roundTrip(request("GET /")).status == 200)
            late.close()
            try eventually(within: 10, "all is as before") {
                let status = try JSON(weir.ask("/status").text)
                let open = status["listeners"].first("name", "web")["open"].int
                let descriptors = try Self.openDescriptors(of: weir.process.pid)
                return open == 1 && descriptors <= baseline + 3
            }
            #expect(try served.roundTrip(request("GET /")).status == 200)
        }
    }
}
