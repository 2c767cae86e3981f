"""A writer and its book: what it sent, what was answered, and what its keys must therefore hold."""

import random
import time

from resp import Connection, ReplyError, encode
from tails import Tails

KEYS_PER_WRITER = 120
FAR = 10_000_000  # seconds: no TTL of ours may run out while the test runs
TTL_TOLERANCE = 5_000  # ms between a client's clock when it sends EXPIRE and the server's when it runs it


class Mismatch(Exception):
    """The server's state is none that the book allows."""


class Model:
    """What one writer's keys hold: strings as bytes, hashes as dicts, and the time in ms at which a key expires."""

    def __init__(self):
        self.values: dict[bytes, bytes | dict] = {}
        self.expiry: dict[bytes, int] = {}

    def keys(self):
        return self.values.keys()

    def apply(self, command: tuple, sent_at: int) -> None:
        name, *rest = command
        getattr(self, name.lower())(sent_at, *rest)

    def state(self, key: bytes) -> tuple:
        """Value and expiry of a key, as a thing that later commands do not change."""
        value = self.values.get(key)
        return (dict(value) if isinstance(value, dict) else value, self.expiry.get(key))

    def put(self, key: bytes, state: tuple) -> None:
        self.remove(key)
        value, expiry = state
        if value is not None:
            self.values[key] = dict(value) if isinstance(value, dict) else value
        if expiry is not None:
            self.expiry[key] = expiry

    def set(self, sent_at, key, value, *option):
        self.values[key] = value
        self.expiry.pop(key, None)
        if option:  # PX ms
            self.expiry[key] = sent_at + int(option[1])

    def mset(self, sent_at, *pairs):
        for key, value in zip(pairs[::2], pairs[1::2]):
            self.set(sent_at, key, value)

    def incr(self, _sent_at, key):
        self.values[key] = b"%d" % (int(self.values.get(key, b"0")) + 1)

    def append(self, _sent_at, key, value):
        self.values[key] = self.values.get(key, b"") + value

    def hset(self, _sent_at, key, *pairs):
        self.values.setdefault(key, {}).update(zip(pairs[::2], pairs[1::2]))

    def hdel(self, _sent_at, key, field):
        fields = self.values.get(key, {})
        fields.pop(field, None)
        if not fields:
            self.remove(key)

    def delete(self, _sent_at, *keys):
        for key in keys:
            self.remove(key)

    def expire(self, sent_at, key, seconds):
        if key in self.values:
            self.expiry[key] = sent_at + int(seconds) * 1000

    def rename(self, _sent_at, source, target):
        if source in self.values:  # else an error reply, and nothing changes
            value, expiry = self.values[source], self.expiry.get(source)
            self.remove(source)
            self.remove(target)
            self.values[target] = value
            if expiry is not None:
                self.expiry[target] = expiry

    def remove(self, key):
        self.values.pop(key, None)
        self.expiry.pop(key, None)


setattr(Model, "del", Model.delete)  # `del` is a word of Python's


class Writer:
    """One connection's load. Kinds of keys are kept apart by name, so that no command meets a wrong type."""

    def __init__(self, number: int, seed: int):
        self.number = number
        self.random = random.Random(seed)
        self.model = Model()  # the state after what the last verification found applied
        self.serial = 0
        self.forget()

    def forget(self) -> None:
        self.sent: list[tuple[tuple, int]] = []  # (command, when in ms)
        self.acknowledged = 0
        self.error: Exception | None = None

    def key(self, kind: str) -> bytes:
        return b"w%d:%s:%d" % (self.number, kind.encode(), self.random.randrange(KEYS_PER_WRITER))

    def value(self) -> bytes:
        """Never the same twice, so that a lost overwrite shows; sometimes long."""
        self.serial += 1
        return b"%d/%d/" % (self.number, self.serial) + b"." * self.random.choice([0, 10, 60, 60, 60, 1000])

    def command(self) -> tuple:
        choose = self.random.random()
        if choose < 0.22:
            return ("SET", self.key("s"), self.value())
        if choose < 0.30:
            return ("SET", self.key("s"), self.value(), "PX", self.random.randrange(FAR, 2 * FAR) * 1000)
        if choose < 0.45:
            return ("INCR", self.key("n"))
        if choose < 0.60:
            fields = [(b"f%d" % self.random.randrange(20), self.value()) for _ in range(self.random.randrange(1, 4))]
            return ("HSET", self.key("h"), *(part for pair in fields for part in pair))
        if choose < 0.64:
            return ("HDEL", self.key("h"), b"f%d" % self.random.randrange(20))
        if choose < 0.72:
            return ("DEL", *(self.key(kind) for kind in self.random.sample("snha", self.random.randrange(1, 4))))
        if choose < 0.80:
            return ("APPEND", self.key("a"), self.value())
        if choose < 0.88:
            return ("MSET", *(part for _ in range(self.random.randrange(2, 6))
                              for part in (self.key("s"), self.value())))
        if choose < 0.94:
            return ("EXPIRE", self.key(self.random.choice("snh")), self.random.randrange(FAR, 2 * FAR))
        kind = self.random.choice("snha")
        return ("RENAME", self.key(kind), self.key(kind))

    def run(self, port: int) -> None:
        """Writes until the server is gone."""
        self.forget()
        try:
            with Connection(port) as connection:
                while True:
                    self.batch(connection, self.random.choice([1, 1, 1, 5, 40, 200]))
        except OSError:
            pass  # killed, as planned
        except Mismatch as error:
            self.error = error

    def batch(self, connection: Connection, size: int) -> None:
        now = time.time_ns() // 1_000_000
        commands = [self.command() for _ in range(size)]
        self.sent += [(command, now) for command in commands]
        connection.socket.sendall(b"".join(encode(*command) for command in commands))
        for command in commands:
            reply = connection.read()
            if isinstance(reply, ReplyError) and not (command[0] == "RENAME" and "no such key" in str(reply)):
                raise Mismatch(f"{command!r}: {reply}")
            self.acknowledged += 1

    def verify(self, connection: Connection, in_order: bool) -> int:
        """Finds which of the commands in flight were applied, and fails if no choice of them explains what is there.

        `in_order`: only a prefix of them may have been. Else each key has a prefix of its own, and a command on several
        keys is one for all of them. The book starts anew from the state that was found.
        """
        found = self.read_state(connection)
        in_flight = self.sent[self.acknowledged:]
        for command, sent_at in self.sent[:self.acknowledged]:
            self.model.apply(command, sent_at)
        tails = Tails(in_order)
        begun = Model()
        for key in self.model.keys() | found.values.keys() | {key for command, _ in in_flight for key in keys_of(command)}:
            begun.put(key, self.model.state(key))
            tails.add_key(key, begun.state(key))
        for command, sent_at in in_flight:
            keys = keys_of(command)
            before = [self.model.state(key) for key in keys]
            self.model.apply(command, sent_at)
            # A key that a command left as it was says nothing of whether the command was run.
            tails.add_command({key: self.model.state(key) for key, old in zip(keys, before)
                               if self.model.state(key) != old})
        chosen, culprits = tails.explain(lambda key, state: agrees(state, found.state(key)))
        if culprits:
            raise Mismatch(self.explain(sorted(culprits), found, begun))
        for key, state in chosen.items():
            self.model.put(key, state)
        self.forget()
        return tails.applied

    def read_state(self, connection: Connection) -> Model:
        """All of the writer's keys, as the server has them."""
        found = Model()
        candidates = [b"w%d:%s:%d" % (self.number, kind, index)
                      for kind in (b"s", b"n", b"h", b"a") for index in range(KEYS_PER_WRITER)]
        reads = [("HGETALL" if b":h:" in key else "GET", key) for key in candidates]
        for key, reply in zip(candidates, connection.pipeline(reads)):
            if isinstance(reply, ReplyError):
                raise Mismatch(f"{key!r}: {reply}")
            if isinstance(reply, list):
                reply = dict(zip(reply[::2], reply[1::2])) or None
            if reply is not None:
                found.values[key] = reply
        present = list(found.values)
        for key, ttl in zip(present, connection.pipeline([("PTTL", key) for key in present])):
            if ttl >= 0:
                found.expiry[key] = time.time_ns() // 1_000_000 + ttl
        return found

    def explain(self, keys: list[bytes], found: Model, begun: Model) -> str:
        lines = [f"writer {self.number}: after {self.acknowledged} acknowledged of {len(self.sent)} sent commands, "
                 f"nothing that may have become of those in flight explains {len(keys)} keys"]
        for key in keys[:5]:
            history = [command for command, _ in self.sent[:self.acknowledged] if key in command][-3:]
            unanswered = [command for command, _ in self.sent[self.acknowledged:] if key in command][:3]
            lines.append(f"    {key.decode()}: server has {short(found.state(key))}, the acknowledged are "
                         f"{short(begun.state(key))}; last of them {short(history)}, then in flight {short(unanswered)}")
        return "\n".join(lines)


def keys_of(command: tuple) -> list[bytes]:
    """The keys of a command, each once."""
    name, *words = command
    if name == "MSET":
        words = words[::2]
    elif name not in ("DEL", "RENAME"):
        words = words[:1]
    return list(dict.fromkeys(words))


def agrees(ours: tuple, theirs: tuple) -> bool:
    """Whether a key's state in the book is what the server has; times may differ by as much as clocks and queues do."""
    if ours[0] != theirs[0]:
        return False
    if ours[1] is None or theirs[1] is None:
        return ours[1] is theirs[1]
    return abs(ours[1] - theirs[1]) <= TTL_TOLERANCE


def short(value) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:97] + "..."
