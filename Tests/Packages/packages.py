"""The package as a file: the same bytes each time, clean to lintian; and `make install`."""

import hashlib
import os
import re
import subprocess

from lab.machine import REPOSITORY, run
from lab.report import Cases, Finding

from tools import Tools, weir_program

cases = Cases()

# The tags that lintian may find, each with its reason in conf/debian/lintian-overrides.
EXCEPTIONS = {"statically-linked-binary", "embedded-library", "initial-upload-closes-no-bugs"}
INSTALLED = {
    "bin/weir", "lib/systemd/system/weir.service", "lib/sysusers.d/weir.conf",
    "share/man/man1/weir.1.gz", "share/bash-completion/completions/weir",
    "share/zsh/vendor-completions/_weir", "share/fish/vendor_completions.d/weir.fish",
    "share/doc/weir/README.md", "share/doc/weir/docs/configuration.md",
    "share/doc/weir/conf/complete.yaml",
}


def digest(path: os.PathLike) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cases.case("the same program makes the same package, whatever the clock, zone, umask and language")
async def reproducible(tools: Tools) -> Finding:
    finding = Finding()
    first = digest(tools.package)
    kept = tools.package.rename(tools.folder / tools.package.name)
    before = os.umask(0o077)
    try:
        again = tools.make_package(TZ="Asia/Tokyo", LC_ALL="C.UTF-8", USER="somebody")
    finally:
        os.umask(before)
    finding.expect(digest(again) == first, f"{kept} and {again} differ")
    kept.unlink()
    finding.notes.append(f"{again.name}: {again.stat().st_size / 1e6:.1f} MB, sha256 {first}")
    return finding


@cases.case("lintian finds nothing but the named exceptions")
async def lintian(tools: Tools) -> Finding:
    finding = Finding()
    done = subprocess.run(
        ["lintian", "--allow-root", "--show-overrides", "--tag-display-limit", "0",
         str(tools.package)],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    overridden = set(re.findall(r"^O: weir: (\S+)", done.stdout, re.M))
    complaints = re.findall(r"^[EW]: .*", done.stdout, re.M)
    finding.expect(not complaints, done.stdout)
    finding.expect(overridden <= EXCEPTIONS, f"overridden without a name here: {overridden}")
    finding.expect("statically-linked-binary" in overridden, f"lintian did not look: {done.stdout}")
    finding.notes.append(f"exceptions in use: {', '.join(sorted(overridden))}")
    return finding


@cases.case("make install puts everything under PREFIX, and nothing elsewhere")
async def make_install(tools: Tools) -> Finding:
    finding = Finding()
    place = tools.folder / "installed"
    run("make", "--no-print-directory", "-C", str(REPOSITORY), "install", f"DESTDIR={place}",
        "PREFIX=/opt/weir", f"BINARY={weir_program()}")
    there = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    missing = {f"opt/weir/{name}" for name in INSTALLED} - there
    finding.expect(not missing, f"missing: {sorted(missing)}")
    outside = [name for name in there if not name.startswith("opt/weir/")]
    finding.expect(not outside, f"outside of PREFIX: {outside}")
    unit = (place / "opt/weir/lib/systemd/system/weir.service").read_text()
    finding.expect("ExecStart=/opt/weir/bin/weir run" in unit and "/usr/bin" not in unit,
                   "the unit starts another weir")
    said = run(str(place / "opt/weir/bin/weir"), "version")
    finding.expect(said == run(str(weir_program()), "version"), f"it says {said}")
    return finding
