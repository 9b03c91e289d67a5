"""weir with a configuration, and small servers behind it."""

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from front import weir_program
from lab.certificates import certificate
from servers import Server, free_port

HEAD = """\
state: off
workers: 1
shutdown_timeout: 2s
"""


class Weir(Server):
    """The program with a configuration; its access log is read as a list of records."""

    def __init__(self, folder: Path, text: str, port: int, name: str = "weir"):
        self.access = folder / f"{name}.access.log"
        settings = folder / f"{name}.yaml"
        admin = f'admin: {{ bind: off, socket: "{folder}/{name}.sock" }}\n'
        settings.write_text(HEAD + admin + f"log: {{ access: {self.access} }}\n" + text)
        super().__init__(folder, name, str(weir_program()), "run", "-c", str(settings), port=port)

    def records(self) -> list[dict]:
        """What the access log says; complete once the program has ended."""
        return [json.loads(line) for line in self.access.read_text().splitlines()]


class Origin:
    """An HTTP/1.1 server in this process; `answer` makes the body of a request."""

    def __init__(self, answer: Callable[[http.server.BaseHTTPRequestHandler], bytes]):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                body = answer(self)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = respond

            def log_message(self, *_) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port

    def __enter__(self) -> "Origin":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()


class Scripted:
    """A server of this process; `serve` gets each connection, on a thread of its own."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.listener.close()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_one, args=(connection,), daemon=True).start()

    def serve_one(self, connection: socket.socket) -> None:
        with contextlib.suppress(ConnectionError), connection:
            self.serve(connection)

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError


def connect(port: int, source: str = "127.0.0.1", seconds: float = 10) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), seconds, source_address=(source, 0))


def receive_all(connection: socket.socket) -> bytes:
    """Until the other side ends it, one way or another."""
    received = b""
    try:
        while more := connection.recv(65_536):
            received += more
    except ConnectionResetError:
        pass
    return received


def receive_until(connection: socket.socket, end: bytes) -> bytes:
    """What comes as far as `end`, or as far as the connection."""
    received = b""
    while not received.endswith(end):
        more = connection.recv(65_536)
        if not more:
            break
        received += more
    return received


def ask(connection: socket.socket, path: str = "/", host: str = "a.example") -> bytes:
    """One request on a connection that stays open; the body of its response."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return read_response(connection)[1]


def read_response(connection: socket.socket) -> tuple[int, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65_536)
        if not more:
            raise EOFError(f"the connection ended after {received!r}")
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                  if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        more = connection.recv(65_536)
        if not more:
            raise EOFError(f"the connection ended within a body, after {body!r}")
        body += more
    return int(head.split()[1]), body


__all__ = ["Origin", "Scripted", "Server", "Weir", "ask", "certificate", "connect", "free_port",
           "read_response", "receive_all", "receive_until"]
