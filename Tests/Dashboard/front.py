"""weir in front of the town, with an admin interface that asks for a token."""

import asyncio
import json
import os
import socket
import urllib.request
from pathlib import Path

from town import Behaviour, Clients, Replica, Town

REPOSITORY = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef0123456789abcdef"

CONFIGURATION = """\
listeners:
  web: {{ bind: "127.0.0.1:{web}" }}
  redis: {{ bind: "127.0.0.1:{redis}", protocol: tcp, pool: cache }}
routes:
  - {{ pool: web }}
  - {{ host: api.example.com, path: /v1/, split: api }}
  - {{ path: /search, pool: search }}
splits:
  api: {{ weights: {{ api-stable: 95, api-canary: 5 }}, sticky: cookie }}
pools:
  web: {{ discover: {web_replicas}, addresses: attached, probe: {{ http: /healthz, interval: {pace} }} }}
  api-stable: {{ discover: "api:{town}", addresses: attached, probe: {{ http: /healthz }} }}
  api-canary: {{ discover: "api-canary:{town}", addresses: attached, probe: {{ http: /healthz }} }}
  search: {{ discover: "search:{town}", addresses: attached, probe: {{ http: /healthz }} }}
  cache: {{ discover: "cache:{town}", addresses: attached, probe: {{ tcp: true }} }}
dns: {{ servers: ["{dns}"] }}
admin: {{ bind: "127.0.0.1:{admin}", socket: "{folder}/admin.sock", token_file: "{folder}/token" }}
log: {{ access: off }}
state: off
workers: 1
"""


def weir_program() -> Path:
    return Path(os.environ.get("WEIR") or REPOSITORY / ".build" / "release" / "weir").resolve()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Front:
    """weir, the town behind it and clients before it, for the life of an `async with` block."""

    def __init__(self, folder: Path, replicas: int = 4):
        self.folder, self.replicas = folder, replicas
        self.ports = {name: free_port() for name in ["web", "redis", "admin", "town", "crowd"]}
        self.address = f"http://127.0.0.1:{self.ports['admin']}/"

    async def __aenter__(self) -> "Front":
        self.folder.mkdir(parents=True, exist_ok=True)
        self.town = Town(self.ports["town"])
        await self.town.open()
        counts = {"app": 4, "api": 3, "api-canary": 2, "search": 2, "cache": 1}
        for name, count in counts.items():
            self.town.service(name, milliseconds=30 if name == "search" else 8)
            await self.town.start(name, count)
        (self.folder / "token").write_text(TOKEN + "\n")
        settings = self.folder / "weir.yaml"
        web, pace = f'"app:{self.ports["town"]}"', "1s"
        if self.replicas > 4:
            web, pace = await self._crowd(), "60s"
        settings.write_text(CONFIGURATION.format(
            folder=self.folder, dns=self.town.dns, web_replicas=web, pace=pace, **self.ports))
        with open(self.folder / "weir.log", "w") as log:
            self.process = await asyncio.create_subprocess_exec(
                weir_program(), "run", "-c", settings, stderr=log)
        self.clients = Clients("127.0.0.1", self.ports["web"])
        await self._until_ready()
        for name, path, rate in [("www.example.com", "/", 60), ("api.example.com", "/v1/a", 40),
                                 ("www.example.com", "/search", 15)]:
            self.clients.send(name, path, rate)
        return self

    async def __aexit__(self, *_) -> None:
        self.clients.stop()
        if self.process.returncode is None:
            self.process.terminate()
        await asyncio.wait_for(self.process.wait(), 30)

    async def _crowd(self) -> str:
        """As many addresses of loopback, all of which one server has: it is Python, and slow."""
        port = self.ports["crowd"]
        await Replica("0.0.0.0", port, Behaviour()).start()
        places = [f'"127.99.{number // 250}.{number % 250 + 1}:{port}"'
                  for number in range(self.replicas)]
        return f"[{', '.join(places)}]"

    async def _until_ready(self) -> None:
        for _ in range(1200):
            try:
                if await asyncio.to_thread(self._are_ready):
                    return
            except OSError:
                pass
            await asyncio.sleep(0.05)
        raise AssertionError("not all replicas became ready within 60 s")

    def _are_ready(self) -> bool:
        pools = self.status()["pools"]
        return all(pool["ready"] == len(pool["replicas"]) > 0 for pool in pools)

    def status(self) -> dict:
        with urllib.request.urlopen(f"{self.address}status", timeout=10) as answer:
            return json.load(answer)
