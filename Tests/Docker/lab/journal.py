"""What the replicas did, in their own words; see app/replica.c."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Event:
    time: float
    service: str
    replica: str
    name: str
    detail: str


class Journal:
    """The folder into which all replicas of a site write, living and dead."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)
        folder.chmod(0o777)

    def events(self, name: str = "") -> list[Event]:
        """All events of a name in the order of time."""
        found = []
        for file in self.folder.iterdir():
            for line in file.read_text().splitlines():
                time, service, replica, event, detail = (line.split(" ", 4) + [""])[:5]
                if not name or event == name:
                    found.append(Event(float(time), service, replica, event, detail))
        return sorted(found, key=lambda event: event.time)

    def orders(self) -> Counter[str]:
        """How often each order was executed, on all replicas together."""
        return Counter(event.detail for event in self.events("order"))

    def first(self, name: str, replica: str) -> float | None:
        return next((e.time for e in self.events(name) if e.replica == replica), None)
