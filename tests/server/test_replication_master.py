"""A real redis-server as a slave of this server: it gets everything, follows, and goes on after every kind of break."""

import os
import random
import shutil
import subprocess
import threading
import time
import unittest

import common
from common import PATIENCE, ReplyError, ServerTest, info
from contents import contents
from resp import Connection
from server import Server

DATABASES = (0, 1, 9)
# What random commands may be refused for.
EXPECTED = ("no such key", "source and destination objects are the same")
FAR_MS = 4_000_000_000_000


def everything(connection: Connection) -> dict:
    """All that a server has, and how many keys it says there are."""
    found = contents(connection, max(DATABASES) + 1)
    for database in DATABASES:
        connection.call("SELECT", database)
        found[database, "DBSIZE"] = connection.call("DBSIZE")
    return found


class Load(threading.Thread):
    """Writes of all types to several databases, until it is told to stop. It goes on after a break."""

    def __init__(self, port: int, seed: int, keys: int = 200):
        super().__init__(daemon=True)
        self.port, self.random, self.keys = port, random.Random(seed), keys
        self.ends, self.rounds, self.errors = threading.Event(), 0, []

    def commands(self) -> list[tuple]:
        draw, out = self.random, [("SELECT", self.random.choice(DATABASES))]
        for _ in range(draw.randrange(1, 20)):
            number = draw.randrange(self.keys)
            out.append(draw.choice([
                ("SET", f"s{number}", draw.random()),
                ("SET", f"s{number}", "x" * draw.randrange(3000), "PX", draw.randrange(1, 3000)),
                ("SET", f"s{number}", 1, "PXAT", FAR_MS + number),
                ("APPEND", f"s{number}", "tail"),
                ("INCR", f"i{number % 20}"),
                ("INCRBYFLOAT", f"f{number % 20}", "0.1"),
                ("DEL", f"s{number}", f"i{number % 20}", f"h{number % 20}"),
                ("HSET", f"h{number % 20}", f"f{draw.randrange(200)}", draw.random()),
                ("HINCRBY", f"c{number % 20}", "n", 3),
                ("LPUSH", f"l{number % 20}", "a", "b"),
                ("RPOP", f"l{number % 20}", 3),
                ("LMOVE", f"l{number % 20}", f"l{draw.randrange(20)}", "LEFT", "RIGHT"),
                ("SADD", f"set{number % 20}", draw.randrange(1000), f"m{draw.randrange(1000)}"),
                ("SPOP", f"set{number % 20}", draw.randrange(1, 4)),
                ("SUNIONSTORE", f"set{draw.randrange(20)}", "set1", f"set{number % 20}"),
                ("ZADD", f"z{number % 20}", draw.random(), f"m{draw.randrange(300)}"),
                ("ZPOPMIN", f"z{number % 20}"),
                ("XADD", f"x{number % 5}", "MAXLEN", 300, "*", "a", draw.random()),
                ("EXPIRE", f"h{number % 20}", draw.randrange(1, 4)),
                ("PERSIST", f"h{number % 20}"),
                ("RENAME", f"i{number % 20}", f"i{draw.randrange(20)}"),
                ("MOVE", f"s{number}", draw.choice(DATABASES)),
                ("COPY", f"z{number % 20}", f"z{draw.randrange(20)}", "REPLACE"),
                ("SETBIT", f"b{number % 20}", draw.randrange(5000), 1),
                ("PFADD", f"p{number % 20}", draw.random()),
            ]))
        if draw.random() < 0.2:
            out = [out[0], ("MULTI",), *out[1:], ("SELECT", draw.choice(DATABASES)), ("SET", "last", draw.random()), ("EXEC",)]
        if draw.random() < 0.005:
            out.append(("FLUSHDB",))
        return out

    def run(self):
        while not self.ends.is_set():
            try:
                with Connection(self.port, timeout=PATIENCE) as connection:
                    while not self.ends.is_set():
                        for reply in connection.pipeline(self.commands()):
                            if isinstance(reply, ReplyError) and not any(text in str(reply) for text in EXPECTED):
                                self.errors.append(str(reply))
                        self.rounds += 1
            except (OSError, ConnectionError):
                time.sleep(0.01)  # the server is down; the test brings it back

    def stop(self):
        self.ends.set()
        self.join(PATIENCE)


@unittest.skipUnless(shutil.which("redis-server"), "needs redis-server")
class RedisFollows(ServerTest):
    def redis(self, *options, name: str = "redis") -> Server:
        options = ("--save", "", "--repl-diskless-load", "swapdb", "--enable-debug-command", "yes", *map(str, options))
        return self.enterContext(Server("redis-server", self.folder / name, options))

    def server(self, *options, name: str = "server") -> Server:
        return super().server(*map(str, options), name=name)

    def connect(self, server: Server) -> Connection:
        return self.enterContext(Connection(server.port, timeout=PATIENCE))

    def follow(self, replica: Server, master: Server) -> None:
        with Connection(replica.port) as connection:
            connection.call("REPLICAOF", "127.0.0.1", master.port)
        self.linked(replica)

    def linked(self, replica: Server) -> None:
        def is_up():
            with Connection(replica.port) as connection:
                return info(connection, "replication")["master_link_status"] == "up"
        self.until(is_up, what="the link")

    def caught_up(self, master: Server, replica: Server) -> None:
        """No more is written: the replica has run all of the log."""
        def same():
            with Connection(master.port) as one, Connection(replica.port) as other:
                facts = info(other, "replication")
                return facts["master_link_status"] == "up" and \
                    facts["slave_repl_offset"] == info(one, "replication")["master_repl_offset"]
        self.until(same, what="the same offset")

    def equal(self, master: Server, replica: Server) -> None:
        """All that expires soon has expired on both, and all else is the same."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.caught_up(master, replica)
            with Connection(master.port, timeout=PATIENCE) as one, Connection(replica.port, timeout=PATIENCE) as other:
                try:
                    ours, theirs = everything(one), everything(other)
                except ReplyError:  # a key expired within the reading of it
                    ours, theirs = {}, None
            if ours == theirs:
                self.assertGreater(len(ours), len(DATABASES), "nothing was written")
                return
            if time.monotonic() > deadline:
                differing = sorted((key for key in ours.keys() | (theirs or {}).keys() if ours.get(key) != (theirs or {}).get(key)), key=str)
                self.fail(f"{len(differing)} differ: " + "\n".join(
                    f"{key}: {str(ours.get(key))[:200]} / {str(theirs.get(key))[:200]}" for key in differing[:5]))
            time.sleep(0.05)  # something may just be expiring

    def load(self, server: Server, threads: int = 2) -> list[Load]:
        loads = [Load(server.port, common.SEED * 100 + number) for number in range(threads)]
        for load in loads:
            load.start()
            self.addCleanup(load.stop)
        return loads

    def rounds(self, loads: list[Load], more: int) -> None:
        target = sum(load.rounds for load in loads) + more
        self.until(lambda: sum(load.rounds for load in loads) >= target, what="the load")

    def stop(self, loads: list[Load]) -> None:
        for load in loads:
            load.stop()
            self.assertEqual(load.errors[:3], [])

    def syncs(self, master: Server) -> tuple[int, int]:
        with Connection(master.port) as connection:
            facts = info(connection, "stats")
        return int(facts["sync_full"]), int(facts["sync_partial_ok"])

    def test_everything_arrives_under_live_writes(self):
        for partitions, fsync in ((1, "everysec"), (3, "everysec"), (2, "always")):
            with self.subTest(partitions=partitions, fsync=fsync):
                options = ("--threads", partitions, "--appendfsync", fsync)
                master = self.server(*options, name=f"server{partitions}")
                replica = self.redis(name=f"redis{partitions}")
                with Connection(master.port) as connection:
                    connection.call("SET", "big", "x" * 3_000_000)
                    connection.call("RPUSH", "long", *range(20_000))
                    connection.call("XADD", "x0", "1-1", "a", "b")
                    connection.call("XGROUP", "CREATE", "x0", "group", "0")
                    connection.call("XREADGROUP", "GROUP", "group", "me", "STREAMS", "x0", ">")
                loads = self.load(master)
                self.rounds(loads, 300)
                self.follow(replica, master)
                self.rounds(loads, 300)
                self.stop(loads)
                self.equal(master, replica)
                self.assertEqual(self.syncs(master)[0], 1)

    def test_a_broken_link_goes_on_where_it_was(self):
        master, replica = self.server("--threads", 2), self.redis()
        self.follow(replica, master)
        loads = self.load(master)
        for number in range(5):
            self.rounds(loads, 100)
            with Connection(master.port) as connection:
                self.assertEqual(connection.call("CLIENT", "KILL", "TYPE", "replica"), 1)
            self.until(lambda: self.syncs(master)[1] == number + 1, what="a partial synchronisation")
            self.linked(replica)
        self.stop(loads)
        self.equal(master, replica)
        self.assertEqual(self.syncs(master), (1, 5))

    def test_a_master_that_is_killed_is_followed_again_without_a_full_sync(self):
        master, replica = self.server("--threads", 2), self.redis("--repl-timeout", 10)
        self.follow(replica, master)
        loads = self.load(master)
        for _ in range(4):
            self.rounds(loads, 100)
            master.kill()
            master.start()
            self.until(lambda: self.syncs(master) == (0, 1), what="a partial synchronisation")
        self.rounds(loads, 100)
        self.stop(loads)
        self.equal(master, replica)
        with Connection(master.port) as connection:
            facts = info(connection, "replication")
        self.assertNotEqual(facts["master_replid2"], "0" * 40)

    def test_a_replica_that_is_killed_comes_back(self):
        master, replica = self.server("--threads", 2), self.redis()
        replica.options += ["--replicaof", f"127.0.0.1 {master.port}"]
        loads = self.load(master)
        self.follow(replica, master)
        for _ in range(2):
            self.rounds(loads, 100)
            replica.kill()
            replica.start()
            self.linked(replica)
        self.stop(loads)
        self.equal(master, replica)

    def test_a_position_of_long_ago_is_found_in_the_logs_files(self):
        master, replica = self.server("--binlog-segment-size", "1mb"), self.redis()
        replica.options += ["--replicaof", f"127.0.0.1 {master.port}"]
        connection = self.connect(master)
        connection.call("SET", "first", 1)
        self.follow(replica, master)
        self.caught_up(master, replica)
        with Connection(replica.port) as other:
            other.call("SAVE")  # with its position
        replica.kill()
        for number in range(50):
            connection.pipeline([("SET", f"k{number}:{part}", os.urandom(4000).hex()) for part in range(100)])
        self.assertGreater(int(info(connection, "binlog")["binlog_segments"]), 20)
        replica.start()
        self.linked(replica)
        self.equal(master, replica)
        self.assertEqual(self.syncs(master), (1, 1))

    def test_what_expires_is_followed(self):
        master, replica = self.server(), self.redis()
        self.follow(replica, master)
        connection, other = self.connect(master), self.connect(replica)
        connection.pipeline([("SET", f"k{number}", 1, "PX", 1 + number) for number in range(500)])
        self.until(lambda: connection.call("DBSIZE") == 0 and other.call("DBSIZE") == 0, what="the end of all keys")
        self.assertEqual(info(other, "stats")["expired_keys"], "0", "the replica removed something by itself")

    def test_a_slow_replica_is_cut_off_at_its_limit_and_comes_back(self):
        master = self.server("--client-output-buffer-limit", "replica 8mb 0 0")
        replica = self.redis()
        self.follow(replica, master)
        connection = self.connect(master)
        self.assertEqual(connection.pipeline([("SET", "a", 1), ("WAIT", 1, 0)])[1], 1)  # it has caught up
        self.suspend(replica.process.pid)

        def cut():
            connection.pipeline([("SET", f"k{part}", os.urandom(20_000).hex()) for part in range(50)])
            return info(connection, "replication")["connected_slaves"] == "0"
        self.until(cut, what="the end of the link")
        self.logged(master, "client-output-buffer-limit")
        self.resume(replica.process.pid)
        self.linked(replica)
        self.equal(master, replica)
        self.assertEqual(self.syncs(master), (1, 1), "what it lacks comes from the log")

    def test_what_wait_acknowledged_outlives_the_master(self):
        master, replica = self.server("--threads", 2), self.redis("--repl-timeout", 10)
        self.follow(replica, master)
        other = self.connect(replica)
        for turn in range(3):
            acknowledged, ends = [], threading.Event()

            def write(turn=turn, acknowledged=acknowledged, ends=ends):
                try:
                    with Connection(master.port, timeout=PATIENCE) as connection:
                        number = 0
                        while not ends.is_set():
                            number += 1
                            key = f"w{turn}:{number}"
                            if connection.pipeline([("SET", key, number), ("WAIT", 1, 0)])[1] == 1:
                                acknowledged.append(key)
                except (OSError, ConnectionError):
                    pass
            writer = threading.Thread(target=write, daemon=True)
            writer.start()
            self.until(lambda: len(acknowledged) >= 200, what="acknowledged writes")
            master.kill()
            ends.set()
            writer.join(PATIENCE)
            for key in acknowledged:
                self.assertEqual(other.call("EXISTS", key), 1, key)
            master.start()
            self.until(lambda: self.syncs(master) == (0, 1), what="a partial synchronisation")
            self.linked(replica)

    def test_wait_counts_who_has_it_and_gives_up_in_time(self):
        master, replica = self.server(), self.redis()
        connection = self.connect(master)
        self.assertEqual(connection.call("WAIT", 0, 0), 0)
        self.assertEqual(connection.pipeline([("SET", "a", 1), ("WAIT", 1, 50)])[1], 0)
        self.assertEqual(connection.call("WAITAOF", 1, 0, 0), [1, 0])
        self.follow(replica, master)
        self.assertEqual(connection.pipeline([("SET", "a", 2), ("WAIT", 1, 0)])[1], 1)
        self.assertEqual(connection.pipeline([("SET", "a", 3), ("WAIT", 2, 100)])[1], 1)
        self.suspend(replica.process.pid)
        began = time.monotonic()
        self.assertEqual(connection.pipeline([("SET", "a", 4), ("WAIT", 1, 300)])[1], 0)
        self.assertGreaterEqual(time.monotonic() - began, 0.3)
        replies = connection.pipeline([("MULTI",), ("SET", "a", 5), ("WAIT", 1, 0), ("EXEC",)])
        self.assertEqual(replies[3], [b"OK", 0] if isinstance(replies[3][0], bytes) else replies[3])
        self.assertEqual(replies[3][1], 0, "it does not wait within a transaction")

    def test_writes_are_refused_without_enough_replicas(self):
        master, replica = self.server("--min-replicas-to-write", 1, "--min-replicas-max-lag", 3), self.redis()
        connection = self.connect(master)

        def error():
            reply = connection.pipeline([("SET", "a", 1)])[0]
            return str(reply) if isinstance(reply, ReplyError) else None
        self.assertEqual(self.until(error), "NOREPLICAS Not enough good replicas to write.")
        self.assertIsNone(connection.call("GET", "a"))
        self.follow(replica, master)
        self.until(lambda: error() is None, what="a write")
        self.assertEqual(info(connection, "replication")["min_slaves_good_slaves"], "1")
        self.suspend(replica.process.pid)
        self.assertIn("NOREPLICAS", self.until(error))
        self.resume(replica.process.pid)
        self.until(lambda: error() is None, what="a write")

    def test_several_replicas_share_a_snapshot_and_role_and_client_list_show_them(self):
        master = self.server()
        connection = self.connect(master)
        connection.pipeline([("SET", f"k{number}", number) for number in range(1000)])
        replicas = [self.redis(name=f"redis{number}") for number in range(3)]
        for replica in replicas:
            with Connection(replica.port) as other:
                other.call("REPLICAOF", "127.0.0.1", master.port)
        for replica in replicas:
            self.linked(replica)
            self.equal(master, replica)
        self.assertEqual({int(row[1]) for row in connection.call("ROLE")[2]}, {replica.port for replica in replicas})
        listed = connection.call("CLIENT", "LIST", "TYPE", "replica").decode().splitlines()
        self.assertEqual(len(listed), 3)
        self.assertTrue(all(" flags=S " in line for line in listed), listed)
        self.assertEqual(connection.pipeline([("SET", "a", 1), ("WAIT", 3, 0)])[1], 3)

    def test_redis_cli_gets_a_file_and_the_stream(self):
        master = self.server()
        connection = self.connect(master)
        connection.pipeline([("SET", f"k{number}", "v" * number) for number in range(2000)])
        connection.call("SELECT", 9)
        connection.call("HSET", "h", "f", "v")
        target = self.folder / "out.rdb"
        subprocess.run(["redis-cli", "-p", str(master.port), "--rdb", str(target)], check=True, capture_output=True,
                       timeout=PATIENCE)
        self.loads_as(target, master)
        stream = subprocess.Popen(["redis-cli", "-p", str(master.port), "--replica"], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.addCleanup(stream.stdout.close)
        self.addCleanup(self._end, stream)
        self.until(lambda: info(connection, "replication").get("slave0", "").count("state=online"), what="online")
        connection.call("SET", "streamed", 1)
        lines = iter(stream.stdout.readline, b"")
        self.assertTrue(any(b'"SET","streamed","1"' in line for line in lines))

    def test_an_export_is_a_file_that_redis_loads(self):
        master = self.server()
        with Connection(master.port) as connection:
            connection.pipeline([("SET", f"k{number}", "v" * number, "PXAT", FAR_MS) for number in range(2000)])
            connection.call("ZADD", "z", 1, "a")
        target = self.folder / "out.rdb"
        command = [common.PROGRAM, "export", "--rdb", str(target), "--dir", str(master.folder / "data")]
        running = subprocess.run(command, capture_output=True, timeout=PATIENCE, cwd=self.folder)
        self.assertNotEqual(running.returncode, 0)
        self.assertIn(b"in use", running.stderr)
        master.kill()
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"exported 2,001 keys", done.stdout)
        master.start()
        self.loads_as(target, master)

    def loads_as(self, target, master: Server) -> None:
        """A redis-server that starts with the file has what the master has."""
        redis = Server("redis-server", self.folder / "loaded", ("--save", "", "--dbfilename", "in.rdb"))
        (self.folder / "loaded" / "data").mkdir(parents=True)
        shutil.copy(target, self.folder / "loaded" / "data" / "in.rdb")
        self.enterContext(redis)
        self.assertEqual(everything(self.connect(redis)), everything(self.connect(master)))


@unittest.skipUnless(shutil.which("redis-server"), "needs redis-server")
class Errors(ServerTest):
    """What both servers answer to the same words."""

    def test_errors_are_those_of_redis(self):
        ours = self.server()
        theirs = self.enterContext(Server("redis-server", self.folder / "redis", ("--save", "")))
        for words in [("REPLCONF", "listening-port"), ("REPLCONF", "listening-port", "x"), ("REPLCONF", "what", "1"),
                      ("REPLCONF", "ip-address", "x" * 300), ("REPLCONF", "rdb-only", "2"), ("REPLCONF",),
                      ("REPLCONF", "listening-port", "1", "capa", "eof", "capa", "psync2"),
                      ("REPLCONF", "rdb-filter-only", "functions"), ("REPLCONF", "rdb-filter-only", "keys"),
                      ("PSYNC", "?"), ("PSYNC", "?", "x"), ("PSYNC", "?", "-1", "FAILOVER"), ("SYNC", "x"),
                      ("WAIT",), ("WAIT", "x", "0"), ("WAIT", "0", "x"), ("WAIT", "0", "-1"), ("WAIT", "0", "0"),
                      ("WAIT", "-1", "0"), ("WAIT", "1", "1"), ("ROLE", "x")]:
            with self.subTest(words=words):
                with Connection(ours.port) as one, Connection(theirs.port) as other:
                    replies = [connection.pipeline([words])[0] for connection in (one, other)]
                    self.assertEqual(str(replies[0]), str(replies[1]))


if __name__ == "__main__":
    unittest.main()
