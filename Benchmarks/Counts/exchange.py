"""A client that makes an exact number of requests, and a replica that answers them."""

import multiprocessing
import selectors
import socket
import ssl
import subprocess

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nhello, world\n"
LARGE_BYTES = 1 << 20
LARGE_ANSWER = (f"HTTP/1.1 200 OK\r\nContent-Length: {LARGE_BYTES}\r\n\r\n".encode()
                + b"hello, world\n".rjust(LARGE_BYTES, b"."))


class Client:
    """Keep-alive connections, each with one request at a time, all in step."""

    def __init__(self, port, connections, secure=False):
        self.sockets = [
            socket.create_connection(("127.0.0.1", port), 60) for _ in range(connections)]
        for open_socket in self.sockets:
            open_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.sockets = [context.wrap_socket(one) for one in self.sockets]

    def exchange(self, request, count):
        for _ in range(count // len(self.sockets)):
            for open_socket in self.sockets:
                open_socket.sendall(request)
            for open_socket in self.sockets:
                self.read_response(open_socket)

    @staticmethod
    def read_response(open_socket):
        received = bytearray()
        while not received.endswith(b"hello, world\n"):
            block = open_socket.recv(65_536)
            if not block or (received and not received.startswith(b"HTTP/1.1 200")):
                raise SystemExit(f"not the expected answer: {bytes(received[:200] + block[:200])!r}")
            received += block

    def close(self):
        for open_socket in self.sockets:
            open_socket.close()


class StreamClient:
    """h2load, which has as many requests under way on one connection."""

    def __init__(self, port, streams):
        self.port, self.streams = port, streams

    def exchange(self, request, count):
        said = subprocess.run(
            ["h2load", f"--requests={count}", "--clients=1",
             f"--max-concurrent-streams={self.streams}", f"http://127.0.0.1:{self.port}/"],
            capture_output=True, text=True, timeout=600, check=True).stdout
        if f"status codes: {count} 2xx" not in said:
            raise SystemExit(f"not the expected answers:\n{said}")

    def close(self):
        """Each exchange closes its own connection."""


class Replica:
    """A process that answers every request with the same small response, or large ones of 1 MiB."""

    def __init__(self, port):
        listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.process = multiprocessing.Process(target=self.serve, args=(listener,), daemon=True)
        self.process.start()
        listener.close()

    @staticmethod
    def serve(listener):
        selector = selectors.DefaultSelector()
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    accepted, _ = listener.accept()
                    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(accepted, selectors.EVENT_READ)
                    continue
                try:
                    block = key.fileobj.recv(65_536)
                    # Every request head ends with the only empty line of the block.
                    answer = LARGE_ANSWER if block.startswith(b"GET /large") else ANSWER
                    if block:
                        key.fileobj.sendall(answer * block.count(b"\r\n\r\n"))
                except OSError:
                    block = b""
                if not block:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()

    def stop(self):
        self.process.terminate()
        self.process.join()
