"""What changes while the server runs: where it listens, compactions, and a server held up by DEBUG SLEEP."""

import os
import socket
import threading
import time

from common import PATIENCE, Connection, ReplyError, ServerTest, free_port, info

MEGABYTE = 1 << 20


class Listening(ServerTest):
    def listens(self, port: int, host: str = "127.0.0.1") -> bool:
        try:
            with Connection(port, host) as connection:
                return connection.call("PING") == b"PONG"
        except ConnectionRefusedError:
            return False

    def test_port(self):
        server = self.server("--threads", "2")
        old, new = server.port, free_port()
        with server.connect() as admin, server.connect() as client:
            self.assertEqual(admin.call("CONFIG", "SET", "port", new), b"OK")
            self.assertEqual((self.listens(old), self.listens(new)), (False, True))
            self.assertEqual(info(admin, "server")["tcp_port"], str(new))
            self.assertEqual(client.call("SET", "a", "1"), b"OK")  # who is connected stays so
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                other.listen()
                taken = other.getsockname()[1]
                self.assertEqual(self.error(admin, "CONFIG", "SET", "port", taken),
                                 "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on "
                                 "this port. Check server logs.")
            self.assertEqual(admin.call("CONFIG", "GET", "port"), [b"port", str(new).encode()])
            self.assertTrue(self.listens(new))
            self.assertEqual(admin.call("CONFIG", "SET", "port", 0), b"OK")
            self.assertFalse(self.listens(new))
            self.assertEqual(admin.call("CONFIG", "SET", "port", old), b"OK")
            self.assertTrue(self.listens(old))

    def test_who_just_connected_is_not_reset(self):
        """The kernel completes connections by itself; those that nobody accepted yet end with their listening socket."""
        server = self.server("--threads", "2")
        ports = [server.port, free_port()]
        with server.connect() as admin:
            for turn in range(10):
                clients = [socket.create_connection(("127.0.0.1", ports[turn % 2])) for _ in range(100)]
                self.assertEqual(admin.call("CONFIG", "SET", "port", ports[(turn + 1) % 2]), b"OK")
                for client in clients:
                    client.sendall(b"PING\r\n")
                for client in clients:
                    self.assertEqual(client.recv(100), b"+PONG\r\n")
                    client.close()

    def test_bind(self):
        server = self.server()
        with server.connect() as admin:
            for addresses, here, elsewhere in (("127.0.0.1 127.0.0.2", True, True), ("127.0.0.2", False, True),
                                               ("*", True, True), ("127.0.0.1 -8.8.8.8", True, False),
                                               ("", False, False), ("127.0.0.1", True, False)):
                self.assertEqual(admin.call("CONFIG", "SET", "bind", addresses), b"OK")
                found = self.listens(server.port), self.listens(server.port, "127.0.0.2")
                self.assertEqual(found, (here, elsewhere), addresses)
                self.assertEqual(admin.call("CONFIG", "GET", "bind"), [b"bind", addresses.encode()])
            for addresses in ("127.0.0.2 8.8.8.8", "* no-such-host.invalid"):
                self.assertEqual(self.error(admin, "CONFIG", "SET", "bind", addresses),
                                 "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to "
                                 "specified addresses.")
                self.assertEqual(admin.call("CONFIG", "GET", "bind"), [b"bind", b"127.0.0.1"])
                self.assertEqual((self.listens(server.port), self.listens(server.port, "127.0.0.2")), (True, False))

    def test_an_address_of_ours_that_is_in_the_way(self):
        """All addresses include the one that is bound; if they cannot be had, that one must be there again."""
        server = self.server()
        with server.connect() as admin, socket.socket() as other:
            other.bind(("127.0.0.2", server.port))
            other.listen()
            self.assertIn("Failed to bind", self.error(admin, "CONFIG", "SET", "bind", "*"))
            self.assertTrue(self.listens(server.port))
            other.close()
            self.assertEqual(admin.call("CONFIG", "SET", "bind", "*"), b"OK")
            self.assertTrue(self.listens(server.port, "127.0.0.2"))


class Pausing(ServerTest):
    def blocked(self, connection) -> int:
        return int(info(connection, "clients")["blocked_clients"])

    def test_writes_wait_and_count_as_blocked(self):
        server = self.server("--threads", "2")
        with server.connect() as admin, server.connect() as writer, server.connect() as transaction:
            for command in (("MULTI",), ("GET", "a"), ("SET", "b", "1")):
                transaction.call(*command)
            self.assertEqual(admin.call("CLIENT", "PAUSE", 100_000, "WRITE"), b"OK")
            self.assertIsNone(admin.call("GET", "a"))
            self.assertEqual(self.blocked(admin), 0)
            writer.send("SET", "a", "1")
            self.until(lambda: self.blocked(admin) == 1, what="the writer is counted")
            transaction.send("EXEC")
            self.until(lambda: self.blocked(admin) == 2, what="the transaction is counted")
            self.assertEqual(admin.call("EXISTS", "a", "b"), 0)
            self.assertEqual(admin.call("CLIENT", "UNPAUSE"), b"OK")
            self.assertEqual(writer.read(), b"OK")
            self.assertEqual(transaction.read()[1], b"OK")
            self.assertEqual(self.blocked(admin), 0)

    def test_a_client_that_leaves_is_not_counted(self):
        server = self.server()
        with server.connect() as admin:
            admin.call("CLIENT", "PAUSE", 100_000, "WRITE")
            with server.connect() as writer:
                writer.send("SET", "a", "1")
                self.until(lambda: self.blocked(admin) == 1, what="the writer is counted")
            self.until(lambda: self.blocked(admin) == 0, what="the writer is gone")
            admin.call("CLIENT", "UNPAUSE")
            self.assertEqual(admin.call("EXISTS", "a"), 0)

    def test_nothing_expires_meanwhile(self):
        server = self.server()
        with server.connect() as admin, server.connect() as client:
            for number in range(10):
                client.call("SET", f"key:{number}", "x", "PX", 200)
            admin.call("CLIENT", "PAUSE", 100_000, "WRITE")
            time.sleep(0.5)  # until all are due, and as long as the expirer would need, several times over
            self.assertEqual(info(admin, "stats")["expired_keys"], "0")
            admin.call("CLIENT", "UNPAUSE")
            self.until(lambda: info(admin, "stats")["expired_keys"] == "10", what="all are removed")


class Waiting(ServerTest):
    def test_a_wait_that_ends_without_an_element_is_a_call(self):
        server = self.server("--threads", "2")
        with server.connect() as admin, server.connect() as client:
            number = client.call("CLIENT", "ID")
            admin.call("CONFIG", "RESETSTAT")
            client.send("BLPOP", "a", 0)
            self.until(lambda: admin.call("CLIENT", "UNBLOCK", number, "ERROR") == 1, what="it waits")
            self.assertRegex(str(client.read()), "^UNBLOCKED ")
            self.assertIsNone(client.call("BLPOP", "a", "0.01"))
            calls = info(admin, "commandstats")["cmdstat_blpop"]
            self.assertRegex(calls, "^calls=2,.*,rejected_calls=0,failed_calls=1$")


class Sleep(ServerTest):
    def test_nobody_is_served_during_debug_sleep(self):
        server = self.server("--threads", "2", "--enable-debug-command", "yes")
        longest, ending = [0.0] * 4, threading.Event()

        def ping(number):
            with server.connect(PATIENCE) as client:
                while not ending.is_set():
                    start = time.monotonic()
                    client.call("PING") if number < 2 else client.call("GET", f"key:{number}")
                    longest[number] = max(longest[number], time.monotonic() - start)
        threads = [threading.Thread(target=ping, args=(number,)) for number in range(4)]
        with server.connect(PATIENCE) as admin:
            for thread in threads:
                thread.start()
            self.until(lambda: min(longest) > 0, what="four clients")
            start = time.monotonic()
            self.assertEqual(admin.call("DEBUG", "SLEEP", "1.5"), b"OK")
            self.assertGreaterEqual(time.monotonic() - start, 1.5)
            ending.set()
            for thread in threads:
                thread.join(PATIENCE)
        self.assertGreater(min(longest), 0.75, longest)


class Compaction(ServerTest):
    def compacted(self, connection, *command) -> dict:
        """Runs a compaction to its end. What INFO says then."""
        self.assertEqual(connection.call(*command), b"OK")
        self.until(lambda: info(connection, "data")["is_compact"] == "0", what="the end of the compaction")
        found = info(connection, "data")
        self.assertEqual(found["compact_pieces_done"], found["compact_pieces"])
        self.assertEqual(found["compact_current_time_sec"], "-1")
        self.assertGreaterEqual(int(found["compact_last_time_sec"]), 0)
        return found

    def test_compact_gives_space_back(self):
        with self.server("--threads", "2", "--appendfsync", "no").connect() as connection:
            self.assertEqual(info(connection, "data")["compact_last_time_sec"], "-1")
            for n in range(80):
                connection.call("SET", f"k:{n}", os.urandom(MEGABYTE // 10))
            end = int(info(connection, "binlog")["binlog_end_offset"])
            full = int(self.compacted(connection, "COMPACT")["db_size"])
            self.assertGreater(full, 8 * MEGABYTE)
            # No data may be on disk before the log is.
            self.assertGreaterEqual(int(info(connection, "binlog")["binlog_synced_offset"]), end)
            connection.call("DEL", *[f"k:{n}" for n in range(79)])
            self.until(lambda: int(self.compacted(connection, "COMPACT", "0")["db_size"]) < full / 4, what="space")
            self.assertEqual(len(connection.call("GET", "k:79")), MEGABYTE // 10)

    def test_what_is_asked_for_is_compacted(self):
        with self.server().connect() as connection:
            connection.call("SET", "a", "1")
            self.assertEqual(self.compacted(connection, "COMPACT")["compact_pieces"], "4")
            self.assertEqual(self.compacted(connection, "COMPACT", "db0", "string")["compact_pieces"], "2")
            self.assertEqual(self.compacted(connection, "COMPACT", "hash")["compact_pieces"], "3")
            self.assertEqual(self.compacted(connection, "COMPACTRANGE", "0", "a", "a")["compact_pieces"], "2")
            self.assertEqual(self.compacted(connection, "COMPACTRANGE", "0", "b", "a")["compact_pieces"], "0")
            connection.pipeline([("SET", f"k:{n}", n) for n in range(1000)])
            self.assertEqual(self.compacted(connection, "COMPACTRANGE", "0", "k:", "l")["compact_pieces"], "4")
            replies = connection.pipeline([("COMPACT",), ("COMPACT",), ("PING",)])
            self.assertEqual((replies[0], replies[2]), (b"OK", b"PONG"))
            if isinstance(replies[1], ReplyError):  # else the first had ended
                self.assertEqual(str(replies[1]), "ERR a compaction is running already")
            self.assertIn("out of range", self.error(connection, "COMPACT", "99"))
            self.assertIn("out of range", self.error(connection, "COMPACT", "nothing"))

    def test_the_slot_of_one_key(self):
        with self.server().connect() as connection:
            words = [word for n in range(300) for word in (f"f{n}", os.urandom(20_000))]
            connection.call("HSET", "big", *words)
            full = int(self.compacted(connection, "COMPACT")["db_size"])
            self.assertGreater(full, 5 * MEGABYTE)
            connection.call("DEL", "big")  # its fields are removed a little later
            self.until(lambda: int(self.compacted(connection, "COMPACTRANGE", "0", "big", "big")["db_size"]) < full / 4,
                       what="space")
