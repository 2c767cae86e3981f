"""Rounds of load, kill -9, restart and comparison, on one data folder."""

import random
import tempfile
import threading
import time
from collections import Counter

from book import KINDS, Writer
from exchange import Exchange
from mayflies import Mayflies
from model import Mismatch
from server import Server, ServerFailed, persistence_options

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


class Cast:
    """All who write, each with a book of its own."""

    def __init__(self, source: random.Random, letters: list[str], others: tuple):
        self.writers = [Writer(number, source.getrandbits(64), of) for number, of in enumerate(letters)]
        self.others = [other(source.getrandbits(64)) for other in others]

    def everybody(self) -> list:
        return [*self.writers, *self.others]

    def start(self, port: int) -> list[threading.Thread]:
        threads = [thread for one in self.everybody() for thread in one.threads(port)]
        for thread in threads:
            thread.start()
        return threads

    def end(self, threads: list[threading.Thread]) -> None:
        """Waits for threads whose server is gone, or that were told to end."""
        for thread in threads:
            thread.join(60)
            if thread.is_alive():
                raise Mismatch("a writer did not notice that the server is gone")
        for one in self.everybody():
            if one.error:
                raise one.error

    def verify(self, server: Server, totals: Counter, in_order: bool) -> None:
        with server.connect(timeout=120) as connection:
            # The others first: with keys that live for a moment, time runs.
            keys = sum(one.verify(connection) for one in reversed(self.others))
            for writer in self.writers:
                totals["in flight, applied"] += writer.verify(connection, in_order)
                keys += len(writer.model.keys())
            found = connection.call("DBSIZE")
            if found != keys:
                raise Mismatch(f"DBSIZE is {found}, the books hold {keys} keys")
        totals["rounds"] += 1
        totals["keys compared"] += keys

    def add_up(self, totals: Counter) -> None:
        """What each did in all, and what nobody may have missed to do."""
        for other in self.others:
            totals.update(other.totals())
        commands = sum((writer.commands for writer in self.writers), Counter())
        totals["kinds of commands"], totals["of the rarest"] = len(commands), min(commands.values(), default=0)


def play_round(server: Server, cast: Cast, source: random.Random, totals: Counter, load: "Load",
               following: "Load") -> None:
    """Load, kill, restart as the following round wants it, compare."""
    disturber = Disturber(server, source.getrandbits(64))
    threads = [*cast.start(server.port), disturber]
    disturber.start()
    # From the very first commands up to a few seconds of load.
    time.sleep(source.choice([source.uniform(0.0, 0.1), source.uniform(0.1, 1.0), source.uniform(1.0, 2.5)]))
    server.kill()
    disturber.ending.set()
    cast.end(threads)
    totals["acknowledged"] += sum(writer.acknowledged for writer in cast.writers)
    totals["in flight"] += sum(len(writer.sent) - writer.answered for writer in cast.writers)
    totals.update(disturber.counts)

    server.options = following.options
    server.start()
    cast.verify(server, totals, load.in_order)


class Load:
    """How the server runs in a round, and whether it runs one client's commands in order."""

    def __init__(self, program: str, fsync: str | None, threads: int | None, in_order: bool | None = None):
        self.options = persistence_options(program, fsync) + ([] if threads is None else ["--threads", str(threads)])
        self.in_order = threads in (None, 1) if in_order is None else in_order


def play(loads: list[Load], program: str, rounds: int, seed: int, others: tuple = (Exchange, Mayflies)) -> Counter:
    """All rounds, on one data folder: what a crash left is what the next one starts from."""
    source, totals = random.Random(seed), Counter()

    def load_of(number: int) -> Load:
        # Each but the first twice in a row: a restart changes the load, or does not.
        return loads[(number + 1) // 2 % len(loads)]

    with tempfile.TemporaryDirectory(prefix="pika-crash.") as folder:
        with Server(program, folder, load_of(0).options) as server:
            cast = Cast(source, ["".join(KINDS)] * WRITERS, others)
            for number in range(rounds):
                try:
                    play_round(server, cast, source, totals, load_of(number), load_of(number + 1))
                except (Mismatch, ServerFailed) as error:
                    raise Mismatch(f"round {number + 1}, seed {seed}, {' '.join(load_of(number).options)}: {error}\n"
                                   f"server log:\n{server.log_tail()}") from error
            # A clean stop must lose nothing either.
            server.stop()
            server.start()
            cast.verify(server, Counter(), True)
            with server.connect() as connection:
                for other in cast.others:
                    other.last_words(connection)
            cast.add_up(totals)
    return totals


def summary(totals: Counter) -> str:
    return ", ".join(f"{count} {name}" for name, count in totals.items())
