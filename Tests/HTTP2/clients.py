"""Clients of HTTP/1.1 and HTTP/2 with one face: send a request piece by piece, read the answer."""

import asyncio
import ssl

from lab.certificates import client_context
from links import Link, Reset, SECONDS


class Answer:
    def __init__(self):
        self.status, self.fields, self.body, self.trailers = 0, {}, bytearray(), {}
        self.interim: list[int] = []


class StreamClient:
    tls: ssl.SSLContext | None = None

    def __init__(self, port: int):
        self.port = port

    async def __aenter__(self) -> "StreamClient":
        loop = asyncio.get_running_loop()
        _, self.link = await loop.create_connection(
            Link, "127.0.0.1", self.port, ssl=self.tls)
        # Its SETTINGS say whether weir takes extended CONNECT.
        return self

    async def __aexit__(self, *_) -> None:
        self.link.transport.close()

    async def begin(self, method: str, path: str, fields: list, has_body: bool) -> None:
        scheme = "https" if self.tls else "http"
        pseudo = [(":method", method), (":scheme", scheme), (":authority", "test"),
                  (":path", path)]
        if path.startswith("/tunnel"):
            pseudo[0] = (":method", "CONNECT")
            pseudo.append((":protocol", "websocket"))
        self.stream = self.link.request(pseudo + fields, not has_body)

    async def send(self, data: bytes) -> None:
        await self.stream.send(data)

    async def end(self, trailers: list | None = None) -> None:
        if trailers:
            self.stream.head(trailers, True)
        else:
            await self.stream.send(b"", True)

    async def head(self) -> Answer:
        answer = Answer()
        while True:
            event = await self.stream.next()
            fields = dict(event[1])
            status = int(fields.pop(":status"))
            if status >= 200:
                answer.status, answer.fields = status, fields
                return answer
            answer.interim.append(status)

    async def part(self, answer: Answer) -> bytes:
        """The next piece of the body; nothing at its end."""
        while True:
            event = await self.stream.next()
            if event[0] == "end":
                return b""
            if event[0] == "trailers":
                answer.trailers = dict(event[1])
            elif event[1]:
                return event[1]

    async def abort(self) -> None:
        self.stream.reset()


class PlainClient:
    tls: ssl.SSLContext | None = None

    def __init__(self, port: int):
        self.port = port

    async def __aenter__(self) -> "PlainClient":
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.tls)
        return self

    async def __aexit__(self, *_) -> None:
        self.writer.close()

    async def begin(self, method: str, path: str, fields: list, has_body: bool) -> None:
        self.is_tunnel = path.startswith("/tunnel")
        fields = [("host", "test"), *fields]
        self.chunks = has_body and not any(name == "content-length" for name, _ in fields)
        if self.is_tunnel:
            self.chunks = False
            fields += [("connection", "upgrade"), ("upgrade", "websocket"),
                       ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]
        if self.chunks:
            fields.append(("transfer-encoding", "chunked"))
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode())

    async def send(self, data: bytes) -> None:
        try:
            self.writer.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunks else data)
            await asyncio.wait_for(self.writer.drain(), SECONDS)
        except ConnectionError as error:
            raise Reset(str(error)) from None

    async def end(self, trailers: list | None = None) -> None:
        if self.is_tunnel:
            self.writer.write_eof()
        elif self.chunks:
            lines = "".join(f"{name}: {value}\r\n" for name, value in trailers or [])
            self.writer.write(f"0\r\n{lines}\r\n".encode())

    async def read(self, reading):
        try:
            return await asyncio.wait_for(reading, SECONDS)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise Reset(str(error)) from None

    async def head(self) -> Answer:
        answer = Answer()
        while True:
            text = await self.read(self.reader.readuntil(b"\r\n\r\n"))
            lines = text.decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            pairs = (line.split(":", 1) for line in lines[1:] if line)
            fields = {name.lower(): value.strip() for name, value in pairs}
            if status >= 200 or status == 101:
                break
            answer.interim.append(status)
        answer.status, answer.fields = status, fields
        self.left = int(fields.get("content-length", "0"))
        self.is_chunked = fields.get("transfer-encoding") == "chunked"
        return answer

    async def part(self, answer: Answer) -> bytes:
        if self.is_tunnel:
            return await self.read(self.reader.read(65_536))
        if self.is_chunked:
            size = int(await self.read(self.reader.readuntil(b"\r\n")), 16)
            if size:
                return (await self.read(self.reader.readexactly(size + 2)))[:-2]
            while (line := await self.read(self.reader.readuntil(b"\r\n"))) != b"\r\n":
                name, value = line.decode("latin-1").split(":", 1)
                answer.trailers[name.lower()] = value.strip()
            return b""
        if not self.left:
            return b""
        part = await self.read(self.reader.read(min(self.left, 65_536)))
        if not part:
            raise Reset("the body ended early")
        self.left -= len(part)
        return part

    async def abort(self) -> None:
        self.writer.transport.abort()


class SecuredStreamClient(StreamClient):
    tls = client_context("h2")


class SecuredPlainClient(PlainClient):
    tls = client_context("http/1.1")


KINDS = {"http1": PlainClient, "http2": StreamClient}
SECURED = {"http1": SecuredPlainClient, "http2": SecuredStreamClient}
