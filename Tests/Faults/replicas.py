"""A replica whose behaviour is a function of each of its connections."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable

from lab.machine import NetworkOf
from wires import reset

PORT = 80
Script = Callable[["Replica", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Replica:
    def __init__(self, network: NetworkOf, address: str):
        self.address = address
        with network:
            self.listener = socket.create_server((address, PORT), backlog=128)
        self.listener.setblocking(False)
        self.script: Script = ordinary
        # Heads of requests that have come since the case began.
        self.arrived = 0
        self.open: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}
        self.fillers: list[socket.socket] = []
        self.accepting: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.accepting = asyncio.create_task(self._accept())

    async def stop(self) -> None:
        await self.stop_accepting()
        self.begin(ordinary)
        self.listener.close()

    async def stop_accepting(self) -> None:
        if self.accepting:
            self.accepting.cancel()
            await asyncio.gather(self.accepting, return_exceptions=True)
            self.accepting = None

    def begin(self, script: Script) -> None:
        """What is open ends, and whoever connects from now on meets the script."""
        for writer, task in list(self.open.items()):
            task.cancel()
            writer.transport.abort()
        self.script, self.arrived = script, 0

    def say(self, text: bytes) -> None:
        """More, to everybody who is connected."""
        for writer in self.open:
            writer.write(text)

    async def fill(self) -> None:
        """Nobody accepts, and the kernel's queue is full."""
        await self.stop_accepting()
        self.listener.listen(0)
        while True:
            filler = socket.socket()
            filler.setblocking(False)
            self.fillers.append(filler)
            connecting = asyncio.get_running_loop().sock_connect(filler, (self.address, PORT))
            try:
                await asyncio.wait_for(connecting, 0.3)
            except TimeoutError:
                return

    def unfill(self) -> None:
        for filler in self.fillers:
            filler.close()
        self.fillers.clear()
        self.listener.listen(128)
        if not self.accepting:
            self.start()

    async def _accept(self) -> None:
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(self.listener)
            reader, writer = await asyncio.open_connection(sock=connection)
            self.open[writer] = asyncio.create_task(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.script(self, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open.pop(writer, None)
            writer.close()

    async def take(self, reader: asyncio.StreamReader) -> str:
        """The next request, with its body: its target."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if length := re.search(r"^content-length: *(\d+)", head, re.I | re.M):
            await reader.readexactly(int(length[1]))
        self.arrived += 1
        return head.split(" ")[1]


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def ordinary(replica: Replica, reader: asyncio.StreamReader,
                   writer: asyncio.StreamWriter) -> None:
    while True:
        await replica.take(reader)
        writer.write(OK)


async def stay(reader: asyncio.StreamReader) -> None:
    """Nothing more is said."""
    while await reader.read(65_536):
        pass


def saying(text: bytes, then: str = "stay") -> Script:
    """Answers each connection's first request with these bytes, and then stays, ends or resets."""
    async def script(replica: Replica, reader: asyncio.StreamReader,
                     writer: asyncio.StreamWriter) -> None:
        await replica.take(reader)
        writer.write(text)
        await writer.drain()
        match then:
            case "reset": reset(writer)
            case "stay": await stay(reader)
    return script


async def dripping(replica: Replica, reader: asyncio.StreamReader,
                   writer: asyncio.StreamWriter) -> None:
    """A head that never ends, a byte at a time."""
    await replica.take(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def resetting(replica: Replica, reader: asyncio.StreamReader,
                    writer: asyncio.StreamWriter) -> None:
    """As soon as it is connected to."""
    reset(writer)


async def resetting_the_second(replica: Replica, reader: asyncio.StreamReader,
                               writer: asyncio.StreamWriter) -> None:
    """A connection serves one request; the next one meets its end."""
    await replica.take(reader)
    writer.write(OK)
    await replica.take(reader)
    reset(writer)


def early(then: str) -> Script:
    """Answers a POST by its head, and reads nothing of its body."""
    async def script(replica: Replica, reader: asyncio.StreamReader,
                     writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 413 Too much\r\nContent-Length: 8\r\n\r\ntoo much")
        await writer.drain()
        replica.arrived += 1
        if then == "stay":
            # Without reading; the case ends it.
            await asyncio.Event().wait()
        reset(writer)
    return script
