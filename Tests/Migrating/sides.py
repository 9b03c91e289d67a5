"""nginx, haproxy, Traefik, Caddy and weir, each with a configuration of the page as it stands."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lab.machine import BUILD, REPOSITORY

from town import ADDRESSES, APPLICATIONS, HTTP_PORT

NGINX_HTTP = "worker_processes 1;\nevents {}\nhttp {\naccess_log off;\n%s}\n"
NGINX_STREAM = ("load_module modules/ngx_stream_module.so;\nworker_processes 1;\n"
                "events {}\nstream {\n%s}\n")
TRAEFIK = BUILD / "migrating" / "traefik"


def weir_program() -> Path:
    chosen = os.environ.get("WEIR")
    return Path(chosen or REPOSITORY / ".build" / "release" / "weir").resolve()


def nginx(text: str, folder: Path, frame: str = NGINX_HTTP) -> tuple[list[str], list[str]]:
    file = folder / "nginx.conf"
    file.write_text(frame % text)
    common = ["nginx", "-c", str(file), "-e", "stderr", "-g",
              f"daemon off; pid {folder}/nginx.pid;"]
    return [*common, "-t"], common


def nginx_stream(text: str, folder: Path) -> tuple[list[str], list[str]]:
    return nginx(text, folder, NGINX_STREAM)


def haproxy(text: str, folder: Path) -> tuple[list[str], list[str]]:
    file = folder / "haproxy.cfg"
    file.write_text(text)
    return ["haproxy", "-c", "-f", str(file)], ["haproxy", "-db", "-f", str(file)]


def caddy(text: str, folder: Path) -> tuple[list[str], list[str]]:
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n}\n" + text)
    common = ["--adapter", "caddyfile", "--config", str(file)]
    return ["caddy", "validate", *common], ["caddy", "run", *common]


def traefik(text: str, folder: Path) -> tuple[None, list[str]]:
    """By its file provider, with what its Docker provider makes of the labels."""
    file = folder / "traefik.yaml"
    file.write_text(dynamic(text))
    return None, [str(TRAEFIK / "bin" / "traefik"), "--entrypoints.web.address=:80",
                  f"--providers.file.filename={file}", "--log.level=WARN",
                  "--global.checknewversion=false", "--global.sendanonymoususage=false"]


def dynamic(text: str) -> str:
    """The labels of a Compose file as Traefik's dynamic configuration, which is JSON here."""
    tree: dict = {}
    for label in re.findall(r"^ +- traefik\.(.*)$", text, re.M):
        path, value = label.split("=", 1)
        *branches, leaf = path.split(".")
        place = tree
        for branch in branches:
            # `sticky.cookie=true` stands for a section with nothing in it.
            if not isinstance(place.get(branch), dict):
                place[branch] = {}
            place = place[branch]
        place[leaf] = {"true": True, "false": False}.get(value, value)
    http = tree["http"]
    for name, router in http["routers"].items():
        router["service"] = name
    for name, service in http["services"].items():
        # One server for each container of the service.
        port = service["loadbalancer"].pop("server")["port"]
        containers = [each for each in APPLICATIONS if re.fullmatch(rf"{name}\d*", each)]
        service["loadbalancer"]["servers"] = [
            {"url": f"http://{ADDRESSES[each]}:{port}"} for each in containers]
        if service["loadbalancer"].get("sticky", {}).get("cookie") is True:
            service["loadbalancer"]["sticky"]["cookie"] = {}
    assert port == str(HTTP_PORT)
    return json.dumps(tree)


def weir(text: str, folder: Path) -> tuple[list[str], list[str]]:
    checked, file = folder / "checked.yaml", folder / "weir.yaml"
    checked.write_text(text)
    # But for what it would leave behind on this machine.
    file.write_text(text + f"state: off\nadmin: {{ socket: {folder}/admin.sock }}\n")
    program = str(weir_program())
    return [program, "check", str(checked)], [program, "run", "-c", str(file), "--workers", "1"]


SIDES: dict[str, Callable] = {
    "nginx http": nginx, "nginx stream": nginx_stream, "haproxy": haproxy, "traefik": traefik,
    "caddy": caddy, "weir": weir,
}


def check(command: list[str]) -> str:
    """What the program's own check complains of; empty if nothing."""
    done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return "" if done.returncode == 0 else done.stdout


@asynccontextmanager
async def running(command: list[str], folder: Path):
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT,
                                   env={**os.environ, "HOME": str(folder)})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT if command[0] == "caddy" else signal.SIGTERM)
        try:
            # In a thread: the applications close what it closes.
            await asyncio.to_thread(process.wait, 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
