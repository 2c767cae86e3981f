#!/usr/bin/env python3
"""Kills a server under load with kill -9, again and again, and holds it to what it had acknowledged.

    tests/crash/run.py --server PATH --rounds 20 --seed 1 --fsync always --threads 1 3
    tests/crash/run.py --self-test        the harness itself, on redis-server: with its log it must pass, and
                                          without persistence it must fail

Each writer thread has a connection, its own keys, and a book: the commands it sent, and how many were answered. After
the restart, its keys must be in a state that the book allows: an acknowledged write may not be missing, and nothing
may be there that was never sent. Of what was sent and not answered, a server of one thread may have run a prefix. One
of several threads runs commands on different keys side by side: each key may have a prefix of its own commands, and a
command on several keys happened to all of them or to none.

The rounds take turns in the number of threads, on one data folder: a server must read what one of another number left.

A kill -9 does not lose what the kernel has been given; so the promise is the same for every --fsync, and what differs
is the code that is tried. Data lost with the machine's power is another harness's subject (a simulated disk).
"""

import argparse
import random
import sys
import tempfile
import threading
import time
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from book import Mismatch, Writer  # noqa: E402
from server import DEFAULT_SERVER, Server, ServerFailed, find_server, persistence_options  # noqa: E402

POLICIES = ("always", "everysec", "no")
WRITERS = 6
SCRATCH_DATABASE = 9  # flushed under load, to disturb; the writers' keys are in database 0


class Disturber(threading.Thread):
    """Makes the kill meet more than plain writes: background saves, and the flush of another database."""

    def __init__(self, server: Server, seed: int):
        super().__init__(daemon=True)
        self.server, self.random, self.counts, self.ending = server, random.Random(seed), Counter(), threading.Event()

    def run(self):
        try:
            with self.server.connect() as connection:
                connection.call("SELECT", SCRATCH_DATABASE)
                while not self.ending.wait(self.random.uniform(0.01, 0.15)):
                    action = self.random.choice(["FLUSHDB", "BGSAVE", "FILL", "FILL"])
                    if action == "FILL":
                        connection.pipeline([("SET", f"scratch:{n}", "x" * 100) for n in range(200)])
                    else:
                        connection.pipeline([(action,)])  # BGSAVE may refuse, when one is under way
                    self.counts[action] += 1
        except OSError:
            pass  # killed, as planned


def play_round(server: Server, writers: list[Writer], source: random.Random, totals: Counter, load: "Load",
               following: "Load") -> None:
    """Load, kill, restart as the following round wants it, compare."""
    disturber = Disturber(server, source.getrandbits(64))
    threads = [threading.Thread(target=writer.run, args=(server.port,), daemon=True) for writer in writers]
    for thread in (*threads, disturber):
        thread.start()
    # From the very first commands up to a few seconds of load.
    time.sleep(source.choice([source.uniform(0.0, 0.1), source.uniform(0.1, 1.0), source.uniform(1.0, 2.5)]))
    server.kill()
    disturber.ending.set()
    for thread in (*threads, disturber):
        thread.join(60)
        if thread.is_alive():
            raise Mismatch("a writer did not notice that the server is gone")
    for writer in writers:
        if writer.error:
            raise writer.error
    totals["acknowledged"] += sum(writer.acknowledged for writer in writers)
    totals["in flight"] += sum(len(writer.sent) - writer.acknowledged for writer in writers)
    totals.update(disturber.counts)

    server.options = following.options
    server.start()
    verify(server, writers, totals, load.in_order)


def verify(server: Server, writers: list[Writer], totals: Counter, in_order: bool) -> None:
    with server.connect(timeout=120) as connection:
        keys = 0
        for writer in writers:
            applied = writer.verify(connection, in_order)
            totals["in flight, applied"] += applied
            keys += len(writer.model.keys())
        found = connection.call("DBSIZE")
        if found != keys:
            raise Mismatch(f"DBSIZE is {found}, the books hold {keys} keys")
    totals["rounds"] += 1
    totals["keys compared"] += keys


class Load:
    """How the server runs in a round, and whether it runs one client's commands in order."""

    def __init__(self, program: str, fsync: str | None, threads: int | None, in_order: bool | None = None):
        self.options = persistence_options(program, fsync) + ([] if threads is None else ["--threads", str(threads)])
        self.in_order = threads in (None, 1) if in_order is None else in_order


def play(loads: list[Load], program: str, rounds: int, seed: int) -> Counter:
    """All rounds, on one data folder: what a crash left is what the next one starts from."""
    source, totals = random.Random(seed), Counter()

    def load_of(number: int) -> Load:
        # Each but the first twice in a row: a restart changes the load, or does not.
        return loads[(number + 1) // 2 % len(loads)]

    with tempfile.TemporaryDirectory(prefix="pika-crash.") as folder:
        with Server(program, folder, load_of(0).options) as server:
            writers = [Writer(number, source.getrandbits(64)) for number in range(WRITERS)]
            for number in range(rounds):
                try:
                    play_round(server, writers, source, totals, load_of(number), load_of(number + 1))
                except (Mismatch, ServerFailed) as error:
                    raise Mismatch(f"round {number + 1}, seed {seed}, {' '.join(load_of(number).options)}: {error}\n"
                                   f"server log:\n{server.log_tail()}") from error
            # A clean stop must lose nothing either.
            server.stop()
            server.start()
            verify(server, writers, Counter(), True)
    return totals


def self_test(rounds: int, seed: int) -> int:
    loader = unittest.TestLoader().discover(str(Path(__file__).parent), pattern="test_*.py")
    if not unittest.TextTestRunner(stream=sys.stdout).run(loader).wasSuccessful():
        return 1
    program = find_server("redis-server")
    kept = [Load(program, "always", None)]
    print("redis-server, appendfsync always:", summary(play(kept, program, rounds, seed)))
    # Its losses must be seen as well by the book of a server that runs commands side by side.
    for in_order, name in ((True, "in order"), (False, "key by key")):
        if not finds_loss([Load(program, None, None, in_order)], program, rounds, seed):
            print(f"the harness finds nothing wrong, {name}, with a server that keeps nothing: it is blind")
            return 1
    return 0


def finds_loss(loads: list[Load], program: str, attempts: int, seed: int) -> bool:
    for attempt in range(attempts):
        try:
            play(loads, program, 1, seed + attempt)
        except Mismatch as mismatch:
            print(f"redis-server without persistence fails, as it must: {str(mismatch).splitlines()[0]}")
            return True
    return False


def summary(totals: Counter) -> str:
    return ", ".join(f"{count} {name}" for name, count in totals.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="the server program (%(default)s)")
    parser.add_argument("--rounds", type=int, default=6, help="kills per fsync policy (%(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's choices, though not its timing")
    parser.add_argument("--fsync", choices=[*POLICIES, "all"], default="all")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 3], help="the rounds take turns (%(default)s)")
    parser.add_argument("--self-test", action="store_true", help="try the harness on redis-server")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    if options.self_test:
        return self_test(options.rounds, seed)
    program = find_server(options.server)
    for fsync in POLICIES if options.fsync == "all" else (options.fsync,):
        try:
            loads = [Load(program, fsync, threads) for threads in options.threads]
            totals = play(loads, program, options.rounds, seed)
        except Mismatch as mismatch:
            print(f"FAILED {mismatch}")
            return 1
        print(f"fsync {fsync}, seed {seed}: {summary(totals)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
