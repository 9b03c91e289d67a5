import Testing

@testable import HTTP

@Suite("What a path means")
struct PathMeaningTests {
    private func meaning(_ path: String) throws -> String {
        let bytes = Array(path.utf8)
        var space = [UInt8](repeating: 0, count: bytes.count)
        var span = space.mutableSpan
        let count = try PathMeaning.read(bytes.span, into: &span)
        return String(decoding: space.prefix(count), as: UTF8.self)
    }

    @Test(
        "Encoded bytes are decoded and dot segments removed",
        arguments: [
            ("/v1/x", "/v1/x"), ("/%76%31/x", "/v1/x"), ("/x/../v1/y", "/v1/y"),
            ("/x/%2e%2E/v1/y", "/v1/y"), ("/./a/./b", "/a/b"), ("/a/b/..", "/a/"), ("/a/.", "/a/"),
            ("/a%2Fb", "/a/b"), ("/...", "/..."), ("/.hidden", "/.hidden"), ("/a/..", "/"),
            ("/a//b", "/a//b"), ("/..a/b..", "/..a/b.."), ("/a/b/../../c", "/c"),
        ])
    func meanings(path: String, expected: String) throws {
        #expect(try meaning(path) == expected)
    }

    @Test("What leads above the root or is no encoding is refused", arguments: [
        "/..", "/../a", "/a/../../b", "/%", "/%4", "/%zz", "/%00", "/a/%2e%2e/%2e%2e/x",
    ])
    func refused(path: String) {
        #expect(throws: HTTPError.malformedTarget) { try meaning(path) }
    }

    @Test("Plain paths need no reading")
    func plain() {
        #expect(!needsReading("/a/b.c/d-e_f~"))
        #expect(needsReading("/a/.b"))
        #expect(needsReading("/a%41"))
    }

    private func needsReading(_ path: String) -> Bool {
        let bytes = Array(path.utf8)
        let answer = PathMeaning.needsReading(bytes.span)
        return answer
    }
}
