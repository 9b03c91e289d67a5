"""What a client gets for one request, over HTTP/1.1 or HTTP/2, down to how the bytes end."""

import asyncio
import re
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

PATIENCE = 25.0
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, ACK = 1, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET, POST, SCHEME_HTTP = b"\x82", b"\x83", b"\x86"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Outcome:
    """`end` is whole, cut (a part came, and then a reset or nothing more), or nothing."""

    end: str = "nothing"
    # Of HTTP/2 the access log knows the status.
    status: int = 0
    reason: str = ""
    body: bytes = b""
    seconds: float = 0.0


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with RST, whatever it has received."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def request(method: str, target: str, body: bytes = b"", more: str = "") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
    return f"{method} {target} HTTP/1.1\r\nHost: test\r\n{length}{more}\r\n".encode() + body


async def ask(address: tuple[str, int], method: str, target: str, body: bytes = b"",
              on_part: Callable[[], None] = lambda: None) -> Outcome:
    """One request of HTTP/1.1 on a connection of its own. `on_part` hears of the body's first
    byte."""
    found, began = Outcome(), time.monotonic()
    reader, writer = await asyncio.open_connection(*address)
    try:
        await asyncio.wait_for(_converse(reader, writer, request(method, target, body), found,
                                         on_part), PATIENCE)
    except (ConnectionError, asyncio.IncompleteReadError):
        found.end = "cut" if found.status else "nothing"
    finally:
        found.seconds = time.monotonic() - began
        writer.transport.abort()
    return found


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes,
                    found: Outcome, on_part: Callable[[], None]) -> None:
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    while head.startswith("HTTP/1.1 1"):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    found.status = int(head.split(" ")[1])
    if said := re.search(r'^proxy-status:.*details="([^"]*)"', head, re.I | re.M):
        found.reason = said[1]
    if length := re.search(r"^content-length: *(\d+)", head, re.I | re.M):
        await _take(reader, int(length[1]), found, on_part)
    else:
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await _take(reader, size, found, on_part)
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
    found.end = "whole"


async def _take(reader: asyncio.StreamReader, size: int, found: Outcome,
                on_part: Callable[[], None]) -> None:
    while size:
        part = await reader.read(min(size, 65_536))
        if not part:
            raise asyncio.IncompleteReadError(b"", size)
        if not found.body:
            on_part()
        found.body += part
        size -= len(part)


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
            + payload)


def stream_head(stream: int, target: str, method: bytes = GET, flags: int = 5) -> bytes:
    path = target.encode()
    block = method + SCHEME_HTTP + b"\x04" + bytes([len(path)]) + path + b"\x01\x04test"
    return frame(HEADERS, flags, stream, block)


async def begin_session(address: tuple[str, int]) -> Streams:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(PREFACE + frame(SETTINGS) + frame(SETTINGS, ACK))
    return reader, writer


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, int, int, bytes]:
    head = await reader.readexactly(9)
    payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
    return head[3], head[4], int.from_bytes(head[5:9], "big"), payload


async def ask_by_stream(address: tuple[str, int], target: str,
                        on_part: Callable[[], None] = lambda: None) -> Outcome:
    """The same over HTTP/2. Fields are not decoded: the access log has what they say."""
    found, began = Outcome(), time.monotonic()
    reader, writer = await begin_session(address)
    try:
        writer.write(stream_head(1, target))
        await asyncio.wait_for(_hear_stream(reader, found, on_part), PATIENCE)
    except (ConnectionError, asyncio.IncompleteReadError):
        found.end = "cut" if found.body else "nothing"
    finally:
        found.seconds = time.monotonic() - began
        writer.transport.abort()
    return found


async def _hear_stream(reader: asyncio.StreamReader, found: Outcome,
                       on_part: Callable[[], None]) -> None:
    while True:
        kind, flags, stream, payload = await read_frame(reader)
        if kind == DATA and stream == 1:
            if payload and not found.body:
                on_part()
            found.body += payload
        if kind in (DATA, HEADERS) and stream == 1 and flags & END_STREAM:
            found.end = "whole"
            return
        if kind == RST_STREAM and stream == 1:
            found.end = "cut"
            return
