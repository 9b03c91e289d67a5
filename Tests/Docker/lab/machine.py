"""What the tests need of the machine: root, packages, and namespaces of their own."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
BUILD = REPOSITORY / "build"

NEW_MOUNTS, NEW_PROCESSES, NEW_NETWORK = 0x0002_0000, 0x2000_0000, 0x4000_0000
SET_DEATH_SIGNAL = 1

libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def install(*wanted: str) -> None:
    """Installs the Debian packages that are missing: PACKAGE, or COMMAND=PACKAGE."""
    subprocess.run([str(REPOSITORY / "Scripts" / "install"), *wanted], check=True)


def enter_private_namespaces() -> None:
    """Goes on in a child that has its own network, mounts and processes.

    Whatever the tests start ends with the child, even if it is killed, and nothing that they do
    to interfaces, firewall rules or mounts is seen outside. The caller goes on as the child; the
    parent only waits, passes signals on, and ends as the child ends.
    """
    _check(libc.unshare(NEW_MOUNTS | NEW_PROCESSES | NEW_NETWORK), "unshare")
    child = os.fork()
    if child:
        _wait_as_parent(child)
    _check(libc.prctl(SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "prctl")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "proc", "proc", "/proc")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")


def _wait_as_parent(child: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(child, number))
    _, status = os.waitpid(child, 0)
    sys.stdout.flush()
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


class NetworkOf:
    """Inside `with`, new sockets belong to the network of another process."""

    def __init__(self, process: int):
        self.path = f"/proc/{process}/ns/net"

    def run(self, *command: str) -> str:
        """Runs a command there."""
        return run("nsenter", f"--net={self.path}", *command)

    def __enter__(self) -> None:
        self.own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        other = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        _check(libc.setns(other, NEW_NETWORK), "setns")
        os.close(other)

    def __exit__(self, *_) -> None:
        _check(libc.setns(self.own, NEW_NETWORK), "setns")
        os.close(self.own)


@contextmanager
def network_beside(own: str, others: Iterable[str], link: str = "outside"):
    """Another network, joined to this one by a link: each end has its addresses, with the length
    of their subnet."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        here, end = os.readlink("/proc/self/ns/net"), time.monotonic() + 10
        while os.readlink(f"/proc/{holder.pid}/ns/net") == here:
            if time.monotonic() > end:
                raise RuntimeError("unshare made no network")
            time.sleep(0.01)
        beside = NetworkOf(holder.pid)
        run("ip", "link", "add", link, "type", "veth", "peer", "name", "inside", "netns",
            str(holder.pid))
        run("ip", "address", "add", own, "dev", link)
        run("ip", "link", "set", link, "up")
        for address in others:
            beside.run("ip", "address", "add", address, "dev", "inside")
        beside.run("ip", "link", "set", "inside", "up")
        yield beside
    finally:
        holder.kill()
        holder.wait()


def run(*command: str, **options) -> str:
    """Runs a command and returns what it printed; its complaint is in the error if it fails."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout
