"""A client that sends requests at a steady rate and counts every answer."""

import asyncio
import itertools
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

BIG_BODY = b"w" * 250_000
# Longer than any balancer holds a request: what takes longer is a failure of its own.
PATIENCE = 25.0
# A slow reader takes this much at once, then pauses.
SIP, PAUSE = 10_000, 0.04
MISDIRECTED = "answered by the service"

numbers = itertools.count(1)


@dataclass
class Exchange:
    """One request and what became of it."""

    method: str
    path: str
    order: str = ""
    mark: str = ""
    closes: bool = False
    kind: str = ""
    is_slow_reader: bool = False
    started: float = 0.0
    seconds: float = 0.0
    replica: str = ""
    status: int = 0
    failure: str = ""


def plan(number: int, run: str) -> Exchange:
    """The mix: of twenty requests fourteen GETs and six POSTs; a third on new connections."""
    order = f"{run}-{number}"
    match number % 20:
        case 0:
            return Exchange("GET", f"/big?id={order}&", mark=order)
        case 1 | 2:
            return Exchange("GET", "/slow?ms=50")
        case 3 | 4 | 5 | 6:
            return Exchange("GET", "/", closes=True)
        case 7 | 8 | 9:
            return Exchange("POST", f"/order?id={order}&ms=20", order)
        case 10 | 11 | 12:
            return Exchange("POST", f"/order?id={order}&ms=20", order, closes=True)
        case _:
            return Exchange("GET", "/")


class Traffic:
    """Sends while the `async with` block runs, then waits for every answer."""

    def __init__(self, address: tuple[str, int], rate: float, service: str = "app",
                 plan: Callable[[int, str], Exchange] = plan):
        self.address, self.rate, self.service, self.plan = address, rate, service, plan
        self.exchanges: list[Exchange] = []
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.run = f"{next(numbers)}x{int(time.time())}"

    async def __aenter__(self) -> "Traffic":
        self.pending: list[asyncio.Task[None]] = []
        self.sender = asyncio.create_task(self._send_steadily())
        return self

    async def __aexit__(self, *_) -> None:
        self.sender.cancel()
        await asyncio.gather(self.sender, return_exceptions=True)
        await asyncio.gather(*self.pending)
        for _, writer in self.idle:
            writer.close()

    def slowest(self, method: str) -> float:
        return count(self.exchanges, method).slowest

    async def _send_steadily(self) -> None:
        start = asyncio.get_running_loop().time()
        for number in itertools.count():
            # What is late is made up for at once: the rate is the users', not the server's.
            late = asyncio.get_running_loop().time() - start - number / self.rate
            await asyncio.sleep(max(0.0, -late))
            exchange = self.plan(number, self.run)
            self.exchanges.append(exchange)
            self.pending.append(asyncio.create_task(self.ask(exchange)))

    async def ask(self, exchange: Exchange) -> None:
        """Sends one request and notes what became of it."""
        exchange.started = time.time()
        began = time.monotonic()
        try:
            await asyncio.wait_for(self._converse(exchange), PATIENCE)
        except TimeoutError:
            exchange.failure = f"no answer in {PATIENCE:.0f} s"
        except (OSError, EOFError, ValueError) as error:
            exchange.failure = exchange.failure or describe(error)
        exchange.seconds = exchange.seconds or time.monotonic() - began

    async def _converse(self, exchange: Exchange) -> None:
        reader, writer = await self._connection(exchange)
        keeps, began = False, time.monotonic()
        try:
            writer.write(self._request(exchange))
            status, fields = await read_head(reader)
            exchange.status = status
            if exchange.is_slow_reader:
                # What follows takes as long as the reader wants.
                exchange.seconds = time.monotonic() - began
                body = await sip(reader, int(fields.get("content-length", 0)))
            else:
                body = await read_body(reader, fields)
            exchange.replica = fields.get("x-replica", "")
            exchange.failure = self._judge(exchange, status, fields, body)
            keeps = not exchange.closes and fields.get("connection", "").lower() != "close"
        finally:
            if keeps:
                self.idle.append((reader, writer))
            else:
                writer.close()

    async def _connection(self, exchange: Exchange):
        while self.idle and not exchange.closes:
            reader, writer = self.idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        if exchange.is_slow_reader:
            return await open_slowly(self.address)
        return await asyncio.open_connection(*self.address)

    def _request(self, exchange: Exchange) -> bytes:
        body = exchange.order.encode()
        lines = [f"{exchange.method} {exchange.path} HTTP/1.1", "Host: site.test",
                 f"X-Expected-Service: {self.service}"]
        if exchange.method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        if exchange.closes:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _judge(self, exchange: Exchange, status: int, fields: dict[str, str], body: bytes) -> str:
        if status != 200:
            return f"{status} {fields.get('proxy-status', '')}".strip()
        if fields.get("x-service") != self.service:
            return f"{MISDIRECTED} {fields.get('x-service')}"
        if exchange.order and body != exchange.order.encode() + b"\n":
            return "another order's answer"
        if exchange.path.startswith("/big") and body != BIG_BODY:
            return f"wrong body of {len(body)} bytes"
        return ""


def describe(error: BaseException) -> str:
    match error:
        case asyncio.IncompleteReadError(partial=b""):
            return "closed without an answer"
        case asyncio.IncompleteReadError():
            return "answer cut short"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError():
            return "connection reset"
        case _:
            return f"{type(error).__name__}: {error}"


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines if line)
    return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in fields}


async def read_body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    if fields.get("transfer-encoding") != "chunked":
        return await reader.read()
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


async def open_slowly(address: tuple[str, int]):
    """A connection that takes little from the other side before it is read."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SIP)
    small.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small, address)
    return await asyncio.open_connection(sock=small, limit=SIP // 2)


async def sip(reader: asyncio.StreamReader, size: int) -> bytes:
    body = b""
    while len(body) < size:
        body += await reader.readexactly(min(SIP, size - len(body)))
        await asyncio.sleep(PAUSE)
    return body


@dataclass
class Count:
    """The figures of one method."""

    sent: int = 0
    failures: list[Exchange] = field(default_factory=list)
    slowest: float = 0.0

    def reasons(self) -> Counter[str]:
        return Counter(exchange.failure for exchange in self.failures)


def count(exchanges: list[Exchange], method: str) -> Count:
    chosen = [exchange for exchange in exchanges if exchange.method == method]
    return Count(len(chosen), [exchange for exchange in chosen if exchange.failure],
                 max((exchange.seconds for exchange in chosen), default=0.0))
