"""Slow attacks as slowhttptest makes them, and floods, while wrk sends ordinary requests.

weir and the ordinary replica have one processor, wrk and everybody else the other. The attackers
are processes of the lowest priority there, so that they get what wrk leaves, and wrk's rate is
bounded by the processor of weir: what the attackers take of the other one costs it nothing. That
there was something left over is printed beside the rate.
"""

import asyncio
import json
import os
import random
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from figures import Watched, processor_seconds, until
from lab import report
from lab.report import Case, Cases, Finding
from servers import Server, free_port

cases = Cases()

CONNECTIONS, FLOOD, FLOOD_MAXIMUM = 4_000, 9_000, 8_192
# Documented times of the settings below, and how much later a crowded machine may be.
HEAD_TIME, RATE_TIME, IDLE_TIME = 4.0, 3.0, 4.0
SLACK = 8.0
WINDOW = 0.4
SHARE = 0.9
ATTACKER = "127.0.0.66"

NGINX = """\
daemon off; user root; worker_processes 1; pid nginx.pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello, world\\n"; }} }}
}}
"""
SETTINGS = """\
listeners: {{ web: {{ bind: "127.0.0.1:{web}" }} }}
routes:
  - {{ pool: ordinary }}
  - {{ path: /slow, pool: attacked }}
pools:
  ordinary: {{ discover: ["127.0.0.1:{ordinary}"] }}
  attacked: {{ discover: ["127.0.0.1:{attacked}"], probe: off, timeouts: {{ connect: 5s }} }}
limits: {{ head_timeout: 4s, client_idle_timeout: 4s, keep_alive_timeout: 4s, rate_window: 3s }}
"""
NORMAL = 'weir_pool_requests_received_total{pool="ordinary"}'


def processors() -> tuple[set[int], set[int], set[int]]:
    """For weir and its replica, for wrk and this process, for the attackers."""
    there = sorted(os.sched_getaffinity(0))
    return {there[0]}, {there[1 % len(there)]}, set(there[2:]) or {there[-1]}


def pin(process: int, chosen: set[int]) -> None:
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), chosen)


@dataclass
class Sample:
    time: float
    # Of ordinary requests, of the processor that weir and the replica have, of open connections.
    requests: float
    seconds: float
    open: float


class Town:
    """weir, wrk before it, an ordinary replica and one that is attacked."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.for_weir, self.for_load, self.for_attack = processors()
        self.held = ExitStack()

    async def __aenter__(self) -> "Town":
        self.folder.mkdir(parents=True)
        self.affinity = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.for_load)
        ports = {name: free_port() for name in ("web", "ordinary", "attacked")}
        (self.folder / "nginx.conf").write_text(NGINX.format(port=ports["ordinary"]))
        nginx = self.start("ordinary", "nginx", "-p", str(self.folder), "-c", "nginx.conf",
                           port=ports["ordinary"])
        self.start("attacked", *self.low(), sys.executable, self.attackers, "serve",
                   str(ports["attacked"]), port=ports["attacked"])
        self.address = f"127.0.0.1:{ports['web']}"
        self.port = ports["web"]
        self.weir = self.held.enter_context(
            Watched(self.folder, SETTINGS.format(**ports), ports["web"]))
        pin(self.weir.process.pid, self.for_weir)
        for process in [nginx.process.pid, *children(nginx.process.pid)]:
            pin(process, self.for_weir)
        await until(self.is_ready, "the ordinary replica is ready")
        self.wrk = subprocess.Popen(
            ["wrk", "-t1", "-c16", "-d600", "--timeout", "10s", f"http://{self.address}/"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.held.callback(self.wrk.kill)
        self.replica = children(nginx.process.pid)[0]
        self.samples: list[Sample] = []
        self.sampling = asyncio.create_task(self.sample())
        await asyncio.sleep(0.5)
        return self

    async def __aexit__(self, *_) -> None:
        self.sampling.cancel()
        await asyncio.gather(self.sampling, return_exceptions=True)
        await asyncio.to_thread(self.held.close)
        os.sched_setaffinity(0, self.affinity)

    attackers = str(Path(__file__).with_name("attackers.py"))

    def low(self) -> tuple[str, ...]:
        chosen = ",".join(map(str, sorted(self.for_attack)))
        return "nice", "-n", "19", "taskset", "-c", chosen

    def start(self, name: str, *command: str, port: int) -> Server:
        return self.held.enter_context(Server(self.folder, name, *command, port=port))

    async def is_ready(self) -> bool:
        return (await self.weir.metrics())["weir_ready"] == 1

    async def sample(self) -> None:
        while True:
            metrics = await self.weir.metrics()
            seconds = self.weir.processor_seconds() + processor_seconds(self.replica)
            self.samples.append(Sample(time.monotonic(), metrics[NORMAL], seconds,
                                       metrics["weir_listener_connections_open"]))
            await asyncio.sleep(WINDOW)

    def rates(self, start: float, end: float) -> list[float]:
        """Ordinary requests per second, window by window."""
        inside = self.between(start, end)
        return [(later.requests - former.requests) / (later.time - former.time)
                for former, later in zip(inside, inside[1:])]

    def between(self, start: float, end: float) -> list["Sample"]:
        return [each for each in self.samples if start <= each.time <= end]

    def cost(self, *spans: tuple[float, float]) -> float:
        """Seconds of weir's processor for each ordinary request: what others take of the machine
        meanwhile is not in it."""
        ends = [(inside[0], inside[-1]) for inside in (self.between(*span) for span in spans)]
        return sum(last.seconds - first.seconds for first, last in ends) \
            / max(1, sum(last.requests - first.requests for first, last in ends))

    async def quiet(self, windows: int = 5) -> tuple[float, float]:
        start = time.monotonic()
        count = len(self.samples)
        await until(lambda: len(self.samples) > count + windows, "time passes")
        return start, time.monotonic()

    async def attack(self, kind: str, *more: str) -> subprocess.Popen:
        """Attackers that have all begun."""
        attackers = subprocess.Popen(
            [*self.low(), sys.executable, self.attackers, kind, self.address,
             "--from", ATTACKER, *more], stdout=subprocess.PIPE, text=True)
        self.held.callback(attackers.kill)
        said = await asyncio.wait_for(asyncio.to_thread(attackers.stdout.readline), 60)
        if said != "open\n":
            raise RuntimeError(f"the attackers say {said!r}")
        return attackers

    def idle(self) -> tuple[int, int]:
        """Of the processor of wrk: idle ticks, and all."""
        name = f"cpu{min(self.for_load)} "
        words = next(line for line in Path("/proc/stat").read_text().splitlines()
                     if line.startswith(name)).split()[1:9]
        return int(words[3]) + int(words[4]), sum(map(int, words))

    def finish_wrk(self) -> str:
        self.wrk.send_signal(signal.SIGINT)
        return self.wrk.communicate(timeout=20)[0]


def children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(word) for word in text.split()]


async def measure(town: Town, finding: Finding, kind: str, *more: str) -> dict:
    """Ordinary rates before, during and after an attack; what the attackers have to say."""
    before = await town.quiet()
    accepted = (await town.weir.metrics())["weir_listener_connections_accepted_total"]
    attackers = await town.attack(kind, *more)
    start, processor = time.monotonic(), town.idle()
    if kind == "read":
        # What weir has closed they do not hear of before they have read what the kernel keeps.
        await until_over(town)
        gone = time.monotonic() - start
        attackers.terminate()
    said = json.loads(await asyncio.to_thread(attackers.stdout.readline))
    if kind == "read":
        said |= {"left": 0, "shortest": gone, "longest": gone}
    end, processor_end = time.monotonic(), town.idle()
    await until_over(town)
    metrics = await town.weir.metrics()
    after = await town.quiet()
    quiet = town.rates(*before) + town.rates(*after)
    said |= {
        "open": max(each.open for each in town.between(before[1], after[0])),
        "accepted": metrics["weir_listener_connections_accepted_total"] - accepted,
        "base": statistics.median(quiet), "scatter": statistics.pstdev(quiet),
        "kept": town.cost(before, after) / town.cost((start, end)),
        "rates": town.rates(start, end), "seconds": end - start,
        "idle": (processor_end[0] - processor[0]) / max(1, processor_end[1] - processor[1])}
    said["share"] = statistics.median(said["rates"]) / said["base"]
    # Whoever else works here makes the rates of no use: then they are printed, not judged. Nor are
    # those beside slow readers: their answers are work of their own, which is not apart yet.
    said["is_crowded"] = said["scatter"] > said["base"] * 0.1
    said["is_kept"] = said["share"] >= SHARE or said["is_crowded"] or kind == "read"
    finding.row |= {
        "connections": f"{said['open']:.0f}", "without": f"{said['base']:.0f}/s",
        "under attack": f"{statistics.median(said['rates']):.0f}/s",
        "share": f"{said['share']:.0%}", "per CPU second": f"{said['kept']:.0%}", "worst window": f"{min(said['rates']):.0f}/s",
        "other CPU idle": f"{said['idle']:.0%}",
        "cut after": f"{said['shortest']:.1f} to {said['longest']:.1f} s",
        "memory": f"{town.weir.resident() / 1e6:.0f} MB"}
    return said


async def until_over(town: Town) -> None:
    """Nobody but wrk is left."""
    async def is_over() -> bool:
        metrics = await town.weir.metrics()
        return metrics["weir_listener_connections_open"] <= 16 \
            and metrics['weir_pool_in_flight{pool="attacked"}'] == 0
    await until(is_over, "all attackers are gone", 30)


def register(kind: str, what: str, least: float, most: float, counted: str, *more: str) -> None:
    """`least` and `most`: the documented seconds after which attackers are cut."""
    @cases.case(f"{CONNECTIONS} clients with {what}")
    async def body(town: Town) -> Finding:
        finding = Finding()
        for _ in range(2):
            former = await town.weir.metrics()
            said = await measure(town, finding, kind, *more)
            crowd = ", not judged: others are at work" if said["is_crowded"] else ""
            finding.notes.append(
                f"{said['share']:.0%} of {said['base']:.0f} ± {said['scatter']:.0f}/s{crowd};"
                f" {said['kept']:.0%} for each second of the processor")
            if said["is_kept"]:
                break
        finding.expect(said["is_kept"], f"wrk has {said['share']:.0%} of its rate, and"
                       f" {said['kept']:.0%} for each second of the processor: {said['rates']}")
        finding.expect(said["accepted"] >= CONNECTIONS and said["left"] == 0,
                       f"not all were there, or are gone: {said}")
        finding.expect(least * 0.9 <= said["shortest"] and said["longest"] <= most + SLACK,
                       f"cut after {said['shortest']:.1f} to {said['longest']:.1f} s, documented"
                       f" are {least:g} to {most:g}")
        metrics = await town.weir.metrics()
        if counted:
            finding.expect(metrics[counted] - former[counted] >= CONNECTIONS * 0.99,
                           f"{counted} rose by {metrics[counted] - former[counted]:.0f}")
        finding.notes.append(f"the attackers were told: {said['said']}")
        return finding


register("head", "slow heads", HEAD_TIME, HEAD_TIME, "")
# Judged when a piece comes, of which there is one each second.
register("body", "slow bodies", RATE_TIME, RATE_TIME + 1,
         "weir_listener_clients_too_slow_total")
register("read", "slow readers", RATE_TIME, IDLE_TIME + RATE_TIME, "")
register("range", "2,000 ranges each", IDLE_TIME, IDLE_TIME, "")


@cases.case(f"a flood of {FLOOD} connections of one client")
async def flood(town: Town) -> Finding:
    finding = Finding()
    former = await town.weir.metrics()
    said = await measure(town, finding, "connect", "--count", str(FLOOD))
    metrics = await town.weir.metrics()
    refused = metrics["weir_listener_clients_refused_total"] \
        - former["weir_listener_clients_refused_total"]
    finding.row["refused"] = f"{refused:.0f}"
    # Those who come when the first have been cut have room again.
    finding.expect(said["open"] <= FLOOD_MAXIMUM + 16 and said["accepted"] >= FLOOD,
                   f"{said['open']:.0f} are open of {said['accepted']:.0f}")
    finding.expect(said["left"] == 0 and said["longest"] <= HEAD_TIME + SLACK, f"{said}")
    if said["shortest"] < HEAD_TIME * 0.9:
        finding.expect(refused > 0, f"nobody was refused, and somebody cut early: {said}")
    finding.notes.append(f"the flooders were told: {said['said']}")
    return finding


@cases.case("a flood of SYNs from addresses that do not exist")
async def syn_flood(town: Town) -> Finding:
    finding = Finding()
    before = await town.quiet()
    start = time.monotonic()
    sent = await asyncio.to_thread(send_syns, town.port, 20_000)
    end = time.monotonic()
    await town.quiet(2)
    rates = town.rates(start, end + 1)
    base = statistics.median(town.rates(*before))
    metrics = await town.weir.metrics()
    finding.expect(metrics["weir_listener_connections_open"] <= 16, "they are connections")
    reader, writer = await asyncio.open_connection("127.0.0.1", town.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    finding.expect(answer.startswith(b"HTTP/1.1 200"), f"a newcomer is told {answer[:100]!r}")
    finding.notes.append(f"{sent} SYNs in {end - start:.1f} s, {syn_cookies()} SYN cookies")
    finding.row |= {"connections": "0", "without": f"{base:.0f}/s",
                    "under attack": f"{statistics.median(rates):.0f}/s",
                    "share": f"{statistics.median(rates) / base:.0%}"}
    return finding


def syn_cookies() -> int:
    text = Path("/proc/net/netstat").read_text()
    names, values = (line.split() for line in text.splitlines()[:2])
    return int(values[names.index("SyncookiesSent")])


def send_syns(port: int, count: int) -> int:
    """Through a raw socket, each from another address of a network for documentation."""
    out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    target = socket.inet_aton("127.0.0.1")
    for number in range(count):
        source = bytes([198, 51, 100, number % 254 + 1])
        head = struct.pack(">HHIIBBHHH", 1_024 + number % 60_000, port, random.getrandbits(32), 0,
                           5 << 4, 2, 65_535, 0, 0)
        total = checksum(source + target + struct.pack(">BBH", 0, 6, len(head)) + head)
        head = head[:16] + struct.pack(">H", total) + head[18:]
        packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, source, target) + head
        out.sendto(packet, ("127.0.0.1", port))
    out.close()
    return count


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


async def run(only: str, folder: Path) -> list[tuple[Case, Finding]]:
    chosen = [Case(f"attack: {case.name}", case.body) for case in cases.all]
    chosen = [case for case in chosen if only in case.name]
    if not chosen:
        return []
    async with Town(folder / "attacks") as town:
        baseline = town.weir.descriptors()
        results = await report.run_cases(chosen, town)
        finding = Finding()
        said = town.finish_wrk()
        finding.expect("Non-2xx" not in said and "Socket errors" not in said, said)
        finding.notes.append(" ".join(re.findall(r"\d+ requests in [^,]+", said)))
        await until(lambda: town.weir.descriptors() <= baseline, "descriptors are back")
        results.append((Case("attack: every ordinary request was answered", None), finding))
        print(f"{'failed' if finding.wrongs else 'passed'}: {results[-1][0].name}")
        for text in finding.notes + finding.wrongs:
            print("   ", text)
    report.print_table(results)
    print(flush=True)
    return results
