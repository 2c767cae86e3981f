"""The list of tests that must pass, and the reason for each one that is left out: expected.toml.

    ["unit/x"]
    pass = ["name", …]
    ["unit/x".later]            # will pass, once that topic is there
    "name" = "topic: what the test needs"
    ["unit/x".differs]          # will never pass: Pika does this otherwise, on purpose
    "name" = "reason"

A test that does not pass may spoil those behind it: it leaves its connection in MULTI, say. It stands in
`skip = ["name", …]` besides, and is not run.

A test whose surroundings end the unit (they wait, outside of any test, for what Pika does not have) stands in
`cut = ["name", …]`: the block of the unit's file that it is in, from one line that is not indented to the next, is not
run, with all tests in it.

Names come from baseline.json: what passes on redis-server itself in the same mode. Each of its tests is in exactly
one of the three lists.
"""

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
BASELINE = FOLDER / "baseline.json"
EXPECTED = FOLDER / "expected.toml"
HEADING = """\
# Which tests of Redis's own suite (7.0.15) Pika passes, and why it leaves out the others.
# `pass` and its order are written by `tests/conformance/run.py --update`; the reasons are written by hand.
"""
NO_REASON = "no reason given yet"


@dataclass
class Unit:
    passes: list[str] = field(default_factory=list)
    later: dict[str, str] = field(default_factory=dict)
    differs: dict[str, str] = field(default_factory=dict)
    skip: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    def left_out(self) -> dict[str, str]:
        return {**self.later, **self.differs}


def load() -> dict[str, Unit]:
    if not EXPECTED.exists():
        return {}
    with open(EXPECTED, "rb") as file:
        return {name: Unit(unit.get("pass", []), unit.get("later", {}), unit.get("differs", {}),
                           unit.get("skip", []), unit.get("cut", []))
                for name, unit in tomllib.load(file).items()}


def load_baseline() -> dict[str, list[str]]:
    return json.loads(BASELINE.read_text()) if BASELINE.exists() else {}


def problems(units: dict[str, Unit], baseline: dict[str, list[str]]) -> list[str]:
    """What is wrong with the lists themselves."""
    found = []
    for name, tests in baseline.items():
        unit = units.get(name, Unit())
        listed = unit.passes + list(unit.later) + list(unit.differs)
        found += [f"{name}: listed twice: {test}" for test in sorted({t for t in listed if listed.count(t) > 1})]
        found += [f"{name}: not listed: {test}" for test in tests if test not in listed]
        found += [f"{name}: listed, but not in baseline.json: {test}" for test in listed if test not in tests]
        found += [f"{name}: skipped, but not left out: {test}" for test in unit.skip if test not in unit.left_out()]
        found += [f"{name}: cut, but not left out: {test}" for test in unit.cut if test not in unit.left_out()]
        found += [f"{name}: {NO_REASON}: {test}" for test, reason in unit.left_out().items() if reason == NO_REASON]
    found += [f"{name}: a unit without a baseline" for name in units if name not in baseline]
    return found


def updated(unit: Unit, tests: list[str], passed: set[str]) -> Unit:
    """The unit as a run found it: what passed moves to `pass`; a test that no longer does needs a reason."""
    new = Unit(skip=unit.skip, cut=unit.cut)
    for test in tests:
        if test in passed:
            new.passes.append(test)
        elif test in unit.differs:
            new.differs[test] = unit.differs[test]
        else:
            new.later[test] = unit.later.get(test, NO_REASON)
    return new


def quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(text, ensure_ascii=False)


def save(units: dict[str, Unit]) -> None:
    lines = [HEADING]
    for name, unit in units.items():
        lines += [f"[{quoted(name)}]", "pass = ["]
        lines += [f"  {quoted(test)}," for test in unit.passes]
        lines += ["]"]
        for key, tests in (("skip", unit.skip), ("cut", unit.cut)):
            if tests:
                lines += [f"{key} = ["] + [f"  {quoted(test)}," for test in tests] + ["]"]
        lines += [""]
        for table, tests in (("later", unit.later), ("differs", unit.differs)):
            if tests:
                lines += [f"[{quoted(name)}.{table}]"]
                lines += [f"{quoted(test)} = {quoted(reason)}" for test, reason in tests.items()] + [""]
    EXPECTED.write_text("\n".join(lines))


def save_baseline(baseline: dict[str, list[str]]) -> None:
    BASELINE.write_text(json.dumps(baseline, indent=1, ensure_ascii=False) + "\n")
