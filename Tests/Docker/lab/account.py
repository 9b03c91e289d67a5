"""A cell's account: what became of each kind of traffic, and whether that may be."""

from collections import Counter
from dataclasses import dataclass, field

from .bench import ended, excused_posts
from .mix import KINDS, POST, REQUESTS, SLOW, Mix
from .site import Site
from .traffic import Count, Exchange
from .tunnels import Tunnels

COLUMNS = (*KINDS, "slowest GET", "slowest POST", "twice", "truncated")


@dataclass
class Line:
    """One kind of traffic in one cell."""

    sent: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    # Lost with a replica that was killed or frozen while they were on it.
    excused: Counter[str] = field(default_factory=Counter)
    # Tunnels that were ended as their protocol wants it.
    closed: int = 0
    slowest: float = 0.0

    @property
    def text(self) -> str:
        rest = [f"{self.closed} closed"] if self.closed else []
        rest += [f"{self.excused.total()} lost"] if self.excused else []
        return f"{self.errors.total()}" + (f" ({', '.join(rest)})" if rest else "")


@dataclass
class Account:
    lines: dict[str, Line]
    twice: list[str] = field(default_factory=list)
    truncated: int = 0
    wrongs: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.wrongs and not any(line.errors for line in self.lines.values())

    def slowest(self, *kinds: str) -> float:
        return max(self.lines[kind].slowest for kind in kinds)

    def row(self) -> dict[str, str]:
        gets = [kind for kind in REQUESTS if kind != POST]
        cells = [*(self.lines[kind].text for kind in KINDS),
                 f"{self.slowest(*gets) * 1000:.0f} ms", f"{self.slowest(POST) * 1000:.0f} ms",
                 str(len(self.twice)), str(self.truncated)]
        return dict(zip(COLUMNS, cells, strict=True))

    def notes(self) -> list[str]:
        return [f"{times} × {kind}: {reason}{remark}"
                for kind, line in self.lines.items()
                for errors, remark in ((line.errors, ""), (line.excused, " (lost)"))
                for reason, times in errors.most_common()]


async def settle(site: Site, mix: Mix, victims: set[str], is_drained: bool) -> Account:
    """The account of a cell.

    A failed POST is excused if it was in flight on one of the `victims` and the balancer's log
    says so; no GET is. A tunnel may end with its replica; where everything was drained first it must
    have been closed as its protocol wants it.
    """
    exchanges = mix.traffic.exchanges
    lines = {}
    for kind in REQUESTS:
        chosen = [exchange for exchange in exchanges if exchange.kind == kind]
        counted = Count(len(chosen), [exchange for exchange in chosen if exchange.failure])
        reasons = counted.reasons()
        lost: list[Exchange] = []
        if kind == POST:
            lost = await excused_posts(site, counted, victims)
        excused = Counter(exchange.failure for exchange in lost)
        slowest = max((exchange.seconds for exchange in chosen), default=0.0)
        lines[kind] = Line(len(chosen), reasons - excused, excused, slowest=slowest)
    over = ended(site) | victims
    for tunnels in mix.tunnels:
        lines[tunnels.wire.value] = tunnel_line(tunnels, over, is_drained)
    executed = site.journal.orders()
    account = Account(lines, [order for order, times in executed.items() if times > 1])
    account.truncated = sum(is_truncated(exchange) for exchange in exchanges)
    account.wrongs = wrongs(site, mix, account)
    return account


def tunnel_line(tunnels: Tunnels, over: set[str], is_drained: bool) -> Line:
    line = Line(tunnels.opened)
    for end in tunnels.ends:
        # A TCP connection that nobody had accepted yet does not know its replica.
        has_ended = end.replica in over or (not end.replica and over)
        if end.is_clean and has_ended:
            line.closed += 1
        elif has_ended and not is_drained:
            line.excused[end.reason] += 1
        else:
            line.errors[end.reason] += 1
    return line


def is_truncated(exchange: Exchange) -> bool:
    return exchange.status == 200 and bool(exchange.failure)


def wrongs(site: Site, mix: Mix, account: Account) -> list[str]:
    executed = site.journal.orders()
    unexecuted = [exchange.order for exchange in mix.traffic.exchanges
                  if exchange.order and not exchange.failure and not executed[exchange.order]]
    found = []
    if account.twice:
        found.append(f"orders executed more than once: {account.twice[:10]}")
    if unexecuted:
        found.append(f"orders answered but not executed: {unexecuted[:10]}")
    if strays := site.journal.events("wrong"):
        found.append(f"{len(strays)} requests reached another service")
    if silent := [tunnels.wire.value for tunnels in mix.tunnels if not tunnels.echoes]:
        found.append(f"never carried a message: {', '.join(silent)}")
    if not account.lines[SLOW].sent:
        found.append("no slow reader ever asked")
    return found
