"""Strings changed in part: bits and ranges, the big ones in fragments."""

from functools import reduce

from model import command

from .kind import Kind, is_big


def change(model, key, at, part):
    value = bytes(model.values.get(key, b"")).ljust(at, b"\0")
    model.values[key] = value[:at] + part + value[at + len(part):]


@command("SETBIT")
def setbit(model, _sent_at, _reply, key, offset, bit):
    place, mask = offset // 8, 0x80 >> offset % 8
    old = (model.values.get(key, b"")[place:place + 1] or b"\0")[0]
    change(model, key, place, bytes([old | mask if bit else old & ~mask]))
    return int(bool(old & mask))


@command("SETRANGE")
def setrange(model, _sent_at, _reply, key, at, part):
    change(model, key, at, part)
    return len(model.values[key])


@command("BITFIELD")
def bitfield(model, _sent_at, _reply, key, _set, _u16, offset, number):
    place = offset // 8  # whole bytes only
    old = model.values.get(key, b"")[place:place + 2].ljust(2, b"\0")
    change(model, key, place, number.to_bytes(2, "big"))
    return [int.from_bytes(old, "big")]


@command("BITOP", keys=lambda words: words[1:])
def bitop(model, _sent_at, _reply, operation, target, *sources):
    values = [model.values.get(key, b"") for key in sources]
    length = max(map(len, values))
    numbers = [int.from_bytes(value.ljust(length, b"\0"), "big") for value in values]
    combine = {"AND": int.__and__, "OR": int.__or__, "XOR": int.__xor__,
               "NOT": lambda one, ones: one ^ ones}[operation]
    if operation == "NOT":
        numbers.append((1 << 8 * length) - 1)
    model.replace(target, reduce(combine, numbers).to_bytes(length, "big"))
    return length


class Bitmaps(Kind):
    letter, keys, share = "b", 8, 1.5

    def generate(self, writer):
        random, key = writer.random, writer.key("b")
        size = 60_000 if is_big(key) else 300
        at, choose = random.randrange(size), random.random()
        if choose < 0.40:
            return ("SETBIT", key, at * 8 + random.randrange(8), random.randrange(2))
        if choose < 0.65:
            return ("SETRANGE", key, at, writer.value())
        if choose < 0.75:
            return ("BITFIELD", key, "SET", "u16", at * 8, random.randrange(1 << 16))
        if choose < 0.90 and len(writer.model.values.get(key, b"")) < 2 * size:
            return ("APPEND", key, writer.value())
        if choose < 0.93:
            return ("BITOP", "NOT", key, writer.key("b"))
        return ("BITOP", random.choice(["AND", "OR", "XOR"]), key, writer.key("b"), writer.key("b"))

    def reads(self, key):
        return [("GET", key), ("STRLEN", key)]

    def parse(self, replies):
        value, length = replies
        return value if len(value or b"") == length else (value, length)
