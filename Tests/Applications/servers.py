"""Real servers on free loopback ports, each with a folder of its own, stopped afterwards."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from lab.machine import run


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A process that listens on a port, for the life of a `with` block."""

    def __init__(self, folder: Path, name: str, *command: str, port: int, **options: object):
        self.name, self.command, self.port, self.options = name, command, port, options
        self.log = folder / f"{name}.log"

    def __enter__(self) -> "Server":
        with self.log.open("a") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT,
                                            start_new_session=True, **self.options)
        try:
            self._await_port()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def _await_port(self, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                last = self.log.read_text()[-2000:]
                raise RuntimeError(f"{self.name} does not listen on {self.port}:\n{last}")
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends the process and what it started; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return self.process.wait()


def redis(folder: Path) -> Server:
    port = free_port()
    return Server(folder, "redis", "redis-server", "--port", str(port), "--bind", "127.0.0.1",
                  "--save", "", "--appendonly", "no", "--dir", str(folder), port=port)


def postgres(folder: Path) -> Server:
    """PostgreSQL refuses to run as root; then it runs as the user of its package."""
    port, programs = free_port(), postgres_programs()
    as_user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    data = folder / "postgres"
    data.mkdir()
    if as_user:
        shutil.chown(data, "postgres", "postgres")
        make_reachable(data, pwd.getpwnam("postgres").pw_uid)
    run(str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "weir", "--no-sync",
        cwd=data, **as_user)
    return Server(folder, "postgres-server", str(programs / "postgres"), "-D", str(data),
                  "-p", str(port), "-k", str(data), "-c", "listen_addresses=127.0.0.1",
                  "-c", "fsync=off", "-c", "max_connections=100", port=port, cwd=data, **as_user)


def make_reachable(folder: Path, user: int) -> None:
    """Lets a user pass through the private temporary folders above one."""
    for parent in folder.parents:
        if parent.stat().st_uid != user and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)


def postgres_programs() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if versions:
        return versions[-1]
    found = shutil.which("postgres")
    if not found:
        raise RuntimeError("PostgreSQL's server is not installed: no /usr/lib/postgresql/*/bin")
    return Path(found).resolve().parent


class Replicas:
    """Three processes of the application under gunicorn, which can be started anew one by one."""

    def __init__(self, folder: Path, gunicorn: Path, redis_port: int, database: str):
        self.ports = [free_port() for _ in range(3)]
        self.servers = [self._replica(folder, gunicorn, port, redis_port, database)
                        for port in self.ports]

    @staticmethod
    def _replica(folder: Path, gunicorn: Path, port: int, redis_port: int, database: str) -> Server:
        environment = {**os.environ, "REDIS_PORT": str(redis_port), "DATABASE": database,
                       "REPLICA": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
        return Server(folder, f"gunicorn-{port}", str(gunicorn), "hits:app", "--bind",
                      f"127.0.0.1:{port}", "--workers", "1", "--threads", "16", "--backlog", "512",
                      "--keep-alive", "5", "--chdir", str(Path(__file__).parent / "hits"),
                      port=port, env=environment)

    def __enter__(self) -> "Replicas":
        with ExitStack() as started:
            for server in self.servers:
                started.enter_context(server)
            self.started = started.pop_all()
        return self

    def __exit__(self, *_) -> None:
        self.started.close()
