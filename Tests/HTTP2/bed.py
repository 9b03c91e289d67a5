"""weir before one origin of each protocol, and what it must have given back after each case."""

import asyncio
import os
import re
import subprocess
import time
from pathlib import Path

import origins
from lab.certificates import certificate, server_context
from lab.machine import REPOSITORY
from lab.report import Finding

GAUGES = ("weir_worker_exchanges", "weir_worker_tunnels", "weir_worker_buffers_in_use",
          "weir_worker_client_connections")


# What an origin speaks, and what it knows by ALPN; nothing: no TLS.
BACKS = {"http1": ("http1", ()), "http2": ("http2", ()),
         "https1": ("http1", ("http/1.1",)), "https2": ("http2", ("h2",)),
         "either": ("either", ("h2", "http/1.1"))}


class Bed:
    """Listeners and pools have the names of `BACKS`, and TLS is spoken on both sides or neither.
    By TLS weir is not told what its replicas speak. Pool `mixed` has one of each, `raw` is a TCP
    listener to `either`, and `more` has the replicas of other pools that speak TLS."""

    def __init__(self, folder: Path, pool: str = "ejection: off",
                 more: dict[str, str] | None = None):
        self.folder, self.pool, self.more = folder, pool, more or {}
        self.origins: dict[str, origins.Origin] = {}
        self.ports: dict[str, int] = {}

    async def __aenter__(self) -> "Bed":
        self.folder.mkdir(parents=True, exist_ok=True)
        self.servers = []
        self.certificate = chain, key = certificate(self.folder, "localhost")
        places = {}
        for name, (protocol, offered) in BACKS.items():
            tls = server_context(chain, key, *offered) if offered else None
            self.origins[name], server = await origins.start(protocol, tls)
            self.servers.append(server)
            places[name] = f'"127.0.0.1:{server.sockets[0].getsockname()[1]}"'
        places["mixed"] = f'{places["https1"]}, {places["https2"]}'
        places |= self.more
        lines = {"listeners": [], "routes": [], "pools": []}
        # Both ends of a handshake wait for this one process, and so does its connect.
        for name, listed in places.items():
            is_secured = name not in BACKS or BACKS[name][1]
            shown = f", tls: {{ certificates: [{{ chain: {chain}, key: {key} }}] }}"
            spoken = f"tls: {{ ca: {chain}, server_name: localhost }}"
            lines["listeners"].append(
                f'{name}: {{ bind: "127.0.0.1:0"{shown if is_secured else ""} }}')
            lines["routes"].append(f"- {{ listener: {name}, pool: {name} }}")
            lines["pools"].append(
                f'{name}: {{ discover: [{listed}], {spoken if is_secured else "protocol: " + name},'
                f" probe: off, timeouts: {{ connect: 20s }}, {self.pool} }}")
        lines["listeners"].append('raw: { bind: "127.0.0.1:0", protocol: tcp, pool: either }')
        text = "".join(f"{part}:\n" + "".join(f"  {line}\n" for line in lines[part])
                       for part in lines)
        (self.folder / "weir.yaml").write_text(
            text + f'admin: {{ bind: off, socket: "{self.folder}/admin.sock" }}\nstate: off\n'
            "workers: 1\nlog: { access: off }\n")
        program = os.environ.get("WEIR") or REPOSITORY / ".build" / "release" / "weir"
        self.log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(
            [str(Path(program).resolve()), "run", "-c", "weir.yaml"], cwd=self.folder,
            stdout=self.log, stderr=subprocess.STDOUT)
        await self.until(lambda: len(self.find_ports()) == len(places) + 1, "weir listens")
        self.ports = self.find_ports()
        return self

    async def __aexit__(self, *_) -> None:
        self.process.terminate()
        for _ in range(100):
            if self.process.poll() is not None:
                break
            await asyncio.sleep(0.1)
        else:
            self.process.kill()
        self.log.close()
        for server in self.servers:
            server.close()

    def find_ports(self) -> dict[str, int]:
        said = (self.folder / "log").read_text(errors="replace")
        return {name: int(port) for name, port in
                re.findall(r"listener=(\w+) listening on 127\.0\.0\.1:(\d+)", said)}

    async def until(self, is_so, what: str, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:.0f} s: {what}")
            await asyncio.sleep(0.02)

    async def metrics(self) -> str:
        reader, writer = await asyncio.open_unix_connection(str(self.folder / "admin.sock"))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n")
        text = await reader.read()
        writer.close()
        return text.decode()

    async def drain(self) -> None:
        """Has the operator drain all replicas."""
        program = os.environ.get("WEIR") or REPOSITORY / ".build" / "release" / "weir"
        for server in self.servers:
            port = server.sockets[0].getsockname()[1]
            verb = await asyncio.create_subprocess_exec(
                str(Path(program).resolve()), "drain", "--force", f"127.0.0.1:{port}",
                "--admin", f"unix:{self.folder}/admin.sock")
            if await verb.wait():
                raise AssertionError(f"weir drain ended with {verb.returncode}")

    async def gauges(self) -> dict[str, float]:
        text = await self.metrics()
        return {name: float(value) for name, value in
                re.findall(r'^(\w+)\{worker="0"\} (\S+)', text, re.M) if name in GAUGES}

    async def settle(self, finding: Finding, origin: origins.Origin) -> None:
        """Nothing is left of the case: no exchange, no tunnel, no buffer, no stream."""
        deadline = time.monotonic() + 20
        while True:
            left = {name: count for name, count in (await self.gauges()).items() if count}
            if not left and not origin.open:
                return
            if time.monotonic() > deadline:
                finding.expect(False, f"left over: {left}, {origin.open} at the replica")
                return
            await asyncio.sleep(0.05)

    def resident(self) -> int:
        """Bytes of memory that weir has."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
