"""WebSocket through every combination of HTTP/1.1 and HTTP/2 (RFC 6455, RFC 8441)."""

import base64
import hashlib
import os
import socket
import struct
import threading
import time
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import h2.settings
from front import weir_program
from lab.machine import run
from lab.report import Cases, Finding

from weir import Weir, connect, free_port

cases = Cases()

TEXT, BINARY, CLOSE = 1, 2, 8
PROTOCOL = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL


def frame(kind: int, payload: bytes, masks: bool) -> bytes:
    size = len(payload)
    bit = 0x80 if masks else 0
    if size < 126:
        head = struct.pack(">BB", 0x80 | kind, bit | size)
    elif size < 65_536:
        head = struct.pack(">BBH", 0x80 | kind, bit | 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | kind, bit | 127, size)
    if not masks:
        return head + payload
    mask = os.urandom(4)
    whole = mask * (size // 4 + 1)
    number = int.from_bytes(payload, "big") ^ int.from_bytes(whole[:size], "big")
    return head + mask + number.to_bytes(size, "big")


class Frames:
    """Frames out of bytes."""

    def __init__(self):
        self.bytes = b""

    def take(self, more: bytes) -> list[tuple[int, bytes]]:
        self.bytes += more
        found = []
        while (one := self._first()) is not None:
            found.append(one)
        return found

    def _first(self) -> tuple[int, bytes] | None:
        if len(self.bytes) < 2:
            return None
        size, start = self.bytes[1] & 127, 2
        if size > 125:
            start = 4 if size == 126 else 10
            if len(self.bytes) < start:
                return None
            size = int.from_bytes(self.bytes[2:start], "big")
        mask = self.bytes[start:start + 4] if self.bytes[1] & 0x80 else b""
        start += len(mask)
        if len(self.bytes) < start + size:
            return None
        payload = self.bytes[start:start + size]
        if mask:
            whole = mask * (size // 4 + 1)
            number = int.from_bytes(payload, "big") ^ int.from_bytes(whole[:size], "big")
            payload = number.to_bytes(size, "big")
        kind = self.bytes[0] & 15
        self.bytes = self.bytes[start + size:]
        return kind, payload


class Replica:
    """Says every frame back; a close frame too, and then it ends."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self) -> "Replica":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        with connection:
            try:
                self.serve(connection)
            except OSError:
                pass

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError


class Replica1(Replica):
    def serve(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            more = connection.recv(65_536)
            if not more:
                return
            received += more
        head, _, rest = received.partition(b"\r\n\r\n")
        key = next(line.split(b":")[1].strip() for line in head.split(b"\r\n")
                   if line.lower().startswith(b"sec-websocket-key:"))
        proof = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
                                 .digest())
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                           b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + proof + b"\r\n\r\n")
        frames = Frames()
        while True:
            for kind, payload in frames.take(rest):
                connection.sendall(frame(kind, payload, masks=False))
                if kind == CLOSE:
                    return
            rest = connection.recv(65_536)
            if not rest:
                return


class Replica2(Replica):
    def serve(self, connection: socket.socket) -> None:
        session = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        session.local_settings = h2.settings.Settings(client=False, initial_values={
            PROTOCOL: 1, h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100})
        session.initiate_connection()
        connection.sendall(session.data_to_send())
        streams: dict[int, Frames] = {}
        queues: dict[int, bytes] = {}
        ends: set[int] = set()
        while more := connection.recv(65_536):
            for event in session.receive_data(more):
                if isinstance(event, h2.events.RequestReceived):
                    fields = {name.decode() if isinstance(name, bytes) else name: value
                              for name, value in event.headers}
                    is_ours = b"websocket" in (fields.get(":protocol"), b"") or \
                        fields.get(":protocol") == "websocket"
                    streams[event.stream_id] = Frames()
                    queues[event.stream_id] = b""
                    session.send_headers(event.stream_id,
                                         [(":status", "200" if is_ours else "400")])
                elif isinstance(event, h2.events.DataReceived):
                    session.acknowledge_received_data(event.flow_controlled_length,
                                                      event.stream_id)
                    for kind, payload in streams[event.stream_id].take(event.data):
                        queues[event.stream_id] += frame(kind, payload, masks=False)
                        if kind == CLOSE:
                            ends.add(event.stream_id)
            for stream in list(queues):
                self._pump(session, stream, queues, ends)
            connection.sendall(session.data_to_send())

    @staticmethod
    def _pump(session, stream: int, queues: dict[int, bytes], ends: set[int]) -> None:
        try:
            while queues[stream] and (room := session.local_flow_control_window(stream)) > 0:
                piece = queues[stream][:min(room, 16_384)]
                session.send_data(stream, piece)
                queues[stream] = queues[stream][len(piece):]
            if stream in ends and not queues[stream]:
                session.end_stream(stream)
                del queues[stream]
        except h2.exceptions.ProtocolError:
            queues.pop(stream, None)


class Client1:
    """A WebSocket over HTTP/1.1."""

    def __init__(self, port: int):
        self.connection = connect(port)
        self.frames = Frames()
        self.ready: list[tuple[int, bytes]] = []
        key = base64.b64encode(os.urandom(16)).decode()
        self.connection.sendall(
            f"GET /socket HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
            .encode())
        received = b""
        while b"\r\n\r\n" not in received:
            more = self.connection.recv(65_536)
            if not more:
                raise EOFError(f"no handshake: {received!r}")
            received += more
        head, _, rest = received.partition(b"\r\n\r\n")
        proof = base64.b64encode(hashlib.sha1(
            key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        if b" 101 " not in head or proof not in head:
            raise EOFError(f"no handshake: {head!r}")
        self.ready = self.frames.take(rest)

    def send(self, kind: int, payload: bytes) -> None:
        self.connection.sendall(frame(kind, payload, masks=True))

    def receive(self) -> tuple[int, bytes] | None:
        while not self.ready:
            more = self.connection.recv(65_536)
            if not more:
                return None
            self.ready += self.frames.take(more)
        return self.ready.pop(0)

    def close(self) -> None:
        self.connection.close()


class Client2:
    """A WebSocket on a stream of HTTP/2."""

    def __init__(self, port: int):
        self.connection = connect(port)
        self.frames = Frames()
        self.ready: list[tuple[int, bytes]] = []
        self.has_ended = False
        self.status = ""
        self.session = h2.connection.H2Connection(h2.config.H2Configuration())
        self.session.initiate_connection()
        self._flush()
        while self.session.remote_settings.get(PROTOCOL, 0) != 1:
            self._turn()
        self.stream = self.session.get_next_available_stream_id()
        self.session.send_headers(self.stream, [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"),
            (":path", "/socket"), (":authority", "a.test"), ("sec-websocket-version", "13")])
        self._flush()
        while not self.status:
            self._turn()
        if self.status != "200":
            raise EOFError(f"no handshake: {self.status}")

    def _flush(self) -> None:
        self.connection.sendall(self.session.data_to_send())

    def _turn(self) -> None:
        more = self.connection.recv(65_536)
        if not more:
            self.has_ended = True
            self.status = self.status or "closed"
            return
        for event in self.session.receive_data(more):
            if isinstance(event, h2.events.ResponseReceived):
                fields = dict(event.headers)
                status = fields.get(":status") or fields.get(b":status")
                self.status = status if isinstance(status, str) else status.decode()
            elif isinstance(event, h2.events.DataReceived):
                self.session.acknowledge_received_data(event.flow_controlled_length,
                                                       event.stream_id)
                self.ready += self.frames.take(event.data)
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                self.has_ended = True
                self.status = self.status or "reset"
        self._flush()

    def send(self, kind: int, payload: bytes) -> None:
        rest = frame(kind, payload, masks=True)
        while rest:
            room = min(self.session.local_flow_control_window(self.stream), 16_384)
            if room <= 0:
                self._turn()
                continue
            self.session.send_data(self.stream, rest[:room])
            rest = rest[room:]
            self._flush()

    def receive(self) -> tuple[int, bytes] | None:
        while not self.ready:
            if self.has_ended:
                return None
            self._turn()
        return self.ready.pop(0)

    def close(self) -> None:
        self.connection.close()


WAYS = [("HTTP/1.1", Client1), ("HTTP/2", Client2)]
REPLICAS = [("HTTP/1.1", Replica1, "http1"), ("HTTP/2", Replica2, "http2")]


def weir(folder: Path, port: int, replica: int, protocol: str, more: str = "") -> Weir:
    return Weir(folder, f"""\
listeners: {{ web: {{ bind: "127.0.0.1:{port}" }} }}
pools:
  app:
    discover: "127.0.0.1:{replica}"
    protocol: {protocol}
    probe: off
    {more}
""", port)


def register(way: str, client_type, kind: str, replica_type, protocol: str) -> None:
    @cases.case(f"WebSocket from {way} to {kind}: frames of all sizes, and the close")
    async def echo(folder: Path) -> Finding:
        finding = Finding()
        port = free_port()
        with replica_type() as replica, weir(folder, port, replica.port, protocol):
            client = client_type(port)
            for size in (0, 1, 125, 126, 65_535, 65_536, 300_000):
                payload = os.urandom(size)
                client.send(BINARY, payload)
                answer = client.receive()
                finding.expect(answer == (BINARY, payload), f"{size} bytes came back changed")
            client.send(CLOSE, struct.pack(">H", 1000))
            finding.expect(client.receive() == (CLOSE, struct.pack(">H", 1000)), "no close frame")
            finding.expect(client.receive() is None, "something came behind the close frame")
            client.close()
        return finding

    @cases.case(f"WebSocket from {way} to {kind}: an idle one ends, a busy one does not")
    async def idle(folder: Path) -> Finding:
        finding = Finding()
        port = free_port()
        with replica_type() as replica, \
                weir(folder, port, replica.port, protocol, "timeouts: { tunnel_idle: 1s }"):
            client = client_type(port)
            for _ in range(6):
                time.sleep(0.3)
                client.send(TEXT, b"still here")
                finding.expect(client.receive() == (TEXT, b"still here"), "a busy one was ended")
            began = time.monotonic()
            try:
                last = client.receive()
            except ConnectionResetError:
                last = None
            finding.expect(last is None or last[0] == CLOSE, f"{last} came")
            took = time.monotonic() - began
            finding.expect(0.5 < took < 6, f"an idle one lived for {took:.1f} s")
            client.close()
        return finding

    @cases.case(f"WebSocket from {way} to {kind}: a drain ends it with 1001")
    async def drain(folder: Path) -> Finding:
        finding = Finding()
        port = free_port()
        with replica_type() as replica, \
                weir(folder, port, replica.port, protocol, "drain: { tunnels: 0s, spread: 0s }"):
            client = client_type(port)
            client.send(TEXT, b"hello")
            client.receive()
            run(str(weir_program()), "drain", f"127.0.0.1:{replica.port}", "--force",
                "--admin", f"unix:{folder}/weir.sock")
            last = client.receive()
            finding.expect(last is not None and last[0] == CLOSE
                           and last[1][:2] == struct.pack(">H", 1001), f"{last} came, not 1001")
            client.close()
        return finding


for one in WAYS:
    for other in REPLICAS:
        register(*one, *other)
