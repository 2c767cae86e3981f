"""Lists: both ends, the middle, from one list to another."""

from model import REFUSED, command

from .kind import Kind, is_big


def push(model, key, values, left):
    items = model.at(key, list)
    if left:
        items[:0] = values[::-1]
    else:
        items += values
    return len(items)


@command("LPUSH")
def lpush(model, _sent_at, _reply, key, *values):
    return push(model, key, list(values), True)


@command("RPUSH")
def rpush(model, _sent_at, _reply, key, *values):
    return push(model, key, list(values), False)


def take(model, key, left, count):
    items = model.values.get(key)
    if items is None:
        return None
    taken = items[:count] if left else items[:-count - 1:-1]
    if left:
        del items[:count]
    else:
        del items[len(items) - len(taken):]
    model.tidy(key)
    return taken


@command("LPOP")
def lpop(model, _sent_at, _reply, key, count):
    return take(model, key, True, count)


@command("RPOP")
def rpop(model, _sent_at, _reply, key, count):
    return take(model, key, False, count)


@command("LMPOP", keys=lambda words: words[1:1 + words[0]])
def lmpop(model, _sent_at, _reply, number, *words):
    keys, (side, _, count) = words[:number], words[number:]
    for key in keys:
        if key in model.values:
            return [key, take(model, key, side == "LEFT", count)]
    return None


@command("LMOVE", keys=lambda words: words[:2])
def lmove(model, _sent_at, _reply, source, target, origin, end):
    taken = take(model, source, origin == "LEFT", 1)
    if taken is None:
        return None
    push(model, target, taken, end == "LEFT")
    return taken[0]


@command("LTRIM")
def ltrim(model, _sent_at, _reply, key, start, stop):
    if key in model.values:  # start is not negative, stop is
        items = model.values[key]
        model.values[key] = items[start:len(items) + stop + 1] if len(items) + stop >= 0 else []
        model.tidy(key)
    return b"OK"


@command("LSET")
def lset(model, _sent_at, _reply, key, index, value):
    items = model.values.get(key, [])
    if not -len(items) <= index < len(items):
        return REFUSED
    items[index] = value
    return b"OK"


@command("LINSERT")
def linsert(model, _sent_at, _reply, key, where, pivot, value):
    items = model.values.get(key)
    if items is None or pivot not in items:
        return 0 if items is None else -1
    items.insert(items.index(pivot) + (where == "AFTER"), value)
    return len(items)


@command("LREM")
def lrem(model, _sent_at, _reply, key, count, value):
    items = model.values.get(key, [])
    places = [place for place, item in enumerate(items) if item == value]
    if count:
        places = places[:count] if count > 0 else places[count:]
    for place in reversed(places):
        del items[place]
    model.tidy(key)
    return len(places)


class Lists(Kind):
    letter, share = "l", 2

    def generate(self, writer):
        random, key = writer.random, writer.key("l")
        length, big = len(writer.model.values.get(key, ())), is_big(key)
        least, most = (200, 700) if big else (3, 60)
        if length < least or random.random() < 0.35:
            count = random.randrange(1, 60) if big else random.randrange(1, 5)
            # Few values again and again for LREM and LINSERT to find, among those that come only once.
            values = [b"again%d" % random.randrange(5) if random.random() < 0.1 else writer.value() for _ in range(count)]
            return (random.choice(["LPUSH", "RPUSH"]), key, *values)
        choose = random.random()
        if choose < 0.15:
            return (random.choice(["LPOP", "RPOP"]), key, random.choice([1, 1, 3, most // 8]))
        if choose < 0.22:
            return ("LMPOP", 2, writer.key("l"), key, random.choice(["LEFT", "RIGHT"]), "COUNT", random.randrange(1, 9))
        if choose < 0.45:
            sides = [random.choice(["LEFT", "RIGHT"]) for _ in range(2)]
            return ("LMOVE", key, writer.key("l"), *sides)
        if choose < 0.60 and length > most:
            surplus = length - most
            return ("LTRIM", key, surplus // 2, -1 - surplus // 3)
        if choose < 0.65:
            return ("LTRIM", key, random.randrange(3), -1 - random.randrange(3))
        if choose < 0.80:
            return ("LSET", key, random.randrange(-length, length), writer.value())
        if choose < 0.90:
            pivot = random.choice(writer.model.values.get(key) or [b"again0"])
            return ("LINSERT", key, random.choice(["BEFORE", "AFTER"]), pivot, writer.value())
        return ("LREM", key, random.randrange(-2, 3), b"again%d" % random.randrange(5))

    def reads(self, key):
        return [("LRANGE", key, 0, -1)]

    def parse(self, replies):
        return replies[0] or None
