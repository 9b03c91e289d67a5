"""Flask on gunicorn in three processes, with Redis and PostgreSQL behind the balancer too."""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from lab.machine import BUILD, run
from lab.report import Cases, Finding
from lab.traffic import describe, read_body, read_head

import servers
from front import Front

cases = Cases()

REQUESTS = 10_000
AT_ONCE = 64


def environment() -> Path:
    """A virtual environment with the application's packages; the path of its programs."""
    folder = BUILD / "applications" / "venv"
    wanted = Path(__file__).parent / "requirements.txt"
    if not (folder / "complete").exists() or \
            (folder / "complete").read_text() != wanted.read_text():
        run(sys.executable, "-m", "venv", "--clear", str(folder))
        run(str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check",
            "--requirement", str(wanted))
        (folder / "complete").write_text(wanted.read_text())
    return folder / "bin"


@dataclass
class Visitors:
    """Asks each visit once, many at a time, and counts what failed."""

    port: int
    failures: list[str] = field(default_factory=list)
    replicas: Counter[str] = field(default_factory=Counter)
    remaining: list[int] = field(default_factory=lambda: list(range(REQUESTS)))

    async def all(self) -> None:
        await asyncio.gather(*(self._visit_in_turn() for _ in range(AT_ONCE)))

    async def _visit_in_turn(self) -> None:
        connection = None
        while self.remaining:
            visit = self.remaining.pop()
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
                is_open = await asyncio.wait_for(self._visit(visit, *connection), 25)
            except (OSError, EOFError, ValueError) as error:
                self.failures.append(f"{visit}: {describe(error)}")
                is_open = False
            if not is_open and connection:
                connection[1].close()
                connection = None
        if connection:
            connection[1].close()

    async def _visit(self, visit: int, reader: asyncio.StreamReader,
                     writer: asyncio.StreamWriter) -> bool:
        closes = visit % 10 == 0
        writer.write(f"GET /hit/{visit} HTTP/1.1\r\nHost: hits.test\r\n"
                     f"Connection: {'close' if closes else 'keep-alive'}\r\n\r\n".encode())
        status, fields = await read_head(reader)
        body = await read_body(reader, fields)
        if status == 200:
            self.replicas[body.decode().split('"replica":"')[1].split('"')[0]] += 1
        else:
            reason = fields.get("proxy-status", body[:80].decode(errors="replace"))
            self.failures.append(f"{visit}: {status} {reason}")
        return not closes and fields.get("connection", "").lower() != "close"


async def restart_one_by_one(replicas: servers.Replicas, visitors: Visitors) -> int:
    """Goes round until the visitors are done; how many times a replica was started anew."""
    times = 0
    while visitors.remaining:
        server = replicas.servers[times % len(replicas.servers)]
        await asyncio.sleep(1)
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.__enter__)
        times += 1
    return times


@cases.case("the counter is exact after 10,000 requests while replicas restart one by one")
async def exact(kind: str, folder: Path) -> Finding:
    programs = await asyncio.to_thread(environment)
    with servers.redis(folder) as redis, servers.postgres(folder) as postgres, \
            Front(kind, folder, tcp={"redis": [redis.port], "postgres": [postgres.port]}) as stores:
        database = f"postgresql://weir@127.0.0.1:{stores.ports['postgres']}/postgres"
        query(postgres.port, "create table visits (visit text)")
        with servers.Replicas(folder, programs / "gunicorn", stores.ports["redis"],
                              database) as replicas, \
                Front(kind, web_folder(folder), http={"web": replicas.ports}) as front:
            visitors = Visitors(front.ports["web"])
            began = time.monotonic()
            _, restarts = await asyncio.gather(
                visitors.all(), restart_one_by_one(replicas, visitors))
            seconds = time.monotonic() - began
        hits = run("redis-cli", "-p", str(redis.port), "get", "hits").strip()
        rows = query(postgres.port, "select count(*), count(distinct visit) from visits")
    finding = Finding()
    finding.notes = [f"{REQUESTS} requests in {seconds:.1f} s, {restarts} restarts,"
                     f" per replica {sorted(visitors.replicas.values())};"
                     f" hits {hits}, rows and distinct visits {rows}", *visitors.failures[:20]]
    finding.expect(not visitors.failures, f"{len(visitors.failures)} requests failed")
    finding.expect(restarts >= 3, f"each replica must restart during the run: {restarts} did")
    finding.expect(hits == str(REQUESTS), f"the counter should be {REQUESTS}, not {hits}")
    finding.expect(rows == f"{REQUESTS}|{REQUESTS}", f"one row for each visit expected: {rows}")
    return finding


def web_folder(folder: Path) -> Path:
    web = folder / "web"
    web.mkdir()
    return web


def query(port: int, text: str) -> str:
    psql = str(servers.postgres_programs() / "psql")
    return run(psql, "-h", "127.0.0.1", "-p", str(port), "-U", "weir", "-At", "-c", text,
               "postgres", stdin=subprocess.DEVNULL, env=dict(os.environ)).strip()
