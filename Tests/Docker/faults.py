"""A frozen replica, a bad one, and a weir that is killed: how soon it is over."""

import asyncio
import dataclasses
import json
import re
import time
from datetime import datetime, timezone

from cells import Colours
from lab.balancers import PORT
from lab.bench import Bench, judge
from lab.engine import MACHINE
from lab.means import ECHO_PORT, WeirMeans
from lab.mix import Mix
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


@cases.case("weir killed in the middle of a rollout")
async def resumed(bench: Bench) -> Finding:
    if bench.balancer.name != "weir":
        return Finding(notes=["only for weir"])
    finding = Finding()
    folder = bench.folder / str(next(bench.numbers))
    state = folder / "state"
    state.mkdir(parents=True)
    state.chmod(0o777)
    balancer = WeirMeans(bench.balancer).balancer
    balancer = dataclasses.replace(balancer, volumes=lambda _: [f"{state}:/var/lib/weir"])
    async with Colours(balancer, folder / "site", 2) as site:
        await site.bring("green", 2)
        async with Mix((MACHINE, PORT), (MACHINE, ECHO_PORT), bench.rate) as mix:
            await weir(site, "wait", "green", "--ready", "2")
            await weir(site, "rollout", "start", "web", "--to", "green", "--steps", "10,50,100",
                       "--every", "3s", "--min-requests", "20")
            before = await rollout(site)
            while before["steps_taken"] < 2:
                await asyncio.sleep(0.1)
                before = await rollout(site)
            killed = time.time()
            await site.docker("kill", site.balancer_container)
            await site.docker("start", site.balancer_container)
            await site.until_answered_by(4)
            started = time.time()
            after = await rollout(site)
            await weir(site, "rollout", "status", "web", "--wait", "--timeout", "30s")
            await asyncio.sleep(1)
        over = await rollout(site)
    keys = ("state", "steps_taken", "percent")
    finding.notes.append(f"killed at {[before[key] for key in keys]}, then"
                         f" {[after[key] for key in keys]}, then {[over[key] for key in keys]};"
                         f" answers again {started - killed:.1f} s after the kill")
    finding.expect(all(before[key] == after[key] for key in keys), "it is at another step")
    finding.expect((over["state"], over["percent"]) == ("succeeded", 100), f"it ended as {over}")
    later = [exchange.failure for exchange in mix.traffic.exchanges
             if exchange.failure and exchange.started > started]
    finding.expect(not later, f"requests failed after weir was back: {later[:5]}")
    twice = [order for order, times in site.journal.orders().items() if times > 1]
    finding.expect(not twice, f"orders executed more than once: {twice[:10]}")
    return finding


async def weir(site: Site, *arguments: str) -> str:
    return await site.docker("exec", site.balancer_container, "/weir", *arguments)


async def rollout(site: Site) -> dict[str, object]:
    return json.loads(await weir(site, "rollout", "status", "web", "--json"))
