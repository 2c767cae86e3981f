"""Several partitions look like one keyspace."""

import random
import threading
import time

import common
from common import PATIENCE, ReplyError, ServerTest


class Partitions(ServerTest):
    def setUp(self):
        super().setUp()
        self.running = self.server("--threads", "3")

    def together(self, *workers, seconds: float, enough=lambda: True) -> None:
        """Runs each worker with a connection of its own, again and again, for a while and until it is `enough`; its
        first exception fails the test.
        """
        errors, end = [], time.monotonic() + seconds

        def goes_on():
            now = time.monotonic()
            return not errors and (now < end or not enough() and now < end + PATIENCE)

        def work(worker):
            try:
                with self.running.connect(PATIENCE) as connection:
                    while goes_on():
                        worker(connection)
            except BaseException as error:  # noqa: BLE001
                errors.append(error)
        threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(seconds + 3 * PATIENCE)
            self.assertFalse(thread.is_alive(), "a command was never answered")
        if errors:
            raise errors[0]

    def test_mset_is_atomic(self):
        keys = [f"k:{n}" for n in range(12)]
        numbers = iter(range(10**9))
        seen = set()

        def write(connection):
            number = next(numbers)
            connection.call("MSET", *[word for key in keys for word in (key, number)])

        def read(connection):
            values = connection.call("MGET", *keys)
            self.assertEqual(len(set(values)), 1, values)
            seen.add(values[0])

        self.together(write, write, read, read, seconds=2, enough=lambda: len(seen) > 10)
        self.assertGreater(len(seen), 10)

    def test_a_pipeline_s_scripts_keep_their_order(self):
        """Whatever keys they name: a script may touch others, and makes itself known to EVALSHA."""
        with self.running.connect(PATIENCE) as connection:
            for n in range(100):
                script = f"redis.call('SET', 'made:' .. ARGV[1], redis.call('GET', 'before:' .. ARGV[1])) return {n}"
                sha = connection.call("SCRIPT", "LOAD", script)
                connection.call("SCRIPT", "FLUSH")
                replies = connection.pipeline([
                    ("SET", f"before:{n}", n), ("EVAL", script, 1, f"some:{n}", n), ("GET", f"made:{n}"),
                    ("EVALSHA", sha, 1, f"other:{n}", n), ("DEL", f"before:{n}")])
                self.assertEqual(replies, [b"OK", n, str(n).encode(), n, 1])

    def test_rename_is_atomic(self):
        """A token is renamed over and over: it is always at exactly one place, also across crashes."""
        names = [f"place:{n}" for n in range(5)]
        source = random.Random(common.SEED)
        with self.running.connect() as connection:
            connection.call("SET", names[0], "token")
        at = [names[0]]

        def move(connection):
            to = source.choice(names)
            self.assertEqual(connection.call("RENAME", at[0], to), b"OK")
            at[0] = to

        def look(connection):
            values = connection.call("MGET", *names)
            self.assertEqual(values.count(b"token"), 1, values)
            self.assertEqual(connection.call("DBSIZE"), 1)
        self.together(move, look, look, seconds=1)
        self.running.kill()
        self.running.start()
        with self.running.connect() as connection:
            self.assertEqual(connection.call("GET", at[0]), b"token")
            self.assertEqual(connection.call("DBSIZE"), 1)

    def test_rename_keeps_value_and_expiry(self):
        with self.running.connect() as connection:
            for n in range(50):
                connection.call("HSET", "h", "a", n, "b", 2)
                connection.call("HPEXPIREAT", "h", 4_000_000_000_000, "FIELDS", 1, "a")
                connection.call("PEXPIREAT", "h", 4_100_000_000_000)
                connection.call("SET", f"to:{n}", "old")
                self.assertEqual(connection.call("RENAME", "h", f"to:{n}"), b"OK")
                self.assertEqual(connection.call("HGETALL", f"to:{n}"), [b"a", str(n).encode(), b"b", b"2"])
                self.assertEqual(connection.call("PEXPIRETIME", f"to:{n}"), 4_100_000_000_000)
                self.assertEqual(connection.call("HPEXPIRETIME", f"to:{n}", "FIELDS", 2, "a", "b"),
                                 [4_000_000_000_000, -1])
                self.assertEqual(connection.call("EXISTS", "h"), 0)
            self.assertEqual(connection.call("DBSIZE"), 50)

    def test_dbsize_after_blind_sets(self):
        source = random.Random(common.SEED)
        with self.running.connect() as connection:
            keys = set()
            for round_ in range(20):
                batch = [f"key:{source.randrange(20_000)}" for _ in range(1000)]
                gone = [f"key:{source.randrange(20_000)}" for _ in range(100)]
                keys = (keys | set(batch)) - set(gone)
                replies = connection.pipeline([("SET", key, round_) for key in batch]
                                              + [("DEL", key) for key in gone] + [("DBSIZE",)])
                self.assertEqual(replies[-1], len(keys))
        self.running.kill()
        self.running.start()
        with self.running.connect() as connection:
            self.assertEqual(connection.call("DBSIZE"), len(keys))

    def test_flushall_is_seen_by_all(self):
        with self.running.connect() as one, self.running.connect() as two:
            for mode in ([], ["ASYNC"], ["SYNC"]):
                one.pipeline([("SET", f"k:{n}", n) for n in range(3000)])
                self.assertEqual(two.call("DBSIZE"), 3000)
                replies = one.pipeline([("SET", "last", 1), ("FLUSHALL", *mode), ("DBSIZE",), ("SET", "new", 1),
                                        ("DBSIZE",), ("GET", "k:1")])
                self.assertEqual(replies, [b"OK", b"OK", 0, b"OK", 1, None])
                self.assertEqual(two.call("KEYS", "*"), [b"new"])
                found, cursor = [], b"0"
                while True:
                    cursor, page = two.call("SCAN", cursor, "COUNT", 10_000)
                    found += page
                    if cursor == b"0":
                        break
                self.assertEqual(found, [b"new"])
                one.call("DEL", "new")

    def test_scan_is_complete(self):
        with self.running.connect() as connection:
            connection.pipeline([("SET", f"stay:{n}", n) for n in range(5000)])
            for count in (1, 7, 100, 10_000):
                found, cursor, calls = set(), b"0", 0
                while True:
                    noise = [("SET", f"noise:{calls}", 1), ("DEL", f"noise:{calls - 3}")] if count > 1 else []
                    *_, (cursor, page) = connection.pipeline([*noise, ("SCAN", cursor, "COUNT", count)])
                    found.update(key for key in page if key.startswith(b"stay:"))
                    calls += 1
                    if cursor == b"0":
                        break
                    self.assertLess(calls, 30_000)
                self.assertEqual(len(found), 5000, f"COUNT {count}")

    def test_pipeline_like_a_dictionary(self):
        source = random.Random(common.SEED)
        model: dict[str, bytes] = {}
        keys = [f"k:{n}" for n in range(40)]
        with self.running.connect() as connection:
            for round_ in range(150):
                commands, expected = [], []
                for number in range(source.randint(1, 200)):
                    key, value = source.choice(keys), f"{round_}.{number}"
                    match source.randrange(10):
                        case 0 | 1:
                            commands.append(("GET", key))
                            expected.append(model.get(key))
                        case 2 | 3:
                            commands.append(("SET", key, value))
                            model[key] = value.encode()
                            expected.append(b"OK")
                        case 4:
                            commands.append(("PING", value))
                            expected.append(value.encode())
                        case 5:
                            commands.append(("DBSIZE",))
                            expected.append(len(model))
                        case 6:
                            some = source.sample(keys, 3)
                            commands.append(("DEL", *some))
                            expected.append(sum(model.pop(one, None) is not None for one in some))
                        case 7:
                            some = source.sample(keys, 5)
                            commands.append(("MGET", *some))
                            expected.append([model.get(one) for one in some])
                        case 8:
                            some = source.sample(keys, 3)
                            commands.append(("MSET", *[word for one in some for word in (one, value)]))
                            model.update({one: value.encode() for one in some})
                            expected.append(b"OK")
                        case 9:
                            to = source.choice(keys)
                            commands.append(("RENAME", key, to))
                            if key in model:
                                model[to] = model.pop(key)
                            expected.append(b"OK" if to in model and key not in model or key == to and key in model
                                            else None)
                replies = connection.pipeline(commands)
                for command, reply, want in zip(commands, replies, expected):
                    if command[0] == "RENAME":
                        self.assertIn(type(reply), (bytes, ReplyError), command)
                    else:
                        self.assertEqual(reply, want, command)
            self.assertEqual(sorted(connection.call("KEYS", "*")), sorted(key.encode() for key in model))

    def test_commands_over_all_partitions_do_not_block_each_other(self):
        def mixed(seed):
            source = random.Random(seed)

            def work(connection):
                some = [f"k:{source.randrange(50)}" for _ in range(4)]
                connection.pipeline([source.choice([
                    ("MSET", some[0], 1, some[1], 2), ("RENAME", some[0], some[1]), ("DEL", *some), ("DBSIZE",),
                    ("FLUSHDB",), ("COPY", some[0], some[2], "REPLACE"), ("MGET", *some), ("MSETNX", some[2], 1, some[3], 1),
                    ("SWAPDB", 0, 1), ("RANDOMKEY",), ("KEYS", "*"), ("SET", some[0], 1), ("INCR", some[1])])
                    for _ in range(20)])
            return work
        self.together(*[mixed(seed) for seed in range(8)], seconds=1.5)
        with self.running.connect() as connection:
            for database in range(2):
                connection.call("SELECT", database)
                self.assertEqual(connection.call("DBSIZE"), len(connection.call("KEYS", "*")))
