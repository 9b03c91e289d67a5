"""A one-node Swarm: weir finds the tasks of a service behind `tasks.NAME`."""

import asyncio
import dataclasses

from lab.bench import Bench, judge
from lab.engine import MACHINE, docker
from lab.images import REPLICA
from lab.report import Cases, Finding
from lab.site import Site

cases = Cases()

MESH = "mesh"


class Swarm(Site):
    """The balancer as a container of its own on the overlay network of a service `app`."""

    async def __aenter__(self) -> "Swarm":
        try:
            await self.docker("swarm", "init", "--advertise-addr", MACHINE)
            await self.docker("network", "create", "--driver", "overlay", "--attachable", MESH)
            await self.docker(
                "service", "create", "--detach", "--name", "app", "--network", MESH,
                "--replicas", str(self.replicas), "--stop-grace-period", "3s",
                "--update-monitor", "1s", "--env", "SERVICE=app", "--env", "JOURNAL=/journal",
                "--mount", f"type=bind,source={self.journal.folder},target=/journal", REPLICA)
            await self._start_balancer()
            await self.until_answered_by(self.replicas)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start_balancer(self) -> None:
        service = self.balancer.describe(self.settings_file)
        volumes = [part for volume in service["volumes"] for part in ("--volume", volume)]
        await self.docker(
            "run", "--detach", "--name", self.balancer_container, "--network", MESH,
            "--publish", service["ports"][0], *volumes, "--read-only", "--cap-drop", "ALL",
            service["image"])

    async def __aexit__(self, *_) -> None:
        log = await asyncio.to_thread(self.balancer_log)
        (self.folder / "balancer.log").write_text(log)
        present = await self.docker("ps", "--all", "--format", "{{.Names}}")
        if self.balancer_container in present.split():
            await self.docker("rm", "--force", self.balancer_container)
        await self.docker("swarm", "leave", "--force")

    async def scale(self, replicas: int) -> None:
        await self.docker("service", "scale", "--detach", f"app={replicas}")


@cases.case("Swarm: scale 2, 4; rolling update; scale 2")
async def swarm(bench: Bench) -> Finding:
    if bench.balancer.name != "weir":
        return Finding(notes=["only for weir"])
    settings = bench.balancer.settings.replace('"app:', '"tasks.app:')
    balancer = dataclasses.replace(bench.balancer, settings=settings)
    async with Swarm(balancer, bench.folder / "swarm", replicas=2) as site:
        async with bench.clients(site) as clients:
            await asyncio.sleep(1)
            await site.scale(4)
            await site.until_answered_by(4)
            former = await tasks()
            await site.docker("service", "update", "--quiet", "--force", "app")
            await site.until_answered_by(4)
            await site.scale(2)
            await asyncio.sleep(5)
        finding = await judge(site, clients)
        status = await site.docker("exec", site.balancer_container, "/weir", "status")
        for task in await tasks():
            finding.expect(task in status, f"weir status does not name {task}:\n{status}")
        kept = former & await tasks()
        finding.expect(not kept, f"the update should have replaced {sorted(kept)}")
        return finding


async def tasks() -> set[str]:
    running = await asyncio.to_thread(
        docker, "service", "ps", "app", "--quiet", "--filter", "desired-state=running")
    return set(running.split())
