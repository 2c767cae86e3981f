#!/usr/bin/env python3
"""The bytes in tests/fixtures/rdb, made and checked with real servers.

  fixtures.py make [SERVER]    asks the server for DUMPs of every encoding it has, and writes dumps-7.0.hex and
                               file-7.0.hex (of a redis-server 6.2 or 8: dumps-6.2.hex or dumps-8.2.hex)
  fixtures.py check [SERVER]   lets the server RESTORE what Pika's encoder wrote (written-10.hex, and file-10.hex as a
                               file that it loads; 8: written-12.hex), and compares what it then holds with the values
                               that its own bytes hold
  fixtures.py cross [SERVER]   has values of every type and many sizes cross from target/release/pika to the server by DUMP
                               and RESTORE and back, and compares what both hold

SERVER is redis-server unless named. The Rust tests in src/rdb/tests read the same files; they know what the values
are.
"""

import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from resp import ReplyError  # noqa: E402
from server import DEFAULT_SERVER, REPOSITORY, Server, find_server  # noqa: E402

FOLDER = REPOSITORY / "tests/fixtures/rdb"

INTEGERS = [0, 1, -1, 127, 128, 4095, -4096, 4096, -4097, 32767, -32768, 32768, 8388607, -8388608, 8388608,
            2147483647, -2147483648, 2147483648, 9223372036854775807, -9223372036854775808]


def stream_entry(key, ms, *words):
    return ("XADD", key, f"{ms}-1", *words)


def cases():
    """Name, options to set before, commands that make the key of that name."""
    texts = {"raw": b"hello world", "empty": b"", "int8": b"-5", "int16": b"300", "int32": b"-100000",
             "int64": b"12345678901", "no-int": b"007", "bytes": bytes(range(256)), "lzf": b"ab" * 50,
             "lzf-long": b"".join(b"line %d of many\n" % n for n in range(300))}
    for name, text in texts.items():
        yield f"string-{name}", {}, [("SET", f"string-{name}", text)]

    yield "list-listpack", {}, [("RPUSH", "list-listpack", *INTEGERS, "a", "", "x" * 63, "x" * 64, "y" * 5000)]
    yield "list-nodes", {}, [("RPUSH", "list-nodes", *(f"element {n}" for n in range(3000)))]
    yield "list-counted", {"list-max-listpack-size": 7}, [("RPUSH", "list-counted", *range(50))]
    yield "list-plain", {}, [("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "100b"),
                             ("RPUSH", "list-plain", "small", "p" * 200, "last"),
                             ("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "1gb")]

    yield "set-hashtable", {}, [("SADD", "set-hashtable", "b", "a", "17")]
    yield "set-intset16", {}, [("SADD", "set-intset16", 3, -32768, 32767)]
    yield "set-intset32", {}, [("SADD", "set-intset32", 3, -2147483648, 32768)]
    yield "set-intset64", {}, [("SADD", "set-intset64", *INTEGERS)]
    yield "set-integers", {"set-max-intset-entries": 5}, [("SADD", "set-integers", *range(10))]

    members = [1, "one", 2.5, "b", 2.5, "a", "-inf", "low", "inf", "high", -3, 17, "1e100", "huge", "0.1", "tenth"]
    yield "zset-listpack", {}, [("ZADD", "zset-listpack", *members)]
    yield "zset-skiplist", {"zset-max-listpack-entries": 0}, [("ZADD", "zset-skiplist", *members)]

    fields = ["field", "value", "n", 5, "", "empty name", "empty value", ""]
    yield "hash-listpack", {}, [("HSET", "hash-listpack", *fields)]
    yield "hash-hashtable", {"hash-max-listpack-entries": 0}, [("HSET", "hash-hashtable", *fields)]
    yield "hash-long", {}, [("HSET", "hash-long", "field", "v" * 65)]

    yield "stream-empty", {}, [stream_entry("stream-empty", 5, "a", 1), ("XDEL", "stream-empty", "5-1")]
    nodes = [stream_entry("stream-nodes", 1000 + n, "n", n, "name", f"entry {n}") for n in range(230)]
    nodes += [stream_entry("stream-nodes", 2000 + n, "other" if n % 2 else "n", n) for n in range(30)]
    yield "stream-nodes", {}, nodes
    long = [stream_entry("stream-long", n + 1, "text", "z" * (n * 97 % 1500)) for n in range(40)]
    yield "stream-long", {}, long
    groups = [stream_entry("stream-groups", ms, "f", ms) for ms in range(1, 9)]
    groups += [("XDEL", "stream-groups", "3-1", "5-1"), ("XGROUP", "CREATE", "stream-groups", "readers", "0"),
               ("XGROUP", "CREATE", "stream-groups", "idle", "6-0"),
               ("XREADGROUP", "GROUP", "readers", "alice", "COUNT", 2, "STREAMS", "stream-groups", ">"),
               ("XREADGROUP", "GROUP", "readers", "bob", "COUNT", 2, "STREAMS", "stream-groups", ">"),
               ("XGROUP", "CREATECONSUMER", "stream-groups", "readers", "carol")]
    for consumer, ids in [("alice", ["1-1", "2-1"]), ("bob", ["4-1", "6-1"])]:
        groups.append(("XCLAIM", "stream-groups", "readers", consumer, 0, *ids, "TIME", 1700000000123,
                       "RETRYCOUNT", 7, "JUSTID"))
    groups.append(("XACK", "stream-groups", "readers", "2-1"))
    yield "stream-groups", {}, groups


def old_cases():
    """Ziplists, and streams that do not count."""
    wanted = ["list-listpack", "list-nodes", "set-intset64", "zset-listpack", "hash-listpack", "stream-groups",
              "stream-nodes", "stream-empty"]
    skipped = ("CREATECONSUMER",)
    for name, _, commands in cases():
        if name in wanted:
            yield name, {}, [command for command in commands if command[1] not in skipped]


LATER = 4102444800000  # 2100


def new_cases():
    """What Redis 7.0 has not: sets as listpacks, consumers that are active, fields that expire."""
    yield "set-listpack", {}, [("SADD", "set-listpack", "b", "a", "17")]
    yield from (case for case in cases() if case[0] == "stream-groups")
    fields = ["a", 1, "b", 2, "c", 3, "d", "last"]
    for name, limit in [("fields-listpack", 512), ("fields-hashtable", 0)]:
        yield name, {"hash-max-listpack-entries": limit}, [
            ("HSET", name, *fields), ("HPEXPIREAT", name, LATER + 500, "FIELDS", 2, "a", "d"),
            ("HPEXPIREAT", name, LATER, "FIELDS", 1, "c")]


VERSIONS = {"6": ("6.2", old_cases), "7": ("7.0", cases), "8": ("8.2", new_cases)}
OPTIONS = {"6": ["--save", ""]}
DEBUG = ["--save", "", "--enable-debug-command", "yes"]


def write(path, sections):
    lines = []
    for name, data in sections:
        lines.append(f"# {name}")
        lines += [data[at:at + 48].hex() for at in range(0, len(data), 48)]
    path.write_text("\n".join(lines) + "\n")


def read(path):
    sections = {}
    for line in path.read_text().splitlines():
        if line.startswith("# "):
            name = line[2:]
            sections[name] = b""
        else:
            sections[name] += bytes.fromhex(line)
    return sections


def make(server, folder, version):
    release, its_cases = VERSIONS[version]
    connection = server.connect()
    sections = []
    for name, options, commands in its_cases():
        before = {option: connection.call("CONFIG", "GET", option)[1] for option in options}
        for option, value in options.items():
            connection.call("CONFIG", "SET", option, value)
        for command in commands:
            connection.call(*command)
        sections.append((name, connection.call("DUMP", name)))
        for option, value in before.items():
            connection.call("CONFIG", "SET", option, value)
    write(FOLDER / f"dumps-{release}.hex", sections)
    print(f"{len(sections)} dumps of {release} written to {FOLDER}")
    if version == "7":
        make_file(connection, folder)


def make_file(connection, folder):
    connection.call("FLUSHALL")
    connection.call("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
    connection.call("SET", "plain", "1")
    connection.call("SET", "later", "text", "PXAT", 4102444800123)
    connection.call("SELECT", 3)
    connection.call("RPUSH", "list", "a", "b")
    connection.call("HSET", "hash", "f", "v")
    connection.call("PEXPIREAT", "hash", 4102444800456)
    connection.call("SAVE")
    write(FOLDER / "file-7.0.hex", [("file", (folder / "data/dump.rdb").read_bytes())])


def content(connection, key):
    kind = connection.call("TYPE", key)
    whole = {
        b"string": lambda: connection.call("GET", key),
        b"list": lambda: connection.call("LRANGE", key, 0, -1),
        b"set": lambda: sorted(connection.call("SMEMBERS", key)),
        b"zset": lambda: connection.call("ZRANGE", key, 0, -1, "WITHSCORES"),
        b"hash": lambda: hash_content(connection, key),
        b"stream": lambda: without_ages(connection.call("XINFO", "STREAM", key, "FULL", "COUNT", 0)),
    }
    return kind, connection.call("OBJECT", "ENCODING", key), whole[kind]()


def hash_content(connection, key):
    pairs = sorted(zip(*[iter(connection.call("HGETALL", key))] * 2))
    names = [name for name, _ in pairs]
    try:
        return pairs, connection.call("HPEXPIRETIME", key, "FIELDS", len(names), *names)
    except ReplyError:  # before 7.4
        return pairs


def without_ages(reply):
    """What XINFO STREAM says, but for how the entries lie in nodes."""
    pairs = list(zip(*[iter(reply)] * 2))
    return [pair for pair in pairs if pair[0] not in (b"radix-tree-keys", b"radix-tree-nodes")]


def check(server, folder, version):
    connection = server.connect()
    pair = {"7": ("dumps-7.0.hex", "written-10.hex"), "8": ("dumps-8.2.hex", "written-12.hex")}[version]
    real, written = (read(FOLDER / name) for name in pair)
    assert real.keys() == written.keys(), real.keys() ^ written.keys()
    same, failures = 0, 0
    for name in real:
        connection.call("RESTORE", "redis", 0, real[name], "REPLACE")
        connection.call("RESTORE", "pika", 0, written[name], "REPLACE")
        ours, theirs = content(connection, "pika"), content(connection, "redis")
        failures += ours != theirs
        same += real[name] == written[name]
        note = "same bytes" if real[name] == written[name] else f"{len(real[name])} bytes, ours {len(written[name])}"
        print(f"{'ok  ' if ours == theirs else 'FAIL'} {name}: {note}")
        if ours != theirs:
            print(f"  redis {theirs}\n  pika  {ours}")
    print(f"{len(real)} values, {same} of them the same bytes, {failures} failures")
    return failures == 0 and (version != "7" or check_file(server, folder))


def check_file(server, folder):
    server.stop()
    (folder / "data/dump.rdb").write_bytes(read(FOLDER / "file-10.hex")["file"])
    server.start()
    connection = server.connect()
    seen = [connection.call("GET", "plain"), connection.call("PEXPIRETIME", "later"),
            connection.call("FUNCTION", "LIST")[0][1]]
    connection.call("SELECT", 3)
    seen += [connection.call("LRANGE", "list", 0, -1), connection.call("HGETALL", "hash"),
             connection.call("PEXPIRETIME", "hash")]
    expected = [b"1", 4102444800123, b"lib", [b"a", b"b"], [b"f", b"v"], 4102444800456]
    print("ok   the file is loaded" if seen == expected else f"FAIL the file: {seen}")
    return seen == expected


def grown(kind, size, chance):
    """Commands that make a value of about `size` elements."""
    def word():
        return chance.choice([chance.randrange(-100, 70_000), chance.randrange(-2**63, 2**63), f"w{chance.randrange(10**6)}",
                              "x" * chance.randrange(90), bytes(chance.randrange(256) for _ in range(9))])
    if kind == "string":
        return [("SETRANGE", "k", chance.randrange(40 * size), word() or "."), ("APPEND", "k", word())]
    if kind == "stream":
        adds = [("XADD", "k", f"{n}-{chance.randrange(1, 9)}", *[each for _ in range(chance.choice([1, 1, 1, 3]))
                                                              for each in (f"f{chance.randrange(2)}", word())])
                for n in range(1, size + 1)]
        groups = [("XGROUP", "CREATE", "k", name, chance.choice(["0", "$"])) for name in ["g", "h"]]
        reads = [("XREADGROUP", "GROUP", chance.choice(["g", "h"]), f"c{chance.randrange(3)}", "COUNT",
                  chance.randrange(1, size + 1), "STREAMS", "k", ">") for _ in range(4)]
        drops = [(command, "k", *group, f"{n}-{seq}") for n in range(1, size, 5) for seq in range(1, 9)
                 for command, group in [chance.choice([("XDEL", ()), ("XACK", ("g",))])]]
        return adds + groups + reads + drops
    elements = [word() for _ in range(size)]
    if kind == "set" and chance.random() < 0.4:
        elements = [chance.randrange(-2**chance.choice([10, 20, 40]), 10**6) for _ in elements]
    made = {"list": ("RPUSH", lambda each: [each]), "set": ("SADD", lambda each: [each]),
            "hash": ("HSET", lambda each: [each, word()]),
            "zset": ("ZADD", lambda each: [chance.choice([1, -2.5, chance.random() * 1e9, "inf", chance.randrange(99)]), each])}
    command, of = made[kind]
    return [(command, "k", *of(each)) for each in elements]


def same(kind, value):
    """What must be equal on both sides: not how it is kept, when fields expire or consumers were active (RDB 10 does not
    say), nor how scores are printed."""
    if kind == b"stream":
        pairs = {name: each for name, each in value}
        for group in pairs[b"groups"]:
            fields = dict(zip(group[::2], group[1::2]))
            fields[b"consumers"] = [{name: each for name, each in zip(one[::2], one[1::2]) if name != b"active-time"}
                                    for one in fields[b"consumers"]]
            group[:] = [sorted(fields.items())]
        return pairs
    if kind == b"hash" and isinstance(value, tuple):
        return value[0]
    return [(member, float(score)) for member, score in zip(value[::2], value[1::2])] if kind == b"zset" else value


def cross(server, folder, version):
    chance = random.Random(int(version))
    failures = crossed = 0
    (folder / "pika").mkdir()
    with Server(find_server(DEFAULT_SERVER), folder / "pika") as pika:
        ends = {"pika": pika.connect(), "redis": server.connect()}
        for kind in ["string", "list", "set", "zset", "hash", "stream"]:
            for size in [1, 3, 60, 127, 128, 129, 511, 513, 2000]:
                for here, there in [("pika", "redis"), ("redis", "pika")]:
                    for end in ends.values():
                        end.call("FLUSHALL")
                    for command in grown(kind, size, chance):
                        ends[here].call(*command)
                    ends[there].call("RESTORE", "k", 0, ends[here].call("DUMP", "k"))
                    ends[here].call("RESTORE", "back", 0, ends[there].call("DUMP", "k"))
                    held = [content(ends[here], "k"), content(ends[there], "k"), content(ends[here], "back")]
                    held = [(each[0], same(each[0], each[2])) for each in held]
                    crossed += 1
                    if any(each != held[0] for each in held):
                        failures += 1
                        print(f"FAIL {kind} of {size} from {here} to {there}:\n  " +
                              "\n  ".join(str(each)[:300] for each in held))
    print(f"{crossed} values crossed and came back, {failures} failures")
    return failures == 0


def main():
    actions = {"make": make, "check": check, "cross": cross}
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in actions:
        raise SystemExit(__doc__)
    program = find_server(sys.argv[2] if len(sys.argv) == 3 else "redis-server")
    version = re.search(r"v=(\d+)", subprocess.check_output([program, "--version"], text=True))[1]
    with tempfile.TemporaryDirectory() as folder:
        with Server(program, folder, OPTIONS.get(version, DEBUG)) as server:
            ok = actions[sys.argv[1]](server, Path(folder), version)
    raise SystemExit(1 if ok is False else 0)


if __name__ == "__main__":
    main()
