"""The program under test, and running other programs on what it ships."""

import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def weir() -> Path:
    return Path(os.environ.get("WEIR") or REPOSITORY / ".build" / "release" / "weir").resolve()


def run(*command: object, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=60, cwd=REPOSITORY, **options)
