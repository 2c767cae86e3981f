"""Scripts and functions from outside: whom a long one stops, how it is stopped, and what is kept of it."""

import binascii
import select
import threading
import time

from common import PATIENCE, Connection, ReplyError, Server, ServerTest, info

THRESHOLD_MS = 100
ENDLESS = "while true do end"
WRITES_AND_GOES_ON = "redis.call('set', KEYS[1], 'script') while true do end"
LIBRARY = ("#!lua name=lib\n"
           "redis.register_function('add', function(keys, args) return redis.call('incrby', keys[1], args[1]) end)\n"
           "redis.register_function{function_name='read', flags={'no-writes'}, "
           "callback=function(keys) return redis.call('get', keys[1]) end}")


def partition_of(key: str, partitions: int = 2) -> int:
    """Slots are shared out in ranges of equal size."""
    return binascii.crc_hqx(key.encode(), 0) % 16384 * partitions // 16384


def keys_of(partition: int, count: int = 1, name: str = "key") -> list[str]:
    found = (f"{name}:{number}" for number in range(100_000))
    return [key for key in found if partition_of(key) == partition][:count]


class Scripts(ServerTest):
    def two_threads(self, *options) -> Server:
        return self.server("--threads", "2", "--busy-reply-threshold", str(THRESHOLD_MS), *options)

    def begin(self, server: Server, *words) -> Connection:
        """A client whose command is under way."""
        client = self.enterContext(server.connect(timeout=PATIENCE))
        number = client.call("CLIENT", "ID")
        client.send(*words)
        with server.connect(timeout=PATIENCE) as other:
            def has_begun():
                listed = other.pipeline([("CLIENT", "LIST", "ID", number)])[0]
                # A client that cannot be listed is in everybody's way.
                return isinstance(listed, ReplyError) or f" cmd={words[0].lower()} ".encode() in listed
            self.until(has_begun, what="the beginning of a script")
        return client

    def is_unanswered(self, client: Connection) -> bool:
        return not select.select([client.socket], [], [], 0)[0]

    def is_busy(self, client: Connection, *words) -> bool:
        reply = client.pipeline([words])[0]
        return isinstance(reply, ReplyError) and str(reply).startswith("BUSY")

    def test_a_long_script_stops_the_clients_of_its_partition_and_no_others(self):
        server = self.two_threads()
        (here,), (there,) = keys_of(0), keys_of(1)
        with server.connect(timeout=PATIENCE) as client:
            long = self.begin(server, "EVAL", ENDLESS, "1", here)
            self.assertEqual(self.error(client, "GET", here),
                             "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")
            # Connections are spread over both threads: each of them goes on.
            for _ in range(4):
                with server.connect(timeout=PATIENCE) as other:
                    self.assertEqual(other.call("SET", there, "x"), b"OK")
                    self.assertEqual(other.call("PING"), b"PONG")
                    self.assertEqual(other.call("EVAL", "return redis.call('get', KEYS[1])", "1", there), b"x")
                    self.assertTrue(self.is_busy(other, "EVAL", "return redis.call('get', KEYS[1])", "1", here))
                    self.assertTrue(self.is_busy(other, "MSET", here, "1", there, "2"))
            self.assertTrue(self.is_unanswered(long))
            self.assertEqual(client.call("SCRIPT", "KILL"), b"OK")
            self.assertIn("Script killed by user with SCRIPT KILL", str(long.read()))
            self.assertEqual(client.call("SET", here, "y"), b"OK")
            self.assertEqual(self.error(client, "SCRIPT", "KILL"), "NOTBUSY No scripts in execution right now.")

    def test_a_long_script_without_keys_stops_everybody(self):
        server = self.two_threads()
        (here,), (there,) = keys_of(0), keys_of(1)
        with server.connect(timeout=PATIENCE) as client:
            long = self.begin(server, "EVAL", ENDLESS, "0")
            self.until(lambda: self.is_busy(client, "GET", here), what="a busy script")
            self.assertTrue(self.is_busy(client, "GET", there))
            self.assertEqual(client.call("SCRIPT", "KILL"), b"OK")
            self.assertIn("Script killed by user", str(long.read()))
            self.assertIsNone(client.call("GET", there))

    def test_who_waited_before_the_script_was_busy_is_told_too(self):
        server = self.two_threads()
        (here,), (there,) = keys_of(0), keys_of(1)
        long = self.begin(server, "EVAL", ENDLESS, "1", here)
        waiting = []
        for words in (("SET", here, "x"), ("BLPOP", here, "0"), ("MGET", here, there), ("DBSIZE",)):
            waiting.append(self.enterContext(server.connect(timeout=PATIENCE)))
            waiting[-1].send(*words)
        for client in waiting:
            self.assertTrue(str(client.read()).startswith("BUSY"))
        with server.connect(timeout=PATIENCE) as client:
            self.assertEqual(client.call("SCRIPT", "KILL"), b"OK")
        self.assertIsInstance(long.read(), ReplyError)

    def test_a_transaction_meets_a_busy_script(self):
        server = self.two_threads()
        (here,), (there,) = keys_of(0), keys_of(1)
        with server.connect(timeout=PATIENCE) as client, server.connect(timeout=PATIENCE) as watcher:
            for connection in (client, watcher):  # queued while nothing is in the way
                connection.call("MULTI")
            self.assertEqual(client.call("SET", here, "x"), b"QUEUED")
            self.assertEqual(watcher.call("SET", there, "x"), b"QUEUED")
            long = self.begin(server, "EVAL", ENDLESS, "1", here)
            # Sent at once, so that it waits for the partition until the script is busy.
            self.assertIn("BUSY", self.error(client, "EXEC"))
            self.assertEqual(watcher.call("EXEC"), [b"OK"])
            client.pipeline([("DISCARD",)])
            self.assertEqual(client.call("MULTI"), b"OK")
            client.pipeline([("SET", here, "x")])
            self.assertIsInstance(client.pipeline([("EXEC",)])[0], ReplyError)
            self.assertEqual(client.call("SCRIPT", "KILL"), b"OK")
            self.assertIsInstance(long.read(), ReplyError)
            self.assertIsNone(client.call("GET", here))

    def test_functions_and_scripts_are_killed_by_their_own_command(self):
        server = self.two_threads()
        (here,) = keys_of(0)
        with server.connect(timeout=PATIENCE) as client:
            client.call("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() while true do end end)")
            long = self.begin(server, "FCALL", "f", "1", here)
            self.assertEqual(self.error(client, "GET", here),
                             "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.")
            running = dict(zip(*[iter(client.call("FUNCTION", "STATS")[1])] * 2))
            self.assertEqual((running[b"name"], running[b"command"]), (b"f", [b"FCALL", b"f", b"1", here.encode()]))
            self.assertGreaterEqual(running[b"duration_ms"], THRESHOLD_MS)
            self.assertTrue(self.error(client, "SCRIPT", "KILL").startswith("BUSY"))
            self.assertEqual(client.call("FUNCTION", "KILL"), b"OK")
            self.assertIn("Script killed by user with FUNCTION KILL", str(long.read()))

    def test_a_script_that_has_written_ends_with_the_server_and_leaves_nothing(self):
        server = self.two_threads()
        (here, other), (there,) = keys_of(0, 2), keys_of(1)
        with server.connect(timeout=PATIENCE) as client:
            client.call("MSET", here, "before", there, "before")
            self.begin(server, "EVAL", WRITES_AND_GOES_ON, "1", here)
            self.until(lambda: self.is_busy(client, "GET", other), what="a busy script")
            self.assertTrue(self.error(client, "SCRIPT", "KILL").startswith("UNKILLABLE"))
            self.assertEqual(client.call("SET", there, "meanwhile"), b"OK")
        server.kill()
        server.start()
        with server.connect(timeout=PATIENCE) as client:
            self.assertEqual(client.call("MGET", here, there), [b"before", b"meanwhile"])
            self.begin(server, "EVAL", WRITES_AND_GOES_ON, "1", here)
            self.until(lambda: self.is_busy(client, "GET", other), what="a busy script")
            client.send("SHUTDOWN", "NOSAVE")
            self.assertIsNone(server.process.wait(PATIENCE) or None)
        server.start()
        with server.connect(timeout=PATIENCE) as client:
            self.assertEqual(client.call("MGET", here, there), [b"before", b"meanwhile"])

    def test_what_takes_long_within_one_function_of_lua_holds_no_serving_thread(self):
        server = self.server("--threads", "2", "--busy-reply-threshold", "0")
        (here,), (there,) = keys_of(0), keys_of(1)
        for text in (
            # Each finds nothing, after some hundred million steps in C.
            "return string.find(string.rep('a', 8000), '.-b') == nil and 1",
            "return string.gsub(string.rep('a', 150), '.-.-.-b', '')",
            "local s = string.rep('x', 10000000) for i = 1, 20 do s = string.reverse(s) end return #s",
            "local s = string.rep('x', 3000000) for i = 1, 100 do local t = i .. s end return 1",
        ):
            long = self.begin(server, "EVAL", text, "1", here)
            rounds = 0
            while self.is_unanswered(long):
                for _ in range(2):  # of both threads
                    with server.connect(timeout=PATIENCE) as other:
                        self.assertEqual(other.call("SET", there, "x"), b"OK")
                rounds += 1
            reply = long.read()
            self.assertNotIsInstance(reply, ReplyError, text)
            self.assertGreater(rounds, 1, f"nobody was answered while this ran: {text}")

    def test_a_script_that_allocates_without_end_gets_an_error(self):
        (here,), (there,) = keys_of(0), keys_of(1)
        for number, text in enumerate((
            "local t = {} while true do t[#t + 1] = {#t} end",
            "local s = 'x' while true do s = s .. s end",
            "return string.rep('x', 1000000000)",
            "local t = {} for i = 1, 1000 do t[i] = redis.call('get', KEYS[1]) .. i end return #t",
        )):
            server = self.server("--threads", "2", name=f"server{number}")
            with server.connect(timeout=PATIENCE) as client:
                client.call("SET", here, b"x" * (1 << 20))
                long = self.begin(server, "EVAL", text, "1", here)
                while self.is_unanswered(long):
                    self.assertEqual(client.call("SET", there, "x"), b"OK")
                self.assertIn("not enough memory", str(long.read()))
                self.assertEqual(client.call("EVAL", "return #redis.call('get', KEYS[1])", "1", here), 1 << 20)

    def test_scripts_of_many_clients_are_each_atomic(self):
        server = self.two_threads()
        (one, two), (three,) = keys_of(0, 2), keys_of(1)
        move = ("local n = tonumber(redis.call('get', KEYS[1]) or 0) redis.call('set', KEYS[1], n + 1) "
                "redis.call('decr', KEYS[2]) return n")
        failed = []

        def work(keys):
            try:
                with server.connect(timeout=PATIENCE) as client:
                    for _ in range(200):
                        client.call("EVAL", move, "2", *keys)
                        first, second = client.call("MGET", *keys)
                        if (one, two) == keys and int(first) + int(second):
                            failed.append(f"{first} and {second}")
            except Exception as error:
                failed.append(repr(error))
        pairs = [(one, two), (one, two), (three, three + "{x}"), (three, one + ":sum"), (three, one + ":sum")]
        threads = [threading.Thread(target=work, args=(keys,)) for keys in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        with server.connect() as client:
            self.assertEqual(client.call("MGET", one, two, three, one + ":sum"), [b"400", b"-400", b"600", b"-400"])

    def test_a_script_over_several_partitions_is_whole_after_a_kill(self):
        server = self.two_threads("--appendfsync", "no")
        (here,), (there,) = keys_of(0), keys_of(1)
        for _ in range(3):
            with server.connect(timeout=PATIENCE) as client:
                client.socket.sendall(b"".join(
                    client_words for client_words in [self.encoded(here, there)] * 2000))
                for _ in range(500):
                    client.read()
            server.kill()
            server.start()
            with server.connect(timeout=PATIENCE) as client:
                first, second = client.call("MGET", here, there)
                self.assertEqual(first, second)

    @staticmethod
    def encoded(*keys) -> bytes:
        from resp import encode
        return encode("EVAL", "for i = 1, #KEYS do redis.call('incr', KEYS[i]) end", str(len(keys)), *keys)

    def test_functions_are_kept(self):
        server = self.two_threads()
        (here,) = keys_of(0)
        with server.connect() as client:
            self.assertEqual(client.call("FUNCTION", "LOAD", LIBRARY), b"lib")
            self.assertEqual(client.call("FCALL", "add", "1", here, "5"), 5)
            client.call("FLUSHALL")
        for end in (server.kill, server.stop):
            end()
            server.start()
            with server.connect() as client:
                self.assertEqual(client.call("FUNCTION", "LIST")[0][1], b"lib")
                client.call("DEL", here)
                self.assertEqual(client.call("FCALL", "add", "1", here, "7"), 7)
                self.assertEqual(client.call("FCALL_RO", "read", "1", here), b"7")

    def test_a_slave_has_the_functions_and_runs_what_only_reads(self):
        master, slave = self.server("--threads", "2", name="master"), self.server("--threads", "2", name="slave")
        (here,) = keys_of(0)
        with master.connect() as client, slave.connect() as other:
            client.call("FUNCTION", "LOAD", LIBRARY)
            client.call("SET", here, "1")
            other.call("REPLICAOF", "127.0.0.1", master.port)
            self.until(lambda: info(other, "replication")["master_link_status"] == "up", what="the link")
            self.until(lambda: other.call("GET", here) == b"1", what="the data")
            self.assertEqual(other.call("FCALL_RO", "read", "1", here), b"1")
            self.assertEqual(other.call("EVAL", "return redis.call('get', KEYS[1])", "1", here), b"1")
            self.assertEqual(other.call("EVAL_RO", "return redis.call('get', KEYS[1])", "1", here), b"1")
            for words in (("FCALL", "add", "1", here, "1"),
                          ("EVAL", "return redis.call('set', KEYS[1], '2')", "1", here),
                          ("EVAL", "#!lua\nreturn redis.call('get', KEYS[1])", "1", here)):
                self.assertIn("READONLY You can't write against a read only replica", self.error(other, *words))
            # What scripts do, and what becomes of libraries, comes by the stream.
            self.assertEqual(client.call("FCALL", "add", "1", here, "5"), 6)
            client.call("FUNCTION", "LOAD", "REPLACE", LIBRARY.replace("'read'", "'look'"))
            self.until(lambda: other.call("GET", here) == b"6", what="the effect")
            self.until(lambda: not isinstance(other.pipeline([("FCALL_RO", "look", "1", here)])[0], ReplyError),
                       what="the new library")
            self.assertEqual(self.error(other, "FCALL_RO", "read", "1", here), "ERR Function not found")
            client.call("FUNCTION", "DELETE", "lib")
            self.until(lambda: other.call("FUNCTION", "LIST") == [], what="the end of the library")

    def test_a_long_script_on_a_slave_meets_the_stream(self):
        """What the master sends waits for the script, and nothing of it is lost."""
        master = self.server("--threads", "2", name="master")
        slave = self.server("--threads", "2", "--busy-reply-threshold", str(THRESHOLD_MS), name="slave")
        (here,), (there,) = keys_of(0), keys_of(1)
        with master.connect() as client, slave.connect(timeout=PATIENCE) as other:
            other.call("REPLICAOF", "127.0.0.1", master.port)
            self.until(lambda: info(other, "replication")["master_link_status"] == "up", what="the link")
            long = self.begin(slave, "EVAL", ENDLESS, "1", here)
            self.until(lambda: self.is_busy(other, "GET", here), what="a busy script")
            for number in range(100):
                client.call("MSET", here, number, there, number)
            self.assertTrue(self.is_unanswered(long))
            self.assertEqual(other.call("SCRIPT", "KILL"), b"OK")
            self.assertIsInstance(long.read(), ReplyError)
            self.until(lambda: other.call("MGET", here, there) == [b"99", b"99"], what="the stream")

    def test_a_command_of_thousands_of_words(self):
        """As many as Lua's own unpack gives."""
        server = self.server()
        with server.connect() as client:
            text = "local t = {} for i = 1, ARGV[1] do t[i] = i end return redis.call('rpush', KEYS[1], unpack(t))"
            for count in (10, 3999, 4000, 7999):
                client.call("DEL", "list")
                self.assertEqual(client.call("EVAL", text, "1", "list", count), count)
                self.assertEqual(client.call("LRANGE", "list", "-2", "-1"), [b"%d" % (count - 1), b"%d" % count])
            self.assertIn("too many results to unpack", self.error(client, "EVAL", text, "1", "list", "8000"))

    def test_time_goes_on_for_others_while_scripts_follow_each_other(self):
        """Scripts of a few milliseconds, one after another, on one partition: the other's clients are answered."""
        server = self.two_threads()
        (here,), (there,) = keys_of(0), keys_of(1)
        stop = threading.Event()

        def work():
            with server.connect(timeout=PATIENCE) as client:
                while not stop.is_set():
                    client.call("EVAL", "local s = 0 for i = 1, 100000 do s = s + i end return s", "1", here)
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            with server.connect(timeout=PATIENCE) as client:
                deadline = time.monotonic() + PATIENCE
                for number in range(200):
                    self.assertEqual(client.call("INCR", there), number + 1)
                self.assertLess(time.monotonic(), deadline)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
