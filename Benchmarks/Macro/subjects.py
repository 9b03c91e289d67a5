"""The balancers that are compared, each with settings that ask the same work of it.

One worker, three replicas, upstream connections reused, no limit on the requests of a connection,
forwarding fields and a request id added, active or passive checks as each has them.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ORIGIN_PORTS = (9101, 9102, 9103)
# Listens on every address of 127.0.0.0/8: as many replicas as are wanted.
ORIGIN_ANY_PORT = 9104
BALANCER_CPU, LOAD_CPU = "0", "1"
# Words before the command of a balancer: a tool that watches it.
WRAPPER = []

NGINX_HEAD = """
daemon off; master_process {master}; user root; worker_processes 1; pid {folder}/{name}.pid; error_log {folder}/{name}.error warn;
worker_rlimit_nofile 1000000;
{modules}
events {{ worker_connections 262144; }}
"""

NGINX_PATHS = """
  client_body_temp_path {folder}/{name}-body; proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-f; uwsgi_temp_path {folder}/{name}-u;
  scgi_temp_path {folder}/{name}-s;
"""

ORIGIN = NGINX_HEAD + """
http {{
""" + NGINX_PATHS + """
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 1h;
  client_max_body_size 64m; client_body_buffer_size 1m; open_file_cache max=100;
  server {{
    {listens}
    root {folder}/files;
    location = / {{ return 200 "hello, world\\n"; }}
    location /route- {{ return 200 "hello, world\\n"; }}
    location = /post {{ return 200 "taken\\n"; }}
  }}
}}
"""

NGINX = NGINX_HEAD + """
http {{
""" + NGINX_PATHS + """
  access_log {log}; keepalive_requests 1000000000; keepalive_timeout 1h;
  client_max_body_size 64m; client_body_buffer_size 64k;
  proxy_buffers 8 64k; proxy_buffer_size 64k; proxy_max_temp_file_size 0;
  upstream web {{
    {servers}
    keepalive 512; keepalive_requests 1000000000; keepalive_timeout 1h;
  }}
  ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;
  ssl_session_cache off; http2_max_concurrent_streams 256;
  server {{
    listen 127.0.0.1:{http} backlog=4096;
    listen 127.0.0.1:{h2} http2 backlog=4096;
    listen 127.0.0.1:{https} ssl http2 backlog=4096;
{routes}
    location / {{
      proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Request-ID $request_id;
    }}
  }}
}}
{stream}
"""

NGINX_STREAM = """
stream {{
  upstream raw {{ {servers} }}
  server {{ listen 127.0.0.1:{tcp} backlog=4096; proxy_pass raw; proxy_buffer_size 64k; }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn {maxconn}
  tune.h2.max-concurrent-streams 256
  tune.pipesize 262144
  {log}
defaults
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  option splice-auto
listen web
  mode http
  bind 127.0.0.1:{http}
  bind 127.0.0.1:{h2} proto h2
  bind 127.0.0.1:{https} ssl crt {folder}/both.pem alpn h2,http/1.1
  {web_log}
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  unique-id-format %[uuid()]
  unique-id-header X-Request-ID
  http-reuse always
{routes}
{servers}
listen raw
  mode tcp
  bind 127.0.0.1:{tcp}
{servers}
{routed}
"""

# Where routes lead: haproxy takes a section that leads to itself for a loop.
HAPROXY_ROUTED = """
backend routed
  mode http
  option forwardfor
  http-reuse always
"""

WEIR = """
listeners:
  web: {{ bind: "127.0.0.1:{http}" }}
  raw: {{ bind: "127.0.0.1:{tcp}", protocol: tcp, pool: web }}
{secured}
routes:
  - {{ pool: web }}
  - {{ path: /split, split: turns }}
  - {{ path: /sticky, split: slots }}
{routes}
splits:
  turns: {{ weights: {{ web: 95, canary: 5 }} }}
  slots: {{ weights: {{ web: 95, canary: 5 }}, sticky: {{ cookie: slots, key_file: {folder}/key }} }}
pools:
  web: {{ discover: [{servers}] }}
  canary: {{ discover: [{servers}], probe: off, ejection: off }}
state: off
admin: {{ bind: "127.0.0.1:{admin}", socket: {folder}/weir.sock }}
log: {{ access: {log}, level: warning }}
limits: {{ connections_per_client: off }}
{extra}
"""


H2O = """
num-threads: 1
max-connections: 16384
http2-max-concurrent-requests-per-connection: 256
listen: {{ host: 127.0.0.1, port: {h2} }}
listen:
  host: 127.0.0.1
  port: {https}
  ssl: {{ certificate-file: {folder}/chain.pem, key-file: {folder}/key.pem }}
hosts:
  "*":
    paths:
      "/":
        proxy.reverse.url: "http://127.0.0.1:{origin}/"
        proxy.preserve-host: ON
"""


class Subject:
    """A running program with its processes and its ports."""

    # Those that have no such listener are not measured there.
    h2 = https = 0

    def __init__(self, name, version, command, ports, logged):
        self.name, self.version, self.logged = name, version, logged
        self.http, self.tcp = ports
        self.output = open(f"{command['folder']}/{name}.output", "wb")
        self.process = subprocess.Popen(
            ["taskset", "-c", command.get("cpu", BALANCER_CPU)] + WRAPPER + command["words"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output)

    def wait_for(self, port):
        for _ in range(3000):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                return
            except OSError:
                time.sleep(0.01)
        text = pathlib.Path(self.output.name).read_text(errors="replace")
        raise SystemExit(f"{self.name} does not listen on port {port}:\n{text[-2000:]}")

    def processes(self):
        """Its own process and all below it."""
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
            capture_output=True, text=True).stdout.split()
        return [self.process.pid] + [int(child) for child in children]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()


def replicas(variant):
    """The addresses of the replicas: the usual three, or as many as the variant of a row has."""
    count = variant.get("replicas", 0)
    if not count:
        return [f"127.0.0.1:{port}" for port in ORIGIN_PORTS]
    return [f"127.1.{i // 250}.{i % 250 + 1}:{ORIGIN_ANY_PORT}" for i in range(count)]


def paths(variant):
    """Prefixes that lead to the same replicas as all else."""
    return [f"/route-{number}" for number in range(variant.get("routes", 0))]


def first_line(words):
    run = subprocess.run(words, capture_output=True, text=True)
    return ((run.stdout or run.stderr).strip().splitlines() or ["?"])[0]


def nginx_stream_module():
    """The directive that loads nginx's stream module; nothing if there is none."""
    module = "/usr/lib/nginx/modules/ngx_stream_module.so"
    return f"load_module {module};" if os.path.exists(module) else ""


def start_origin(folder):
    """Three listeners of one nginx with fixed answers and files; shares the load's CPU."""
    files = folder / "files"
    files.mkdir(exist_ok=True)
    for name, size in (("1k", 1_000), ("10k", 10_000), ("100k", 100_000), ("1m", 1_000_000)):
        (files / name).write_bytes(os.urandom(size // 2).hex().encode())
    listens = " ".join(f"listen 127.0.0.1:{port} backlog=4096;" for port in ORIGIN_PORTS)
    listens += f" listen 0.0.0.0:{ORIGIN_ANY_PORT} backlog=4096;"
    path = folder / "origin.conf"
    path.write_text(ORIGIN.format(
        folder=folder, name="origin", master="on", modules="", listens=listens))
    origin = Subject(
        "origin", "", {"folder": folder, "cpu": LOAD_CPU, "words": ["nginx", "-c", str(path)]},
        (ORIGIN_PORTS[0], ORIGIN_PORTS[0]), False)
    origin.wait_for(ORIGIN_PORTS[-1])
    return origin


def start_nginx(folder, ports, logged, variant):
    servers = " ".join(f"server {address};" for address in replicas(variant))
    routes = "\n".join(
        f"    location {path} {{ proxy_pass http://web; proxy_http_version 1.1;"
        ' proxy_set_header Connection ""; proxy_set_header Host $host; }' for path in paths(variant))
    module = nginx_stream_module()
    stream = NGINX_STREAM.format(servers=servers, tcp=ports[1]) if module else ""
    log = f"{folder}/nginx.access combined buffer=32k" if logged else "off"
    path = folder / "nginx.conf"
    path.write_text(NGINX.format(
        folder=folder, name="nginx", master="off" if WRAPPER else "on", modules=module,
        servers=servers, http=ports[0], h2=ports[0] + 2, https=ports[0] + 3, stream=stream,
        log=log, routes=routes))
    words = ["nginx", "-c", str(path)]
    version = first_line(["nginx", "-v"]).split("/")[-1]
    return with_all(Subject("nginx", version, {"folder": folder, "words": words}, ports, logged))


def start_haproxy(folder, ports, logged, variant):
    servers = "\n".join(
        f"  server s{number} {address} check inter 1s pool-max-conn 512"
        for number, address in enumerate(replicas(variant)))
    routes = "\n".join(f"  use_backend routed if {{ path_beg {path} }}" for path in paths(variant))
    path = folder / "haproxy.cfg"
    path.write_text(HAPROXY.format(
        servers=servers, folder=folder, http=ports[0], tcp=ports[1], h2=ports[0] + 2,
        https=ports[0] + 3, routes=routes, routed=HAPROXY_ROUTED + servers if routes else "",
        maxconn=variant.get("connections", 4000),
        log="log stdout format raw local0" if logged else "",
        web_log="log global\n  option httplog" if logged else ""))
    words = ["haproxy", "-db", "-f", str(path)]
    version = first_line(["haproxy", "-v"]).split()[2]
    return with_all(Subject("haproxy", version, {"folder": folder, "words": words}, ports, logged))


def weir_binary():
    return os.environ.get("WEIR", str(ROOT / ".build/release/weir"))


def start_weir(folder, ports, logged, variant):
    servers = ", ".join(f'"{address}"' for address in replicas(variant))
    routes = "\n".join(f"  - {{ path: {path}, pool: web }}" for path in paths(variant))
    path = folder / "weir.yaml"
    (folder / "key").write_text("00112233445566778899aabbccddeeff")
    secured = f'''  secured:
    bind: "127.0.0.1:{ports[0] + 3}"
    tls: {{ certificates: [{{ chain: {folder}/chain.pem, key: {folder}/key.pem }}] }}'''
    path.write_text(WEIR.format(
        folder=folder, servers=servers, http=ports[0], tcp=ports[1], admin=ports[0] + 50,
        secured=secured if knows_tls(folder) else "", routes=routes,
        log="stdout" if logged else "off", extra=os.environ.get("WEIR_EXTRA", "")))
    words = [weir_binary(), "run", "-c", str(path), "--workers", str(variant.get("workers", 1))]
    version = first_line([weir_binary(), "version"]).split()[-1]
    subject = Subject("weir", version, {"folder": folder, "words": words}, ports, logged)
    subject.h2, subject.https = ports[0], ports[0] + 3 if knows_tls(folder) else 0
    return subject


def knows_tls(folder):
    """Whether this weir has TLS on listeners: older ones are measured too."""
    path = folder / "tls.yaml"
    path.write_text("listeners: { a: { bind: 80, tls: {} } }\npools: { a: { discover: 'a:1' } }\n")
    said = subprocess.run([weir_binary(), "check", str(path)], capture_output=True, text=True)
    return "is not supported" not in said.stdout + said.stderr


def with_all(subject):
    subject.h2, subject.https = subject.http + 2, subject.http + 3
    return subject


def start_nghttpx(folder, ports, logged, variant):
    words = ["nghttpx", f"--frontend=127.0.0.1,{ports[0]};no-tls",
             f"--frontend=127.0.0.1,{ports[0] + 3}",
             *(f"--backend=127.0.0.1,{port}" for port in ORIGIN_PORTS), "--workers=1", "--no-ocsp",
             "--frontend-http2-max-concurrent-streams=256", "--accesslog-file=/dev/null",
             "--add-x-forwarded-for", "--errorlog-file=/dev/stderr", "--conf=/dev/null",
             str(folder / "key.pem"), str(folder / "chain.pem")]
    version = first_line(["nghttpx", "--version"]).split("/")[-1]
    subject = Subject("nghttpx", version, {"folder": folder, "words": words}, ports, logged)
    subject.h2, subject.https = ports[0], ports[0] + 3
    return subject


def start_h2o(folder, ports, logged, variant):
    path = folder / "h2o.conf"
    # The version that Debian has knows one replica only.
    path.write_text(H2O.format(folder=folder, h2=ports[0], https=ports[0] + 3,
                               origin=ORIGIN_PORTS[0]))
    version = first_line(["h2o", "--version"]).split()[-1]
    words = ["h2o", "-c", str(path)]
    subject = Subject("h2o", version, {"folder": folder, "words": words}, ports, logged)
    subject.h2, subject.https = ports[0], ports[0] + 3
    return subject


def make_certificate(folder):
    """One of P-256 for all, as chain, key, and both in one file."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    if not chain.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key), "-out", str(chain),
                        "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
        (folder / "both.pem").write_text(chain.read_text() + key.read_text())


STARTERS = {"weir": start_weir, "nginx": start_nginx, "haproxy": start_haproxy,
            "nghttpx": start_nghttpx, "h2o": start_h2o}
PORTS = {"weir": (9110, 9111), "nginx": (9120, 9121), "haproxy": (9130, 9131),
         "nghttpx": (9140, 9141), "h2o": (9150, 9151)}
# Those that are measured in the rows of HTTP/2 and TLS only.
OTHERS = ("nghttpx", "h2o")


def start(name, folder, logged, variant={}):
    """`variant`: replicas, routes, connections, workers, where they are not the usual ones."""
    make_certificate(folder)
    subject = STARTERS[name](folder, PORTS[name], logged, variant)
    subject.wait_for(subject.http)
    return subject


def has_weir():
    return shutil.which(weir_binary()) is not None
