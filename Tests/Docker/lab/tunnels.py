"""Long-lived WebSockets through the balancer, each saying something ten times a second."""

import asyncio
import base64
import os
import time
from dataclasses import dataclass

from .traffic import describe, read_head

MASK = b"\x11\x22\x33\x44"


@dataclass
class Cut:
    """A tunnel that ended though neither side of the test wanted it to."""

    time: float
    replica: str
    reason: str


class Tunnels:
    """Keeps tunnels open while the `async with` block runs; opens a new one for each cut one."""

    def __init__(self, address: tuple[str, int], service: str, number: int):
        self.address, self.service, self.number = address, service, number
        self.cuts: list[Cut] = []
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
                replica = await self._upgrade(reader, writer)
                while True:
                    await self._echo(reader, writer, os.urandom(20))
                    await asyncio.sleep(0.1)
            except (OSError, EOFError, ValueError) as error:
                self.cuts.append(Cut(time.time(), replica, describe(error)))
                await asyncio.sleep(0.1)
            finally:
                if writer:
                    writer.close()

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

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                    text: bytes) -> None:
        masked = bytes(byte ^ MASK[place % 4] for place, byte in enumerate(text))
        writer.write(bytes([0x82, 0x80 | len(text)]) + MASK + masked)
        answer = await reader.readexactly(2 + len(text))
        if answer[2:] != text:
            raise ValueError("another text came back")
        self.echoes += 1
