"""Keys that live for a moment: there in full before their time, gone for good after it, crash or not.

They are in a database of their own, since nobody can say at what moment exactly DBSIZE ceases to count one.
"""

import random
import threading
import time
from dataclasses import dataclass

from model import Mismatch
from resp import Connection, ReplyError, encode

DATABASE = 8
LATE = 250  # ms: a server reads its clock once for all that it has to do at a time
READS = {"string": ("GET",), "list": ("LRANGE", 0, -1), "set": ("SMEMBERS",), "zset": ("ZRANGE", 0, -1), "hash": ("HKEYS",)}


@dataclass
class Life:
    kind: str
    size: int
    ttl: int  # ms
    earliest: float  # when it is due, in ms: if the command was run as soon as it was sent
    latest: float  # and as late as it can have been
    answered: bool = False


def now_ms() -> float:
    return time.time_ns() / 1e6


class Mayflies:
    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.book: dict[bytes, Life] = {}
        self.past: dict[bytes, Life] = {}  # dead in the last verification
        self.serial = 0
        self.ending = threading.Event()
        self.error: Exception | None = None
        self.born = 0

    def threads(self, port: int) -> list[threading.Thread]:
        return [threading.Thread(target=self.run, args=(port,), daemon=True)]

    def run(self, port: int) -> None:
        try:
            with Connection(port) as connection:
                connection.call("SELECT", DATABASE)
                while not self.ending.is_set():
                    self.batch(connection)
        except OSError:
            pass  # killed, as planned
        except Exception as error:  # whatever it is, the main thread tells of it
            self.error = error

    def batch(self, connection: Connection) -> None:
        born = [self.bear() for _ in range(self.random.choice([1, 1, 10]))]
        sent_at = now_ms()
        for key, life, *_ in born:
            life.earliest = sent_at + life.ttl
            self.book[key] = life
        connection.socket.sendall(b"".join(data for *_, data in born))
        for key, life, answers, _ in born:
            replies = [connection.read() for _ in range(answers)]
            if errors := [reply for reply in replies if isinstance(reply, ReplyError)]:
                raise Mismatch(f"{key!r}: {errors[0]}")
            life.latest, life.answered = now_ms() + life.ttl, True
            self.born += 1

    def bear(self) -> tuple:
        self.serial += 1
        key, ttl = b"mayfly:%d" % self.serial, self.random.choice([1, 20, 300, 2000])
        kind, size = self.random.choice(list(READS)), self.random.choice([1, 5, 200])
        items = [b"%d" % n for n in range(size)]
        fill = {"string": ("SET", key, b"," .join(items), "PX", ttl), "list": ("RPUSH", key, *items),
                "set": ("SADD", key, *items), "zset": ("ZADD", key, *(item for item in items for _ in "12")),
                "hash": ("HSET", key, *(item for item in items for _ in "12"))}[kind]
        calls = [fill] if kind == "string" else [("MULTI",), fill, ("PEXPIRE", key, ttl), ("EXEC",)]
        life = Life(kind, size, ttl, earliest=0.0, latest=float("inf"))
        return key, life, len(calls), b"".join(encode(*call) for call in calls)

    def read(self, key: bytes) -> tuple:
        name, *words = READS[self.book[key].kind]
        return (name, key, *words)

    def totals(self) -> dict:
        return {"short-lived": self.born}

    def verify(self, connection: Connection) -> int:
        """Compares. Who is dead is looked at once more next time, then forgotten."""
        connection.call("SELECT", DATABASE)
        try:
            if back := connection.pipeline([("EXISTS", key) for key in self.past]).count(1):
                raise Mismatch(f"{back} keys are there again after their time")
            self.past.clear()
            keys = list(self.book)
            before = now_ms()
            replies = connection.pipeline([self.read(key) for key in keys])
            after = now_ms()
        finally:
            connection.call("SELECT", 0)
        for key, reply in zip(keys, replies, strict=True):
            life = self.book[key]
            items = reply.split(b",") if life.kind == "string" and reply else reply or []
            if isinstance(reply, ReplyError) or items and sorted(map(int, items)) != list(range(life.size)):
                raise Mismatch(f"{key.decode()}, {life}: not whole: {reply!r:.200}")
            if items and before > life.latest + LATE:
                raise Mismatch(f"{key.decode()}, {life}: there {before - life.latest:.0f} ms past its time")
            if not items and life.answered and after < life.earliest - 1:  # a server's clock has whole ms
                raise Mismatch(f"{key.decode()}, {life}: gone {life.earliest - after:.0f} ms before its time")
            if not items:
                self.past[key] = life  # and may never be there again
                del self.book[key]
            elif not life.answered:  # it was run before the kill: no later than now
                life.answered, life.latest = True, before + life.ttl
        return 0  # none of them is in database 0

    def last_words(self, connection: Connection, patience_s: float = 10.0) -> None:
        """Waits until the database is empty: what is due is removed, and nothing counts it any more."""
        connection.call("SELECT", DATABASE)
        deadline = time.monotonic() + patience_s
        while (left := connection.call("DBSIZE")) and time.monotonic() < deadline:
            time.sleep(0.02)
        keys = connection.call("KEYS", "*")
        connection.call("SELECT", 0)
        if left or keys:
            raise Mismatch(f"{left} keys are counted {patience_s:.0f} s after the last one's time: {keys[:5]}")
