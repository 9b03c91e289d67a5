"""The servers that the suite can start itself, each in front of one small origin."""

import http.server
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

from lab.machine import REPOSITORY, install, run

BODY = b"weir " * 200


class Origin(http.server.BaseHTTPRequestHandler):
    """Answers everything with 1,000 bytes, once it has the request's body."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                self.rfile.read(size + 2)
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
        else:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
        head = (f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                f"Content-Length: {len(BODY)}\r\n\r\n").encode()
        self.wfile.write(head if self.command == "HEAD" else head + BODY)

    do_GET = do_HEAD = do_POST = do_PUT = do_OPTIONS = answer

    def log_message(self, *_) -> None:
        pass


class OriginServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1_024

    def handle_error(self, *_) -> None:
        """A proxy that drops a connection is no news."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Subject:
    """A process with a plain port, a TLS port, or both, and the origin behind it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.plain, self.tls = free_port(), free_port()

    def __enter__(self) -> "Subject":
        self.origin = OriginServer(("127.0.0.1", 0), Origin)
        threading.Thread(target=self.origin.serve_forever, daemon=True).start()
        self.make_certificate()
        self.log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(self.command(self.origin.server_port), cwd=self.folder,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        for port in filter(None, (self.plain, self.tls)):
            self.await_port(port)
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.origin.shutdown()
        self.log.close()

    def command(self, origin: int) -> list[str]:
        raise NotImplementedError

    def make_certificate(self) -> None:
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", "key.pem", "-out", "chain.pem", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            cwd=self.folder)
        both = (self.folder / "chain.pem").read_text() + (self.folder / "key.pem").read_text()
        (self.folder / "both.pem").write_text(both)

    def await_port(self, port: int) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = (self.folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"nobody listens on port {port}:\n{said}") from None
                time.sleep(0.02)


def program(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if not found:
        install(f"{name}={package}")
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    return found or name


class HAProxy(Subject):
    def command(self, origin: int) -> list[str]:
        (self.folder / "haproxy.cfg").write_text(f"""\
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen it
    bind 127.0.0.1:{self.plain} proto h2
    bind 127.0.0.1:{self.tls} ssl crt {self.folder}/both.pem alpn h2
    server origin 127.0.0.1:{origin}
""")
        return [program("haproxy", "haproxy"), "-f", "haproxy.cfg"]


class NGHTTPX(Subject):
    def command(self, origin: int) -> list[str]:
        return [program("nghttpx", "nghttp2-proxy"), f"--frontend=127.0.0.1,{self.plain};no-tls",
                f"--frontend=127.0.0.1,{self.tls}", f"--backend=127.0.0.1,{origin}",
                "--no-ocsp", "--workers=1", "key.pem", "chain.pem"]


class NGINX(Subject):
    def command(self, origin: int) -> list[str]:
        (self.folder / "nginx.conf").write_text(f"""\
daemon off; pid nginx.pid; error_log stderr error;
events {{ worker_connections 512; }}
http {{
    access_log off;
    upstream origin {{ server 127.0.0.1:{origin}; keepalive 16; }}
    server {{
        listen 127.0.0.1:{self.plain} http2;
        listen 127.0.0.1:{self.tls} ssl http2;
        ssl_certificate chain.pem; ssl_certificate_key key.pem;
        location / {{ proxy_pass http://origin; proxy_http_version 1.1;
                      proxy_set_header Connection ""; }}
    }}
}}
""")
        return [program("nginx", "nginx"), "-p", str(self.folder), "-c", "nginx.conf"]


class Weir(Subject):
    def command(self, origin: int) -> list[str]:
        (self.folder / "weir.yaml").write_text(f"""\
listeners:
  plain: {{ bind: "127.0.0.1:{self.plain}" }}
  secured:
    bind: "127.0.0.1:{self.tls}"
    tls: {{ certificates: [{{ chain: {self.folder}/chain.pem, key: {self.folder}/key.pem }}] }}
routes: [{{ pool: origin }}]
pools:
  origin: {{ discover: ["127.0.0.1:{origin}"], probe: off, ejection: off }}
admin: {{ bind: off, socket: "{self.folder}/admin.sock" }}
state: off
log: {{ access: off }}
""")
        weir = os.environ.get("WEIR") or REPOSITORY / ".build" / "release" / "weir"
        return [str(Path(weir).resolve()), "run", "-c", "weir.yaml"]


ALL = {"weir": Weir, "haproxy": HAProxy, "nghttpx": NGHTTPX, "nginx": NGINX}
