"""Streams with consumer groups.

An entry is a number of the model's, in the order of XADD; its id is what XADD answered. While that is unknown any id
fits that keeps the order; the first state that is found settles it.
"""

import time

from model import ANY, REFUSED, TTL_TOLERANCE, command
from resp import ReplyError

from .kind import Kind, is_big

GROUPS = (b"g0", b"g1")


class Group:
    def __init__(self, last: int):
        self.last = last  # the entry that was delivered last; 0: none
        self.pending: dict = {}  # entry -> (consumer, when in ms, how often)
        self.consumers: set = set()
        self.maybe: set = set()  # asked and got nothing: versions of Redis differ on whether that makes a consumer

    def __copy__(self):
        other = Group(self.last)
        other.pending, other.consumers, other.maybe = dict(self.pending), set(self.consumers), set(self.maybe)
        return other

    def __eq__(self, other):
        return vars(self) == vars(other)

    def name(self, consumer: bytes, got_something: bool) -> None:
        if got_something:
            self.maybe.discard(consumer)
        elif consumer not in self.consumers:
            self.maybe.add(consumer)
        self.consumers.add(consumer)

    def deliver(self, entry: int, consumer: bytes, now: int, times: int) -> None:
        self.pending[entry] = (consumer, now, times)


class Stream:
    def __init__(self, ids: dict):
        self.ids = ids
        self.entries: dict[int, tuple] = {}  # number -> fields and values
        self.last, self.added = 0, 0
        self.groups: dict[bytes, Group] = {}

    def __copy__(self):
        other = Stream(self.ids)
        other.entries, other.last, other.added = dict(self.entries), self.last, self.added
        other.groups = {name: group.__copy__() for name, group in self.groups.items()}
        return other

    def __eq__(self, other):
        return isinstance(other, Stream) and (self.entries, self.last, self.added, self.groups) == (
            other.entries, other.last, other.added, other.groups)

    __hash__ = None

    def __repr__(self):
        return f"<{len(self.entries)} entries, {self.added} added, last {self.last}, groups " + repr({
            name: (group.last, len(group.pending), sorted(group.consumers)) for name, group in self.groups.items()}) + ">"

    def agrees(self, found) -> bool:
        return self.bind(found) is not None

    def adopt(self, found):
        self.ids.update(self.bind(found))
        return self

    def bind(self, found) -> dict | None:
        """The ids that entries must have for the stream to be what was found; None if it cannot be."""
        if found is None or (self.added, len(self.entries)) != (found["added"], len(found["entries"])):
            return None
        pairs = list(zip(self.entries, [id for id, _ in found["entries"]])) + [(self.last, found["last"])]
        if any(ours != theirs for ours, (_, theirs) in zip(self.entries.values(), found["entries"])):
            return None
        if self.groups.keys() != found["groups"].keys():
            return None
        for name, group in self.groups.items():
            last, pending, consumers = found["groups"][name]
            pairs.append((group.last, last))
            pairs += zip(sorted(group.pending), [id for id, *_ in pending])
            if len(pending) != len(group.pending) or not group.consumers - group.maybe <= consumers <= group.consumers:
                return None
            for entry, (_, consumer, at, times) in zip(sorted(group.pending), pending):
                whose, when, often = group.pending[entry]
                if (whose, often) != (consumer, times) or abs(when - at) > TTL_TOLERANCE:
                    return None
        bound: dict = {0: b"0-0"}
        for entry, id in pairs:
            if self.ids.get(entry, id) != id or bound.setdefault(entry, id) != id:
                return None
        in_order = [number(bound[entry]) for entry in sorted(bound)]
        return bound if all(a < b for a, b in zip(in_order, in_order[1:])) else None


def number(id: bytes) -> tuple:
    return tuple(map(int, id.split(b"-")))


def group_of(model, key, name):
    stream = model.values.get(key)
    return stream, (stream.groups.get(name) if stream else None)


def shown(model, stream, entries):
    return [[model.ids.get(entry), list(stream.entries[entry])] for entry in entries]


def entries_of(model, ids, among):
    wanted = set(ids)
    return [entry for entry in among if model.ids.get(entry) in wanted]


@command("XADD")
def xadd(model, _sent_at, reply, key, *words):
    limit, fields = (words[1], words[3:]) if words[0] == "MAXLEN" else (None, words[1:])
    stream = model.at(key, lambda: Stream(model.ids))
    model.entries += 1
    entry = model.entries
    if isinstance(reply, bytes):
        before = model.ids.get(stream.last)
        if before is not None and number(reply) <= number(before):
            return b"an id above " + before
        model.ids[entry] = reply
    stream.entries[entry], stream.last = fields, entry
    stream.added += 1
    if limit is not None:
        trim(stream, limit)
    return reply


def trim(stream, limit):
    doomed = list(stream.entries)[:max(0, len(stream.entries) - limit)]
    for entry in doomed:
        del stream.entries[entry]
    return len(doomed)


@command("XTRIM")
def xtrim(model, _sent_at, _reply, key, _maxlen, limit):
    return trim(model.values[key], limit) if key in model.values else 0


@command("XDEL")
def xdel(model, _sent_at, _reply, key, *ids):
    stream = model.values.get(key)
    doomed = entries_of(model, ids, stream.entries) if stream else []
    for entry in doomed:
        del stream.entries[entry]
    return len(doomed)


@command("XGROUP", keys=lambda words: words[1:2])
def xgroup(model, _sent_at, _reply, action, key, name, *words):
    stream, group = group_of(model, key, name)
    if action == "CREATE":  # with MKSTREAM
        if group:
            return REFUSED
        stream = model.at(key, lambda: Stream(model.ids))
        stream.groups[name] = Group(stream.last if words[0] == "$" else 0)
        return b"OK"
    if action == "DESTROY":
        if not stream:
            return REFUSED
        return int(stream.groups.pop(name, None) is not None)
    if not group:
        return REFUSED
    if action == "SETID":
        group.last = stream.last if words[0] == "$" else 0
        return b"OK"
    consumer = words[0]
    sure = group.consumers - group.maybe
    if action == "CREATECONSUMER":
        if consumer in group.maybe:
            group.maybe.discard(consumer)
            return ANY
        group.consumers.add(consumer)
        return int(consumer not in sure)
    mine = [entry for entry, (whose, _, _) in group.pending.items() if whose == consumer]  # DELCONSUMER
    for entry in mine:
        del group.pending[entry]
    group.consumers.discard(consumer)
    group.maybe.discard(consumer)
    return len(mine)


@command("XREADGROUP", keys=lambda words: words[-2:-1])
def xreadgroup(model, sent_at, reply, _group, name, consumer, _count, count, *words):
    key = words[-2]
    stream, group = group_of(model, key, name)
    if not group:
        return REFUSED
    delivered = [entry for entry in stream.entries if entry > group.last][:count]
    group.name(consumer, bool(delivered))
    if not delivered:
        return None
    group.last = delivered[-1]
    if "NOACK" not in words:
        for entry in delivered:
            group.deliver(entry, consumer, sent_at, 1)
    return [[key, shown(model, stream, delivered)]]


@command("XACK")
def xack(model, _sent_at, _reply, key, name, *ids):
    _, group = group_of(model, key, name)
    acknowledged = entries_of(model, ids, group.pending) if group else []
    for entry in acknowledged:
        del group.pending[entry]
    return len(acknowledged)


@command("XCLAIM")
def xclaim(model, sent_at, _reply, key, name, consumer, _idle, *ids):
    stream, group = group_of(model, key, name)
    if not group:
        return REFUSED
    claimed = []
    for entry in sorted(entries_of(model, ids, group.pending)):
        if entry in stream.entries:
            group.deliver(entry, consumer, sent_at, group.pending[entry][2] + 1)
            claimed.append(entry)
        else:
            del group.pending[entry]
    group.name(consumer, bool(claimed))
    return shown(model, stream, claimed)


class Streams(Kind):
    letter, keys, share, may_refuse = "x", 6, 2.5, True

    def generate(self, writer):
        random, key, model = writer.random, writer.key("x"), writer.model
        stream, choose, big = model.values.get(key), random.random(), is_big(key)
        name, consumer = random.choice(GROUPS), b"c%d" % random.randrange(3)
        group = stream.groups.get(name) if stream else None
        if stream and not group and choose < 0.3:
            return ("XGROUP", "CREATE", key, name, random.choice(["0", "$"]), "MKSTREAM")
        if choose < 0.40 or not stream:
            same = random.random() < 0.7  # as the entry before it: the compact form
            fields = [part for n in range(random.randrange(1, 4)) for part in (b"f%d" % (n if same else n + 7), writer.value())]
            limit = ("MAXLEN", random.randrange(1000 if big else 30)) if random.random() < 0.05 else ()
            return ("XADD", key, *limit, "*", *fields)
        if choose < 0.60:
            noack = ("NOACK",) if random.random() < 0.1 else ()
            return ("XREADGROUP", "GROUP", name, consumer, "COUNT", random.choice([1, 3, 30]), *noack, "STREAMS", key, ">")
        pending = [model.ids[entry] for entry in list(group.pending)[:100] if entry in model.ids] if group else []
        if choose < 0.78 and pending:
            return ("XACK", key, name, *dict.fromkeys(random.choices(pending, k=random.choice([1, 3, 20]))))
        if choose < 0.88 and pending:
            claimer = random.choice(sorted(group.consumers - group.maybe))
            return ("XCLAIM", key, name, claimer, 0, *sorted(set(random.choices(pending, k=3)), key=number))
        if choose < 0.92 and stream.entries:
            some = [model.ids[entry] for entry in list(stream.entries)[:50] if entry in model.ids]
            return ("XDEL", key, random.choice(some or [b"1-1"]))
        if choose < 0.95:
            return ("XTRIM", key, "MAXLEN", random.randrange(1200 if big else 40))
        if choose < 0.97:
            return ("XGROUP", "SETID", key, name, random.choice(["0", "$"]))
        if choose < 0.99:
            return ("XGROUP", random.choice(["CREATECONSUMER", "DELCONSUMER"]), key, name, consumer)
        return ("XGROUP", "DESTROY", key, name)

    def reads(self, key):
        each = [read for name in GROUPS for read in (
            ("XPENDING", key, name, "-", "+", 1_000_000), ("XINFO", "CONSUMERS", key, name))]
        return [("XRANGE", key, "-", "+"), ("XINFO", "STREAM", key), ("XINFO", "GROUPS", key), *each]

    def parse(self, replies):
        entries, about, groups, *each = replies
        if isinstance(about, ReplyError):
            return None
        now = time.time_ns() // 1_000_000
        about, found = dict(zip(about[::2], about[1::2])), {}
        for told in groups:
            told = dict(zip(told[::2], told[1::2]))
            name = told[b"name"]
            pending, consumers = each[2 * GROUPS.index(name):][:2]
            pending = [(id, consumer, now - idle, times) for id, consumer, idle, times in pending]
            if told[b"pending"] != len(pending):
                pending = [("the group counts", told[b"pending"], 0, 0), *pending]  # agrees with nothing
            found[name] = (told[b"last-delivered-id"], pending, {consumer[1] for consumer in consumers})
        return {"entries": [(id, tuple(fields)) for id, fields in entries], "last": about[b"last-generated-id"],
                "added": about[b"entries-added"], "groups": found}
