"""What an operator does: passwords, limits, pauses, sockets, full disks, shutdown."""

import socket
import threading
import time

from common import PATIENCE, ReplyError, ServerTest, info, raw
from resp import encode


class Operation(ServerTest):
    def test_password(self):
        server = self.server()
        with server.connect() as admin, server.connect() as before:
            self.assertIn("without any password", self.error(admin, "AUTH", "x"))
            admin.call("CONFIG", "SET", "requirepass", "secret")
            self.assertEqual(before.call("SET", "a", "b"), b"OK")  # who was in stays in
            with server.connect() as client:
                for command in (("GET", "a"), ("SET", "a", "c"), ("INFO",), ("CONFIG", "GET", "*"), ("SHUTDOWN",),
                                ("FLUSHALL",), ("PING",), ("COMMAND",), ("BGSAVE",), ("CLIENT", "LIST"),
                                ("SELECT", "1"), ("DEBUG", "SLEEP", "0")):
                    self.assertTrue(self.error(client, *command).startswith("NOAUTH"), command)
                self.assertTrue(self.error(client, "HELLO", "3").startswith("NOAUTH"))
                self.assertTrue(self.error(client, "AUTH", "wrong").startswith("WRONGPASS"))
                self.assertTrue(self.error(client, "AUTH", "nobody", "secret").startswith("WRONGPASS"))
                self.assertTrue(self.error(client, "AUTH", "").startswith("WRONGPASS"))
                self.assertTrue(self.error(client, "AUTH", "secretx").startswith("WRONGPASS"))
                self.assertTrue(self.error(client, "GET", "a").startswith("NOAUTH"))
                self.assertEqual(client.call("AUTH", "default", "secret"), b"OK")
                self.assertEqual(client.call("GET", "a"), b"b")
                self.assertEqual(client.call("RESET"), b"RESET")
                self.assertTrue(self.error(client, "GET", "a").startswith("NOAUTH"))
            with server.connect() as client:
                self.assertIn(b"server", client.call("HELLO", 2, "AUTH", "default", "secret"))
                self.assertEqual(client.call("GET", "a"), b"b")
            # Before the password only small requests are taken.
            with raw(server.port) as client:
                client.sendall(b"*100\r\n")
                self.assertIn(b"unauthenticated multibulk length", client.recv(1000))
            with raw(server.port) as client:
                client.sendall(b"*2\r\n$100000\r\n")
                self.assertIn(b"unauthenticated bulk length", client.recv(1000))

    def test_client_kill(self):
        server = self.server()
        with server.connect() as admin:
            with server.connect() as victim:
                number = victim.call("CLIENT", "ID")
                self.assertEqual(admin.call("CLIENT", "KILL", "ID", number), 1)
                self.assertEqual(victim.stream.readline(), b"")
            with server.connect() as victim:
                victim.call("PING")  # the server knows of it now
                address = "%s:%d" % victim.socket.getsockname()[:2]
                self.assertEqual(admin.call("CLIENT", "KILL", address), b"OK")
                self.assertEqual(victim.stream.readline(), b"")
            self.assertIn("No such client", self.error(admin, "CLIENT", "KILL", "1.2.3.4:5"))
            self.assertEqual(admin.call("CLIENT", "KILL", "TYPE", "normal"), 0)  # SKIPME is yes
            self.assertEqual(len(admin.call("CLIENT", "LIST").splitlines()), 1)

    def test_pause_of_writes(self):
        with (server := self.server("--threads", "2")).connect() as admin, server.connect() as client:
            admin.call("SET", "a", "before")
            self.assertEqual(admin.call("CLIENT", "PAUSE", 60_000, "WRITE"), b"OK")
            self.assertEqual(client.call("GET", "a"), b"before")
            client.send("SET", "a", "after")
            client.socket.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                client.socket.recv(1)
            client.socket.settimeout(PATIENCE)
            self.assertEqual(admin.call("GET", "a"), b"before")
            self.assertEqual(admin.call("CLIENT", "UNPAUSE"), b"OK")
            self.assertEqual(client.socket.recv(100), b"+OK\r\n")
            self.assertEqual(admin.call("GET", "a"), b"after")
            start = time.monotonic()
            admin.call("CLIENT", "PAUSE", 200, "ALL")
            with server.connect() as other:
                self.assertIsNone(other.call("GET", "none"))
            self.assertGreater(time.monotonic() - start, 0.1)

    def test_maxclients(self):
        server = self.server()
        with server.connect() as admin:
            admin.call("CONFIG", "SET", "maxclients", 3)
            with server.connect() as one, server.connect() as two:
                one.call("PING"), two.call("PING")
                with raw(server.port) as client:
                    self.assertEqual(client.recv(1000), b"-ERR max number of clients reached\r\n")
                    self.assertEqual(client.recv(1000), b"")
                self.assertEqual(info(admin, "stats")["rejected_connections"], "1")
            self.until(lambda: len(admin.call("CLIENT", "LIST").splitlines()) == 1)
            with server.connect() as again:
                self.assertEqual(again.call("PING"), b"PONG")

    def test_timeout(self):
        server = self.server("--timeout", "1")
        with server.connect() as idle:
            idle.call("PING")
            start = time.monotonic()
            self.assertEqual(idle.stream.readline(), b"")
            self.assertGreater(time.monotonic() - start, 0.9)

    def test_timeout_is_about_silence(self):
        """As in Redis: not about how long a request takes, nor of who waits for a key or for messages."""
        server = self.server("--timeout", "1")
        with server.connect() as admin, server.connect() as slow, server.connect() as waiting, \
                server.connect() as subscribed:
            waiting.send("BLPOP", "list", 0)
            subscribed.call("SUBSCRIBE", "c")
            admin.call("CONFIG", "SET", "timeout", "1")
            request = encode("SET", "key", "value")
            began = time.monotonic()
            for byte in request[:-1]:
                slow.socket.sendall(bytes([byte]))
                self.assertEqual(admin.call("PING"), b"PONG")
                time.sleep(4 / len(request))  # longer than the limit in all
            self.assertGreater(time.monotonic() - began, 3)
            slow.socket.sendall(request[-1:])
            self.assertEqual(slow.read(), b"OK")
            self.assertEqual(admin.call("RPUSH", "list", "a"), 1)
            self.assertEqual(waiting.read(), [b"list", b"a"])
            self.assertEqual(waiting.call("PING"), b"PONG")
            self.assertEqual(admin.call("PUBLISH", "c", "m"), 1)
            self.assertEqual(subscribed.read(), [b"message", b"c", b"m"])

    def test_unix_socket(self):
        path = self.folder / "pika.sock"
        server = self.server("--unixsocket", str(path), "--unixsocketperm", "700")
        for _ in range(2):
            self.assertEqual(path.stat().st_mode & 0o777, 0o700)
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE)
                client.connect(str(path))
                client.sendall(encode("SET", "a", "b") + encode("GET", "a"))
                answer = b""
                while len(answer) < 12:
                    answer += client.recv(100)
                self.assertEqual(answer, b"+OK\r\n$1\r\nb\r\n")
            server.kill()  # leaves the file behind, which the next start may not trip over
            server.start()
        server.stop()
        self.assertFalse(path.exists())

    def test_fsync_always(self):
        server = self.server("--appendfsync", "always", "--threads", "2")

        def write(number):
            with server.connect() as connection:
                for n in range(100):
                    connection.call("SET", f"{number}:{n}", n)
        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.kill()
        server.start()
        with server.connect() as connection:
            self.assertEqual(connection.call("DBSIZE"), 800)

    def test_info_tells_of_expiries(self):
        server = self.server("--threads", "2")
        with server.connect() as connection:
            far = 4_000_000_000_000
            connection.pipeline([("SET", f"k:{n}", n, "PXAT", far + n * 1000) for n in range(100)])
            connection.pipeline([("HSET", f"h:{n}", "f", 1, "g", 2) for n in range(7)])
            connection.pipeline([("HPEXPIREAT", f"h:{n}", far, "FIELDS", 2, "f", "g") for n in range(6)])
            connection.pipeline([("SELECT", 2), ("SET", "a", 1), ("SET", "b", 1, "EX", 1000), ("SELECT", 0)])

            def expiries(database):
                line = info(connection, "keyspace").get(f"db{database}", "")
                return dict(pair.split("=") for pair in line.split(","))
            self.until(lambda: expiries(0).get("subexpiry") == "6", what="the hashes with fields that expire")
            found = expiries(0)
            self.assertEqual((found["keys"], found["expires"]), ("107", "100"))
            mean = far + 99 * 500 - time.time() * 1000
            self.assertAlmostEqual(int(found["avg_ttl"]), mean, delta=PATIENCE * 1000)
            self.until(lambda: 800_000 < int(expiries(2)["avg_ttl"]) <= 1_000_000, what="the time that is left")
            self.assertNotIn("subexpiry", expiries(2))
            connection.call("FLUSHALL")
            connection.call("SET", "new", 1)
            self.assertEqual(expiries(0), {"keys": "1", "expires": "0", "avg_ttl": "0"})

    def test_full_disk(self):
        with self.server("--threads", "2").connect() as connection:
            connection.pipeline([("SET", "a", "1"), ("SET", "b", "2"), ("HSET", "h", "f", "v")])
            connection.call("CONFIG", "SET", "disk-reserve", 100 * 2**40)
            self.until(lambda: isinstance(connection.pipeline([("SET", "b", "2")])[0], ReplyError), what="a refusal")
            for command in (("SET", "c", "1"), ("HSET", "h", "g", "1"), ("INCR", "a"), ("MSET", "x", 1, "y", 2),
                            ("APPEND", "a", "x")):
                self.error(connection, *command)
            self.assertEqual(connection.call("MGET", "a", "b"), [b"1", b"2"])
            self.assertEqual(connection.call("HGETALL", "h"), [b"f", b"v"])
            self.assertEqual(connection.call("DEL", "b"), 1)
            self.assertEqual(connection.call("HDEL", "h", "f"), 1)
            self.assertEqual(connection.call("DBSIZE"), 1)
            self.assertEqual(connection.call("FLUSHALL"), b"OK")
            connection.call("CONFIG", "SET", "disk-reserve", 0)
            self.until(lambda: connection.pipeline([("SET", "c", "1")])[0] == b"OK", what="writes again")

    def test_shutdown(self):
        server = self.server("--threads", "2")
        for number, words in enumerate(([], ["NOSAVE"], ["SAVE"], ["NOW"])):
            with server.connect() as connection:
                connection.call("SET", f"k:{number}", "v")
                connection.send("SHUTDOWN", *words)
                self.assertEqual(connection.stream.readline(), b"")
            self.assertEqual(server.process.wait(PATIENCE), 0, server.log_tail())
            server.start()
            with server.connect() as connection:
                self.assertEqual(connection.call("DBSIZE"), number + 1)
                self.assertEqual(info(connection, "persistence")["binlog_replayed_records"], "0")
                self.error(connection, "SHUTDOWN", "WHAT")
                self.error(connection, "SHUTDOWN", "ABORT")

    def test_stop_under_load(self):
        server = self.server("--threads", "2")
        done = [0, 0, 0]

        def write(number):
            try:
                with server.connect() as connection:
                    while True:
                        connection.call("SET", f"{number}:{done[number]}", "v" * 100)
                        done[number] += 1
            except OSError:
                pass
            except ReplyError:
                pass
        threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        self.until(lambda: min(done) > 300)
        server.stop(PATIENCE)
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(server.process.returncode, 0)
        server.start()
        with server.connect() as connection:
            self.assertEqual(info(connection, "persistence")["binlog_replayed_records"], "0")
            for number in range(3):
                values = connection.call("EXISTS", *[f"{number}:{n}" for n in range(done[number])])
                self.assertEqual(values, done[number])
