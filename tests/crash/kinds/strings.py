"""Strings: set as a whole, counted with, appended to."""

from model import command

from .kind import Kind

FAR = 10_000_000  # seconds: no TTL of these may run out while the test runs


@command("SET")
def set_(model, sent_at, _reply, key, value, *option):
    model.values[key] = value
    model.expiry.pop(key, None)
    if option:  # PX ms
        model.expiry[key] = sent_at + int(option[1])
    return b"OK"


@command("MSET", keys=lambda words: words[::2])
def mset(model, sent_at, _reply, *pairs):
    for key, value in zip(pairs[::2], pairs[1::2]):
        set_(model, sent_at, None, key, value)
    return b"OK"


@command("INCR")
def incr(model, _sent_at, _reply, key):
    number = int(model.values.get(key, b"0")) + 1
    model.values[key] = b"%d" % number
    return number


@command("APPEND")
def append(model, _sent_at, _reply, key, value):
    model.values[key] = bytes(model.values.get(key, b"")) + value
    return len(model.values[key])


@command("GETDEL")
def getdel(model, _sent_at, _reply, key):
    value = model.values.get(key)
    model.remove(key)
    return value


class Strings(Kind):
    letter, keys, share = "s", 120, 3

    def generate(self, writer):
        choose, far = writer.random.random(), writer.random.randrange(FAR, 2 * FAR)
        if choose < 0.55:
            return ("SET", writer.key("s"), writer.value())
        if choose < 0.75:
            return ("SET", writer.key("s"), writer.value(), "PX", far * 1000)
        if choose < 0.80:
            return ("GETDEL", writer.key("s"))
        count = writer.random.randrange(2, 6)
        return ("MSET", *(part for _ in range(count) for part in (writer.key("s"), writer.value())))

    def reads(self, key):
        return [("GET", key)]

    def parse(self, replies):
        return replies[0]


class Numbers(Strings):
    letter, share = "n", 1

    def generate(self, writer):
        return ("INCR", writer.key("n"))


class Appended(Strings):
    letter, share = "a", 0.7

    def generate(self, writer):
        return ("APPEND", writer.key("a"), writer.value())
