"""Mixed traffic over replicas that come, end and are killed, for as long as one likes: everything
is answered, and memory and descriptors stay where they are."""

import asyncio
import itertools
import os
import random
import re
import signal
import statistics
import subprocess
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from figures import Watched, until
from lab import report
from lab.images import build_replica
from lab.journal import Journal
from lab.mix import Mix
from lab.report import Case, Finding
from lab.traffic import Exchange
from servers import Server, free_port
from wires import begin_session, reset, stream_head

REPLICAS = 4
RATE = 100
# From one change of a replica to the next.
CHANGE = 1.5
# What a killed replica had in flight may fail so long after its end, and for these reasons.
AFTERMATH = 2.0
LOST = ("replica_lost", "upstream_closed_before_headers", "upstream_closed_mid_response")
# Memory and descriptors of the last third against the middle one: the first is for filling up.
MEMORY_SHARE, MEMORY_BYTES = 1.03, 3_000_000
DESCRIPTORS_SHARE, DESCRIPTORS = 1.15, 15

SETTINGS = """\
listeners:
  web: {{ bind: "127.0.0.1:{web}" }}
  echo: {{ bind: "127.0.0.1:{echo}", protocol: tcp, pool: echo }}
routes: [{{ pool: app }}]
pools:
  app:
    discover: [{web_places}]
    probe: {{ http: /healthz, interval: 250ms, rise: 1 }}
    drain: {{ tunnels: 1s, spread: 500ms }}
    ejection: off
  echo:
    discover: [{echo_places}]
    probe: {{ interval: 250ms, rise: 1 }}
    drain: {{ tunnels: 1s, spread: 500ms }}
    ejection: off
limits: {{ head_timeout: 2s, client_idle_timeout: 5s, keep_alive_timeout: 5s }}
"""


class Replicas:
    """Processes that end, are killed, or leave the configuration, one after the other."""

    def __init__(self, folder: Path, journal: Journal):
        self.folder, self.journal, self.program = folder, journal, build_replica()
        self.ports = [(free_port(), free_port()) for _ in range(REPLICAS)]
        self.servers = [self.start(number) for number in range(REPLICAS)]
        self.killed: list[float] = []
        self.changes: Counter[str] = Counter()

    def start(self, number: int) -> Server:
        web, echo = self.ports[number]
        environment = {**os.environ, "SERVICE": "app", "PORT": str(web), "ECHO_PORT": str(echo),
                       "JOURNAL": str(self.journal.folder), "ON_TERMINATE": "finish"}
        server = Server(self.folder, f"replica{number}", str(self.program), port=web,
                        env=environment)
        return server.__enter__()

    def stop(self) -> None:
        for server in self.servers:
            server.stop(signal.SIGKILL)

    async def end(self, number: int, how: signal.Signals) -> None:
        server = self.servers[number]
        if how == signal.SIGKILL:
            self.killed.append(time.time())
        await asyncio.to_thread(server.stop, how)
        self.servers[number] = await asyncio.to_thread(self.start, number)

    def places(self, without: int = -1) -> dict[str, str]:
        chosen = [ports for number, ports in enumerate(self.ports) if number != without]
        return {f"{name}_places": ", ".join(f'"127.0.0.1:{ports[which]}"' for ports in chosen)
                for which, name in enumerate(("web", "echo"))}


class Soak:
    def __init__(self, folder: Path, seconds: float):
        self.folder, self.seconds = folder, seconds
        self.held = ExitStack()
        self.memory: list[int] = []
        self.descriptors: list[int] = []
        self.streams: Counter[str] = Counter()
        self.aborted = 0

    async def run(self) -> Finding:
        finding = Finding()
        self.folder.mkdir(parents=True)
        with self.held:
            journal = Journal(self.folder / "journal")
            self.replicas = Replicas(self.folder, journal)
            self.held.callback(self.replicas.stop)
            self.ports = {"web": free_port(), "echo": free_port()}
            self.weir = self.held.enter_context(
                Watched(self.folder, self.settings(), self.ports["web"]))
            await until(self.is_ready, "all replicas are ready")
            baseline = self.weir.descriptors()
            mix = Mix(("127.0.0.1", self.ports["web"]), ("127.0.0.1", self.ports["echo"]), RATE)
            async with mix:
                parts = [asyncio.create_task(part()) for part in (
                    self.change, self.watch, self.abort, self.ask_by_streams)]
                done, _ = await asyncio.wait(parts, timeout=self.seconds,
                                             return_when=asyncio.FIRST_EXCEPTION)
                for part in parts:
                    part.cancel()
                for said in await asyncio.gather(*parts, return_exceptions=True):
                    finding.expect(isinstance(said, asyncio.CancelledError) or said is None,
                                   f"stopped early: {said!r}")
            self.judge_answers(finding, mix, journal)
            self.judge_figures(finding)
            left = await self.weir.settle(baseline, 30)
            finding.expect(not left, left)
            self.judge_log(finding)
        return finding

    def settings(self, without: int = -1) -> str:
        return SETTINGS.format(**self.ports, **self.replicas.places(without))

    async def is_ready(self) -> bool:
        return (await self.weir.metrics())["weir_pool_replicas_ready"] == 2 * REPLICAS

    # What goes on at the same time

    async def change(self) -> None:
        """One replica after the other: ended, killed, left out of the file for a while."""
        for number in itertools.count():
            await asyncio.sleep(CHANGE)
            replica, how = number % REPLICAS, ("end", "kill", "reload")[number % 3]
            self.replicas.changes[how] += 1
            match how:
                case "end": await self.replicas.end(replica, signal.SIGTERM)
                case "kill": await self.replicas.end(replica, signal.SIGKILL)
                case _:
                    self.reload(replica)
                    await asyncio.sleep(CHANGE / 2)
                    self.reload()
            await until(self.is_ready, f"all are ready again after {how}")

    def reload(self, without: int = -1) -> None:
        file = self.folder / "weir.yaml"
        former = file.read_text()
        head = former[:former.index("listeners:")]
        file.write_text(head + self.settings(without))
        self.weir.process.send_signal(signal.SIGHUP)

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            self.memory.append(self.weir.resident())
            self.descriptors.append(self.weir.descriptors())

    async def abort(self) -> None:
        """Clients that go at some moment, by RST, by HTTP/1.1 and HTTP/2."""
        address = ("127.0.0.1", self.ports["web"])
        chance = random.Random(1)
        texts = [b"", b"GET /big?id=a& HT", b"GET /big?id=a& HTTP/1.1\r\nHost: site.test\r\n\r\n",
                 b"GET /slow?ms=200 HTTP/1.1\r\nHost: site.test\r\n\r\n",
                 b"PUT /order HTTP/1.1\r\nHost: site.test\r\nContent-Length: 100\r\n\r\nhalf"]
        while True:
            if chance.random() < 0.3:
                _, writer = await begin_session(address)
                writer.write(b"".join(stream_head(stream, "/big") for stream in (1, 3, 5)))
            else:
                _, writer = await asyncio.open_connection(*address)
                writer.write(chance.choice(texts))
            await asyncio.sleep(chance.random() * 0.05)
            reset(writer)
            self.aborted += 1

    async def ask_by_streams(self) -> None:
        while True:
            running = await asyncio.create_subprocess_exec(
                "h2load", "-c4", "-m4", "-t1", "--rps=20", "-n160",
                f"http://127.0.0.1:{self.ports['web']}/", stdout=subprocess.PIPE)
            try:
                said = (await running.communicate())[0].decode()
            finally:
                if running.returncode is None:
                    running.kill()
            self.streams.update({name: int(count) for count, name in
                                 re.findall(r"(\d+) (succeeded|failed|errored|timeout)", said)})
            self.streams.update({name: int(count) for count, name in
                                 re.findall(r"(\d+) ([345]xx)", said)})

    # What must hold

    def judge_answers(self, finding: Finding, mix: Mix, journal: Journal) -> None:
        exchanges = mix.traffic.exchanges
        wrong = [each for each in exchanges if each.failure and not self.is_excused(each)]
        for each in wrong[:10]:
            finding.expect(False, f"{each.method} {each.path}: {each.failure}")
        excused = sum(bool(each.failure) for each in exchanges) - len(wrong)
        orders = journal.orders()
        twice = [order for order, times in orders.items() if times > 1]
        finding.expect(not twice, f"executed twice: {twice[:5]}")
        missing = [each.order for each in exchanges
                   if each.order and each.status == 200 and each.order not in orders]
        finding.expect(not missing, f"answered and not executed: {missing[:5]}")
        bad = {name: count for name, count in self.streams.items()
               if name != "succeeded" and count}
        finding.expect(not bad and self.streams["succeeded"] > 0, f"HTTP/2: {self.streams}")
        echoes = sum(each.echoes for each in mix.tunnels)
        opened = sum(each.opened for each in mix.tunnels)
        finding.expect(echoes > 0, "no tunnel has said anything")
        torn = Counter(end.reason for each in mix.tunnels for end in each.ends
                       if "something" in end.reason)
        finding.expect(not torn, f"tunnels: {torn}")
        changes = ", ".join(f"{count} × {how}" for how, count in self.replicas.changes.items())
        finding.notes += [
            f"{len(exchanges)} requests of HTTP/1.1, {self.streams['succeeded']} of HTTP/2,"
            f" {self.aborted} clients that went; {opened} tunnels with {echoes} messages",
            f"{changes}; {excused} requests were with a replica when it was killed"]
        finding.expect(bool(exchanges) and self.aborted > 0, "nothing went on")

    def is_excused(self, each: Exchange) -> bool:
        """It was in flight on a replica that was killed, and could not be sent again or had begun
        to be answered."""
        end = each.started + each.seconds
        is_near = any(each.started <= killed + AFTERMATH and killed - 0.5 <= end
                      for killed in self.replicas.killed)
        is_lost = any(reason in each.failure for reason in LOST) and each.method == "POST"
        is_cut = each.path.startswith("/big") and each.status == 200
        return is_near and (is_lost or is_cut)

    def judge_figures(self, finding: Finding) -> None:
        def third(samples: list[int], which: int) -> float:
            size = len(samples) // 3
            return statistics.median(samples[which * size:(which + 1) * size])
        middle, last = third(self.memory, 1), third(self.memory, 2)
        finding.expect(last <= middle * MEMORY_SHARE + MEMORY_BYTES,
                       f"memory rises: {middle / 1e6:.1f}, then {last / 1e6:.1f} MB")
        open_middle, open_last = third(self.descriptors, 1), third(self.descriptors, 2)
        finding.expect(open_last <= open_middle * DESCRIPTORS_SHARE + DESCRIPTORS,
                       f"descriptors rise: {open_middle:.0f}, then {open_last:.0f}")
        finding.notes.append(
            f"memory {third(self.memory, 0) / 1e6:.1f}, {middle / 1e6:.1f}, {last / 1e6:.1f} MB,"
            f" descriptors {third(self.descriptors, 0):.0f}, {open_middle:.0f}, {open_last:.0f}:"
            " medians of the thirds")

    def judge_log(self, finding: Finding) -> None:
        reasons = Counter(line["reason"] for line in self.weir.lines() if "reason" in line)
        known = {*LOST, "client_closed", "request_timeout", "drained"}
        finding.expect(not set(reasons) - known, f"reasons in the access log: {reasons}")
        finding.notes.append(f"reasons: {dict(reasons)}")


async def run(only: str, folder: Path, seconds: float) -> list[tuple[Case, Finding]]:
    name = f"soak: {seconds:g} s of mixed traffic with churn"

    async def body() -> Finding:
        return await Soak(folder / "soak", seconds).run()
    return await report.run_cases([Case(name, body)]) if only in name else []
