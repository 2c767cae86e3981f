"""All that a server has, read as a client reads it: to compare two servers, whatever they are."""

import random

from resp import Connection


def contents(connection: Connection, databases: int = 16) -> dict:
    """Database and key → type, expiry (Unix ms or -1), value. Of what has no order, sorted."""
    found = {}
    for database in range(databases):
        connection.call("SELECT", database)
        cursor, keys = b"0", set()
        while True:
            cursor, page = connection.call("SCAN", cursor, "COUNT", 1000)
            keys.update(page)
            if cursor == b"0":
                break
        for key in sorted(keys):
            kind, expiry = connection.pipeline([("TYPE", key), ("PEXPIRETIME", key)])
            if kind != b"none":
                found[database, key] = (kind, expiry, value(connection, kind, key))
    connection.call("SELECT", 0)
    return found


def value(connection: Connection, kind: bytes, key: bytes):
    if kind == b"string":
        return connection.call("GET", key)
    if kind == b"list":
        return connection.call("LRANGE", key, 0, -1)
    if kind == b"set":
        return sorted(connection.call("SMEMBERS", key))
    if kind == b"zset":
        flat = connection.call("ZRANGE", key, 0, -1, "WITHSCORES")
        return list(zip(flat[::2], map(float, flat[1::2])))  # versions write them differently
    if kind == b"hash":
        flat = connection.call("HGETALL", key)
        return sorted(zip(flat[::2], flat[1::2]))
    if kind == b"stream":
        entries = connection.call("XRANGE", key, "-", "+")
        groups = []
        for group in connection.call("XINFO", "GROUPS", key):
            facts = dict(zip(group[::2], group[1::2]))
            pending = connection.call("XPENDING", key, facts[b"name"], "-", "+", 1000)
            groups.append((facts[b"name"], facts[b"last-delivered-id"], facts[b"entries-read"],
                           [(line[0], line[1], line[3]) for line in pending]))
        stream = connection.call("XINFO", "STREAM", key)
        facts = dict(zip(stream[::2], stream[1::2]))
        return entries, sorted(groups), facts[b"last-generated-id"], facts[b"entries-added"]
    raise AssertionError(f"{key!r} is of type {kind!r}")


def difference(one: dict, other: dict) -> str:
    """What differs, in a few words; empty if nothing does."""
    lines = [f"{key}: {str(one.get(key))[:200]} | {str(other.get(key))[:200]}"
             for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]
    return f"{len(lines)} of {len(one)} and {len(other)} keys differ\n" + "\n".join(lines[:5]) if lines else ""


def fill(connection: Connection, seed: int, big: int = 2000) -> None:
    """Keys of every type, small and big, in several databases, some with expiries."""
    chance = random.Random(seed)
    for database in (0, 1, 9):
        commands: list[tuple] = [("SELECT", database)]
        commands += [("SET", f"string:{n}", "v" * chance.randrange(200)) for n in range(300)]
        commands += [("SET", f"number:{n}", chance.randrange(-10**12, 10**12)) for n in range(50)]
        commands += [("SET", f"expires:{n}", n, "PX", 10_000_000 + n) for n in range(100)]
        commands += [("SET", "large", bytes(chance.randrange(256) for _ in range(100_000)))]
        commands += [("SET", "repetitive", b"abc" * 50_000)]
        for size in (1, 10, big):
            for n in range(size):
                commands += [("RPUSH", f"list:{size}", f"element {n}" * chance.randrange(1, 9)),
                             ("SADD", f"integers:{size}", chance.randrange(10**9)),
                             ("SADD", f"set:{size}", f"member {n}"),
                             ("ZADD", f"zset:{size}", chance.uniform(-1e6, 1e6), f"member {n}"),
                             ("HSET", f"hash:{size}", f"field {n}", "x" * chance.randrange(100)),
                             ("XADD", f"stream:{size}", f"{n + 1}-1", "field", f"value {n}", "n", n)]
            commands += [("RPUSH", f"wide:{size}", "y" * 20_000, "z")]
            commands += [("PEXPIRE", f"hash:{size}", 20_000_000), ("XDEL", f"stream:{size}", f"{size // 2 + 1}-1"),
                         ("XGROUP", "CREATE", f"stream:{size}", "group", "0"),
                         ("XREADGROUP", "GROUP", "group", "alice", "COUNT", size // 2 + 1, "STREAMS",
                          f"stream:{size}", ">"),
                         ("XACK", f"stream:{size}", "group", "1-1")]
        commands += [("PFADD", "hll", *range(1000)), ("SETBIT", "bits", 70_000, 1), ("GEOADD", "geo", 13.4, 52.5, "b")]
        for reply in connection.pipeline(commands):
            if isinstance(reply, Exception):
                raise reply
    connection.call("SELECT", 0)


def live_command(chance: random.Random) -> tuple:
    """A write as a client may send it, often one whose effect depends on what was before."""
    key = f"live:{chance.randrange(200)}"
    other = f"live:{chance.randrange(200)}"
    return chance.choice([
        ("INCR", f"n:{key}"), ("INCRBYFLOAT", f"f:{key}", "0.25"), ("APPEND", f"s:{key}", "x"),
        ("SET", f"s:{key}", chance.randrange(1000)), ("SET", f"e:{key}", 1, "PX", chance.choice([20, 200, 10**7])),
        ("SETEX", f"e:{key}", 1000, "v"), ("GETDEL", f"s:{key}"), ("RPUSH", f"l:{key}", chance.randrange(100)),
        ("LPOP", f"l:{key}"), ("RPOPLPUSH", f"l:{key}", f"l:{other}"), ("SADD", f"S:{key}", chance.randrange(30)),
        ("SPOP", f"S:{key}"), ("SMOVE", f"S:{key}", f"S:{other}", chance.randrange(30)),
        ("SUNIONSTORE", f"S:{key}", f"S:{other}", f"S:{key}"), ("ZADD", f"z:{key}", chance.randrange(9), other),
        ("ZINCRBY", f"z:{key}", "1.5", other), ("ZPOPMIN", f"z:{key}"), ("HSET", f"h:{key}", other, "v"),
        ("HINCRBY", f"H:{key}", "n", 3), ("HDEL", f"h:{key}", other), ("XADD", f"x:{key}", "MAXLEN", 20, "*", "a", 1),
        ("MSET", f"s:{key}", 1, f"s:{other}", 2), ("DEL", f"l:{key}", f"h:{other}"), ("RENAME", f"s:{key}", f"s:{other}"),
        ("PERSIST", f"e:{key}"), ("EXPIRE", f"h:{key}", 1000), ("COPY", f"z:{key}", f"z:{other}", "REPLACE"),
        ("BITOP", "OR", f"s:{key}", f"s:{other}", "number:1"), ("PFADD", f"p:{key}", chance.randrange(100)),
    ])
