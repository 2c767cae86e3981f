"""Full synchronisation between two Pikas by the files of a checkpoint: interrupted, resumed, limited, shared."""

import random
import re
import unittest

from common import SEED, Connection, ServerTest, info
from contents import contents, difference, fill
from test_slave import SlaveTest, Writer

MB = 1 << 20


class FilesTest(ServerTest):
    client, up, caught_up, same = SlaveTest.client, SlaveTest.up, SlaveTest.caught_up, SlaveTest.same

    def follow(self, slave, master) -> None:
        self.assertEqual(slave.call("REPLICAOF", "127.0.0.1", master.port), b"OK")

    def load(self, connection: Connection, megabytes: int) -> None:
        """Values that do not compress, of 16 KiB each."""
        chance = random.Random(SEED)
        for first in range(0, megabytes * 64, 256):
            keys = range(first, min(first + 256, megabytes * 64))
            connection.pipeline([("SET", f"bulk:{n}", chance.randbytes(16384)) for n in keys])

    def progress(self, connection: Connection) -> tuple[int, int]:
        """Bytes that are there, and of how many; before it has begun, of none."""
        facts = info(connection, "replication")
        return int(facts.get("master_sync_read_bytes", 0)), int(facts.get("master_sync_total_bytes", 0))

    def at(self, connection: Connection, share: float) -> tuple[int, int]:
        """Waits until so much of a data set is there."""
        def there():
            read, total = self.progress(connection)
            return (read, total) if total > 0 and read >= share * total else None
        return self.until(there, what=f"{share:.0%} of the data set")

    def outcome(self, server) -> tuple[int, int]:
        """Of the last data set that came as files: bytes moved, and bytes that were here already."""
        self.logged(server, "the master's files are here")
        lines = [line for line in server.log.read_text().splitlines() if "the master's files are here" in line]
        found = {name: int(re.search(rf"{name}: (\d+)", lines[-1])[1]) for name in ("moved", "kept")}
        return found["moved"], found["kept"]


class Whole(FilesTest):
    def test_everything_comes_as_files_under_writes_whatever_the_partitions(self):
        for there, here in ((1, 3), (3, 2)):
            with self.subTest(there=there, here=here):
                master = self.server("--threads", str(there), "--databases", "16", name=f"master{there}")
                slave = self.server("--threads", str(here), "--databases", "16", name=f"slave{there}")
                first, second = self.client(master), self.client(slave)
                fill(first, SEED, 300)
                first.call("SWAPDB", 9, 3)
                second.call("SET", "old", "data")
                writer = Writer(master.port, SEED)
                writer.start()
                self.follow(second, master)
                self.up(second)
                self.until(lambda: writer.written > 5000 or writer.failure)
                writer.stop()
                self.assertIsNone(writer.failure)
                self.same(first, second)
                self.assertEqual(self.outcome(slave)[1], 0)
                self.assertEqual(info(second, "replication")["slave_full_syncs"], "1")
                self.assertFalse((slave.folder / "data" / "sync.files.tmp").exists())
                self.assertFalse((slave.folder / "data" / "sync.tables.tmp").exists())
                # All of it is on disk, and the log goes on from there.
                slave.kill()
                slave.options += ["--replicaof", "127.0.0.1", str(master.port)]
                slave.start()
                second = self.client(slave)
                self.up(second)
                first.call("SET", "after", "the kill")
                self.same(first, second)
                self.assertEqual(info(second, "replication")["slave_full_syncs"], "0")

    def test_a_slave_without_room_for_databases_is_told_so(self):
        master, slave = self.server(name="master"), self.server("--databases", "4", name="slave")
        first, second = self.client(master), self.client(slave)
        first.call("SELECT", 12)
        first.call("SET", "k", "v")
        second.call("SET", "old", "data")
        self.follow(second, master)
        self.until(lambda: "raise `databases`" in info(second, "replication")["master_link_last_error"],
                   what="the reason")
        self.assertEqual(second.call("GET", "old"), b"data")

    def test_it_can_be_switched_off_at_either_side(self):
        for options in (("--full-sync-files", "no"), ()):
            with self.subTest(options=options):
                name = "off" if options else "on"
                master = self.server(*options, name=f"master{name}")
                slave = self.server(*(() if options else ("--full-sync-files", "no")), name=f"slave{name}")
                first, second = self.client(master), self.client(slave)
                fill(first, SEED, 100)
                self.follow(second, master)
                self.up(second)
                self.same(first, second)
                self.assertNotIn("the master's files are here", slave.log.read_text())

    def test_two_slaves_share_one_checkpoint_which_ends_with_its_time(self):
        master = self.server(name="master")
        first = self.client(master)
        fill(first, SEED, 100)
        for number in (1, 2):
            slave = self.client(self.server(name=f"slave{number}"))
            self.follow(slave, master)
            self.up(slave)
            self.same(first, slave)
        first.call("CONFIG", "SET", "full-sync-checkpoint-keep-seconds", 1)
        self.until(lambda: "full sync" not in str(info(first, "binlog")), what="the end of its pin")
        folder = master.folder / "data" / "full-sync"
        self.until(lambda: not list(folder.iterdir()), what="the end of its files")
        self.logged(master, "nobody used it")
        self.assertEqual(master.log.read_text().count("a checkpoint for slaves,"), 1)

    def test_who_may_not_read_files_gets_none(self):
        master = self.server(name="master")
        known = self.client(master)
        known.call("CONFIG", "SET", "requirepass", "secret")
        stranger = self.client(master)
        self.assertIn("NOAUTH", self.error(stranger, "CHECKPOINT", "LIST", "x"))
        known.call("AUTH", "secret")
        self.assertIn("NOCHECKPOINT", self.error(known, "CHECKPOINT", "LIST", "x"))
        self.assertIn("wrong number of arguments", self.error(known, "CHECKPOINT", "READ", "x"))
        slave = self.server("--masterauth", "secret", name="slave")
        second = self.client(slave)
        known.call("SET", "k", "v")
        self.follow(second, master)
        self.up(second)
        self.same(known, second)
        checkpoint = next((master.folder / "data" / "full-sync").iterdir()).name
        for name in ("../list", "..", "list", "/etc/passwd", ""):
            self.assertIn("no such file", self.error(known, "CHECKPOINT", "READ", checkpoint, name, 0, 10))
        self.assertEqual(known.call("CHECKPOINT", "READ", checkpoint, "CURRENT", 1000, 10), [0, b""])
        self.assertIn("must be positive", self.error(known, "CHECKPOINT", "READ", checkpoint, "CURRENT", -1, 10))


class Interrupted(FilesTest):
    COST = 20

    def test_killed_slaves_and_masters_go_on_where_they_were(self):
        size = 60
        for who in ("slave", "master"):
            with self.subTest(who=who):
                # Slow enough to be caught in the middle.
                master = self.server("--full-sync-rate-limit", str(20 * MB), name=f"master-{who}")
                slave = self.server(name=f"slave-{who}")
                first = self.client(master)
                self.load(first, size)
                slave.options += ["--replicaof", "127.0.0.1", str(master.port)]
                slave.stop()
                slave.start()
                again = 0
                for share in (0.3, 0.6, 0.9):
                    second = self.client(slave)
                    read, total = self.at(second, share)
                    self.assertLess(read, total)
                    killed = slave if who == "slave" else master
                    killed.kill()
                    killed.start()
                    if share < 0.9:
                        second, before = self.client(slave), read
                        # It is there again before anything more was moved.
                        read, _ = self.until(lambda: self.there_again(second), what="the transfer")
                        again += max(0, before - read)
                second, first = self.client(slave), self.client(master)
                first.call("CONFIG", "SET", "full-sync-rate-limit", 0)
                self.up(second)
                moved, kept = self.outcome(slave)
                again += max(0, int(0.9 * total) - kept)
                self.assertLessEqual(again, 0.15 * total, f"{again} of {total} bytes were moved twice")
                self.assertLess(moved, 0.25 * total)
                self.same(first, second)

    def there_again(self, connection: Connection):
        facts = info(connection, "replication")
        kept = int(facts.get("master_sync_kept_bytes", 0))
        return (kept, 0) if kept > 0 and int(facts["master_sync_read_bytes"]) > kept else None

    def test_a_node_in_the_middle_serves_the_old_data_says_how_far_it_is_and_is_not_promoted(self):
        master = self.server("--full-sync-rate-limit", str(5 * MB), name="master")
        slave = self.server(name="slave")
        first, second = self.client(master), self.client(slave)
        self.load(first, 30)
        second.call("SET", "old", "data")
        self.follow(second, master)
        self.at(second, 0.1)
        self.assertEqual(second.call("GET", "old"), b"data")
        self.assertEqual(second.call("DBSIZE"), 1)
        facts = info(second, "replication")
        self.assertEqual((facts["master_link_status"], facts["master_sync_in_progress"]), ("down", "1"))
        self.assertGreater(int(facts["master_sync_files"]), 0)
        self.assertGreater(int(facts["master_sync_seconds_left"]), 0)
        # At the limit, but for what was under way when it began.
        self.assertLess(int(facts["master_sync_bytes_per_second"]), 12 * MB)
        self.assertEqual(second.call("ROLE")[3], b"sync")
        self.assertIn("state=send_bulk", info(first, "replication")["slave0"])
        self.assertIn("full sync", str(info(first, "binlog")))
        self.assertIn("middle of a full synchronisation", self.error(second, "REPLICAOF", "NO", "ONE"))
        self.assertEqual(first.call("WAIT", 1, 100), 0)
        second.call("CONFIG", "SET", "replica-serve-stale-data", "no")
        self.assertIn("MASTERDOWN", self.error(second, "GET", "old"))
        # At run time; and the reader of a fast transfer sees it end.
        first.call("CONFIG", "SET", "full-sync-rate-limit", 0)
        self.up(second)
        self.same(first, second)

    def test_what_has_not_changed_is_not_moved_again_for_a_new_checkpoint(self):
        master = self.server("--full-sync-rate-limit", str(20 * MB), name="master")
        slave = self.server(name="slave")
        first, second = self.client(master), self.client(slave)
        self.load(first, 40)
        self.follow(second, master)
        _, total = self.at(second, 0.6)
        # The checkpoint is gone when it comes back.
        first.call("CONFIG", "SET", "full-sync-checkpoint-keep-seconds", 1)
        slave.kill()
        self.logged(master, "nobody used it")
        first.call("SET", "more", "data")
        first.call("CONFIG", "SET", "full-sync-checkpoint-keep-seconds", 3600, "full-sync-rate-limit", 0)
        slave.start()
        second = self.client(slave)
        self.follow(second, master)
        self.up(second)
        moved, kept = self.outcome(slave)
        self.assertGreater(kept, 0.3 * total, f"{moved} bytes were moved, {kept} kept")
        self.same(first, second)

    def test_a_damaged_file_is_fetched_again(self):
        master = self.server("--full-sync-rate-limit", str(20 * MB), name="master")
        slave = self.server(name="slave")
        first, second = self.client(master), self.client(slave)
        self.load(first, 30)
        self.follow(second, master)
        self.at(second, 0.7)
        slave.kill()
        files = sorted((slave.folder / "data" / "sync.files.tmp").glob("*.sst"), key=lambda path: -path.stat().st_size)
        with files[0].open("r+b") as file:
            file.seek(1000)
            byte = file.read(1)
            file.seek(1000)
            file.write(bytes([byte[0] ^ 1]))
        first.call("CONFIG", "SET", "full-sync-rate-limit", 0)
        slave.start()
        second = self.client(slave)
        self.follow(second, master)
        self.up(second)
        self.logged(slave, "a file is not what its hash says")
        self.same(first, second)

    def test_a_disk_without_room_is_named_and_tried_again(self):
        master, slave = self.server(name="master"), self.server(name="slave")
        first, second = self.client(master), self.client(slave)
        self.load(first, 5)
        second.call("SET", "old", "data")
        second.call("CONFIG", "SET", "disk-reserve", "1000000gb")
        self.follow(second, master)
        self.until(lambda: "no room for" in info(second, "replication")["master_link_last_error"], what="the reason")
        self.logged(slave, "no room for the master's data set")
        self.assertEqual(second.call("GET", "old"), b"data")
        second.call("CONFIG", "SET", "disk-reserve", 0)
        self.up(second)
        self.same(first, second)


class Diverged(FilesTest):
    def kept(self, server) -> bytes:
        files = list((server.folder / "data").glob("diverged-*.resp"))
        self.assertEqual(len(files), 1, files)
        return files[0].read_bytes()

    def test_a_slave_that_was_a_master_for_a_while_ends_with_the_masters_data(self):
        one, other = self.server(name="one"), self.server(name="other")
        there, here = self.client(one), self.client(other)
        there.call("SET", "k", "common")
        self.follow(here, one)
        self.up(here)
        self.caught_up(there, here)
        here.call("REPLICAOF", "NO", "ONE")
        here.call("SELECT", 3)
        here.call("SET", "k", "here", "PX", 100_000_000)
        here.call("SELECT", 0)
        here.call("SET", "k", "here")
        there.call("SET", "k", "there")
        self.follow(here, one)
        self.up(here)
        self.same(there, here)
        self.assertEqual(here.call("GET", "k"), b"there")
        facts = info(here, "replication")
        self.assertIn("2 commands", facts["slave_divergence"])
        self.logged(other, "this server has writes that its master does not have")
        # What is kept can be played to any server.
        third = self.client(self.server(name="third"))
        kept = self.kept(other)
        third.socket.sendall(kept)
        self.until(lambda: info(third, "keyspace").get("db0") and info(third, "keyspace").get("db3"), what="its keys")

    def test_an_old_master_that_comes_back_says_what_nobody_has(self):
        one, other = self.server(name="one"), self.server(name="other")
        there, here = self.client(one), self.client(other)
        there.call("SET", "k", "common")
        self.follow(here, one)
        self.up(here)
        self.caught_up(there, here)
        here.call("REPLICAOF", "NO", "ONE")
        there.call("SET", "k", "of nobody")
        there.call("SET", "l", "of nobody")
        here.call("SET", "k", "of the new master")
        self.follow(there, other)
        self.up(there)
        self.same(here, there)
        self.assertEqual((there.call("GET", "k"), there.call("GET", "l")), (b"of the new master", None))
        self.assertIn("2 commands", info(there, "replication")["slave_divergence"])
        self.assertEqual(self.kept(one).count(b"of nobody"), 2)

    def test_who_has_nothing_of_its_own_keeps_nothing(self):
        one, other = self.server(name="one"), self.server(name="other")
        there, here = self.client(one), self.client(other)
        here.call("SET", "old", "data")
        self.follow(here, one)
        self.up(here)
        there.call("SET", "k", "v")
        self.same(there, here)
        self.assertEqual(list((other.folder / "data").glob("diverged-*")), [])
        self.assertEqual(info(here, "replication")["slave_divergence"], "")


if __name__ == "__main__":
    unittest.main()
