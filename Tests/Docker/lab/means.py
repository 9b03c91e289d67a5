"""What each balancer offers to somebody who deploys, and the configuration that goes with it."""

import asyncio
import csv
import dataclasses
import io
import socket
import time
from collections.abc import Callable
from pathlib import Path

from .balancers import PORT, Balancer
from .site import Site

ECHO_PORT = 81
CONFIGURATIONS = Path(__file__).parents[1] / "conf"


class Means:
    """The verbs of a deploy; a balancer that lacks one says so."""

    lacks: frozenset[str] = frozenset()
    # What docker-rollout runs in each old container before it stops it.
    hook = ""

    def __init__(self, balancer: Balancer):
        ports = {PORT: 8080, ECHO_PORT: 8081}
        self.balancer = dataclasses.replace(balancer, settings=self.settings(), ports=ports)

    def settings(self) -> str:
        raise NotImplementedError

    async def ready(self, site: Site, service: str, replicas: int) -> None:
        """Returns when so many replicas get traffic or would get it."""
        await site.until_answered_by(replicas)

    async def drain(self, site: Site, containers: list[str], *, are_last: bool = False) -> None:
        """Returns when nothing is in flight on them, which may be the last of their pool."""
        raise NotImplementedError

    async def shift(self, site: Site, former: str, service: str) -> None:
        """All new traffic goes to the other service."""
        raise NotImplementedError

    async def rollout(self, site: Site, former: str, service: str) -> None:
        """The other service gets the traffic in judged steps."""
        raise NotImplementedError


class WeirMeans(Means):
    hook = "wget -q -O - --post-data= 'http://balancer:9900/drain/self?wait=20s'"

    def __init__(self, balancer: Balancer):
        super().__init__(balancer)
        service = {**balancer.service, "tmpfs": ["/run/weir:uid=65532,mode=0700"]}
        self.balancer = dataclasses.replace(self.balancer, service=service)

    def settings(self) -> str:
        return (CONFIGURATIONS / "weir.yaml").read_text()

    async def _weir(self, site: Site, *arguments: str) -> str:
        return await site.docker("exec", site.balancer_container, "/weir", *arguments)

    async def ready(self, site: Site, service: str, replicas: int) -> None:
        for pool in (service, f"{service}-echo"):
            await self._weir(site, "wait", pool, "--ready", str(replicas), "--timeout", "20s")

    async def drain(self, site: Site, containers: list[str], *, are_last: bool = False) -> None:
        await self._weir(site, "drain", *containers, "--wait", *(["--force"] if are_last else []))

    async def shift(self, site: Site, former: str, service: str) -> None:
        for split, ending in (("web", ""), ("echo", "-echo")):
            await self._weir(site, "shift", split, f"{service}{ending}=100", f"{former}{ending}=0")

    async def rollout(self, site: Site, former: str, service: str) -> None:
        await self._weir(site, "rollout", "start", "web", "--to", service, "--steps", "10,50,100",
                         "--every", "1s", "--min-requests", "20", "--wait")
        await self._weir(site, "shift", "echo", f"{service}-echo=100", f"{former}-echo=0")


class NginxMeans(Means):
    """Another configuration and a reload is all: nothing asks a replica, nothing drains one."""

    lacks = frozenset({"drain", "hook", "rollout"})

    def __init__(self, balancer: Balancer):
        super().__init__(balancer)
        module = next(Path("/usr/lib/nginx/modules").glob("ngx_stream_module.so"))
        files = {**balancer.files, "modules/ngx_stream_module.so": module}
        self.balancer = dataclasses.replace(self.balancer, files=files)

    def settings(self) -> str:
        return (CONFIGURATIONS / "nginx.conf").read_text()

    async def shift(self, site: Site, former: str, service: str) -> None:
        settings = site.settings_file
        was, becomes = f"set $colour {former};", f"set $colour {service};"
        settings.write_text(settings.read_text().replace(was, becomes))
        await site.docker("kill", "--signal", "HUP", site.balancer_container)


class HaproxyMeans(Means):
    """All over the runtime socket."""

    lacks = frozenset({"rollout"})
    # Its check fails from now on; the pause is for two checks and the requests in flight.
    hook = "kill -USR2 1 && sleep 3"

    def __init__(self, balancer: Balancer):
        super().__init__(balancer)
        self.balancer = dataclasses.replace(
            self.balancer, volumes=lambda folder: [f"{folder}:/run/haproxy"])

    def settings(self) -> str:
        return (CONFIGURATIONS / "haproxy.cfg").read_text()

    def _say(self, site: Site, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(site.folder / "admin.sock"))
            connection.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def _servers(self, site: Site) -> list[dict[str, str]]:
        lines = csv.DictReader(io.StringIO(self._say(site, "show stat").lstrip("# ")))
        return [line for line in lines if line["svname"] not in ("FRONTEND", "BACKEND")]

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    async def ready(self, site: Site, service: str, replicas: int) -> None:
        def have_passed() -> bool:
            # A server that was just resolved is called UP before its first check.
            up = [server["pxname"] for server in self._servers(site)
                  if server["svname"].startswith(service) and server["status"].startswith("UP")
                  and server["check_status"] == "L7OK"]
            return min(up.count("web"), up.count("echo")) >= replicas
        if not await self._until(have_passed, 20):
            raise TimeoutError(f"no {replicas} replicas of {service} have passed haproxy's check")

    async def drain(self, site: Site, containers: list[str], *, are_last: bool = False) -> None:
        addresses = {await site.address(container) for container in containers}
        chosen = [(server["pxname"], server["svname"]) for server in self._servers(site)
                  if server["addr"].rpartition(":")[0] in addresses]
        for backend, name in chosen:
            self._say(site, f"set server {backend}/{name} state drain")
        # Tunnels count like requests; they go on until their replica ends.
        await self._until(lambda: not any(
            int(server["scur"]) for server in self._servers(site)
            if (server["pxname"], server["svname"]) in chosen), 2)

    async def shift(self, site: Site, former: str, service: str) -> None:
        for weight, colour in ((100, service), (0, former)):
            for server in self._servers(site):
                if server["svname"].startswith(colour):
                    self._say(site, f"set server {server['pxname']}/{server['svname']}"
                                    f" weight {weight}")


MEANS = {"weir": WeirMeans, "nginx": NginxMeans, "haproxy": HaproxyMeans}
