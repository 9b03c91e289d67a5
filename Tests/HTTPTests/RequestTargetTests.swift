import HTTP
import Testing

@Suite("Request targets and hosts")
struct RequestTargetTests {
    private static func read(_ line: String, host: String) throws(HTTPError) -> ReadRequest? {
        try readRequest(head(line + " HTTP/1.1", "Host: " + host))
    }

    @Test("Dots and percent encoding stay as they are")
    func untouched() throws {
        let request = try #require(try Self.read("GET /a/../%2e%2E/b//;c?x#y".dropHash, host: "a"))
        #expect(request.path == "/a/../%2e%2E/b//;c")
        #expect(request.query == "?xy")
    }

    @Test("An absolute target wins over Host (RFC 9112 §3.2.2)")
    func absolute() throws {
        let request = try #require(try Self.read("GET HTTP://Example.com:81/p?q", host: "b:82"))
        #expect(request.host == "Example.com")
        #expect(request.authority == "Example.com:81")
        #expect(request.path == "/p")
        #expect(request.query == "?q")
    }

    @Test("An absolute target without a path has an empty one")
    func absoluteWithoutPath() throws {
        for target in ["https://a.b", "https://a.b?q=/"] {
            let request = try #require(try Self.read("GET " + target, host: "c"))
            #expect(request.host == "a.b")
            #expect(request.path == "")
        }
    }

    @Test("The asterisk is for OPTIONS only (RFC 9112 §3.2.4)")
    func asterisk() throws {
        let request = try #require(try Self.read("OPTIONS *", host: "a"))
        #expect(request.target == "*")
        #expect(request.path == "")
        #expect(request.host == "a")
        #expect(throws: HTTPError.malformedTarget) { try Self.read("GET *", host: "a") }
        #expect(throws: HTTPError.malformedTarget) { try Self.read("OPTIONS *a", host: "a") }
    }

    @Test("CONNECT is read, with host and port (RFC 9112 §3.2.3)")
    func connect() throws {
        let request = try #require(try Self.read("CONNECT example.com:443", host: "x"))
        #expect(request.method == .connect)
        #expect(request.host == "example.com")
        #expect(request.authority == "example.com:443")
        for target in ["example.com", "example.com:", "/", "a:1?q", "http://a:1/"] {
            #expect(throws: HTTPError.self) {
                try Self.read("CONNECT " + target, host: "x")
            }
        }
    }

    @Test(
        "Targets of no form are refused",
        arguments: [
            "GET", "GET ", "GET a", "GET ftp://a/", "GET http:/a", "GET http://", "GET ?q",
            "GET /a b", "GET /\u{7f}", "GET /#f", "GET /\u{e9}", "GET  /", "GET /?a#b",
        ])
    func malformed(line: String) {
        #expect(throws: HTTPError.self) { try Self.read(line, host: "a") }
    }

    @Test("An authority in a target has a host and no user (RFC 9110 §4.2)")
    func authorityInTarget() {
        for target in ["http:///p", "http://:80/", "http://user@a/", "http://?q"] {
            #expect(throws: HTTPError.self, "\(target)") {
                try Self.read("GET " + target, host: "a")
            }
        }
    }

    @Test(
        "Hosts that can exist are taken apart",
        arguments: [
            ("example.com", "example.com"), ("my_app-1.local:8080", "my_app-1.local"),
            ("10.0.0.1:65535", "10.0.0.1"), ("[::1]", "[::1]"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
            ("a:", "a"), ("", ""),
        ])
    func hosts(authority: String, host: String) throws {
        let request = try #require(try Self.read("GET /", host: authority))
        #expect(request.host == host)
        #expect(request.authority == authority)
    }

    @Test(
        "Hosts that cannot exist are refused (RFC 9112 §3.2)",
        arguments: [
            "a b", "a/b", "a@b", "a,b", "a:b", "a:1:2", "a:65536", "a:999999999999", ":80", "[::1",
            "[]", "[::1]x", "[::g]", "::1", "a%41", "\"a\"", "a\\b", "a?b", "a#b", "f\u{fc}r",
            "<a>", "a:+1", "[::1]]",
        ])
    func invalidHosts(host: String) {
        #expect(throws: HTTPError.invalidHost) { try Self.read("GET /", host: host) }
    }

    @Test("A host is needed, except by HTTP/1.0 (RFC 9112 §3.2)")
    func missingHost() throws {
        #expect(throws: HTTPError.missingHost) { try readRequest("GET / HTTP/1.1\r\n\r\n") }
        #expect(throws: HTTPError.missingHost) {
            try readRequest("GET http://a/ HTTP/1.1\r\n\r\n")
        }
        #expect(try readRequest("GET / HTTP/1.0\r\n\r\n")?.host == "")
    }
}

extension String {
    fileprivate var dropHash: String { filter { $0 != "#" } }
}
