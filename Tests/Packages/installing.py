"""The package in a clean Debian under systemd, from its installation to its purge.

The cases are one story: each goes on where the one before it ended.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

from lab.machine import run
from lab.report import Cases, Finding

from guest import Guest, eventually
from tools import Tools

cases = Cases()

LISTENER = "http://127.0.0.1:9980"
FILE = "etc/weir/weir.yaml"
CHANGED = """\
listeners:
  web: { bind: ":80" }    # by the administrator
pools:
  web: { discover: "127.0.0.1:3000" }
log: { access: /var/log/weir/access.log }
"""
# Of `systemd-analyze security`, from 0 (nothing is allowed) to 10.
EXPOSURE_MAXIMUM = 2.0


def install(guest: Guest, package: Path, *options: str) -> str:
    shutil.copy(package, guest.root / "srv" / "weir.deb")
    return guest.run("dpkg", *options, "--install", "/srv/weir.deb")


def second_version(tools: Tools) -> Path:
    """The package with a higher version, which ships another configuration."""
    folder = tools.folder / "second"
    run("dpkg-deb", "--raw-extract", str(tools.package), str(folder))
    control = folder / "DEBIAN" / "control"
    control.write_text(re.sub(r"^(Version: .*)$", r"\g<1>+second", control.read_text(), flags=re.M))
    with (folder / FILE).open("a") as file:
        file.write("\n# A remark of the second version.\n")
    package = tools.folder / "second.deb"
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(folder), str(package))
    return package


def is_active(guest: Guest) -> bool:
    return guest.ask("systemctl", "is-active", "weir").strip() == "active"


@cases.case("it installs in a clean Debian, and runs as its own user with the admin socket")
async def installs(tools: Tools, guest: Guest) -> Finding:
    finding = Finding()
    install(guest, tools.package)
    if not eventually(lambda: (guest.root / "etc/systemd/system/multi-user.target.wants/"
                               "weir.service").is_symlink() and is_active(guest), 20):
        finding.wrongs.append(guest.ask("systemctl", "status", "--no-pager", "weir"))
        return finding
    main = guest.property("MainPID")
    user = guest.run("stat", "--format", "%U:%G", f"/proc/{main}").strip()
    finding.expect(user == "weir:weir", f"it runs as {user}")
    capabilities = re.search(r"CapEff:\s*(\w+)", guest.run("cat", f"/proc/{main}/status"))[1]
    finding.expect(int(capabilities, 16) == 1 << 10, f"its capabilities are {capabilities}")
    finding.expect("LISTENER" in guest.ask("weir", "status"), "it was ready before it listened")
    modes = guest.run("stat", "--format", "%n %A %U", "/run/weir", "/var/lib/weir", "/var/log/weir",
                      "/run/weir/admin.sock", "/var/lib/weir/state.json").splitlines()
    finding.expect(modes == [
        "/run/weir drwxr-x--- weir", "/var/lib/weir drwx------ weir",
        "/var/log/weir drwxr-x--- weir", "/run/weir/admin.sock srw-rw---- weir",
        "/var/lib/weir/state.json -rw------- weir"], "\n".join(modes))
    started = re.search(r"listening on .* in ([\d.]+) ms", guest.ask("journalctl", "-u", "weir"))
    finding.notes.append(f"listening after {started[1] if started else '?'} ms")
    return finding


@cases.case("the unit is right, and leaves little that weir may do")
async def unit(_: Tools, guest: Guest) -> Finding:
    finding = Finding()
    verdict = guest.ask("systemd-analyze", "--man=no", "verify", "weir.service")
    finding.expect("weir.service" not in verdict, verdict)
    said = guest.ask("systemd-analyze", "security", "--no-pager", "weir.service")
    exposure = re.search(r"Overall exposure level for weir.service: ([\d.]+)", said)
    if exposure is None:
        finding.wrongs.append(said)
        return finding
    finding.expect(float(exposure[1]) <= EXPOSURE_MAXIMUM, said)
    finding.notes.append(f"systemd-analyze security: {exposure[1]} of 10")
    return finding


@cases.case("it answers, from the file as it is shipped, and logs to its file")
async def answers(tools: Tools, guest: Guest) -> Finding:
    finding = Finding()
    page = tools.folder / "www"
    page.mkdir()
    (page / "index.html").write_text("from the application\n")
    application = subprocess.Popen(
        ["nsenter", "--target", guest.leader, "--net", "python3", "-m", "http.server", "3000",
         "--bind", "127.0.0.1", "--directory", str(page)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    guest.application = application
    body = guest.get(LISTENER + "/")
    finding.expect(body == "from the application\n", body)
    log = guest.root / "var/log/weir/access.log"
    finding.expect(eventually(lambda: log.read_text().count("\n") == 1, 10), log.read_text())
    finding.expect(json.loads(log.read_text().splitlines()[0])["status"] == 200, log.read_text())
    return finding


@cases.case("logrotate gives it a new file")
async def rotates(_: Tools, guest: Guest) -> Finding:
    finding = Finding()
    guest.run("logrotate", "--force", "/etc/logrotate.d/weir")
    log = guest.root / "var/log/weir/access.log"
    finding.expect(log.with_name("access.log.1").exists(), "nothing was rotated")

    # SIGUSR1 is on its way: sooner or later a request is in the new file.
    def is_logged() -> bool:
        guest.get(LISTENER + "/")
        return log.stat().st_size > 0

    finding.expect(eventually(is_logged, 10), "the new file stays empty")
    return finding


@cases.case("systemctl reload takes a good file, port 80 included, and names the place in a bad one")
async def reloads(_: Tools, guest: Guest) -> Finding:
    finding = Finding()
    main = guest.property("MainPID")
    (guest.root / FILE).write_text(CHANGED)
    guest.run("systemctl", "reload", "weir")
    finding.expect(guest.get("http://127.0.0.1/") == "from the application\n", "not on port 80")
    (guest.root / FILE).write_text(CHANGED.replace("pools:", "polls:"))
    refused = subprocess.run(guest.command("systemctl", "reload", "weir"), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    finding.expect(refused.returncode != 0, "a bad file was taken")
    said = guest.ask("journalctl", "-u", "weir", "--no-pager")
    finding.expect(f"/{FILE}:3:" in said, said)
    (guest.root / FILE).write_text(CHANGED)
    finding.expect(guest.property("MainPID") == main, "it is another process")
    finding.expect(guest.get("http://127.0.0.1/") == "from the application\n", "it serves no more")
    return finding


# Asks on a new connection each time, until it is told to end; one line for each failure.
CLIENT = """
import sys, threading, urllib.request
asked, over = 0, threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
while not over.wait(0.005):
    asked += 1
    try:
        urllib.request.urlopen("http://127.0.0.1/", timeout=20).read()
    except Exception as error:
        print("failed:", error)
print("asked:", asked)
"""


@cases.case("an upgrade loses no request, keeps the changed file and the state; the new version runs")
async def upgrades(tools: Tools, guest: Guest) -> Finding:
    finding = Finding()
    second = second_version(tools)
    before, start = guest.property("MainPID"), guest.property("InvocationID")
    client = subprocess.Popen(
        ["nsenter", "--target", guest.leader, "--net", "python3", "-c", CLIENT], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    install(guest, second, "--force-confold")
    said = client.communicate()[0]
    asked = int(re.search(r"^asked: (\d+)$", said, re.M)[1])
    finding.expect("failed" not in said and asked > 10, said)
    finding.notes.append(f"{asked} requests during it")
    finding.expect(is_active(guest) and guest.property("InvocationID") == start,
                   "it was restarted:\n" + guest.ask("journalctl", "-u", "weir", "--no-pager"))
    finding.expect(guest.property("MainPID") != before, "the old process is still the main one")
    version = guest.run("dpkg-query", "--show", "--showformat", "${Version}", "weir")
    finding.expect(version.endswith("+second"), version)
    finding.expect((guest.root / FILE).read_text() == CHANGED, "the file was replaced")
    finding.expect((guest.root / f"{FILE}.dpkg-dist").exists(), "the new file is not beside it")
    return finding


@cases.case("a pause survives a restart of the service")
async def restarts(_: Tools, guest: Guest) -> Finding:
    finding = Finding()
    guest.run("weir", "pause", "web")
    guest.run("systemctl", "restart", "weir")
    finding.expect("paused" in guest.run("weir", "status"), "the pause is gone")
    guest.run("weir", "resume", "web")
    finding.expect(guest.get("http://127.0.0.1/") == "from the application\n", "it does not serve")
    return finding


@cases.case("a service that was turned off stays off when the package is installed again")
async def stays_off(tools: Tools, guest: Guest) -> Finding:
    finding = Finding()
    guest.run("systemctl", "disable", "--now", "weir")
    install(guest, tools.folder / "second.deb", "--force-confold")
    finding.expect(guest.ask("systemctl", "is-enabled", "weir").strip() == "disabled", "enabled")
    finding.expect(not is_active(guest), "it was started")
    guest.run("systemctl", "enable", "--now", "weir")
    return finding


@cases.case("remove stops it and keeps file and state; purge leaves nothing but the user")
async def removes(_: Tools, guest: Guest) -> Finding:
    finding = Finding()
    guest.run("dpkg", "--remove", "weir")
    finding.expect(not is_active(guest), "it still runs")
    kept = [FILE, "var/lib/weir/state.json", "var/log/weir/access.log"]
    gone = [path for path in kept if not (guest.root / path).exists()]
    finding.expect(not gone, f"gone already: {gone}")
    finding.expect(not (guest.root / "usr/bin/weir").exists(), "the program is still there")
    guest.run("dpkg", "--purge", "weir")
    left = guest.run("find", "/etc", "/var/lib", "/var/log", "/usr", "/lib/systemd", "-xdev",
                     "-name", "*weir*").split()
    finding.expect(not left, f"left behind: {left}")
    finding.expect("weir:" in (guest.root / "etc/passwd").read_text(), "the user is gone")
    guest.application.kill()
    return finding
