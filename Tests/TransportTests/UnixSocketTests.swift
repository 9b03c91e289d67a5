import Glibc
import TestSupport
import Testing
import Transport

@Suite("Unix sockets")
final class UnixSocketTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }
    deinit { folder.remove() }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    @Test("A connection passes bytes, and only owner and group may connect")
    func connects() throws {
        let listener = try Socket.listen(unixPath: path("socket"))
        defer { listener.close() }
        var status = stat()
        #expect(unsafe lstat(path("socket"), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o660)
        let client = try Socket.connect(unixPath: path("socket"))
        defer { client.close() }
        let (server, address) = try #require(try Socket.accept(from: listener))
        defer { server.close() }
        #expect(address == nil)
        #expect(client.send("hello") == .bytes(5))
        var buffer = Buffer.allocate(capacity: 16)
        defer { buffer.deallocate() }
        #expect(server.receive(into: &buffer) == .bytes(5))
    }

    @Test("The socket that an earlier process left is replaced")
    func replaces() throws {
        try Socket.listen(unixPath: path("socket")).close()
        try Socket.listen(unixPath: path("socket")).close()
    }

    @Test("A file that is no socket is left alone")
    func leavesFiles() throws {
        let file = Descriptor(unsafe open(path("file"), O_CREAT | O_WRONLY, 0o600))
        #expect(file.write(bytes("precious").span) == .bytes(8))
        file.close()
        let error = #expect(throws: SystemError.self) {
            try Socket.listen(unixPath: path("file"))
        }
        #expect(error?.code == EADDRINUSE)
        #expect(error?.operation == "bind \(path("file"))")
        var status = stat()
        #expect(unsafe lstat(path("file"), &status) == 0 && status.st_size == 8)
    }

    @Test("A path that is too long, or leads nowhere, is an error that names it")
    func badPaths() {
        let long = "/tmp/" + String(repeating: "x", count: 120)
        let error = #expect(throws: SystemError.self) { try Socket.connect(unixPath: long) }
        #expect(error?.code == ENAMETOOLONG && error?.operation.contains(long) == true)
        let nowhere = #expect(throws: SystemError.self) {
            try Socket.listen(unixPath: "/tmp/weir-no-such-folder/socket")
        }
        #expect(nowhere?.code == ENOENT)
    }
}
