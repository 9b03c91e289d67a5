"""What the configurations of the page find: Docker's DNS, and applications behind its names.

The balancers are in a network where port 80 and 127.0.0.11 are free, and the applications in one
beside it, as containers are.
"""

import asyncio
import base64
import hashlib
import json
import socket
import ssl
import struct
from pathlib import Path

from lab.machine import NetworkOf, network_beside, run

DNS = "127.0.0.11"
HTTP_PORT, TLS_PORT, TCP_PORT = 8080, 8443, 6379
APPLICATIONS = ["app", "app1", "app2", "site", "api", "blog", "stable", "canary"]
STREAMS = ["redis1", "redis2"]
ADDRESSES = {name: f"172.30.0.{number}" for number, name in
             enumerate([*APPLICATIONS, *STREAMS], 1)}
BALANCER = "172.30.0.254/24"
SECRETS = Path("/run/secrets")
TYPE_A, NXDOMAIN = 1, 3
# RFC 6455, section 1.3.
WEBSOCKET = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Names(asyncio.DatagramProtocol):
    """Answers for the names above, as Docker's DNS does; any other is NXDOMAIN."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, query: bytes, client: tuple[str, int]) -> None:
        labels, place = [], 12
        while query[place]:
            labels.append(query[place + 1:place + 1 + query[place]].decode().lower())
            place += 1 + query[place]
        question, kind = query[12:place + 5], struct.unpack(">H", query[place + 1:place + 3])[0]
        address = ADDRESSES.get(".".join(labels))
        code = 0 if address else NXDOMAIN
        record = b""
        if address and kind == TYPE_A:
            record = struct.pack(">HHHIH", 0xC00C, TYPE_A, 1, 600, 4) + socket.inet_aton(address)
        header = query[:2] + struct.pack(">5H", 0x8180 | code, 1, 1 if record else 0, 0, 0)
        self.transport.sendto(header + question + record, client)


class Application:
    """Answers every request with what it saw of it; /healthz; WebSockets are echoed as bytes."""

    def __init__(self, name: str):
        self.name = name

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode("latin-1").strip().split("\r\n")
                fields: dict[str, str] = {}
                for name, value in (field.split(":", 1) for field in lines):
                    fields.setdefault(name.lower(), value.strip())
                method, target, _ = line.split(" ")
                if fields.get("upgrade", "").lower() == "websocket":
                    key = fields["sec-websocket-key"].encode() + WEBSOCKET
                    accept = base64.b64encode(hashlib.sha1(key).digest())
                    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                 b"Upgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n" % accept)
                    while data := await reader.read(4096):
                        writer.write(data)
                    return
                body = json.dumps({
                    "application": self.name, "method": method, "target": target,
                    "host": fields.get("host", "").removesuffix(":80"),
                    "client": fields.get("x-forwarded-for"),
                    "scheme": fields.get("x-forwarded-proto")}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             b"Content-Length: %d\r\n\r\n" % len(body) + body)
                if fields.get("connection", "").lower() == "close" or line.endswith("HTTP/1.0"):
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                writer.write(data)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


def network():
    """The network of the applications."""
    return network_beside(BALANCER, (f"{address}/24" for address in ADDRESSES.values()))


def make_certificates() -> None:
    """Where Docker puts secrets: a chain, its key, and both in one file, for shop.example."""
    SECRETS.mkdir()
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=shop.example", "-addext",
        "subjectAltName=DNS:shop.example,DNS:api.example", "-keyout", str(SECRETS / "shop.key"),
        "-out", str(SECRETS / "shop.pem"))
    both = [(SECRETS / name).read_text() for name in ("shop.pem", "shop.key")]
    (SECRETS / "shop.both.pem").write_text("".join(both))


async def build(folder: Path, applications: NetworkOf) -> list:
    """Names and applications; the resolver of this namespace is Docker's from now on."""
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {DNS}\noptions ndots:0\n")
    run("mount", "--bind", str(resolver), "/etc/resolv.conf")
    make_certificates()
    loop = asyncio.get_running_loop()
    parts = [await loop.create_datagram_endpoint(Names, local_addr=(DNS, 53))]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(SECRETS / "shop.pem", SECRETS / "shop.key")
    for name, address in ADDRESSES.items():
        application = Application(name)
        plain, secure = {}, {"ssl": tls}
        ports = [(TCP_PORT, application.echo, plain)] if name in STREAMS else [
            (HTTP_PORT, application.serve, plain), (TLS_PORT, application.serve, secure)]
        for port, serve, options in ports:
            with applications:
                listener = socket.create_server((address, port))
            parts.append(await asyncio.start_server(serve, sock=listener, **options))
    return parts
