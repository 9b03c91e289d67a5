"""A page of two hundred resources in Chromium, over HTTP/2 and TLS."""

import re
import struct
import zlib
from pathlib import Path

from lab.machine import install, run
from lab.report import Cases, Finding

from weir import Origin, Weir, certificate, free_port

cases = Cases()

RESOURCES = 200
PAGE = """<!doctype html><meta charset=utf-8><title>loading</title>
<script>
const errors = [], count = %d;
addEventListener("error", event => errors.push(String(event.target.src || event.message)), true);
addEventListener("load", async () => {
  const answers = await Promise.all([...Array(20).keys()].map(async number => {
    const body = "x".repeat(number * 5000);
    const answer = await fetch("/echo/" + number, { method: "POST", body });
    return (await answer.text()).length === body.length;
  }));
  const entries = performance.getEntriesByType("resource");
  const spoken = new Set(entries.map(entry => entry.nextHopProtocol));
  const loaded = [...document.images].filter(image => image.naturalWidth === 3).length;
  document.title = "done";
  document.body.textContent = JSON.stringify({ loaded, scripts: window.scripts,
    posts: answers.filter(Boolean).length, spoken: [...spoken], errors });
});
window.scripts = 0;
</script><body>
%s
"""


def picture() -> bytes:
    """A PNG of 3 by 1."""
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", 3, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(
        b"IDAT", zlib.compress(b"\0abc")) + part(b"IEND", b"")


def resource(handler) -> bytes:
    path = handler.path
    if path.startswith("/image/"):
        return picture()
    if path.startswith("/script/"):
        return b"window.scripts += 1;" + b" " * 20_000
    if path.startswith("/echo/"):
        return handler.rfile.read(int(handler.headers["Content-Length"]))
    tags = [f'<img src="/image/{number}">' if number % 2 else
            f'<script src="/script/{number}"></script>' for number in range(RESOURCES)]
    return (PAGE % (RESOURCES, "\n".join(tags))).encode()


@cases.case("Chromium loads a page of 200 resources over HTTP/2 without an error")
async def page(folder: Path) -> Finding:
    finding = Finding()
    install("chromium")
    port = free_port()
    chain, key = certificate(folder, "localhost")
    with Origin(resource) as origin, Weir(folder, f"""\
listeners:
  web:
    bind: "127.0.0.1:{port}"
    tls: {{ certificates: [{{ chain: {chain}, key: {key} }}] }}
pools:
  app: {{ discover: "127.0.0.1:{origin.port}" }}
""", port) as weir:
        shown = run("chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                    "--disable-dev-shm-usage", "--ignore-certificate-errors", "--no-first-run",
                    f"--user-data-dir={folder}/profile", "--timeout=40000",
                    "--virtual-time-budget=30000", "--dump-dom", f"https://localhost:{port}/")
    said = re.search(r"\{.*\}", shown.replace("&quot;", '"').split("<body>")[-1])
    wanted = (f'{{"loaded":{RESOURCES // 2},"scripts":{RESOURCES // 2},"posts":20,'
              '"spoken":["h2"],"errors":[]}')
    finding.expect(bool(said) and said.group(0) == wanted,
                   f"the page says {said.group(0) if said else shown[-500:]}")
    bad = [record for record in weir.records()
           if record["status"] != 200 and "favicon" not in record.get("target", "")]
    finding.expect(not bad, f"answered with errors: {bad[:3]}")
    return finding
