"""MIGRATE: to a server of the same kind and to redis-server, and back."""

import shutil
import socket
import threading
import unittest

from common import PATIENCE, Connection, ReplyError, ServerTest, info
from server import Server

REDIS = shutil.which("redis-server")
KEYS = ("string", "number", "long", "list", "ints", "set", "hash", "zset", "stream", "big-list", "big-hash", "big-zset",
        "with time", "")


def fill(connection: Connection) -> None:
    """A key of every type, small and big."""
    commands = [
        ("SET", "string", b"\x00\xffbytes\r\n"), ("SET", "number", 12345), ("SET", "long", b"x" * 3_000_000),
        ("RPUSH", "list", "a", "b", "c"), ("SADD", "ints", *range(20)), ("SADD", "set", "a", "b", "c"),
        ("HSET", "hash", "f", "v", "g", "w"), ("ZADD", "zset", 1, "a", "2.5", "b", "inf", "c"),
        ("XADD", "stream", "5-1", "f", "v"), ("XADD", "stream", "7-0", "g", "w"),
        ("XGROUP", "CREATE", "stream", "group", "0"),
        ("XREADGROUP", "GROUP", "group", "alice", "COUNT", "1", "STREAMS", "stream", ">"),
        ("SET", "with time", "v", "PX", 1_000_000), ("SET", "", "the empty name"),
    ]
    for start in range(0, 20_000, 2_000):
        part = range(start, start + 2_000)
        commands += [("RPUSH", "big-list", *[f"element {n}" for n in part]),
                     ("HSET", "big-hash", *[word for n in part for word in (f"field {n}", n)]),
                     ("ZADD", "big-zset", *[word for n in part for word in (n / 4, f"member {n}")])]
    for reply in connection.pipeline(commands):
        if isinstance(reply, ReplyError):
            raise reply


def content(connection: Connection, keys=KEYS) -> dict:
    """What keys hold, in a form that does not depend on the order of hashes."""
    readers = {
        b"none": lambda key: None,
        b"string": lambda key: connection.call("GET", key),
        b"list": lambda key: connection.call("LRANGE", key, 0, -1),
        b"set": lambda key: sorted(connection.call("SMEMBERS", key)),
        b"hash": lambda key: sorted(zip(*[iter(connection.call("HGETALL", key))] * 2)),
        b"zset": lambda key: connection.call("ZRANGE", key, 0, -1, "WITHSCORES"),
        b"stream": lambda key: (connection.call("XRANGE", key, "-", "+"),
                                [entry[:2] for entry in connection.call("XPENDING", key, "group", "-", "+", 10)]),
    }
    return {key: readers[connection.call("TYPE", key)](key) for key in keys}


class Migrate(ServerTest):
    COST = 5

    def other(self, *options, program: str | None = None) -> Server:
        if program is None:
            return self.server(*options, name="other")
        return self.enterContext(Server(program, self.folder / "other", ["--save", "", *options]))

    def migrate(self, connection, target, key, *options, database=0, timeout=20_000):
        return connection.call("MIGRATE", "127.0.0.1", target.port, key, database, timeout, *options)

    def there_and_back(self, other: Server) -> None:
        here = self.server("--threads", "2")
        with here.connect(PATIENCE) as own, other.connect(PATIENCE) as foreign:
            fill(own)
            before = content(own)
            for key in KEYS:
                if key:
                    self.assertEqual(self.migrate(own, other, key, database=3), b"OK", key)
            self.assertEqual(self.migrate(own, other, "", "KEYS", "", database=3), b"OK")
            self.assertEqual(own.call("DBSIZE"), 0)
            foreign.call("SELECT", 3)
            self.assertEqual(content(foreign), before)
            self.assertGreater(foreign.call("PTTL", "with time"), 900_000)
            self.assertEqual(foreign.call("PTTL", "string"), -1)
            # All at once, and back.
            self.assertEqual(self.migrate(foreign, here, "", "KEYS", "nothing", *KEYS, database=1), b"OK")
            self.assertEqual(foreign.call("DBSIZE"), 0)
            own.call("SELECT", 1)
            self.assertEqual(content(own), before)
            # In one go from here as well.
            self.assertEqual(self.migrate(own, other, "", "COPY", "KEYS", *KEYS, database=3), b"OK")
            self.assertEqual(content(foreign), before)
            self.assertEqual(content(own), before)

    def test_every_type_there_and_back(self):
        self.there_and_back(self.other("--threads", "1"))

    @unittest.skipIf(REDIS is None, "there is no redis-server")
    def test_every_type_to_redis_and_back(self):
        self.there_and_back(self.other(program=REDIS))

    def test_what_was_moved_stays_gone_after_a_kill(self):
        here, other = self.server("--threads", "2", "--appendfsync", "always"), self.other()
        with here.connect(PATIENCE) as own:
            for number in range(20):
                own.call("SET", f"k{number}", number)
            self.migrate(own, other, "", "KEYS", *[f"k{number}" for number in range(0, 20, 2)])
        here.kill()
        here.start()
        with here.connect(PATIENCE) as own:
            self.assertEqual(own.call("EXISTS", *[f"k{number}" for number in range(20)]), 10)
            self.assertEqual(own.call("GET", "k1"), b"1")

    def test_options_and_errors(self):
        here, other = self.server("--threads", "2"), self.other()
        with here.connect(PATIENCE) as own, other.connect(PATIENCE) as foreign:
            self.assertEqual(self.migrate(own, other, "nothing"), b"NOKEY")
            self.assertEqual(self.migrate(own, other, "", "KEYS"), b"NOKEY")
            own.call("MSET", "k", "here", "j", "here")
            foreign.call("SET", "k", "there")
            busy = "ERR Target instance replied with error: BUSYKEY Target key name already exists."

            def error(key, *options, **more):
                with self.assertRaises(ReplyError) as caught:
                    self.migrate(own, other, key, *options, **more)
                return str(caught.exception)

            self.assertEqual(error("k"), busy)
            self.assertEqual(own.call("GET", "k"), b"here")
            # The one that was taken is gone, the other one is not.
            self.assertEqual(error("", "KEYS", "k", "j"), busy)
            self.assertEqual((own.call("EXISTS", "k"), own.call("EXISTS", "j")), (1, 0))
            self.assertEqual(self.migrate(own, other, "k", "COPY", "REPLACE"), b"OK")
            self.assertEqual((own.call("GET", "k"), foreign.call("GET", "k")), (b"here", b"here"))
            self.assertEqual(error("k", database=99),
                             "ERR Target instance replied with error: ERR DB index is out of range")
            self.assertEqual(error("k", "NONSENSE"), "ERR syntax error")
            self.assertEqual(error("k", "AUTH"), "ERR syntax error")
            self.assertEqual(error("k", "AUTH2", "user"), "ERR syntax error")
            self.assertEqual(error("k", "KEYS", "k"), "ERR When using MIGRATE KEYS option, the key argument must be set "
                                                      "to the empty string")
            self.assertEqual(error("k", timeout="x"), "ERR value is not an integer or out of range")
            self.assertEqual(error("k", database="x"), "ERR value is not an integer or out of range")

    def test_authentication(self):
        here, other = self.server("--threads", "2"), self.other()
        with here.connect(PATIENCE) as own, other.connect(PATIENCE) as foreign:
            foreign.call("CONFIG", "SET", "requirepass", "secret")
            own.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
            own.call("MSET", "a", 1, "b", 2, "c", 3)
            for options, expected in [((), "NOAUTH Authentication required."),
                                      (("AUTH", "wrong"), "WRONGPASS invalid username-password pair or user is disabled.")]:
                with self.assertRaises(ReplyError) as caught:
                    self.migrate(own, other, "a", *options)
                self.assertEqual(str(caught.exception), "ERR Target instance replied with error: " + expected)
            self.assertEqual(self.migrate(own, other, "a", "AUTH", "secret"), b"OK")
            self.assertEqual(self.migrate(own, other, "b", "AUTH2", "default", "secret"), b"OK")
            # A connection that another one authenticated is not used.
            with self.assertRaises(ReplyError):
                self.migrate(own, other, "c")
            self.assertNotIn(b"secret", b"".join(word for entry in own.call("SLOWLOG", "GET", -1) for word in entry[3]))

    def test_a_refused_a_silent_and_a_strange_target(self):
        here = self.server("--threads", "2")
        with here.connect(PATIENCE) as own, socket.socket() as listening:
            own.call("SET", "k", "v")
            listening.bind(("127.0.0.1", 0))
            port = listening.getsockname()[1]

            def error(host="127.0.0.1", timeout=200):
                with self.assertRaises(ReplyError) as caught:
                    own.call("MIGRATE", host, port, "k", 0, timeout)
                self.assertEqual(own.call("GET", "k"), b"v")
                return str(caught.exception)

            self.assertEqual(error(), "IOERR error or timeout writing to target instance")
            self.assertEqual(error("no.such.host.invalid"), "IOERR error or timeout connecting to the client")
            listening.listen()
            self.assertEqual(error(), "IOERR error or timeout reading to target instance")
            # Other clients do not wait for it, and neither does INFO.
            with here.connect(PATIENCE) as second:
                own.send("MIGRATE", "127.0.0.1", port, "k", 0, 5_000)
                taken = []
                while len(taken) < 2:
                    taken.append(listening.accept()[0])
                for _ in range(10):
                    self.assertEqual(second.call("INCR", "k2") > 0, True)
                    self.assertIn("uptime_in_seconds", info(second, "server"))
                for accepted in taken:
                    accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n")
                self.assertIsInstance(own.read(), ReplyError)
                self.assertEqual(own.call("GET", "k"), b"v")
                for accepted in taken:
                    accepted.close()

    def test_connections_are_kept_for_a_while(self):
        here, other = self.server("--threads", "2"), self.other()
        with here.connect(PATIENCE) as own, other.connect(PATIENCE) as foreign:
            for number in range(5):
                own.call("SET", "k", number)
                self.migrate(own, other, "k", "REPLACE", database=number % 2)
            self.assertEqual(info(own, "stats")["migrate_cached_sockets"], "1")
            self.assertEqual(info(foreign, "stats")["total_connections_received"], "3")  # ping, this one, and it
            # One that the other side closed is noticed.
            foreign.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            own.call("SET", "k", "again")
            self.assertEqual(self.migrate(own, other, "k", "REPLACE"), b"OK")
            self.until(lambda: info(own, "stats")["migrate_cached_sockets"] == "0", what="the end of the connection")

    def test_within_a_transaction(self):
        here, other = self.server("--threads", "2"), self.other()
        with here.connect(PATIENCE) as own, other.connect(PATIENCE) as foreign:
            own.call("MULTI")
            own.call("SET", "k", "v")
            self.migrate(own, other, "k")
            self.assertEqual(own.call("EXEC"), [b"OK", b"OK"])
            self.assertEqual((own.call("EXISTS", "k"), foreign.call("GET", "k")), (0, b"v"))

    def test_no_write_is_lost_while_keys_move(self):
        """Writers count up keys here until they find them gone; what they counted is there."""
        here, other = self.server("--threads", "2"), self.other()
        keys = [f"counter {number}" for number in range(8)]
        acknowledged = dict.fromkeys(keys, 0)
        stop, failures = threading.Event(), []

        def write(share):
            try:
                with here.connect(PATIENCE) as connection:
                    left = set(share)
                    while left and not stop.is_set():
                        for key in list(left):
                            # Not a new key where the old one went.
                            reply = connection.pipeline([("HINCRBY", key, "count", 1)])[0]
                            if reply == 1 and acknowledged[key] > 0:
                                connection.call("DEL", key)
                                left.discard(key)
                            else:
                                acknowledged[key] = reply
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        with here.connect(PATIENCE) as own, other.connect(PATIENCE) as foreign:
            for key in keys:
                own.call("HSET", key, "padding", "x" * 100_000, "count", 0)
            writers = [threading.Thread(target=write, args=(keys[place::2],)) for place in range(2)]
            for writer in writers:
                writer.start()
            self.until(lambda: failures or all(acknowledged.values()), what="every key counted")
            left = set(keys)

            def move():
                for key in list(left):
                    reply = own.pipeline([("MIGRATE", "127.0.0.1", other.port, key, 0, 20_000, "REPLACE")])[0]
                    if isinstance(reply, ReplyError):
                        self.assertTrue(str(reply).startswith("TRYAGAIN"), reply)
                        self.assertEqual(foreign.call("EXISTS", key), 0)
                    else:
                        left.discard(key)
                return not left or failures
            self.until(move, what="all keys moved")
            for writer in writers:
                writer.join(PATIENCE)
            stop.set()
            self.assertEqual(failures, [])
            there = {key: int(foreign.call("HGET", key, "count")) for key in keys}
            self.assertEqual(there, acknowledged)
