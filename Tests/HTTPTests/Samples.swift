/// Complete, valid messages of many shapes, for the tests that take messages apart.
enum Samples {
    static let requests = [
        head("GET / HTTP/1.1", "Host: a"),
        "\r\n\r\n" + head("GET / HTTP/1.1", "Host: a"),
        "GET / HTTP/1.0\r\n\r\n",
        head("GET http://example.com:8080?q HTTP/1.1", "Host: other"),
        head("OPTIONS * HTTP/1.1", "Host: a"),
        head("CONNECT example.com:443 HTTP/1.1", "Host: example.com:443"),
        head("GET /?a=1?b=%00 HTTP/1.1", "Host: [2001:db8::1]:8080", "X-Tab: a\tb\t"),
        head(
            "POST /upload/of/a/long/path.bin HTTP/1.1", "Host:example.com",
            "Transfer-Encoding:\tChunked ", "TE: trailers, deflate;q=0.5", "Connection: TE",
            "Expect: 100-continue"),
        head("PUT /x HTTP/1.1", "Host: a", "Content-Length: 18446744073709551615"),
        head(
            "GET /chat HTTP/1.1", "Host: a", "Upgrade: websocket",
            "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13"),
        browser,
    ]

    static let browser = head(
        "GET /products/list?category=shoes&page=2 HTTP/1.1", "Host: shop.example.com",
        "Connection: keep-alive", "sec-ch-ua: \"Chromium\";v=\"124\", \"Chrome\";v=\"124\"",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
        "Accept-Encoding: gzip, deflate, br", "Accept-Language: en-US,en;q=0.9", "Empty:",
        "Cookie: session=0123456789abcdef; name=f\u{fc}r")

    static let responses = [
        head("HTTP/1.1 200 OK", "Content-Length: 5", "Server: nginx"),
        head("HTTP/1.1 204 No Content"),
        "HTTP/1.1 200\r\n\r\n",
        head("HTTP/1.0 301 ", "Location: /x", "Connection: Keep-Alive"),
        head("HTTP/1.1 101 Switching Protocols", "Connection: upgrade", "Upgrade: websocket"),
        head("HTTP/1.1 200 fine \u{e9}", "Transfer-Encoding: chunked", "Set-Cookie: a=b; Path=/"),
        head("HTTP/1.1 999 x", "Connection: close"),
    ]

    static let chunkedBodies = [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "05;a=b;c=\"d e\"\r\nhello\r\n1;\r\n!\r\n000\r\n\r\n",
        "a\r\n0123456789\r\nA\r\n\r\n\r\n\r\n\r\n\r\n\r\n0;last\r\nX-Sum: 1\r\nEmpty:\r\n\r\n",
    ]
}
