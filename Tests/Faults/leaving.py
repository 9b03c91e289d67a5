"""Clients that go at each phase of a request, by a reset or without a word, and tunnels whose ends
do. Of a client that has gone nobody sees an answer: the access log says what became of it."""

import asyncio
from collections.abc import Callable

import wires
from figures import until
from lab.report import Cases, Finding
from lane import KEPT, SLACK, TIME_OUT, Lane
from replicas import OK, Script, ordinary, saying, stay
from wires import HEADERS, SETTINGS, begin_session, frame, reset, stream_head

cases = Cases()

HEAD = wires.request("GET", "/get/gone")
POST_HEAD = b"POST /post/gone HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n"
# More than all queues on the way take.
ENDLESS = 40_000_000
BIG = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % ENDLESS

Going = Callable[[Lane, wires.Streams], None]


def by_reset(lane: Lane, client: wires.Streams) -> None:
    reset(client[1])


def by_fin(lane: Lane, client: wires.Streams) -> None:
    client[1].write_eof()


def by_silence(lane: Lane, client: wires.Streams) -> None:
    lane.silence(lane.client)


def by_staying(lane: Lane, client: wires.Streams) -> None:
    """It is there, and says nothing more."""


async def flooding(replica, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As much as anybody takes."""
    await replica.take(reader)
    writer.write(BIG)
    for _ in range(ENDLESS // 100_000):
        writer.write(bytes(100_000))
        await writer.drain()
    await stay(reader)


async def until_gone(lane: Lane) -> None:
    async def is_gone() -> bool:
        return (await lane.weir.metrics())["weir_worker_client_connections"] == 0
    await until(is_gone, "weir has closed the client's connection")


def leave(name: str, sent: bytes, going: Going, expected: str, seconds: float = 0.0,
          script: Script | None = None, arrives: int = 0, begins: bool = False,
          secure: bool = False) -> None:
    """A case: a client sends something, goes in some way, and the log says so. `expected` is a
    status and a reason; nothing: no line. `arrives`: it goes when so many heads are with the
    replica; `begins`: when it has part of an answer. `seconds` are those after which its connection
    is closed."""
    @cases.case(name)
    async def body(lane: Lane) -> Finding:
        finding = Finding()
        await lane.begin(script or saying(b""))
        client = await lane.connect(lane.secure if secure else lane.outer)
        client[1].write(sent)
        await arrive(lane, client, arrives, begins)
        began = asyncio.get_running_loop().time()
        going(lane, client)
        await until_gone(lane)
        taken = asyncio.get_running_loop().time() - began
        client[1].transport.abort()
        finding.expect(seconds * 0.5 <= taken <= seconds + SLACK,
                       f"closed after {taken:.2f} s, documented are {seconds:g}")
        lines = max(1, arrives) if expected else 0
        records = await lane.record(number=lines)
        found = [f"{line['status']} {line.get('reason', '')}".strip() for line in records]
        finding.expect(found == [expected] * lines, f"{found}: {records}")
        finding.row |= {"client": found[0] if found else "no line", "slowest": f"{taken:.1f} s"}
        await lane.heal(finding)
        return finding


async def arrive(lane: Lane, client: wires.Streams, heads: int, begins: bool) -> None:
    """What was sent is with weir, or with the replica, or on its way back."""
    if begins:
        await client[0].readexactly(100)
    elif heads:
        await until(lambda: lane.faulty.arrived >= heads, "the replica has the request")
    else:
        async def is_seen() -> bool:
            metrics = await lane.weir.metrics()
            return metrics["weir_worker_client_connections"] == 1 and \
                client[1].transport.get_write_buffer_size() == 0
        await until(is_seen, "weir has accepted")


async def answering_late(replica, reader: asyncio.StreamReader,
                         writer: asyncio.StreamWriter) -> None:
    """To a client that has gone meanwhile; nobody has told the replica."""
    await replica.take(reader)
    await asyncio.sleep(0.5)
    writer.write(OK)
    await stay(reader)


CLOSED, IDLE = "499 client_closed", TIME_OUT
PART = HEAD[:20]
leave("RST before a byte", b"", by_reset, "")
leave("RST in the middle of its head", PART, by_reset, "")
leave("FIN in the middle of its head", PART, by_fin, "")
leave("it vanishes in the middle of its head", PART, by_silence, "408 request_timeout", IDLE)
leave("half a head, and nothing more", PART, by_staying, "408 request_timeout", IDLE)
leave("RST in the middle of its body", POST_HEAD + b"half", by_reset, CLOSED)
leave("FIN in the middle of its body", POST_HEAD + b"half", by_fin, CLOSED)
leave("it vanishes in the middle of its body", POST_HEAD + b"half", by_silence,
      "408 request_timeout", IDLE)
leave("RST before the answer", HEAD, by_reset, CLOSED, arrives=1)
leave("FIN before the answer", HEAD, by_fin, CLOSED, arrives=1)
# Its answer goes out as to anybody; that it never asks again ends it.
leave("it vanishes before the answer", HEAD, by_silence, "200", KEPT, answering_late, arrives=1)
leave("it vanishes between two requests", HEAD, by_silence, "200", KEPT, ordinary, arrives=1)
leave("RST in the middle of its answer", HEAD, by_reset, "200 client_closed", script=flooding,
      begins=True)
leave("it vanishes in the middle of its answer", HEAD, by_silence, "200 client_timeout", IDLE,
      flooding, begins=True)
leave("it reads nothing more of its answer", HEAD, by_staying, "200 client_timeout", IDLE,
      flooding, begins=True)
leave("half a handshake of TLS, and nothing more", b"\x16\x03\x01\x02\x00\x01", by_staying, "",
      IDLE, secure=True)

SESSION = wires.PREFACE + frame(SETTINGS)
THREE = b"".join(stream_head(stream, "/h2/gone") for stream in (1, 3, 5))
leave("HTTP/2: half a preface, and nothing more", SESSION[:12], by_staying, "408 request_timeout",
      IDLE)
leave("HTTP/2: half a HEADERS frame, and nothing more", SESSION + stream_head(1, "/h2/gone")[:20],
      by_staying, "", IDLE)
leave("HTTP/2: RST before three answers", SESSION + THREE, by_reset, CLOSED, arrives=3)
leave("HTTP/2: it vanishes in the middle of its answer", SESSION + stream_head(1, "/h2/gone"),
      by_silence, "200 client_timeout", IDLE, flooding, begins=True)


@cases.case("HTTP/2: RST_STREAM before the answer")
async def reset_stream(lane: Lane) -> Finding:
    finding = Finding()
    await lane.begin(saying(b""))
    reader, writer = await begin_session(lane.outer)
    writer.write(stream_head(1, "/h2/gone"))
    await until(lambda: lane.faulty.arrived == 1, "the replica has the request")
    writer.write(frame(wires.RST_STREAM, 0, 1, (8).to_bytes(4, "big")))
    line = (await lane.record("/h2/gone"))[0]
    finding.row["client"] = f"{line['status']} {line.get('reason')}"
    finding.expect(finding.row["client"] == CLOSED, f"{line}")
    # The others of its connection do not notice.
    writer.write(stream_head(3, "/plain/same"))
    while (await wires.read_frame(reader))[0] != HEADERS:
        pass
    writer.close()
    await lane.heal(finding)
    return finding


# Tunnels

async def echoing(replica, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)


def tunnel(name: str, act: Callable[[Lane, wires.Streams], None], expected: str,
           seconds: float = 0.0) -> None:
    @cases.case(f"tunnel: {name}")
    async def body(lane: Lane) -> Finding:
        finding = Finding()
        await lane.begin(echoing)
        client = await asyncio.open_connection(*lane.raw)
        client[1].write(b"hello")
        finding.expect(await client[0].readexactly(5) == b"hello", "nothing comes back")
        began = asyncio.get_running_loop().time()
        act(lane, client)
        line = (await lane.record())[0]
        taken = asyncio.get_running_loop().time() - began
        found = f"{line['status']} {line.get('reason', '')}".strip()
        finding.expect(found == expected, f"{found}, not {expected}: {line}")
        finding.expect(seconds * 0.8 <= taken <= seconds + SLACK, f"took {taken:.1f} s")
        finding.row |= {"client": found, "slowest": f"{taken:.1f} s"}
        client[1].transport.abort()
        await lane.heal(finding)
        return finding


def reset_replica(lane: Lane, client: wires.Streams) -> None:
    for writer in list(lane.faulty.open):
        reset(writer)


tunnel("RST by the replica", reset_replica, "502 upstream_closed_mid_response")
tunnel("RST by the client", by_reset, CLOSED)
tunnel("the replica vanishes", lambda lane, client: lane.silence(lane.faulty_address), "0",
       TIME_OUT)
