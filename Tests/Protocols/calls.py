"""gRPC through weir, with grpcio on both sides: over h2c and TLS."""

import asyncio
import socket
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc
import grpc.aio
from lab.report import Cases, Finding

from weir import Scripted, Weir, certificate, free_port

cases = Cases()

SERVICE = "weir.test.Echo"
CODE = grpc.StatusCode
FULL = [("grpc.max_receive_message_length", -1)]


class Echo(grpc.GenericRpcHandler):
    """All four kinds of call, on plain bytes; and what the calls met."""

    def __init__(self, name: str = "one"):
        self.name = name
        self.started = 0
        self.cancelled = threading.Event()
        self.remaining: list[float] = []
        self.serves = True

    def service(self, details):
        method = details.method.rsplit("/", 1)[-1]
        makers = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Down": grpc.unary_stream_rpc_method_handler(self.down),
            "Up": grpc.stream_unary_rpc_method_handler(self.up),
            "Both": grpc.stream_stream_rpc_method_handler(self.both),
            "Slow": grpc.unary_unary_rpc_method_handler(self.slow),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "Check": grpc.unary_unary_rpc_method_handler(self.check),
        }
        return makers.get(method)

    def unary(self, request: bytes, context) -> bytes:
        self.started += 1
        context.set_trailing_metadata((("x-served-by", self.name),))
        self.remaining.append(context.time_remaining() or 0)
        return request

    def down(self, request: bytes, _):
        for number in range(int(request)):
            yield b"%d " % number * 50

    def up(self, requests, _) -> bytes:
        return b"%d" % sum(len(request) for request in requests)

    def both(self, requests, _):
        for request in requests:
            yield request.upper()

    def slow(self, request: bytes, context) -> bytes:
        self.started += 1
        context.add_callback(self.cancelled.set)
        self.remaining.append(context.time_remaining() or 0)
        deadline = time.monotonic() + 10
        while context.is_active() and time.monotonic() < deadline:
            time.sleep(0.02)
        return request

    def fail(self, _: bytes, context) -> bytes:
        self.started += 1
        context.abort(CODE.UNAVAILABLE, "says the application")

    def check(self, request: bytes, _) -> bytes:
        """grpc.health.v1: the status is field 1; 1 is SERVING, 2 is NOT_SERVING."""
        return b"\x08\x01" if self.serves else b"\x08\x02"


class Replica:
    """A grpcio server on a port, with an `Echo` behind it."""

    def __init__(self, name: str = "one", port: int = 0):
        self.echo = Echo(name)
        self.server = grpc.server(futures.ThreadPoolExecutor(16), options=[*FULL,
                                  ("grpc.so_reuseport", 0)])
        self.server.add_generic_rpc_handlers((self.echo,))
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")

    def __enter__(self) -> "Replica":
        self.server.start()
        return self

    def __exit__(self, *_) -> None:
        self.server.stop(0).wait(10)


class Lane:
    """weir with a plain and a TLS listener in front of the replicas, and channels to both."""

    def __init__(self, folder: Path, *ports: int, more: str = "", probe: str = "off",
                 settings: str = ""):
        self.plain, self.tls = free_port(), free_port()
        chain, key = certificate(folder, "localhost")
        self.root = chain.read_bytes()
        places = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
        self.weir = Weir(folder, f"""\
listeners:
  plain: {{ bind: "127.0.0.1:{self.plain}" }}
  secured:
    bind: "127.0.0.1:{self.tls}"
    tls: {{ certificates: [{{ chain: {chain}, key: {key} }}] }}
routes: [{{ path: /{SERVICE}, pool: app }}, {{ path: /grpc.health.v1.Health, pool: app }}]
pools:
  app:
    discover: [{places}]
    protocol: http2
    probe: {probe}
    ejection: off
{settings}
{more}""", self.plain)

    def __enter__(self) -> "Lane":
        self.weir.__enter__()
        self.channels = {
            "h2c": grpc.insecure_channel(f"127.0.0.1:{self.plain}", FULL),
            "TLS": grpc.secure_channel(
                f"localhost:{self.tls}", grpc.ssl_channel_credentials(self.root), FULL),
        }
        return self

    def __exit__(self, *_) -> None:
        for channel in self.channels.values():
            channel.close()
        self.weir.stop()


def method(name: str) -> str:
    return f"/{SERVICE}/{name}"


def code_of(call, *arguments, **options):
    """The status and the details that a call ends with."""
    try:
        call(*arguments, **options)
        return CODE.OK, ""
    except grpc.RpcError as error:
        return error.code(), error.details()


@cases.case("gRPC: all four kinds of call, over h2c and TLS")
async def four_kinds(folder: Path) -> Finding:
    finding = Finding()
    with Replica() as replica, Lane(folder, replica.port) as lane:
        for way, channel in lane.channels.items():
            for size in (0, 5, 70_000, 3_000_000):
                answer, call = channel.unary_unary(method("Unary")).with_call(
                    b"x" * size, timeout=30)
                finding.expect(answer == b"x" * size, f"{way}: {size} bytes came back changed")
                trailers = dict(call.trailing_metadata())
                finding.expect(trailers.get("x-served-by") == "one", f"{way}: trailers {trailers}")
            down = list(channel.unary_stream(method("Down"))(b"2000", timeout=30))
            finding.expect(len(down) == 2000 and down[7] == b"7 " * 50, f"{way}: {len(down)} came")
            up = channel.stream_unary(method("Up"))(iter([b"y" * 9_000] * 300), timeout=30)
            finding.expect(up == b"2700000", f"{way}: {up!r} bytes went up")
            both = channel.stream_stream(method("Both"))(iter([b"ab", b"", b"cd"]), timeout=30)
            finding.expect(list(both) == [b"AB", b"", b"CD"], f"{way}: both ways")
    return finding


@cases.case("gRPC: cancellation and deadline reach the server, and its own errors pass")
async def reach(folder: Path) -> Finding:
    finding = Finding()
    with Replica() as replica, Lane(folder, replica.port) as lane:
        for way, channel in lane.channels.items():
            replica.echo.cancelled.clear()
            started = replica.echo.started
            call = channel.unary_unary(method("Slow")).future(b"", timeout=30)
            await until(lambda: replica.echo.started > started)
            call.cancel()
            finding.expect(replica.echo.cancelled.wait(5), f"{way}: the server was not told")
            remaining = replica.echo.remaining[-1]
            finding.expect(20 < remaining <= 30, f"{way}: the server knew of {remaining} s")
            code, _ = code_of(channel.unary_unary(method("Slow")), b"", timeout=0.3)
            finding.expect(code == CODE.DEADLINE_EXCEEDED, f"{way}: a deadline ended as {code}")
            before = replica.echo.started
            code, said = code_of(channel.unary_unary(method("Fail")), b"", timeout=10)
            finding.expect((code, said) == (CODE.UNAVAILABLE, "says the application"),
                           f"{way}: its own error became {code} {said}")
            finding.expect(replica.echo.started == before + 1, f"{way}: it was sent again")
    return finding


async def until(test, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not test() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return test()


@cases.case("gRPC: what weir answers itself is a status of gRPC, with the reason")
async def own_errors(folder: Path) -> Finding:
    finding = Finding()
    nobody = free_port()
    with Lane(folder, nobody, settings="    hold: { timeout: 1s }") as lane:
        for way, channel in lane.channels.items():
            code, said = code_of(channel.unary_unary("/other.Service/Call"), b"", timeout=10)
            finding.expect((code, said) == (CODE.UNIMPLEMENTED, "no_route"),
                           f"{way}: no route is {code} {said}")
            began = time.monotonic()
            code, said = code_of(channel.unary_unary(method("Unary")), b"", timeout=20)
            finding.expect(code == CODE.UNAVAILABLE, f"{way}: no replica is {code} {said}")
            finding.expect(time.monotonic() - began < 8, f"{way}: it was held for too long")
            code, said = code_of(channel.unary_unary(method("Unary")), b"", timeout=0.4)
            finding.expect(code == CODE.DEADLINE_EXCEEDED, f"{way}: a short one is {code} {said}")
    return finding


@cases.case("gRPC: a call waits for its replica, and goes to one that accepts")
async def held(folder: Path) -> Finding:
    finding = Finding()
    later, nobody = free_port(), free_port()
    with Lane(folder, nobody, later) as lane:
        call = lane.channels["h2c"].unary_unary(method("Unary")).future(b"held", timeout=20)
        await asyncio.sleep(0.5)
        finding.expect(not call.done(), "a call ended before there was a replica")
        with Replica(port=later):
            finding.expect(call.result(15) == b"held", "the call that waited got another answer")
            for _ in range(20):
                answer = lane.channels["h2c"].unary_unary(method("Unary"))(b"again", timeout=10)
                finding.expect(answer == b"again", "a call did not find the replica that accepts")
    return finding


@cases.case("gRPC: a call that a replica may have begun is not sent again")
async def not_again(folder: Path) -> Finding:
    finding = Finding()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    connection.sendall(b"\0\0\0\4\0\0\0\0\0")
                    received = b""
                    # HEADERS and DATA have come once the message is seen.
                    while b"only once" not in received:
                        more = connection.recv(65_536)
                        if not more:
                            break
                        received += more
                    seen.append(b"only once" in received)

        threading.Thread(target=serve, daemon=True).start()
        with Lane(folder, listener.getsockname()[1], settings="    hold: { timeout: 2s }") as lane:
            code, said = code_of(lane.channels["h2c"].unary_unary(method("Unary")), b"only once",
                                 timeout=10)
    finding.expect(code == CODE.UNAVAILABLE, f"a call that was cut is {code} {said}")
    finding.expect(sum(seen) == 1, f"the replica saw it {sum(seen)} times")
    return finding


class Refusing(Scripted):
    """A replica that takes connections of HTTP/2 and touches no stream, as it says each time: by
    REFUSED_STREAM, or by a GOAWAY that counts none of them."""

    def __init__(self, by: str):
        super().__init__()
        self.by = by
        self.refused = 0

    def serve(self, connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        connection.sendall(frame(4, 0, b""))
        if len(stream.read(24)) < 24:
            return
        while len(head := stream.read(9)) == 9:
            kind, number = head[3], int.from_bytes(head[5:], "big")
            stream.read(int.from_bytes(head[:3], "big"))
            if kind != HEADERS:
                continue
            self.refused += 1
            if self.by == "REFUSED_STREAM":
                connection.sendall(frame(3, number, (7).to_bytes(4, "big")))
            else:
                connection.sendall(frame(7, 0, bytes(8)))


HEADERS = 1


def frame(kind: int, stream: int, content: bytes) -> bytes:
    return (len(content).to_bytes(3, "big") + bytes([kind, 0]) + stream.to_bytes(4, "big")
            + content)


@cases.case("gRPC: a call that a replica refuses unprocessed is executed once, by another")
async def refused(folder: Path) -> Finding:
    finding = Finding()
    for by in ("REFUSED_STREAM", "GOAWAY"):
        place = folder / by
        place.mkdir()
        with Refusing(by) as refusing, Replica() as replica, \
                Lane(place, refusing.port, replica.port) as lane:
            for way, channel in lane.channels.items():
                started = replica.echo.started
                calls = [channel.unary_unary(method("Unary")).future(b"%d" % number, timeout=20)
                         for number in range(20)]
                answers = [call.result() for call in calls]
                wanted = [b"%d" % number for number in range(20)]
                finding.expect(answers == wanted, f"{by}, {way}: the answers are {answers}")
                ran = replica.echo.started - started
                finding.expect(ran == 20, f"{by}, {way}: 20 calls were executed {ran} times")
            finding.expect(refusing.refused > 0, f"{by}: nothing was refused")
            finding.notes.append(f"{by}: {refusing.refused} refused")
    return finding


@cases.case("gRPC: a replica whose health says NOT_SERVING gets no calls")
async def health(folder: Path) -> Finding:
    finding = Finding()
    with Replica("one") as one, Replica("two") as two, \
            Lane(folder, one.port, two.port,
                 probe="{ grpc: weir.test.Echo, interval: 50ms }") as lane:
        unary = lane.channels["h2c"].unary_unary(method("Unary"))

        def served_by() -> set[str]:
            return {dict(unary.with_call(b"", timeout=10)[1].trailing_metadata())["x-served-by"]
                    for _ in range(10)}

        finding.expect(await until(lambda: served_by() == {"one", "two"}), "both should serve")
        one.echo.serves = False
        finding.expect(await until(lambda: served_by() == {"two"}), "one should be out")
        one.echo.serves = True
        finding.expect(await until(lambda: served_by() == {"one", "two"}), "one should be back")
    return finding


STREAMS, CHANNELS = 10_000, 125


@cases.case("gRPC: ten thousand streams at once, each with its own bytes")
async def many(folder: Path) -> Finding:
    finding = Finding()
    server = grpc.aio.server(options=[("grpc.max_concurrent_streams", 20_000)])

    async def both(requests, _):
        async for request in requests:
            yield request

    handler = grpc.method_handlers_generic_handler(
        SERVICE, {"Both": grpc.stream_stream_rpc_method_handler(both)})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    lane = Lane(folder, port, settings="    timeouts: { first_byte: 80s, body_idle: 80s }")
    lane.weir.__enter__()
    channels = [grpc.aio.insecure_channel(f"127.0.0.1:{lane.plain}",
                                          [("grpc.use_local_subchannel_pool", 1)])
                for _ in range(CHANNELS)]
    began = time.monotonic()
    try:
        calls = [channels[number % CHANNELS].stream_stream(method("Both"))()
                 for number in range(STREAMS)]
        await asyncio.gather(*(call.write(b"%d" % number) for number, call in enumerate(calls)))
        # All of them are open from here on, until the last has been answered.
        answers = await asyncio.gather(*(call.read() for call in calls))
        wrong = sum(answer != b"%d" % number for number, answer in enumerate(answers))
        finding.expect(wrong == 0, f"{wrong} of {STREAMS} answers are wrong")
        await asyncio.gather(*(call.done_writing() for call in calls))
        codes = await asyncio.gather(*(call.code() for call in calls))
        ended = sum(code == CODE.OK for code in codes)
        finding.expect(ended == STREAMS, f"{ended} of {STREAMS} ended well")
        finding.notes.append(f"{STREAMS} streams on {CHANNELS} connections,"
                             f" {time.monotonic() - began:.1f} s")
    finally:
        await asyncio.gather(*(channel.close() for channel in channels))
        await server.stop(0)
        lane.weir.stop()
    return finding
