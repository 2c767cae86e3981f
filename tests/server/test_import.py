"""`pika import`: files that a real Redis wrote, into the data folder of a server that is not running."""

import random
import shutil
import subprocess
import unittest

import common
from common import SEED, ServerTest, info
from contents import contents, difference, fill, live_command
from resp import Connection
from server import Server

REDIS = shutil.which("redis-server")
# Encodings: as small collections, and as none.
PLAIN = ("--hash-max-listpack-entries", "0", "--set-max-intset-entries", "0", "--zset-max-listpack-entries", "0",
         "--list-max-listpack-size", "1", "--stream-node-max-entries", "3")


@unittest.skipIf(REDIS is None, "there is no redis-server")
class ImportTest(ServerTest):
    def filled(self, *options, name="redis") -> tuple[Server, Connection]:
        redis = self.enterContext(Server(REDIS, self.folder / name, ["--save", "", *options]))
        connection = self.enterContext(Connection(redis.port, timeout=60))
        fill(connection, SEED)
        return redis, connection

    def run_import(self, *arguments) -> subprocess.CompletedProcess:
        return subprocess.run([common.PROGRAM, "import", *map(str, arguments)], capture_output=True, text=True,
                              timeout=common.PATIENCE)

    def imported(self, source, name: str, *options) -> tuple[str, Connection]:
        """The report, and a connection to a server of what was imported."""
        data = self.folder / name / "data"
        data.mkdir(parents=True)
        done = self.run_import(source, "--dir", data, *options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        server = self.server(*options, name=name)
        return done.stdout, self.enterContext(Connection(server.port, timeout=60))

    def test_rdb_files_of_all_encodings(self):
        for name, options in (("compact", ()), ("plain", PLAIN), ("bare", ("--rdbcompression", "no",
                                                                         "--rdbchecksum", "no"))):
            with self.subTest(name):
                redis, there = self.filled(*options, name=f"redis-{name}")
                there.call("SAVE")
                report, here = self.imported(redis.folder / "data" / "dump.rdb", f"pika-{name}", "--threads", "2")
                self.assertEqual(difference(contents(there), contents(here)), "")
                total = sum(there.call("DBSIZE") for database in (0, 1, 9) if there.call("SELECT", database))
                self.assertIn(f"{total} keys", report)
                self.assertIn("zset", report)

    def test_functions_come_with_the_data(self):
        library = ("#!lua name=%s\nlocal function add(keys, args) return redis.call('incrby', keys[1], args[1]) end\n"
                   "redis.register_function('%s', add)\n"
                   "redis.register_function{function_name='%s_read', flags={'no-writes'}, description='d\\255',\n"
                   "callback=function(keys) return redis.call('get', keys[1]) end}")
        redis = self.enterContext(Server(REDIS, self.folder / "redis", ["--save", "", "--repl-diskless-sync-delay", "0"]))
        there = self.enterContext(Connection(redis.port, timeout=60))
        for name in ("one", "two"):
            there.call("FUNCTION", "LOAD", library % (name, name, name))
        there.call("FCALL", "one", "1", "counter", "5")
        there.call("SAVE")
        report, imported = self.imported(redis.folder / "data" / "dump.rdb", "pika")
        replicating = self.server("--replicaof", "127.0.0.1", str(redis.port), "--threads", "2", name="slave")
        slave = self.enterContext(Connection(replicating.port, timeout=60))
        self.until(lambda: info(slave, "replication").get("master_link_status") == "up", what="the link")

        def libraries(connection):
            return sorted((shown(library) for library in connection.call("FUNCTION", "LIST", "WITHCODE")), key=repr)

        def shown(library):
            fields = dict(zip(library[::2], library[1::2]))
            return {**fields, b"functions": sorted(fields[b"functions"], key=repr)}

        self.assertEqual(len(libraries(there)), 2)
        for here in (imported, slave):
            self.assertEqual(libraries(here), libraries(there))
            self.assertEqual(here.call("FCALL_RO", "two_read", "1", "counter"), b"5")
        self.assertEqual(imported.call("FCALL", "one", "1", "counter", "2"), 7)
        # What the master does with them later comes through the stream.
        there.call("FUNCTION", "DELETE", "two")
        there.call("FUNCTION", "LOAD", "REPLACE", library % ("one", "three", "four"))
        there.call("FCALL", "three", "1", "counter", "10")
        self.until(lambda: slave.call("GET", "counter") == b"15", what="the stream")
        self.assertEqual(libraries(slave), libraries(there))

    def test_append_only_files_with_and_without_preamble(self):
        for name, options in (("rdb", ("--aof-use-rdb-preamble", "yes")), ("aof", ("--aof-use-rdb-preamble", "no"))):
            with self.subTest(name):
                redis, there = self.filled("--appendonly", "yes", "--aof-timestamp-enabled", "yes", *options,
                                           name=f"redis-{name}")
                there.call("BGREWRITEAOF")
                self.until(lambda: info(there, "persistence")["aof_rewrite_in_progress"] == "0"
                           and info(there, "persistence")["aof_rewrite_scheduled"] == "0", what="the rewrite")
                chance = random.Random(SEED)
                for _ in range(20):
                    there.pipeline([("MULTI",), *[live_command(chance) for _ in range(3)], ("EXEC",),
                                    *[live_command(chance) for _ in range(50)]])
                # What expires soon is gone on both sides.
                self.until(lambda: not [1 for key in contents(there).values() if 0 < key[1] < 10**12 + 1000])
                folder = redis.folder / "data" / "appendonlydir"
                report, here = self.imported(folder, f"pika-{name}")
                self.until(lambda: not difference(contents(there), contents(here)), timeout=20)
                self.assertIn("commands run", report)
                # Its tail is cut off, in the middle of a transaction: as Redis, it does without.
                last = max(folder.glob("*.incr.aof"), key=lambda path: path.stat().st_mtime)
                with open(last, "ab") as file:
                    file.write(b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\nt")
                report, _ = self.imported(folder, f"pika-cut-{name}")
                self.assertIn("left out", report)
                done = self.run_import(folder, "--dir", self.folder / "refused" / "data", "--aof-load-truncated", "no")
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertIn("aof-load-truncated is no", done.stderr)

    def test_a_damaged_file_changes_nothing(self):
        redis, there = self.filled()
        there.call("SAVE")
        whole = (redis.folder / "data" / "dump.rdb").read_bytes()
        report, here = self.imported(redis.folder / "data" / "dump.rdb", "pika")
        before, chance = contents(here), random.Random(SEED)
        server_data = self.folder / "pika" / "data"
        here.send("SHUTDOWN")
        damaged = self.folder / "damaged.rdb"
        self.until(lambda: self.run_import(damaged, "--dir", server_data).stderr.find("in use") < 0)
        for round_ in range(12):
            bytes_ = bytearray(whole)
            if round_ % 2:
                bytes_ = bytes_[:chance.randrange(9, len(whole))]
            else:
                bytes_[chance.randrange(9, len(whole))] ^= 1 << chance.randrange(8)
            damaged.write_bytes(bytes_)
            done = self.run_import(damaged, "--dir", server_data, "--replace")
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("damaged.rdb", done.stderr)
        self.assertIn("--replace", self.run_import(redis.folder / "data" / "dump.rdb", "--dir", server_data).stderr)
        server = self.server(name="pika")
        with Connection(server.port, timeout=60) as connection:
            self.assertEqual(difference(before, contents(connection)), "")
            # A running server's folder is left alone.
            done = self.run_import(redis.folder / "data" / "dump.rdb", "--dir", server_data, "--replace")
            self.assertIn("in use by another process", done.stderr)

    def test_killed_in_the_middle_it_is_as_if_it_had_not_begun(self):
        redis, there = self.filled("--enable-debug-command", "yes")
        there.call("DEBUG", "POPULATE", 400_000, "many", 100)
        there.call("SAVE")
        data = self.folder / "pika" / "data"
        data.mkdir(parents=True)
        process = self.launch("import", redis.folder / "data" / "dump.rdb", "--dir", data)
        self.until(lambda: (data / "rocksdb").exists() and sum(
            path.stat().st_size for path in (data / "rocksdb").iterdir() if path.exists()) > 1_000_000
            or process.poll() is not None, what="something in the store")
        self.assertIsNone(process.poll(), "it was quicker than the test")
        process.kill()
        process.wait()
        server = self.server(name="pika")
        with Connection(server.port) as connection:
            self.assertEqual(connection.call("DBSIZE"), 0)
            self.logged(server, "did not end")
            connection.send("SHUTDOWN")
        self.until(lambda: not server.is_alive())
        done = self.run_import(redis.folder / "data" / "dump.rdb", "--dir", data)
        self.assertEqual(done.returncode, 0, done.stderr)
