import Glibc
import Testing
import Transport

@Suite("Unix sockets")
struct UnixSocketTests {
    /// A folder of its own, removed with the fixture.
    private final class Folder {
        let path: String

        init() throws {
            var template = Array("/tmp/weir-test-XXXXXX\0".utf8CString)
            guard unsafe mkdtemp(&template) != nil else {
                throw SystemError("mkdtemp", code: errno)
            }
            path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        }

        func file(_ name: String) -> String { "\(path)/\(name)" }

        deinit {
            for name in ["socket", "file"] { unsafe unlink(file(name)) }
            unsafe rmdir(path)
        }
    }

    @Test("A connection passes bytes, and only owner and group may connect")
    func connects() throws {
        let folder = try Folder()
        let listener = try Socket.listen(unixPath: folder.file("socket"))
        defer { listener.close() }
        var status = stat()
        #expect(unsafe lstat(folder.file("socket"), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o660)
        let client = try Socket.connect(unixPath: folder.file("socket"))
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
        let folder = try Folder()
        try Socket.listen(unixPath: folder.file("socket")).close()
        try Socket.listen(unixPath: folder.file("socket")).close()
    }

    @Test("A file that is no socket is left alone")
    func leavesFiles() throws {
        let folder = try Folder()
        let file = Descriptor(unsafe open(folder.file("file"), O_CREAT | O_WRONLY, 0o600))
        #expect(file.write(bytes("precious").span) == .bytes(8))
        file.close()
        let error = #expect(throws: SystemError.self) {
            try Socket.listen(unixPath: folder.file("file"))
        }
        #expect(error?.code == EADDRINUSE)
        #expect(error?.operation == "bind \(folder.file("file"))")
        var status = stat()
        #expect(unsafe lstat(folder.file("file"), &status) == 0 && status.st_size == 8)
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
