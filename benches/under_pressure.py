#!/usr/bin/env python3
"""Measures what Pika promises where it hurts: restart, memory, and hot reads beside floods.

    benches/under_pressure.py                       everything; about twenty minutes
    benches/under_pressure.py --parts restart       one of: restart, memory, floods
    benches/under_pressure.py --scale 0.1           a tenth of the data: for a look, not for a claim

restart: ten million keys (1 GB). From kill -9 under writes, and from a clean stop, to the first reply of a key.
memory: 5 GB of 1 KiB values under a budget of 512 MB, in a control group of 768 MB where one can be made: it is not
killed, its resident memory stays under 1.3 times the budget, and what it says it has it has.
floods: hot GETs over 20 connections at a constant rate (`probe.rs`, open loop), alone, beside GETs of data ten times
the budget, and beside SETs of 1 KiB as fast as they go; then redis-server (append-only file, synced every second) beside the
same SETs, in memory, for what the machine does to anybody. The floods' generator has the lowest priority: it shares the
server's processors, as it would not elsewhere.

Writes docs/benchmarks/under-pressure.md.
"""

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/python"))

from machine import machine, version  # noqa: E402
from resp import encode  # noqa: E402
from server import DEFAULT_SERVER, REPOSITORY, Server, find_server  # noqa: E402

PARTS = ["restart", "memory", "floods"]
MB = 1 << 20
# Random bytes, of which every value is a part: nothing to be gained from compression.
NOISE = random.Random(1).randbytes(4 * MB)


def value_of(key: bytes, length: int) -> bytes:
    """What a key holds: told by the key alone, so that it can be checked later."""
    start = int.from_bytes(hashlib.blake2b(key, digest_size=4).digest(), "big") % (len(NOISE) - length)
    return NOISE[start : start + length]


def load(server: Server, name: str, keys: int, length: int, batch: int = 2000) -> float:
    """Sets so many keys. Returns the seconds that it took."""
    began = time.monotonic()
    with server.connect(timeout=600) as connection:
        for first in range(0, keys, batch):
            names = [b"%s:%012d" % (name.encode(), n) for n in range(first, min(first + batch, keys))]
            connection.socket.sendall(b"".join(encode("SET", key, value_of(key, length)) for key in names))
            if connection.stream.read(5 * len(names)) != b"+OK\r\n" * len(names):
                raise SystemExit("the server refused to be loaded")
    return time.monotonic() - began


def check(server: Server, name: str, keys: int, length: int, count: int) -> None:
    """Reads keys at random, and ends everything if one is not what it was set to."""
    random_keys = random.Random(7)
    with server.connect(timeout=600) as connection:
        for _ in range(count):
            key = b"%s:%012d" % (name.encode(), random_keys.randrange(keys))
            if connection.call("GET", key) != value_of(key, length):
                raise SystemExit(f"{key.decode()} does not hold what it was set to")


def info(server: Server, field: str) -> int:
    with server.connect() as connection:
        for line in connection.call("INFO", "everything").decode().splitlines():
            if line.startswith(field + ":"):
                return int(line.partition(":")[2])
    raise SystemExit(f"INFO has no {field}")


def first_reply(server: Server, key: bytes, length: int) -> float:
    """Starts the server. Returns the seconds until it has answered with what a key holds."""
    began = time.monotonic()
    server.start()
    with server.connect() as connection:
        if connection.call("GET", key) != value_of(key, length):
            raise SystemExit(f"{key.decode()} is lost")
    return time.monotonic() - began


def restart(options, folder: Path) -> list[str]:
    keys = int(10_000_000 * options.scale)
    lines = ["## Restart", "", f"{keys:,} keys of 100 bytes; seconds from the start of the process to the first reply of a key.",
             "", "| round | after kill -9 under writes | log records replayed | after a clean stop |", "|--:|--:|--:|--:|"]
    server = Server(options.server, folder / "restart", ["--appendfsync", "everysec"], start_timeout=300)
    with server:
        load(server, "key", keys, 72)
        for number in range(3):
            # A load of new keys is under way when the process is killed: as much as there may be has to be replayed.
            load(server, f"more{number}", int(3_000_000 * options.scale), 72)
            server.kill()
            killed = first_reply(server, b"key:%012d" % 7, 72)
            replayed = info(server, "binlog_replayed_records")
            check(server, f"more{number}", int(3_000_000 * options.scale), 72, 2000)
            server.stop(timeout=300)
            clean = first_reply(server, b"key:%012d" % 8, 72)
            lines.append(f"| {number + 1} | {killed:.2f} | {replayed:,} | {clean:.2f} |")
            print(lines[-1], file=sys.stderr, flush=True)
    return lines + [""]


class ControlGroup:
    """A control group with a limit of memory, if one can be made (version 1 or 2, as root)."""

    def __init__(self, limit: int):
        self.folder = None
        for root, file in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            folder = Path(root) / f"pika-bench-{os.getpid()}"
            try:
                folder.mkdir()
                (folder / file).write_text(str(limit))
                self.folder = folder
                return
            except OSError:
                if folder.is_dir():
                    folder.rmdir()

    def add(self, pid: int) -> None:
        if self.folder:
            (self.folder / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        if self.folder:
            self.folder.rmdir()


class Resident:
    """Looks at a process's resident memory ten times a second, and keeps the greatest."""

    def __init__(self, pid: int):
        self.pid, self.greatest, self.running = pid, 0, True
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self) -> None:
        while self.running:
            try:
                pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            except (OSError, IndexError):
                return
            self.greatest = max(self.greatest, pages * os.sysconf("SC_PAGE_SIZE"))
            time.sleep(0.1)

    def stop(self) -> int:
        self.running = False
        self.thread.join()
        return self.greatest


def memory(options, folder: Path) -> list[str]:
    budget, limit, keys = 512 * MB, 768 * MB, int(5_000_000 * options.scale)
    group = ControlGroup(limit)
    server = Server(options.server, folder / "memory", ["--memory-budget", str(budget)], start_timeout=300)
    try:
        with server:
            group.add(server.pid)
            resident = Resident(server.pid)
            seconds = load(server, "key", keys, 1024)
            check(server, "key", keys, 1024, 20_000)
            greatest = resident.stop()
            alive = server.is_alive()
    finally:
        group.remove()
    limited = f"in a control group of {limit // MB} MB" if group.folder else "without a control group: none could be made"
    return ["## Memory", "",
            f"{keys:,} values of 1 KiB that do not compress ({keys / 1e6:.1f} GB) under `memory-budget {budget // MB}mb`, {limited}, "
            "then 20,000 GETs of random keys, each checked.", "",
            f"Loaded at {keys / seconds:,.0f} SET/s; {'alive' if alive else '**killed**'} at the end; greatest resident memory "
            f"{greatest / MB:.0f} MB, {greatest / budget:.2f} of the budget.", ""]


def settle(server: Server) -> None:
    """Waits until nothing is left to be written behind or compacted."""
    end = time.monotonic() + 300
    while info(server, "write_behind_bytes") or info(server, "pending_compaction_bytes"):
        if time.monotonic() > end:
            raise SystemExit("compactions do not end")
        time.sleep(1)


def probe(options, server: Server, keys: int, seconds: int) -> str:
    """The line that the probe prints: its latencies."""
    result = subprocess.run([options.probe, "--port", str(server.port), "--connections", "20", "--rate", "2000",
                             "--seconds", str(seconds), "--keys", str(keys)], check=True, text=True, stdout=subprocess.PIPE)
    return result.stdout.strip()


def p99_of(line: str) -> float:
    """In ms."""
    words = line.replace(",", " ").split()
    return float(words[words.index("p99") + 1])


def flood(server: Server, *words: str) -> subprocess.Popen:
    return subprocess.Popen(["nice", "-n", "19", "redis-benchmark", "-p", str(server.port), "-c", "20", "-n", "1000000000", "-q", *words],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def floods(options, folder: Path) -> list[str]:
    budget, hot, seconds = 256 * MB, 1_000, 20
    cold = int(2_600_000 * options.scale)
    lines = ["## Hot reads beside floods", "",
             f"GETs of {hot:,} hot keys at 2,000/s over 20 connections, `memory-budget {budget // MB}mb`, p99 in ms from the moment that "
             "each was due.", "", "| beside | p99 | of the quiet p99 | all of it |", "|---|--:|--:|---|"]
    def measure(server: Server, name: str, words: list[str] | None, quiet: float | None) -> float:
        probe(options, server, hot, 2)
        generator = flood(server, *words) if words else None
        try:
            time.sleep(2 if words else 0)
            line = probe(options, server, hot, seconds)
        finally:
            if generator:
                generator.kill()
                generator.wait()
        p99 = p99_of(line)
        lines.append(f"| {name} | {p99:.2f} | {p99 / (quiet or p99):.1f} | {line} |")
        print(lines[-1], file=sys.stderr, flush=True)
        return p99

    writes = ["-r", str(cold), "-P", "16", "-d", "1024", "-t", "set"]
    with Server(options.server, folder / "floods", ["--memory-budget", str(budget)], start_timeout=300) as server:
        load(server, "key", hot, 64)
        load(server, "cold", cold, 1024)
        settle(server)
        check(server, "key", hot, 64, 20 * hot)  # Each is in memory before it is measured.
        quiet = measure(server, "nothing", None, None)
        for name, words in ((f"GETs of {cold * 1024 / budget:.0f} times the budget", ["-r", str(cold), "GET", "cold:__rand_int__"]),
                            ("SETs of 1 KiB, -P 16", writes)):
            measure(server, name, words, quiet)
            settle(server)
    # What is this machine's, and what is Pika's?
    redis = find_server("redis-server")
    with Server(redis, folder / "redis", ["--appendonly", "yes", "--appendfsync", "everysec"], start_timeout=300) as server:
        load(server, "key", hot, 64)
        quiet = measure(server, "redis-server: nothing", None, None)
        measure(server, "redis-server: SETs of 1 KiB, -P 16", writes, quiet)
    return lines + [""]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="Pika's program (%(default)s)")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=PARTS, help="%(default)s")
    parser.add_argument("--scale", type=float, default=1.0, help="of the amounts of data")
    parser.add_argument("--folder", default=None, help="where the data lies; default: the temporary folder")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs/benchmarks")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(unknown)}")
    options.server = find_server(options.server)
    lines = ["# Pika under pressure", "",
             f"Written by `make bench-pressure` on {time.strftime('%Y-%m-%d')}: {machine()}; {version(options.server)}."
             + ("" if options.scale == 1 else f" **At {options.scale} of the amounts: for a look, not for a claim.**"), ""]
    with tempfile.TemporaryDirectory(prefix="pika-bench.", dir=options.folder) as folder:
        options.probe = str(Path(folder) / "probe")
        subprocess.run(["rustc", "-O", "--edition", "2024", str(REPOSITORY / "benches/probe.rs"), "-o", options.probe], check=True)
        for part in options.parts:
            lines += {"restart": restart, "memory": memory, "floods": floods}[part](options, Path(folder))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "under-pressure.md").write_text("\n".join(lines))
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
