"""How weir ends what it carries: on the way out, and when a replica is drained."""

import contextlib
import signal

from bed import Bed
from clients import KINDS
from lab.report import Cases, Finding
from links import Reset
from matrix import read

cases = Cases()


@cases.case("weir that is stopped says GOAWAY, serves what is on its way, and exits")
async def stopping(bed) -> Finding:
    finding = Finding()
    for back in ("http1", "http2"):
        async with Bed(bed.folder / f"stopping-{back}") as own:
            async with KINDS["http2"](own.ports[back]) as client:
                await client.begin("POST", "/echo", [], True)
                await client.send(b"before ")
                answer = await client.head()
                own.process.send_signal(signal.SIGTERM)
                await own.until(lambda: client.link.has_goaway, "GOAWAY")
                late = client.link.request(
                    [(":method", "GET"), (":scheme", "http"), (":authority", "test"),
                     (":path", "/echo")])
                status = dict((await late.next())[1])[":status"]
                finding.expect(status == "200", f"a request on its way got {status}")
                await client.send(b"after")
                await client.end()
                await read(client, answer)
                finding.expect(answer.body == b"before after", f"{answer.body!r}")
                await own.until(lambda: client.link.is_lost, "the connection ends")
            await own.until(lambda: own.process.poll() is not None, "weir exits")
            finding.expect(own.process.returncode == 0, f"exit code {own.process.returncode}")
    return finding


@cases.case("a WebSocket on any pair of protocols is told 1001 when its replica is drained")
async def drained(bed) -> Finding:
    finding = Finding()
    async with Bed(bed.folder / "drained", "drain: { tunnels: 1s, spread: 0s }") as own:
        clients = []
        for front in KINDS:
            for back in ("http1", "http2"):
                client = await KINDS[front](own.ports[back]).__aenter__()
                await client.begin("GET", "/tunnel", [("sec-websocket-version", "13")], True)
                answer = await client.head()
                await client.send(b"\x82\x03abc")
                part = await client.part(answer)
                finding.expect(part == b"\x82\x03abc", f"{front} to {back}: {part!r}")
                clients.append((f"{front} to {back}", client, answer))
        await own.drain()
        for name, client, answer in clients:
            part = await client.part(answer)
            finding.expect(part[:4] == b"\x88\x02\x03\xe9", f"{name}: {part!r} is no 1001")
            # Whoever answers late finds that it is over.
            with contextlib.suppress(Reset, ConnectionError, OSError):
                await client.send(b"\x88\x82\x00\x00\x00\x00\x03\xe9")
                await client.end()
                left = await client.part(answer)
                finding.expect(left == b"", f"{name}: {left!r} behind the close frame")
            await client.__aexit__()
        for origin in own.origins.values():
            await own.settle(finding, origin)
    return finding
