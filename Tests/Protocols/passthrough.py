"""TLS that is passed on undecrypted, by the name that the client asks for."""

import socket
import ssl
import threading
import time
from pathlib import Path

from lab.machine import run
from lab.report import Cases, Finding

from weir import Weir, certificate, connect, free_port, receive_all

cases = Cases()


class TLSServer:
    """Says its own name to whoever completes a handshake, in HTTP."""

    def __init__(self, folder: Path, *names: str, port: int = 0):
        self.name = names[0]
        self.chain, key = certificate(folder, *names)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.chain, key)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]

    def __enter__(self) -> "TLSServer":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(10)
            with self.context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(65_536)
                body = f"I am {self.name}".encode()
                head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}"
                secured.sendall(head.encode() + b"\r\n\r\n" + body)
        except OSError:
            pass


def weir(folder: Path, port: int, names: dict[str, int], fallback: int = 0, more: str = "") -> Weir:
    pools = {name: f"pool-{number}" for number, name in enumerate(names)}
    lines = [f'listeners:\n  sni:\n    bind: "127.0.0.1:{port}"\n    protocol: tcp',
             "    server_names:"]
    lines += [f'      "{name}": {pool}' for name, pool in pools.items()]
    lines += ["    pool: fallback"] * bool(fallback) + ["pools:"]
    lines += [f'  {pool}: {{ discover: "127.0.0.1:{names[name]}" }}'
              for name, pool in pools.items()]
    lines += [f'  fallback: {{ discover: "127.0.0.1:{fallback}" }}'] * bool(fallback)
    return Weir(folder, "\n".join(lines) + "\n" + more, port)


def curl(port: int, name: str, chain: Path) -> str:
    return run("curl", "--silent", "--show-error", "--max-time", "20", "--cacert", str(chain),
               "--resolve", f"{name}:{port}:127.0.0.1", f"https://{name}:{port}/")


@cases.case("curl and openssl reach the server whose name they ask for, with its own certificate")
async def by_name(folder: Path) -> Finding:
    finding = Finding()
    port = free_port()
    with TLSServer(folder, "a.example.com") as a, TLSServer(folder, "b.test", "*.b.test") as b, \
            TLSServer(folder, "rest.test") as rest, \
            weir(folder, port, {"a.example.com": a.port, "*.b.test": b.port}, rest.port):
        for name, server in [("a.example.com", a), ("A.Example.COM", a), ("x.b.test", b)]:
            said = curl(port, name, server.chain)
            finding.expect(said == f"I am {server.name}", f"{name}: {said}")
        said = curl(port, "rest.test", rest.chain)
        finding.expect(said == "I am rest.test", f"another name: {said}")
        for name, flags in [("rest.test", ["-noservername"]),
                            ("b.test", ["-servername", "y.b.test"]),
                            ("a.example.com", ["-servername", "a.example.com", "-tls1_2"])]:
            said = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *flags,
                       stdin=open("/dev/null"))
            finding.expect(f"CN = {name}" in said, f"{flags}: not the certificate of {name}")
    return finding


@cases.case("a name that nobody has is refused with an alert, and what is no TLS without a word")
async def refused(folder: Path) -> Finding:
    finding = Finding()
    port = free_port()
    with TLSServer(folder, "a.test") as server, \
            weir(folder, port, {"a.test": server.port},
                 more="limits: { head_timeout: 1s }\n") as it:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        for name in ("b.test", None):
            try:
                context.wrap_socket(connect(port), server_hostname=name).close()
                finding.expect(False, f"{name} was accepted")
            except ssl.SSLError as error:
                finding.expect("UNRECOGNIZED_NAME" in str(error).upper(), f"{name}: {error}")
        for bad in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x00", b"\x16\x03\x01\xff\xff\x01",
                    b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00"):
            with connect(port) as connection:
                connection.sendall(bad)
                said = receive_all(connection)
                finding.expect(said == b"", f"{bad!r} was answered with {said!r}")
        with connect(port) as connection:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01")
            began = time.monotonic()
            receive_all(connection)
            took = time.monotonic() - began
            finding.expect(0.5 < took < 8, f"half a ClientHello had {took:.1f} s")
    reasons = [record.get("reason", "") for record in it.records()]
    finding.expect(sum("server name" in reason for reason in reasons) == 2, f"logged: {reasons}")
    return finding


@cases.case("a ClientHello that comes byte by byte is passed on as it came")
async def untouched(folder: Path) -> Finding:
    finding = Finding()
    port = free_port()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a.test").do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            weir(folder, port, {"a.test": listener.getsockname()[1]}), connect(port) as client:
        listener.settimeout(10)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in hello:
            client.sendall(bytes([byte]))
        client.sendall(b"more")
        received = b""
        while not received.endswith(b"more"):
            # Probes connect too, and say nothing.
            replica, _ = listener.accept()
            replica.settimeout(1)
            try:
                while not received.endswith(b"more"):
                    more = replica.recv(65_536)
                    if not more:
                        break
                    received += more
            except TimeoutError:
                pass
        finding.expect(received == hello + b"more", f"{len(received)} bytes came, changed")
    return finding


@cases.case("a client waits for a server that is not there yet, and is tried again elsewhere")
async def held(folder: Path) -> Finding:
    finding = Finding()
    port, later = free_port(), free_port()
    with weir(folder, port, {"a.test": later}):
        results: list[str] = []
        chain, _ = certificate(folder, "a.test")

        def ask() -> None:
            try:
                results.append(curl(port, "a.test", folder / "a.test.pem"))
            except RuntimeError as error:
                results.append(str(error))

        # The certificate is made anew by the server; clients start once it is there.
        server = TLSServer(folder, "a.test", port=0)
        server.listener.close()
        clients = [threading.Thread(target=ask) for _ in range(5)]
        for client in clients:
            client.start()
        time.sleep(0.5)
        finding.expect(results == [], f"nobody is there, and yet: {results}")
        server.listener = socket.create_server(("127.0.0.1", later))
        with server:
            for client in clients:
                client.join(20)
        finding.expect(results == ["I am a.test"] * 5, f"the five clients got {results}")
    return finding
