"""The manual page and the completions tell of every verb and flag, and of no other."""

import json
import re
import subprocess
from dataclasses import dataclass, field

from lab.machine import REPOSITORY, run
from lab.report import Cases, Finding

from tools import Tools, weir_program

cases = Cases()

PAGE = REPOSITORY / "docs" / "man" / "weir.1"


@dataclass
class Flags:
    """The flags of one verb, and for each option its default."""

    names: set[str] = field(default_factory=set)
    defaults: dict[str, str] = field(default_factory=dict)


def of_program() -> dict[str, Flags]:
    """What the program itself says about its verbs; one that has verbs of its own is none."""
    found: dict[str, Flags] = {}

    def walk(command: dict, before: str) -> None:
        path = f"{before} {command['commandName']}".strip()
        for verb in command.get("subcommands", []):
            walk(verb, path)
        if not command.get("subcommands"):
            flags = found[path] = Flags()
            for argument in command.get("arguments", []):
                # A name, short or long, as it is typed; the first long one stands for all.
                names = {("-" if name["kind"] == "short" else "--") + name["name"]
                         for name in argument.get("names", [])}
                flags.names |= names
                if argument.get("defaultValue"):
                    flags.defaults[max(names, key=len)] = argument["defaultValue"]

    walk(json.loads(run(str(weir_program()), "--experimental-dump-help"))["command"], "")
    return found


def flags_of(line: str) -> set[str]:
    """`.It Fl c , Fl -config Ar file` is -c and --config."""
    return {"-" + name for name in re.findall(r"Fl (\S+)", line)}


def verbs_of(heading: str) -> list[str]:
    """`.Ss weir rollout pause | abort SPLIT` is two verbs."""
    words = heading.removeprefix(".Ss ").split()
    words = [word for word in words if not re.search(r"[A-Z…]", word)]
    start = next((place for place, word in enumerate(words) if word == "|"), len(words)) - 1
    before = " ".join(words[:start])
    return [f"{before} {word}" for word in words[start:] if word != "|"]


def of_page(text: str) -> dict[str, Flags]:
    """The same from the page, where flags that many verbs have stand in a section of their own."""
    verbs, common = text.split(".Sh COMMON OPTIONS")
    found: dict[str, Flags] = {}
    for section in verbs.split("\n.Ss ")[1:]:
        flags = Flags()
        for item in section.split("\n.It ")[1:]:
            names = flags_of(item.splitlines()[0])
            flags.names |= names
            if default := re.search(r"\(default: (.*?)\)", item):
                flags.defaults[max(names, key=len)] = default[1]
        found |= {verb: Flags(set(flags.names), flags.defaults)
                  for verb in verbs_of(".Ss " + section.splitlines()[0])}
    for item in common.split(".El")[0].split("\n.It ")[1:]:
        without = re.search(r"^All verbs but (.*)\.$", item, re.M)
        lacking = {f"weir {verb}" for verb in without[1].split(", ")} if without else set()
        for verb in lacking - set(found):
            raise ValueError(f"COMMON OPTIONS names {verb}, which has no section")
        for verb in set(found) - lacking:
            found[verb].names |= flags_of(item.splitlines()[0])
    return found


@cases.case("the manual page and weir --help tell of the same verbs, flags and defaults")
async def page_and_help(_: Tools) -> Finding:
    finding = Finding()
    program, page = of_program(), of_page(PAGE.read_text())
    for verb in sorted(program.keys() - page.keys()):
        finding.wrongs.append(f"`{verb}` has no .Ss in docs/man/weir.1")
    for verb in sorted(page.keys() - program.keys()):
        finding.wrongs.append(f"docs/man/weir.1 tells of `{verb}`, which weir does not have")
    for verb in sorted(program.keys() & page.keys()):
        ours, theirs = program[verb], page[verb]
        for flag in sorted(ours.names - theirs.names):
            finding.wrongs.append(f"`{verb} {flag}` is not in docs/man/weir.1")
        for flag in sorted(theirs.names - ours.names):
            finding.wrongs.append(f"docs/man/weir.1 has `{verb} {flag}`, which weir does not")
        for flag, value in ours.defaults.items():
            finding.expect(theirs.defaults.get(flag) == value,
                           f"`{verb} {flag}` has the default {value}, not in docs/man/weir.1")
    finding.notes.append(f"{len(program)} verbs, "
                         f"{sum(len(flags.names) for flags in program.values())} flags")
    return finding


@cases.case("the check of the manual page finds what is missing and what is too much")
async def check_of_the_check(_: Tools) -> Finding:
    finding = Finding()
    text = PAGE.read_text()
    whole = of_page(text)
    less = of_page(text.replace(".It Fl -older-than Ar time\n", ".It Fl -newer Ar time\n"))
    gone, new = (whole["weir drain"].names - less["weir drain"].names,
                 less["weir drain"].names - whole["weir drain"].names)
    finding.expect((gone, new) == ({"--older-than"}, {"--newer"}), f"{gone} {new}")
    fewer = of_page(text.replace(".Ss weir wait POOL\n", ".Ss weir await POOL\n"))
    finding.expect("weir await" in fewer and "weir wait" not in fewer, str(sorted(fewer)))
    finding.expect("weir rollout abort" in whole, str(sorted(whole)))
    return finding


@cases.case("the manual page is good mdoc")
async def mdoc(_: Tools) -> Finding:
    finding = Finding()
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(PAGE)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    finding.expect(done.returncode == 0, done.stdout)
    return finding


@cases.case("completions know every verb")
async def completions(tools: Tools) -> Finding:
    finding = Finding()
    verbs = {verb.split()[-1] for verb in of_program()}
    for shell in ("bash", "zsh", "fish"):
        script = run(str(weir_program()), "--generate-completion-script", shell)
        missing = sorted(verb for verb in verbs if not re.search(rf"\b{verb}\b", script))
        finding.expect(not missing, f"{shell} does not know {missing}")
        if shell == "bash":
            file = tools.folder / "completion.bash"
            file.write_text(script)
            run("bash", "-n", str(file))
    return finding
