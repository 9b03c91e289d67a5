"""Long-lived tunnels through the balancer, each saying something ten times a second."""

import asyncio
import base64
import os
import time
from dataclasses import dataclass
from enum import Enum

from .traffic import describe, read_head

MASK = b"\x11\x22\x33\x44"
GOING_AWAY = 1001
# A message, and what is between two of them.
LENGTH, PAUSE = 20, 0.1


class Wire(Enum):
    WEBSOCKET = "WebSocket"
    TCP = "TCP echo"


class Goodbye(Exception):
    """The other side ended the tunnel as its protocol wants it."""


@dataclass
class Ending:
    """A tunnel that ended though the client did not want it to."""

    time: float
    replica: str
    reason: str
    is_clean: bool = False


class Tunnels:
    """Keeps tunnels open while the `async with` block runs; opens a new one for each that ended."""

    def __init__(self, address: tuple[str, int], service: str, number: int,
                 wire: Wire = Wire.WEBSOCKET):
        self.address, self.service, self.number, self.wire = address, service, number, wire
        self.ends: list[Ending] = []
        self.opened = 0
        self.echoes = 0

    async def __aenter__(self) -> "Tunnels":
        self.tasks = [asyncio.create_task(self._stay_open()) for _ in range(self.number)]
        return self

    async def __aexit__(self, *_) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _stay_open(self) -> None:
        while True:
            replica, writer = "", None
            try:
                reader, writer = await asyncio.open_connection(*self.address)
                replica = await self._begin(reader, writer)
                self.opened += 1
                await self._converse(reader, writer)
            except Goodbye as goodbye:
                self.ends.append(Ending(time.time(), replica, str(goodbye), is_clean=True))
            except (OSError, EOFError, ValueError) as error:
                self.ends.append(Ending(time.time(), replica, describe(error)))
                await asyncio.sleep(0.1)
            finally:
                if writer:
                    writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Says something, hears it, and listens for a goodbye before it says more."""
        is_framed = self.wire is Wire.WEBSOCKET
        hear = hear_frame if is_framed else hear_bytes
        heard = asyncio.create_task(hear(reader, writer))
        try:
            while True:
                text = os.urandom(LENGTH)
                writer.write(frame(2, text) if is_framed else text)
                if await heard != text:
                    raise ValueError("something else came back")
                self.echoes += 1
                heard = asyncio.create_task(hear(reader, writer))
                await asyncio.wait({heard}, timeout=PAUSE)
                if heard.done():
                    await heard
                    raise ValueError("something came unasked")
        finally:
            heard.cancel()
            await asyncio.gather(heard, return_exceptions=True)

    async def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        if self.wire is Wire.WEBSOCKET:
            return await self._upgrade(reader, writer)
        name = await reader.readline()
        if not name.endswith(b"\n"):
            raise ValueError("closed before a replica spoke")
        return name.decode().strip()

    async def _upgrade(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(f"GET /echo HTTP/1.1\r\nHost: site.test\r\nUpgrade: websocket\r\n"
                     f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     f"Sec-WebSocket-Key: {key}\r\n"
                     f"X-Expected-Service: {self.service}\r\n\r\n".encode())
        status, fields = await read_head(reader)
        if status != 101:
            raise ValueError(f"{status} {fields.get('proxy-status', '')}")
        return fields["x-replica"]


async def hear_frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The text of the next frame; a close frame is answered, and must be the last."""
    head = await reader.readexactly(2)
    if head[1] > 125:
        raise ValueError(f"a frame begins with {head.hex()}")
    body = await reader.readexactly(head[1])
    if head[0] & 0x0f != 8:
        return body
    code = int.from_bytes(body[:2], "big")
    writer.write(frame(8, body))
    if code != GOING_AWAY or await reader.read(1):
        raise ValueError(f"closed with {code}, or bytes after the close frame")
    raise Goodbye(f"closed with {code}")


async def hear_bytes(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> bytes:
    try:
        return await reader.readexactly(LENGTH)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        raise Goodbye("closed with FIN") from error


def frame(kind: int, text: bytes) -> bytes:
    masked = bytes(byte ^ MASK[place % 4] for place, byte in enumerate(text))
    return bytes([0x80 | kind, 0x80 | len(text)]) + MASK + masked
