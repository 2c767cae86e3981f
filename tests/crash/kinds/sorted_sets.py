"""Sorted sets, the big ones trees of several levels. Scores are halves, so that sums are exact."""

import heapq

from model import command

from .kind import Kind, is_big


class SortedSet(dict):
    """Members and their scores."""

    def __copy__(self):
        return SortedSet(self)

    def in_order(self) -> list[tuple[float, bytes]]:
        return sorted((score, member) for member, score in self.items())


def shown(score: float) -> bytes:
    return b"%d" % score if score == int(score) else repr(score).encode()


@command("ZADD")
def zadd(model, _sent_at, _reply, key, *words):
    option, pairs = (words[0], words[1:]) if words[0] in ("GT", "LT", "NX", "XX") else ("", words)
    there = model.at(key, SortedSet)
    added = 0
    for score, member in zip(pairs[::2], pairs[1::2]):
        old = there.get(member)
        if old is None and option != "XX":
            added += 1
            there[member] = score
        elif old is not None and (option in ("", "XX") or option == "GT" and score > old or option == "LT" and score < old):
            there[member] = score
    model.tidy(key)
    return added


@command("ZINCRBY")
def zincrby(model, _sent_at, _reply, key, by, member):
    there = model.at(key, SortedSet)
    there[member] = there.get(member, 0.0) + by
    return shown(there[member])


@command("ZREM")
def zrem(model, _sent_at, _reply, key, *members):
    there = model.values.get(key, {})
    removed = sum(there.pop(member, None) is not None for member in members)
    model.tidy(key)
    return removed


def pop(model, key, least, count):
    there = model.values.get(key, {})
    pick = heapq.nsmallest if least else heapq.nlargest
    taken = pick(count, ((score, member) for member, score in there.items()))
    for _, member in taken:
        del there[member]
    model.tidy(key)
    return taken


@command("ZPOPMIN")
def zpopmin(model, _sent_at, _reply, key, count):
    return [part for score, member in pop(model, key, True, count) for part in (member, shown(score))]


@command("ZPOPMAX")
def zpopmax(model, _sent_at, _reply, key, count):
    return [part for score, member in pop(model, key, False, count) for part in (member, shown(score))]


@command("ZREMRANGEBYRANK")
def zremrangebyrank(model, _sent_at, _reply, key, start, stop):
    there = model.values.get(key, SortedSet())
    doomed = there.in_order()[start:stop + 1]
    return zrem(model, None, None, key, *(member for _, member in doomed))


@command("ZREMRANGEBYSCORE")
def zremrangebyscore(model, _sent_at, _reply, key, least, most):
    there = model.values.get(key, {})
    return zrem(model, None, None, key, *[member for member, score in there.items() if least <= score <= most])


@command("ZRANGESTORE", keys=lambda words: words[:2])
def zrangestore(model, _sent_at, _reply, target, source, start, stop):
    part = model.values.get(source, SortedSet()).in_order()[start:stop + 1]
    model.replace(target, SortedSet((member, score) for score, member in part))
    return len(part)


def store(name, combine):
    @command(name, keys=lambda words: (words[0], *words[2:]))
    def run(model, _sent_at, _reply, target, _number, *sources):
        result = SortedSet(combine([model.values.get(key, {}) for key in sources]))
        model.replace(target, result)
        return len(result)
    return run


def union(sources):
    return {member: sum(source.get(member, 0) for source in sources) for member in {m for s in sources for m in s}}


def intersection(sources):
    everywhere = [member for member in sources[0] if all(member in source for source in sources[1:])]
    return {member: sum(source[member] for source in sources) for member in everywhere}


def difference(sources):
    return {member: score for member, score in sources[0].items() if not any(member in s for s in sources[1:])}


store("ZUNIONSTORE", union)
store("ZINTERSTORE", intersection)
store("ZDIFFSTORE", difference)


class SortedSets(Kind):
    letter, share = "z", 2.5

    def generate(self, writer):
        random, key = writer.random, writer.key("z")
        choose, big = random.random(), is_big(key)
        members = [b"member:%d" % random.randrange(4000 if big else 40) for _ in range(random.randrange(1, 120 if big else 5))]
        score = lambda: random.randrange(-2000, 2000) / 2  # noqa: E731
        there = len(writer.model.values.get(key, ()))
        if choose < 0.40 or there < (800 if big else 2):
            option = random.choice([(), (), (), (), ("GT",), ("LT",), ("NX",), ("XX",)])
            return ("ZADD", key, *option, *(part for member in members for part in (score(), member)))
        if choose < 0.55:
            return ("ZINCRBY", key, score(), members[0])
        if choose < 0.70:
            return ("ZREM", key, *members)
        if choose < 0.80:
            return (random.choice(["ZPOPMIN", "ZPOPMAX"]), key, random.choice([1, 1, 2, 40 if big else 100]))
        if choose < 0.84:
            start = random.randrange(there + 1)
            return ("ZREMRANGEBYRANK", key, start, start + random.randrange(30))
        if choose < 0.88:
            least = score()
            return ("ZREMRANGEBYSCORE", key, least, least + random.randrange(20))
        if choose < 0.94:
            start = random.randrange(there + 1)
            return ("ZRANGESTORE", writer.key("z"), key, start, start + random.randrange(2000))
        name = random.choice(["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"])
        return (name, writer.key("z"), 2, key, writer.key("z"))

    def reads(self, key):
        return [("ZRANGE", key, 0, -1, "WITHSCORES"), ("ZCARD", key)]

    def parse(self, replies):
        pairs = [(float(score), member) for member, score in zip(replies[0][::2], replies[0][1::2])]
        there = SortedSet((member, score) for score, member in pairs)
        if there.in_order() != pairs or len(pairs) != replies[1]:
            return replies  # out of order, or counted wrongly: agrees with no sorted set
        return there or None
