"""What an idle keep-alive connection costs in user memory, and whether so many are held.

Each connection has had one request. The addresses that the client comes from are many, since one
has too few ports. What the kernel keeps for each socket is the same for all and not counted.
"""

import resource
import socket


def descriptors_for(count):
    """Raises the limit of descriptors as far as it goes, and says how many connections that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # haproxy starts only with two and a half for each connection that it is to have.
    return count if hard == resource.RLIM_INFINITY else min(count, hard * 2 // 5 - 1_100)


def open_connections(port, count):
    request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    held = []
    batch = []
    for number in range(count):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
        connection.bind((f"127.2.{number // 20_000}.1", 0))
        connection.connect(("127.0.0.1", port))
        connection.sendall(request)
        batch.append(connection)
        if len(batch) == 64 or number + 1 == count:
            for one in batch:
                answer = b""
                while not answer.endswith(b"hello, world\n"):
                    block = one.recv(4096)
                    if not block:
                        raise SystemExit(f"closed after {len(held)} connections: {answer!r}")
                    answer += block
            held += batch
            batch = []
    return held


def bytes_per_connection(subject, count, resident_bytes):
    """The growth of the balancer's own memory from a tenth of the connections to all of them."""
    first = open_connections(subject.http, count // 10)
    before = resident_bytes(subject.processes())
    rest = open_connections(subject.http, count - len(first))
    after = resident_bytes(subject.processes())
    for connection in first + rest:
        connection.close()
    return (after - before) / len(rest)
