"""Places: sorted sets whose scores are geohashes. They lie around few centres, far apart."""

from model import command

from .kind import is_big
from .sorted_sets import SortedSet, SortedSets, zadd

CENTRES = ((10, 10), (100, 50), (-120, -40))  # longitude, latitude
LATITUDES = 85.05112878


def geohash(longitude: float, latitude: float) -> float:
    x = int((longitude + 180.0) / 360.0 * (1 << 26))
    y = int((latitude + LATITUDES) / (LATITUDES + LATITUDES) * (1 << 26))
    return float(sum((y >> bit & 1) << 2 * bit | (x >> bit & 1) << 2 * bit + 1 for bit in range(26)))


def longitude(score: float) -> float:
    return sum((int(score) >> 2 * bit + 1 & 1) << bit for bit in range(26)) / (1 << 26) * 360.0 - 180.0


@command("GEOADD")
def geoadd(model, sent_at, reply, key, *words):
    places = [part for x, y, member in zip(words[::3], words[1::3], words[2::3]) for part in (geohash(x, y), member)]
    return zadd(model, sent_at, reply, key, *places)


@command("GEOSEARCHSTORE", keys=lambda words: words[:2])
def geosearchstore(model, _sent_at, _reply, target, source, _from, x, _y, *_radius):
    there = model.values.get(source, {})
    near = SortedSet((member, score) for member, score in there.items() if abs(longitude(score) - x) < 20)
    model.replace(target, near)
    return len(near)


class Places(SortedSets):
    letter, keys, share = "g", 8, 1

    def generate(self, writer):
        random, key = writer.random, writer.key("g")
        choose, big = random.random(), is_big(key)
        members = [b"place:%d" % random.randrange(600 if big else 20) for _ in range(random.randrange(1, 40 if big else 4))]
        x, y = random.choice(CENTRES)
        if choose < 0.75:
            places = ((x + random.randrange(1000) / 1000, y + random.randrange(1000) / 1000, member) for member in members)
            return ("GEOADD", key, *(part for place in places for part in place))
        if choose < 0.90:
            return ("ZREM", key, *members)
        return ("GEOSEARCHSTORE", writer.key("g"), key, "FROMLONLAT", x, y, "BYRADIUS", 500, "km")
