"""RFC 9113 section 8: requests as field blocks, and what makes them malformed."""

import frames
from cases import case
from frames import Code
from wire import Connection, Unmet

MALFORMED = Code.PROTOCOL_ERROR


def refuses(it: Connection, block: bytes, end: bool = True) -> None:
    it.send(frames.headers(1, block, end=end))
    it.resets(1, MALFORMED)


def refuses_fields(it: Connection, fields: list) -> None:
    refuses(it, frames.block(fields))


def without(it: Connection, name: str) -> list:
    return [pair for pair in it.fields() if pair[0] != name]


# Whole messages

@case("9113 8.1", "GET is answered")
def get(it: Connection) -> None:
    it.send(frames.headers(1, it.block()))
    it.succeeds(1)


@case("9113 8.1", "HEAD is answered without a body")
def head(it: Connection) -> None:
    it.send(frames.headers(1, it.block("HEAD")))
    if it.succeeds(1).body:
        raise Unmet("the answer to HEAD has a body")


@case("9113 8.1", "POST with a body is answered")
def post(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST", ("content-length", "8")), end=False),
            frames.data(1, b"weir"), frames.data(1, b"weir", True))
    it.succeeds(1)


@case("9113 8.1", "POST with trailers is answered")
def post_with_trailers(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST", ("trailer", "x-sum")), end=False),
            frames.data(1, b"weir"), frames.headers(1, frames.literal("x-sum", "4")))
    it.succeeds(1)


@case("9113 8.1", "requests at once are all answered")
def many(it: Connection) -> None:
    streams = range(1, 41, 2)
    it.send(*(frames.headers(stream, it.block()) for stream in streams))
    left = set(streams)
    while left:
        found = it.until("the ends of 20 streams", lambda one: one.stream in left and
                         one.kind in (0, 1, 3) and (one.has(frames.END_STREAM) or one.kind == 3))
        if found.kind == frames.Kind.HEADERS:
            it.decode(found)
        if found.kind == frames.Kind.RST_STREAM:
            raise Unmet(f"came {found}")
        left.discard(found.stream)


@case("9113 8.1", "a large response comes whole when windows are given back")
def large_response(it: Connection) -> None:
    it.send(frames.headers(1, it.block()))
    found = it.response(1, grants=True)
    said = dict(found.fields).get("content-length")
    if said is not None and int(said) != len(found.body):
        raise Unmet(f"content-length says {said}, {len(found.body)} bytes came")


@case("9113 8.1", "a second HEADERS frame without END_STREAM is a PROTOCOL_ERROR")
def second_headers(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False),
            frames.headers(1, it.block("POST"), end=False))
    it.resets(1, MALFORMED)


# Fields

@case("9113 8.2.1", "an upper-case field name is malformed")
def upper_case(it: Connection) -> None:
    refuses(it, it.block("GET", ("X-Upper", "1")))


@case("9113 8.2.1", "a field name with a space is malformed")
def space_in_name(it: Connection) -> None:
    refuses(it, it.block("GET", ("x bad", "1")))


@case("9113 8.2.1", "a field name with a colon that is not its first byte is malformed")
def colon_in_name(it: Connection) -> None:
    refuses(it, it.block("GET", ("x:bad", "1")))


@case("9113 8.2.1", "an empty field name is malformed")
def empty_name(it: Connection) -> None:
    refuses(it, it.block("GET", ("", "1")))


@case("9113 8.2.1", "a field name with a line break is malformed")
def break_in_name(it: Connection) -> None:
    refuses(it, it.block("GET", ("x\r\nhost", "1")))


@case("9113 8.2.1", "a field name with a byte beyond ASCII is malformed")
def high_byte_in_name(it: Connection) -> None:
    refuses(it, it.block("GET", (b"x-\xc3\xa4", "1")))


@case("9113 8.2.1", "a field value with a line feed is malformed")
def line_feed_in_value(it: Connection) -> None:
    refuses(it, it.block("GET", ("x-bad", "1\nhost: other")))


@case("9113 8.2.1", "a field value with a carriage return is malformed")
def carriage_return_in_value(it: Connection) -> None:
    refuses(it, it.block("GET", ("x-bad", "1\r\nhost: other")))


@case("9113 8.2.1", "a field value with NUL is malformed")
def nul_in_value(it: Connection) -> None:
    refuses(it, it.block("GET", ("x-bad", "1\0")))


@case("9113 8.2.1", "a field value that begins with a space is malformed")
def space_before_value(it: Connection) -> None:
    refuses(it, it.block("GET", ("x-bad", " 1")))


@case("9113 8.2.1", "a field value that ends with a tab is malformed")
def tab_behind_value(it: Connection) -> None:
    refuses(it, it.block("GET", ("x-bad", "1\t")))


@case("9113 8.2.2", "Connection is malformed")
def connection(it: Connection) -> None:
    refuses(it, it.block("GET", ("connection", "keep-alive")))


@case("9113 8.2.2", "Transfer-Encoding is malformed")
def transfer_encoding(it: Connection) -> None:
    refuses(it, it.block("POST", ("transfer-encoding", "chunked")))


@case("9113 8.2.2", "Keep-Alive is malformed")
def keep_alive(it: Connection) -> None:
    refuses(it, it.block("GET", ("keep-alive", "timeout=5")))


@case("9113 8.2.2", "Proxy-Connection is malformed")
def proxy_connection(it: Connection) -> None:
    refuses(it, it.block("GET", ("proxy-connection", "keep-alive")))


@case("9113 8.2.2", "Upgrade is malformed")
def upgrade(it: Connection) -> None:
    refuses(it, it.block("GET", ("upgrade", "websocket")))


@case("9113 8.2.2", "TE with anything but trailers is malformed")
def te_other(it: Connection) -> None:
    refuses(it, it.block("GET", ("te", "trailers, deflate;q=0.5")))


@case("9113 8.2.2", "TE with trailers is received")
def te_trailers(it: Connection) -> None:
    it.send(frames.headers(1, it.block("GET", ("te", "trailers"))))
    it.succeeds(1)


@case("9113 8.2.3", "cookies in several fields are received")
def cookies(it: Connection) -> None:
    it.send(frames.headers(1, it.block("GET", ("cookie", "a=1"), ("cookie", "b=2"))))
    it.succeeds(1)


# Pseudo-fields

@case("9113 8.3", "an unknown pseudo-field is malformed")
def unknown_pseudo(it: Connection) -> None:
    refuses_fields(it, [*it.fields(), (":unknown", "1")])


@case("9113 8.3", "a pseudo-field of responses is malformed")
def status(it: Connection) -> None:
    refuses_fields(it, [*it.fields(), (":status", "200")])


@case("9113 8.3", "a pseudo-field in trailers is malformed")
def pseudo_in_trailers(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST"), end=False), frames.data(1, b"weir"),
            frames.headers(1, frames.literal(":method", "POST")))
    it.resets(1, MALFORMED)


@case("9113 8.3", "a pseudo-field behind other fields is malformed")
def pseudo_behind(it: Connection) -> None:
    fields = it.fields()
    refuses_fields(it, [*fields[:2], ("x-first", "1"), *fields[2:]])


@case("9113 8.3.1", "an empty :path is malformed")
def empty_path(it: Connection) -> None:
    refuses_fields(it, [*without(it, ":path"), (":path", "")])


@case("9113 8.3.1", "a :path that does not begin with a slash is malformed")
def relative_path(it: Connection) -> None:
    refuses_fields(it, [*without(it, ":path"), (":path", "no-slash")])


@case("9113 8.3.1", "a :path with a space is malformed")
def space_in_path(it: Connection) -> None:
    refuses_fields(it, [*without(it, ":path"), (":path", "/ HTTP/1.1")])


@case("9113 8.3.1", "a request without :method is malformed")
def no_method(it: Connection) -> None:
    refuses_fields(it, without(it, ":method"))


@case("9113 8.3.1", "a request without :scheme is malformed")
def no_scheme(it: Connection) -> None:
    refuses_fields(it, without(it, ":scheme"))


@case("9113 8.3.1", "a request without :path is malformed")
def no_path(it: Connection) -> None:
    refuses_fields(it, without(it, ":path"))


@case("9113 8.3.1", "two :method are malformed")
def two_methods(it: Connection) -> None:
    refuses_fields(it, [(":method", "GET"), *it.fields()])


@case("9113 8.3.1", "two :scheme are malformed")
def two_schemes(it: Connection) -> None:
    refuses_fields(it, [(":scheme", "http"), *it.fields()])


@case("9113 8.3.1", "two :path are malformed")
def two_paths(it: Connection) -> None:
    refuses_fields(it, [(":path", "/"), *it.fields()])


@case("9113 8.3.1", "two :authority are malformed")
def two_authorities(it: Connection) -> None:
    refuses_fields(it, [(":authority", it.target.name), *it.fields()])


@case("9113 8.3.1", "a :method that is no token is malformed")
def bad_method(it: Connection) -> None:
    it.send(frames.headers(1, frames.block([(":method", "GET /"), *without(it, ":method")])))
    refused(it, 1)


@case("9113 8.3.1", "Host that differs from :authority is refused")
def other_host(it: Connection) -> None:
    it.send(frames.headers(1, it.block("GET", ("host", "other.example"))))
    refused(it, 1)


@case("9113 8.3.1", "Host in place of :authority is received")
def only_host(it: Connection) -> None:
    fields = [*without(it, ":authority"), ("host", it.target.name)]
    it.send(frames.headers(1, frames.block(fields)))
    it.succeeds(1)


@case("9113 8.3.1", "Host that is the same as :authority is received")
def same_host(it: Connection) -> None:
    it.send(frames.headers(1, it.block("GET", ("host", it.target.name))))
    it.succeeds(1)


def refused(it: Connection, stream: int) -> None:
    """A stream error, or an answer with 4xx: the RFC leaves both to the server."""
    try:
        found = it.response(stream)
    except Unmet as reason:
        if "PROTOCOL_ERROR" in str(reason) or it.is_closed:
            return
        raise
    if not 400 <= found.status < 500:
        raise Unmet(f"it was answered with {found.status}, not 4xx")


# Content-Length against DATA

@case("9113 8.1.1", "a body shorter than Content-Length is malformed")
def shorter(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST", ("content-length", "8")), end=False),
            frames.data(1, b"weir", True))
    it.resets(1, MALFORMED)


@case("9113 8.1.1", "a body longer than Content-Length is malformed")
def longer(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST", ("content-length", "1")), end=False),
            frames.data(1, b"weir", True))
    it.resets(1, MALFORMED)


@case("9113 8.1.1", "a body in several frames that is longer than Content-Length is malformed")
def longer_in_pieces(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST", ("content-length", "6")), end=False),
            frames.data(1, b"weir"), frames.data(1, b"weir", True))
    it.resets(1, MALFORMED)


@case("9113 8.1.1", "a Content-Length without a body is malformed")
def no_body(it: Connection) -> None:
    refuses(it, it.block("POST", ("content-length", "4")))


@case("9113 8.1.1", "Content-Length values that differ are malformed")
def two_lengths(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST", ("content-length", "4"), ("content-length", "5")),
                           end=False), frames.data(1, b"weir", True))
    it.resets(1, MALFORMED)


@case("9113 8.1.1", "a Content-Length that is no number is malformed")
def bad_length(it: Connection) -> None:
    it.send(frames.headers(1, it.block("POST", ("content-length", "+4")), end=False),
            frames.data(1, b"weir", True))
    it.resets(1, MALFORMED)


# CONNECT

@case("9113 8.5", "CONNECT with :scheme and :path, without an extended protocol, is refused")
def connect_with_path(it: Connection) -> None:
    it.send(frames.headers(1, it.block("CONNECT"), end=False))
    refused(it, 1)


@case("8441 4", ":protocol with a method other than CONNECT is malformed")
def protocol_with_get(it: Connection) -> None:
    refuses_fields(it, [*it.fields(), (":protocol", "websocket")])
