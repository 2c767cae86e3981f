"""What was acknowledged is there after a restart, however the server ended."""

import signal
import subprocess
import threading
import time
from pathlib import Path

import common
from common import PATIENCE, ReplyError, ServerTest, info


def fill(connection, start: int = 0, count: int = 3000) -> None:
    commands = []
    for n in range(start, start + count):
        commands += [("SET", f"s:{n}", f"value {n}"), ("HSET", f"h:{n % 100}", f"f:{n}", n)]
        if n % 10 == 0:
            commands.append(("SET", f"t:{n}", n, "PXAT", 4_000_000_000_000 + n))
            commands.append(("HPEXPIREAT", f"h:{n % 100}", 4_000_000_000_000 + n, "FIELDS", 1, f"f:{n}"))
    commands += [("APPEND", "binary", bytes(range(256))), ("SETBIT", "bits", 100_000, 1), ("INCRBY", "number", 7)]
    replies = connection.pipeline(commands)
    errors = [reply for reply in replies if isinstance(reply, ReplyError)]
    assert not errors, errors[:3]


def snapshot(connection) -> dict:
    """Everything in database 0, with the times of expiry."""
    keys, cursor = [], b"0"
    while True:
        cursor, page = connection.call("SCAN", cursor, "COUNT", 1000)
        keys += page
        if cursor == b"0":
            break
    types = connection.pipeline([("TYPE", key) for key in keys])
    expiries = connection.pipeline([("PEXPIRETIME", key) for key in keys])
    state = {}
    for key, kind, expiry in zip(keys, types, expiries):
        if kind == b"hash":
            pairs = connection.call("HGETALL", key)
            fields = dict(zip(pairs[::2], pairs[1::2]))
            names = sorted(fields)
            times = connection.call("HPEXPIRETIME", key, "FIELDS", len(names), *names)
            value = (fields, dict(zip(names, times)))
        else:
            value = connection.call("GET", key)
        state[key] = (kind, expiry, value)
    state["DBSIZE"] = connection.call("DBSIZE")
    return state


class Restart(ServerTest):
    maxDiff = 2000

    def same(self, before: dict, after: dict) -> None:
        self.assertEqual(before["DBSIZE"], len(before) - 1)
        different = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
        self.assertEqual(different[:5], [], f"{len(different)} keys differ")

    def test_clean_stop_keeps_all_and_replays_nothing(self):
        server = self.server("--threads", "2")
        with server.connect() as connection:
            fill(connection)
            before = snapshot(connection)
        server.stop()
        self.assertEqual(server.process.returncode, 0, server.log_tail())
        server.start()
        with server.connect() as connection:
            self.same(before, snapshot(connection))
            found = info(connection, "persistence")
            self.assertEqual(found["binlog_replayed_records"], "0")
            self.assertEqual(found["binlog_truncated_bytes"], "0")

    def test_kill_keeps_all(self):
        server = self.server("--threads", "2")
        with server.connect() as connection:
            fill(connection)
            before = snapshot(connection)
        server.kill()
        server.start()
        with server.connect() as connection:
            self.same(before, snapshot(connection))
        server.kill()  # again, right after the recovery
        server.start()
        with server.connect() as connection:
            self.same(before, snapshot(connection))

    def test_kill_keeps_deletes_flushes_and_other_databases(self):
        server = self.server("--threads", "2")
        with server.connect() as connection:
            fill(connection)
            connection.pipeline([("SELECT", 3), ("SET", "three", "3"), ("SET", "gone", "x"), ("DEL", "gone")])
            connection.pipeline([("SELECT", 5), ("SET", "five", "5"), ("FLUSHDB",), ("SET", "again", "5")])
            connection.pipeline([("SELECT", 0), ("FLUSHDB",), ("SET", "only", "1"), ("SWAPDB", 3, 4)])
        server.kill()
        server.start()
        with server.connect() as connection:
            self.assertEqual(connection.call("KEYS", "*"), [b"only"])
            self.assertEqual(connection.pipeline([("SELECT", 3), ("KEYS", "*"), ("DBSIZE",)])[1:], [[], 0])
            self.assertEqual(connection.pipeline([("SELECT", 4), ("KEYS", "*"), ("DBSIZE",)])[1:], [[b"three"], 1])
            self.assertEqual(connection.pipeline([("SELECT", 5), ("KEYS", "*"), ("DBSIZE",)])[1:], [[b"again"], 1])

    def test_key_that_expires_while_stopped(self):
        server = self.server()
        with server.connect() as connection:
            connection.pipeline([("SET", "short", "x", "PX", 150), ("HSET", "h", "a", 1, "b", 2),
                                 ("HPEXPIRE", "h", 150, "FIELDS", 1, "a"), ("SET", "long", "x", "EX", 10_000)])
        for end in (server.stop, server.kill):
            end()
            time.sleep(0.16)
            server.start()
            with server.connect() as connection:
                self.assertIsNone(connection.call("GET", "short"))
                self.assertEqual(connection.call("HGETALL", "h"), [b"b", b"2"])
                self.assertGreater(connection.call("TTL", "long"), 9_000)
                self.until(lambda: connection.call("DBSIZE") == 2, what="DBSIZE without the expired key")

    def test_number_of_threads_may_change(self):
        server = self.server("--threads", "1")
        before = None
        for round_, threads in enumerate(("1", "3", "2", "1")):
            if before is not None:
                (server.kill if round_ == 2 else server.stop)()
                server.options = ["--threads", threads]
                server.start()
            with server.connect() as connection:
                if before is not None:
                    self.same(before, snapshot(connection))
                    self.assertEqual(connection.call("CONFIG", "GET", "threads"), [b"threads", threads.encode()])
                fill(connection, start=round_ * 1000, count=1000)
                connection.pipeline([("DEL", f"s:{n}") for n in range(round_ * 1000, round_ * 1000 + 50)])
                before = snapshot(connection)

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.server(name=f"signal-{number}")
            with server.connect() as connection:
                connection.call("SET", "a", "b")
            server.process.send_signal(number)
            self.assertEqual(server.process.wait(PATIENCE), 0)
            server.start()
            with server.connect() as connection:
                self.assertEqual(connection.call("GET", "a"), b"b")
                self.assertEqual(info(connection, "persistence")["binlog_replayed_records"], "0")


class Backup(ServerTest):
    def test_backup_under_writes_is_a_prefix(self):
        server = self.server("--threads", "3")
        acknowledged, ending, errors = [0], threading.Event(), []

        def write():
            try:
                with server.connect() as connection:
                    while not ending.is_set():
                        connection.call("SET", f"c:{acknowledged[0]}", acknowledged[0])
                        acknowledged[0] += 1
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        with server.connect() as connection:
            fill(connection)
            other = connection.call("DBSIZE")
            saves = int(info(connection, "persistence")["rdb_saves"])
            writer = threading.Thread(target=write)
            writer.start()
            try:
                self.until(lambda: acknowledged[0] > 500 or errors, what="some writes")
                before = acknowledged[0]
                connection.call("BGSAVE")
                self.until(lambda: int(info(connection, "persistence")["rdb_saves"]) > saves, what="the backup")
                after = acknowledged[0] + 1
                self.until(lambda: acknowledged[0] > after + 200 or errors, what="writes after the backup")
            finally:
                ending.set()
                writer.join()
            self.assertEqual(errors, [])
        backups = list((server.folder / "data/backup").iterdir())
        self.assertEqual(len(backups), 1)

        target = self.folder / "copy/data"
        done = subprocess.run([common.PROGRAM, "restore", backups[0], "--dir", target], capture_output=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done)
        copy = self.server("--threads", "2", name="copy")
        with copy.connect() as connection:
            count = connection.call("DBSIZE") - other
            self.assertGreaterEqual(count, before)
            self.assertLessEqual(count, after)
            values = connection.call("MGET", *[f"c:{n}" for n in range(count + 50)])
            self.assertEqual(values, [str(n).encode() for n in range(count)] + [None] * 50)
            self.assertEqual(connection.call("GET", "s:42"), b"value 42")
            connection.call("SET", "new", "1")  # the copy takes writes, and keeps them
        copy.kill()
        copy.start()
        with copy.connect() as connection:
            self.assertEqual(connection.call("DBSIZE"), other + count + 1)
        with server.connect() as connection:
            self.assertEqual(connection.call("DBSIZE"), other + acknowledged[0])

    def test_restore_refuses(self):
        server = self.server()
        with server.connect() as connection:
            connection.call("SET", "a", "b")
            connection.call("SAVE")
        backup = next((server.folder / "data/backup").iterdir())
        for name in ("rocksdb", "binlog"):  # a folder that holds data, be it half of it
            full = self.folder / f"full-{name}"
            (full / name).mkdir(parents=True)
            (full / name / "mine").write_text("keep")
            self.assertIn(str(full), self.refuses("restore", backup, "--dir", full))
            self.assertEqual([str(path.relative_to(full)) for path in full.rglob("*")], [name, f"{name}/mine"])
        self.refuses("restore", backup, "--dir", server.folder / "data")  # a server runs on it
        self.refuses("restore", self.folder / "nothing", "--dir", self.folder / "new1")
        self.refuses("restore", full, "--dir", self.folder / "new2")  # not a backup
        self.refuses("restore")
        self.assertFalse((self.folder / "new1").exists() and list((self.folder / "new1").iterdir()))
        with server.connect() as connection:
            self.assertEqual(connection.call("GET", "a"), b"b")

    def test_same_second_backups_do_not_collide(self):
        server = self.server()
        with server.connect() as connection:
            for n in range(3):
                connection.call("SET", "n", n)
                connection.call("SAVE")
        backups = sorted((server.folder / "data/backup").iterdir())
        target = self.folder / "copy/data"
        done = subprocess.run([common.PROGRAM, "restore", backups[-1], "--dir", target],
                              capture_output=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done)
        with self.server(name="copy").connect() as connection:
            self.assertEqual(connection.call("GET", "n"), b"2")
