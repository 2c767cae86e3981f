"""COMMAND, COMMAND DOCS and COMMAND LIST, whole, beside those of redis-server."""

import shutil
import unittest

from common import PATIENCE, ServerTest
from server import Server

REDIS = shutil.which("redis-server")

# Commands of Redis 7.0 that are not here, and why. Sentinel's and those of modules are not asked for.
ABSENT = {
    "asking": "Redis Cluster", "cluster": "Redis Cluster", "readonly": "Redis Cluster", "readwrite": "Redis Cluster",
    "restore-asking": "Redis Cluster", "module": "modules",
}

NEWER = "as in Redis 7.4; the reference is 7.0"
# Where COMMAND differs: command and field, and why.
INFO = {
    ("bzpopmax", "flags"): NEWER, ("bzpopmin", "flags"): NEWER, ("wait", "flags"): NEWER, ("wait", "categories"): NEWER,
    ("command|getkeys", "arity"): NEWER, ("command|getkeysandflags", "arity"): NEWER,
    ("config|resetstat", "tips"): NEWER, ("config|rewrite", "tips"): NEWER,
    ("zrank", "arity"): NEWER, ("zrevrank", "arity"): NEWER,
    ("pfcount", "flags"): "may_replicate is shown", ("publish", "flags"): "may_replicate is shown",
    ("spublish", "flags"): "may_replicate is shown", ("migrate", "keys"): NEWER,
    ("sort", "keys"): "says where STORE's key is, and that patterns do not say all", ("sort_ro", "keys"): NEWER,
    ("acl|deluser", "tips"): NEWER, ("acl|load", "tips"): NEWER, ("acl|save", "tips"): NEWER, ("acl|setuser", "tips"): NEWER,
    ("keys", "arity"): "KEYS takes a type, as in older versions of Pika",
}
# Where COMMAND DOCS differs: command and where in it, and why.
DOCS = {
    ("bitfield", "arguments"): "the same words in another nesting", ("bitop", "arguments"): NEWER,
    ("client|kill", "arguments"): NEWER, ("client|list", "arguments"): "the same words in another nesting",
    ("command|getkeys", "arguments"): NEWER, ("command|getkeysandflags", "arguments"): NEWER,
    ("config|get", "arguments"): "the same words in another nesting",
    ("debug", "arguments"): "has arguments", ("failover", "arguments"): "the same words in another nesting", ("replconf", "arguments"): "has arguments",
    ("psync", "arguments"): "has FAILOVER", ("client|pause", "since"): "the first release that had it",
    ("psubscribe", "arguments"): "the same words in another nesting",
    ("georadius", "arguments"): "the same words in another nesting",
    ("georadiusbymember", "arguments"): "the same words in another nesting",
    ("geosearch", "arguments"): "the same words in another nesting",
    ("geosearchstore", "arguments"): "the same words in another nesting",
    ("geohash", "arguments"): NEWER, ("geopos", "arguments"): NEWER, ("lcs", "arguments"): NEWER,
    ("monitor", "complexity"): "has one", ("psync", "complexity"): "has one", ("sync", "complexity"): "has one",
    ("pfmerge", "arguments"): NEWER, ("sort", "arguments"): NEWER, ("sort_ro", "arguments"): NEWER,
    ("xclaim", "arguments"): NEWER, ("xgroup|create", "arguments"): NEWER,
    ("xgroup|createconsumer", "arguments"): NEWER, ("xgroup|delconsumer", "arguments"): NEWER,
    ("xgroup|destroy", "arguments"): NEWER, ("xgroup|setid", "arguments"): NEWER,
    ("xinfo|consumers", "arguments"): NEWER, ("xsetid", "arguments"): NEWER,
    ("hscan", "arguments"): NEWER, ("keys", "arguments"): "KEYS takes a type, as in older versions of Pika",
    ("migrate", "arguments"): "the same words in another nesting", ("quit", "doc_flags"): NEWER,
    ("quit", "deprecated_since"): NEWER, ("quit", "replaced_by"): NEWER,
    ("set", "arguments"): "has VX, Pika's own", ("xinfo|stream", "arguments"): "the same words in another nesting",
    ("xtrim", "arguments"): "the same words in another nesting", ("zrank", "arguments"): NEWER,
    ("zrevrank", "arguments"): NEWER,
}


def text(value):
    if isinstance(value, list):
        return [text(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def pairs(flat: list) -> dict:
    return dict(zip(flat[::2], flat[1::2]))


def information(entry: list, found: dict) -> dict:
    """COMMAND's array of a command and of its subcommands, by name. What a note says is our own: that there is one counts."""
    name, arity, flags, first, last, step, categories, tips, keys, subcommands = entry
    specifications = [pairs(one) for one in keys]
    for one in specifications:
        one["notes"] = "notes" in one
        one["flags"] = sorted(one["flags"])
    found[name] = {"arity": arity, "flags": sorted(flags), "range": (first, last, step), "categories": sorted(categories),
                   "tips": sorted(tips), "keys": specifications}
    for one in subcommands:
        information(one, found)
    return found


def arguments(flat: list) -> list[dict]:
    """Names of groups are our own; so is which version had an argument first, which is not told."""
    found = []
    for one in map(pairs, flat):
        kind = one["type"]
        kept = {key: one[key] for key in ("type", "token", "key_spec_index") if key in one}
        if kind not in ("oneof", "block", "pure-token"):
            kept["name"] = one["name"]
        kept["flags"] = sorted(one.get("flags", []))
        if "arguments" in one:
            kept["arguments"] = arguments(one["arguments"])
        found.append(kept)
    return found


def documentation(flat: list, found: dict) -> dict:
    """COMMAND DOCS by name. Of sentences only that they are there."""
    for name, fields in pairs(flat).items():
        fields = pairs(fields)
        kept = {key: fields[key] for key in ("since", "group", "doc_flags", "deprecated_since", "replaced_by") if key in fields}
        kept["summary"] = bool(fields.get("summary"))
        kept["complexity"] = bool(fields.get("complexity"))
        kept["arguments"] = arguments(fields.get("arguments", []))
        found[name] = kept
        documentation(fields.get("subcommands", []), found)
    return found


@unittest.skipIf(REDIS is None, "there is no redis-server")
class CommandTable(ServerTest):
    def setUp(self):
        super().setUp()
        redis = self.enterContext(Server(REDIS, self.folder / "redis", ["--save", ""]))
        self.mine = self.enterContext(self.server().connect(PATIENCE))
        self.theirs = self.enterContext(redis.connect(PATIENCE))

    def both(self, *command) -> tuple[list, list]:
        return text(self.mine.call(*command)), text(self.theirs.call(*command))

    def compare(self, mine: dict, theirs: dict, allowed: dict) -> None:
        """All that both have is the same but for what is allowed, and all that is allowed does differ."""
        found, wrong = set(), []
        for name in sorted(set(mine) & set(theirs)):
            for field in sorted(set(mine[name]) | set(theirs[name])):
                one, other = mine[name].get(field), theirs[name].get(field)
                if one == other:
                    continue
                found.add((name, field))
                if (name, field) not in allowed:
                    wrong.append(f"{name} {field}:\n    here  {one}\n    Redis {other}")
        self.assertFalse(wrong, "\n".join(wrong))
        self.assertFalse(set(allowed) - found, "allowed, and no difference any more")

    def test_command(self):
        mine, theirs = ({} for _ in range(2))
        for flat, found in zip(self.both("COMMAND"), (mine, theirs)):
            for entry in flat:
                information(entry, found)
        missing = set(theirs) - set(mine)
        self.assertEqual({name.split("|")[0] for name in missing}, set(ABSENT))
        self.compare(mine, theirs, INFO)

    def test_docs(self):
        mine, theirs = (documentation(flat, {}) for flat in self.both("COMMAND", "DOCS"))
        self.compare(mine, theirs, DOCS)
        for name, fields in mine.items():
            self.assertTrue(fields["summary"] and fields["since"] and fields["group"], name)

    def test_one_at_a_time(self):
        """Asked for by name, a command says what it says among all."""
        whole = pairs(self.both("COMMAND", "DOCS")[0])
        for name in ("get", "zadd", "client", "xadd", "sort"):
            self.assertEqual(text(self.mine.call("COMMAND", "DOCS", name)), [name, whole[name]])
        self.assertEqual(text(self.mine.call("COMMAND", "DOCS", "nothing", "config|get"))[0], "config|get")
        infos = {entry[0]: entry for entry in self.both("COMMAND")[0]}
        for name in ("get", "client", "sort"):
            self.assertEqual(text(self.mine.call("COMMAND", "INFO", name.upper(), "nothing")), [infos[name], None])

    def test_list(self):
        def names(reply):
            return {name for name in reply if name.split("|")[0] not in ABSENT}
        mine, theirs = map(names, self.both("COMMAND", "LIST"))
        self.assertLessEqual(theirs, mine)
        for pattern in ("z*", "config|*", "*get*", "[x]a*"):
            mine, theirs = map(names, self.both("COMMAND", "LIST", "FILTERBY", "PATTERN", pattern))
            self.assertLessEqual(theirs, mine, pattern)
            self.assertTrue(theirs, pattern)
        for category in ("geo", "hyperloglog", "bitmap", "transaction", "stream", "list"):
            mine, theirs = map(names, self.both("COMMAND", "LIST", "FILTERBY", "ACLCAT", category))
            self.assertLessEqual(theirs, mine, category)
            self.assertTrue(theirs, category)
        self.assertEqual(*self.both("COMMAND", "LIST", "FILTERBY", "MODULE", "nothing"))

    def test_keys_of_commands(self):
        for command in (("SET", "a", "b"), ("MSET", "a", 1, "b", 2), ("ZUNIONSTORE", "d", 2, "a", "b", "WEIGHTS", 1, 2),
                        ("XREAD", "COUNT", 1, "STREAMS", "a", "b", 0, 0), ("SORT", "a", "STORE", "b"),
                        ("GEORADIUS", "k", 1, 1, 1, "m", "STORE", "d"),
                        ("BITFIELD", "a", "GET", "u8", 0), ("BITFIELD", "a", "SET", "u8", 0, 1), ("GET", "a", "b"), ("PING", "a"),
                        ("nothing", "a"), ("XGROUP", "CREATE", "k", "g", "$"), ("LMPOP", 2, "a", "b", "LEFT"),
                        ("SET", "a", "b", "GET"), ("OBJECT", "ENCODING", "k"), ("MEMORY", "USAGE", "k")):
            for how in ("GETKEYS", "GETKEYSANDFLAGS"):
                with self.subTest(how, command=command):
                    mine, theirs = (connection.pipeline([("COMMAND", how, *command)])[0]
                                    for connection in (self.mine, self.theirs))
                    self.assertEqual(repr(mine), repr(theirs))
