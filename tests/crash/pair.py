#!/usr/bin/env python3
"""Kills a master or its slave under load with kill -9, again and again: what WAIT acknowledged is never lost.

    tests/crash/pair.py --server PATH --rounds 100 --seed 1
    tests/crash/pair.py --self-test       the harness itself: acknowledgements without WAIT must be lost, and seen to be

The writers and their books are those of run.py, but a batch counts as acknowledged only when WAIT 1 behind it says that
the slave has it. A round kills one of the two, at a random moment:

    slave       it comes back, and goes on; the writers wait for it
    master      it comes back, and its slave goes on
    promote     the slave takes its place; the old master comes back as its slave

After each the books must be right, on the master and on the slave, and VERIFY must find nothing different. And nobody may
have done a full synchronisation: what the log still holds is gone on with, and an old master that had more than the slave
which took its place fetches again only what differs. Nobody else may do that.
"""

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from book import Writer, short, wire  # noqa: E402
from model import Mismatch  # noqa: E402
from resp import Connection, ReplyError  # noqa: E402
from rounds import Cast, summary  # noqa: E402
from server import DEFAULT_SERVER, Server, ServerFailed, find_server  # noqa: E402

WRITERS = 4
PATIENCE = 60.0
POLICIES = ("everysec", "always", "no")


class Waiter(Writer):
    """A writer to whom nothing is acknowledged that the slave does not have."""

    waits = True

    def batch(self, connection: Connection, size: int) -> None:
        if not self.waits:
            return super().batch(connection, size)
        calls = self.choose(size)
        connection.socket.sendall(b"".join(map(wire, calls)) + wire(("WAIT", 1, 0)))
        replies = []
        for call in calls:
            if call[0] == "MULTI":
                for _ in call:  # OK, and QUEUED for each
                    if isinstance(error := connection.read(), ReplyError):
                        raise Mismatch(f"{call!r}: {error}")
            replies.append(connection.read())
        # It waits for as long as it takes; 0 is answered when the master becomes a slave.
        if (count := connection.read()) != 1:
            raise Mismatch(f"WAIT 1 0 is answered {short(count)}")
        for (call, now), reply in zip(self.sent, replies):
            self.answer(call, now, reply)


class PairCast(Cast):
    def __init__(self, source: random.Random, waits: bool = True):
        super().__init__(source, [], ())
        self.writers = [Waiter(number, source.getrandbits(64)) for number in range(WRITERS)]
        for writer in self.writers:
            writer.waits = waits

    def look(self, server: Server) -> None:
        """As `verify`, of a server that must have exactly what the books have: nothing is in flight any more."""
        self.verify(server, Counter(), True)


def facts(server: Server, section: str) -> dict[str, str]:
    with server.connect() as connection:
        text = connection.call("INFO", section).decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def until(condition, what: str):
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Mismatch(f"{what} did not come true within {PATIENCE:.0f} s")
        time.sleep(0.01)
    return value


class Pair:
    """A master and its slave, which may change places."""

    def __init__(self, program: str, folder: Path, fsync: str, threads: list[int]):
        self.own = [["--appendfsync", fsync, "--threads", str(count)] for count in threads]
        self.servers = [Server(program, folder / name, own) for name, own in zip(("one", "other"), self.own)]

    @property
    def master(self) -> Server:
        return self.servers[0]

    @property
    def slave(self) -> Server:
        return self.servers[1]

    def start(self) -> None:
        self.master.start()
        self.slave.start()
        with self.slave.connect() as connection:
            connection.call("REPLICAOF", "127.0.0.1", self.master.port)
        self.linked()

    def stop(self) -> None:
        for server in self.servers:
            server.__exit__()

    def linked(self) -> None:
        """Waits until the slave follows and has everything."""
        until(lambda: facts(self.slave, "replication").get("master_link_status") == "up", "the link to the master")
        until(lambda: facts(self.master, "replication").get("connected_slaves") == "1", "the slave at its master")
        offset = int(facts(self.master, "replication")["master_repl_offset"])
        until(lambda: int(facts(self.slave, "replication")["slave_repl_offset"]) >= offset, "the slave's offset")

    def restart(self, server: Server, master: Server | None) -> None:
        own = self.own[self.servers.index(server)]
        server.options = own + ([] if master is None else ["--replicaof", "127.0.0.1", str(master.port)])
        server.start()

    def swap(self) -> None:
        self.servers.reverse()
        self.own.reverse()

    def verify(self) -> int:
        """VERIFY on the slave: how many keys it compared."""
        with self.slave.connect() as connection:
            connection.call("VERIFY", "START")

            def ended():
                flat = connection.call("VERIFY", "STATUS")
                status = dict(zip(flat[::2], flat[1::2]))
                return status if status[b"state"] != b"running" else None
            status = until(ended, "the end of VERIFY")
        if status[b"state"] != b"done" or status[b"different"] or status[b"how"] != b"sums at one offset":
            raise Mismatch(f"VERIFY: {status}")
        return status[b"keys"]


def asked_at(server: Server, since: int) -> int | None:
    """The first offset at which a slave asked to go on, behind a place of its log."""
    text = server.log.read_bytes()[since:].decode(errors="replace")
    found = re.search(r"asking the master to go on with history \w+ at (\d+)", text)
    return int(found[1]) if found else None


def kill_slave(pair: Pair, cast: PairCast, source: random.Random, threads: list) -> bool:
    pair.slave.kill()
    time.sleep(source.uniform(0.0, 0.3))
    pair.restart(pair.slave, pair.master)
    time.sleep(source.uniform(0.0, 0.5))
    for writer in cast.writers:
        writer.ending.set()
    cast.end(threads)
    for writer in cast.writers:
        writer.ending.clear()
    return False


def kill_master(pair: Pair, cast: PairCast, source: random.Random, threads: list) -> bool:
    pair.master.kill()
    cast.end(threads)
    pair.restart(pair.master, None)
    return False


def promote(pair: Pair, cast: PairCast, source: random.Random, threads: list) -> bool:
    """Returns whether something may differ: the old master had more than the new one."""
    pair.master.kill()
    cast.end(threads)
    old, since = pair.master, pair.master.log.stat().st_size
    with pair.slave.connect() as connection:
        connection.call("REPLICAOF", "NO", "ONE")
    fork = int(facts(pair.slave, "replication")["second_repl_offset"]) - 1
    pair.restart(old, pair.slave)
    pair.swap()
    offset = until(lambda: asked_at(old, since), "a question of the old master")
    return offset - 1 > fork


KILLS = {"slave": kill_slave, "master": kill_master, "promote": promote}


def counts(server: Server) -> tuple[int, int]:
    """Of a master: full synchronisations, and slaves that fetched again what differs."""
    found = facts(server, "stats")
    return int(found["sync_full"]), int(found["sync_refetch"])


def play_round(pair: Pair, cast: PairCast, source: random.Random, kind: str, totals: Counter) -> None:
    syncs = [counts(server) for server in pair.servers]
    threads = cast.start(pair.master.port)
    time.sleep(source.choice([source.uniform(0.0, 0.1), source.uniform(0.1, 1.0), source.uniform(1.0, 2.5)]))
    killed, killed_at = pair.master if kind != "slave" else pair.slave, pair.servers.copy()
    differs = KILLS[kind](pair, cast, source, threads)
    totals["acknowledged"] += sum(writer.acknowledged for writer in cast.writers)
    pair.linked()
    # A process that began anew counts from nothing.
    before = {server: (0, 0) if server is killed else count for server, count in zip(killed_at, syncs)}
    full, again = (now - then for now, then in zip(counts(pair.master), before[pair.master]))
    if full:
        raise Mismatch("a full synchronisation, though the log held the position, or said what differs")
    if again and not differs:
        raise Mismatch("something was fetched again, though the log held the position")
    if differs and not again:
        raise Mismatch("an old master that had more did not fetch again what differs")
    totals["old masters that had more, and fetched again what differs"] += again
    cast.verify(pair.master, totals, False)
    totals["keys verified"] += pair.verify()
    cast.look(pair.slave)
    totals[f"kills: {kind}"] += 1


def play(program: str, rounds: int, seed: int) -> Counter:
    source, totals = random.Random(seed), Counter()
    with tempfile.TemporaryDirectory(prefix="pika-pair.") as folder:
        fsync = POLICIES[seed % len(POLICIES)]
        pair = Pair(program, Path(folder), fsync, [source.choice([1, 2, 3]), source.choice([1, 2, 3])])
        try:
            pair.start()
            cast = PairCast(source)
            kinds = [*KILLS] * (rounds // len(KILLS) + 1)
            for number in range(rounds):
                kind = kinds[number]
                try:
                    play_round(pair, cast, source, kind, totals)
                except (Mismatch, ServerFailed, OSError, ReplyError) as error:
                    logs = "\n".join(f"{server.port}:\n{server.log_tail(30)}" for server in pair.servers)
                    raise Mismatch(f"round {number + 1} ({kind}), seed {seed}, {pair.own}: {error}\n{logs}") from error
            cast.add_up(totals)
        finally:
            pair.stop()
    return totals


def self_test(program: str, seed: int) -> int:
    """Without WAIT, and with a slave that is dead, what was acknowledged is lost with the master.

    The slave is killed, not stopped: the sockets of one that is only stopped take megabytes more, which it would read.
    """
    source = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="pika-pair.") as folder:
        pair = Pair(program, Path(folder), "everysec", [1, 1])
        try:
            pair.start()
            cast = PairCast(source, waits=False)
            threads = cast.start(pair.master.port)
            until(lambda: sum(writer.acknowledged for writer in cast.writers) > 100, "writes")
            pair.slave.kill()
            count = sum(writer.acknowledged for writer in cast.writers)
            until(lambda: sum(writer.acknowledged for writer in cast.writers) > count + 2000, "writes")
            pair.master.kill()
            cast.end(threads)
            pair.restart(pair.slave, None)
            pair.swap()
            try:
                cast.verify(pair.master, Counter(), True)
            except Mismatch as mismatch:
                print(f"writes that no slave had are lost with their master, as they must be: {str(mismatch).splitlines()[0]}")
                return 0
            print("the harness sees nothing wrong when acknowledged writes are lost: it is blind")
            return 1
        finally:
            pair.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="the server program (%(default)s)")
    parser.add_argument("--rounds", type=int, default=6, help="kills (%(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's choices, though not its timing")
    parser.add_argument("--self-test", action="store_true", help="show that the harness sees a loss")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    program = find_server(options.server)
    if options.self_test:
        return self_test(program, seed)
    began, totals, left = time.monotonic(), Counter(), options.rounds
    number = 0
    try:
        while left > 0:
            # A pair of its own for some rounds: policies and numbers of threads take turns.
            totals.update(play(program, min(left, 12), seed + number))
            left, number = left - 12, number + 1
    except Mismatch as mismatch:
        print(f"FAILED {mismatch}")
        return 1
    print(f"a pair, seed {seed}, {time.monotonic() - began:.0f} s: {summary(totals)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
