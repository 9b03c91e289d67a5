"""A frozen replica, a bad one, and a weir that is killed: how soon it is over."""

import asyncio
import re
import time
from datetime import datetime, timezone

from lab.bench import Bench, judge
from lab.report import Cases, Finding
from lab.site import Site

cases = Cases()

# From one probe to the next at most: a second, give or take a fifth.
PROBE_INTERVAL = 1.2
LEFT_READY = re.compile(r"^(\S+Z) .*replica=(\S+) \S+ ready -> ", re.MULTILINE)


def left_ready(site: Site, container: str) -> float | None:
    """When weir first said that a replica is not ready any more."""
    for moment, name in LEFT_READY.findall(site.balancer_log()):
        if name == container:
            return datetime.fromisoformat(moment).astimezone(timezone.utc).timestamp()
    return None


@cases.case("a frozen replica is out within two probe intervals")
async def frozen(bench: Bench) -> Finding:
    if bench.balancer.name != "weir":
        return Finding(notes=["only for weir"])
    async with bench.site() as site:
        name = site.container(2)
        victims = await site.names_of(name)
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            began = time.time()
            await site.docker("pause", name)
            paused = time.time()
            await asyncio.sleep(6)
            out = left_ready(site, name)
        finding = await judge(site, clients, victims)
        await site.docker("unpause", name)
        finding.expect(out is not None, "weir never said that it is not ready any more")
        if out is None:
            return finding
        later = [exchange for exchange in clients.traffic.exchanges
                 if exchange.method == "GET" and exchange.started > out + 0.05]
        slowest = max(exchange.seconds for exchange in later)
        finding.notes.append(f"out {out - paused:.2f} s after the pause, which took"
                             f" {paused - began:.2f} s; then {len(later)} GETs, the slowest"
                             f" {slowest * 1000:.0f} ms")
        finding.expect(out - began < 2 * PROBE_INTERVAL, "that is later than two probe intervals")
        finding.expect(slowest < 0.5, "a GET waited for the frozen replica later")
        return finding


@cases.case("one bad replica of three, below 1 % of answers within a second")
async def bad(bench: Bench) -> Finding:
    if bench.balancer.name != "weir":
        return Finding(notes=["only for weir"])
    finding = Finding()
    async with bench.site() as site:
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            await site.docker("kill", "--signal", "USR1", site.container(2))
            await asyncio.sleep(5)
        exchanges = clients.traffic.exchanges
    bad = [exchange for exchange in exchanges if exchange.status == 500]
    finding.expect(bool(bad), "the replica never answered with 500, so this shows nothing")
    if not bad:
        return finding
    first = min(exchange.started for exchange in bad)
    later = [exchange for exchange in exchanges if exchange.started > first + 1]
    share = sum(exchange.status == 500 for exchange in later) / len(later)
    others = [exchange.failure for exchange in exchanges
              if exchange.failure and exchange.status != 500]
    finding.notes.append(f"{len(bad)} of {len(exchanges)} answers were 500; after a second"
                         f" {share * 100:.2f} % of {len(later)}")
    finding.expect(share < 0.01, "that is not below 1 %")
    finding.expect(not others, f"something else failed: {others[:5]}")
    return finding
