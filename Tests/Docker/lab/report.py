"""Cases by name, what each found, and the lines that end a run."""

import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Finding:
    """What a case found: a row of the table, and everything that is wrong."""

    row: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)

    def expect(self, is_so: bool, otherwise: str) -> None:
        if not is_so:
            self.wrongs.append(otherwise)


@dataclass
class Case:
    name: str
    body: Callable[..., Awaitable[Finding]]


class Cases:
    """A list of cases in the order in which they are written."""

    def __init__(self):
        self.all: list[Case] = []

    def case(self, name: str):
        def register(body):
            self.all.append(Case(name, body))
            return body
        return register


async def run_cases(cases: list[Case], *arguments: object) -> list[tuple[Case, Finding]]:
    """Runs one case after the other; one that breaks is a failed one and does not stop the rest."""
    results = []
    for case in cases:
        began = time.monotonic()
        try:
            finding = await case.body(*arguments)
        except Exception:
            finding = Finding(wrongs=[traceback.format_exc()])
        verdict = "failed" if finding.wrongs else "passed"
        print(f"{verdict}: {case.name} ({time.monotonic() - began:.1f} s)", flush=True)
        for text in finding.notes + finding.wrongs:
            print("   ", text.replace("\n", "\n    "), flush=True)
        results.append((case, finding))
    return results


def print_table(results: list[tuple[Case, Finding]]) -> None:
    rows = [{"case": case.name, **finding.row, "": "FAILED" if finding.wrongs else "passed"}
            for case, finding in results if finding.row]
    if rows:
        print("\n" + "\n".join(aligned(rows)))


def columns_of(rows: list[dict[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row if name)) + [""]


def aligned(rows: list[dict[str, object]]) -> list[str]:
    """The lines of a table for a terminal: the first column to the left, the others to the right."""
    columns = [name for name in columns_of(rows) if any(name in row for row in rows)]
    lines = [{name: name for name in columns}, *rows]
    widths = {name: max(len(str(line.get(name, ""))) for line in lines) for name in columns}
    return ["  ".join(str(line.get(name, "")).ljust(widths[name]) if name == columns[0]
                      else str(line.get(name, "")).rjust(widths[name]) for name in columns).rstrip()
            for line in lines]


def markdown(rows: list[dict[str, object]]) -> list[str]:
    columns = [name for name in columns_of(rows) if name and name != "verdict"]
    cells = [columns, ["---"] * len(columns),
             *([str(row.get(name, "")) for name in columns] for row in rows)]
    return ["| " + " | ".join(line) + " |" for line in cells]


def closing_line(results: list[tuple[Case, Finding]]) -> int:
    """Prints the count that scripts read; the exit status that belongs to it."""
    failed = sum(bool(finding.wrongs) for _, finding in results)
    print(f"\n{len(results) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0
