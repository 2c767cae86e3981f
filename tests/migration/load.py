"""Clients that write all the time to whoever serves, and say how long they could not."""

import multiprocessing
import random
import time

from contents import live_command
from resp import Connection, ReplyError

# How soon a client tries again that was refused or cut off, seconds.
AGAIN = 0.005
# Expiries that come while the load runs, and such as are still there at the end.
SHORT_MS, LONG_MS = (5, 1500), (3_600_000, 7_200_000)


def commands(chance: random.Random, keys: int) -> list[tuple]:
    """What a client sends at once: changes of keys of the load, and of those that were there before."""
    some = [live_command(chance) for _ in range(10)]
    for _ in range(4):
        key, kind = f"key:{chance.randrange(keys)}", chance.randrange(4)
        some.append([("SET", key, chance.randrange(10**9)),
                     ("SET", key, "changed", "PX", chance.randrange(*chance.choice([SHORT_MS, LONG_MS]))),
                     ("PEXPIRE", key, chance.randrange(*LONG_MS)), ("DEL", key)][kind])
    if chance.random() < 0.2:
        some = [("MULTI",), *some[:6], ("EXEC",)]
    if chance.random() < 0.1:
        some.insert(0, ("SELECT", chance.choice([0, 1, 9])))
    return some


class Client(multiprocessing.Process):
    """One client. `port` is where it connects to; it looks there again when it is refused or cut off."""

    def __init__(self, number: int, port, seed: int, keys: int):
        super().__init__(daemon=True)
        self.number, self.port, self.seed, self.keys = number, port, seed, keys
        self.ends = multiprocessing.Event()
        self.acknowledged = multiprocessing.Value("Q", 0)  # increments of its counter
        self.unanswered = multiprocessing.Value("Q", 0)  # of those that were sent, and may have been done or not
        self.longest_ms = multiprocessing.Value("d", 0.0)  # between two answers to writes

    def counter(self) -> str:
        return f"counter:{self.number}"

    def run(self):
        chance, last = random.Random(self.seed), time.monotonic()
        while not self.ends.is_set():
            try:
                with Connection(self.port.value, timeout=120) as connection:
                    connection.call("SELECT", 0)
                    while not self.ends.is_set():
                        self.unanswered.value += 1
                        replies = connection.pipeline([("SELECT", 0), ("INCR", self.counter()),
                                                       *commands(chance, self.keys)])
                        self.unanswered.value -= 1
                        if isinstance(replies[1], ReplyError):  # a slave by now, which did nothing
                            break
                        self.acknowledged.value += 1
                        now = time.monotonic()
                        self.longest_ms.value = max(self.longest_ms.value, (now - last) * 1000)
                        last = now
            except (OSError, ConnectionError, ReplyError):
                pass
            self.ends.wait(AGAIN)

    def stop(self):
        self.ends.set()
        self.join(150)


def preload(connection: Connection, keys: int, seed: int) -> None:
    """Strings, of which a third expires one day, and collections of every type."""
    chance = random.Random(seed)
    for start in range(0, keys, 2000):
        batch = []
        for number in range(start, min(start + 2000, keys)):
            kind = number % 12
            key = f"key:{number}" if kind < 6 else f"collection:{number}"
            text = "v" * chance.randrange(5, 100)
            batch.append([
                ("SET", key, text), ("SET", key, number), ("SET", key, text, "PX", chance.randrange(*LONG_MS)),
                ("SET", key, text), ("SET", key, text, "PX", chance.randrange(*LONG_MS)), ("SET", key, text),
                ("RPUSH", key, text, number, "end"), ("SADD", key, number, number + 1, 3),
                ("SADD", key, text, "member"), ("ZADD", key, number, text, 1.5, "other"),
                ("HSET", key, "field", text, "number", number), ("XADD", key, f"{number + 1}-1", "field", text),
            ][kind])
        for reply in connection.pipeline(batch):
            if isinstance(reply, ReplyError):
                raise reply
