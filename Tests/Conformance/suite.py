"""Runs the cases against one server, many at once, and reports."""

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import compression  # noqa: F401
import deviations
import kinds  # noqa: F401
import limits  # noqa: F401
import messages  # noqa: F401
import starting  # noqa: F401
import streams  # noqa: F401
import subjects
from cases import ALL, Case
from wire import Connection, Target, Unmet

AT_ONCE = 8


def read_arguments(text: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=text,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?", help="HOST:PORT of a server that runs")
    parser.add_argument("--tls", action="store_true", help="over TLS, with ALPN h2")
    parser.add_argument("--subject", choices=sorted(subjects.ALL), default="weir")
    parser.add_argument("--path", default="/", help="what is asked for; it must answer with 2xx")
    parser.add_argument("--name", default="localhost", help="the authority")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--seconds", type=float, default=5, help="for each thing awaited")
    parser.add_argument("--all", action="store_true", help="name those that passed too")
    return parser.parse_args()


def attempt(case: Case, target: Target) -> str:
    """What is wrong, or nothing."""
    try:
        connection = Connection(target)
    except (OSError, Unmet) as reason:
        return f"no connection: {reason}"
    try:
        if not case.is_bare:
            connection.open()
        case.body(connection)
    except Unmet as reason:
        return str(reason)
    except Exception as reason:
        return f"{type(reason).__name__}: {reason}; came: {', '.join(connection.seen)}"
    finally:
        connection.close()
    return ""


def run_all(target: Target, title: str, known: set[str],
            arguments: argparse.Namespace) -> tuple[int, int]:
    chosen = [case for case in ALL if arguments.only in case.name and case.name not in known]
    began = time.monotonic()
    # A flood is nothing to have beside other cases.
    chosen.sort(key=lambda case: case.section == limits.SECTION)
    floods = [case for case in chosen if case.section == limits.SECTION]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrongs = list(pool.map(lambda case: attempt(case, target),
                               chosen[:len(chosen) - len(floods)]))
    wrongs += [attempt(case, target) for case in floods]
    failed = sum(bool(wrong) for wrong in wrongs)
    left_out = f", {len(known)} known deviations left out" if known else ""
    print(f"\n{title}: {len(chosen) - failed} of {len(chosen)} cases pass{left_out}"
          f" ({time.monotonic() - began:.1f} s)", flush=True)
    for case, wrong in zip(chosen, wrongs):
        if wrong or arguments.all:
            print(f"  {'FAILED' if wrong else 'passed'}  {case.section:<12}{case.sentence}")
        if wrong:
            print(f"          {wrong[:300]}", flush=True)
    return len(chosen) - failed, failed


def main(text: str) -> int:
    arguments = read_arguments(text)
    target = Target("127.0.0.1", 0, path=arguments.path, name=arguments.name,
                    seconds=arguments.seconds)
    totals = [0, 0]

    def count(one: Target, title: str, known: set[str] = set()) -> None:
        passed, failed = run_all(one, title, known, arguments)
        totals[0] += passed
        totals[1] += failed

    if arguments.address:
        host, _, port = arguments.address.rpartition(":")
        count(replace(target, host=host, port=int(port), tls=arguments.tls), arguments.address)
    else:
        known = deviations.ALL.get(arguments.subject, set())
        with tempfile.TemporaryDirectory(prefix="weir-conformance-") as folder, \
                subjects.ALL[arguments.subject](Path(folder)) as subject:
            if subject.plain:
                count(replace(target, port=subject.plain), f"{arguments.subject}, plain", known)
            if subject.tls:
                count(replace(target, port=subject.tls, tls=True), f"{arguments.subject}, TLS",
                      known)
    print(f"\n{totals[0]} passed, {totals[1]} failed", flush=True)
    return 1 if totals[1] else 0
