"""The code blocks of a page, by section, as a reader would use them.

A comment before each block says what it is: `file: NAME` is a file, `start` and `run` are commands. `with
A as B` after it lets the test use other words, such as a shorter time. A block without a comment is a
mistake.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"(?:^<!-- (?P<what>.*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
                   re.MULTILINE | re.DOTALL)
REPLACEMENT = re.compile(r" with `(.*?)` as `(.*?)`")


@dataclass
class Section:
    title: str
    files: dict[str, str] = field(default_factory=dict)
    start: str = ""
    runs: list[str] = field(default_factory=list)


def sections(page: Path) -> list[Section]:
    """Those that have something to run, in their order."""
    found = []
    for part in re.split(r"^## ", page.read_text(), flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        section = Section(title)
        for block in BLOCK.finditer(body):
            add(block, section, f"{page.name}, {title!r}")
        if section.runs:
            found.append(section)
    return found


def add(block: re.Match[str], section: Section, place: str) -> None:
    what, text = block["what"], block["text"]
    if not what:
        raise ValueError(f"{place}: no comment says what this block is:\n{text}")
    for words, others in REPLACEMENT.findall(what):
        if words not in text:
            raise ValueError(f"{place}: a block does not say {words!r}:\n{text}")
        text = text.replace(words, others)
    what = REPLACEMENT.sub("", what)
    if what.startswith("file: "):
        section.files[what.removeprefix("file: ")] = text
    elif what == "start":
        section.start = text
    elif what == "run":
        section.runs.append(text)
    else:
        raise ValueError(f"{place}: a block is {what!r}; there are: file: NAME, start, run")
