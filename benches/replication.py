#!/usr/bin/env python3
"""Measures replication: full synchronisation, how fast a slave applies, and what a slave costs its master.

    benches/replication.py                          5 GB of data; takes about ten minutes
    benches/replication.py --megabytes 1000
    benches/replication.py --quick                  100 MB and few requests, to see that it works
    benches/replication.py --parts sync,apply,cpu   only some of it

*sync*: a slave gets all data, once undisturbed, with clients on the master before and meanwhile, and once while either
side is killed at 30, 60 and 90 percent; then the same data by redis-server's own synchronisation. *apply*: a slave is
stopped, the master written to, and the slave let go: how fast it catches up, beside the master's highest rate of SET.
*cpu*: processor time of the master per SET, with a slave and without, in turns. Writes docs/benchmarks/replication.md.
"""

import argparse
import csv
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/python"))

from machine import machine, version  # noqa: E402
from resp import Connection, encode  # noqa: E402
from server import DEFAULT_SERVER, REPOSITORY, Server, find_server, processor_seconds  # noqa: E402

MB = 1_000_000
VALUE_BYTES = 4000
# Where a transfer is interrupted, and who is killed.
KILLS = ((0.3, "slave"), (0.6, "master"), (0.9, "slave"))
# How long anything may take, seconds.
PATIENCE = 3600


def info(connection: Connection, section: str) -> dict[str, str]:
    lines = connection.call("INFO", section).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def until(condition, what: str, pause: float = 0.02):
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come true within {PATIENCE} s")
        time.sleep(pause)
    return value


def load(server: Server, megabytes: int) -> None:
    """Values that cannot be compressed, cut from random bytes."""
    chance = random.Random(1)
    source = chance.randbytes(8 * MB)
    with server.connect(timeout=PATIENCE) as connection:
        left, number = megabytes * MB // VALUE_BYTES, 0
        while left > 0:
            count = min(left, 500)
            starts = [chance.randrange(len(source) - VALUE_BYTES) for _ in range(count)]
            connection.socket.sendall(b"".join(
                encode("SET", b"key:%d" % (number + index), source[start:start + VALUE_BYTES])
                for index, start in enumerate(starts)))
            if connection.stream.read(5 * count).count(b"+OK") != count:
                raise SystemExit(f"{server.program} refused to be loaded")
            left, number = left - count, number + count


def used(folder: Path) -> int:
    """Bytes on the disk, hard links counted once."""
    seen, total = set(), 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                facts = os.stat(os.path.join(path, name))
            except FileNotFoundError:
                continue
            if facts.st_ino not in seen:
                seen.add(facts.st_ino)
                total += facts.st_blocks * 512
    return total


class Disk(threading.Thread):
    """The most that folders take together while it watches."""

    def __init__(self, *folders: Path):
        super().__init__(daemon=True)
        self.folders, self.ends, self.most = folders, threading.Event(), 0

    def run(self):
        while not self.ends.wait(0.1):
            self.most = max(self.most, sum(map(used, self.folders)))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join()


class Foreground(threading.Thread):
    """Ten clients that read and write as fast as they are answered, run after run: p99 of GET and SET, ms."""

    def __init__(self, server: Server, keys: int):
        super().__init__(daemon=True)
        self.server, self.keys, self.ends = server, keys, threading.Event()
        self.p99 = {"GET": [], "SET": []}

    def run(self):
        while not self.ends.is_set():
            self.once()

    def once(self):
        output = subprocess.run(
            ["redis-benchmark", "-p", str(self.server.port), "-t", "get,set", "-c", "10", "-n", "5000",
             "-d", "100", "-r", str(self.keys), "--csv"], check=True, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL).stdout
        for row in csv.DictReader(line for line in output.splitlines() if line.startswith('"')):
            self.p99[row["test"]].append(float(row["p99_latency_ms"]))

    def stop(self) -> str:
        self.ends.set()
        if self.is_alive():
            self.join()
        return " / ".join(f"{statistics.median(values):.2f}" for values in self.p99.values())


def alone(server: Server, keys: int) -> str:
    foreground = Foreground(server, keys)
    for _ in range(5):
        foreground.once()
    return foreground.stop()


def is_up(server: Server) -> bool:
    try:
        with server.connect(timeout=PATIENCE) as connection:
            return info(connection, "replication").get("master_link_status") == "up"
    except OSError:
        return False


def whole(program: str, folder: Path, options, peer=()) -> dict:
    """One full synchronisation between two servers of a kind."""
    master = Server(program, folder / "master", [*peer], start_timeout=300)
    slave = Server(program, folder / "slave", [*peer], start_timeout=300)
    keys = options.megabytes * MB // VALUE_BYTES
    with master, slave:
        load(master, options.megabytes)
        time.sleep(0 if options.quick else 10)  # let what the load left end
        before, own = alone(master, keys), used(folder)
        foreground = Foreground(master, keys)
        with Disk(folder) as disk, slave.connect(timeout=PATIENCE) as connection:
            foreground.start()
            began = time.monotonic()
            connection.call("REPLICAOF", "127.0.0.1", master.port)
            until(lambda: is_up(slave), "the link")
            took = time.monotonic() - began
            during = foreground.stop()
        kept = used(folder / "slave")
        with master.connect(timeout=PATIENCE) as one, slave.connect(timeout=PATIENCE) as other:
            until(lambda: one.call("DBSIZE") == other.call("DBSIZE"), "equal numbers of keys")
    return {"seconds": took, "rate": options.megabytes / took, "before": before, "during": during,
            "extra": max(0, disk.most - own - kept) / MB}


def transfer(slave: Server) -> tuple[int, int, int]:
    """Bytes received, of how many, and of these kept from before."""
    try:
        with slave.connect() as connection:
            facts = info(connection, "replication")
    except OSError:
        return 0, 0, 0
    return (int(facts.get("master_sync_read_bytes", 0)), int(facts.get("master_sync_total_bytes", 0)),
            int(facts.get("master_sync_kept_bytes", 0)))


def interrupted(program: str, folder: Path, options) -> dict:
    """A transfer that is killed three times. How much of it was moved twice."""
    rate = max(options.megabytes * MB // 20, 5 * MB)  # slow enough to be caught in the middle
    master = Server(program, folder / "master", ["--full-sync-rate-limit", str(rate)], start_timeout=300)
    slave = Server(program, folder / "slave", [], start_timeout=300)
    again, total = 0, 0
    with master, slave:
        load(master, options.megabytes)
        slave.stop()
        slave.options += ["--replicaof", "127.0.0.1", str(master.port)]
        slave.start()
        for share, who in KILLS:
            def reached():
                received, of, _ = transfer(slave)
                return (received, of) if of and received >= share * of else None
            received, total = until(reached, f"{share:.0%}", 0.005)
            killed = slave if who == "slave" else master
            killed.kill()
            killed.start()
            kept = until(lambda: transfer(slave)[2], "the transfer goes on", 0.005)
            again += max(0, received - kept)
        with master.connect() as connection:
            connection.call("CONFIG", "SET", "full-sync-rate-limit", 0)
        until(lambda: is_up(slave), "the link")
        with master.connect(timeout=PATIENCE) as one, slave.connect(timeout=PATIENCE) as other:
            until(lambda: one.call("DBSIZE") == other.call("DBSIZE"), "equal numbers of keys")
    return {"again": again / total, "total": total / MB}


def sets(server: Server, count: int, depth: int = 16) -> float:
    """SETs as fast as possible; per second."""
    began = time.monotonic()
    subprocess.run(["redis-benchmark", "-p", str(server.port), "-t", "set", "-c", "50", "-P", str(depth), "-d", "64",
                    "-r", "1000000", "-n", str(count), "-q"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return count / (time.monotonic() - began)


def offsets(master: Server, slave: Server) -> tuple[int, int]:
    with master.connect(timeout=PATIENCE) as one, slave.connect(timeout=PATIENCE) as other:
        return (int(info(one, "replication")["master_repl_offset"]),
                int(info(other, "replication")["slave_repl_offset"]))


def caught_up(master: Server, slave: Server) -> bool:
    there, here = offsets(master, slave)
    return here >= there


def apply(program: str, folder: Path, options) -> dict:
    """How fast a slave applies what its master wrote while it was stopped."""
    master, slave = Server(program, folder / "master"), Server(program, folder / "slave")
    highest, applied = [], []
    with master, slave:
        sets(master, options.requests)  # the keys are there
        with slave.connect() as connection:
            connection.call("REPLICAOF", "127.0.0.1", master.port)
        until(lambda: is_up(slave) and caught_up(master, slave), "the slave")
        for _ in range(options.rounds):
            os.kill(slave.pid, signal.SIGSTOP)
            try:
                highest.append(sets(master, options.requests))
            finally:
                began = time.monotonic()
                os.kill(slave.pid, signal.SIGCONT)
            until(lambda: caught_up(master, slave), "the slave's offset", 0.005)
            applied.append(options.requests / (time.monotonic() - began))
    return {"highest": statistics.median(highest), "applied": statistics.median(applied)}


def cpu(program: str, folder: Path, options) -> dict:
    """Processor time of a master per SET, µs, without a slave and with one, in turns."""
    master, slave = Server(program, folder / "master"), Server(program, folder / "slave")
    figures = {}
    with master, slave, slave.connect() as connection:
        sets(master, options.requests)
        for depth in (1, 16):
            runs = {False: [], True: []}
            for _ in range(options.rounds):
                for attached in (False, True):
                    if attached:
                        connection.call("REPLICAOF", "127.0.0.1", master.port)
                        until(lambda: is_up(slave) and caught_up(master, slave), "the slave")
                    else:
                        connection.call("REPLICAOF", "NO", "ONE")
                    count = options.requests // (5 if depth == 1 else 1)
                    before = processor_seconds(master.pid)
                    sets(master, count, depth)
                    if attached:
                        until(lambda: caught_up(master, slave), "the slave's offset")
                    runs[attached].append((processor_seconds(master.pid) - before) * 1e6 / count)
            figures[depth] = tuple(statistics.median(runs[attached]) for attached in (False, True))
    return figures


def report(results: dict, options, versions: dict[str, str]) -> str:
    lines = ["# Replication", "",
             f"Written by `make bench-replication ARGS=\"{' '.join(sys.argv[1:])}\"` on {time.strftime('%Y-%m-%d')}: "
             f"{machine()}; master, slave and clients are on the same machine.", "",
             f"{versions['pika']}; {versions['redis']}, without persistence."
             + (" **A quick run: for a look, not for a claim.**" if options.quick else ""), ""]
    if "sync" in results:
        pika, redis, broken = (results["sync"][name] for name in ("pika", "redis", "interrupted"))
        lines += [f"## Full synchronisation of {options.megabytes:,} MB", "",
                  f"Values of {VALUE_BYTES} random bytes. From REPLICAOF until the link is up, while ten clients read and "
                  "write on the master without pause; their p99 (GET / SET, median of runs of 5,000) before and "
                  "meanwhile. Extra disk: the most that both folders took together, beyond the data at both sides.", "",
                  "| | seconds | MB/s | p99 before, ms | p99 meanwhile, ms | extra disk, MB |",
                  "|---|--:|--:|--:|--:|--:|"]
        for name, row in (("Pika", pika), ("redis-server", redis)):
            lines.append(f"| {name} | {row['seconds']:.1f} | {row['rate']:.0f} | {row['before']} | {row['during']} "
                         f"| {row['extra']:.0f} |")
        kills = ", ".join(f"the {who} at {share:.0%}" for share, who in KILLS)
        lines += ["", f"Killed and started again on its way ({kills}): {broken['again']:.1%} of {broken['total']:.0f} MB "
                  "were moved twice.", ""]
    if "apply" in results:
        row = results["apply"]
        lines += ["## How fast a slave applies", "",
                  f"{options.requests:,} SETs of 64 bytes (50 clients, -P 16) while the slave is stopped; then it is let go. "
                  f"Medians of {options.rounds} rounds.", "",
                  f"The master took {row['highest']:,.0f} SET/s, the slave applied {row['applied']:,.0f} SET/s: "
                  f"{row['applied'] / row['highest']:.2f} ×.", ""]
    if "cpu" in results:
        lines += ["## What a slave costs its master", "",
                  f"Processor time of the master's process per SET, until the slave has all. Medians of {options.rounds} "
                  "rounds.", "", "| -P | without, µs | with a slave, µs | ratio |", "|--:|--:|--:|--:|"]
        for depth, (without, attached) in results["cpu"].items():
            lines.append(f"| {depth} | {without:.2f} | {attached:.2f} | {attached / without:.2f} |")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    options = arguments()
    programs = {"redis": find_server("redis-server"), "pika": find_server(options.server)}
    versions = {name: version(program) for name, program in programs.items()}
    results: dict = {}
    with tempfile.TemporaryDirectory(prefix="pika-bench.", dir=options.folder) as folder:
        if "sync" in options.parts:
            parts = results["sync"] = {}
            parts["pika"] = whole(programs["pika"], Path(folder) / "pika", options)
            parts["interrupted"] = interrupted(programs["pika"], Path(folder) / "interrupted", options)
            parts["redis"] = whole(programs["redis"], Path(folder) / "redis", options,
                                   ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0",
                                    "--client-output-buffer-limit", "replica 0 0 0"])
            print(parts, file=sys.stderr, flush=True)
        for name, measure in (("apply", apply), ("cpu", cpu)):
            if name in options.parts:
                results[name] = measure(programs["pika"], Path(folder) / name, options)
                print(name, results[name], file=sys.stderr, flush=True)
    text = report(results, options, versions)
    if not options.quick:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "replication.md").write_text(text)
    print(text)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="Pika's program (%(default)s)")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=["sync", "apply", "cpu"],
                        help="what to measure (%(default)s)")
    parser.add_argument("--megabytes", type=int, default=None, help="of the full synchronisation; 5000")
    parser.add_argument("--requests", type=int, default=None, help="of a run of SETs; 2,000,000")
    parser.add_argument("--rounds", type=int, default=None, help="of apply and cpu; 5")
    parser.add_argument("--quick", action="store_true", help="a look: 100 MB, 200,000 SETs, one round; writes no file")
    parser.add_argument("--folder", default=None, help="where the data lies; default: the temporary folder")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs/benchmarks")
    options = parser.parse_args()
    options.megabytes = options.megabytes or (100 if options.quick else 5000)
    options.requests = options.requests or (200_000 if options.quick else 2_000_000)
    options.rounds = options.rounds or (1 if options.quick else 5)
    return options


if __name__ == "__main__":
    sys.exit(main())
