"""What weir's PROXY headers say of the TLS that clients speak with it."""

import socket
import ssl
import struct
import subprocess
from pathlib import Path

from lab.certificates import client_context
from lab.report import Cases, Finding

from proxying import CLIENT, ENDS, OVER_TLS, PROXY, SIGNATURE, binary
from weir import Scripted, Weir, ask, certificate, connect, free_port

cases = Cases()


def values_of(text: bytes) -> dict[int, bytes]:
    """Type and bytes of each value; no type stands there twice."""
    found = {}
    while text:
        kind, length = struct.unpack(">BH", text[:3])
        assert kind not in found and len(text) >= 3 + length, f"malformed values {text!r}"
        found[kind], text = text[3:3 + length], text[3 + length:]
    return found


class Announced(Scripted):
    """A replica that takes a PROXY header from each connection, then answers its requests."""

    def __init__(self):
        super().__init__()
        self.headers: list[bytes] = []

    def serve(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        fixed = stream.read(16)
        # Who closes at once only looks whether this is there.
        if len(fixed) < 16:
            return
        self.headers.append(fixed + stream.read(struct.unpack(">H", fixed[14:])[0]))
        while line := stream.readline():
            if line == b"\r\n":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def last(self) -> tuple[str, dict[int, bytes]]:
        """The client's address, and the values, of the latest connection."""
        header = self.headers[-1]
        assert header[:14] == SIGNATURE + b"\x21\x11", header
        return socket.inet_ntoa(header[16:20]), values_of(header[28:])


@cases.case("replicas are told of the TLS that a client speaks with weir")
async def told_of_tls(folder: Path) -> Finding:
    finding = Finding()
    web, db = free_port(), free_port()
    chain, key = certificate(folder, "a.example", "b.example")
    shown, shown_key = certificate(folder, "someone")
    tls = f"certificates: [{{ chain: {chain}, key: {key} }}]"

    def secured(port: int, name: str | None, version: ssl.TLSVersion, protocols: list[str],
                shows: bool = False, lead: bytes = b"", session=None) -> ssl.SSLSocket:
        context = client_context(*protocols)
        context.minimum_version = context.maximum_version = version
        if shows:
            context.load_cert_chain(shown, shown_key)
        plain = connect(port, PROXY if lead else CLIENT)
        plain.sendall(lead)
        if session:
            context = session[0]
        return context.wrap_socket(plain, server_hostname=name, session=session and session[1])

    def told(what: str, client: ssl.SSLSocket, wanted: dict, about: bytes, version: bytes,
             address: str = CLIENT) -> None:
        with client:
            finding.expect(ask(client) == b"ok", f"{what}: not answered")
        source, values = replica.last()
        inner = values.pop(0x20, b"")
        finding.expect(source == address, f"{what}: the client is {source}")
        finding.expect(values == wanted, f"{what}: told of {values}")
        finding.expect(inner[:5] == about, f"{what}: flags and verify are {inner[:5]!r}")
        finding.expect(values_of(inner[5:]) == {0x21: version}, f"{what}: {inner[5:]!r}")

    with Announced() as replica, Weir(folder, f"""\
listeners:
  web:
    bind: "127.0.0.1:{web}"
    proxy_protocol: {PROXY}
    tls: {{ {tls}, client_certificates: optional, client_ca: {shown} }}
  db: {{ bind: "127.0.0.1:{db}", protocol: tcp, pool: app, tls: {{ {tls} }} }}
pools:
  app: {{ discover: "127.0.0.1:{replica.port}", proxy_protocol: v2, probe: off }}
""", web):
        unproven, proven, before = b"\1\0\0\0\1", b"\7\0\0\0\0", b"\5\0\0\0\0"
        old, new = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        told("TLS 1.3", secured(web, "a.example", new, ["http/1.1"]),
             {1: b"http/1.1", 2: b"a.example"}, unproven, b"TLSv1.3")
        told("TLS 1.2, without ALPN", secured(web, "b.example", old, []),
             {2: b"b.example"}, unproven, b"TLSv1.2")
        told("no name", secured(web, None, new, []), {}, unproven, b"TLSv1.3")
        first = secured(web, "a.example", old, [], shows=True)
        # It is gone from what is closed.
        session = first.context, first.session
        told("a certificate", first, {2: b"a.example"}, proven, b"TLSv1.2")
        told("a session with a certificate",
             secured(web, "a.example", old, [], session=session), {2: b"a.example"}, before,
             b"TLSv1.2")
        told("TCP", secured(db, "a.example", new, []), {2: b"a.example"}, unproven, b"TLSv1.3")
        # What the proxy before weir says of TLS is less than what weir knows; an id is kept.
        lead = binary(0x21, 0x11, ENDS + b"\x02\0\x05other" + b"\x05\0\x03uid" + OVER_TLS)
        told("behind a proxy", secured(web, "a.example", new, [], lead=lead),
             {2: b"a.example", 5: b"uid"}, unproven, b"TLSv1.3", "192.0.2.1")
        # Whatever the client speaks, the replica gets HTTP/1.1.
        over_http2 = subprocess.run(
            ["curl", "-sS", "--http2", "--insecure", "--max-time", "10", "-w", "%{http_version}",
             "--connect-to", f"::127.0.0.1:{web}", "https://a.example/"], capture_output=True)
        finding.expect(over_http2.stdout == b"ok2", f"curl: {over_http2}")
        finding.expect(replica.last()[1].get(1) == b"http/1.1", f"{replica.last()}")
    return finding
