"""What weir and its replicas agree on by ALPN, where no protocol is configured."""

import asyncio
import socket
import subprocess

import origins
from bed import Bed
from clients import SECURED
from lab.certificates import server_context
from lab.report import Cases, Finding
from matrix import ask

cases = Cases()


@cases.case("replicas of one pool choose their protocols by ALPN, each for itself")
async def mixed(bed) -> Finding:
    finding = Finding()
    # A weir of its own knows nothing of them: all wait for the same handshakes.
    async with Bed(bed.folder / "mixed") as own:
        ends = [own.origins[name].ends for name in ("https1", "https2")]

        await asyncio.gather(*(post(own, "mixed", number, finding) for number in range(40)))
        await asyncio.gather(*(post(own, "mixed", number, finding) for number in range(20)))
        finding.expect([len(each) for each in ends] == [30, 30], f"{[len(e) for e in ends]}")
        finding.expect(set(ends[0] + ends[1]) == {"whole"}, f"{ends}")
        carriers = len(own.origins["https2"].connections)
        finding.expect(carriers == 1, f"{carriers} connections of HTTP/2")
        for name in ("https1", "https2"):
            await own.settle(finding, own.origins[name])
    return finding


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@cases.case("a WebSocket goes by HTTP/1.1 to a replica whose streams cannot become tunnels")
async def upgraded(bed) -> Finding:
    finding = Finding()
    origin = bed.origins["either"]
    origin.agreed.clear()
    for kind in SECURED.values():
        async with kind(bed.ports["either"]) as client:
            answer = await ask(bed, client, "GET", "/echo")
            finding.expect(answer.status == 200, f"{answer.status}")
        async with kind(bed.ports["either"]) as client:
            await client.begin("GET", "/tunnel", [("sec-websocket-version", "13")], True)
            answer = await client.head()
            await client.send(b"\x82\x03abc")
            part = await client.part(answer)
            finding.expect(part == b"\x82\x03abc", f"{answer.status} {part!r}")
    finding.expect(origin.agreed == ["h2", "http/1.1", "http/1.1"], f"{origin.agreed}")
    await bed.settle(finding, origin)
    return finding


@cases.case("the replica of a TCP listener is offered nothing")
async def raw(bed) -> Finding:
    finding = Finding()
    origin = bed.origins["either"]
    origin.agreed.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", bed.ports["raw"])
    writer.write(b"GET /early HTTP/1.1\r\nHost: a\r\n\r\n")
    said = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    finding.expect(said.endswith(b"early"), f"{said!r}")
    finding.expect(origin.agreed == [None], f"{origin.agreed}")
    return finding


async def post(bed, name: str, number: int, finding: Finding) -> None:
    async with SECURED["http1" if number % 2 else "http2"](bed.ports[name]) as client:
        body = b"%d" % number * 1_000
        answer = await ask(bed, client, "POST", "/echo", body)
        finding.expect(answer.body == body, f"{number}: {answer.status} {answer.fields}")


@cases.case("a replica that comes back with another protocol is followed")
async def changed(bed) -> Finding:
    finding = Finding()
    port = free_port()
    async with Bed(bed.folder / "changed", more={"it": f'"127.0.0.1:{port}"'}) as own:
        for protocol, offered in (("http1", "http/1.1"), ("http2", "h2"), ("http1", "http/1.1")):
            tls = server_context(*own.certificate, offered)
            origin, server = await origins.start(protocol, tls, port)
            await asyncio.gather(*(post(own, "it", number, finding) for number in range(20)))
            finding.expect(origin.ends == ["whole"] * 20, f"{protocol}: {origin.ends}")
            server.close()
            for connection in origin.connections:
                getattr(connection, "transport", connection).close()
            await own.settle(finding, origin)
    return finding


@cases.case("those who wait for a handshake that fails go elsewhere, POST as well")
async def failing(bed) -> Finding:
    finding = Finding()

    async def hang_up(reader, writer) -> None:
        await reader.read(100)
        writer.close()
    broken = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = broken.sockets[0].getsockname()[1]
    fine = free_port()
    places = f'"127.0.0.1:{port}", "127.0.0.1:{fine}"'
    async with Bed(bed.folder / "failing", more={"two": places}) as own:
        tls = server_context(*own.certificate, "h2")
        origin, server = await origins.start("http2", tls, fine)
        await asyncio.gather(*(post(own, "two", number, finding) for number in range(40)))
        finding.expect(origin.ends == ["whole"] * 40, f"{origin.ends}")
        server.close()
        broken.close()
    return finding


@cases.case("a WebSocket for a replica of HTTP/2 alone is refused, and is no fault of the replica")
async def refused(bed) -> Finding:
    finding = Finding()
    port = free_port()
    async with Bed(bed.folder / "refused", more={"alone": f'"127.0.0.1:{port}"'}) as own:
        chain, key = own.certificate
        # Answers an offer that it does not like with an alert, as RFC 7301 has it.
        server = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-alpn", "h2", "-quiet",
             "-cert", str(chain), "-key", str(key)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await own.until(lambda: accepts(port), "openssl listens")
            for _ in range(3):
                async with SECURED["http1"](own.ports["alone"]) as client:
                    await client.begin("GET", "/tunnel", [("sec-websocket-version", "13")], True)
                    answer = await client.head()
                    # One that is avoided would be waited for, and be 503.
                    said = answer.fields.get("proxy-status", "")
                    finding.expect(answer.status == 502 and "upgrade_refused" in said,
                                   f"{answer.status} {said}")
        finally:
            server.kill()
            server.wait()
    return finding


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
