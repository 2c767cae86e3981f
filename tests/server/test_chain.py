"""Slaves of slaves, what the stream brings them, and a master that hands its role over (FAILOVER)."""

import shutil
import threading
import unittest

from common import SEED, ServerTest, info
from contents import fill
from resp import Connection, ReplyError
from test_slave import SlaveTest, Writer

REDIS = shutil.which("redis-server")


class Counter(threading.Thread):
    """A client that sets one key after the other, and notes which were acknowledged."""

    def __init__(self, ports):
        super().__init__(daemon=True)
        self.ports, self.ends, self.acknowledged, self.refused = ports, threading.Event(), [], 0

    def run(self):
        number = 0
        while not self.ends.is_set():
            for port in self.ports:
                try:
                    with Connection(port, timeout=60) as connection:
                        while not self.ends.is_set():
                            number += 1
                            if isinstance(connection.pipeline([("SET", f"n{number}", number)])[0], ReplyError):
                                self.refused += 1
                                break
                            self.acknowledged.append(number)
                except (OSError, ConnectionError):
                    pass

    def stop(self):
        self.ends.set()
        self.join(60)


class ChainTest(ServerTest):
    client, up, caught_up, same, redis = (SlaveTest.client, SlaveTest.up, SlaveTest.caught_up, SlaveTest.same,
                                          SlaveTest.redis)

    def follow(self, slave, master) -> None:
        self.assertEqual(slave.call("REPLICAOF", "127.0.0.1", master.port), b"OK")
        self.up(slave)

    def chain(self, *more):
        """A master, its slave, and that one's slave."""
        servers = [self.server("--threads", str(2 + index % 2), name=f"node{index}") for index in range(3 + len(more))]
        clients = [self.client(server) for server in servers]
        return servers, clients

    def test_a_slave_serves_slaves_with_its_masters_history_and_offsets(self):
        servers, (one, two, three) = self.chain()
        fill(one, SEED, 300)
        one.call("SELECT", 9)
        one.call("SET", "in", "nine")
        self.follow(two, servers[0])
        writer = Writer(servers[0].port, SEED)
        writer.start()
        self.follow(three, servers[1])
        self.until(lambda: writer.written > 5000 or writer.failure)
        writer.stop()
        self.assertIsNone(writer.failure)
        self.same(one, two)
        self.same(one, three)
        facts = [info(client, "replication") for client in (one, two, three)]
        self.assertEqual(len({fact["master_replid"] for fact in facts}), 1)
        self.assertEqual(facts[1]["connected_slaves"], "1")
        self.assertIn("WAIT cannot be used with replica instances", self.error(two, "WAIT", 0, 10))

        # The one in the middle becomes the master: its slave goes on without a full synchronisation, and so does the old
        # master, which has nothing that it lacks.
        self.assertEqual(two.call("REPLICAOF", "NO", "ONE"), b"OK")
        self.follow(one, servers[1])
        two.call("SET", "after", "promotion")
        self.same(two, three)
        self.same(two, one)
        self.assertEqual([info(client, "stats")["sync_full"] for client in (one, two)], ["1", "1"])
        self.assertEqual(info(three, "replication")["master_replid"], info(two, "replication")["master_replid"])

    def test_slaves_of_a_slave_hear_that_it_got_other_data(self):
        servers, (one, two, three) = self.chain()
        self.follow(three, servers[1])
        two.call("SET", "k", "two")
        self.until(lambda: three.call("GET", "k") == b"two", what="the write")
        one.call("SET", "k", "one")
        self.follow(two, servers[0])
        self.until(lambda: three.call("GET", "k") == b"one", what="the other data")
        self.same(one, three)

    def test_a_slave_without_its_master_serves_no_new_slaves(self):
        servers, (_, two, _) = self.chain()
        servers[0].kill()
        two.call("REPLICAOF", "127.0.0.1", servers[0].port)
        self.assertEqual(self.error(two, "PSYNC", "?", -1), "NOMASTERLINK Can't SYNC while not connected with my master")

    @unittest.skipIf(REDIS is None, "there is no redis-server")
    def test_a_redis_is_the_slave_of_a_slave(self):
        servers, (one, two, _) = self.chain()
        fill(one, SEED, 100)
        self.follow(two, servers[0])
        redis = self.redis()
        last = self.client(redis)
        one.call("SELECT", 3)
        one.call("SET", "k", "v")
        self.caught_up(one, two)
        last.call("REPLICAOF", "127.0.0.1", servers[1].port)
        self.up(last)
        one.call("SET", "k", "w")
        last.call("SELECT", 3)
        self.until(lambda: last.call("GET", "k") == b"w", what="the write")

    def test_messages_reach_the_subscribers_of_slaves(self):
        servers, (one, two, three) = self.chain()
        self.follow(two, servers[0])
        self.follow(three, servers[1])
        hearers = [self.client(server) for server in servers[1:]]
        for hearer in hearers:
            hearer.call("SUBSCRIBE", "c")
        one.pipeline([("SET", "before", 1), ("PUBLISH", "c", "hello"), ("MULTI",), ("PUBLISH", "c", "again"), ("EXEC",)])
        for hearer in hearers:
            self.assertEqual([hearer.read(), hearer.read()],
                             [[b"message", b"c", b"hello"], [b"message", b"c", b"again"]])
        self.same(one, three)
        servers[0].kill()
        servers[0].start()
        self.assertEqual(self.client(servers[0]).call("GET", "before"), b"1")

    def test_wait_behind_a_write_of_the_same_read_waits_for_that_write(self):
        servers, (one, two, _) = self.chain()
        self.follow(two, servers[0])
        for number in range(200):
            replies = one.pipeline([("SET", "k", number), ("WAIT", 1, 0)])
            self.assertEqual(replies[1], 1)
            self.assertEqual(two.call("GET", "k"), str(number).encode())

    def test_client_unblock_ends_wait(self):
        servers, (one, _, _) = self.chain()
        for command, timeout in ((("WAIT", 1, 0), 0), (("WAITAOF", 0, 1, 0), [0, 0])):
            for how in ("TIMEOUT", "ERROR"):
                waits = self.client(servers[0])
                number = waits.call("CLIENT", "ID")
                result = []
                thread = threading.Thread(target=lambda: result.append(waits.pipeline([command])[0]))
                thread.start()
                self.until(lambda: one.call("CLIENT", "UNBLOCK", number, how) == 1, what="a client that waits")
                thread.join(60)
                if how == "ERROR":
                    self.assertEqual(str(result[0]), "UNBLOCKED client unblocked via CLIENT UNBLOCK")
                elif command[0] == "WAIT":
                    self.assertEqual(result[0], timeout)
                else:
                    self.assertEqual(result[0][1], 0)

    def test_shutdown_waits_for_slaves_unless_it_is_now(self):
        servers, (one, two, _) = self.chain()
        self.follow(two, servers[0])
        one.call("CONFIG", "SET", "shutdown-timeout", 60)
        # A slave that runs nothing acknowledges nothing.
        self.suspend(servers[1].pid)
        try:
            one.call("SET", "k", "v")
            stops, result = self.client(servers[0]), []
            thread = threading.Thread(target=lambda: result.append(stops.pipeline([("SHUTDOWN",)])[0]))
            thread.start()
            self.until(lambda: one.pipeline([("SHUTDOWN", "ABORT")])[0] == b"OK", what="a shutdown that waits")
            thread.join(60)
            self.assertEqual(str(result[0]), "ERR Errors trying to SHUTDOWN. Check logs.")
            self.assertEqual(one.call("SET", "k", "w"), b"OK")
            self.assertEqual(self.error(one, "SHUTDOWN", "ABORT"), "ERR No shutdown in progress.")
        finally:
            self.resume(servers[1].pid)

    def test_failover_loses_nothing_and_needs_no_full_synchronisation(self):
        servers, (one, two, three) = self.chain()
        self.assertEqual(self.error(one, "FAILOVER"), "ERR FAILOVER requires connected replicas.")
        self.follow(two, servers[0])
        self.follow(three, servers[0])
        self.assertEqual(self.error(two, "FAILOVER"), "ERR FAILOVER is not valid when server is a replica.")
        self.assertEqual(self.error(one, "FAILOVER", "TO", "127.0.0.1", 1),
                         "ERR FAILOVER target HOST and PORT is not a replica.")
        self.assertEqual(self.error(one, "PSYNC", "?", -1, "FAILOVER"), "ERR PSYNC FAILOVER can't be sent to a master.")
        self.assertEqual(self.error(two, "PSYNC", "0" * 40, 1, "FAILOVER"),
                         "ERR PSYNC FAILOVER replid must match my replid.")
        counter = Counter([servers[0].port, servers[1].port])
        counter.start()
        before = [info(client, "stats")["sync_full"] for client in (one, two, three)]
        for master, to in ((0, 1), (1, 0), (0, 1)):
            clients = (one, two)
            count = len(counter.acknowledged)
            self.until(lambda: len(counter.acknowledged) > count + 50, what="writes")
            self.until(lambda: info(clients[master], "replication")["connected_slaves"] != "0", what="a slave")
            self.until(lambda: clients[master].pipeline([("FAILOVER", "TO", "127.0.0.1", servers[to].port)])[0] == b"OK",
                       what="FAILOVER taken")
            self.until(lambda: info(clients[to], "replication")["role"] == "master", what="the promotion")
            self.up(clients[master])
            self.assertEqual(info(clients[master], "replication")["master_failover_state"], "no-failover")
        counter.stop()
        self.follow(three, servers[1])
        self.same(two, one)
        self.same(two, three)
        missing = [number for number in counter.acknowledged if two.call("EXISTS", f"n{number}") == 0]
        self.assertEqual(missing, [])
        after = [info(client, "stats")["sync_full"] for client in (one, two, three)]
        self.assertEqual(before[0], after[0])
        self.assertEqual(after[1], "0")

    def test_a_failover_that_cannot_be_ends_and_writes_go_on(self):
        servers, (one, two, _) = self.chain()
        self.follow(two, servers[0])
        self.assertEqual(one.call("WAIT", 1, 0), 1)
        self.suspend(servers[1].pid)
        try:
            one.call("SET", "k", "v")
            self.assertEqual(one.call("FAILOVER", "TIMEOUT", 1000), b"OK")
            self.assertEqual(self.error(one, "FAILOVER"), "ERR FAILOVER already in progress.")
            self.assertEqual(self.error(one, "REPLICAOF", "NO", "ONE"), "ERR REPLICAOF not allowed while failing over.")
            self.assertEqual(info(one, "replication")["master_failover_state"], "waiting-for-sync")
            self.until(lambda: info(one, "replication")["master_failover_state"] == "no-failover", what="its end")
            self.assertEqual(one.call("SET", "k", "w"), b"OK")
            one.call("FAILOVER")
            self.assertEqual(one.call("FAILOVER", "ABORT"), b"OK")
            self.assertEqual(self.error(one, "FAILOVER", "ABORT"), "ERR No failover in progress.")
            self.assertEqual(one.call("SET", "k", "x"), b"OK")
        finally:
            self.resume(servers[1].pid)

    def test_shard_messages_reach_the_subscribers_of_slaves(self):
        servers, (one, two, three) = self.chain()
        self.follow(two, servers[0])
        self.follow(three, servers[1])
        hearers = [self.client(server) for server in servers[1:]]
        for hearer in hearers:
            hearer.call("SSUBSCRIBE", "c")
        one.pipeline([("SPUBLISH", "c", "hello"), ("SPUBLISH", "other", "x"), ("MULTI",), ("SPUBLISH", "c", "again"), ("EXEC",)])
        for hearer in hearers:
            self.assertEqual([hearer.read(), hearer.read()],
                             [[b"smessage", b"c", b"hello"], [b"smessage", b"c", b"again"]])
        self.same(one, three)

    def test_shutdown_now_waits_for_no_slave(self):
        servers, (one, two, _) = self.chain()
        self.follow(two, servers[0])
        one.call("CONFIG", "SET", "shutdown-timeout", 600)
        self.suspend(servers[1].pid)
        try:
            one.call("SET", "k", "v")
            waits = self.client(servers[0])
            waits.send("SHUTDOWN")
            # It does wait, until another says NOW.
            self.until(lambda: "SHUTDOWN" not in str(one.pipeline([("PING",)])) and servers[0].is_alive())
            one.send("SHUTDOWN", "NOW")
            self.until(lambda: not servers[0].is_alive(), what="the end of the server")
        finally:
            self.resume(servers[1].pid)
        servers[0].start()
        self.assertEqual(self.client(servers[0]).call("GET", "k"), b"v")
        self.up(two)
        self.until(lambda: two.call("GET", "k") == b"v", what="the write that it missed")
        self.assertEqual(info(two, "replication")["slave_full_syncs"], "1")

    def test_a_forced_failover_takes_what_a_slave_has_by_then(self):
        servers, (one, two, three) = self.chain()
        self.follow(two, servers[0])
        for words in (("FORCE",), ("TO", "127.0.0.1", servers[1].port, "FORCE"), ("FORCE", "TIMEOUT", 100)):
            self.assertEqual(self.error(one, "FAILOVER", *words),
                             "ERR FAILOVER with force option requires both a timeout and target HOST and IP.")
        one.call("SET", "before", 1)
        self.assertEqual(one.call("WAIT", 1, 0), 1)
        self.suspend(servers[1].pid)
        try:
            # It is not there to have it, and the role goes to it all the same.
            one.call("SET", "lost", 1)
            self.assertEqual(one.call("FAILOVER", "TO", "127.0.0.1", servers[1].port, "FORCE", "TIMEOUT", 300), b"OK")
            self.until(lambda: info(one, "replication")["master_failover_state"] == "failover-in-progress",
                       what="the time limit")
        finally:
            self.resume(servers[1].pid)
        self.until(lambda: info(two, "replication")["role"] == "master", what="the promotion")
        self.up(one)
        self.assertEqual(info(one, "replication")["master_failover_state"], "no-failover")
        self.same(two, one)
        self.assertEqual(two.call("GET", "before"), b"1")
