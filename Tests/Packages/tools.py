"""The program, the package made of it, and checkers that come from PyPI."""

import json
import os
import sys
from functools import cached_property
from pathlib import Path

from lab.machine import BUILD, REPOSITORY, run

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def weir_program() -> Path:
    chosen = os.environ.get("WEIR")
    return Path(chosen or REPOSITORY / ".build" / "release" / "weir").resolve()


class Tools:
    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def package(self) -> Path:
        """weir.deb, as `make deb` makes it."""
        return self.make_package()

    def make_package(self, **variables: str) -> Path:
        environment = {**os.environ, "WEIR": str(weir_program()), **variables}
        said = run(str(REPOSITORY / "Scripts" / "deb"), env=environment)
        return REPOSITORY / said.strip().splitlines()[-1]

    @cached_property
    def checkers(self) -> Path:
        """The folder with the commands of the packages in requirements.txt; installed once."""
        place = BUILD / "packages" / "checkers"
        wanted, mark = REQUIREMENTS.read_text(), place / "installed"
        if not mark.exists() or mark.read_text() != wanted:
            run(sys.executable, "-m", "venv", "--clear", str(place))
            run(str(place / "bin" / "pip"), "install", "--quiet",
                "--disable-pip-version-check", "-r", str(REQUIREMENTS))
            mark.write_text(wanted)
        return place / "bin"


def read_yaml(tools: Tools, source: Path | str) -> dict:
    """A file or a text, read by PyYAML, which the checkers bring along."""
    text = source.read_text() if isinstance(source, Path) else source
    program = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"
    return json.loads(run(str(tools.checkers / "python"), "-c", program, input=text))
