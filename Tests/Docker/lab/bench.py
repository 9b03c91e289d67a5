"""What every case needs, and the judgement that all cases share."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path

from .balancers import Balancer
from .engine import Engine
from .report import Finding
from .resolver import ForeignServer, OutsideResolver
from .site import Site
from .traffic import Count, Traffic, count

# The replicas' port; a balancer that believes a foreign address connects to it there.
REPLICA_PORT = 8080


@dataclass
class Bench:
    engine: Engine
    balancer: Balancer
    folder: Path
    rate: float
    outside: OutsideResolver = field(default_factory=OutsideResolver)
    foreign: ForeignServer = field(default_factory=lambda: ForeignServer(REPLICA_PORT))
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def site(self, replicas: int = 3, **settings: object) -> Site:
        return Site(self.balancer, self.folder / str(next(self.numbers)), replicas, **settings)

    def traffic(self, site: Site) -> Traffic:
        return site.traffic(self.rate)


async def judge(site: Site, traffic: Traffic, victims: set[str] = frozenset()) -> Finding:
    """Holds what the client saw against what the replicas did and the balancer logged.

    A failed POST is excused only if it was in flight on a replica that the case killed, which
    the balancer must have logged by the name or the address of one of the `victims`.
    """
    finding = Finding()
    gets, posts = count(traffic.exchanges, "GET"), count(traffic.exchanges, "POST")
    excused = await count_excused(site, posts, victims)
    executed = site.journal.orders()
    twice = [order for order, times in executed.items() if times > 1]
    strays = site.journal.events("wrong")
    unexecuted = [e.order for e in traffic.exchanges
                  if e.order and not e.failure and not executed[e.order]]
    finding.row = {
        "GETs": gets.sent, "failed": len(gets.failures),
        "POSTs": posts.sent, "failed ": len(posts.failures) - excused, "in flight": excused,
        "wrong service": len(strays), "twice": len(twice),
        "slowest GET": f"{gets.slowest * 1000:.0f} ms", "POST": f"{posts.slowest * 1000:.0f} ms",
    }
    for method, counted in (("GET", gets), ("POST", posts)):
        for reason, times in counted.reasons().most_common():
            finding.notes.append(f"{times} × {method}: {reason}")
    finding.expect(not gets.failures, f"{len(gets.failures)} GETs failed")
    finding.expect(len(posts.failures) == excused, unexcused(posts, excused, victims))
    finding.expect(not strays, f"{len(strays)} requests reached another service")
    finding.expect(not twice, f"orders executed more than once: {twice[:10]}")
    finding.expect(not unexecuted, f"orders answered but not executed: {unexecuted[:10]}")
    return finding


def unexcused(posts: Count, excused: int, victims: set[str]) -> str:
    ids = [exchange.order for exchange in posts.failures][:10]
    return (f"{len(posts.failures) - excused} of {len(posts.failures)} failed POSTs are not"
            f" excused by the access log (killed: {sorted(victims) or 'none'}); failed: {ids}")


async def count_excused(site: Site, posts: Count, victims: set[str]) -> int:
    """How many failed POSTs the balancer's log ascribes to a victim, with time to write it."""
    deadline = time.monotonic() + 3
    while victims and posts.failures:
        lines = site.balancer_log().splitlines()
        excused = sum(is_ascribed(exchange.order, lines, victims) for exchange in posts.failures)
        if excused == len(posts.failures) or time.monotonic() > deadline:
            return excused
        await asyncio.sleep(0.2)
    return 0


def is_ascribed(order: str, lines: list[str], victims: set[str]) -> bool:
    return any(f"id={order}&" in line and any(victim in line for victim in victims)
               for line in lines)
