"""Clients that mean no good: each ends, weir stays small, and others do not notice."""

import asyncio

import hpack
from clients import KINDS
from lab.report import Cases, Finding
from matrix import ask

cases = Cases()
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
BYTES_MAXIMUM = 64_000_000


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
            + payload)


def request(stream: int, path: str, flags: int) -> bytes:
    block = hpack.Encoder().encode([(":method", "GET"), (":scheme", "http"), (":path", path),
                                    (":authority", "test")])
    return frame(1, flags, stream, block)


def rapid_reset(number: int) -> bytes:
    stream = number * 2 + 1
    return request(stream, "/echo", 5) + frame(3, 0, stream, (8).to_bytes(4, "big"))


FLOODS = {
    "PING": lambda number: frame(6, payload=bytes(8)),
    "SETTINGS": lambda number: frame(4),
    "empty DATA": lambda number: (request(1, "/echo", 4) if number == 0 else b"") + frame(0, 0, 1),
    "rapid reset": rapid_reset,
    "CONTINUATION": lambda number: frame(1, 1, 1) if number == 0 else frame(9, 0, 1, b"\x00"),
    "WINDOW_UPDATE": lambda number: frame(8, 0, 0, (1).to_bytes(4, "big")),
    "frames of unknown types": lambda number: frame(77, payload=bytes(8)),
    "malformed requests": lambda number: frame(1, 5, number * 2 + 1, b"\x00\x01a\x01b"),
}


async def flood(port: int, piece) -> bytes:
    """Sends until the other side is gone; what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(PREFACE + frame(4))
    said = bytearray()

    async def listen() -> None:
        while part := await reader.read(65_536):
            said.extend(part)
    listening = asyncio.create_task(listen())
    try:
        for number in range(100_000):
            writer.write(piece(number))
            if number % 50 == 0:
                await writer.drain()
                await asyncio.sleep(0)
            if listening.done():
                break
        await asyncio.wait_for(listening, 10)
    except ConnectionError:
        await asyncio.gather(listening, return_exceptions=True)
    writer.close()
    return bytes(said)


def goaway(said: bytes) -> int | None:
    """The code of the last GOAWAY."""
    code, start = None, 0
    while start + 9 <= len(said):
        length = int.from_bytes(said[start:start + 3], "big")
        if said[start + 3] == 7:
            code = int.from_bytes(said[start + 13:start + 17], "big")
        start += 9 + length
    return code


def register(name: str, piece) -> None:
    @cases.case(f"a flood of {name} is ended, and others do not notice")
    async def run(bed) -> Finding:
        finding = Finding()
        before = bed.resident()
        flooding = asyncio.create_task(flood(bed.ports["http1"], piece))
        async with KINDS["http2"](bed.ports["http1"]) as other:
            for _ in range(20):
                answer = await ask(bed, other, "POST", "/echo", b"abc")
                finding.expect(answer.body == b"abc", f"another client got {answer.body!r}")
        said = await asyncio.wait_for(flooding, 60)
        finding.expect(goaway(said) == 11, f"GOAWAY with {goaway(said)}, not ENHANCE_YOUR_CALM")
        grown = bed.resident() - before
        finding.expect(grown < BYTES_MAXIMUM, f"{grown / 1e6:.0f} MB more than before")
        await bed.settle(finding, bed.origins["http1"])
        return finding


for name, piece in FLOODS.items():
    register(name, piece)


@cases.case("endless answers for clients that take a byte of each stay where they are")
async def no_credit(bed) -> Finding:
    finding = Finding()
    before = bed.resident()
    writers = []
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", bed.ports["http1"])
        # A window of one byte for each stream.
        writer.write(PREFACE + frame(4, payload=b"\x00\x04" + (1).to_bytes(4, "big")))
        for stream in range(1, 20, 2):
            writer.write(request(stream, "/endless", 5))
        writers.append(writer)
    await asyncio.sleep(1)
    async with KINDS["http2"](bed.ports["http1"]) as other:
        answer = await ask(bed, other, "POST", "/echo", b"abc")
        finding.expect(answer.body == b"abc", f"another client got {answer.body!r}")
    grown = bed.resident() - before
    finding.expect(grown < BYTES_MAXIMUM * 2, f"{grown / 1e6:.0f} MB more than before")
    for writer in writers:
        writer.transport.abort()
    await bed.settle(finding, bed.origins["http1"])
    return finding


@cases.case("1,000 streams of 10 clients at once, each its own bytes")
async def many(bed) -> Finding:
    finding = Finding()

    async def one(client, number: int) -> bool:
        stream = client.link.request(
            [(":method", "POST"), (":scheme", "http"), (":authority", "test"),
             (":path", "/echo")], False)
        body = number.to_bytes(4, "big") * 500
        await stream.send(body, True)
        came = b""
        while (event := await stream.next())[0] != "end":
            came += event[1] if event[0] == "data" else b""
        return came == body

    for back in ("http1", "http2"):
        clients = [await KINDS["http2"](bed.ports[back]).__aenter__() for _ in range(10)]
        good = await asyncio.gather(*(one(client, number) for client in clients
                                      for number in range(100)))
        finding.expect(all(good), f"{good.count(False)} of {len(good)} got other bytes")
        for client in clients:
            await client.__aexit__()
        await bed.settle(finding, bed.origins[back])
    return finding
