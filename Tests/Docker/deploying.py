"""Every block of docs/deploying.md, executed under traffic as a reader would do it."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from lab.account import settle
from lab.balancers import PORT
from lab.bench import Bench
from lab.engine import MACHINE, docker
from lab.images import REPLICA
from lab.journal import Journal
from lab.machine import REPOSITORY, run
from lab.mix import Mix
from lab.pages import Section, sections
from lab.report import Cases, Finding
from lab.traffic import Exchange, Traffic

cases = Cases()

PAGE = REPOSITORY / "docs" / "deploying.md"
PROJECT, FORMER, NEWER = "shop", "shop:1", "shop:2"

# What `docker` is on the page, on a machine with the Compose of Debian 12 and without the plugin
# docker-rollout: the steps that its version 0.13 takes.
SHIM = """\
#!/bin/bash
set -e
verb=$1
case $verb in
    compose) exec docker-compose "${@:2}" ;;
    rollout) service=$2 ;;
    stack) exec DOCKER "$@" --compose-file "$OBSERVED" ;;
    *) exec DOCKER "$@" ;;
esac
former=($(docker-compose ps -q "$service"))
docker-compose up --detach --scale "$service=$((2 * ${#former[@]}))" --no-recreate "$service"
for container in $(docker-compose ps -q "$service"); do
    until [[ $(DOCKER inspect --format '{{.State.Health.Status}}' $container) == healthy ]]; do
        sleep 0.3
    done
done
label='{{index .Config.Labels "docker-rollout.pre-stop-hook"}}'
hook=$(DOCKER inspect --format "$label" "${former[0]}")
pids=()
for container in "${former[@]}"; do
    DOCKER exec "$container" sh -c "$hook" &
    pids+=($!)
done
# Unlike docker-rollout, which goes on: a hook that fails must fail the test.
for pid in "${pids[@]}"; do wait "$pid"; done
DOCKER stop "${former[@]}"
DOCKER rm "${former[@]}"
"""


class Reader:
    """Somebody with a folder `shop`, two images of an application, and the page."""

    def __init__(self, section: Section, folder: Path):
        self.section, self.folder = section, folder / PROJECT
        self.journal = Journal(folder / "journal")
        self.folder.mkdir()
        for name, text in section.files.items():
            (self.folder / name).write_text(text)
        bin = folder / "bin"
        bin.mkdir()
        shim = bin / "docker"
        shim.write_text(SHIM.replace("DOCKER", shutil.which("docker")))
        shim.chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{bin}:{os.environ['PATH']}"}
        self.is_swarm = "docker stack" in section.start
        self._observe(folder / "journal.json")

    def _observe(self, override: Path) -> None:
        """Lets the replicas write their journals; the page's file stays as it is."""
        file = self.folder / ("stack.yaml" if self.is_swarm else "compose.yaml")
        listed = subprocess.run(["docker-compose", "-f", str(file), "config", "--services"],
                                text=True, capture_output=True, check=True).stdout.split()
        override.write_text(json.dumps({"version": "3.8", "services": {
            service: {"environment": {"JOURNAL": "/journal"},
                      "volumes": [f"{self.journal.folder}:/journal"]}
            for service in listed if service != "weir"}}))
        # What `docker compose` reads, and what the shim adds to `docker stack deploy`.
        self.environment |= {"COMPOSE_FILE": f"{file}:{override}", "OBSERVED": str(override)}

    async def do(self, commands: str) -> None:
        await asyncio.to_thread(run, "bash", "-euo", "pipefail", "-c", commands, cwd=self.folder,
                                env=self.environment, stdin=subprocess.DEVNULL)

    async def __aenter__(self) -> "Reader":
        try:
            await self.do(self.section.start)
            await self.until_answered()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_) -> None:
        (self.folder / "weir.log").write_text(await asyncio.to_thread(self.balancer_log))
        if self.is_swarm:
            await self.do("docker swarm leave --force || true")
        else:
            await self.do("docker compose down --timeout 0 --volumes")

    async def until_answered(self, seconds: float = 30) -> None:
        asker, exchange = Traffic((MACHINE, PORT), 1), Exchange("GET", "/", failure="not asked")
        deadline = time.monotonic() + seconds
        while exchange.failure:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer in {seconds:.0f} s; last: {exchange.failure}\n"
                                   + self.balancer_log())
            await asyncio.sleep(0.1)
            exchange = Exchange("GET", "/", closes=True)
            await asker.ask(exchange)

    def balancer_log(self) -> str:
        """What the weir of the project said, one that has ended included."""
        names = [name for name in docker("ps", "--all", "--format", "{{.Names}}").split()
                 if name.startswith(PROJECT) and "weir" in name]
        return "\n".join(docker("logs", name) for name in names)

    async def images_that_answer(self) -> set[str]:
        asker, images = Traffic((MACHINE, PORT), 1), set()
        for _ in range(20):
            exchange = Exchange("GET", "/", closes=True)
            await asker.ask(exchange)
            images.add(await asyncio.to_thread(
                docker, "inspect", "--format", "{{.Config.Image}}", exchange.replica))
        return images


async def follow(section: Section, bench: Bench) -> Finding:
    finding = Finding()
    if bench.balancer.name != "weir":
        finding.notes.append("only for weir")
        return finding
    for image in (FORMER, NEWER):
        docker("tag", REPLICA, image)
    docker("tag", bench.balancer.image, "weir:latest")
    folder = bench.folder / str(next(bench.numbers))
    folder.mkdir(parents=True)
    async with Reader(section, folder) as reader:
        mix = Mix((MACHINE, PORT), None, bench.rate)
        async with mix:
            await asyncio.sleep(1)
            for commands in section.runs:
                await reader.do(commands)
                await asyncio.sleep(1)
        account = await settle(reader, mix, set(), is_drained=not loses_tunnels(section))
        finding.notes += account.notes()
        finding.wrongs += account.wrongs
        finding.expect(account.is_clean, "something failed")
        images = await reader.images_that_answer()
        finding.expect(images == {NEWER}, f"at the end {sorted(images)} answer, not {NEWER}")
    return finding


def loses_tunnels(section: Section) -> bool:
    """Where nothing is drained, a WebSocket ends with its replica, in whatever way that does."""
    return not any("drain" in text for text in [*section.runs, *section.files.values()])


def register(section: Section) -> None:
    @cases.case(f"deploying.md: {section.title}")
    async def _(bench: Bench) -> Finding:
        return await follow(section, bench)


for section in sections(PAGE):
    register(section)
