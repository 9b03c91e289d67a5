"""A clean Debian of its own, booted by systemd-nspawn: where the package is installed."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from lab.machine import BUILD, run

RELEASE = "bookworm"
CACHE = BUILD / "packages"
# What weir.deb depends on, and what rotates its log.
INCLUDED = "systemd,systemd-sysv,logrotate"
BOOT_SECONDS = 120


def clean_root() -> Path:
    """A tar of what debootstrap makes, made once."""
    archive = CACHE / f"{RELEASE}.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = CACHE / "fresh"
        print(f"debootstrap of {RELEASE}, once", flush=True)
        debootstrap(fresh)
        run("tar", "--directory", str(fresh), "--create", "--file", f"{archive}.new", ".")
        os.rename(f"{archive}.new", archive)
        shutil.rmtree(fresh)
    return archive


def debootstrap(folder: Path) -> None:
    """Mirrors fail now and then: up to three times."""
    for last in (False, False, True):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            run("debootstrap", "--variant=minbase", f"--include={INCLUDED}", RELEASE, str(folder),
                *mirror())
            return
        except RuntimeError as error:
            if last:
                raise
            print(f"once more: {error}", flush=True)
            time.sleep(5)


def mirror() -> list[str]:
    """A Debian's own mirror, or none: debootstrap knows one."""
    if not re.search(r"^ID=debian$", Path("/etc/os-release").read_text(), re.M):
        return []
    policy = run("apt-cache", "policy", "debootstrap").split()
    return [word for word in policy if word.startswith("http")][:1]


def eventually(is_so: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


class Guest:
    """Runs for the life of a `with` block, with a network of its own that leads nowhere."""

    def __init__(self, folder: Path):
        self.root = folder / "debian"
        self.console = folder / "console.log"

    def __enter__(self) -> "Guest":
        self.root.mkdir()
        run("tar", "--directory", str(self.root), "--extract", "--file", str(clean_root()))
        with self.console.open("w") as console:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--directory", str(self.root), "--register=no",
                 "--keep-unit", "--private-network", f"--machine=weir-{os.getpid()}", "--boot",
                 "systemd.unit=multi-user.target"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)
        if not eventually(self._is_up, BOOT_SECONDS):
            self.__exit__()
            raise RuntimeError(f"systemd did not come up:\n{self.console.read_text()[-3000:]}")
        return self

    def __exit__(self, *_) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _is_up(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"systemd-nspawn ended:\n{self.console.read_text()[-3000:]}")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        self.leader = next(iter(children.split()), None)
        return self.leader is not None and self.ask("systemctl", "is-system-running").strip() in (
            "running", "degraded")

    def command(self, *command: str) -> list[str]:
        return ["nsenter", "--target", self.leader, "--mount", "--uts", "--ipc", "--net", "--pid",
                "--root", "--wd", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
                "DEBIAN_FRONTEND=noninteractive", *command]

    def run(self, *command: str) -> str:
        """What the command printed inside; raises if it fails."""
        return run(*self.command(*command), stdin=subprocess.DEVNULL)

    def ask(self, *command: str) -> str:
        """What the command printed inside, whatever it thought of it."""
        return subprocess.run(self.command(*command), text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout

    def start(self, *command: str) -> subprocess.Popen:
        return subprocess.Popen(self.command(*command), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def get(self, url: str) -> str:
        """The body of what the URL answers; curl is of this machine, the network the guest's."""
        return run("nsenter", "--target", self.leader, "--net", "curl", "-sS", "--max-time", "20",
                   url)

    def property(self, name: str) -> str:
        return self.ask("systemctl", "show", "--value", "--property", name, "weir").strip()
