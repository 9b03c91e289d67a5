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
from .traffic import MISDIRECTED, Count, Exchange, Traffic, count
from .tunnels import Tunnels

# The replicas' port; a balancer that believes a foreign address connects to it there.
REPLICA_PORT = 8080
# WebSockets that stay open beside the requests.
TUNNELS = 6

# Failures of a POST that was not in flight anywhere, or that something else answered.
NEVER_SENT = ("503", MISDIRECTED)
# nginx's log of a request whose last attempt found no connection; see conf/nginx.conf.
NOT_CONNECTED = "-; "
# The balancer's word for a response that ended before its end.
MID_RESPONSE = "upstream_closed_mid_response"


@dataclass
class Bench:
    engine: Engine
    balancer: Balancer
    folder: Path
    rate: float
    outside: OutsideResolver = field(default_factory=OutsideResolver)
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def site(self, replicas: int = 3, **settings: object) -> Site:
        return Site(self.balancer, self.folder / str(next(self.numbers)), replicas, **settings)

    def foreign(self) -> ForeignServer:
        return ForeignServer(REPLICA_PORT)

    def clients(self, site: Site) -> "Clients":
        return Clients(site.traffic(self.rate), site.tunnels(TUNNELS))


@dataclass
class Clients:
    """Requests at a steady rate and tunnels that stay open, while an `async with` block runs."""

    traffic: Traffic
    tunnels: Tunnels

    async def __aenter__(self) -> "Clients":
        await self.tunnels.__aenter__()
        await self.traffic.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.traffic.__aexit__(*failure)
        await self.tunnels.__aexit__(*failure)


async def judge(site: Site, clients: Clients, victims: set[str] = frozenset()) -> Finding:
    """Holds what the client saw against what the replicas did and the balancer logged.

    No GET may fail. A large one whose replica was killed in the middle of the response is shown as
    cut as well, so that a reader can tell it from the others; it fails the case like them.
    A failed POST is excused only if it was in flight on a replica that the case killed, which
    the balancer must have logged by the name or the address of one of the `victims`.
    A tunnel may be cut only if its replica ended or is a victim.
    """
    finding = Finding()
    exchanges = clients.traffic.exchanges
    gets, posts = count(exchanges, "GET"), count(exchanges, "POST")
    excused = len(await excused_posts(site, posts, victims))
    cut = count_cut(site, gets, victims)
    executed = site.journal.orders()
    twice = [order for order, times in executed.items() if times > 1]
    strays = site.journal.events("wrong")
    unexecuted = [e.order for e in exchanges
                  if e.order and not e.failure and not executed[e.order]]
    cuts = clients.tunnels.ends
    needless = [cut for cut in cuts if cut.replica not in ended(site) | victims]
    finding.row = {
        "GETs": gets.sent, "failed": len(gets.failures), "cut": cut,
        "POSTs": posts.sent, "failed ": len(posts.failures) - excused, "in flight": excused,
        "wrong service": len(strays), "twice": len(twice), "tunnels cut": len(cuts),
        "slowest GET": f"{gets.slowest * 1000:.0f} ms", "POST": f"{posts.slowest * 1000:.0f} ms",
    }
    for method, counted in (("GET", gets), ("POST", posts)):
        for reason, times in counted.reasons().most_common():
            finding.notes.append(f"{times} × {method}: {reason}")
    finding.expect(not gets.failures, f"{len(gets.failures)} GETs failed, {cut} of them cut")
    finding.expect(len(posts.failures) == excused, unexcused(posts, excused, victims))
    finding.expect(not strays, f"{len(strays)} requests reached another service")
    finding.expect(not twice, f"orders executed more than once: {twice[:10]}")
    finding.expect(not unexecuted, f"orders answered but not executed: {unexecuted[:10]}")
    finding.expect(not needless, f"tunnels cut without need: {needless}")
    finding.expect(clients.tunnels.echoes > 0, "no tunnel ever carried a message")
    return finding


def count_cut(site: Site, gets: Count, victims: set[str]) -> int:
    """How many large responses ended in the middle with their replica, as the log says."""
    marks = [exchange.mark for exchange in gets.failures if exchange.mark]
    if not marks or not victims:
        return 0
    lines = [line for line in site.balancer_log().splitlines() if MID_RESPONSE in line]
    return sum(is_ascribed(mark, lines, victims) for mark in marks)


def ended(site: Site) -> set[str]:
    """The replicas that were told to end."""
    return {event.replica for event in site.journal.events("terminate")}


def unexcused(posts: Count, excused: int, victims: set[str]) -> str:
    ids = [exchange.order for exchange in posts.failures][:10]
    return (f"{len(posts.failures) - excused} of {len(posts.failures)} failed POSTs are not"
            f" excused by the access log (killed: {sorted(victims) or 'none'}); failed: {ids}")


async def excused_posts(site: Site, posts: Count, victims: set[str]) -> list[Exchange]:
    """The failed POSTs that the balancer's log ascribes to a victim, with time to write it."""
    deadline = time.monotonic() + 3
    while victims and posts.failures:
        lines = site.balancer_log().splitlines()
        excused = [exchange for exchange in posts.failures
                   if not exchange.failure.startswith(NEVER_SENT)
                   and is_ascribed(exchange.order, lines, victims)]
        if len(excused) == len(posts.failures) or time.monotonic() > deadline:
            return excused
        await asyncio.sleep(0.2)
    return []


def is_ascribed(order: str, lines: list[str], victims: set[str]) -> bool:
    return any(f"id={order}&" in line and any(victim in line for victim in victims)
               and NOT_CONNECTED not in line for line in lines)
