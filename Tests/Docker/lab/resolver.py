"""DNS on both sides of Docker's: what the outside world answers, and what containers hear."""

import asyncio
import socket
import struct
import threading
import time
from enum import Enum

from .engine import FOREIGN, MACHINE
from .machine import NetworkOf

TYPE_A, CLASS_IN = 1, 1
NXDOMAIN = 3


class Outside(Enum):
    """How the resolver of the outside world answers for names that Docker does not know."""

    NXDOMAIN = "NXDOMAIN"
    FOREIGN = "a foreign address"
    SILENCE = "silence"


class OutsideResolver(asyncio.DatagramProtocol):
    """The resolver that Docker forwards to."""

    def __init__(self):
        self.answers = Outside.NXDOMAIN

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(MACHINE, 53))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, query: bytes, client: tuple[str, int]) -> None:
        if self.answers is not Outside.SILENCE and len(query) > 16:
            self.transport.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5
        question, kind = query[12:end], struct.unpack(">H", query[end - 4:end - 2])[0]
        if self.answers is Outside.NXDOMAIN:
            return query[:2] + struct.pack(">5H", 0x8180 | NXDOMAIN, 1, 0, 0, 0) + question
        if kind != TYPE_A:
            return query[:2] + struct.pack(">5H", 0x8180, 1, 0, 0, 0) + question
        record = struct.pack(">HHHIH", 0xC00C, TYPE_A, CLASS_IN, 60, 4) + socket.inet_aton(FOREIGN)
        return query[:2] + struct.pack(">5H", 0x8180, 1, 1, 0, 0) + question + record


class ForeignServer:
    """Listens on the foreign address for the life of an `async with` block.

    Anything that connects there was led astray.
    """

    def __init__(self, port: int):
        self.port = port
        self.visits = 0

    async def __aenter__(self) -> "ForeignServer":
        self.server = await asyncio.start_server(self._visit, FOREIGN, self.port)
        return self

    async def __aexit__(self, *_) -> None:
        self.server.close()
        await self.server.wait_closed()

    async def _visit(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


class Watch:
    """Asks Docker's DNS for a name every few milliseconds, from inside a container's network."""

    def __init__(self, name: str, container_process: int, interval: float = 0.005):
        self.first_seen: dict[str, float] = {}
        self.interval = interval
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        self.query = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
        with NetworkOf(container_process):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.connect(("127.0.0.11", 53))
        self.socket.settimeout(0.5)
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        self.is_over = False
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.is_over = True
        self.thread.join()
        self.socket.close()

    def _watch(self) -> None:
        while not self.is_over:
            for address in self._ask():
                self.first_seen.setdefault(address, time.time())
            time.sleep(self.interval)

    def _ask(self) -> list[str]:
        self.socket.send(self.query)
        try:
            answer = self.socket.recv(4096)
        except TimeoutError:
            return []
        count, place = struct.unpack(">H", answer[6:8])[0], len(self.query)
        found = []
        for _ in range(count):
            place = answer.index(b"\0", place) + 1 if answer[place] < 0xC0 else place + 2
            kind, length = struct.unpack(">H6xH", answer[place:place + 10])
            if kind == TYPE_A:
                found.append(socket.inet_ntoa(answer[place + 10:place + 14]))
            place += 10 + length
        return found
