"""What stands around weir in these tests: replicas, the DNS server that lists them, clients."""

import asyncio
import random
import socket
import struct
import time
from dataclasses import dataclass, field

TYPE_A, TYPE_PTR, NXDOMAIN, TRUNCATED = 1, 12, 3, 0x0200
DATAGRAM_BYTES = 1232


@dataclass
class Behaviour:
    """How the replicas of one service answer; may change at any time."""

    milliseconds: float = 4.0
    errors: float = 0.0


@dataclass
class Service:
    name: str
    network: int
    behaviour: Behaviour = field(default_factory=Behaviour)
    replicas: dict[str, "Replica"] = field(default_factory=dict)
    started: int = 0


class Replica:
    """One HTTP server, as a container would run it."""

    def __init__(self, address: str, port: int, behaviour: Behaviour):
        self.address, self.port, self.behaviour = address, port, behaviour
        self.connections: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, self.address, self.port)

    def kill(self) -> None:
        self.server.close()
        for writer in self.connections:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not head.startswith(b"GET /healthz"):
                    await asyncio.sleep(
                        random.lognormvariate(0, 0.5) * self.behaviour.milliseconds / 1000)
                    fails = random.random() < self.behaviour.errors
                    status = "500 Internal Server Error" if fails else "200 OK"
                else:
                    status = "200 OK"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nok\n".encode())
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()


class Town(asyncio.DatagramProtocol):
    """Services and the DNS that lists them, forwards and backwards, as Docker's does."""

    def __init__(self, port: int, project: str = "shop"):
        self.port, self.project = port, project
        self.services: dict[str, Service] = {}

    async def open(self) -> None:
        """UDP and TCP at one port; which, the machine decides."""
        loop = asyncio.get_running_loop()
        for attempt in range(20):
            self.stream = await asyncio.start_server(self._answer_stream, "127.0.0.1", 0)
            port = self.stream.sockets[0].getsockname()[1]
            try:
                await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", port))
                break
            except OSError:
                self.stream.close()
                if attempt == 19:
                    raise
        self.dns = f"127.0.0.1:{port}"

    def service(self, name: str, **behaviour: float) -> Service:
        service = Service(name, 10 + len(self.services), Behaviour(**behaviour))
        self.services[name] = service
        return service

    async def start(self, name: str, count: int = 1) -> None:
        service = self.services[name]
        for _ in range(count):
            service.started += 1
            high, low = divmod(service.started, 250)
            replica = Replica(
                f"127.{service.network}.{high}.{low + 1}", self.port, service.behaviour)
            await replica.start()
            service.replicas[f"{self.project}-{name}-{service.started}"] = replica

    def kill(self, container: str) -> None:
        """It is gone, and so is its record."""
        for service in self.services.values():
            if replica := service.replicas.pop(container, None):
                replica.kill()

    def stop_listening(self, container: str) -> None:
        """The process has died, the container is there: DNS still lists it."""
        for service in self.services.values():
            if container in service.replicas:
                service.replicas[container].kill()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, query: bytes, client: tuple[str, int]) -> None:
        answer = self._answer(query)
        if len(answer) > DATAGRAM_BYTES:
            end = query.index(b"\0", 12) + 5
            head = struct.pack(">5H", 0x8180 | TRUNCATED, 1, 0, 0, 0)
            answer = query[:2] + head + query[12:end]
        self.transport.sendto(answer, client)

    async def _answer_stream(
            self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while length := await reader.readexactly(2):
                answer = self._answer(await reader.readexactly(int.from_bytes(length)))
                writer.write(len(answer).to_bytes(2) + answer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5
        labels, place = [], 12
        while length := query[place]:
            labels.append(query[place + 1:place + 1 + length].decode())
            place += 1 + length
        question, kind = query[12:end], struct.unpack(">H", query[end - 4:end - 2])[0]
        records = self._records(labels, kind)
        if records is None:
            head = struct.pack(">5H", 0x8180 | NXDOMAIN, 1, 0, 0, 0)
        else:
            head = struct.pack(">5H", 0x8180, 1, len(records), 0, 0)
        body = b"".join(
            struct.pack(">HHHIH", 0xC00C, kind, 1, 600, len(data)) + data
            for data in records or [])
        return query[:2] + head + question + body

    def _records(self, labels: list[str], kind: int) -> list[bytes] | None:
        if kind == TYPE_PTR:
            address = ".".join(reversed(labels[:4]))
            for service in self.services.values():
                for container, replica in service.replicas.items():
                    if replica.address == address:
                        parts = [container, f"{self.project}_default"]
                        return [b"".join(bytes([len(p)]) + p.encode() for p in parts) + b"\0"]
            return None
        service = self.services.get(".".join(labels))
        if service is None or not service.replicas:
            return None
        if kind != TYPE_A:
            return []
        return [socket.inet_aton(replica.address) for replica in service.replicas.values()]


class Clients:
    """Keeps requests coming at a rate, over keep-alive connections."""

    def __init__(self, host: str, port: int):
        self.host, self.port = host, port
        self.tasks: list[asyncio.Task] = []

    def send(self, name: str, path: str, per_second: float, connections: int = 4) -> None:
        for _ in range(connections):
            self.tasks.append(asyncio.create_task(
                self._keep_sending(name, path, per_second / connections)))

    def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.tasks = []

    async def _keep_sending(self, name: str, path: str, per_second: float) -> None:
        request = f"GET {path} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()
        while True:
            try:
                reader, writer = await asyncio.open_connection(self.host, self.port)
                due = time.monotonic() + random.random() / per_second
                while True:
                    await asyncio.sleep(max(0, due - time.monotonic()))
                    due += random.expovariate(per_second)
                    writer.write(request)
                    head = await reader.readuntil(b"\r\n\r\n")
                    for line in head.split(b"\r\n"):
                        if line.lower().startswith(b"content-length:"):
                            await reader.readexactly(int(line.split(b":")[1]))
            except (ConnectionError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.05)
