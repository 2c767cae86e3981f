"""A slave that wrote on its own fetches again only what differs; or everything, where that cannot be told."""

import random
import time
import unittest

from common import SEED, Connection, ServerTest, info
from contents import contents, difference, fill
from test_slave import SlaveTest

DIGEST = ("DEBUG", "DIGEST")


def any_write(chance: random.Random, keys: list[str]) -> tuple:
    """A write of any type, also over several keys and databases. Many are refused: the key is of another type."""
    k, l, m, v = (*chance.choices(keys, k=3), f"v{chance.randrange(9)}")
    return chance.choice([
        ("SET", k, v), ("SET", k, v, "PX", 100_000_000), ("APPEND", k, v), ("INCR", k), ("MSET", k, v, l, v), ("DEL", k, l),
        ("RENAME", k, l), ("RENAMENX", k, l), ("COPY", k, l, "REPLACE"), ("COPY", k, l, "DB", 1, "REPLACE"), ("MOVE", k, 1),
        ("PEXPIRE", k, 90_000_000), ("PERSIST", k), ("RPUSH", k, v, "x"), ("LPOP", k), ("LMOVE", k, l, "LEFT", "RIGHT"),
        ("SORT", k, "ALPHA", "STORE", l), ("SADD", k, v, "x"), ("SPOP", k), ("SMOVE", k, l, v), ("SUNIONSTORE", k, l, m),
        ("SDIFFSTORE", k, l, m), ("ZADD", k, 1, v, 2, "x"), ("ZUNIONSTORE", k, 2, l, m), ("ZRANGESTORE", k, l, 0, 1),
        ("GEOADD", k, 13.3, 38.1, v), ("GEOSEARCHSTORE", k, l, "FROMLONLAT", 13, 38, "BYRADIUS", 500, "km"),
        ("HSET", k, "f", v, "g", v), ("HDEL", k, "f"), ("HPEXPIRE", k, 90_000_000, "FIELDS", 1, "g"), ("XADD", k, "*", "f", v),
        ("XGROUP", "CREATE", k, "g", 0, "MKSTREAM"), ("XREADGROUP", "GROUP", "g", "c", "STREAMS", k, ">"),
        ("XTRIM", k, "MAXLEN", 2), ("PFADD", k, v), ("PFMERGE", k, l), ("BITOP", "OR", k, l, m), ("SETRANGE", k, 300_000, v),
        ("EVAL", "redis.call('SET', KEYS[1], ARGV[1]) redis.call('RPUSH', KEYS[2], ARGV[1])", 2, k, l, v),
    ])


class RefetchTest(ServerTest):
    client, up, caught_up, same = SlaveTest.client, SlaveTest.up, SlaveTest.caught_up, SlaveTest.same

    def follow(self, slave: Connection, master) -> None:
        self.assertEqual(slave.call("REPLICAOF", "127.0.0.1", master.port), b"OK")

    def writes(self, connection: Connection, chance: random.Random, count: int) -> None:
        keys = [f"k{number}" for number in range(40)]
        for _ in range(count):
            connection.call("SELECT", int(chance.random() < 0.2))
            call = any_write(chance, keys)
            try:
                connection.call(*call) if chance.random() < 0.8 else connection.pipeline([("MULTI",), call, ("EXEC",)])
            except Exception as error:  # noqa: BLE001
                self.assertNotIsInstance(error, OSError)
        connection.call("SELECT", 0)

    def equal(self, master: Connection, slave: Connection) -> None:
        self.up(slave)
        self.same(master, slave)
        self.assertEqual(master.call(*DIGEST), slave.call(*DIGEST))
        self.assertEqual(master.call("DBSIZE"), slave.call("DBSIZE"))

    def counts(self, master: Connection) -> tuple[int, int]:
        """Of a master: full synchronisations, and slaves that fetched again what differs."""
        facts = info(master, "stats")
        return int(facts["sync_full"]), int(facts["sync_refetch"])

    def parted(self, *options, name="") -> tuple:
        """Two servers with common data, both masters by now, in the order: slave to be, its master to be."""
        one = self.server("--threads", "2", *options, name=f"one{name}")
        other = self.server("--threads", "3", *options, name=f"other{name}")
        there, here = self.client(one), self.client(other)
        there.pipeline([("SET", "common", "1"), ("RPUSH", "k1", "a"), ("SADD", "k2", "b"), ("SET", "k3", "c")])
        self.follow(here, one)
        self.up(here)
        self.caught_up(there, here)
        here.call("REPLICAOF", "NO", "ONE")
        return one, other, there, here


class Refetch(RefetchTest):
    def test_both_go_on_with_writes_of_all_types_and_the_slave_ends_with_the_masters(self):
        chance = random.Random(SEED)
        one, other, there, here = self.parted()
        fill(there, SEED, 500)
        self.follow(here, one)
        self.equal(there, here)
        servers, clients = [one, other], [there, here]
        for turn in range(6):
            # A master that its slave leaves, or whose slave takes its place: who was the master follows.
            slave, master = clients[1], clients[0]
            slave.call("REPLICAOF", "NO", "ONE")
            if turn % 2:
                slave, master = master, slave
                servers.reverse()
                clients.reverse()
            before, fulls = self.counts(master), int(info(slave, "replication").get("slave_full_syncs", 0))
            self.writes(slave, chance, 200)
            self.writes(master, chance, 200)
            self.assertTrue(difference(contents(master), contents(slave)))
            self.follow(slave, servers[0])
            self.equal(master, slave)
            self.assertEqual(self.counts(master), (before[0], before[1] + 1))
            facts = info(slave, "replication")
            self.assertEqual((facts["slave_refetches"], facts["slave_full_syncs"]), ("1", "0"), fulls)
            self.assertIn("commands of this server alone are undone", facts["slave_refetch"])
            self.assertIn("are thrown away; kept in", facts["slave_divergence"])
            # And goes on.
            self.writes(master, chance, 50)
            self.equal(master, slave)
        for server in servers:
            self.logged(server, "what differed from the master was fetched again")

    def test_what_was_fetched_again_survives_kills_of_all_kinds(self):
        chance = random.Random(SEED + 1)
        one, other, there, here = self.parted()
        other.options = [*other.options, "--replicaof", "127.0.0.1", str(one.port)]
        big = [("SET", f"big{number}", chance.randbytes(30_000)) for number in range(1000)]
        for turn in range(6):
            if turn:
                here.call("REPLICAOF", "NO", "ONE")
            here.pipeline(big)
            self.writes(here, chance, 50)
            there.pipeline(big)
            self.writes(there, chance, 50)
            lines = other.log.read_text().count("only up to")
            self.follow(here, one)
            self.until(lambda: other.log.read_text().count("only up to") > lines, what="the master's answer")
            time.sleep(chance.uniform(0, 0.4) if turn else 0)
            other.kill()
            other.start()
            here = self.client(other)
            self.equal(there, here)
        self.assertEqual(self.counts(there)[0], 1, "the first of all")

    def test_a_master_that_dies_meanwhile_is_waited_for(self):
        chance = random.Random(SEED + 2)
        one, other, there, here = self.parted()
        big = [("SET", f"big{number}", chance.randbytes(30_000)) for number in range(1000)]
        here.pipeline(big)
        there.pipeline(big)
        self.follow(here, one)
        self.logged(other, "only up to")
        one.kill()
        one.start()
        self.assertEqual(here.call("REPLICAOF", "127.0.0.1", one.port)[:2], b"OK")
        self.equal(self.client(one), here)

    def test_an_old_master_that_is_killed_and_comes_back_fetches_what_differs(self):
        one, other, there, here = self.parted()
        there.pipeline([("SET", "lost", "1"), ("RENAME", "k1", "k4"), ("SUNIONSTORE", "k3", "k2", "k5")])
        here.pipeline([("SET", "new", "1"), ("DEL", "k2")])
        one.kill()
        # As a master, under a name that nobody else knows, before it is told.
        one.start()
        there = self.client(one)
        there.call("SET", "lost too", "1")
        before = self.counts(here)
        self.follow(there, other)
        self.equal(here, there)
        self.assertEqual(self.counts(here), (before[0], before[1] + 1))
        self.assertIn("commands of this server alone", info(there, "replication")["slave_refetch"])
        self.assertEqual(there.call("EXISTS", "lost", "lost too", "k4", "k2"), 0)
        self.assertEqual(there.call("LRANGE", "k1", 0, -1), [b"a"])

    def test_who_has_nothing_of_its_own_goes_on_under_whatever_name(self):
        one, other, there, here = self.parted()
        here.call("SET", "new", "1")
        one.kill()
        one.start()
        there = self.client(one)
        before = self.counts(here)
        self.follow(there, other)
        self.equal(here, there)
        self.assertEqual(self.counts(here)[0], before[0])
        self.assertEqual(list((one.folder / "data").glob("diverged-*")), [])

    def test_slaves_of_the_slave_get_what_it_has(self):
        one, other, there, here = self.parted()
        third = self.client(self.server(name="third"))
        self.follow(third, other)
        self.up(third)
        here.call("SET", "own", "1")
        there.call("SET", "its", "1")
        self.follow(here, one)
        self.equal(there, here)
        self.equal(there, third)

    def test_the_slave_serves_and_goes_on_after_a_restart(self):
        one, other, there, here = self.parted()
        here.pipeline([("SET", "common", "here"), ("SELECT", 5), ("SET", "five", "here"), ("SELECT", 0)])
        there.pipeline([("SELECT", 3), ("SET", "three", "there"), ("SELECT", 0), ("SET", "common", "there")])
        self.follow(here, one)
        self.equal(there, here)
        other.options = [*other.options, "--replicaof", "127.0.0.1", str(one.port)]
        for end in (other.stop, other.kill):
            end()
            there.call("APPEND", "common", "!")
            other.start()
            here = self.client(other)
            self.equal(there, here)
        self.assertEqual(self.counts(there), (1, 1))


class Everything(RefetchTest):
    """Where what differs cannot be told, or not be fetched, everything is."""

    def full(self, parts, because: str) -> None:
        one, other, there, here = parts
        before = self.counts(there)
        self.follow(here, one)
        self.equal(there, here)
        self.assertEqual(self.counts(there)[0], before[0] + 1)
        facts = info(here, "replication")
        self.assertEqual((facts["slave_refetches"], facts["slave_full_syncs"]), ("0", "1"))
        self.assertIn(because, facts["slave_refetch"])

    def test_a_command_over_all_keys_on_either_side(self):
        for number, call in enumerate([("FLUSHALL",), ("FLUSHDB",), ("SWAPDB", 0, 1), ("FUNCTION", "FLUSH"),
                                       ("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() end)")]):
            for side in (2, 3):
                with self.subTest(call=call, side=side):
                    parts = self.parted(name=f"{number}-{side}")
                    parts[2].call("SET", "its", "1")
                    parts[3].call("SET", "own", "1")
                    parts[side].call(*call)
                    parts[side].call("SET", "k1", "new")
                    self.full(parts, "writes more than the keys that it names")

    def test_more_keys_than_are_told_apart(self):
        parts = self.parted()
        for first in range(0, 100_001, 1000):
            parts[3].call("MSET", *(word for n in range(first, first + 1000) for word in (f"n{n}", "v")))
        self.full(parts, "more than 100000 keys")

    def test_more_log_than_is_looked_at(self):
        parts = self.parted()
        parts[3].call("SET", "own", "1")
        for _ in range(70):
            parts[2].call("SET", "k", "v" * (1 << 20))
        self.full(parts, "more than 64 MiB of log")

    def test_more_values_than_are_fetched(self):
        parts = self.parted()
        parts[3].call("SET", "own", "1")
        for number in range(35):
            parts[2].call("SET", f"one:{number}", random.Random(number).randbytes(1 << 20))
            parts[2].call("COPY", f"one:{number}", f"other:{number}")
        self.full(parts, "more than 64 MiB of values")

    def test_a_user_who_may_not_ask(self):
        one, other, there, here = self.parted()
        there.call("ACL", "SETUSER", "slave", "on", ">secret", "+psync", "+replconf", "+ping", "+checkpoint")
        here.pipeline([("CONFIG", "SET", "masteruser", "slave"), ("CONFIG", "SET", "masterauth", "secret")])
        here.call("SET", "own", "1")
        self.full((one, other, there, here), "NOPERM")

    def test_a_slave_that_clients_may_write_to_does_not_ask(self):
        one, other, there, here = self.parted()
        here.call("CONFIG", "SET", "replica-read-only", "no")
        here.call("SET", "own", "1")
        before = self.counts(there)
        self.follow(here, one)
        self.equal(there, here)
        self.assertEqual(self.counts(there), (before[0] + 1, before[1]))


if __name__ == "__main__":
    unittest.main()
