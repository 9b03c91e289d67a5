"""Images without a registry: a program, the libraries it is linked to, and a few files."""

import io
import json
import re
import subprocess
import tarfile
from pathlib import Path

from .machine import BUILD, run

REPLICA = "weir-test/replica"


def libraries(program: Path) -> list[Path]:
    """The shared libraries and the loader that a program needs; none for a static one."""
    listed = subprocess.run(["ldd", str(program)], text=True, capture_output=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", listed)]


def import_program(image: str, program: Path, command: list[str],
                   files: dict[str, str | Path]) -> None:
    """Makes an image of `program` at `/bin/<name>` that starts with `command`.

    The files are texts, or programs and libraries of this machine.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
        for folder in ("bin", "etc", "run", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder in ("run", "tmp") else 0o755
            tar.addfile(entry)
        tar.add(program, f"bin/{program.name}")
        binaries = [file for file in files.values() if isinstance(file, Path)]
        for library in {found for binary in [program, *binaries] for found in libraries(binary)}:
            tar.add(library, str(library).lstrip("/"))
        for path, content in files.items():
            if isinstance(content, Path):
                tar.add(content, path)
                continue
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content.encode()), 0o644
            tar.addfile(entry, io.BytesIO(content.encode()))
    subprocess.run(["docker", "import", "-c", f"ENTRYPOINT {json.dumps(command)}", "-", image],
                   input=archive.getvalue(), check=True, stdout=subprocess.DEVNULL)


def build_replica() -> Path:
    """Compiles the replica of the application, as one static program."""
    source = Path(__file__).parents[1] / "app" / "replica.c"
    program = BUILD / "docker" / "replica"
    program.parent.mkdir(parents=True, exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        run("gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-pthread",
            str(source), "-lnettle", "-o", str(program))
    return program


def import_replica() -> None:
    """The replica with the few commands that an image of an application usually has."""
    program, commands = build_replica(), Path("/bin/busybox")
    import_program(REPLICA, program, [f"/bin/{program.name}"],
                   {f"bin/{name}": commands for name in ("sh", "wget", "sleep", "touch")})
