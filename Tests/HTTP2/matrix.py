"""What passes through weir, for each protocol of the client and each of the replica."""

import asyncio
import os

from clients import KINDS, SECURED, Answer
from lab.report import Cases, Finding
from links import Reset
from origins import PATTERN

cases = Cases()
LARGE = 10_000_000


async def read(client, answer: Answer) -> None:
    while part := await client.part(answer):
        answer.body += part


async def ask(bed, client, method: str, path: str, body: bytes = b"", fields: list = (),
              trailers: list | None = None) -> Answer:
    """A whole exchange: the body goes out while the answer comes in."""
    has_body = bool(body) or trailers is not None
    await client.begin(method, path, list(fields), has_body)

    async def send() -> None:
        if not has_body:
            return
        for start in range(0, len(body), 100_000):
            await client.send(body[start:start + 100_000])
        await client.end(trailers)
    sending = asyncio.create_task(send())
    answer = await client.head()
    await read(client, answer)
    await sending
    return answer


def each(name: str, *ways: str):
    """Registers a case for each pair of protocols, without TLS on either side and with it on
    both, or one of these."""
    def register(body):
        for way in ways or ("plain", "TLS"):
            for front in KINDS:
                for back in ("http1", "http2"):
                    add(name, body, way, front, back)
        return body
    return register


def add(name: str, body, way: str, front: str, back: str) -> None:
    clients, place, by = KINDS, back, ""
    if way == "TLS":
        clients, place, by = SECURED, back.replace("http", "https"), " by TLS"

    async def run(bed) -> Finding:
        finding = Finding()
        bed.origins[place].ends.clear()
        async with clients[front](bed.ports[place]) as client:
            await asyncio.wait_for(body(bed, client, bed.origins[place], finding), 60)
        await bed.settle(finding, bed.origins[place])
        return finding
    cases.case(f"{front} to {back}{by}: {name}")(run)


@each("a small request and its answer")
async def small(bed, client, origin, finding):
    answer = await ask(bed, client, "GET", "/echo")
    finding.expect(answer.status == 200 and not answer.body, f"{answer.status} {answer.body!r}")


@each("a POST with a length", "plain")
async def post(bed, client, origin, finding):
    answer = await ask(bed, client, "POST", "/echo", b"abc", [("content-length", "3")])
    finding.expect(answer.body == b"abc", f"{answer.body!r}")
    finding.expect(answer.fields.get("content-length") == "3", f"{answer.fields}")


@each("10 MB both ways at once, byte for byte, of known and unknown length")
async def large(bed, client, origin, finding):
    for fields in ([], [("content-length", str(LARGE))]):
        body = os.urandom(LARGE)
        # An answer that begins before its request has ended ends a connection of HTTP/1.1.
        async with type(client)(client.port) as fresh:
            answer = await ask(bed, fresh, "POST", "/echo", body, fields)
        finding.expect(bytes(answer.body) == body, f"{len(answer.body)} bytes, or others")


@each("trailers both ways")
async def trailers(bed, client, origin, finding):
    answer = await ask(bed, client, "POST", "/trailers", b"abc", [("te", "trailers")],
                       [("x-sum", "42")])
    finding.expect(answer.body == b"abc", f"{answer.body!r}")
    finding.expect(answer.trailers == {"x-came": "x-sum=42", "grpc-status": "0"},
                   f"{answer.trailers}")


@each("103, and 100 for who expects it", "plain")
async def interim(bed, client, origin, finding):
    await client.begin("POST", "/interim", [("expect", "100-continue")], True)
    answer = Answer()
    sending = asyncio.create_task(client.send(b"abc"))
    await sending
    await client.end()
    answer = await client.head()
    await read(client, answer)
    finding.expect(answer.interim == [103, 100], f"{answer.interim}")
    finding.expect(answer.body == b"abc", f"{answer.body!r}")


async def open_tunnel(client, finding) -> tuple[Answer, bytes, asyncio.Task]:
    """The answer, and the bytes that are being sent: a frame of a WebSocket, binary, with a 64-bit
    length and no mask."""
    await client.begin("GET", "/tunnel", [("sec-websocket-version", "13")], True)
    answer = await client.head()
    finding.expect(answer.status in (101, 200), f"{answer.status}")
    body = b"\x82\x7f" + LARGE.to_bytes(8, "big") + os.urandom(LARGE)

    async def send() -> None:
        for start in range(0, len(body), 100_000):
            await client.send(body[start:start + 100_000])
    return answer, body, asyncio.create_task(send())


@each("a tunnel by upgrade, and its end in both directions", "plain")
async def upgrade(bed, client, origin, finding):
    answer, body, sending = await open_tunnel(client, finding)
    ending = asyncio.create_task(end_after(sending, client))
    await read(client, answer)
    await ending
    finding.expect(bytes(answer.body) == body, f"{len(answer.body)} of {len(body)} bytes")


async def end_after(sending: asyncio.Task, client) -> None:
    await sending
    await client.end()


@each("a tunnel by upgrade", "TLS")
async def secured_upgrade(bed, client, origin, finding):
    # From then on weir knows whether the replica changes the protocol of streams.
    async with type(client)(client.port) as first:
        await ask(bed, first, "GET", "/echo")
    answer, body, sending = await open_tunnel(client, finding)
    # asyncio knows no half of a connection of TLS: who has all of it leaves.
    while len(answer.body) < len(body) and (part := await client.part(answer)):
        answer.body += part
    await sending
    finding.expect(bytes(answer.body) == body, f"{len(answer.body)} of {len(body)} bytes")


@each("an answer before the end of the request")
async def early(bed, client, origin, finding):
    await client.begin("POST", "/early", [], True)
    await client.send(b"abc")
    answer = await client.head()
    await read(client, answer)
    finding.expect(answer.status == 403 and answer.body == b"early",
                   f"{answer.status} {answer.body!r}")


@each("a client that leaves in the middle of the answer")
async def client_leaves(bed, client, origin, finding):
    await client.begin("GET", "/endless", [], False)
    answer = await client.head()
    await client.part(answer)
    await client.abort()
    await bed.until(lambda: origin.ends == ["broken"], "the replica is told")


@each("a client that leaves in the middle of its request", "plain")
async def client_breaks_off(bed, client, origin, finding):
    await client.begin("POST", "/echo", [("content-length", "1000000")], True)
    await client.send(PATTERN)
    await client.head()
    await client.abort()
    await bed.until(lambda: origin.ends == ["broken"], "the replica is told")


@each("a replica that breaks off is never a clean end")
async def replica_leaves(bed, client, origin, finding):
    for path in ("/abort", "/unknown-abort"):
        async with type(client)(client.port) as fresh:
            await fresh.begin("GET", path, [], False)
            answer = await fresh.head()
            try:
                await read(fresh, answer)
                finding.expect(False, f"{path}: a clean end after {len(answer.body)} bytes")
            except Reset:
                pass
