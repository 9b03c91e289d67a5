"""The spans that weir sends, read by OpenTelemetry's own schema."""

import asyncio
import json
import threading
import time
import urllib.request
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lab.machine import run
from lab.report import Cases, Finding

from counting import environment
from front import Front
from servers import free_port

cases = Cases()

REQUESTS = 20
CLIENT, SERVER, ERROR = 3, 2, 2
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        pass

    def answer(self, body: bytes = b"{}") -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Replica(Quiet):
    """Answers probes; of two, the first closes on what else it is asked."""

    def do_GET(self) -> None:
        if self.path == "/healthz" or not self.server.closes:
            return self.answer(b"ok")
        self.close_connection = True


class Collector(Quiet):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.batches.append(body)
        self.answer()


def serving(handler: type, **values: object) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", free_port()), handler)
    for name, value in values.items():
        setattr(server, name, value)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def ask(port: int) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/a?q=1",
        headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"})
    return urllib.request.urlopen(request, timeout=20).read().decode()


@cases.case("spans are what OpenTelemetry's schema says, and a retried request has two attempts")
async def schema(kind: str, folder: Path) -> Finding:
    finding = Finding()
    if kind != "weir":
        finding.notes = [f"{kind} sends no spans"]
        return finding
    programs = await asyncio.to_thread(environment)
    with ExitStack() as stack:
        servers = [serving(Replica, closes=True), serving(Replica, closes=False)]
        collector = serving(Collector, batches=[])
        for server in [*servers, collector]:
            stack.callback(server.shutdown)
        extra = f'tracing: {{ otlp: "http://127.0.0.1:{collector.server_port}", service: shop }}'
        with Front(kind, folder, http={"web": [server.server_port for server in servers]},
                   extra=extra) as front:
            answers = [await asyncio.to_thread(ask, front.ports["web"]) for _ in range(REQUESTS)]
        batches = [save(folder, number, body) for number, body in enumerate(collector.batches)]
    finding.expect(answers == ["ok"] * REQUESTS, f"all answers should be ok: {answers}")
    said = await asyncio.to_thread(
        run, str(programs / "python"), str(Path(__file__).parent / "spans" / "read.py"), *batches)
    judge(json.loads(said), finding)
    return finding


def save(folder: Path, number: int, body: bytes) -> str:
    path = folder / f"batch-{number}.json"
    path.write_bytes(body)
    return str(path)


def judge(read: list[dict], finding: Finding) -> None:
    servers = [span for span in read if span["kind"] == SERVER]
    attempts = [span for span in read if span["kind"] == CLIENT]
    retried = [span["span"] for span in servers
               if sum(attempt["parent"] == span["span"] for attempt in attempts) == 2]
    finding.notes = [f"{len(servers)} exchanges, {len(attempts)} attempts, {len(retried)} retried"]
    finding.expect(len(servers) == REQUESTS, f"{REQUESTS} exchanges expected: {len(servers)}")
    finding.expect(bool(retried), "no exchange has two attempts")
    finding.expect(len({span["span"] for span in read}) == len(read), "two spans have one id")
    now = time.time_ns()
    for span in read:
        finding.expect(span["trace"] == TRACE and span["service"] == "shop", f"{span}")
        finding.expect(now - 600e9 < span["start"] <= span["end"] <= now + 1e9, f"{span}")
    for span in servers:
        finding.expect(span["parent"] == PARENT and span["state"] == "vendor=1", f"{span}")
        finding.expect(span["attributes"]["http.response.status_code"] == 200, f"{span}")
        finding.expect(span["attributes"]["url.path"] == "/a", f"{span}")
    for span in attempts:
        finding.expect(span["parent"] in {server["span"] for server in servers}, f"{span}")
        fails = "error.type" in span["attributes"]
        finding.expect((span["status"] == ERROR) == fails, f"{span}")
        if fails:
            reason = span["attributes"]["error.type"]
            finding.expect(reason == "upstream_closed_before_headers", f"{span}")
