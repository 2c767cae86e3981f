"""Differences that are meant: allowed.toml."""

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("allowed.toml")


@dataclass
class Entry:
    reason: str
    command: re.Pattern
    tested: re.Pattern
    reference: re.Pattern
    goes_on: bool  # the data is the same afterwards, so the program's rest is compared too
    also_equal: bool  # looked at even if the replies are equal


class Allowed:
    """All entries of the file, and how often each was met."""

    def __init__(self, file: Path = FILE):
        content = tomllib.loads(file.read_text())
        self.entries = []
        for row in content.get("difference", []):
            unknown = set(row) - {"reason", "command", "tested", "reference", "goes_on", "also_equal"}
            if unknown or not row.get("reason"):
                raise SystemExit(f"{file}: an entry without reason, or with unknown fields {unknown}: {row}")
            self.entries.append(Entry(row["reason"], *(re.compile(row.get(name, ".*"), re.DOTALL | flags) for name, flags
                                      in (("command", re.IGNORECASE), ("tested", 0), ("reference", 0))),
                                      row.get("goes_on", True), row.get("also_equal", False)))
        self.events = {row["event"].encode(): row["reason"] for row in content.get("event", [])}
        self.missing: dict[str, str] = content.get("missing", {})
        self.met: Counter[str] = Counter()

    def without_events(self, ours: list[bytes], theirs: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """What both were told, without events that only one of them may tell of."""
        for event, reason in self.events.items():
            kept = [[message for message in side if event not in message] for side in (ours, theirs)]
            if kept != [ours, theirs]:
                self.met[reason] += 1
            ours, theirs = kept
        return ours, theirs

    def inner(self, calls: list[list[bytes]]) -> bool:
        """Whether a command that a script calls is one whose replies may differ."""
        for words in calls:
            text = b" ".join(words).decode("latin-1")
            for entry in self.entries:
                if entry.command.fullmatch(text):
                    self.met[f"called by a script: {entry.reason}"] += 1
                    return True
        return False

    def entry(self, arguments: list[bytes], tested: bytes, reference: bytes) -> Entry | None:
        """The entry whose patterns match all of the command's words (joined by spaces) and the beginning of both
        replies, as they come over the wire."""
        words = b" ".join(arguments).decode("latin-1")
        equal = tested == reference
        for entry in self.entries:
            if ((entry.also_equal or not equal) and entry.command.fullmatch(words) and entry.tested.match(tested.decode("latin-1"))
                    and entry.reference.match(reference.decode("latin-1"))):
                self.met[entry.reason] += 1
                return entry
        return None
