"""One application behind both protocols: each path is a way in which a replica can behave."""

import asyncio
import contextlib
import ssl

from links import Link, Reset

PATTERN = bytes(range(256)) * 256


class Origin:
    """What all exchanges of an origin share: how many are open, and what became of them."""

    def __init__(self):
        self.open = 0
        self.connections: set = set()
        self.ends: list[str] = []
        # Of an origin that speaks both, what each connection has chosen.
        self.agreed: list[str | None] = []

    async def answer(self, talk) -> None:
        self.open += 1
        try:
            await self.behave(talk)
            self.ends.append("whole")
        except (Reset, ConnectionError, asyncio.IncompleteReadError):
            self.ends.append("broken")
        finally:
            self.open -= 1

    async def behave(self, talk) -> None:
        path = talk.path
        if path.startswith("/tunnel"):
            await talk.agree()
            async for part in talk.body():
                await talk.send(part)
            await talk.end()
        elif path.startswith("/early"):
            await talk.head(403, [("content-length", "5")])
            await talk.send(b"early")
            await talk.end()
        elif path.startswith("/abort"):
            await talk.head(200, [("content-length", "100000")])
            await talk.send(PATTERN[:50_000])
            # A reset may overtake what was sent before it.
            await asyncio.sleep(0.2)
            await talk.abort()
        elif path.startswith("/unknown-abort"):
            await talk.head(200, [])
            await talk.send(PATTERN[:50_000])
            await asyncio.sleep(0.2)
            await talk.abort()
        elif path.startswith("/endless"):
            await talk.head(200, [])
            while True:
                await talk.send(PATTERN)
        else:
            await self.echo(talk)

    async def echo(self, talk) -> None:
        if "/interim" in talk.path:
            await talk.interim(103, [("link", "</style.css>; rel=preload")])
        if talk.fields.get("expect") == "100-continue":
            await talk.interim(100, [])
        length = talk.fields.get("content-length")
        has_length = length is not None and "/trailers" not in talk.path
        await talk.head(200, [("content-length", length)] if has_length else [])
        async for part in talk.body():
            await talk.send(part)
        if "/trailers" in talk.path:
            came = ",".join(f"{name}={value}" for name, value in talk.trailers)
            await talk.end([("x-came", came), ("grpc-status", "0")])
        else:
            await talk.end()


class StreamTalk:
    """An exchange on a stream of HTTP/2."""

    def __init__(self, stream, fields: list):
        self.stream, self.fields, self.trailers = stream, dict(fields), []
        self.path = self.fields.get(":path", "")

    async def body(self):
        while (event := await self.stream.next())[0] != "end":
            if event[0] == "trailers":
                self.trailers = event[1]
            else:
                yield event[1]

    async def interim(self, status: int, fields: list) -> None:
        self.stream.head([(":status", str(status)), *fields])

    async def head(self, status: int, fields: list) -> None:
        self.stream.head([(":status", str(status)), *fields])

    async def agree(self) -> None:
        if self.fields.get(":protocol") != "websocket":
            raise Reset("no request for a tunnel")
        await self.head(200, [])

    async def send(self, data: bytes) -> None:
        await self.stream.send(data)

    async def end(self, trailers: list | None = None) -> None:
        if trailers:
            self.stream.head(trailers, True)
        else:
            await self.stream.send(b"", True)

    async def abort(self) -> None:
        self.stream.reset(2)


class PlainTalk:
    """An exchange on a connection of HTTP/1.1."""

    def __init__(self, reader, writer, head: bytes):
        self.reader, self.writer, self.trailers = reader, writer, []
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = lines[0].split(" ")
        pairs = (line.split(":", 1) for line in lines[1:] if line)
        self.fields = {name.lower(): value.strip() for name, value in pairs}
        self.chunks = self.closes = self.is_tunnel = False

    async def body(self):
        if self.is_tunnel:
            while part := await self.reader.read(65_536):
                yield part
        elif "content-length" in self.fields:
            left = int(self.fields["content-length"])
            while left:
                part = await self.reader.read(min(left, 65_536))
                if not part:
                    raise Reset("the body ended early")
                left -= len(part)
                yield part
        elif self.fields.get("transfer-encoding") == "chunked":
            async for part in self.chunked():
                yield part

    async def chunked(self):
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        while (line := await self.reader.readuntil(b"\r\n")) != b"\r\n":
            name, value = line.decode("latin-1").split(":", 1)
            self.trailers.append((name.lower(), value.strip()))

    def write_head(self, status: int, fields: list) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        self.writer.write(f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode())

    async def interim(self, status: int, fields: list) -> None:
        self.write_head(status, fields)

    async def head(self, status: int, fields: list) -> None:
        self.chunks = not any(name == "content-length" for name, _ in fields)
        self.closes = status == 403
        extra = [("transfer-encoding", "chunked")] if self.chunks else []
        self.write_head(status, fields + extra)
        await self.writer.drain()

    async def agree(self) -> None:
        if self.fields.get("upgrade") != "websocket" or not self.fields.get("sec-websocket-key"):
            raise Reset("no request for a tunnel")
        self.is_tunnel = self.closes = True
        self.write_head(101, [("connection", "upgrade"), ("upgrade", "websocket"),
                              ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")])

    async def send(self, data: bytes) -> None:
        if self.chunks and data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self.writer.write(data)
        await self.writer.drain()

    async def end(self, trailers: list | None = None) -> None:
        if self.chunks:
            lines = "".join(f"{name}: {value}\r\n" for name, value in trailers or [])
            self.writer.write(f"0\r\n{lines}\r\n".encode())
        await self.writer.drain()

    async def abort(self) -> None:
        self.closes = True
        self.writer.transport.abort()


async def serve_plain(origin: Origin, reader, writer) -> None:
    origin.connections.add(writer)
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            talk = PlainTalk(reader, writer, head)
            await origin.answer(talk)
            if talk.closes or origin.ends[-1] == "broken":
                break
    origin.connections.discard(writer)
    writer.close()


class Chooser(asyncio.Protocol):
    """Becomes what ALPN has chosen; its streams cannot become tunnels."""

    def __init__(self, origin: Origin, serve):
        self.origin, self.serve = origin, serve

    def connection_made(self, transport) -> None:
        chosen = transport.get_extra_info("ssl_object").selected_alpn_protocol()
        self.origin.agreed.append(chosen)
        if chosen == "h2":
            made = Link(self.serve, takes_tunnels=False)
        else:
            made = asyncio.StreamReaderProtocol(
                asyncio.StreamReader(),
                lambda reader, writer: serve_plain(self.origin, reader, writer))
        transport.set_protocol(made)
        made.connection_made(transport)


async def start(protocol: str, tls: ssl.SSLContext | None = None,
                port: int = 0) -> tuple[Origin, asyncio.Server]:
    """An origin that speaks http1, http2 or either of them; its port is its own, or given."""
    origin = Origin()
    if protocol == "http1":
        server = await asyncio.start_server(
            lambda reader, writer: serve_plain(origin, reader, writer), "127.0.0.1", port,
            ssl=tls)
        return origin, server

    async def serve(stream) -> None:
        _, fields = await stream.next()
        await origin.answer(StreamTalk(stream, fields))

    def link() -> asyncio.Protocol:
        if protocol == "either":
            return Chooser(origin, serve)
        made = Link(serve)
        origin.connections.add(made)
        return made
    loop = asyncio.get_running_loop()
    return origin, await loop.create_server(link, "127.0.0.1", port, ssl=tls)
