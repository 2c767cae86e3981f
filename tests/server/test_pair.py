"""Two Pikas, master and slave: killed in turn, promoted, and exchanged."""

from common import SEED, ServerTest, info
from contents import fill
from test_slave import SlaveTest, Writer


class Pair(ServerTest):
    client, up, caught_up, same = SlaveTest.client, SlaveTest.up, SlaveTest.caught_up, SlaveTest.same

    def follow(self, slave, master) -> None:
        self.assertEqual(slave.call("REPLICAOF", "127.0.0.1", master.port), b"OK")
        self.up(slave)

    def test_kills_of_either_side_and_an_exchange_of_roles_need_one_full_synchronisation_each(self):
        one = self.server("--threads", "2", name="one")
        other = self.server("--threads", "3", name="other")
        there, here = self.client(one), self.client(other)
        fill(there, SEED, 300)
        here.call("SET", "old", "data")
        writer = Writer(one.port, SEED)
        writer.start()
        self.follow(here, one)
        other.kill()
        # Started as a master, it would go on under an id of its own.
        other.options += ["--replicaof", "127.0.0.1", str(one.port)]
        other.start()
        here = self.client(other)
        self.up(here)
        writer.stop()
        self.assertIsNone(writer.failure)
        self.same(there, here)
        self.assertEqual(info(there, "stats")["sync_full"], "1")
        self.assertEqual(there.call("WAIT", 1, 0), 1)

        # The master does not know after a kill what slaves have seen beyond its log: it goes on under a new id, which
        # the slave follows.
        before = info(there, "replication")["master_replid"]
        one.kill()
        one.start()
        there = self.client(one)
        self.until(lambda: info(there, "replication")["connected_slaves"] == "1", what="the slave")
        there.call("SET", "after", "the kill")
        self.same(there, here)
        facts = info(there, "replication")
        self.assertEqual(facts["master_replid2"], before)
        self.assertEqual(info(there, "stats")["sync_full"], "0")

        # The slave becomes the master, and the master its slave.
        self.assertEqual(here.call("REPLICAOF", "NO", "ONE"), b"OK")
        self.assertEqual(info(here, "replication")["master_replid2"], facts["master_replid"])
        self.follow(there, other)
        here.call("SET", "after", "the exchange")
        self.same(here, there)
        self.assertEqual(here.call("WAIT", 1, 0), 1)
        self.assertEqual(there.call("GET", "after"), b"the exchange")
