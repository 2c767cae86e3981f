#!/usr/bin/env python3
"""Measures operations on one big collection of each type, beside the same on one of a thousand elements.

    benches/big_collections.py                        ten million elements each; about half an hour
    benches/big_collections.py --elements 1000000     a tenth of that
    benches/big_collections.py --types hash,stream

Each type has a server of its own, with an empty data folder. One connection, one command after the other, random
elements; the small and the big collection take turns. Then the commands that take a key as a whole: each must be
answered in under 5 ms, and while the space is given back another client's GETs are timed. Writes
docs/benchmarks/big-collections.md; what is out of bounds is in bold there and is printed.
"""

import argparse
import random
import shlex
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/python"))

from machine import machine, version  # noqa: E402
from resp import ReplyError, encode  # noqa: E402
from server import DEFAULT_SERVER, REPOSITORY, Server, find_server, persistence_options, processor_seconds  # noqa: E402

SMALL = 1000
FACTOR = 2.0  # a point operation on the big collection may take so many times what it takes on the small one
WHOLE_MS = 5.0  # and a command on a whole key so long
BIG_KEY, SMALL_KEY = b"{bench}big", b"{bench}small"
VALUE = b"v" * 32


def name(number: int) -> bytes:
    return b"element:%012d" % number


@dataclass(frozen=True)
class Kind:
    """A type: how its elements are loaded, and what is asked of them. Functions get the key and a number."""

    load: object  # (key, range of numbers) -> command
    point: dict  # label -> (key, random number, serial number, elements) -> command
    ranges: dict  # the same, of a hundred elements
    add: int = 100  # elements a command of the load


def pairs(numbers, make):
    return [part for number in numbers for part in make(number)]


KINDS = {
    "hash": Kind(
        lambda key, numbers: ("HSET", key, *pairs(numbers, lambda n: (name(n), VALUE))),
        {"HGET": lambda key, n, _, __: ("HGET", key, name(n)),
         "HSET": lambda key, n, serial, _: ("HSET", key, name(n), b"%032d" % serial)},
        {"HSCAN COUNT 100": lambda key, n, _, __: ("HSCAN", key, cursor(n), "COUNT", 100)}),
    "set": Kind(
        lambda key, numbers: ("SADD", key, *map(name, numbers)),
        {"SISMEMBER": lambda key, n, _, __: ("SISMEMBER", key, name(n)),
         "SREM, SADD": lambda key, n, serial, _: ("SREM", key, name(0)) if serial % 2 else ("SADD", key, name(0)),
         "SRANDMEMBER": lambda key, *_: ("SRANDMEMBER", key)},
        {"SSCAN COUNT 100": lambda key, n, _, __: ("SSCAN", key, cursor(n), "COUNT", 100)}),
    "sorted set": Kind(
        lambda key, numbers: ("ZADD", key, *pairs(numbers, lambda n: (b"%d" % score(n), name(n)))),
        {"ZSCORE": lambda key, n, _, __: ("ZSCORE", key, name(n)),
         "ZADD": lambda key, n, serial, _: ("ZADD", key, score(n + serial), name(n)),
         "ZRANK": lambda key, n, _, __: ("ZRANK", key, name(n)),
         "ZADD, ZPOPMIN": lambda key, n, serial, _: ("ZADD", key, -1, b"least") if serial % 2 else ("ZPOPMIN", key)},
        {"ZRANGE of 100": lambda key, n, _, __: ("ZRANGE", key, n, n + 99)}),
    "list": Kind(
        lambda key, numbers: ("RPUSH", key, *map(name, numbers)),
        {"LINDEX": lambda key, n, _, __: ("LINDEX", key, n),
         "LSET": lambda key, n, serial, _: ("LSET", key, n, name(serial)),
         "LPOP, RPUSH": lambda key, n, serial, _: ("LPOP", key) if serial % 2 else ("RPUSH", key, name(n))},
        {"LRANGE of 100": lambda key, n, _, __: ("LRANGE", key, n, n + 99)}),
    "stream": Kind(
        lambda key, numbers: ("XADD", key, f"{numbers[0] + 1}-0", "field", VALUE),
        {"XRANGE of 1": lambda key, n, _, __: ("XRANGE", key, f"{n + 1}-0", f"{n + 1}-0"),
         "XADD": lambda key, n, serial, elements: ("XADD", key, "*", "field", VALUE),
         "XREADGROUP": lambda key, *_: ("XREADGROUP", "GROUP", "g", "c", "COUNT", 1, "STREAMS", key, ">")},
        {"XRANGE of 100": lambda key, n, _, __: ("XRANGE", key, f"{n + 1}-0", "+", "COUNT", 100)},
        add=1),
}


def score(number: int) -> int:
    """Far from the order in which members are added."""
    return number * 7919 % 10_000_019


def cursor(number: int) -> int:
    """Any number is a cursor: where to go on in the order of hashes."""
    return number * 2_654_435_761 % (1 << 32)


@dataclass
class Times:
    """Of one operation: latencies in µs, and the server's processor time in µs each."""

    latencies: list = field(default_factory=list)
    processor: float = 0.0

    def at(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass
class Results:
    elements: int
    rate: float = 0.0
    points: dict = field(default_factory=dict)  # label -> {"small": Times, "big": Times}
    whole: dict = field(default_factory=dict)  # command -> ms
    gets: dict = field(default_factory=dict)  # what happens meanwhile -> Times
    memory: int = 0  # bytes that the collection added
    disk: int = 0
    disk_after: int = 0
    reclaimed_s: float = 0.0


def call(connection, *words):
    reply = connection.call(*words)
    if isinstance(reply, ReplyError):
        raise SystemExit(f"{words!r:.200}: {reply}")
    return reply


def load(server: Server, kind: Kind, key: bytes, elements: int) -> float:
    """Elements a second."""
    begun = time.monotonic()
    with server.connect(timeout=600) as connection:
        chunks = [range(start, min(start + kind.add, elements)) for start in range(0, elements, kind.add)]
        for start in range(0, len(chunks), 200):
            part = chunks[start:start + 200]
            connection.socket.sendall(b"".join(encode(*kind.load(key, numbers)) for numbers in part))
            for _ in part:
                if isinstance(reply := connection.read(), ReplyError):
                    raise SystemExit(f"{server.program} refused to be loaded: {reply}")
    return elements / (time.monotonic() - begun)


def rest(server: Server, patience_s: float = 120.0) -> None:
    """Waits until the server has nothing left to do in the background."""
    deadline = time.monotonic() + patience_s
    quiet = 0
    while quiet < 3 and time.monotonic() < deadline:
        before = processor_seconds(server.pid)
        time.sleep(0.5)
        quiet = quiet + 1 if processor_seconds(server.pid) - before <= 0.03 else 0


def measure(server: Server, make, elements: dict, operations: int) -> dict:
    """The same operation on the small and the big collection, in turns."""
    times = {"small": Times(), "big": Times()}
    source, serial = random.Random(7), 0
    rounds = 6
    with server.connect(timeout=600) as connection:
        for turn in range(rounds):
            for size, key in (("small", SMALL_KEY), ("big", BIG_KEY))[:: 1 if turn % 2 else -1]:
                processor = processor_seconds(server.pid)
                # What is a hundred elements wide begins where there are so many.
                last = max(1, elements[size] - 100)
                # Of an even number: commands that undo each other leave the collection as it was.
                for _ in range(operations // rounds // 2 * 2):
                    serial += 1
                    command = encode(*make(key, source.randrange(last), serial, elements[size]))
                    begun = time.perf_counter_ns()
                    connection.socket.sendall(command)
                    reply = connection.read()
                    times[size].latencies.append((time.perf_counter_ns() - begun) / 1e3)
                    if isinstance(reply, ReplyError):
                        raise SystemExit(f"{command!r:.200}: {reply}")
                times[size].processor += (processor_seconds(server.pid) - processor) * 1e6
    for each in times.values():
        each.processor /= len(each.latencies)
    return times


class Getter(threading.Thread):
    """Another client, that GETs all the time."""

    def __init__(self, server: Server):
        super().__init__(daemon=True)
        self.server, self.times, self.ending = server, Times(), threading.Event()

    def run(self):
        with self.server.connect(timeout=600) as connection:
            request = encode("GET", "other")
            while not self.ending.wait(0.0005):
                begun = time.perf_counter_ns()
                connection.socket.sendall(request)
                connection.read()
                self.times.latencies.append((time.perf_counter_ns() - begun) / 1e3)

    def stop(self) -> Times:
        self.ending.set()
        self.join()
        return self.times


def whole(server: Server, results: Results, label: str, *words) -> None:
    """Times one command on a whole key, as a client sees it."""
    with server.connect(timeout=600) as connection:
        connection.call("PING")
        begun = time.perf_counter_ns()
        call(connection, *words)
        results.whole[label] = (time.perf_counter_ns() - begun) / 1e6


def remove(server: Server, results: Results, label: str, *words) -> None:
    """DEL and its like, and what another client feels until the space is given back."""
    getter = Getter(server)
    getter.start()
    time.sleep(0.5)
    begun = time.monotonic()
    whole(server, results, label, *words)
    rest(server)
    results.reclaimed_s = max(results.reclaimed_s, time.monotonic() - begun - 1.5)
    results.gets[label] = getter.stop()


def resident(server: Server) -> int:
    line = next(line for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def on_disk(server: Server) -> int:
    """Bytes of the data, all flushed; the log, which is kept for as long as `binlog-*` options say, is not counted."""
    with server.connect(timeout=600) as connection:
        call(connection, "SAVE")  # a backup: it flushes, and its own files are links
    total = 0
    for path in (server.folder / "data").rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() and not {"binlog", "backup"} & set(path.parts) else 0
        except OSError:
            pass  # gone meanwhile
    return total


def run_kind(kind: Kind, options) -> Results:
    results = Results(options.elements)
    elements = {"small": SMALL, "big": options.elements}
    program = find_server(options.server)
    with tempfile.TemporaryDirectory(prefix="pika-bench.", dir=options.folder) as folder:
        with Server(program, folder, [*persistence_options(program, "everysec"), *options.pika_config]) as server:
            with server.connect() as connection:
                call(connection, "SET", "other", VALUE)
            memory, disk = resident(server), on_disk(server)
            load(server, kind, SMALL_KEY, SMALL)
            results.rate = load(server, kind, BIG_KEY, options.elements)
            rest(server)
            results.memory, results.disk = resident(server) - memory, on_disk(server) - disk
            if kind.add == 1:
                with server.connect() as connection:
                    for key in (SMALL_KEY, BIG_KEY):
                        call(connection, "XGROUP", "CREATE", key, "g", "0")
            for label, make in (*kind.point.items(), *kind.ranges.items()):
                results.points[label] = measure(server, make, elements, options.operations)
            whole(server, results, "EXPIRE", "EXPIRE", BIG_KEY, 100_000)
            whole(server, results, "PERSIST", "PERSIST", BIG_KEY)
            whole(server, results, "RENAME", "RENAME", BIG_KEY, b"{bench}renamed")
            getter = Getter(server)
            getter.start()
            time.sleep(2)
            results.gets["nothing"] = getter.stop()
            for label in ("DEL", "UNLINK"):
                if label == "UNLINK":
                    load(server, kind, b"{bench}renamed", options.elements)
                    rest(server)
                remove(server, results, label, label, b"{bench}renamed")
            load(server, kind, BIG_KEY, options.elements)
            rest(server)
            remove(server, results, "PEXPIRE, due at once", "PEXPIRE", BIG_KEY, 1)
            results.disk_after = on_disk(server) - disk
    return results


def number(value: float, limit: float, digits: int = 1) -> str:
    text = f"{value:,.{digits}f}"
    return f"**{text}**" if value > limit else text


def report(all_results: dict[str, Results], options) -> tuple[str, list[str]]:
    """The document, and a line for each figure out of bounds."""
    first = next(iter(all_results.values()))
    lines = ["# Big collections", "",
             f"Written by `make bench-big` on {time.strftime('%Y-%m-%d')}: {machine()}; the load generator runs on the "
             "same machine.", "",
             f"{version(find_server(options.server))}. One collection of {first.elements:,} elements of each type, beside "
             f"one of {SMALL:,}; names of 20 bytes, values of 32; `appendfsync everysec`. Latencies are those of one "
             f"Python client that sends one command after the other, {options.operations:,} of each."
             + (f" Pika ran with `{shlex.join(options.pika_config)}`." if options.pika_config else ""), "",
             "## Operations on single elements, and on ranges of a hundred", "",
             f"Bold: more than {FACTOR:.0f} times the same on the small collection.", "",
             "| type | command | small p50 µs | big p50 µs | ratio | small p99 µs | big p99 µs | small CPU µs | big CPU µs "
             "| ratio |", "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    outside = []
    for name_, results in all_results.items():
        for label, times in results.points.items():
            small, big = times["small"], times["big"]
            ratio, processor = big.at(0.5) / small.at(0.5), big.processor / max(small.processor, 0.1)
            lines.append(f"| {name_} | {label} | {small.at(0.5):.0f} | {big.at(0.5):.0f} | {number(ratio, FACTOR, 2)} "
                         f"| {small.at(0.99):.0f} | {big.at(0.99):.0f} | {small.processor:.1f} | {big.processor:.1f} "
                         f"| {number(processor, FACTOR, 2)} |")
            if max(ratio, processor) > FACTOR:
                outside.append(f"{name_}: {label} takes {ratio:.2f} times the time and {processor:.2f} times the CPU")
    commands = list(first.whole)
    lines += ["", "## Commands on the whole collection, ms", "", f"Bold: more than {WHOLE_MS:.0f} ms.", "",
              "| type | " + " | ".join(commands) + " |", "|---|" + "--:|" * len(commands)]
    for name_, results in all_results.items():
        lines.append(f"| {name_} | " + " | ".join(number(results.whole[label], WHOLE_MS, 2) for label in commands) + " |")
        outside += [f"{name_}: {label} takes {ms:.2f} ms" for label, ms in results.whole.items() if ms > WHOLE_MS]
    lines += ["", "## Load and space", "",
              "| type | elements/s | memory, bytes an element | disk, bytes an element | disk after all were removed, MB |",
              "|---|--:|--:|--:|--:|"]
    for name_, results in all_results.items():
        lines.append(f"| {name_} | {results.rate:,.0f} | {results.memory / results.elements:.0f} "
                     f"| {results.disk / results.elements:.0f} | {results.disk_after / 1e6:.0f} |")
    lines += ["", "## Another client's GETs while the space is given back, µs", "",
              "| type | meanwhile | p50 | p99 | p99.9 | longest | until the server rests, s |", "|---|---|--:|--:|--:|--:|--:|"]
    for name_, results in all_results.items():
        for label, times in results.gets.items():
            lines.append(f"| {name_} | {label} | {times.at(0.5):.0f} | {times.at(0.99):.0f} | {times.at(0.999):.0f} "
                         f"| {max(times.latencies):.0f} | {'' if label == 'nothing' else f'{results.reclaimed_s:.1f}'} |")
    return "\n".join(lines) + "\n", outside


def main() -> int:
    options = arguments()
    all_results = {}
    for name_ in options.types:
        begun = time.monotonic()
        all_results[name_] = run_kind(KINDS[name_], options)
        print(f"{name_}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    text, outside = report(all_results, options)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "big-collections.md").write_text(text)
    print(text)
    print("\n".join(["out of bounds:", *outside] if outside else ["nothing is out of bounds"]))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="Pika's program (%(default)s)")
    parser.add_argument("--elements", type=int, default=10_000_000, help="of each collection (%(default)s)")
    parser.add_argument("--operations", type=int, default=12_000, help="of each kind and size (%(default)s)")
    parser.add_argument("--types", type=lambda text: text.split(","), default=list(KINDS), help="%(default)s")
    parser.add_argument("--pika-config", type=shlex.split, default=[], metavar="OPTIONS",
                        help='further options, in one string: "--threads 4"')
    parser.add_argument("--folder", default=None, help="where the data lies; default: the temporary folder")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs/benchmarks")
    options = parser.parse_args()
    if unknown := set(options.types) - set(KINDS):
        parser.error(f"no such type: {', '.join(unknown)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
