"""Runs one unit of the suite against one server, whatever either of them does, and says how each test ended.

What may go wrong and still must not lose a result:
- the server dies: it is started again, empty, and the unit run again without the test that killed it;
- a test hangs: the suite is ended, and the unit run again without that test;
- the suite gives up (an error outside any test): what was reported until then stands.
"""

import os
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import encrypted
import suite
from server import Server, ServerFailed, free_ports, persistence_options

SUITE_OPTIONS = ["--durable", "--ignore-encoding", "--ignore-digest", "--tags", "-needs:debug", "--clients", "1"]
# These hold tests that the suite does not run against a server that it did not start (its tag external:skip).
STARTED_BY_THE_SUITE = frozenset("unit/" + name for name in (
    "acl", "acl-v2", "auth", "bitfield", "client-eviction", "dump", "expire", "info", "introspection", "limits",
    "maxmemory", "multi", "networking", "obuf-limits", "other", "pause", "pubsubshard", "querybuf", "shutdown", "tls",
    "type/stream-cgroups",
))
# Units that do what chance says: their tests have a random number in their names, and run a random number of times.
# Here such a number is `N`, and a test that ran several times passed if it always did.
BY_CHANCE = frozenset("integration/" + name for name in ("psync2", "psync2-reg"))
CHANCE = re.compile(r"(?<=#)\d\b|(?<=x = )\d+|(?<=CYCLE )\d+")
RETRIES = 8
# Without progress for so long a test hangs. The slowest takes about 50 s on a machine that does nothing else.
QUIET_LIMIT = 120
# How many ports the suite may give to servers that it starts.
PORTS = 64

OK = re.compile(r"^\[ok\]: (?P<name>.*) \(\d+ ms\)$")
FAILED = re.compile(r"^\[err\]: (?P<name>.*) in tests/\S+\.tcl$")
LEFT_OUT = re.compile(r"^\[(?:skip|ignore)\]: (?P<name>.*)$")
ELSEWHERE = re.compile(r"^\[(?:err|exception)\]: (?P<message>.*)$")
IN_PROGRESS = re.compile(r"=> \(IN PROGRESS\) (?P<name>.*)$")
CONNECTION_LOST = re.compile(r"I/O error reading reply|connection refused|broken pipe|connection reset", re.I)


@dataclass
class Result:
    """How a unit ended. Names are unique: the second test of the same name is called `name #2`."""
    unit: str
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # name to the suite's message
    trouble: list[str] = field(default_factory=list)  # what went wrong outside of tests
    seconds: float = 0.0


@dataclass
class Attempt:
    """One process of the suite. `events` are (name, None if passed, else the message)."""
    events: list[tuple[str, str | None]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    culprit: str | None = None  # the test that killed the server or hung


def starts_its_servers(unit: str) -> bool:
    """Whether the suite starts the unit's servers itself: several at once, or such as it gives options."""
    return unit in STARTED_BY_THE_SUITE or unit.startswith("integration/")


def run(unit: str, program: str, order: list[str], time_limit: float, skip=(), options=(), address=None,
        cut=()) -> Result:
    """Runs `unit`. `order` (names as on Redis) tells which test was next when a server died without a word.

    `cut`: tests whose blocks of the unit's file are left out whole, with the servers that they start.
    `address` gives the port that the suite is to use for a server's port (for a tracing proxy in between).
    """
    result, skip, started = Result(unit), list(skip), time.monotonic()
    seen: Counter = Counter()
    for _ in range(RETRIES):
        left = time_limit - (time.monotonic() - started)
        if left <= 0:
            result.trouble.append(f"out of time after {time_limit:.0f} s")
            break
        with tempfile.TemporaryDirectory(prefix="pika-conformance.") as scratch:
            attempt = one_attempt(unit, program, order, left, skip, options, Path(scratch), address,
                                  cut)
        merge(result, attempt, seen)
        if attempt.culprit is None or attempt.culprit in skip:
            break
        skip.append(attempt.culprit)
    result.seconds = time.monotonic() - started
    return result


def merge(result: Result, attempt: Attempt, seen: Counter) -> None:
    """Adds what this attempt reports for the first time."""
    if result.unit in BY_CHANCE:
        for name, message in attempt.events:
            name = CHANCE.sub("N", name)
            if message is not None:
                result.failed.setdefault(name, message)
            elif name not in result.passed:
                result.passed.append(name)
        result.passed = [name for name in result.passed if name not in result.failed]
        result.trouble += attempt.trouble
        return
    counts: Counter = Counter()
    for name, message in attempt.events:
        counts[name] += 1
        if counts[name] <= seen[name]:
            continue
        unique = name if counts[name] == 1 else f"{name} #{counts[name]}"
        if message is None:
            result.passed.append(unique)
        else:
            result.failed[unique] = message
    for name, count in counts.items():
        seen[name] = max(seen[name], count)
    result.trouble += attempt.trouble


def one_attempt(unit, program, order, time_limit, skip, options, scratch: Path, address, cut) -> Attempt:
    attempt = Attempt()
    workplace = suite.workplace(suite.obtain(), scratch / "suite", program)
    if cut:
        suite.cut(scratch / "suite", unit, cut)
    if unit in encrypted.UNITS:
        encrypted.make(scratch / "suite/tests/tls")
    (scratch / "skip").write_text("".join(name + "\n" for name in skip))
    command = ["./runtest", "--single", unit, *SUITE_OPTIONS, "--skipfile", str(scratch / "skip"),
               "--timeout", str(QUIET_LIMIT)]
    if unit in encrypted.UNITS:
        command += ["--tls"]
    server = None
    ports = free_ports(32 + PORTS)  # the suite's own processes meet on one of the first 32
    command += ["--baseport", str(ports[32]), "--portcount", str(PORTS)]
    if not starts_its_servers(unit):
        server = Server(program, scratch / "server", [*persistence_options(program, "everysec"), *options])
        try:
            server.start()
        except ServerFailed as error:
            attempt.trouble.append(f"server does not start: {error}")
            return attempt
        command += ["--host", "127.0.0.1", "--port", str(address(server.port) if address else server.port)]
    process = subprocess.Popen(command, cwd=workplace, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
                               env={**os.environ, "TERM": "dumb", "LC_ALL": "C.UTF-8"})
    try:
        follow(process, server, attempt, order, time_limit)
    finally:
        end_group(process)
        if server and server.is_alive():
            server.kill()  # its data goes with the folder: no reason to wait for a clean end
    return attempt


def follow(process, server: Server | None, attempt: Attempt, order, time_limit) -> None:
    """Reads the suite's output to its end, to the server's death, or to the time limit."""
    lines: queue.Queue = queue.Queue()

    def pump():
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=pump, daemon=True).start()
    deadline = time.monotonic() + time_limit
    reader = Reader(attempt)
    while True:
        try:
            line = lines.get(timeout=0.2)
        except queue.Empty:
            line = ""
        if line is None:
            break
        if line:
            reader.line(line)
        elif server and not server.is_alive():
            break  # and the suite has nothing more to say
        if time.monotonic() > deadline:
            attempt.trouble.append(f"unit stopped after {time_limit:.0f} s, after {reader.last!r}")
            break
    reader.close()
    if line is None and not reader.ended and attempt.culprit is None:
        attempt.trouble.append(f"the suite gave up after {reader.last!r}:\n" + "\n".join(reader.stray[-15:]))
    if server and not server.is_alive():
        blame_death(server, attempt, order)


def blame_death(server: Server, attempt: Attempt, order) -> None:
    """The server died. The first test that lost its connection did it, or else the one after the last reported."""
    for index, (name, message) in enumerate(attempt.events):
        if message is not None and CONNECTION_LOST.search(message):
            attempt.culprit = name
            del attempt.events[index + 1:]  # what came after it talked to nobody
            attempt.events[index] = (name, f"THE SERVER DIED\n{server.log_tail()}")
            break
    else:
        reported = {name for name, _ in attempt.events} | set(attempt.skipped)
        attempt.culprit = next((name for name in order if name not in reported), None)
        if attempt.culprit:
            attempt.events.append((attempt.culprit, f"THE SERVER DIED\n{server.log_tail()}"))
    attempt.trouble = [f"the server died (status {server.process.returncode}) in {attempt.culprit!r}"]


class Reader:
    """Turns the suite's lines into events. An [err] is followed by the lines of its message."""

    def __init__(self, attempt: Attempt):
        self.attempt = attempt
        self.open: tuple[str | None, list[str]] | None = None  # a failure whose message may go on
        self.last = "the start"
        self.ended = False
        self.stray: list[str] = []  # lines that say nothing about a test; a Tcl error, for instance

    def line(self, line: str) -> None:
        hang = IN_PROGRESS.search(line)
        if hang:
            self.close()
            self.attempt.culprit = hang["name"]
            self.attempt.events.append((hang["name"], f"HANGS: no progress in {QUIET_LIMIT} s"))
        if self.ended or hang:
            return
        if line.strip() == "The End":  # a summary follows, which repeats the failures
            self.close()
            self.ended = True
        elif match := OK.match(line):
            self.close()
            self.last = match["name"]
            self.attempt.events.append((match["name"], None))
        elif match := FAILED.match(line):
            self.close()
            self.last = match["name"]
            self.open = (match["name"], [])
        elif match := LEFT_OUT.match(line):
            self.close()
            self.attempt.skipped.append(match["name"])
        elif match := ELSEWHERE.match(line):
            self.close()
            self.open = (None, [f"after {self.last!r}: {match['message']}"])
        elif line.startswith("["):  # [done], [ready], [TIMEOUT]
            self.close()
        elif self.open:
            self.open[1].append(line)
        else:
            self.stray.append(line)

    def close(self) -> None:
        if self.open is None:
            return
        name, message = self.open[0], "\n".join(self.open[1])
        self.open = None
        if name is None:
            self.attempt.trouble.append(message)
        else:
            self.attempt.events.append((name, message))


def end_group(process) -> None:
    """Ends the suite with its children (a session of their own), whatever state they are in."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
