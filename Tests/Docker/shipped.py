"""The repository's own compose.yaml, as a reader of the README would start it."""

import asyncio
import re

from lab.bench import Bench
from lab.engine import MACHINE, docker
from lab.images import REPLICA
from lab.machine import REPOSITORY, run
from lab.report import Cases, Finding
from lab.site import container_name
from lab.traffic import Exchange, Traffic

cases = Cases()

REPLICAS = 3


@cases.case("compose.yaml of this repository")
async def compose_file(bench: Bench) -> Finding:
    finding = Finding()
    if bench.balancer.name != "weir":
        finding.notes.append("only for weir")
        return finding
    text = (REPOSITORY / "compose.yaml").read_text()
    port = int(re.search(r'ports: \["(\d+):', text)[1])
    # What it names is not here to be pulled; what is here gets that name.
    named = re.findall(r"image: (\S+)", text)
    for image, own in zip(named, [bench.balancer.image, REPLICA], strict=True):
        docker("tag", own, image)
    compose = ["docker-compose", "-p", "shipped", "--project-directory", str(REPOSITORY),
               "-f", str(REPOSITORY / "compose.yaml")]
    weir = container_name("shipped", "weir", 1)
    try:
        await asyncio.to_thread(run, *compose, "up", "-d", "--scale", f"app={REPLICAS}")
        seen, last = await ask_until_all_answered(port)
        finding.expect(len(seen) == REPLICAS, f"{len(seen)} of {REPLICAS} answered; last: {last}\n"
                       + docker("logs", weir))
        said = docker("exec", weir, "/weir", "status", "--admin", "unix:/run/weir/admin.sock")
        finding.expect(said.count("ready") >= REPLICAS, f"weir status does not name them:\n{said}")
        docker("exec", weir, "/weir", "reload")
        health = await health_of(weir)
        finding.expect(health == "healthy", f"the image's health check says {health}")
    finally:
        await asyncio.to_thread(run, *compose, "down", "--volumes", "--timeout", "5")
    return finding


@cases.case("the image without a file and with nothing to write to")
async def bare_image(bench: Bench) -> Finding:
    finding = Finding()
    if bench.balancer.name != "weir":
        finding.notes.append("only for weir")
        return finding
    docker("run", "--detach", "--name", "bare", "--read-only", "--cap-drop", "ALL",
           bench.balancer.image, "run", "--listen", ":8080", "--to", "app:8080")
    try:
        health = await health_of("bare")
        finding.expect(health == "healthy", f"its health check says {health}\n"
                       + docker("logs", "bare"))
        said = docker("exec", "bare", "/weir", "status")
        finding.expect("app" in said, f"weir status does not name the pool:\n{said}")
        docker("stop", "bare")
        ended = docker("inspect", "--format", "{{.State.ExitCode}}", "bare")
        finding.expect(ended == "0", f"it ended with {ended} on SIGTERM")
    finally:
        docker("rm", "--force", "bare")
    return finding


async def health_of(container: str) -> str:
    """What the image's own check found: asked first 5 s after the start."""
    health = "starting"
    for _ in range(100):
        health = docker("inspect", "--format", "{{.State.Health.Status}}", container)
        if health != "starting":
            break
        await asyncio.sleep(0.1)
    return health


async def ask_until_all_answered(port: int) -> tuple[set[str], str]:
    asker, seen, last = Traffic((MACHINE, port), 1), set(), ""
    for _ in range(200):
        exchange = Exchange("GET", "/", closes=True)
        await asker.ask(exchange)
        seen |= {exchange.replica} - {""}
        last = exchange.failure or last
        if len(seen) == REPLICAS:
            break
        await asyncio.sleep(0.05)
    return seen, last
