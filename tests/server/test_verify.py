"""VERIFY: two servers compared at one offset; what differs is named, and repaired."""

import shutil
import unittest

from common import SEED, Connection, ServerTest, info
from contents import contents, difference, fill
from test_slave import SlaveTest, Writer

REDIS = shutil.which("redis-server")


class VerifyTest(ServerTest):
    client, up, caught_up, same, redis = (SlaveTest.client, SlaveTest.up, SlaveTest.caught_up, SlaveTest.same,
                                          SlaveTest.redis)

    def pair(self, *options, threads=(2, 3)):
        """A master, its slave that follows, and a connection to each."""
        servers = [self.server("--databases", "16", "--threads", str(count), *options, name=name)
                   for count, name in zip(threads, ("master", "slave"))]
        clients = [self.client(server) for server in servers]
        self.assertEqual(clients[1].call("REPLICAOF", "127.0.0.1", servers[0].port), b"OK")
        self.up(clients[1])
        return *servers, *clients

    def status(self, connection: Connection) -> dict:
        flat = connection.call("VERIFY", "STATUS")
        return {name.decode(): value.decode() if isinstance(value, bytes) else value
                for name, value in zip(flat[::2], flat[1::2])}

    def ended(self, connection: Connection) -> dict:
        def over():
            status = self.status(connection)
            return status if status["state"] != "running" else None
        return self.until(over, what="the end of the comparison")

    def verify(self, connection: Connection, *words) -> dict:
        self.assertEqual(connection.call("VERIFY", "START", *words), b"OK")
        status = self.ended(connection)
        self.assertEqual((status["state"], status["error"]), ("done", ""), status)
        return status

    def alter(self, slave: Connection) -> set:
        """Changes a slave's data behind its master's back: which keys differ then."""
        slave.call("CONFIG", "SET", "replica-read-only", "no")
        slave.pipeline([("SELECT", 0), ("SET", "string:1", "another"), ("HSET", "hash:300", "field 7", "another"),
                        ("PEXPIRE", "list:10", 10_000_000), ("DEL", "zset:10"), ("SELECT", 9), ("SET", "more", "v"),
                        ("RPUSH", "list:300", "last"), ("XACK", "stream:300", "group", "2-1"), ("SELECT", 0)])
        slave.call("CONFIG", "SET", "replica-read-only", "yes")
        return {(0, b"string:1"), (0, b"hash:300"), (0, b"list:10"), (0, b"zset:10"), (9, b"more"), (9, b"list:300"),
                (9, b"stream:300")}


class Pair(VerifyTest):
    def test_a_slave_is_the_same_under_live_writes(self):
        master, _, there, here = self.pair()
        fill(there, SEED, 300)
        there.call("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 1 end)")
        writer = Writer(master.port, SEED)
        writer.start()
        for _ in range(5):
            before = writer.written
            status = self.verify(here)
            self.assertEqual((status["different"], status["functions"], status["how"]), (0, "same", "sums at one offset"))
            self.assertEqual((status["percent"], status["suspects"]), ("100.00", 0))
            self.assertGreater(status["keys"], 1000)
            self.assertGreater(status["offset"], 0)
            self.until(lambda: writer.written > before or writer.failure, what="writes meanwhile")
        writer.stop()
        self.assertIsNone(writer.failure)
        facts = info(here, "replication")
        self.assertEqual((facts["verify_state"], facts["verify_different"], facts["verify_perc"]), ("done", "0", "100.00"))
        self.assertEqual((facts["slave_refused_commands"], facts["slave_full_syncs"]), ("0", "1"))
        self.same(there, here)

    def test_what_was_changed_behind_its_back_is_named_and_repaired(self):
        master, slave, there, here = self.pair()
        fill(there, SEED, 300)
        self.caught_up(there, here)
        altered = self.alter(here)
        writer = Writer(master.port, SEED)
        writer.start()
        status = self.verify(here)
        self.assertEqual({tuple(key) for key in status["named"]}, altered)
        self.assertEqual((status["different"], status["repaired"]), (len(altered), 0))
        self.logged(slave, "the data differs from another server's")
        status = self.verify(here, "REPAIR")
        self.assertEqual((status["different"], status["repaired"], status["repair"]), (len(altered), len(altered), 1))
        self.assertEqual(info(here, "replication")["verify_repaired"], str(len(altered)))
        self.assertEqual(self.verify(here)["different"], 0)
        writer.stop()
        self.assertIsNone(writer.failure)
        self.same(there, here)
        # What was repaired is in the slave's log too.
        slave.kill()
        slave.options += ["--replicaof", "127.0.0.1", str(master.port)]
        slave.start()
        here = self.client(slave)
        self.up(here)
        self.assertEqual(self.verify(here)["different"], 0)
        self.same(there, here)

    def test_a_slave_of_a_slave_is_compared_with_either(self):
        master, slave, there, _ = self.pair()
        last = self.client(self.server("--databases", "16", name="last"))
        last.call("REPLICAOF", "127.0.0.1", slave.port)
        self.up(last)
        fill(there, SEED, 100)
        for target in ((), ("127.0.0.1", master.port)):
            status = self.verify(last, *target)
            self.assertEqual((status["different"], status["how"]), (0, "sums at one offset"))

    def test_servers_without_a_history_in_common_are_compared(self):
        one, other = self.server(name="one"), self.server(name="other")
        here, there = self.client(one), self.client(other)
        for client in (here, there):
            client.pipeline([("MSET", "a", 1, "b", 2, "c", 3), ("RPUSH", "l", 1, 2)])
        status = self.verify(here, "127.0.0.1", other.port)
        self.assertEqual((status["different"], status["offset"]), (0, -1))
        there.pipeline([("SET", "b", "another"), ("DEL", "c"), ("SELECT", 2), ("SET", "d", 4)])
        status = self.verify(here, "127.0.0.1", other.port)
        self.assertEqual({tuple(key) for key in status["named"]}, {(0, b"b"), (0, b"c"), (2, b"d")})
        self.assertEqual(self.error(here, "VERIFY", "START", "127.0.0.1", other.port, "REPAIR"),
                         "ERR REPAIR needs a slave of the server that it compares with: what is repaired comes through the "
                         "master's stream")

    def test_it_is_stopped(self):
        master, slave, there, here = self.pair()
        self.assertEqual(self.status(here)["state"], "none")
        self.assertNotIn("verify_state", info(here, "replication"))
        self.assertEqual(here.call("VERIFY", "STOP"), 0)
        for first in range(0, 200_000, 10_000):
            there.pipeline([("SET", f"key:{number}", "v" * 100) for number in range(first, first + 10_000)])
        self.caught_up(there, here)
        self.assertEqual(here.call("VERIFY", "START"), b"OK")
        self.assertEqual(self.error(here, "VERIFY", "START"),
                         "ERR a comparison is under way: VERIFY STATUS tells how far it is")
        self.assertEqual(here.call("VERIFY", "STOP"), 1)
        self.assertEqual(self.ended(here)["state"], "stopped")
        # The stream goes on, and so may another comparison.
        there.call("SET", "k", "v")
        self.caught_up(there, here)
        self.assertEqual(self.verify(here)["different"], 0)

    def test_a_restart_of_either_side_ends_it_and_the_next_one_works(self):
        master, slave, there, here = self.pair()
        fill(there, SEED, 300)
        for number in range(0, 100_000, 10_000):
            there.pipeline([("SET", f"key:{n}", "v" * 50) for n in range(number, number + 10_000)])
        self.caught_up(there, here)
        here.call("VERIFY", "START")
        master.kill()
        status = self.ended(here)
        self.assertIn(status["state"], ("failed", "done"))  # it may have been faster
        master.start()
        there = self.client(master)
        self.up(here)
        self.assertEqual(self.verify(here)["different"], 0)
        here.call("VERIFY", "START")
        slave.kill()
        slave.options += ["--replicaof", "127.0.0.1", str(master.port)]
        slave.start()
        here = self.client(slave)
        self.assertEqual(self.status(here)["state"], "none")
        self.up(here)
        status = self.verify(here)
        self.assertEqual((status["different"], status["how"]), (0, "sums at one offset"))

    def test_arguments(self):
        server = self.server()
        client = self.client(server)
        self.assertEqual(self.error(client, "VERIFY"), "ERR wrong number of arguments for 'verify' command")
        self.assertEqual(self.error(client, "VERIFY", "START"), "ERR this server has no master: name a host and a port")
        for words in (("h",), ("h", 1, "AUTH"), ("h", 1, "AUTH2", "u"), ("h", 1, "MORE"), ("h", 1, "REPAIR", "x"), ("REPAIR", "x")):
            self.assertIsInstance(self.error(client, "VERIFY", "START", *words), str)
        self.assertEqual(self.error(client, "VERIFY", "START", "h", 0), "ERR Invalid port")
        self.assertEqual(self.error(client, "VERIFY", "START", "h", "x"), "ERR value is not an integer or out of range")
        self.assertEqual(self.error(client, "VERIFY", "START", "h", 1, "MORE"), "ERR syntax error")
        gone = "ERR there is no moment of this name, or no longer"
        self.assertEqual(self.error(client, "VERIFY", "SUMS", "x", 0, 1, 1), gone)
        self.assertEqual(self.error(client, "VERIFY", "LOOK", "x", 0, "k"), gone)
        self.assertEqual(client.call("VERIFY", "CLOSE", "x"), 0)
        moment = client.call("VERIFY", "OPEN")[0]
        everything = 16384 << 32
        for words in ((5, 5, 1), (0, everything + 1, 1), (-1, 5, 1)):
            self.error(client, "VERIFY", "SUMS", moment, *words)
        self.assertEqual(self.error(client, "VERIFY", "SUMS", moment, 0, 1, 0), "ERR parts must be from 1 to 4096")
        self.assertEqual(client.call("VERIFY", "SUMS", moment, 0, everything, 2), bytes(48))
        self.assertEqual(client.call("VERIFY", "LOOK", moment, 0, "k", 99, "k"), [None, None])
        # A moment shows nothing of what came later.
        client.call("SET", "k", "v")
        self.assertEqual(client.call("VERIFY", "NAMES", moment, 0, everything), [])
        self.assertEqual(client.call("VERIFY", "CLOSE", moment), 1)
        self.assertEqual(self.error(client, "VERIFY", "NAMES", moment, 0, 1), gone)
        for _ in range(4):
            client.call("VERIFY", "OPEN")
        self.assertEqual(self.error(client, "VERIFY", "OPEN"), "ERR 4 moments are kept already, for others that compare")

    def test_it_logs_in_and_says_when_it_cannot(self):
        master, slave = self.server(name="master"), self.server("--masterauth", "secret", name="slave")
        there, here = self.client(master), self.client(slave)
        there.call("CONFIG", "SET", "requirepass", "secret")
        there.call("AUTH", "secret")
        there.call("SET", "k", "v")
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.up(here)
        self.assertEqual(self.verify(here)["different"], 0)
        self.assertEqual(self.verify(here, "127.0.0.1", master.port, "AUTH", "secret")["keys"], 1)
        self.assertEqual(self.verify(here, "127.0.0.1", master.port, "AUTH2", "default", "secret")["keys"], 1)
        here.call("VERIFY", "START", "127.0.0.1", master.port, "AUTH", "wrong")
        status = self.ended(here)
        self.assertEqual(status["state"], "failed")
        self.assertIn("WRONGPASS", status["error"])
        here.call("VERIFY", "START", "127.0.0.1", 1)
        self.assertIn("127.0.0.1:1", self.ended(here)["error"])
        here.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
        here.pipeline([("VERIFY", "START", "127.0.0.1", master.port, "AUTH", "secret")])
        self.assertNotIn("secret", str(here.call("SLOWLOG", "GET", 10)))
        self.ended(here)


@unittest.skipIf(REDIS is None, "there is no redis-server")
class OfRedis(VerifyTest):
    def pair_with_redis(self):
        master, slave = self.redis(), self.server("--databases", "16", "--threads", "3", name="slave")
        there, here = self.client(master), self.client(slave)
        fill(there, SEED, 300)
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.up(here)
        return master, there, here

    def test_a_slave_of_redis_is_the_same_under_live_writes(self):
        master, there, here = self.pair_with_redis()
        there.call("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 1 end)")
        writer = Writer(master.port, SEED, pause=0.005)
        writer.start()
        suspects = 0
        for _ in range(3):
            before = writer.written
            status = self.verify(here)
            self.assertEqual((status["different"], status["changing"], status["functions"]), (0, 0, "same"), status["named"])
            self.assertGreater(status["offset"], 0)
            suspects += status["suspects"]
            self.until(lambda: writer.written > before or writer.failure, what="writes meanwhile")
        writer.stop()
        self.assertIsNone(writer.failure)
        self.assertGreater(suspects, 0)  # else nothing was compared at one offset
        self.same(there, here)

    def test_what_was_changed_behind_its_back_is_named_and_repaired(self):
        master, there, here = self.pair_with_redis()
        altered = self.alter(here)
        there.pipeline([("SELECT", 0)])
        writer = Writer(master.port, SEED, pause=0.005)
        writer.start()
        status = self.verify(here)
        self.assertEqual({tuple(key) for key in status["named"]}, altered)
        status = self.verify(here, "REPAIR")
        self.assertEqual((status["different"], status["repaired"]), (len(altered), len(altered)))
        writer.stop()
        self.assertIsNone(writer.failure)
        self.same(there, here)

    def test_a_server_that_was_migrated_is_compared(self):
        master, there, here = self.pair_with_redis()
        self.caught_up(there, here)
        here.call("REPLICAOF", "NO", "ONE")
        self.assertFalse(difference(contents(there), contents(here)))
        status = self.verify(here, "127.0.0.1", master.port)
        self.assertEqual((status["different"], status["offset"]), (0, -1))
        here.call("SET", "string:1", "another")
        status = self.verify(here, "127.0.0.1", master.port)
        self.assertEqual(status["named"], [[0, b"string:1"]])


if __name__ == "__main__":
    unittest.main()
