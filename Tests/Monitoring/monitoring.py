"""The metrics as Prometheus reads them, and the rules and the dashboard that go by their names."""

import asyncio
import json
import re
import socket
import urllib.request
from pathlib import Path

from lab.report import Cases, Finding
from program import REPOSITORY, run, weir

cases = Cases()

# What only some replicas or some configurations have.
CONFIGURATION = """\
listeners: {{ web: {{ bind: "127.0.0.1:{web}" }} }}
routes: [{{ split: s }}]
splits: {{ s: {{ weights: {{ a: 1, b: 1 }} }} }}
pools: {{ a: {{ discover: "127.0.0.1:{replica}" }}, b: {{ discover: "127.0.0.1:{replica}" }} }}
admin: {{ bind: "127.0.0.1:{admin}", socket: "{folder}/s" }}
log: {{ access: off }}
state: off
workers: 1
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        writer.close()


def fetch(address: str, method: str = "GET", body: bytes | None = None) -> str:
    with urllib.request.urlopen(urllib.request.Request(address, body, method=method),
                                timeout=10) as response:
        return response.read().decode()


async def metrics(folder: Path) -> str:
    """The page of a weir that has served a request and begun a rollout."""
    ports = {name: free_port() for name in ["web", "replica", "admin"]}
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "weir.yaml"
    settings.write_text(CONFIGURATION.format(folder=folder, **ports))
    server = await asyncio.start_server(answer, "127.0.0.1", ports["replica"])
    process = await asyncio.create_subprocess_exec(weir(), "run", "-c", settings,
                                                   stderr=asyncio.subprocess.DEVNULL)
    admin = f"http://127.0.0.1:{ports['admin']}"
    try:
        for _ in range(400):
            try:
                await asyncio.to_thread(fetch, f"{admin}/ready")
                break
            except OSError:
                await asyncio.sleep(0.05)
        for _ in range(4):
            await asyncio.to_thread(fetch, f"http://127.0.0.1:{ports['web']}/")
        await asyncio.to_thread(run, weir(), "rollout", "start", "s", "--to", "b",
                                "--admin", f"unix:{folder}/s")
        return await asyncio.to_thread(fetch, f"{admin}/metrics")
    finally:
        process.terminate()
        await process.wait()
        server.close()


def names(page: str) -> set[str]:
    found = set(re.findall(r"^(weir_[a-z0-9_]+)[{ ]", page, re.M))
    return found


@cases.case("promtool finds nothing to say about the metrics")
async def lint(folder: Path) -> Finding:
    finding = Finding()
    page = await metrics(folder / "lint")
    checked = run("promtool", "check", "metrics", input=page)
    finding.expect(checked.returncode == 0, checked.stdout + checked.stderr)
    finding.notes.append(f"{len(names(page))} names, {len(page.splitlines())} lines")
    return finding


@cases.case("The alert rules are valid, and every metric in them and in the dashboard exists")
async def rules(folder: Path) -> Finding:
    finding = Finding()
    checked = run("promtool", "check", "rules", "conf/prometheus/alerts.yaml")
    finding.expect(checked.returncode == 0, checked.stdout + checked.stderr)
    known = names(await metrics(folder / "rules"))
    texts = [(REPOSITORY / "conf/prometheus/alerts.yaml").read_text()]
    dashboard = json.loads((REPOSITORY / "conf/grafana/weir.json").read_text())
    for panel in dashboard["panels"]:
        texts += [target["expr"] for target in panel["targets"]]
    texts += [item["query"] for item in dashboard["templating"]["list"]]
    texts += [item["expr"] for item in dashboard["annotations"]["list"]]
    used = {name for text in texts for name in re.findall(r"\bweir_[a-z0-9_]+", text)}
    finding.expect(used <= known, f"unknown: {sorted(used - known)}")
    return finding


@cases.case("The rules say what they say when it happens, and nothing else")
async def alerts(folder: Path) -> Finding:
    finding = Finding()
    folder.mkdir(exist_ok=True)
    test = folder / "alerts-test.yaml"
    test.write_text(ALERT_TEST.format(rules=REPOSITORY / "conf/prometheus/alerts.yaml"))
    checked = run("promtool", "test", "rules", test)
    finding.expect(checked.returncode == 0, checked.stdout + checked.stderr)
    return finding


ALERT_TEST = """\
rule_files: ["{rules}"]
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series:
      - {{ series: 'weir_pool_replicas_ready{{instance="i",pool="web"}}', values: "2 2 0x20" }}
      - {{ series: 'weir_pool_requests_total{{instance="i",pool="web",code="5xx"}}', values: "0+10x40" }}
      - {{ series: 'weir_pool_requests_total{{instance="i",pool="web",code="2xx"}}', values: "0+90x40" }}
      - {{ series: 'weir_pool_requests_total{{instance="i",pool="api",code="2xx"}}', values: "0+90x40" }}
    alert_rule_test:
      - eval_time: 15s
        alertname: WeirPoolDown
      - eval_time: 2m
        alertname: WeirPoolDown
        exp_alerts:
          - exp_labels: {{ severity: critical, instance: i, pool: web }}
            exp_annotations:
              summary: "pool web has no ready replica; its requests wait or fail"
              description: "weir status says of each replica what is wrong with it."
      - eval_time: 6m
        alertname: WeirErrors
        exp_alerts:
          - exp_labels: {{ severity: critical, instance: i, pool: web }}
            exp_annotations:
              summary: "10% of the answers of pool web are 5xx"
"""
