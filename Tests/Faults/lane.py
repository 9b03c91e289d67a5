"""A network with two replicas in it, weir before them, and rules that break one or the other. Each
lane is a world of its own, so that several cases can wait at once."""

import asyncio
import contextlib
from contextlib import ExitStack
from pathlib import Path

import wires
from figures import Watched, until
from lab.certificates import certificate
from lab.machine import network_beside, run
from lab.report import Finding
from replicas import Replica, Script, ordinary
from servers import free_port

# What a time-out is here; what is shorter has a reason of its own.
TIME_OUT = 1.5
CONNECT = HOLD = 0.5
KEPT = 2.0
# How much later than documented anything may be on a slow machine.
SLACK = 5.0

SETTINGS = """\
listeners:
  web: {{ bind: "127.0.0.1:{web}" }}
  raw: {{ bind: "127.0.0.1:{raw}", protocol: tcp, pool: raw }}
  outer: {{ bind: "{own}:8080" }}
  secure: {{ bind: "{own}:8443", tls: {{ certificates: [{{ chain: {chain}, key: {key} }}] }} }}
routes:
  - {{ path: /get, pool: get }}
  - {{ path: /h2, pool: h2 }}
  - {{ path: /post, pool: post }}
  - {{ path: /pair, pool: pair }}
  - {{ path: /patient, pool: patient }}
  - {{ path: /plain, pool: plain }}
{probed_route}
pools:
  get: {{ discover: ["{faulty}:80"], hold: {{ timeout: 500ms }}, {common}, {times} }}
  h2: {{ discover: ["{faulty}:80"], hold: {{ timeout: 500ms }}, {common}, {times} }}
  post: {{ discover: ["{faulty}:80"], hold: {{ timeout: 500ms }}, {common}, {times} }}
  pair: {{ discover: ["{faulty}:80", "{good}:80"], retry: {{ first_byte: on }}, {common}, {times} }}
  raw: {{ discover: ["{faulty}:80"], hold: {{ timeout: 500ms }}, {common}, {times} }}
  patient: {{ discover: ["{faulty}:80"], {common}, timeouts: {{ connect: 500ms }} }}
  plain: {{ discover: ["{good}:80"], {common}, {times} }}
{probed_pool}
limits:
  head_timeout: 1500ms
  keep_alive_timeout: 2s
  client_idle_timeout: 1500ms
"""
COMMON = "probe: off, ejection: off"
TIMES = "timeouts: { connect: 500ms, first_byte: 1500ms, body_idle: 1500ms, idle: 4s, fresh: 4s," \
        " tunnel_idle: 1500ms }"
PROBED = "  probed: {{ discover: [\"{faulty}:80\"], hold: off, ejection: off," \
         " probe: {{ interval: 300ms, timeout: 300ms, rise: 1 }} }}"
POOLS = ("get", "h2", "post", "pair", "patient", "plain")


class Lane:
    def __init__(self, number: int, folder: Path, probes: str = "off"):
        self.number, self.folder, self.probes = number, folder, probes
        self.own, self.faulty_address, self.good_address, self.client = (
            f"10.66.{number}.{last}" for last in (254, 1, 2, 9))
        self.link = f"outside{number}"
        self.web, self.raw = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
        self.outer, self.secure = (self.own, 8080), (self.own, 8443)
        self.rules = ExitStack()
        self.parts = 0

    async def __aenter__(self) -> "Lane":
        self.folder.mkdir(parents=True)
        self.held = ExitStack()
        addresses = (self.faulty_address, self.good_address, self.client)
        self.network = self.held.enter_context(network_beside(
            f"{self.own}/24", (f"{address}/24" for address in addresses), self.link))
        chain, key = certificate(self.folder, "localhost")
        words = {"web": self.web[1], "raw": self.raw[1], "own": self.own, "chain": chain,
                 "key": key, "faulty": self.faulty_address, "good": self.good_address,
                 "common": COMMON, "times": TIMES, "probed_route": "", "probed_pool": ""}
        if self.probes == "on":
            words["probed_route"] = "  - { path: /probed, pool: probed }"
            words["probed_pool"] = PROBED.format(**words)
        self.faulty = Replica(self.network, self.faulty_address)
        self.good = Replica(self.network, self.good_address)
        for replica in (self.faulty, self.good):
            replica.start()
        starting = Watched(self.folder, SETTINGS.format(**words), self.web[1])
        self.weir = self.held.enter_context(starting)
        await self.recover()
        await until(self.rests, "nothing is in flight")
        idle = (await self.weir.metrics())["weir_replica_connections_idle"]
        self.baseline = self.weir.descriptors() - int(idle)
        return self

    async def __aexit__(self, *_) -> None:
        self.rules.close()
        for replica in (self.faulty, self.good):
            await replica.stop()
        await asyncio.to_thread(self.held.close)

    async def rests(self) -> bool:
        metrics = await self.weir.metrics()
        return metrics["weir_worker_client_connections"] == 0 \
            and metrics["weir_worker_buffers_in_use"] == 0

    # What is broken until the end of the case.

    def rule(self, add: tuple[str, ...], remove: tuple[str, ...], inside: bool = False) -> None:
        execute = self.network.run if inside else run
        execute(*add)
        self.rules.callback(execute, *remove)

    def filter(self, *words: str, inside: bool = False) -> None:
        """A rule of the kernel's filter for what arrives, here or on the other side."""
        self.rule(("iptables", "-w", "-I", "INPUT", *words),
                  ("iptables", "-w", "-D", "INPUT", *words), inside)

    def silence(self, address: str) -> None:
        """Nothing from it or to it arrives any more, and nobody is told."""
        self.filter("-s", address, "-j", "DROP")
        self.filter("-d", address, "-j", "DROP", inside=True)

    def refuse(self, how: str) -> None:
        """Connects to the faulty replica are turned away."""
        self.filter("-d", self.faulty_address, "-p", "tcp", "--syn", "-j", "REJECT",
                    "--reject-with", how, inside=True)

    def lose(self, share: float) -> None:
        """So many of the packets between weir and the faulty replica get lost."""
        chance = ("-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP")
        self.filter("-s", self.faulty_address, *chance)
        self.filter("-d", self.faulty_address, *chance, inside=True)

    def throttle(self, rate: str) -> None:
        """What replicas and clients send comes no faster."""
        self.rule(("tc", "qdisc", "add", "dev", "inside", "root", "tbf", "rate", rate, "burst",
                   "16kb", "latency", "100ms"), ("tc", "qdisc", "del", "dev", "inside", "root"),
                  inside=True)

    def cut_link(self) -> None:
        self.rule(("ip", "link", "set", self.link, "down"), ("ip", "link", "set", self.link, "up"))

    # The course of a case.

    async def begin(self, script: Script = ordinary) -> None:
        """No connection to the faulty replica is kept from before."""
        self.faulty.begin(script)
        await until(self.keeps_nothing, "weir has closed what it kept")
        self.faulty.arrived = self.parts = 0
        self.mark = self.weir.log_size()

    async def keeps_nothing(self) -> bool:
        series = await self.weir.metrics()
        return not any(count for name, count in series.items()
                       if name.startswith("weir_replica_connections_idle{")
                       and f'"{self.faulty_address}:' in name)

    def note_part(self) -> None:
        self.parts += 1

    async def connect(self, address: tuple[str, int]) -> wires.Streams:
        """A client on the other side of the link, with an address of its own."""
        with self.network:
            client = wires.socket.socket()
        client.setblocking(False)
        client.bind((self.client, 0))
        await asyncio.get_running_loop().sock_connect(client, address)
        return await asyncio.open_connection(sock=client)

    async def record(self, target: str = "", number: int = 1) -> list[dict]:
        """What the access log says since the beginning of the case, of a target or of all."""
        found: list[dict] = []

        def is_there() -> bool:
            nonlocal found
            found = [line for line in self.weir.lines(self.mark)
                     if not target or line.get("target") == target]
            return len(found) >= number
        await until(is_there, f"{number} lines about {target or 'anything'} in the access log")
        return found

    async def heal(self, finding: Finding) -> None:
        """The case is over: everybody is as before, and an ordinary request works."""
        self.rules.close()
        self.faulty.unfill()
        # Before the replica ends anything: what weir has forgotten would go with it.
        left = await self.weir.settle(self.baseline)
        finding.expect(not left, left)
        self.faulty.begin(ordinary)
        plain = await wires.ask(self.web, "GET", "/plain/after")
        finding.expect((plain.status, plain.body) == (200, b"ok"),
                       f"the next ordinary request: {plain}")
        await self.recover()
        left = await self.weir.settle(self.baseline)
        finding.expect(not left, left)

    async def recover(self) -> None:
        async def answers(path: str) -> bool:
            with contextlib.suppress(OSError):
                return (await wires.ask(self.web, "GET", path)).status == 200
            return False
        pools = POOLS + (("probed",) if self.probes == "on" else ())
        await asyncio.gather(*(until(lambda path=f"/{pool}/again": answers(path),
                                     f"pool {pool} answers again") for pool in pools))
