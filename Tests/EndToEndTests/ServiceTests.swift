import Glibc
import TestSupport
import Testing
import Transport

/// What a service manager does: it opens the sockets, and is told how the service is.
@Suite struct ServiceTests {
    private func configuration(_ replica: ScriptedReplica) -> String {
        "pools: { web: { discover: \"\(replica.address)\" } }\nroutes: [{ pool: web }]"
    }

    /// A datagram socket with a path, and what arrived there.
    private final class Listening {
        let path: String
        private let socket: Int32
        private var heard: [String] = []

        init(_ folder: TemporaryFolder) throws {
            path = "\(folder.path)/notify"
            socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let bytes = Array(path.utf8)
            unsafe withUnsafeMutableBytes(of: &address.sun_path) {
                unsafe $0.copyBytes(from: bytes)
            }
            let result = unsafe withUnsafePointer(to: &address) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            guard result == 0 else { throw NotInTime("bind \(path): errno \(errno)") }
        }

        deinit { close(socket) }

        /// All lines so far but those of the status, figures left out.
        func lines() -> [String] {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            while true {
                let count = unsafe recv(socket, &bytes, bytes.count, Int32(MSG_DONTWAIT))
                guard count > 0 else { return heard }
                for line in String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
                where !line.hasPrefix("STATUS=") {
                    let isFigure = line.hasPrefix("MONOTONIC_USEC=")
                    heard.append(isFigure ? "MONOTONIC_USEC" : String(line))
                }
            }
        }

        func await(_ expected: [String]) throws {
            try eventually("\(expected) is heard, after \(heard)") {
                lines().suffix(expected.count) == expected[...]
            }
        }
    }

    @Test("A start, a reload, an upgrade and the end are told in their order")
    func notices() throws {
        try TestBed.run { bed in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let listening = try Listening(folder)
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let weir = bed.own(
                try WeirProcess(
                    configuration(replica), environment: ["NOTIFY_SOCKET=\(listening.path)"]))
            try listening.await(["READY=1"])
            #expect(try weir.run("reload").exitCode == 0)
            try listening.await(["READY=1", "RELOADING=1", "MONOTONIC_USEC", "READY=1"])
            let process = try weir.upgrade()
            try listening.await(
                ["READY=1", "RELOADING=1", "MONOTONIC_USEC", "MAINPID=\(process)", "READY=1"])
            try weir.rewrite("nonsense: true")
            #expect(try weir.run("upgrade").exitCode == 1)
            try listening.await(["READY=1", "RELOADING=1", "MONOTONIC_USEC", "READY=1"])
            try weir.endSuccessors()
            try listening.await(["READY=1", "STOPPING=1"])
        }
    }

    @Test("A watchdog that is asked for hears from weir, and from no process that it does not mean")
    func watchdog() throws {
        try TestBed.run { bed in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let listening = try Listening(folder)
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let variables = ["NOTIFY_SOCKET=\(listening.path)", "WATCHDOG_USEC=40000"]
            bed.own(try WeirProcess(configuration(replica), environment: variables))
            try listening.await(["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"])

            let other = try TemporaryFolder()
            defer { other.remove() }
            let silent = try Listening(other)
            let more = ["NOTIFY_SOCKET=\(silent.path)", "WATCHDOG_USEC=40000", "WATCHDOG_PID=1"]
            let weir = bed.own(try WeirProcess(configuration(replica), environment: more))
            #expect(try weir.run("reload").exitCode == 0)
            try silent.await(["READY=1", "RELOADING=1", "MONOTONIC_USEC", "READY=1"])
            #expect(!silent.lines().contains("WATCHDOG=1"))
        }
    }

    @Test("Sockets that a service manager has opened serve, by name or by address, and go on")
    func activation() throws {
        try TestBed.run { bed in
            let replica = try bed.replica(ScriptedReplica.saying("ok"))
            let (byName, byAddress, stray) = (
                try Socket.listen(on: LoopbackAddress.unique(port: 0), sharing: .exclusive),
                try Socket.listen(on: LoopbackAddress.unique(), sharing: .exclusive),
                try Socket.listen(on: LoopbackAddress.unique(), sharing: .exclusive)
            )
            let sockets = [byName, byAddress, stray]
            let addresses = try sockets.map { try #require(Socket.localAddress(of: $0)) }
            // It waits for the program in the queue of the socket.
            let early = try bed.connect(to: addresses[0])
            let weir = bed.own(
                try WeirProcess(
                    """
                    listeners: { one: { bind: ":1" }, two: { bind: "\(addresses[1])" } }
                    \(configuration(replica))
                    """, workers: 2, environment: ["LISTEN_FDS=3", "LISTEN_FDNAMES=one:x:y"],
                    sockets: sockets.map(\.number)))
            sockets.forEach { $0.close() }
            #expect(try early.roundTrip(request("GET /")).text == "ok")
            for round in 0..<2 {
                for address in addresses.prefix(2) {
                    for _ in 0..<8 {
                        let wire = try bed.connect(to: address)
                        #expect(try wire.roundTrip(request("GET /")).text == "ok")
                    }
                }
                if round == 0 { try weir.upgrade() }
            }
            let stranger = "socket y (\(addresses[2])) belongs to no listener"
            #expect(weir.standardError.contains(stranger))
            #expect(throws: (any Error).self) { try Wire(to: addresses[2]) }
        }
    }
}
