"""How a command of these tests starts: root, packages, namespaces, an engine, and its end."""

import argparse
import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from . import machine
from .balancers import BALANCERS
from .bench import Bench
from .engine import Engine
from .images import build_replica, import_replica

PACKAGES = ("dockerd=docker.io", "docker=docker.io", "docker-compose", "gcc=gcc", "nettle-dev",
            "libc6-dev", "ip=iproute2", "iptables", "make", "busybox-static")

Body = Callable[[argparse.Namespace, Bench], Awaitable[int]]


def parser(description: str, balancers: Iterable[str], rate: float) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--balancer", choices=balancers, default="weir")
    parser.add_argument("--only", default="", help="those whose name contains this")
    parser.add_argument("--rate", type=float, default=rate, help="requests per second")
    parser.add_argument("--keep", type=Path, help="folder for logs, journals and Compose files")
    return parser


def main(arguments: argparse.Namespace, body: Body, packages: Iterable[str] = ()) -> int:
    """Runs the body with a bench; its answer is the exit status."""
    if os.geteuid() != 0:
        print("SKIPPED: a Docker Engine of the tests' own needs root.\n\n0 passed, 0 failed")
        return 0
    program = BALANCERS[arguments.balancer]().program
    if arguments.balancer == "weir" and not program.exists():
        print(f"{program} is missing: `make build`, or name a weir in $WEIR.\n\n0 passed, 1 failed")
        return 1
    machine.install(*PACKAGES, *packages)
    build_replica()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="weir-docker-"))
    try:
        machine.enter_private_namespaces()
        with Engine() as engine:
            return asyncio.run(run_bench(arguments, engine, folder.resolve(), body))
    except (OSError, RuntimeError) as error:
        print(f"FAILED: the Docker tests could not run: {error}\n\n0 passed, 1 failed", flush=True)
        return 1
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        return 130
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)


async def run_bench(arguments: argparse.Namespace, engine: Engine, folder: Path,
                    body: Body) -> int:
    import_replica()
    bench = Bench(engine, BALANCERS[arguments.balancer](), folder, arguments.rate)
    await bench.outside.start()
    print(f"{bench.balancer.name} on Docker {engine.version}, {bench.rate:.0f} requests/s",
          flush=True)
    return await body(arguments, bench)
