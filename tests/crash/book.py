"""A writer and its book: what it sent, what was answered, and what its keys must therefore hold."""

import random
import re
import threading
import time
from collections import Counter, defaultdict, deque

from kinds import KINDS, generic
from model import Dump, Mismatch, Model, agrees, keys_of
from resp import Connection, ReplyError, encode
from tails import Tails

__all__ = ["KINDS", "Mismatch", "Writer"]


class Writer:
    """One connection's load, on keys of the kinds that `letters` name."""

    def __init__(self, number: int, seed: int, letters: str = "".join(KINDS), transactions: bool = True):
        self.number = number
        self.random = random.Random(seed)
        self.letters, self.transactions = letters, transactions
        self.shares = [KINDS[letter].share for letter in letters]
        self.model = Model()  # the state after all that was answered
        self.dumps: dict = defaultdict(lambda: deque(maxlen=4))
        self.history: dict = defaultdict(lambda: deque(maxlen=3))
        self.commands: Counter = Counter()
        self.serial = 0
        self.ending = threading.Event()  # set: send nothing more
        self.forget()

    def forget(self) -> None:
        self.sent: list[tuple[tuple, int]] = []  # the last batch: (command, when in ms)
        self.answered = 0  # how many of these were answered
        self.acknowledged = 0  # and in all, since the start of the round
        self.error: Exception | None = None

    def letter(self) -> str:
        return self.random.choices(self.letters, self.shares)[0]

    def key(self, letter: str) -> bytes:
        return b"w%d:%s:%d" % (self.number, letter.encode(), self.random.randrange(KINDS[letter].keys))

    def value(self) -> bytes:
        """Never the same twice, so that a lost overwrite shows; sometimes long."""
        self.serial += 1
        return b"%d/%d/" % (self.number, self.serial) + b"." * self.random.choice([0, 10, 60, 60, 60, 60, 1000])

    def plain_command(self) -> tuple:
        if self.random.random() < 0.18:
            return generic.generate(self)
        return KINDS[self.letter()].generate(self)

    def command(self) -> tuple:
        if self.transactions and self.random.random() < 0.06:
            return generic.transaction(self)
        return self.plain_command()

    @staticmethod
    def left_open(call: tuple) -> list:
        """The keys of which nothing definite is known until the command is answered."""
        if call[0] == "MULTI":
            return [key for part in call[1:] for key in Writer.left_open(part)]
        return keys_of(call) if call[0] == "SPOP" or call[1] in ("DELCONSUMER", "DESTROY") else []

    def threads(self, port: int) -> list[threading.Thread]:
        self.forget()
        return [threading.Thread(target=self.run, args=(port,), daemon=True)]

    def run(self, port: int) -> None:
        """Writes until the server is gone."""
        try:
            with Connection(port) as connection:
                while not self.ending.is_set():
                    self.dump(connection)
                    self.batch(connection, self.random.choice([1, 1, 1, 5, 40, 200]))
        except OSError:
            pass  # killed, as planned
        except Exception as error:  # whatever it is, the main thread tells of it
            self.error = error

    def dump(self, connection: Connection) -> None:
        """Now and then, something for a later RESTORE."""
        letter = self.letter()
        key = self.key(letter)
        if self.random.random() < 0.1 and key in self.model.values:
            dump = Dump(connection.call("DUMP", key))
            dump.state = self.model.state(key)[0]
            self.dumps[letter].append(dump)

    def choose(self, size: int) -> list:
        """The calls of the next batch, noted as sent: none on a key of which one before it leaves open what it holds."""
        calls, left_open = [], set()
        for _ in range(size):
            call = self.command()
            if left_open.isdisjoint(keys_of(call)):
                calls.append(call)
                left_open.update(self.left_open(call))
        now = time.time_ns() // 1_000_000
        self.sent, self.answered = [(call, now) for call in calls], 0
        return calls

    def batch(self, connection: Connection, size: int) -> None:
        calls = self.choose(size)
        connection.socket.sendall(b"".join(map(wire, calls)))
        for call, now in self.sent:
            if call[0] == "MULTI":
                for _ in call:  # OK, and QUEUED for each
                    if isinstance(error := connection.read(), ReplyError):
                        raise Mismatch(f"{call!r}: {error}")
            self.answer(call, now, connection.read())

    def answer(self, call: tuple, sent_at: int, reply) -> None:
        expected = self.model.apply(call, sent_at, reply)
        if not generic.as_expected(expected, reply):
            raise Mismatch(f"writer {self.number}, {short(call)}: the answer is {short(reply)}, not {short(expected)}")
        self.answered += 1
        self.acknowledged += 1
        for part in call[1:] if call[0] == "MULTI" else (call,):
            self.commands[part[0]] += 1
        for key in keys_of(call):
            self.history[key].append(call)

    def verify(self, connection: Connection, in_order: bool) -> int:
        """Finds which of the commands in flight were applied, and fails if no choice of them explains what is there.

        `in_order`: only a prefix of them may have been. Else each key has a prefix of its own, and a command on several
        keys is one for all of them. The book starts anew from the state that was found.
        """
        found = self.read_state(connection)
        in_flight = self.sent[self.answered:]
        tails = Tails(in_order)
        begun = Model()
        for key in self.model.keys() | found.values.keys() | {key for call, _ in in_flight for key in keys_of(call)}:
            begun.put(key, self.model.state(key))
            tails.add_key(key, begun.state(key))
        for call, sent_at in in_flight:
            keys = keys_of(call)
            before = [self.model.state(key) for key in keys]
            self.model.apply(call, sent_at)
            # A key that a command left as it was says nothing of whether the command was run.
            tails.add_command({key: state for key, old in zip(keys, before) if (state := self.model.state(key)) != old})
        chosen, culprits = tails.explain(lambda key, state: agrees(state, found.state(key)))
        if culprits:
            raise Mismatch(self.explain(sorted(culprits), found, begun))
        for key, state in chosen.items():
            self.model.adopt(key, state, found.state(key))
        self.forget()
        return tails.applied

    def read_state(self, connection: Connection) -> Model:
        """All of the writer's keys, as the server has them."""
        found = Model()
        for letter in self.letters:
            kind = KINDS[letter]
            keys = [b"w%d:%s:%d" % (self.number, letter.encode(), index) for index in range(kind.keys)]
            reads = [kind.reads(key) for key in keys]
            replies = iter(connection.pipeline([read for each in reads for read in each]))
            for key, each in zip(keys, reads):
                own = [next(replies) for _ in each]
                refused = [reply for reply in own if isinstance(reply, ReplyError)]
                if refused and not kind.may_refuse:
                    raise Mismatch(f"{key!r}: {refused[0]}")
                if (value := kind.parse(own)) is not None:
                    found.values[key] = value
        present = list(found.values)
        for key, ttl in zip(present, connection.pipeline([("PTTL", key) for key in present])):
            if ttl >= 0:
                found.expiry[key] = time.time_ns() // 1_000_000 + ttl
        return found

    def explain(self, keys: list[bytes], found: Model, begun: Model) -> str:
        lines = [f"writer {self.number}: after {self.acknowledged} acknowledged commands and {self.answered} of the last "
                 f"{len(self.sent)} sent, nothing that may have become of those in flight explains {len(keys)} keys"]
        for key in keys[:5]:
            unanswered = [call for call, _ in self.sent[self.answered:] if key in keys_of(call)][:3]
            lines.append(f"    {key.decode()}: server has {short(found.state(key))}, the acknowledged are "
                         f"{short(begun.state(key))}; last of them {short(list(self.history[key]))}, "
                         f"then in flight {short(unanswered)}")
            lines.append(f"        {difference(begun.state(key)[0], found.state(key)[0])}")
        return "\n".join(lines)


def wire(call: tuple) -> bytes:
    """A command as it is sent."""
    if call[0] == "MULTI":
        return encode("MULTI") + b"".join(encode(*part) for part in call[1:]) + encode("EXEC")
    return encode(*call)


def difference(ours, theirs) -> str:
    """Where two values part, for big ones."""
    if isinstance(ours, bytes) and isinstance(theirs, bytes):
        place = next((n for n, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
        return f"{len(ours)} bytes and {len(theirs)}, the same up to {place}"
    if isinstance(ours, list) and isinstance(theirs, list):
        place = next((n for n, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
        return f"{len(ours)} items and {len(theirs)}, the same up to {place}"
    if isinstance(ours, dict | set) and isinstance(theirs, dict | set):
        ours, theirs = (set(v.items()) if isinstance(v, dict) else v for v in (ours, theirs))
        return f"missing {short(list(ours - theirs)[:5])}, too many {short(list(theirs - ours)[:5])}"
    return ""


def short(value) -> str:
    text = re.sub(r"\.{9,}", "...", repr(value))
    return text if len(text) <= 300 else text[:297] + "..."
