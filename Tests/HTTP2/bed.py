"""weir before one origin of each protocol, and what it must have given back after each case."""

import asyncio
import os
import re
import subprocess
import time
from pathlib import Path

import origins
from lab.machine import REPOSITORY
from lab.report import Finding

GAUGES = ("weir_worker_exchanges", "weir_worker_tunnels", "weir_worker_buffers_in_use",
          "weir_worker_client_connections")


class Bed:
    def __init__(self, folder: Path, pool: str = "ejection: off"):
        self.folder, self.pool = folder, pool
        self.origins: dict[str, origins.Origin] = {}
        self.ports: dict[str, int] = {}

    async def __aenter__(self) -> "Bed":
        backs = {}
        self.servers = []
        for protocol in ("http1", "http2"):
            self.origins[protocol], server = await origins.start(protocol)
            self.servers.append(server)
            backs[protocol] = server.sockets[0].getsockname()[1]
        self.folder.mkdir(parents=True, exist_ok=True)
        listeners = "\n".join(f'  {name}: {{ bind: "127.0.0.1:0" }}' for name in backs)
        routes = "\n".join(f"  - {{ listener: {name}, pool: {name} }}" for name in backs)
        pools = "\n".join(
            f'  {name}: {{ discover: ["127.0.0.1:{port}"], protocol: {name}, probe: off,'
            f" {self.pool} }}" for name, port in backs.items())
        (self.folder / "weir.yaml").write_text(
            f"listeners:\n{listeners}\nroutes:\n{routes}\npools:\n{pools}\n"
            f'admin: {{ bind: off, socket: "{self.folder}/admin.sock" }}\nstate: off\n'
            "workers: 1\nlog: { access: off }\n")
        program = os.environ.get("WEIR") or REPOSITORY / ".build" / "release" / "weir"
        self.log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(
            [str(Path(program).resolve()), "run", "-c", "weir.yaml"], cwd=self.folder,
            stdout=self.log, stderr=subprocess.STDOUT)
        await self.until(lambda: len(self.find_ports()) == len(backs), "weir listens")
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
