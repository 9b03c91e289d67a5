"""The deploys of the matrix: what people do to a running application, step by step."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lab.bench import Bench
from lab.means import Means
from lab.site import Site

# What a replica does on SIGTERM.
MODES = {"exit": "exits at once", "finish": "finishes its work", "serve": "keeps serving",
         "ignore": "ignores it"}
# How long one that keeps serving does so: less than the grace period, which is 2 s.
GRACE, SERVE_MS = "2s", 1200

PROBE = {"test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"],
         "interval": "1s", "timeout": "2s", "retries": 3}


class Colours(Site):
    """An application `app` and its other colour `green`, which does not run at first."""

    def __init__(self, *arguments: object, is_checked: bool = False, **settings: object):
        self.is_checked = is_checked
        super().__init__(*arguments, **settings)

    def services(self) -> dict[str, object]:
        settings = {"stop_grace_period": GRACE}
        if self.is_checked:
            settings["healthcheck"] = PROBE
        return {name: {**self.replica("app", **self.settings), **settings}
                for name in ("app", "green")}

    def containers(self, number: int, service: str = "app") -> list[str]:
        return [self.container(place, service) for place in range(1, number + 1)]

    async def bring(self, service: str, replicas: int) -> None:
        await self.compose("up", "-d", "--no-recreate", "--scale", f"{service}={replicas}", service)

    async def remove(self, containers: list[str]) -> None:
        await self.docker("stop", *containers)
        await self.docker("rm", *containers)


@dataclass(frozen=True)
class Deploy:
    name: str
    body: Callable[[Colours, Means], Awaitable[None]]
    replicas: int
    # What a balancer must offer for it.
    needs: frozenset[str] = frozenset()
    # Nothing is in flight on a replica any more when it is told to end.
    is_drained: bool = False
    # The replica that is killed or frozen, where no SIGTERM is sent.
    victim: int = 0


def open_site(deploy: Deploy, mode: str, means: Means, bench: Bench) -> Colours:
    """A site in which Docker checks the health of containers only where the deploy asks for it:
    that costs more than the rest of the cell."""
    return Colours(means.balancer, bench.folder / str(next(bench.numbers)), deploy.replicas,
                   is_checked="hook" in deploy.needs, on_terminate=mode or "finish",
                   serve_ms=SERVE_MS)


deploys: list[Deploy] = []


def deploy(name: str, replicas: int, *needs: str, is_drained: bool = False, victim: int = 0):
    def register(body):
        deploys.append(Deploy(name, body, replicas, frozenset(needs), is_drained, victim))
        return body
    return register


@deploy("recipe: scale, wait, drain, stop", 2, "drain", is_drained=True)
async def recipe(site: Colours, means: Means) -> None:
    former = site.containers(2)
    await site.bring("app", 4)
    await means.ready(site, "app", 4)
    await means.drain(site, former)
    await site.remove(former)


@deploy("docker-rollout with a hook", 2, "hook", is_drained=True)
async def docker_rollout(site: Colours, means: Means) -> None:
    """The steps of docker-rollout 0.13 with --pre-stop-hook."""
    former = site.containers(2)
    await site.bring("app", 4)
    for name in set(site.containers(4)) - set(former):
        while await site.inspect(name, "{{.State.Health.Status}}") != "healthy":
            await asyncio.sleep(0.3)
    await asyncio.gather(*(site.docker("exec", name, "sh", "-c", means.hook) for name in former))
    await site.remove(former)


@deploy("scale 2N, then N", 2)
async def double(site: Colours, means: Means) -> None:
    former = site.containers(2)
    await site.bring("app", 4)
    await means.ready(site, "app", 4)
    await site.remove(former)


@deploy("up -d --force-recreate", 3)
async def recreate(site: Colours, means: Means) -> None:
    await site.compose("up", "-d", "--force-recreate", "--scale", "app=3", "app")
    await site.until_answered_by(3)


@deploy("--scale 6, then 3", 6)
async def shrink(site: Colours, means: Means) -> None:
    await site.bring("app", 3)


@deploy("restart one", 3)
async def restart(site: Colours, means: Means) -> None:
    await site.docker("restart", site.container(2))
    await site.until_answered_by(3)


@deploy("blue/green shift", 2, "shift", is_drained=True)
async def blue_green(site: Colours, means: Means) -> None:
    """There, back, and there for good."""
    await site.bring("green", 2)
    await means.ready(site, "green", 2)
    await means.shift(site, "app", "green")
    await asyncio.sleep(0.5)
    await means.shift(site, "green", "app")
    await asyncio.sleep(0.5)
    await means.shift(site, "app", "green")
    await leave(site, means)


@deploy("rollout", 2, "rollout", is_drained=True)
async def rollout(site: Colours, means: Means) -> None:
    await site.bring("green", 2)
    await means.rollout(site, "app", "green")
    await leave(site, means)


async def leave(site: Colours, means: Means) -> None:
    """Ends the colour that gets nothing new."""
    if "drain" in means.lacks:
        # All that can be done is to give what is in flight some time.
        await asyncio.sleep(2)
    else:
        await means.drain(site, site.containers(2), are_last=True)
    await site.compose("stop", "app")


@deploy("kill one", 3, victim=2)
async def kill(site: Colours, means: Means) -> None:
    await site.docker("kill", site.container(2))
    await asyncio.sleep(1.5)
    await site.docker("start", site.container(2))
    await site.until_answered_by(3)


@deploy("pause one for 4 s", 3, victim=2)
async def pause(site: Colours, means: Means) -> None:
    await site.docker("pause", site.container(2))
    await asyncio.sleep(4)
    await site.docker("unpause", site.container(2))
    await site.until_answered_by(3)
