"""A Docker Engine of the tests' own: real dockerd, private socket, data and network."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from .machine import run

# The address of the machine in the private network; containers reach the outside resolver here.
MACHINE = "10.77.0.1"
# A foreign address that a resolver with a wildcard might give. It is on this machine, so that
# a connection that should never be made is noticed.
FOREIGN = "203.0.113.7"


class Engine:
    """Starts dockerd for the life of a `with` block."""

    def __enter__(self) -> "Engine":
        run("ip", "link", "add", "machine", "type", "bridge")
        for address in (MACHINE, FOREIGN):
            run("ip", "address", "add", f"{address}/32", "dev", "machine")
        run("ip", "link", "set", "machine", "up")
        self.folder = Path(tempfile.mkdtemp(prefix="weir-engine-"))
        self._start()
        self._await_answer()
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._unmount()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        socket = self.folder / "docker.sock"
        settings = self.folder / "daemon.json"
        settings.write_text(json.dumps({
            "hosts": [f"unix://{socket}"],
            "data-root": str(self.folder / "data"),
            "exec-root": str(self.folder / "exec"),
            "pidfile": str(self.folder / "pid"),
            "deprecated-key-path": str(self.folder / "key.json"),
            "dns": [MACHINE],
        }))
        os.environ["DOCKER_HOST"] = f"unix://{socket}"
        os.environ.pop("DOCKER_CONTEXT", None)
        self.log = self.folder / "log"
        self.process = subprocess.Popen(
            ["dockerd", "--config-file", str(settings)],
            stdout=self.log.open("w"), stderr=subprocess.STDOUT, start_new_session=True)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            if (self.folder / "docker.sock").exists():
                self.version = run("docker", "version", "--format", "{{.Server.Version}}").strip()
                return
            time.sleep(0.1)
        last = "".join(self.log.read_text().splitlines(keepends=True)[-15:])
        self.__exit__()
        raise RuntimeError(f"dockerd does not run on this machine; its last words:\n{last}")

    def _unmount(self) -> None:
        """Containers that outlived the engine keep mounts in its folder."""
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(str(self.folder)):
                subprocess.run(["umount", "-l", place], check=False)


def docker(*arguments: str) -> str:
    """Runs the docker client against the tests' engine."""
    return run("docker", *arguments).strip()
