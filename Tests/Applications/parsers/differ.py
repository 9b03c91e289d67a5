"""Two parsers of other projects read what weir passes on: h11 (Python) and llhttp (of Node.js).

Damaged messages go through weir, requests and responses. Whatever reaches the other side must be
the same messages for both parsers: if it is not, somebody behind weir could be made to see another
request than weir saw. Prints what differs, then one line of figures.

    differ.py WEIR_PORT REPLICA_PORT SEED COUNT
"""

import asyncio
import random
import sys
from dataclasses import dataclass, field

import h11
import httptools

AT_ONCE = 24
PATIENCE = 0.4
STRANGE = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b"\x0b", b":", b",", b";", b"\x7f", b"\xff",
           b"0", b"+", b"-", b"0x", b"\r\n ", b"\r\n\t", b"chunked", b"Content-Length: 3\r\n",
           b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: identity\r\n",
           b"Transfer-Encoding:\x0bchunked\r\n", b"Transfer-Encoding : chunked\r\n",
           b"Content-Length: 5, 5\r\n", b"Content-Length: +5\r\n", b"Host: b.test\r\n",
           b"Connection: content-length\r\n", b"Connection: transfer-encoding\r\n",
           b"Content_Length: 9\r\n", b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n",
           b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n", b"0\r\n\r\n", b"1;x=\"\r\n\"\r\n"]
REQUESTS = [
    b"GET /plain HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\n\r\n",
    b"POST /length HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /chunks HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;e=1\r\nhello\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
    b"PUT http://a.test:8080/absolute?q=1 HTTP/1.1\r\nHost: other\r\nContent-Length: 2\r\n\r\nab",
    b"GET /ten HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\nConnection: X-Drop\r\nX-Drop: 1\r\n\r\n",
    b"DELETE /x/%2e%2e/y HTTP/1.1\r\nHost: a.test\r\nCookie: a=b; c=d\r\nTE: trailers\r\n\r\n",
]
RESPONSES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;e=1\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 302 Found\r\nLocation: /y\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
]
UNKNOWN_METHOD = "llhttp: Invalid method encountered"
METHODS = {b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"HEAD", b"PATCH"}
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def damaged(samples: list[bytes], rng: random.Random) -> bytes:
    message = bytearray(rng.choice(samples))
    for _ in range(rng.randint(0, 3)):
        place = rng.randint(0, len(message))
        match rng.randint(0, 4):
            case 0 | 1:
                message[place:place] = rng.choice(STRANGE)
            case 2:
                line = message.find(b"\r\n", place)
                if line >= 0:
                    message[line + 2:line + 2] = rng.choice(STRANGE)
            case 3:
                del message[place:place + rng.randint(1, 3)]
            case 4 if place < len(message):
                message[place] = rng.choice(rng.choice(STRANGE))
    return bytes(message)


@dataclass
class Message:
    """A request or a response as a parser sees it."""

    start: tuple
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    is_whole: bool = False


class Llhttp:
    """Reads a stream of messages with llhttp."""

    def __init__(self, is_request: bool):
        self.messages: list[Message] = []
        self.is_request = is_request
        kind = httptools.HttpRequestParser if is_request else httptools.HttpResponseParser
        self.parser = kind(self)
        self.url = b""

    def on_message_begin(self) -> None:
        self.url = b""
        self.messages.append(Message(()))

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.messages[-1].fields.append((name.lower(), value.strip()))

    def on_headers_complete(self) -> None:
        self.messages[-1].start = ((self.parser.get_method(), self.url) if self.is_request
                                   else (self.parser.get_status_code(),))

    def on_body(self, body: bytes) -> None:
        self.messages[-1].body += body

    def on_message_complete(self) -> None:
        self.messages[-1].is_whole = True


def read_by_llhttp(stream: bytes, is_request: bool) -> tuple[list[Message], str]:
    reader = Llhttp(is_request)
    try:
        reader.parser.feed_data(stream)
    except httptools.HttpParserUpgrade:
        return reader.messages, ""
    except httptools.HttpParserError as error:
        return reader.messages, f"llhttp: {error}"
    return reader.messages, ""


def read_by_h11(stream: bytes, is_request: bool) -> tuple[list[Message], str]:
    messages: list[Message] = []
    while stream:
        connection = h11.Connection(h11.SERVER if is_request else h11.CLIENT,
                                    max_incomplete_event_size=1 << 20)
        if not is_request:
            connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
            connection.send(h11.EndOfMessage())
        connection.receive_data(stream)
        try:
            while True:
                event = connection.next_event()
                if isinstance(event, h11.Request):
                    messages.append(Message((event.method, event.target), fields_of(event)))
                elif isinstance(event, (h11.Response, h11.InformationalResponse)):
                    messages.append(Message((event.status_code,), fields_of(event)))
                    messages[-1].is_whole = isinstance(event, h11.InformationalResponse)
                elif isinstance(event, h11.Data):
                    messages[-1].body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    messages[-1].is_whole = True
                    break
                else:
                    return messages, ""
        except h11.RemoteProtocolError as error:
            return messages, f"h11: {error}"
        stream = connection.trailing_data[0]
    return messages, ""


def fields_of(event: h11.Request | h11.Response) -> list[tuple[bytes, bytes]]:
    return [(bytes(name).lower(), bytes(value)) for name, value in event.headers]


def difference(stream: bytes, is_request: bool) -> str:
    """What the two do not agree upon; nothing if they read the same messages."""
    one, error = read_by_llhttp(stream, is_request)
    other, second = read_by_h11(stream, is_request)
    if error == UNKNOWN_METHOD and is_request:
        # llhttp has a list of methods; RFC 9110 has not. What comes before must be the same.
        one = [message for message in one if message.is_whole]
        known = other[len(one):len(one) + 1] and other[len(one)].start[0] in METHODS
        other, error = other[:len(one)], error if known else ""
    if error or second:
        return error or second
    if len(one) != len(other):
        # llhttp announces a message with its first byte, h11 with its whole head.
        if len(one) != len(other) + 1 or one[-1].start:
            return f"{len(one)} messages for llhttp, {len(other)} for h11"
        one.pop()
    for left, right in zip(one, other):
        if (left.start, left.body, left.is_whole) != (right.start, right.body, right.is_whole):
            return f"{left} for llhttp, {right} for h11"
        # The trailers of a chunked body are fields for llhttp.
        if left.fields[:len(right.fields)] != right.fields:
            return f"{left.fields} for llhttp, {right.fields} for h11"
        ids = sum(name == b"x-request-id" for name, _ in right.fields)
        if is_request and ids != 1 and right.start[1] != b"/healthz":
            return f"{ids} request ids in one request: {right}"
    return ""


class Replica:
    """Keeps what weir sends; answers whatever llhttp takes for a whole request."""

    def __init__(self, answers: dict[bytes, bytes]):
        self.streams: list[bytearray] = []
        self.answers = answers

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = bytearray()
        self.streams.append(stream)
        llhttp, answered = Llhttp(is_request=True), 0
        try:
            while data := await reader.read(65_536):
                stream += data
                try:
                    llhttp.parser.feed_data(data)
                except (httptools.HttpParserError, httptools.HttpParserUpgrade):
                    break
                while answered < len(llhttp.messages) and llhttp.messages[answered].is_whole:
                    url = llhttp.messages[answered].start[1]
                    answered += 1
                    writer.write(self.answers.get(url, FINE))
                    if url in self.answers:
                        await writer.drain()
                        return
        except OSError:
            pass
        finally:
            writer.close()


async def through(port: int, message: bytes) -> bytes:
    """What comes back for it; whoever waits for more is left alone after a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = bytearray()
    try:
        writer.write(message)
        while data := await asyncio.wait_for(reader.read(65_536), PATIENCE):
            answer += data
    except (TimeoutError, OSError):
        pass
    finally:
        writer.close()
    return bytes(answer)


AMBIGUOUS = [
    b"POST /a HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\nX-Request-ID: 2\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\nX-Request-ID: 1\r\nX: a\rb\r\n\r\n",
]


async def main(port: int, replica_port: int, seed: int, count: int) -> int:
    missed = [stream for stream in AMBIGUOUS if not difference(stream, is_request=True)]
    if missed:
        print(f"the comparison does not see what is wrong with {missed}")
        return 1
    rng = random.Random(seed)
    last = b"GET /last HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
    requests = [damaged(REQUESTS, rng) + last for _ in range(count)]
    answers = {f"/answer/{n}".encode(): damaged(RESPONSES, rng) for n in range(count)}
    replica = Replica(answers)
    server = await asyncio.start_server(replica.serve, "127.0.0.1", replica_port)
    gate = asyncio.Semaphore(AT_ONCE)
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

    async def pass_one(message: bytes) -> bytes:
        async with gate:
            return await through(port, message)

    refused = sum(answer.startswith(b"HTTP/1.1 4") for answer in
                  await asyncio.gather(*map(pass_one, requests)))
    found = [(bytes(stream), text) for stream in replica.streams
             if (text := difference(bytes(stream), is_request=True))]
    seen = sum(stream.count(b"\r\nX-Request-ID: ") for stream in replica.streams)

    asked = [b"GET " + url + b" HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
             for url in answers]
    got = await asyncio.gather(*map(pass_one, asked))
    found += [(answer, text) for answer in got if (text := difference(answer, is_request=False))]
    spoiled = sum(answer.startswith(b"HTTP/1.1 502") for answer in got)
    for stream, text in found[:10]:
        print(f"differs: {text}\n    {stream[-2_000:]!r}")
    server.close()
    print(f"{count} requests: {refused} refused, {seen} messages passed on; {count} responses:"
          f" {spoiled} refused; {len(found)} differ")
    return 1 if found or not refused or not spoiled or seen < count // 4 else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*map(int, sys.argv[1:]))))
