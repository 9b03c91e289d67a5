"""One HTTP/2 connection to the server under test, and what may be expected of it."""

import os
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field

from hpack import Decoder

import frames
from frames import ACK, END_HEADERS, END_STREAM, PADDED, PRIORITY_FLAG, Code, Frame, Kind


class Unmet(Exception):
    """What was expected did not come."""


@dataclass
class Target:
    host: str
    port: int
    tls: bool = False
    path: str = "/"
    name: str = "localhost"
    seconds: float = 3.0


@dataclass
class Response:
    status: int = 0
    fields: list[tuple[str, str]] = field(default_factory=list)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class Connection:
    def __init__(self, target: Target):
        self.target = target
        self.socket = self._connect()
        self.received = b""
        self.seen: list[str] = []
        self.decoder = Decoder()
        self.peer: dict[int, int] = {}
        self.is_closed = False

    def _connect(self) -> socket.socket:
        plain = socket.create_connection((self.target.host, self.target.port),
                                         self.target.seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.target.tls:
            return plain
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        secured = context.wrap_socket(plain, server_hostname=self.target.name)
        if secured.selected_alpn_protocol() != "h2":
            raise Unmet(f"ALPN chose {secured.selected_alpn_protocol()}, not h2")
        return secured

    def close(self) -> None:
        self.socket.close()

    # Sending

    def send(self, *pieces: bytes) -> None:
        """A server that has closed already is found out by what comes, not here."""
        try:
            self.socket.sendall(b"".join(pieces))
        except OSError:
            pass

    def open(self, *settings: tuple[int, int]) -> None:
        """The preface, and the settings of both sides with their acknowledgements."""
        self.send(frames.PREFACE, frames.settings(*settings))
        first = self.next("the server's SETTINGS")
        if first.kind != Kind.SETTINGS or first.has(ACK):
            raise Unmet(f"the first frame is {first}, not SETTINGS")
        self._note_settings(first)
        self.send(frames.settings(flags=ACK))
        self.until("SETTINGS with ACK", lambda it: it.kind == Kind.SETTINGS and it.has(ACK))

    def _note_settings(self, it: Frame) -> None:
        for offset in range(0, len(it.payload), 6):
            name, value = struct.unpack_from(">HI", it.payload, offset)
            self.peer[name] = value

    def fields(self, method: str = "GET", *more: tuple[str | bytes, str | bytes],
               ) -> list[tuple[str | bytes, str | bytes]]:
        scheme = "https" if self.target.tls else "http"
        return [(":method", method), (":scheme", scheme), (":path", self.target.path),
                (":authority", self.target.name), *more]

    def block(self, method: str = "GET", *more: tuple[str | bytes, str | bytes]) -> bytes:
        return frames.block(self.fields(method, *more))

    # Receiving

    def _fill(self, deadline: float, awaited: str) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Unmet(f"{awaited}: nothing within {self.target.seconds:g} s;"
                        f" came: {', '.join(self.seen) or 'nothing'}")
        self.socket.settimeout(left)
        try:
            more = self.socket.recv(65_536)
        except TimeoutError:
            return
        except OSError:
            more = b""
        if not more:
            self.is_closed = True
            raise Closed(f"{awaited}: the connection was closed;"
                         f" came: {', '.join(self.seen) or 'nothing'}")
        self.received += more

    def next(self, awaited: str) -> Frame:
        deadline = time.monotonic() + self.target.seconds
        while len(self.received) < 9:
            self._fill(deadline, awaited)
        length = int.from_bytes(self.received[:3], "big")
        while len(self.received) < 9 + length:
            self._fill(deadline, awaited)
        kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
        found = Frame(kind, flags, stream & 0x7FFF_FFFF, self.received[9:9 + length])
        self.received = self.received[9 + length:]
        self.seen.append(str(found))
        if kind == Kind.SETTINGS and not flags & ACK and self.peer:
            self._note_settings(found)
            self.send(frames.settings(flags=ACK))
        return found

    def until(self, awaited: str, test) -> Frame:
        """The next frame that passes `test`; field blocks on the way go through the decoder."""
        while True:
            found = self.next(awaited)
            if test(found):
                return found
            if found.kind == Kind.HEADERS:
                self.decode(found)

    def decode(self, first: Frame) -> list[tuple[str, str]]:
        payload = first.payload
        if first.has(PADDED):
            payload = payload[1:len(payload) - payload[0]]
        if first.has(PRIORITY_FLAG):
            payload = payload[5:]
        last = first
        while not last.has(END_HEADERS):
            last = self.next("CONTINUATION")
            payload += last.payload
        return [(str(name), str(value)) for name, value in self.decoder.decode(payload)]

    # Expectations

    def response(self, stream: int, grants: bool = False) -> Response:
        """The whole response of a stream. `grants`: its bytes are given back as they come."""
        found = Response()
        while True:
            it = self.next(f"a response on stream {stream}")
            fails = it.kind == Kind.GOAWAY and it.payload[4:8] != bytes(4)
            if fails or it.kind == Kind.RST_STREAM and it.stream == stream:
                if it.kind == Kind.RST_STREAM and it.payload == bytes(4) and found.status:
                    continue
                raise Unmet(f"a response on stream {stream}: came {it}")
            if it.kind == Kind.HEADERS:
                fields = self.decode(it)
                if it.stream == stream:
                    self._take_fields(found, fields)
            elif it.kind == Kind.DATA and it.stream == stream:
                found.body += it.payload[1:len(it.payload) - it.payload[0]] if it.has(PADDED) \
                    else it.payload
                if grants and it.payload and not it.has(END_STREAM):
                    size = len(it.payload)
                    self.send(frames.window_update(0, size), frames.window_update(stream, size))
            if it.stream == stream and it.kind in (Kind.HEADERS, Kind.DATA) and it.has(END_STREAM):
                return found

    @staticmethod
    def _take_fields(found: Response, fields: list[tuple[str, str]]) -> None:
        status = dict(fields).get(":status")
        if status is None:
            found.trailers = fields
        elif not status.startswith("1"):
            found.status, found.fields = int(status), fields

    def succeeds(self, stream: int) -> Response:
        found = self.response(stream)
        if not 200 <= found.status < 300:
            raise Unmet(f"stream {stream} was answered with {found.status}, not 2xx")
        return found

    def answers_ping(self) -> None:
        """The connection still works, and all that was sent before has been read."""
        payload = os.urandom(8)
        self.send(frames.ping(payload))
        self.until("PING with ACK", lambda it: self._passes(it) and it.kind == Kind.PING
                   and it.has(ACK) and it.payload == payload)

    @staticmethod
    def _passes(it: Frame) -> bool:
        if it.kind == Kind.GOAWAY and it.payload[4:8] != bytes(4):
            raise Unmet(f"PING with ACK: came {it}")
        return True

    def ends_with(self, *codes: Code) -> None:
        """A connection error: GOAWAY with one of the codes (section 5.4.1 asks for it as far as it
        is possible), then the end of the connection."""
        self._fails(None, codes)

    def resets(self, stream: int, *codes: Code) -> None:
        """A stream error: RST_STREAM with one of the codes, or a connection error, which a server
        may make of any stream error (section 5.4.2)."""
        self._fails(stream, codes)

    def _fails(self, stream: int | None, codes: tuple[Code, ...]) -> None:
        wanted = " or ".join(code.name for code in codes)
        what = f"stream error {wanted}" if stream else f"connection error {wanted}"
        while True:
            try:
                it = self.next(what)
            except Closed:
                return
            if it.kind == Kind.HEADERS:
                self.decode(it)
            code = None
            if it.kind == Kind.GOAWAY:
                code = int.from_bytes(it.payload[4:8], "big")
                # A server that says goodbye in two steps begins with this one.
                if code == Code.NO_ERROR and Code.NO_ERROR not in codes:
                    continue
            elif it.kind == Kind.RST_STREAM and it.stream == stream:
                code = int.from_bytes(it.payload, "big")
            if code is None:
                continue
            if code not in codes:
                raise Unmet(f"{what}: came {it}")
            if it.kind == Kind.GOAWAY:
                self.ends(what)
            return

    def ends(self, what: str = "the end of the connection") -> None:
        while not self.is_closed:
            try:
                self.next(f"{what}, then the end of the connection")
            except Closed:
                return

    def sends_only(self, stream: int, count: int) -> None:
        """Exactly so many bytes of DATA come on the stream before a PING is answered twice."""
        total = 0
        while total < count:
            it = self.next(f"{count} bytes of DATA")
            if it.kind == Kind.HEADERS:
                self.decode(it)
            if it.kind == Kind.DATA and it.stream == stream:
                total += len(it.payload)
        payload = os.urandom(8)
        self.send(frames.ping(payload))
        while True:
            it = self.next("PING with ACK")
            if it.kind == Kind.DATA and it.stream == stream:
                total += len(it.payload)
            if it.kind == Kind.PING and it.payload == payload:
                break
        if total != count:
            raise Unmet(f"{total} bytes of DATA came where the window allows {count}")


class Closed(Unmet):
    """The server has closed the connection."""
