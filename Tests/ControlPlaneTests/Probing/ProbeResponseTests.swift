import Testing

@testable import ControlPlane

struct ProbeResponseTests {
    @Test(
        "503 with Weir-Drain: 1 asks for a drain, whatever else the probe accepts",
        arguments: [
            ("503 No", "Weir-Drain: 1", ProbeFailure.drain), ("503 No", "weir-drain:1 ", .drain),
            ("503 No", "Weir-Drain: 0", .status(503)), ("503 No", "X: 1", .status(503)),
            ("500 No", "Weir-Drain: 1", .status(500)),
        ])
    func drain(status: String, field: String, failure: ProbeFailure) {
        var probe = ProbeConfiguration.HTTPProbe(path: "/")
        for accepted in [[200...399], failure == .drain ? [200...599] : [200...399]] {
            probe.status = accepted
            var response = ProbeResponse(accepting: probe)
            let text = "HTTP/1.1 \(status)\r\n\(field)\r\nContent-Length: 0\r\n\r\n"
            #expect(response.take(Array(text.utf8).span) == .failed(failure))
        }
    }

    func verdict(
        _ text: String, body: String? = nil, isEnded: Bool = true
    ) -> ProbeResponse.Verdict {
        var probe = ProbeConfiguration.HTTPProbe(path: "/")
        probe.body = body
        var response = ProbeResponse(accepting: probe)
        let first = response.take(Array(text.utf8).span)
        return first == .undecided && isEnded ? response.end() : first
    }

    @Test("The status decides as soon as the head is there")
    func status() {
        #expect(verdict("HTTP/1.1 200 OK\r\n\r\n", isEnded: false) == .passed)
        #expect(verdict("HTTP/1.0 302 Found\r\nA: b\r\n\r\n", isEnded: false) == .passed)
        #expect(verdict("HTTP/1.1 204\r\n\r\n", isEnded: false) == .passed)
        #expect(verdict("HTTP/1.1 503 No\r\n\r\n", isEnded: false) == .failed(.status(503)))
        #expect(verdict("HTTP/1.1 200 OK\r\n", isEnded: false) == .undecided)
    }

    @Test("Interim responses are passed over")
    func interim() {
        #expect(verdict("HTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n") == .passed)
        #expect(verdict("HTTP/1.1 100 C\r\n\r\n", isEnded: false) == .undecided)
    }

    @Test(
        "What is no HTTP response fails",
        arguments: [
            "220 mail.example ESMTP\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
        ])
    func others(text: String) {
        guard case .failed(.malformed) = verdict(text, isEnded: false) else {
            Issue.record("\(text) gave \(verdict(text))")
            return
        }
    }

    @Test("An end before the head is there is a closed connection")
    func ends() {
        #expect(verdict("") == .failed(.closed))
        #expect(verdict("HTTP/1.1 200 OK\r\nA") == .failed(.closed))
    }

    @Test("A text is found in the body, however that is framed")
    func bodies() {
        let head = "HTTP/1.1 200 OK\r\n"
        #expect(verdict(head + "\r\nall is well", body: "well") == .passed)
        #expect(verdict(head + "\r\nall is bad", body: "well") == .failed(.body))
        #expect(
            verdict(head + "Content-Length: 3\r\n\r\nbad", body: "ok", isEnded: false)
                == .failed(.body))
        #expect(
            verdict(head + "Content-Length: 9\r\n\r\nbad", body: "ok", isEnded: false) == .undecided
        )
        let chunked = head + "Transfer-Encoding: chunked\r\n\r\n"
        #expect(
            verdict(chunked + "2\r\nwe\r\n2;x=y\r\nll\r\n", body: "well", isEnded: false) == .passed
        )
        #expect(
            verdict(chunked + "2\r\nwe\r\n0\r\n\r\n", body: "well", isEnded: false)
                == .failed(.body))
        #expect(verdict(chunked + "2\r\nwe\r\n", body: "well", isEnded: false) == .undecided)
        #expect(
            verdict(
                head + "\r\n" + String(repeating: "x", count: 70_000), body: "y", isEnded: false)
                == .failed(.body))
    }

    @Test(
        "Chunk sizes beyond all measure do no harm",
        arguments: [
            "7fffffffffffffff", "ffffffffffffffffffff", "-1", "",
        ])
    func hugeChunks(size: String) {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(verdict(head + size + "\r\nbad", body: "well") == .failed(.body))
    }

    @Test("A head without an end is not read for ever")
    func endless() {
        guard
            case .failed(.malformed) = verdict(
                "HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 3_000), isEnded: false)
        else {
            Issue.record("an endless head is read on")
            return
        }
    }

    @Test("A response is judged the same when it comes byte by byte")
    func pieces() {
        let text =
            "HTTP/1.1 103 H\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "2\r\nwe\r\n2\r\nll\r\n0\r\n\r\n"
        var probe = ProbeConfiguration.HTTPProbe(path: "/")
        probe.body = "well"
        var response = ProbeResponse(accepting: probe)
        var verdicts: [ProbeResponse.Verdict] = []
        for byte in text.utf8 { verdicts.append(response.take([byte].span)) }
        #expect(verdicts.first { $0 != .undecided } == .passed)
    }
}
