"""The balancer in front of the applications: weir, or HAProxy to try the tests themselves."""

import os
import shutil
from pathlib import Path

from lab.machine import REPOSITORY

from servers import Server, free_port

HAPROXY = """\
global
    log stdout format raw local0
defaults
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    option redispatch 1
    retries 3
"""


def weir_program() -> Path:
    chosen = os.environ.get("WEIR")
    return Path(chosen or REPOSITORY / ".build" / "release" / "weir").resolve()


class Front:
    """One HTTP or TCP listener for each named pool of fixed loopback addresses.

    `extra` is further text of weir's configuration.
    """

    def __init__(self, kind: str, folder: Path, http: dict[str, list[int]] | None = None,
                 tcp: dict[str, list[int]] | None = None, extra: str = ""):
        self.kind, self.folder, self.extra = kind, folder, extra
        self.http, self.tcp = http or {}, tcp or {}
        self.ports = {name: free_port() for name in [*self.http, *self.tcp]}

    def __enter__(self) -> "Front":
        settings = self.folder / f"{self.kind}.conf"
        port = next(iter(self.ports.values()))
        if self.kind == "weir":
            settings.write_text(self._weir())
            command = [str(weir_program()), "run", "-c", str(settings)]
        else:
            settings.write_text(self._haproxy())
            command = [shutil.which("haproxy") or "/usr/sbin/haproxy", "-f", str(settings)]
        self.server = Server(self.folder, self.kind, *command, port=port)
        self.server.__enter__()
        return self

    def __exit__(self, *_) -> None:
        self.status = self.server.stop()

    def _weir(self) -> str:
        lines = ["listeners:"]
        lines += [f'  {name}: {{ bind: "127.0.0.1:{self.ports[name]}" }}' for name in self.http]
        lines += [f'  {name}: {{ bind: "127.0.0.1:{self.ports[name]}", protocol: tcp,'
                  f" pool: {name} }}" for name in self.tcp]
        if self.http:
            lines += ["routes:", *(f"  - {{ pool: {name} }}" for name in self.http)]
        lines += ["pools:"]
        for name, ports in [*self.http.items(), *self.tcp.items()]:
            probe = "{ http: /healthz }" if name in self.http else "{ tcp: true }"
            places = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
            lines.append(f"  {name}: {{ discover: [{places}], probe: {probe} }}")
        lines.append(f'admin: {{ bind: "127.0.0.1:{free_port()}",'
                     f' socket: "{self.folder}/admin.sock" }}')
        return "\n".join([*lines, self.extra]) + "\n"

    def _haproxy(self) -> str:
        text = HAPROXY
        for name, ports in [*self.http.items(), *self.tcp.items()]:
            is_http = name in self.http
            text += f"listen {name}\n    bind 127.0.0.1:{self.ports[name]}\n"
            text += f"    mode {'http' if is_http else 'tcp'}\n"
            if is_http:
                text += "    option httpchk GET /healthz\n"
                text += "    retry-on conn-failure empty-response\n"
            for number, port in enumerate(ports):
                text += f"    server s{number} 127.0.0.1:{port} check inter 200ms\n"
        return text
