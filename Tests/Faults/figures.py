"""What the running weir says about itself, and what the kernel says about it."""

import asyncio
import json
import os
import re
from collections import defaultdict
from pathlib import Path

from weir import Weir


async def until(is_so, what: str, seconds: float = 20) -> None:
    """Waits for a condition, which may be a coroutine; it is a failure if it is not met."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        found = is_so()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        if loop.time() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.02)


def processor_seconds(process: int) -> float:
    words = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Watched(Weir):
    """A weir whose metrics, access log, descriptors and memory are looked at while it runs."""

    def __init__(self, folder: Path, text: str, port: int, name: str = "weir"):
        super().__init__(folder, text, port, name)
        self.admin = folder / f"{name}.sock"

    async def metrics(self) -> dict[str, float]:
        """Each series, and under its name alone the sum of all that have the name."""
        reader, writer = await asyncio.open_unix_connection(str(self.admin), limit=1 << 22)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n")
        text = (await reader.read()).decode()
        writer.close()
        found: dict[str, float] = defaultdict(float)
        for name, labels, value in re.findall(r"^(\w+)(\{[^}]*\})? (\S+)$", text, re.M):
            found[name] += float(value)
            if labels:
                found[name + labels] = float(value)
        return found

    def lines(self, start: int = 0) -> list[dict]:
        """The access log from a place on, as far as lines are whole."""
        with self.access.open("rb") as file:
            file.seek(start)
            return [json.loads(line) for line in file if line.endswith(b"\n")]

    def log_size(self) -> int:
        return self.access.stat().st_size

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident(self) -> int:
        """Bytes of memory."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024

    def processor_seconds(self) -> float:
        return processor_seconds(self.process.pid)

    async def left_over(self, baseline: int) -> dict[str, float]:
        """What is held without work, of that which must be given back with it."""
        metrics = await self.metrics()
        idle = metrics["weir_replica_connections_idle"]
        held = {name: metrics[name] for name in (
            "weir_worker_exchanges", "weir_worker_tunnels", "weir_worker_buffers_in_use",
            "weir_worker_client_connections", "weir_pool_requests_holding",
            "weir_pool_in_flight", "weir_replica_in_flight")}
        held["connections to replicas, used by nobody and not kept"] = \
            metrics["weir_replica_connections_open"] - idle
        held["descriptors"] = self.descriptors() - idle - baseline
        return {name: count for name, count in held.items() if count}

    async def settle(self, baseline: int, seconds: float = 20) -> str:
        """Waits until nothing is left of what was; else says what is."""
        left: dict[str, float] = {}

        async def is_clean() -> bool:
            nonlocal left
            left = await self.left_over(baseline)
            return not left
        try:
            await until(is_clean, "nothing is left", seconds)
            return ""
        except AssertionError:
            return f"left over after {seconds:g} s: {left}"
