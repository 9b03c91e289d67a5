import HTTP
import Testing

@Suite("Reading cookies")
struct CookieTests {
    /// The value of a cookie in a request with these field lines.
    private func cookie(_ name: String, in lines: [String]) throws -> String? {
        let text = "GET / HTTP/1.1\r\nHost: a.example\r\n" + lines.map { "\($0)\r\n" }.joined()
        let bytes = Array("\(text)\r\n".utf8)
        var head = RequestHead()
        guard try head.parse(bytes.span, limits: HeadLimits()) else { return nil }
        let found = head.fields.span.cookie(Array(name.utf8).span, in: bytes.span)
        return found.map { String(decoding: bytes[$0.indices], as: UTF8.self) }
    }

    @Test(
        "The first cookie with exactly that name counts, whatever the spacing",
        arguments: [
            ("id=1", "1"), ("a=0; id=1", "1"), ("a=0;id=1;b=2", "1"), ("id=1; id=2", "1"),
            (" \t id \t= 1 ;b=2", "1"), ("a=0 ;\tid=1", "1"), (";; ; id=1;;", "1"),
            ("id=", ""), ("a=0; id=; id=2", ""), ("id=x=y=z", "x=y=z"), ("id=\"1\"", "\"1\""),
            ("id=a,b c; d=e", "a,b c"), ("=x; id=1", "1"), ("novalue; id=1", "1"),
        ])
    func found(value: String, expected: String) throws {
        #expect(try cookie("id", in: ["Cookie: \(value)"]) == expected)
    }

    @Test(
        "A name within a value, part of a name, or in other letters is another cookie",
        arguments: [
            "a=id=1", "a=b,id=1", "a=\"; xid=1\"", "ID=1", "id2=1", "xid=1", "id", "a=b id=1",
            "i d=1", "id;=1", "", ";", "=", "=id", "a=id",
        ])
    func absent(value: String) throws {
        #expect(try cookie("id", in: ["Cookie: \(value)"]) == nil)
    }

    @Test("All Cookie fields are read, in order, and no other field")
    func severalFields() throws {
        let lines = ["X-Cookie: id=0", "cookie: a=1", "COOKIE: id=2; b=3", "Cookie: id=4"]
        #expect(try cookie("id", in: lines) == "2")
        #expect(try cookie("b", in: lines) == "3")
        #expect(try cookie("id", in: ["Set-Cookie: id=1"]) == nil)
    }

    @Test("A field is found by its name in any letters, and by nothing else")
    func fieldByName() throws {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX-User-2: 0\r\nX-USER:  7 \r\n\r\n".utf8)
        var head = RequestHead()
        #expect(try head.parse(bytes.span, limits: HeadLimits()))
        func value(_ name: String) -> String? {
            head.fields.span.value(Array(name.utf8).span, in: bytes.span).map {
                String(decoding: bytes[$0.indices], as: UTF8.self)
            }
        }
        #expect(value("x-user") == "7")
        #expect(value("x-user-2") == "0")
        #expect(value("x-use") == nil)
    }
}
