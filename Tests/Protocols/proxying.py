"""PROXY headers from haproxy and nginx to weir, and from weir to them."""

import shutil
import socket
import struct
import threading
import time
from pathlib import Path

from lab.report import Cases, Finding

from weir import (Origin, Server, Weir, ask, connect, free_port, read_response, receive_all,
                  receive_until)

cases = Cases()

CLIENT, PROXY = "127.0.0.77", "127.0.0.9"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def program(name: str) -> str:
    return shutil.which(name) or f"/usr/sbin/{name}"


def haproxy(folder: Path, port: int, text: str) -> Server:
    settings = folder / "haproxy.cfg"
    settings.write_text("global\n    log stdout format raw local0\ndefaults\n"
                        "    timeout connect 2s\n    timeout client 20s\n    timeout server 20s\n"
                        + text)
    return Server(folder, "haproxy", program("haproxy"), "-f", str(settings), port=port)


def nginx(folder: Path, port: int, text: str) -> Server:
    settings = folder / "nginx.conf"
    module = "/usr/lib/nginx/modules/ngx_stream_module.so"
    settings.write_text(f"load_module {module};\n" * Path(module).exists()
                        + "daemon off; pid nginx.pid; error_log stderr notice;\n"
                        "events { worker_connections 512; }\n" + text)
    return Server(folder, "nginx", program("nginx"), "-p", str(folder), "-c", str(settings),
                  port=port)


def seen_by_origin(handler) -> bytes:
    fields = handler.headers
    return f"{fields['X-Forwarded-For']} {fields['X-Forwarded-Proto']}".encode()


def weir_behind(folder: Path, port: int, origin: int) -> Weir:
    """HTTP and TCP, both from a proxy that says who its clients are."""
    return Weir(folder, f"""\
listeners:
  web: {{ bind: "127.0.0.1:{port}", proxy_protocol: {PROXY} }}
pools:
  app: {{ discover: "127.0.0.1:{origin}" }}
""", port)


@cases.case("the client is who haproxy's PROXY header says, version 1 and 2")
async def from_haproxy(folder: Path) -> Finding:
    finding = Finding()
    text, binary, port = free_port(), free_port(), free_port()
    with Origin(seen_by_origin) as origin, weir_behind(folder, port, origin.port) as weir, \
            haproxy(folder, text, f"""\
listen text
    bind 127.0.0.1:{text}
    mode tcp
    server weir 127.0.0.1:{port} send-proxy source {PROXY}
listen binary
    bind 127.0.0.1:{binary}
    mode tcp
    server weir 127.0.0.1:{port} send-proxy-v2 proxy-v2-options crc32c,unique-id source {PROXY}
"""):
        for way in (text, binary):
            with connect(way, CLIENT) as connection:
                for _ in range(3):
                    seen = ask(connection)
                    finding.expect(seen == f"{CLIENT} http".encode(), f"the origin saw {seen!r}")
    logged = {record["client"] for record in weir.records() if "method" in record}
    finding.expect(logged == {CLIENT}, f"the log names {logged}")
    return finding


@cases.case("the client is who nginx's PROXY header says")
async def from_nginx(folder: Path) -> Finding:
    finding = Finding()
    front, port = free_port(), free_port()
    with Origin(seen_by_origin) as origin, weir_behind(folder, port, origin.port), \
            nginx(folder, front, f"""\
stream {{ server {{
    listen 127.0.0.1:{front}; proxy_pass 127.0.0.1:{port}; proxy_protocol on;
    proxy_bind {PROXY};
}} }}
"""):
        with connect(front, CLIENT) as connection:
            seen = ask(connection)
            finding.expect(seen == f"{CLIENT} http".encode(), f"the origin saw {seen!r}")
    return finding


def binary(command: int, family: int, rest: bytes) -> bytes:
    return SIGNATURE + struct.pack(">BBH", command, family, len(rest)) + rest


ENDS = socket.inet_aton("192.0.2.1") + socket.inet_aton("192.0.2.2") + struct.pack(">HH", 5, 443)
OVER_TLS = b"\x20" + struct.pack(">HBI", 5, 1, 0)


@cases.case("a header is required from the proxy, refused from others, and has its time")
async def required(folder: Path) -> Finding:
    finding = Finding()
    port = free_port()
    request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    line = b"PROXY TCP4 192.0.2.1 192.0.2.2 5 443\r\n"
    bad = {
        "no header": request,
        "half a line, then the end": line[:20],
        "an unknown family": b"PROXY TCP5 192.0.2.1 192.0.2.2 5 443\r\n" + request,
        "a bad address": b"PROXY TCP4 192.0.2.256 192.0.2.2 5 443\r\n" + request,
        "a line without end": b"PROXY TCP4 " + b"1" * 200,
        "version 3": binary(0x31, 0x11, ENDS) + request,
        "a short header": binary(0x21, 0x11, ENDS[:4]) + request,
        "values that overlap the end": binary(0x21, 0x11, ENDS + b"\x02\x00\x09a") + request,
        "a wrong checksum": binary(0x21, 0x11, ENDS + b"\x03\0\x04\0\0\0\0") + request,
        "a long header": binary(0x21, 0x11, ENDS + b"\x04" + struct.pack(">H", 9_000)
                                + bytes(9_000)) + request,
    }
    with Origin(seen_by_origin) as origin, Weir(folder, f"""\
listeners:
  web: {{ bind: "127.0.0.1:{port}", proxy_protocol: [{PROXY}, "::1"] }}
pools:
  app: {{ discover: "127.0.0.1:{origin.port}" }}
limits: {{ head_timeout: 1s }}
""", port) as weir:
        for what, sent in bad.items():
            with connect(port, PROXY) as connection:
                connection.sendall(sent)
                if what.startswith("half"):
                    connection.shutdown(socket.SHUT_WR)
                said = receive_all(connection)
                finding.expect(said == b"", f"{what}: was answered with {said[:60]!r}")
        with connect(port, PROXY) as connection:
            connection.sendall(line[:20])
            began = time.monotonic()
            said = receive_all(connection)
            took = time.monotonic() - began
            finding.expect(said == b"" and 0.5 < took < 8, f"half a header: {took:.1f} s, {said!r}")
        with connect(port, CLIENT) as connection:
            connection.sendall(line + request)
            status, _ = read_response(connection)
            finding.expect(status == 400, f"a header from elsewhere was answered with {status}")
        good = {
            "192.0.2.1 http": line,
            f"{PROXY} http": b"PROXY UNKNOWN\r\n",
            f"192.0.2.1 https": binary(0x21, 0x11, ENDS + OVER_TLS),
            f"{PROXY} http ": binary(0x20, 0x00, b""),
        }
        for expected, header in good.items():
            with connect(port, PROXY) as connection:
                # Byte by byte, and the request behind it in the same piece as the last byte.
                for byte in header[:-1]:
                    connection.sendall(bytes([byte]))
                connection.sendall(header[-1:] + request)
                seen = read_response(connection)[1].decode()
                finding.expect(seen == expected.strip(), f"{header!r}: the origin saw {seen}")
    reasons = [record for record in weir.records() if "PROXY header" in record.get("reason", "")]
    finding.expect(len(reasons) == len(bad) + 1, f"{len(reasons)} refusals are logged")
    return finding


@cases.case("haproxy and nginx understand weir's headers, for HTTP, and see who asks each time")
async def to_others(folder: Path) -> Finding:
    finding = Finding()
    text, second, port, other = free_port(), free_port(), free_port(), free_port()
    with nginx(folder, text, f"""\
http {{ access_log off; server {{
    listen 127.0.0.1:{text} proxy_protocol;
    location / {{
        return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port";
    }}
}} }}
"""), haproxy(folder, second, f"""\
listen it
    bind 127.0.0.1:{second} accept-proxy
    mode http
    http-request return status 200 content-type text/plain \
        lf-string "%[src] %[src_port] %[dst_port]"
"""), Weir(folder, f"""\
listeners:
  nginx: {{ bind: "127.0.0.1:{port}" }}
  haproxy: {{ bind: "127.0.0.1:{other}" }}
routes: [{{ listener: nginx, pool: nginx }}, {{ listener: haproxy, pool: haproxy }}]
pools:
  nginx:
    discover: "127.0.0.1:{text}"
    proxy_protocol: v1
    probe: {{ http: /, interval: 50ms }}
  haproxy:
    discover: "127.0.0.1:{second}"
    proxy_protocol: v2
    probe: {{ http: /, interval: 50ms }}
""", port):
        for way in (port, other):
            clients = [connect(way, f"127.0.0.{number}") for number in range(70, 78)]
            for turn in range(4):
                for client in clients if turn % 2 else reversed(clients):
                    address, own = client.getsockname()
                    seen = ask(client).decode().strip()
                    expected = f"{address} {own} {way}"
                    finding.expect(seen == expected, f"{seen} was seen in place of {expected}")
            for client in clients:
                client.close()
    return finding


@cases.case("a client's requests share its connection to the replica, and nobody else does")
async def own_connections(folder: Path) -> Finding:
    finding = Finding()
    port = free_port()
    listener = socket.create_server(("127.0.0.1", 0))
    opened: list[str] = []

    def serve(connection: socket.socket) -> None:
        received = b""
        with connection:
            while more := connection.recv(65_536):
                received += more
                if b"\r\n" in received and received.startswith(b"PROXY"):
                    header, _, received = received.partition(b"\r\n")
                    opened.append(header.decode())
                while b"\r\n\r\n" in received:
                    received = received.partition(b"\r\n\r\n")[2]
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener, Weir(folder, f"""\
listeners: {{ web: {{ bind: "127.0.0.1:{port}" }} }}
pools:
  app:
    discover: "127.0.0.1:{listener.getsockname()[1]}"
    proxy_protocol: v1
    probe: off
""", port):
        clients = [connect(port, f"127.0.0.{number}") for number in (81, 82)]
        for _ in range(10):
            for client in clients:
                ask(client)
        for client in clients:
            client.close()
    seen = sorted(header.split()[2] for header in opened)
    finding.expect(seen == ["127.0.0.81", "127.0.0.82"], f"connections were opened for {seen}")
    return finding


def accept_until(listener: socket.socket, end: bytes) -> tuple[socket.socket, bytes]:
    """The next connection that brings something with this end; others only look whether weir is
    there."""
    listener.settimeout(10)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(5)
        received = receive_until(connection, end)
        if received.endswith(end):
            return connection, received
        connection.close()


@cases.case("TCP connections carry the header too, and what a proxy before weir has said")
async def tunnels(folder: Path) -> Finding:
    finding = Finding()
    listener = socket.create_server(("127.0.0.1", 0))
    port = free_port()
    with listener, Weir(folder, f"""\
listeners:
  db: {{ bind: "127.0.0.1:{port}", protocol: tcp, pool: db, proxy_protocol: {PROXY} }}
pools:
  db: {{ discover: "127.0.0.1:{listener.getsockname()[1]}", proxy_protocol: v2, probe: off }}
""", port):
        values = b"\x02\0\x09a.example" + b"\x05\0\x03uid" + OVER_TLS
        with connect(port, PROXY) as client:
            client.sendall(binary(0x21, 0x11, ENDS + b"\x04\0\0" + values) + b"hello")
            replica, received = accept_until(listener, b"hello")
            with replica:
                wanted = binary(0x21, 0x11, ENDS + values) + b"hello"
                finding.expect(received == wanted, f"the replica received {received!r}")
                replica.sendall(b"bye")
                client.settimeout(10)
                finding.expect(client.recv(10) == b"bye", "the answer did not come back")
        with connect(port, CLIENT) as client:
            client.sendall(b"plain")
            replica, received = accept_until(listener, b"plain")
            replica.close()
            source = socket.inet_ntoa(received[16:20])
            finding.expect(source == CLIENT, f"the replica was told of {source}")
    return finding
