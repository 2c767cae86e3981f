#!/usr/bin/env python3
"""Kills a server under load with kill -9, again and again, and holds it to what it had acknowledged.

    tests/crash/run.py --server PATH --rounds 20 --seed 1 --fsync always --threads 1 3
    tests/crash/run.py --self-test        the harness itself, on redis-server: with its log it must pass, and
                                          without all of it, or its end, fail

Each writer thread has a connection, its own keys of every type, and a book: what was answered, and what was sent since.
After the restart, its keys must be in a state that the book allows: an acknowledged write may not be missing, and
nothing may be there that was never sent. Of what was sent and not answered, a server of one thread may have run a
prefix. One of several threads runs commands on different keys side by side: each key may have a prefix of its own
commands, and a command on several keys, or a transaction, happened to all of them or to none. Beside the writers,
clients hand elements to each other with pushes and blocking pops (exchange.py), and keys live for a moment
(mayflies.py).

The rounds take turns in the number of threads, on one data folder: a server must read what one of another number left.

A kill -9 does not lose what the kernel has been given; so the promise is the same for every --fsync, and what differs
is the code that is tried. Data lost with the machine's power is another harness's subject (a simulated disk).
"""

import argparse
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from model import Mismatch  # noqa: E402
from rounds import Load, play, summary  # noqa: E402
from self_test import self_test  # noqa: E402
from server import DEFAULT_SERVER, find_server  # noqa: E402

POLICIES = ("always", "everysec", "no")


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
