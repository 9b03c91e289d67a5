import HTTP
import Testing

@Suite("Chunked bodies")
struct ChunkedFilterTests {
    /// Feeds the pieces one after the other; the bytes kept, and how many were consumed.
    static func run(
        _ pieces: [ArraySlice<UInt8>], _ output: ChunkedFilter.Output
    ) throws(HTTPError) -> (kept: String, consumed: Int, isComplete: Bool) {
        var filter = ChunkedFilter(output: output)
        var kept: [UInt8] = []
        var consumed = 0
        for piece in pieces {
            var bytes = Array(piece)
            var span = bytes.mutableSpan
            let result = try filter.process(&span)
            kept += bytes[..<result.kept]
            consumed += result.consumed
        }
        return (String(decoding: kept, as: UTF8.self), consumed, filter.isComplete)
    }

    private static func run(
        _ body: String, _ output: ChunkedFilter.Output = .framed
    ) throws(HTTPError) -> (kept: String, consumed: Int, isComplete: Bool) {
        try run([Array(body.utf8)[...]], output)
    }

    @Test("Extensions are dropped, chunks and trailers pass")
    func framed() throws {
        let result = try Self.run(
            "5;a=b;c=\"x;y\"\r\nhello\r\n006\r\n world\r\n0;z\r\nSum: 1\r\n\r\n")
        #expect(result.kept == "5\r\nhello\r\n006\r\n world\r\n0\r\nSum: 1\r\n\r\n")
        #expect(result.isComplete)
    }

    @Test("Data alone comes out for receivers that know no chunks")
    func data() throws {
        let result = try Self.run("5;a\r\nhello\r\n6\r\n world\r\n0\r\nSum: 1\r\n\r\n", .data)
        #expect(result.kept == "hello world")
        #expect(result.isComplete)
    }

    @Test("What follows the body is the next message")
    func rest() throws {
        let result = try Self.run("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n")
        #expect(result.consumed == 11)
        #expect(result.isComplete)
    }

    @Test("A body that is not over is not complete")
    func incomplete() throws {
        for count in 0..<Samples.chunkedBodies[3].utf8.count {
            let prefix = Array(Samples.chunkedBodies[3].utf8)[..<count]
            let result = try Self.run([prefix], .framed)
            #expect(!result.isComplete)
            #expect(result.consumed == count)
        }
    }

    @Test("Every split in two, and byte by byte, gives the same", arguments: Samples.chunkedBodies)
    func splits(body: String) throws {
        let bytes = Array((body + "NEXT").utf8)
        for output in [ChunkedFilter.Output.framed, .data] {
            let whole = try Self.run([bytes[...]], output)
            #expect(whole.isComplete)
            #expect(whole.consumed == bytes.count - 4)
            for count in 0...bytes.count {
                let halves = try Self.run([bytes[..<count], bytes[count...]], output)
                #expect(halves == whole)
            }
            let single = try Self.run(bytes.indices.map { bytes[$0...$0] }, output)
            #expect(single == whole)
        }
    }

    @Test("A size of sixteen digits passes as long as it is below two to the 63")
    func sizes() throws {
        var filter = ChunkedFilter(output: .framed)
        var bytes = Array("7fffffffffffffff\r\nabc".utf8)
        var span = bytes.mutableSpan
        let result = try filter.process(&span)
        #expect(result == (21, 21))
        #expect(!filter.isComplete)
        #expect(throws: HTTPError.malformedChunk) { try Self.run("8000000000000000\r\n") }
    }

    @Test(
        "Sizes and line ends that others could read differently are refused (RFC 9112 §7.1)",
        arguments: [
            "+1\r\nx", "-1\r\nx", "0x1\r\nx", " 1\r\nx", "1 \r\nx", "1\t;a\r\nx", "\r\n", ";a\r\n",
            "g\r\n", "1\nx", "1\r\rx", "1;a\nx", "1;a\rb\r\nx", "1;a\u{0}\r\nx", "1\r\nxy\r\n",
            "1\r\nx\n0", "1\r\nx\r0", "00000000000000001\r\nx", "fffffffffffffffff\r\n",
            "1_0\r\n", "1.0\r\n", "0\r\n\n", "0\r\n\r\r",
        ])
    func malformed(body: String) {
        #expect(throws: HTTPError.self) { try Self.run(body) }
        #expect(throws: HTTPError.self) {
            try Self.run(Array(body.utf8).map { [$0][...] }, .data)
        }
    }

    @Test(
        "Trailers that frame, route or forward are refused (RFC 9110 §6.5.1)",
        arguments: [
            "Content-Length: 1", "transfer-encoding: chunked", "HOST: a", "Connection: x",
            "Trailer: x", "X-Forwarded-For: 1", "Forwarded: for=a", "X-Forwarded-Prefix: a",
            "Authorization: x", "X-Request-ID: x", "Proxy-Authorization: x",
        ])
    func forbiddenTrailers(line: String) {
        #expect(throws: HTTPError.malformedTrailer) { try Self.run("0\r\n" + line + "\r\n\r\n") }
    }

    @Test(
        "Malformed trailer lines are refused",
        arguments: [
            "X : y", ": y", "X", " X: y", "X: y\r\n z", "X: a\u{0}", "X: a\rb", "X: a\nY: b",
            "X(): y",
        ])
    func malformedTrailers(line: String) {
        #expect(throws: HTTPError.malformedTrailer) { try Self.run("0\r\n" + line + "\r\n\r\n") }
    }

    @Test("Extensions and trailers have limits")
    func limits() throws {
        let long = String(repeating: "x", count: ChunkedFilter.extensionBytesMaximum)
        #expect(try Self.run("0;" + long + "\r\n\r\n").isComplete)
        #expect(throws: HTTPError.malformedChunk) { try Self.run("0;x" + long + "\r\n\r\n") }
        let line = "X: " + String(repeating: "y", count: 8_192) + "\r\n"
        #expect(throws: HTTPError.headTooLarge) { try Self.run("0\r\n" + line + "\r\n") }
    }

    @Test("What the chunk writer writes, the filter reads")
    func writer() throws {
        var space = [UInt8](repeating: 0, count: 64)
        var body: [UInt8] = []
        for count in [1, 15, 16, 4_096, 1_000_000] {
            var span = space.mutableSpan
            let header = ChunkWriter.header(for: count, into: &span)
            body += space[..<header] + [UInt8](repeating: 0x61, count: count)
            span = space.mutableSpan
            let end = ChunkWriter.lineEnd(into: &span)
            body += space[..<end]
        }
        var span = space.mutableSpan
        body += space[..<ChunkWriter.terminator(into: &span)]
        let result = try Self.run([body[...]], .data)
        #expect(result.kept.utf8.count == 1_004_128)
        #expect(result.isComplete)
        var little: [UInt8] = [0, 0, 0]
        var small = little.mutableSpan
        #expect(ChunkWriter.header(for: 255, into: &small) == 0)
    }
}
