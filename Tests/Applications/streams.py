"""Redis, PostgreSQL and half-closed connections through TCP listeners."""

import asyncio
import hashlib
import re
from pathlib import Path

from lab.machine import run
from lab.report import Cases, Finding

import servers
from front import Front

cases = Cases()

LARGE = 8 * 1024 * 1024


async def execute(*command: str) -> str:
    return await asyncio.to_thread(run, *command)


@cases.case("redis-benchmark and redis-cli through a tcp listener")
async def redis(kind: str, folder: Path) -> Finding:
    finding = Finding()
    with servers.redis(folder) as server, \
            Front(kind, folder, tcp={"redis": [server.port]}) as front:
        port = str(front.ports["redis"])
        said = await execute("redis-benchmark", "-h", "127.0.0.1", "-p", port, "-n", "10000",
                             "-c", "50", "-q", "-t", "ping_mbulk,set,get,lpush,lrange_100")
        said += await execute("redis-benchmark", "-h", "127.0.0.1", "-p", port, "-n", "10000",
                              "-c", "50", "-P", "16", "-d", "4096", "-q", "-t", "set,get")
        finding.notes = re.findall(r"([A-Z][^\r\n]*requests per second[^\r\n]*)", said)
        finding.expect(len(finding.notes) == 8, f"8 figures expected:\n{said}")
        finding.expect("rror" not in said, f"the benchmark met errors:\n{said}")
        counted = await count_up(port, 500)
        finding.expect(counted == "500", f"500 increments counted {counted}")
    return finding


async def count_up(port: str, times: int) -> str:
    await execute("redis-cli", "-p", port, "-r", str(times), "incr", "counter")
    return (await execute("redis-cli", "-p", port, "get", "counter")).strip()


@cases.case("pgbench and psql through a tcp listener")
async def postgres(kind: str, folder: Path) -> Finding:
    finding = Finding()
    with servers.postgres(folder) as server, \
            Front(kind, folder, tcp={"postgres": [server.port]}) as front:
        place = ["-h", "127.0.0.1", "-p", str(front.ports["postgres"]), "-U", "weir"]
        programs = servers.postgres_programs()
        pgbench, psql = str(programs / "pgbench"), str(programs / "psql")
        await execute(pgbench, *place, "-i", "-q", "-s", "2", "postgres")
        said = await execute(pgbench, *place, "-c", "8", "-j", "2", "-t", "250", "postgres")
        said_new = await execute(pgbench, *place, "-c", "4", "-C", "-S", "-n", "-t", "50", "postgres")
        finding.notes = [line for line in (said + said_new).splitlines() if "tps" in line]
        finding.expect("2000/2000" in said, f"2000 transactions expected:\n{said}")
        finding.expect("200/200" in said_new, f"200 connections expected:\n{said_new}")
        sums = "select (select sum(abalance) from pgbench_accounts) = sum(delta), count(*)" \
               " from pgbench_history"
        answer = (await execute(psql, *place, "-At", "-c", sums, "postgres")).strip()
        finding.expect(answer == "t|2000", f"the sums should agree over 2000 rows: {answer}")
    return finding


@cases.case("half-close passes in both directions")
async def half_close(kind: str, folder: Path) -> Finding:
    finding = Finding()
    server = await asyncio.start_server(digest_until_end, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    # Started in a thread: it waits for its port, and this loop must answer its probes.
    front = await asyncio.to_thread(Front(kind, folder, tcp={"digest": [port]}).__enter__)
    try:
        sent = bytes(range(256)) * (LARGE // 256)
        expected = hashlib.sha256(sent).hexdigest().encode()
        answers = await asyncio.gather(*(ask_digest(front.ports["digest"], sent) for _ in range(8)))
        for answer in answers:
            finding.expect(answer == expected, f"{expected!r} expected, not {answer!r}")
        early = await end_early(front.ports["digest"])
        finding.expect(early == b"bye|late words", f"after the server's end: {early!r}")
    finally:
        await asyncio.to_thread(front.__exit__)
        server.close()
    return finding


heard_late: asyncio.Queue[bytes] = asyncio.Queue()


async def digest_until_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers only once the client has ended its side; or, asked to, ends its own side first."""
    try:
        first = await reader.read(65536)
        if first.startswith(b"end early"):
            writer.write(b"bye")
            writer.write_eof()
            heard_late.put_nowait(await reader.read())
            return
        digest = hashlib.sha256(first)
        while received := await reader.read(65536):
            digest.update(received)
        writer.write(digest.hexdigest().encode() if first else b"")
        await writer.drain()
    except ConnectionError:
        heard_late.put_nowait(b"reset")
    finally:
        writer.close()


async def ask_digest(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer


async def end_early(port: int) -> bytes:
    """The server ends its side first; what the client says afterwards must still arrive."""
    while not heard_late.empty():
        heard_late.get_nowait()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"end early")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.write(b"late words")
    writer.write_eof()
    late = await asyncio.wait_for(heard_late.get(), 10)
    writer.close()
    return answer + b"|" + late
