"""The balancers that the cases can be run against: weir, and others for comparison."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .images import import_program, libraries
from .machine import REPOSITORY, run

# Where the machine publishes the balancer, which listens on 8080 in its container.
PORT = 80

WEIR = """\
listeners:
  web: { bind: "0.0.0.0:8080" }
routes:
  - { pool: app }
pools:
  app:
    discover: "app:8080"
    probe: { http: /healthz }
"""

NGINX = """\
daemon off;
user root;
worker_processes 2;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
    log_format attempts '$status $upstream_status $upstream_addr $request';
    access_log /dev/stdout attempts;
    resolver 127.0.0.11 valid=1s ipv6=off;
    server {
        listen 8080;
        location / {
            set $app app:8080;
            proxy_pass http://$app;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
            proxy_connect_timeout 1s;
        }
    }
}
"""

# As people write it who read one page of the manual: addresses looked up once, and a POST tried
# again like a GET. The cases must fail with it, or they prove nothing.
CARELESS = NGINX.replace("""\
            set $app app:8080;
            proxy_pass http://$app;
""", """\
            proxy_pass http://app:8080;
            proxy_next_upstream error timeout non_idempotent;
            proxy_read_timeout 1s;
""")

HAPROXY = """\
global
    log stdout format raw local0
resolvers docker
    nameserver embedded 127.0.0.11:53
    accepted_payload_size 4096
    hold valid 500ms
    timeout resolve 500ms
    timeout retry 250ms
defaults
    mode http
    log global
    option httplog
    option redispatch 1
    retries 3
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    timeout queue 15s
frontend web
    bind :8080
    default_backend app
backend app
    option httpchk GET /healthz
    server-template app 10 app:8080 check inter 500ms resolvers docker init-addr none
"""


@dataclass(frozen=True)
class Balancer:
    """A program that stands in front of the application, as an image and a configuration."""

    name: str
    program: Path
    command: list[str]
    settings: str
    settings_path: str
    service: dict[str, object] = field(default_factory=dict)
    files: dict[str, str | Path] = field(default_factory=dict)
    # The machine's ports and the container's.
    ports: dict[int, int] = field(default_factory=lambda: {PORT: 8080})
    # What else is mounted, given the site's folder.
    volumes: Callable[[Path], list[str]] = lambda folder: []

    @property
    def image(self) -> str:
        return f"weir-test/{self.name}"

    def make_image(self) -> None:
        import_program(self.image, self.program, self.command, self.files)

    def describe(self, settings: Path) -> dict[str, object]:
        """Its service in the Compose file."""
        settings.write_text(self.settings)
        return {
            "image": self.image,
            "ports": [f"{outside}:{inside}" for outside, inside in self.ports.items()],
            "volumes": [f"{settings}:{self.settings_path}:ro", *self.volumes(settings.parent)],
            **self.service,
        }


class Weir(Balancer):
    """weir in the image that `make image` makes of the program, without building it again."""

    def make_image(self) -> None:
        if libraries(self.program):
            # Not the static program that the Dockerfile wants, but as good for these cases.
            return import_program(self.image, self.program, self.command,
                                  {"weir": self.program})
        run("make", "--no-print-directory", "--old-file", "build", "image",
            f"BINARY={self.program}", f"IMAGE={self.image}", cwd=REPOSITORY)


def weir() -> Balancer:
    chosen = os.environ.get("WEIR")
    program = Path(chosen or REPOSITORY / ".build" / "release" / "weir").resolve()
    return Weir(
        "weir", program, [f"/bin/{program.name}", "run"], WEIR, "/etc/weir/weir.yaml",
        # As in the repository's compose.yaml: no root, no capability, nothing to write to.
        service={"user": "65532:65532", "read_only": True, "cap_drop": ["ALL"],
                 "security_opt": ["no-new-privileges:true"]})


def nginx(name: str = "nginx", settings: str = NGINX) -> Balancer:
    return Balancer(
        name, _installed("nginx"), ["/bin/nginx", "-p", "/tmp", "-c", "/etc/nginx.conf"],
        settings, "/etc/nginx.conf",
        service={"tmpfs": ["/var/lib/nginx", "/var/log/nginx"]},
        files={"etc/passwd": "root:x:0:0::/:/\n", "etc/group": "root:x:0:\n"})


def haproxy() -> Balancer:
    return Balancer(
        "haproxy", _installed("haproxy"), ["/bin/haproxy", "-f", "/etc/haproxy.cfg"],
        HAPROXY, "/etc/haproxy.cfg")


def _installed(program: str) -> Path:
    found = shutil.which(program) or f"/usr/sbin/{program}"
    return Path(found).resolve()


def careless() -> Balancer:
    return nginx("careless", CARELESS)


BALANCERS = {"weir": weir, "nginx": nginx, "haproxy": haproxy, "careless": careless}
