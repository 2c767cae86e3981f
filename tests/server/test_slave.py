"""A slave of a real Redis: full synchronisation, the live stream, and what breaks either."""

import os
import random
import shutil
import threading
import time
import unittest

from common import SEED, ServerTest, info
from contents import contents, difference, fill, live_command
from resp import Connection, ReplyError
from server import Server

REDIS = shutil.which("redis-server")


class Writer(threading.Thread):
    """A client that writes all the time, in several databases, in transactions too, until it is told to stop."""

    def __init__(self, port: int, seed: int, pause: float = 0.0):
        """`pause`: seconds between its pipelines, for what has to get by with what the writers leave of the machine."""
        super().__init__(daemon=True)
        self.pause = pause
        self.port, self.chance, self.ends, self.written = port, random.Random(seed), threading.Event(), 0
        self.failure = None

    def run(self):
        try:
            with Connection(self.port) as connection:
                while not self.ends.is_set():
                    commands = [live_command(self.chance) for _ in range(20)]
                    if self.chance.random() < 0.2:
                        commands = [("MULTI",), *commands[:5], ("EXEC",)]
                    if self.chance.random() < 0.1:
                        commands.insert(0, ("SELECT", self.chance.choice([0, 1, 9])))
                    connection.pipeline(commands)
                    self.written += len(commands)
                    self.ends.wait(self.pause)
        except (OSError, ConnectionError) as error:
            self.failure = error

    def stop(self):
        self.ends.set()
        self.join(60)


@unittest.skipIf(REDIS is None, "there is no redis-server")
class SlaveTest(ServerTest):
    def redis(self, *options, name="redis") -> Server:
        return self.enterContext(Server(REDIS, self.folder / name, [
            "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0", "--enable-debug-command", "yes",
            "--repl-backlog-size", "64mb", *options]))

    def client(self, server: Server) -> Connection:
        return self.enterContext(Connection(server.port, timeout=60))

    def pair(self, *options, redis=()):
        master, slave = self.redis(*redis), self.server("--databases", "16", *options)
        return master, slave, self.client(master), self.client(slave)

    def up(self, connection: Connection) -> dict:
        def linked():
            facts = info(connection, "replication")
            return facts if facts.get("master_link_status") == "up" else None
        return self.until(linked, what="the link to the master")

    def caught_up(self, master: Connection, slave: Connection) -> None:
        """Waits until the slave has all that the master wrote so far."""
        offset = int(info(master, "replication")["master_repl_offset"])
        self.until(lambda: int(info(slave, "replication")["slave_repl_offset"]) >= offset, what="the slave's offset")

    def same(self, master: Connection, slave: Connection) -> None:
        # What has expired the master still has to say: it removes what it finds, or is asked for.
        master.call("PING")

        def settled():
            self.caught_up(master, slave)
            return not difference(contents(master), contents(slave))
        try:
            self.until(settled, timeout=20)
        except AssertionError:
            self.fail(difference(contents(master), contents(slave)))

    def test_everything_is_copied_and_followed_under_writes(self):
        for partitions in (1, 3):
            for diskless in ("yes", "no"):
                with self.subTest(partitions=partitions, diskless=diskless):
                    name = f"{partitions}{diskless}"
                    master = self.redis("--repl-diskless-sync", diskless, name=f"redis{name}")
                    slave = self.server("--threads", str(partitions), name=f"pika{name}")
                    there, here = self.client(master), self.client(slave)
                    fill(there, SEED)
                    writer = Writer(master.port, SEED)
                    writer.start()
                    self.assertEqual(here.call("REPLICAOF", "127.0.0.1", master.port), b"OK")
                    self.up(here)
                    self.until(lambda: writer.written > 20_000 or writer.failure)
                    writer.stop()
                    self.assertIsNone(writer.failure)
                    self.same(there, here)
                    facts = info(here, "replication")
                    self.assertEqual((facts["slave_full_syncs"], facts["slave_refused_commands"]), ("1", "0"))
                    self.assertEqual(info(there, "stats")["sync_full"], "1")

    def test_a_slave_says_what_it_is_and_writes_nothing(self):
        master, slave, there, here = self.pair()
        there.call("SET", "k", "v")
        self.assertEqual(here.call("ROLE")[0], b"master")
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.assertEqual(info(here, "replication")["role"], "slave")
        self.up(here)
        self.caught_up(there, here)
        role = here.call("ROLE")
        self.assertEqual(role[:4], [b"slave", b"127.0.0.1", master.port, b"connected"])
        self.assertEqual(role[4], int(info(there, "replication")["master_repl_offset"]))
        self.assertEqual(here.call("REPLICAOF", "127.0.0.1", master.port), b"OK Already connected to specified master")
        refused = "READONLY You can't write against a read only replica."
        for command in (("SET", "k", "w"), ("DEL", "k"), ("FLUSHALL",), ("BLPOP", "l", 0)):
            self.assertEqual(str(here.pipeline([command])[0]), refused)
        self.assertEqual(here.call("GET", "k"), b"v")
        here.call("MULTI")
        self.assertEqual(str(here.pipeline([("SET", "k", "w")])[0]), refused)
        self.assertIn("EXECABORT", str(here.pipeline([("EXEC",)])[0]))
        self.assertEqual(str(here.pipeline([("REPLICAOF", "h", "x")])[0]), "ERR Invalid master port")
        listed = info(there, "replication")["slave0"]
        self.assertIn(f"port={slave.port},state=online", listed)
        # What clients may write, if they are let, reaches no log: the offset is the master's.
        here.call("CONFIG", "SET", "replica-read-only", "no")
        here.call("SET", "own", "1")
        self.assertEqual(here.call("GET", "own"), b"1")
        there.call("SET", "k", "w")
        self.caught_up(there, here)
        self.assertEqual(info(here, "replication")["slave_repl_offset"], info(there, "replication")["master_repl_offset"])

    def test_what_expires_stays_until_the_master_says_so(self):
        master, slave, there, here = self.pair()
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.up(here)
        there.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        there.pipeline([("SET", "k", "v", "PX", 50), ("SET", "n", 5, "PX", 50), ("SET", "back", "v", "PX", 50)])
        self.caught_up(there, here)
        self.until(lambda: here.call("GET", "k") is None, what="the expiry")
        # Hidden, and there: the master has not removed it.
        self.assertEqual((here.call("EXISTS", "k"), here.call("DBSIZE")), (0, 3))
        self.assertEqual(there.call("INCR", "n"), 1)
        self.caught_up(there, here)
        self.assertEqual(here.call("GET", "n"), b"1")
        there.call("GET", "k")
        self.caught_up(there, here)
        self.until(lambda: here.call("DBSIZE") == 2, what="the master's DEL")

    def test_transactions_of_several_partitions_are_seen_whole(self):
        master, slave, there, here = self.pair("--threads", "4")
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.up(here)
        ends = threading.Event()

        def write():
            with Connection(master.port) as connection:
                n = 0
                while not ends.is_set():
                    n += 1
                    connection.pipeline([("MULTI",), *[("SET", f"t{i}", n) for i in range(8)], ("EXEC",),
                                         ("MSET", *[word for i in range(8) for word in (f"m{i}", n)])])
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        for _ in range(300):
            for letter in "tm":
                seen = here.call("MGET", *[f"{letter}{i}" for i in range(8)])
                self.assertEqual(len(set(seen)), 1, seen)
        ends.set()
        writer.join()
        self.same(there, here)

    def test_a_broken_link_and_restarts_need_no_second_full_synchronisation(self):
        master, slave, there, here = self.pair("--threads", "2")
        fill(there, SEED, 200)
        writer = Writer(master.port, SEED)
        writer.start()
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.up(here)
        for round_ in range(3):
            there.call("CLIENT", "KILL", "TYPE", "replica")
            self.until(lambda: int(info(there, "stats")["sync_partial_ok"]) > round_, what="a partial resync")
        slave.options += ["--replicaof", "127.0.0.1", str(master.port)]
        for kill in (True, False, True):
            before = int(info(there, "stats")["sync_partial_ok"])
            if kill:
                slave.kill()
            else:
                slave.stop()
            slave.start()
            here = self.client(slave)
            self.up(here)
            self.until(lambda: int(info(there, "stats")["sync_partial_ok"]) > before, what="a partial resync")
        writer.stop()
        self.same(there, here)
        self.assertEqual(info(there, "stats")["sync_full"], "1")

    def test_killed_at_any_time_it_ends_with_the_masters_data(self):
        master, slave, there, here = self.pair("--threads", "2", redis=("--repl-diskless-sync", "yes"))
        fill(there, SEED, 20_000)
        there.call("DEBUG", "POPULATE", 100_000, "many", 100)
        here.call("SET", "old", "data")
        slave.options += ["--replicaof", "127.0.0.1", str(master.port)]
        chance = random.Random(SEED)
        slave.kill()
        whole = there.call("DBSIZE")
        for _ in range(6):
            slave.start()
            time.sleep(chance.random() * 0.8)  # the moment of the kill; nothing is waited for
            slave.kill()
        slave.start()
        here = self.client(slave)
        # Either all of the old data or all of the new, at every moment.
        while info(here, "replication")["master_link_status"] != "up":
            self.assertIn(here.call("DBSIZE"), (1, whole))
        self.same(there, here)
        self.assertIsNone(here.call("GET", "old"))
        self.assertFalse([name for name in os.listdir(slave.folder / "data") if name.endswith(".tmp")])

    def test_a_master_that_starts_anew_is_copied_anew_and_old_data_serves_meanwhile(self):
        master, slave, there, here = self.pair()
        there.call("SET", "k", "1")
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.up(here)
        self.caught_up(there, here)
        master.kill()
        self.until(lambda: info(here, "replication")["master_link_status"] == "down")
        self.assertEqual(here.call("GET", "k"), b"1")
        here.call("CONFIG", "SET", "replica-serve-stale-data", "no")
        stale = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
        self.assertEqual(str(here.pipeline([("GET", "k")])[0]), stale)
        self.assertEqual(info(here, "replication")["role"], "slave")
        self.assertGreaterEqual(int(info(here, "replication")["master_link_down_since_seconds"]), 0)
        master.start()
        with Connection(master.port) as connection:
            connection.call("SET", "k", "2")
            self.until(lambda: here.pipeline([("GET", "k")])[0] == b"2", what="the new master's data")

    def test_promotion_begins_a_history_and_writes_go_on(self):
        master, slave, there, here = self.pair()
        fill(there, SEED, 100)
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.up(here)
        self.caught_up(there, here)
        before = info(here, "replication")
        self.assertEqual(here.call("REPLICAOF", "NO", "ONE"), b"OK")
        after = info(here, "replication")
        self.assertEqual(after["role"], "master")
        self.assertEqual(after["master_replid2"], before["master_replid"])
        self.assertNotEqual(after["master_replid"], before["master_replid"])
        self.assertEqual(int(after["second_repl_offset"]), int(before["slave_repl_offset"]) + 1)
        self.assertEqual(here.call("SET", "own", "1"), b"OK")
        here.call("SET", "short", "1", "PX", "30")
        self.until(lambda: here.call("DBSIZE") == there.call("DBSIZE") + 1, what="its own expiry")
        slave.kill()
        slave.start()
        here = self.client(slave)
        self.assertEqual(here.call("GET", "own"), b"1")
        # Its master's data comes back whole when it is a slave again.
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.up(here)
        self.same(there, here)

    def test_a_password_and_a_user(self):
        master, slave, there, here = self.pair()
        there.call("CONFIG", "SET", "requirepass", "root")
        there.call("AUTH", "root")
        there.call("ACL", "SETUSER", "copy", "on", ">secret", "+psync", "+replconf", "+ping")
        there.call("SET", "k", "v")
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.until(lambda: "refuses" in info(here, "replication")["master_link_last_error"], what="the reason")
        here.call("CONFIG", "SET", "masterauth", "wrong")
        self.until(lambda: "refuses masterauth" in info(here, "replication")["master_link_last_error"], what="the reason")
        here.pipeline([("CONFIG", "SET", "masteruser", "copy"), ("CONFIG", "SET", "masterauth", "secret")])
        self.up(here)
        self.until(lambda: here.call("GET", "k") == b"v")

    def test_clients_that_wait_are_let_go_when_it_becomes_a_slave(self):
        master, slave, _, here = self.pair("--threads", "2")
        with Connection(slave.port) as waiting:
            waiting.send("BLPOP", "list", 0)
            self.until(lambda: info(here, "clients")["blocked_clients"] == "1")
            here.call("REPLICAOF", "127.0.0.1", master.port)
            reply = waiting.read()
            self.assertIsInstance(reply, ReplyError)
            self.assertTrue(str(reply).startswith("UNBLOCKED force unblock"), reply)

    def test_messages_reach_the_slaves_subscribers(self):
        master, slave, there, here = self.pair()
        here.call("REPLICAOF", "127.0.0.1", master.port)
        self.up(here)
        with Connection(slave.port) as listener:
            listener.call("SUBSCRIBE", "news")
            there.call("PUBLISH", "news", "hello")
            self.assertEqual(listener.read(), [b"message", b"news", b"hello"])
