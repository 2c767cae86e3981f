"""Hashes."""

from model import command

from .kind import Kind, is_big


@command("HSET")
def hset(model, _sent_at, _reply, key, *pairs):
    fields = model.at(key, dict)
    before = len(fields)
    fields.update(zip(pairs[::2], pairs[1::2]))
    return len(fields) - before


@command("HDEL")
def hdel(model, _sent_at, _reply, key, *names):
    fields = model.values.get(key, {})
    removed = sum(fields.pop(name, None) is not None for name in names)
    model.tidy(key)
    return removed


@command("HINCRBY")
def hincrby(model, _sent_at, _reply, key, name, number):
    fields = model.at(key, dict)
    fields[name] = b"%d" % (int(fields.get(name, b"0")) + number)
    return int(fields[name])


class Hashes(Kind):
    letter, keys, share = "h", 120, 2

    def generate(self, writer):
        key, choose = writer.key("h"), writer.random.random()
        universe, most = (400, 40) if is_big(key) else (20, 4)
        names = [b"f%d" % writer.random.randrange(universe) for _ in range(writer.random.randrange(1, most))]
        if choose < 0.15:
            return ("HINCRBY", key, b"n%d" % writer.random.randrange(3), writer.random.randrange(-5, 9))
        if choose < 0.35:
            return ("HDEL", key, *names[:most // 3])
        return ("HSET", key, *(part for name in names for part in (name, writer.value())))

    def reads(self, key):
        return [("HGETALL", key)]

    def parse(self, replies):
        return dict(zip(replies[0][::2], replies[0][1::2])) or None
