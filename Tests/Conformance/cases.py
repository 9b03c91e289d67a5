"""The list that cases are registered in: a section, a sentence, a function of one connection."""

from collections.abc import Callable
from dataclasses import dataclass

from wire import Connection


@dataclass(frozen=True)
class Case:
    section: str
    sentence: str
    body: Callable[[Connection], None]
    # The function opens the connection itself.
    is_bare: bool = False

    @property
    def name(self) -> str:
        return f"{self.section} {self.sentence}"


ALL: list[Case] = []


def case(section: str, sentence: str, is_bare: bool = False):
    def register(body: Callable[[Connection], None]):
        ALL.append(Case(section, sentence, body, is_bare))
        return body
    return register
