"""Runs one program on both servers and finds the first difference: of a reply, or of the data at the end."""

import time
from dataclasses import dataclass

from allowed import Allowed
from compare import Side, same
from generate import Program
from grammar import Command
from newer import readings, unsigned
from pair import FENCE_COMMAND, FENCE_REPLY, Pair, exchange
from replies import by_command, parse, shown, split
from resp import encode
from several import run_steps
from tracking import told, without_what_is_told

DATABASES = (0, 1)
USERS = ["u1", "u2", "u3", "with space", "a", "0", "1", "on", "off", "nopass"]  # of the family `users`
# How all of a value is read, and how the reading is compared.
WHOLE = {
    b"string": (("GET",), ""), b"hash": (("HGETALL",), "pairs"), b"list": (("LRANGE", "0", "-1"), ""),
    b"set": (("SMEMBERS",), "unordered"), b"zset": (("ZRANGE", "0", "-1", "WITHSCORES"), ""),
    b"stream": (("XINFO", "STREAM", "FULL", "COUNT", "0"), "stream-info"),
}
# Types whose encodings have had the same names since Redis 7.0.
EXACT_ENCODING = {b"string", b"hash", b"zset", b"stream"}


@dataclass
class Difference:
    command: Command       # the one whose replies differ, or the read that found the data to differ
    tested: bytes
    reference: bytes
    of_state: bool = False

    def signature(self) -> tuple:
        """Differences of the same signature have probably the same cause."""
        classes = _class_of(self.tested), _class_of(self.reference)
        unknown = classes[0] == classes[1] == "-ERR unknown command"
        return (self.of_state, "?" if unknown else self.command.name(), *classes)

    def describe(self, names: tuple[str, str]) -> list[str]:
        width = max(map(len, names))
        return [f"{name:<{width}}  {shown(reply)}" for name, reply in zip(names, (self.tested, self.reference))]


def _class_of(reply: bytes) -> str:
    text = reply[:60].decode("latin-1")
    if text.startswith("-"):
        return " ".join(text.split()[:3])
    return text[:1] if text[:3] not in ("$-1", "*-1") else "null"


class Runner:
    def __init__(self, pair: Pair, allowed: Allowed):
        self.pair, self.allowed = pair, allowed
        self.cut_short = 0  # programs that ended at an allowed difference after which the data differs

    def run(self, program: Program) -> Difference | None:
        difference = self._run(program)
        if any(link.closed for links in self.pair.links.values() for link in links):
            self.pair.mend()
        return difference

    def _run(self, program: Program) -> Difference | None:
        commands = program.commands
        if program.several:
            return self._run_several(program)
        opening, closing = _opening(program), _closing()
        links = self.pair.connection(0)
        self._send(links, opening, commands, closing)

        sent = [command for command in commands if command.arguments]
        sides = []
        for link in links:
            data = link.take()
            answered = split(data)
            count = len(closing) if data.endswith(FENCE_REPLY) else 0
            body = answered[len(opening):len(answered) - count]
            body, messages = by_command(body, [command.arguments for command in sent])
            sides.append((body, messages, answered[len(answered) - count:] if count else []))
        (ours, our_messages, our_end), (theirs, their_messages, their_end) = sides
        difference, goes_on = self._compare(sent, ours, theirs)
        if difference or not goes_on:
            return difference
        if not self._same_messages(our_messages, their_messages):
            return Difference(Command([b"(messages)"]), b"".join(our_messages), b"".join(their_messages), True)
        if not our_end and not their_end and len(ours) == len(theirs) and all(link.closed for link in links):
            if self.pair.mend():
                return Difference(Command([b"(a server died)"]), *(repr(link).encode() for link in links), True)
            our_end, their_end = self._end()  # both closed the connection, at the same place
        if not our_end or not their_end:
            return Difference(Command([b"(end)"]), b"".join(our_end), b"".join(their_end), True)
        return self._compare_data(our_end, their_end, has_waits=len(sent) < len(commands))

    def _end(self) -> list[list[bytes]]:
        """What tells which keys there are, from both, over the connection that is there now."""
        links = self.pair.connection(0)
        batch = b"".join(_closing())
        exchange(links, [batch, batch])
        return [split(link.take()) for link in links]

    def _run_several(self, program: Program) -> Difference | None:
        links = self.pair.connection(0)
        batch = b"".join(_opening(program)) + encode("RESET") + FENCE_COMMAND
        exchange(links, [batch, batch])
        for link in links:
            link.take()
        received = run_steps(self.pair, program.protocol, program.commands)
        for number, sides in received.items():
            sent = [command for command in program.commands if command.connection == number]
            heard = [told(side) for side in sides]
            if any(command.quiet for command in program.commands):
                if heard[0] != heard[1]:
                    shown = [repr([sorted(keys) for keys in side]).encode() for side in heard]
                    return Difference(Command([b"(told of)"]), *shown, True)
                sides = [without_what_is_told(side) for side in sides]
            ours, theirs = (by_command(split(side), [command.arguments for command in sent]) for side in sides)
            difference, goes_on = self._compare(sent, ours[0], theirs[0])
            if difference or not goes_on:
                return difference
            if not self._same_messages(ours[1], theirs[1]):
                return Difference(Command([b"(messages)"]), b"".join(ours[1]), b"".join(theirs[1]), True)
        our_end, their_end = self._end()
        if len(our_end) != len(their_end):
            return Difference(Command([b"(end)"]), b"".join(our_end), b"".join(their_end), True)
        return self._compare_data(our_end, their_end, has_waits=False)

    def _same_messages(self, ours: list[bytes], theirs: list[bytes]) -> bool:
        """Whether both were told the same, but for events that are meant to differ."""
        def alike(ours, theirs):
            return same("messages", [b""], Side(b"".join(ours), b""), Side(b"".join(theirs), b""))
        return alike(ours, theirs) or alike(*self.allowed.without_events(ours, theirs))

    @staticmethod
    def _send(links, opening, commands, closing) -> None:
        """In one batch; a wait in the program cuts it, and is begun when both servers have answered all before it."""
        batch, answers = list(opening), len(opening)
        for command in commands:
            if command.arguments:
                batch.append(encode(*command.arguments))
                answers += 1
                continue
            expected = answers
            joined = b"".join(batch)
            exchange(links, [joined, joined], lambda data: len(split(data)) >= expected)
            if any(link.closed for link in links):
                return
            batch = []
            time.sleep(command.wait_ms / 1000)
        joined = b"".join(batch + closing)
        exchange(links, [joined, joined])

    def _compare(self, sent, ours, theirs):
        """The first difference of replies that is not meant, and whether the rest can be compared."""
        queued: list[Command] = []
        before = b"", b""
        apart = False
        for command, our_reply, their_reply in zip(sent, ours, theirs):
            # What SPOP drew differs by chance until the DEL behind it. Where that does not run the sets stay different.
            if apart and not (command.name() == "DEL" and our_reply[:1] == b":"):
                self.cut_short += 1
                return None, False
            apart = command.name() == "SPOP" and command.rule == "drawn" and our_reply != their_reply
            judged = None
            if command.name() == "EXEC":
                judged = self._judge_exec(queued, our_reply, their_reply)
            fine, goes_on = judged or self._judge(command, our_reply, their_reply, before)
            if not fine:
                return Difference(command, our_reply, their_reply), False
            if not goes_on:
                self.cut_short += 1
                return None, False
            if their_reply == b"+QUEUED\r\n":
                queued.append(command)
            elif command.name() in ("EXEC", "DISCARD", "RESET"):
                queued = []
            before = our_reply, their_reply
        return None, True

    def _judge(self, command, ours, theirs, before) -> tuple[bool, bool]:
        """Whether two replies are as they should be, and whether what follows can be compared."""
        if ours == theirs:
            entry = self.allowed.entry(command.arguments, ours, theirs) if ours[:1] == b"-" else None
            return True, entry is None or entry.goes_on
        if any(same(command.rule, command.arguments, Side(reply, before[0]), Side(reading, before[1]))
               for reply in (ours, unsigned(ours)) for reading in readings(theirs)):
            return True, True
        entry = self.allowed.entry(command.arguments, ours, theirs)
        if entry is None and command.inner and self.allowed.inner(command.inner):
            return True, False  # what a script called differs, so all that the script did may
        # What only one of them queued makes EXEC another one.
        return entry is not None, entry is not None and entry.goes_on and ours != b"+QUEUED\r\n"

    def _judge_exec(self, queued, ours, theirs) -> tuple[bool, bool] | None:
        """The replies of a transaction, each by the rule of its command; `None` if they are not the queued commands'."""
        one, other = elements(ours), elements(theirs)
        if one is None or other is None or len(one) != len(other) or len(one) != len(queued):
            return None
        before = b"", b""
        for command, our_reply, their_reply in zip(queued, one, other):
            fine, goes_on = self._judge(command, our_reply, their_reply, before)
            # docs/differences-from-redis.md: the protocol that it sets is another one's for the rest of the transaction.
            if not fine or not goes_on or command.name() == "HELLO":
                return fine, goes_on
            before = our_reply, their_reply
        return True, True

    def _compare_data(self, our_end, their_end, has_waits) -> Difference | None:
        """All keys of the first databases: type, encoding, time to live, content."""
        keys_of = []
        for place, database in enumerate(DATABASES):
            keys = Command([b"KEYS", b"*"], "unordered")
            ours, theirs = our_end[3 + 4 * place], their_end[3 + 4 * place]
            if ours != theirs and not has_waits:
                return Difference(Command([b"DBSIZE", b"(database %d)" % database]), ours, theirs, True)
            ours, theirs = our_end[4 + 4 * place], their_end[4 + 4 * place]
            if not same("unordered", keys.arguments, Side(ours, b""), Side(theirs, b"")):
                return Difference(Command([b"(database %d)" % database]), ours, theirs, True)
            keys_of.append([key for _, key in parse(theirs)[1]])
        reads = []
        for database, keys in zip(DATABASES, keys_of):
            if keys:
                reads.append((Command([b"SELECT", b"%d" % database]), None))
                for key in keys:
                    reads += [(Command([b"TYPE", key]), key), (Command([b"OBJECT", b"ENCODING", key], "encoding"), key),
                              (Command([b"PTTL", key], "milliseconds"), key)]
        if not reads:
            return None
        difference, their_replies = self._read([command for command, _ in reads])
        if difference:
            return difference
        contents = []
        for (command, key), reply in zip(reads, their_replies):
            if command.name() == "SELECT":
                contents.append(command)
            elif command.name() == "TYPE" and reply[1:-2] in WHOLE:
                (words, rule) = WHOLE[reply[1:-2]]
                words = [word.encode() for word in words]
                place = 2 if words[0] == b"XINFO" else 1
                contents.append(Command(words[:place] + [key] + words[place:], rule))
        return self._read(contents)[0]

    def _read(self, commands):
        links = self.pair.connection(0)
        batch = b"".join(encode(*command.arguments) for command in commands) + FENCE_COMMAND
        exchange(links, [batch, batch])
        ours, theirs = (split(link.take())[:-1] for link in links)
        kind = b""
        for command, our_reply, their_reply in zip(commands, ours, theirs):
            if command.name() == "TYPE":
                kind = their_reply[1:-2]
            rule = "" if command.rule == "encoding" and kind in EXACT_ENCODING else command.rule
            if not any(same(rule, command.arguments, Side(our_reply, b""), Side(reply, b""))
                       for reply in readings(their_reply)):
                if not self.allowed.entry(command.arguments, our_reply, their_reply):
                    return Difference(command, our_reply, their_reply, True), theirs
        if len(ours) != len(theirs):
            return Difference(Command([b"(end)"]), b"".join(ours[-1:]), b"".join(theirs[-1:]), True), theirs
        return None, theirs


def _opening(program: Program) -> list[bytes]:
    """Every program begins with empty servers."""
    opening = [encode("FLUSHALL"), encode("ACL", "DELUSER", *USERS), encode("ACL", "LOG", "RESET")]
    if program.profile:
        opening.append(encode("CONFIG", "SET", *program.profile))
    if program.protocol == 3 and not program.several:
        opening.append(encode("HELLO", "3"))
    return opening


def _closing() -> list[bytes]:
    """What tells which keys there are. SCAN makes redis-server remove what is due, so that DBSIZE is exact there too."""
    closing = [encode("RESET")]
    for database in DATABASES:
        closing += [encode("SELECT", database), encode("SCAN", "0", "COUNT", "100000"), encode("DBSIZE"),
                    encode("KEYS", "*")]
    return closing + [FENCE_COMMAND]


def elements(reply: bytes) -> list[bytes] | None:
    """The elements of an array, as bytes."""
    if reply[:1] != b"*" or reply[:3] == b"*-1":
        return None
    return split(reply[reply.index(b"\r\n") + 2:])
