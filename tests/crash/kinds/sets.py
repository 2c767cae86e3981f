"""Sets. What SPOP took is known by its answer; without one, any members may be gone."""

from model import UNKNOWN, command

from .kind import Kind, is_big


class Popped(set):
    """A set of which SPOP took some members, nobody knows which. Never changed: nothing follows it in a batch."""

    def __init__(self, members: set, taken: int):
        super().__init__(members)
        self.taken = taken

    def __copy__(self):
        return Popped(self, self.taken)

    def __eq__(self, other):
        return isinstance(other, Popped) and self.taken == other.taken and set(self) == set(other)

    __hash__ = None

    def agrees(self, found) -> bool:
        return isinstance(found, set) and found < self and len(found) == len(self) - self.taken

    def adopt(self, found):
        return set(found)


@command("SADD")
def sadd(model, _sent_at, _reply, key, *members):
    there = model.at(key, set)
    before = len(there)
    there.update(members)
    return len(there) - before


@command("SREM")
def srem(model, _sent_at, _reply, key, *members):
    there = model.values.get(key, set())
    before = len(there)
    there.difference_update(members)
    model.tidy(key)
    return before - len(there)


@command("SPOP")
def spop(model, _sent_at, reply, key, count):
    there = model.values.get(key)
    if there is None:
        return []
    if not isinstance(reply, list) and reply is not UNKNOWN:
        return f"{count} members"
    if count >= len(there):
        model.remove(key)
        return reply if reply is UNKNOWN or set(reply) == there else sorted(there)
    if reply is UNKNOWN:
        model.values[key] = Popped(there, count)
        return reply
    taken = set(reply)
    if len(reply) != count or len(taken) != count or not taken <= there:
        return f"{count} members of {short(there)}"
    there -= taken
    return reply


@command("SMOVE", keys=lambda words: words[:2])
def smove(model, _sent_at, _reply, source, target, member):
    if member not in model.values.get(source, ()):
        return 0
    if source != target:
        model.values[source].remove(member)
        model.at(target, set).add(member)
        model.tidy(source)
    return 1


def store(name, combine):
    @command(name, keys=lambda words: words)
    def run(model, _sent_at, _reply, target, *sources):
        result = combine(*(set(model.values.get(key, ())) for key in sources))
        model.replace(target, result)
        return len(result)
    return run


store("SUNIONSTORE", set.union)
store("SINTERSTORE", set.intersection)
store("SDIFFSTORE", set.difference)


def short(members) -> str:
    return repr(sorted(members)[:10])


class Sets(Kind):
    letter, share = "t", 2

    def member(self, random, key) -> bytes:
        """Sets of integers, of words, and of both; big ones of more than are kept in one piece."""
        number = random.randrange(1500 if is_big(key) else 40)
        integers = int(key.rpartition(b":")[2]) % 3
        return b"%d" % number if integers == 0 or integers == 1 and number % 2 else b"member:%d" % number

    def generate(self, writer):
        random, key = writer.random, writer.key("t")
        choose, big = random.random(), is_big(key)
        members = [self.member(random, key) for _ in range(random.randrange(1, 60 if big else 5))]
        if choose < 0.45 or len(writer.model.values.get(key, ())) < (150 if big else 2):
            return ("SADD", key, *members)
        if choose < 0.65:
            return ("SREM", key, *members)
        if choose < 0.75:
            return ("SPOP", key, random.choice([1, 2, 20 if big else 100]))
        if choose < 0.90:
            return ("SMOVE", key, writer.key("t"), random.choice([members[0], b"5"]))
        return (random.choice(["SUNIONSTORE", "SINTERSTORE", "SDIFFSTORE"]),
                *(writer.key("t") for _ in range(random.randrange(2, 5))))

    def reads(self, key):
        return [("SMEMBERS", key)]

    def parse(self, replies):
        if len(set(replies[0])) != len(replies[0]):
            return replies[0]  # a member twice: agrees with no set
        return set(replies[0]) or None
