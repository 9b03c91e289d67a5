import Testing

@testable import ControlPlane

@Suite("HTTPURL")
struct HTTPURLTests {
    @Test(
        "Host, port and path are told apart, and the Host field is as it was written",
        arguments: [
            ("http://deploys:8080/may?x=1", "deploys", 8080, "/may?x=1", "deploys:8080"),
            ("http://deploys", "deploys", 80, "/", "deploys"),
            ("http://deploys?x=1", "deploys", 80, "/?x=1", "deploys"),
            ("http://10.0.0.1:9/", "10.0.0.1", 9, "/", "10.0.0.1:9"),
            ("http://[::1]:8080/a", "[::1]", 8080, "/a", "[::1]:8080"),
            ("http://[::1]/a:b", "[::1]", 80, "/a:b", "[::1]"),
        ])
    func parts(text: String, host: String, port: Int, path: String, authority: String) throws {
        let url = try #require(HTTPURL(text))
        #expect(url.host == host)
        #expect(Int(url.port) == port)
        #expect(url.path == path)
        #expect(url.authority == authority)
        #expect((url.address != nil) == (host != "deploys"))
    }

    @Test(
        "What is no such URL is refused",
        arguments: [
            "", "http://", "http:///x", "https://deploys/", "deploys:8080/x", "http://:80/",
            "http://deploys:/x", "http://deploys:0/", "http://deploys:65536/", "http://a b/",
            "http://deploys/#x", "http://user@deploys/", "http://deploys/\r\nX: y",
            "http://[::1/", "http://deploys:80:80/",
        ])
    func refused(text: String) {
        #expect(HTTPURL(text) == nil)
        #expect(
            HTTPURL.problem("after_abort", text)
                == "after_abort: found \"\(text)\", accepted is http://HOST:PORT/PATH")
    }
}
