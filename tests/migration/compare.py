"""All that a server has, read by many commands at a time: every key, type, value and expiry, as a hash for each key."""

import hashlib

from contents import value as read_slowly
from resp import Connection, ReplyError

# How many keys are read at a time.
PAGE = 500
# What reads a value of a type. Streams are read with their groups, one by one.
READERS = {
    b"string": lambda key: ("GET", key),
    b"list": lambda key: ("LRANGE", key, 0, -1),
    b"set": lambda key: ("SMEMBERS", key),
    b"zset": lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
    b"hash": lambda key: ("HGETALL", key),
}


def normal(kind: bytes, reply):
    """A value in a form that is the same on every server."""
    if kind == b"set":
        return sorted(reply)
    if kind == b"zset":
        return list(zip(reply[::2], map(float, reply[1::2])))  # versions write scores differently
    if kind == b"hash":
        return sorted(zip(reply[::2], reply[1::2]))
    return reply


def read_all(connection: Connection, databases: int = 16) -> dict[tuple[int, bytes], tuple[bytes, int, bytes]]:
    """Database and key → type, expiry (Unix ms, or -1), hash of the value."""
    found = {}
    for database in range(databases):
        connection.call("SELECT", database)
        cursor, keys = b"0", []
        while True:
            cursor, page = connection.call("SCAN", cursor, "COUNT", PAGE)
            keys += page
            if len(keys) >= PAGE or cursor == b"0":
                found.update(read_page(connection, database, keys))
                keys = []
            if cursor == b"0":
                break
    connection.call("SELECT", 0)
    return found


def read_page(connection: Connection, database: int, keys: list[bytes]):
    """The same of some keys; those that are gone by now are left out."""
    facts = connection.pipeline([words for key in keys for words in (("TYPE", key), ("PEXPIRETIME", key))])
    present = [(key, kind, expiry) for key, kind, expiry in zip(keys, facts[::2], facts[1::2]) if kind != b"none"]
    plain = [(key, kind, expiry) for key, kind, expiry in present if kind in READERS]
    values = connection.pipeline([READERS[kind](key) for key, kind, _ in plain])
    for (key, kind, expiry), value in zip(plain, values):
        if isinstance(value, ReplyError):
            raise value
        yield (database, key), (kind, expiry, digest(normal(kind, value)))
    for key, kind, expiry in present:
        if kind not in READERS:
            yield (database, key), (kind, expiry, digest(read_slowly(connection, kind, key)))


def digest(value) -> bytes:
    return hashlib.blake2b(repr(value).encode(), digest_size=16).digest()


def difference(names: list[str], contents: list[dict]) -> str:
    """What differs among servers, in a few words; empty if nothing does."""
    lines = []
    for name, other in zip(names[1:], contents[1:]):
        one = contents[0]
        keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
        if keys:
            lines.append(f"{len(keys)} keys differ between {names[0]} ({len(one)} keys) and {name} ({len(other)} keys):")
            lines += [f"    {key}: {one.get(key)} | {other.get(key)}" for key in keys[:5]]
    return "\n".join(lines)
