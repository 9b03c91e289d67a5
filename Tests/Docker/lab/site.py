"""A Compose project: a balancer in front of replicas of an application, and other services."""

import asyncio
import functools
import json
import socket
import time
from pathlib import Path

from .balancers import PORT, Balancer
from .engine import MACHINE, docker
from .images import REPLICA
from .journal import Journal
from .machine import NetworkOf, run
from .traffic import Exchange, Traffic
from .tunnels import Tunnels

PROJECT = "site"
NETWORK = f"{PROJECT}_default"


@functools.cache
def separator() -> str:
    """What stands in container names between project, service and number: 1.x used `_`."""
    return "_" if run("docker-compose", "version", "--short").startswith("1.") else "-"


def container_name(project: str, service: str, number: int) -> str:
    return separator().join((project, service, str(number)))


class Site:
    """Lives for an `async with` block; everything it made is gone afterwards."""

    def __init__(self, balancer: Balancer, folder: Path, replicas: int = 3, **settings: object):
        self.balancer, self.folder, self.replicas = balancer, folder, replicas
        self.journal = Journal(folder / "journal")
        self.settings = {name.upper(): str(value) for name, value in settings.items()}
        self.file = folder / "compose.json"
        self.settings_file = folder / "balancer.conf"
        self._write()

    def _write(self) -> None:
        services = {"balancer": self.balancer.describe(self.settings_file), **self.services()}
        self.file.write_text(json.dumps({"version": "2.4", "services": services}, indent=2))

    def services(self) -> dict[str, object]:
        return {"app": self.replica("app", **self.settings), "other": self.replica("other")}

    def replica(self, service: str, **settings: str) -> dict[str, object]:
        return {
            "image": REPLICA,
            "environment": {"SERVICE": service, "JOURNAL": "/journal", **settings},
            "volumes": [f"{self.journal.folder}:/journal"],
            "stop_grace_period": "3s",
        }

    async def __aenter__(self) -> "Site":
        try:
            await self.compose("up", "-d", "--scale", f"app={self.replicas}", "balancer", "app")
            await self.until_answered_by(self.replicas)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_) -> None:
        log = await asyncio.to_thread(self.balancer_log)
        (self.folder / "balancer.log").write_text(log)
        try:
            await self.compose("down", "--timeout", "0", "--remove-orphans")
        except RuntimeError:
            # Docker 20.10 sometimes keeps an endpoint of a container that is gone, and with it the
            # network; the next site uses it again.
            if await self.docker("ps", "--all", "--quiet", "--filter",
                                 f"label=com.docker.compose.project={PROJECT}"):
                raise

    async def compose(self, *arguments: str) -> None:
        await asyncio.to_thread(
            run, "docker-compose", "-p", PROJECT, "-f", str(self.file), *arguments)

    async def docker(self, *arguments: str) -> str:
        return await asyncio.to_thread(docker, *arguments)

    async def scale(self, replicas: int) -> None:
        await self.compose("up", "-d", "--no-recreate", "--scale", f"app={replicas}", "app")

    # What containers are called, and where they are.

    @property
    def balancer_container(self) -> str:
        return container_name(PROJECT, "balancer", 1)

    def container(self, number: int, service: str = "app") -> str:
        return container_name(PROJECT, service, number)

    async def inspect(self, container: str, template: str) -> str:
        return await self.docker("inspect", "--format", template, container)

    async def address(self, container: str) -> str:
        place = f'{{{{(index .NetworkSettings.Networks "{NETWORK}").IPAddress}}}}'
        return await self.inspect(container, place)

    async def process(self, container: str) -> int:
        return int(await self.inspect(container, "{{.State.Pid}}"))

    async def names_of(self, container: str) -> set[str]:
        """What a replica may be called: its container's name, its address and its identifier."""
        identifier = await self.inspect(container, "{{.Id}}")
        return {container, await self.address(container), identifier[:12]}

    # Traffic.

    def traffic(self, rate: float) -> Traffic:
        return Traffic((MACHINE, PORT), rate)

    def tunnels(self, number: int) -> Tunnels:
        return Tunnels((MACHINE, PORT), "app", number)

    async def until_listening(self, seconds: float = 20) -> None:
        """Waits until the balancer listens in its container, whatever it would answer."""
        with NetworkOf(await self.process(self.balancer_container)):
            asker = socket.socket()
        # Docker's proxy accepts on the machine before anybody listens in the container.
        with asker:
            deadline = time.monotonic() + seconds
            while asker.connect_ex(("127.0.0.1", 8080)) != 0:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"no listener in {seconds:.0f} s:\n{self.balancer_log()}")
                await asyncio.sleep(0.02)

    async def until_answered_by(self, replicas: int, seconds: float = 20) -> None:
        """Waits until that many different replicas have answered."""
        asker, seen, last = self.traffic(1), set(), ""
        deadline = time.monotonic() + seconds
        while len(seen) < replicas:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{len(seen)} of {replicas} replicas answered in {seconds:.0f} s; last failure:"
                    f" {last or 'none'}; the balancer said:\n{self.balancer_log()[-3000:]}")
            exchange = Exchange("GET", "/", closes=True)
            await asker.ask(exchange)
            last = exchange.failure or last
            seen |= {exchange.replica} - {""}
            await asyncio.sleep(0.01)

    def balancer_log(self) -> str:
        try:
            return docker("logs", self.balancer_container)
        except RuntimeError as error:
            return str(error)
