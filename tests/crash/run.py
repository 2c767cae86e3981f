#!/usr/bin/env python3
"""Kills a server under load with kill -9, again and again, and holds it to what it had acknowledged.

    tests/crash/run.py --server PATH --rounds 20 --seed 1 --fsync always
    tests/crash/run.py --self-test        the harness itself, on redis-server: with its log it must pass, and
                                          without persistence it must fail

Each writer thread has a connection, its own keys, and a book: the commands it sent, and how many were answered. After
the restart, its keys must be in the state after some number of its commands, at least those answered, at most those
sent. So an acknowledged write may not be missing, an unfinished pipeline may be there only as a prefix, and nothing
may be there that was never sent.

A kill -9 does not lose what the kernel has been given; so the promise is the same for every --fsync, and what differs
is the code that is tried. Data lost with the machine's power is another harness's subject (a simulated disk).
"""

import argparse
import random
import sys
import tempfile
import threading
import time
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


def play_round(server: Server, writers: list[Writer], source: random.Random, totals: Counter) -> None:
    """Load, kill, restart, compare."""
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

    server.start()
    verify(server, writers, totals)


def verify(server: Server, writers: list[Writer], totals: Counter) -> None:
    with server.connect(timeout=120) as connection:
        keys = 0
        for writer in writers:
            applied = writer.verify(connection)
            totals["in flight, applied"] += applied
            keys += len(writer.model.keys())
        found = connection.call("DBSIZE")
        if found != keys:
            raise Mismatch(f"DBSIZE is {found}, the books hold {keys} keys")
    totals["rounds"] += 1
    totals["keys compared"] += keys


def play(program: str, fsync: str | None, rounds: int, seed: int) -> Counter:
    """All rounds, on one data folder: what a crash left is what the next one starts from."""
    source, totals = random.Random(seed), Counter()
    with tempfile.TemporaryDirectory(prefix="pika-crash.") as folder:
        with Server(program, folder, persistence_options(program, fsync)) as server:
            writers = [Writer(number, source.getrandbits(64)) for number in range(WRITERS)]
            for number in range(rounds):
                try:
                    play_round(server, writers, source, totals)
                except (Mismatch, ServerFailed) as error:
                    raise Mismatch(f"round {number + 1}, seed {seed}, fsync {fsync}: {error}\n"
                                   f"server log:\n{server.log_tail()}") from error
            # A clean stop must lose nothing either.
            server.stop()
            server.start()
            verify(server, writers, Counter())
    return totals


def self_test(rounds: int, seed: int) -> int:
    program = find_server("redis-server")
    print("redis-server, appendfsync always:", summary(play(program, "always", rounds, seed)))
    for attempt in range(rounds):
        try:
            play(program, None, 1, seed + attempt)
        except Mismatch as mismatch:
            print(f"redis-server without persistence fails, as it must: {str(mismatch).splitlines()[0]}")
            return 0
    print("the harness finds nothing wrong with a server that keeps nothing: it is blind")
    return 1


def summary(totals: Counter) -> str:
    return ", ".join(f"{count} {name}" for name, count in totals.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="the server program (%(default)s)")
    parser.add_argument("--rounds", type=int, default=6, help="kills per fsync policy (%(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's choices, though not its timing")
    parser.add_argument("--fsync", choices=[*POLICIES, "all"], default="all")
    parser.add_argument("--self-test", action="store_true", help="try the harness on redis-server")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    if options.self_test:
        return self_test(options.rounds, seed)
    program = find_server(options.server)
    for fsync in POLICIES if options.fsync == "all" else (options.fsync,):
        try:
            totals = play(program, fsync, options.rounds, seed)
        except Mismatch as mismatch:
            print(f"FAILED {mismatch}")
            return 1
        print(f"fsync {fsync}, seed {seed}: {summary(totals)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
