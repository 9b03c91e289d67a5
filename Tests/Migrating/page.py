"""docs/migrating.md: for each section the configurations, and what is asked of all of them."""

import re
from dataclasses import dataclass, field
from pathlib import Path

COMMENT = re.compile(r"<!-- (.*?) -->")


@dataclass
class Asked:
    """`same: GET URL`; works, stays, client, redirect too; `same: tcp PORT`."""

    how: str
    kind: str
    where: str
    # `spread over a and b`, `from a or b`: the applications that are to answer.
    applications: set[str] = field(default_factory=set)


@dataclass
class Section:
    title: str
    configurations: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)


def asked(comment: str) -> Asked | None:
    found = re.fullmatch(
        r"(same|works|stays|client|redirect): (\S+) (\S+)(?: (?:spread over|from) (.*))?", comment)
    if found is None:
        return None
    names = re.split(r" and | or ", found[4]) if found[4] else []
    how = "spread" if " spread over " in comment else found[1]
    return Asked(how, found[2], found[3], set(names))


def read(path: Path) -> list[Section]:
    """The sections; a block without a comment, or a comment that says nothing, is an error."""
    sections = [Section("")]
    comment, block, language = None, None, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if block is not None:
            if line == "```":
                if comment is None:
                    raise ValueError(f"{path.name}:{number}: the {language} block has no comment")
                sections[-1].configurations[comment] = "\n".join(block) + "\n"
                comment, block = None, None
            else:
                block.append(line)
        elif line.startswith("```"):
            block, language = [], line[3:]
        elif line.startswith("## "):
            sections.append(Section(line[3:]))
        elif found := COMMENT.fullmatch(line):
            if question := asked(found[1]):
                sections[-1].asked.append(question)
            else:
                comment = found[1]
    return sections
