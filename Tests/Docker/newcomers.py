"""How soon a new replica, which listens already, gets its first request once DNS names it."""

import asyncio
import statistics
import time

from lab.bench import Bench, judge
from lab.engine import docker
from lab.images import REPLICA
from lab.report import Cases, Finding
from lab.resolver import Watch
from lab.site import NETWORK, PROJECT, Site, container_name

cases = Cases()

ROUNDS = 7
LIMIT = 0.700
# A network without the balancer, on which a replica starts before it joins.
ASIDE = "aside"


@cases.case("a new replica's first request")
async def first_request(bench: Bench) -> Finding:
    async with bench.site(replicas=2) as site:
        await site.docker("network", "create", ASIDE)
        process = await site.process(site.balancer_container)
        try:
            with Watch("app", process) as watch:
                async with bench.clients(site) as clients:
                    delays = [await join(site, watch, number) for number in range(ROUNDS)]
            finding = await judge(site, clients)
        finally:
            names = [newcomer(number) for number in range(ROUNDS)]
            await asyncio.to_thread(remove, names)
    median = statistics.median(delays)
    shown = ", ".join(f"{delay * 1000:.0f}" for delay in delays)
    finding.notes.append(f"from DNS to the first request: median {median * 1000:.0f} ms of {shown}")
    finding.expect(median <= LIMIT, f"the median is over {LIMIT * 1000:.0f} ms")
    return finding


def newcomer(number: int) -> str:
    return container_name(PROJECT, "app", number + 11)


async def join(site: Site, watch: Watch, number: int) -> float:
    name = newcomer(number)
    container = await site.docker(
        "run", "--detach", "--name", name, "--network", ASIDE, "--env", "SERVICE=app",
        "--env", "JOURNAL=/journal", "--volume", f"{site.journal.folder}:/journal", REPLICA)
    replica = container[:12]
    await until(lambda: site.journal.first("listen", replica), f"{name} listens")
    await site.docker("network", "connect", "--alias", "app", NETWORK, name)
    address = await site.address(name)
    named = await until(lambda: watch.first_seen.get(address), f"DNS names {name} ({address})")
    asked = await until(lambda: site.journal.first("request", replica), f"{name} is asked")
    return asked - named


async def until(moment, what: str, seconds: float = 10) -> float:
    deadline = time.monotonic() + seconds
    while (found := moment()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        await asyncio.sleep(0.02)
    return found


def remove(names: list[str]) -> None:
    present = set(docker("ps", "--all", "--format", "{{.Names}}").split())
    if doomed := [name for name in names if name in present]:
        docker("rm", "--force", *doomed)
    docker("network", "rm", ASIDE)
