"""What becomes of a slave, and of its own slaves, that turns to another master and back, or is paused, or misbehaves."""

import time

from common import Connection, info
from test_full_sync import MB, FilesTest


class OtherMaster(FilesTest):
    def test_a_transfer_that_another_master_broke_off_leaves_the_old_one_to_go_on_with(self):
        old, other, slave, below = (self.server(name=name) for name in ("old", "other", "slave", "below"))
        first, second, third, fourth = map(self.client, (old, other, slave, below))
        first.call("SET", "a", "b")
        second.call("CONFIG", "SET", "full-sync-rate-limit", 2 * MB)
        self.load(second, 20)
        for client, master in ((third, old), (fourth, slave)):
            self.follow(client, master)
            self.up(client)
        before = int(info(first, "stats")["sync_partial_ok"])  # what follows a data set of files is one, too
        self.follow(third, other)
        self.at(third, 0.1)
        other.kill()
        # Its data is still that of the first master, and so is its history.
        self.assertEqual(third.call("GET", "a"), b"b")
        first.call("SET", "c", "d")
        self.follow(third, old)
        for client in (third, fourth):
            self.up(client)
        self.same(first, third)
        self.same(first, fourth)
        given = info(first, "stats")
        self.assertEqual((int(given["sync_full"]), int(given["sync_partial_ok"])), (1, before + 1))
        self.assertEqual(info(fourth, "replication")["slave_full_syncs"], "1")
        self.assertEqual(*(info(client, "replication")["master_replid"] for client in (first, fourth)))

    def test_client_pause_holds_the_masters_stream_up(self):
        master, slave = self.server(name="master"), self.server(name="slave")
        first, second = self.client(master), self.client(slave)
        self.follow(second, master)
        self.up(second)
        first.call("SET", "a", 1)
        self.caught_up(first, second)
        before = info(second, "replication")["slave_repl_offset"]
        second.call("CLIENT", "PAUSE", 100_000, "WRITE")
        first.call("SET", "a", 2)
        end = info(first, "replication")["master_repl_offset"]
        self.until(lambda: info(second, "replication")["slave_read_repl_offset"] == end, what="the bytes")
        self.assertEqual((info(second, "replication")["slave_repl_offset"], second.call("GET", "a")), (before, b"1"))
        self.assertEqual(first.call("WAIT", 1, 50), 0)
        second.call("CLIENT", "UNPAUSE")
        self.caught_up(first, second)
        self.assertEqual(second.call("GET", "a"), b"2")
        self.assertEqual(first.call("WAIT", 1, 10_000), 1)

    def test_a_slave_comes_from_the_address_that_it_is_given(self):
        master = self.server(name="master")
        slave = self.server("--bind-source-addr", "127.0.0.2", name="slave")
        first, second = self.client(master), self.client(slave)
        first.call("SET", "a", 1)
        self.follow(second, master)
        self.up(second)
        self.same(first, second)
        self.assertIn("ip=127.0.0.2,", info(first, "replication")["slave0"])

    def test_who_sends_commands_on_a_slaves_link_is_disconnected(self):
        master = self.server(name="master")
        for command, critical in ((("PING",), False), (("GET", "k"), True), (("CONFIG", "SET", "hz", 20), False)):
            with self.subTest(command=command), Connection(master.port) as link:
                link.send("SYNC")
                link.send("REPLCONF", "ACK", 0)
                link.send(*command)
                deadline = time.monotonic() + 30  # the stream alone would never end
                with self.assertRaises(ConnectionError):
                    while time.monotonic() < deadline:
                        if not link.stream.read(1):
                            raise ConnectionError("the end")
                name = command[0].lower()
                line = f"Replica generated a reply to command '{name}"
                self.until(lambda: line in master.log.read_text(), what="a line in the log")
                log = master.log.read_text()
                refusal = f"Replica can't interact with the keyspace' after processing the command '{name}'"
                self.assertEqual(refusal in log, critical)
        with self.client(master) as other:
            self.assertEqual(other.call("CONFIG", "GET", "hz")[1], b"10")
