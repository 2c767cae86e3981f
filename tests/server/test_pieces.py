"""Long replies in pieces: what a client does not take is not made, and costs little while it waits."""

import socket
import time

from common import PATIENCE, AnyConnection, ServerTest, info, resident
from resp import encode

MEGABYTE = 1 << 20
VALUE = "x" * 1000
ELEMENTS = 20_000  # of 1000 bytes: 20 MB
TYPES = ("hash", "list", "set", "zset", "stream")


class Pieces(ServerTest):
    COST = 6

    def start_filled(self, types, *arguments):
        """A server with a big collection of each of some types, and a connection to it."""
        server = self.server("--threads", "2", *arguments)
        connection = AnyConnection(server.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        for start in range(0, ELEMENTS, 1000):
            names = [f"{number:06}" for number in range(start, start + 1000)]
            commands = {
                "hash": [("HSET", "hash", *[word for name in names for word in (name, VALUE)])],
                "list": [("RPUSH", "list", *[name + VALUE for name in names])],
                "set": [("SADD", "set", *[name + VALUE for name in names])],
                "zset": [("ZADD", "zset", *[word for name in names for word in (int(name), name + VALUE)])],
                "stream": [("XADD", "stream", f"{int(name) + 1}-0", "f", VALUE) for name in names],
            }
            connection.pipeline([command for kind in types for command in commands[kind]])
        return server, connection

    def greedy(self, server, *request):
        """A client with a small buffer, that has asked and reads nothing."""
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.connect(("127.0.0.1", server.port))
        client.sendall(encode(*request))
        return client

    def test_each_type_comes_whole_and_the_replies_behind_it_in_order(self):
        _, connection = self.start_filled(TYPES)
        for hello in (2, 3):
            connection.call("HELLO", hello)
            names = [f"{number:06}" for number in range(ELEMENTS)]
            long = [(name + VALUE).encode() for name in names]
            commands = [
                ("HGETALL", "hash"), ("HKEYS", "hash"), ("HVALS", "hash"), ("SMEMBERS", "set"),
                ("LRANGE", "list", 0, -1), ("ZRANGE", "zset", 0, -1), ("ZRANGE", "zset", "+inf", "-inf", "BYSCORE", "REV"),
                ("XRANGE", "stream", "-", "+"), ("XREVRANGE", "stream", "+", "-", "COUNT", 10_000),
                ("SUNION", "set", "none"), ("SORT", "list", "BY", "nosort"),
            ]  # fmt: skip
            for command in commands:
                first, reply, last = connection.pipeline([("ECHO", "first"), command, ("INCR", "n")])
                with self.subTest(command=command[0], hello=hello):
                    self.assertEqual(first, b"first")
                    self.assertIsInstance(last, int)
                    match command[0]:
                        case "HGETALL":
                            pairs = dict(reply if hello == 3 else zip(reply[::2], reply[1::2], strict=True))
                            self.assertEqual(sorted(pairs), [name.encode() for name in names])
                            self.assertEqual(set(pairs.values()), {VALUE.encode()})
                        case "HKEYS":
                            self.assertEqual(sorted(reply), [name.encode() for name in names])
                        case "HVALS":
                            self.assertEqual(reply, [VALUE.encode()] * ELEMENTS)
                        case "SMEMBERS" | "SUNION":
                            self.assertEqual(sorted(reply), long)
                        case "LRANGE" | "SORT":
                            self.assertEqual(reply, long)
                        case "ZRANGE":
                            self.assertEqual(reply, long[::-1] if "REV" in command else long)
                        case "XRANGE":
                            self.assertEqual([int(entry[0][:-2]) for entry in reply], list(range(1, ELEMENTS + 1)))
                        case "XREVRANGE":
                            ids = [int(entry[0][:-2]) for entry in reply]
                            self.assertEqual(ids, list(range(ELEMENTS, ELEMENTS - 10_000, -1)))

    def test_clients_that_do_not_read_cost_little_and_hold_up_nobody(self):
        server, connection = self.start_filled(TYPES)
        other = server.connect(PATIENCE)
        self.addCleanup(other.close)
        commands = [
            ("HGETALL", "hash"), ("SMEMBERS", "set"), ("LRANGE", "list", 0, -1), ("ZRANGE", "zset", 0, -1),
            ("XRANGE", "stream", "-", "+"),
        ]  # fmt: skip
        for command in commands:  # what the store keeps in memory, it has in memory
            connection.call(*command)
        before = resident(server.pid)
        clients = [self.greedy(server, *commands[number % 5]) for number in range(200)]
        def waiting():
            lines = other.call("CLIENT", "LIST").decode().splitlines()
            return sum(int(line.split("obl=")[1].split()[0]) > 0 for line in lines)

        self.until(lambda: waiting() == 200, what="200 replies that wait for their clients")
        grown = resident(server.pid) - before
        # 4 GB were asked for.
        self.assertLess(grown, 200 * 2 * MEGABYTE, f"grew by {grown // MEGABYTE} MB")
        # Long replies of others are made as before, and short ones at once.
        self.assertEqual(len(other.call("SMEMBERS", "set")), ELEMENTS)
        # The moment that they see is kept: what is removed meanwhile comes all the same.
        connection.call("DEL", "hash", "list", "set", "zset", "stream")
        for client in clients[:3]:
            client.settimeout(PATIENCE)
        parts, left = [], ELEMENTS * (len(VALUE) + 6)
        while left > 0:
            part = clients[2].recv(1 << 20)  # LRANGE
            self.assertTrue(part, "closed before its end")
            parts.append(part)
            left -= len(part)
        self.assertTrue(b"".join(parts).startswith(b"*%d\r\n$1006\r\n000000x" % ELEMENTS))
        for client in clients:
            client.close()
        self.until(lambda: len(other.call("CLIENT", "LIST").splitlines()) == 2, what="all clients gone")
        # Nothing is left of them: the next long reply needs a thread.
        connection.pipeline([("SADD", "set", *[f"{n}{VALUE}" for n in range(i, i + 1000)]) for i in range(0, 9000, 1000)])
        self.assertEqual(len(other.call("SMEMBERS", "set")), 9000)

    def test_a_client_that_takes_nothing_is_cut_off(self):
        server, connection = self.start_filled(["list"], "--long-reply-timeout", "1")
        began = time.monotonic()
        client = self.greedy(server, "LRANGE", "list", 0, -1)
        self.until(lambda: len(connection.call("CLIENT", "LIST").splitlines()) == 2, what="it is there")
        self.until(lambda: len(connection.call("CLIENT", "LIST").splitlines()) == 1, what="it is disconnected")
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assertEqual(info(connection, "stats")["long_reply_disconnections"], "1")
        client.close()
        # For as long as it likes.
        connection.call("CONFIG", "SET", "long-reply-timeout", "0")
        self.greedy(server, "LRANGE", "list", 0, -1)
        self.until(lambda: len(connection.call("CLIENT", "LIST").splitlines()) == 2, what="another one")

    def test_a_reply_longer_than_the_output_limit_reaches_a_client_that_reads(self):
        _, connection = self.start_filled(["set"], "--client-output-buffer-limit", "normal 300000 0 0")
        self.assertEqual(len(connection.call("SMEMBERS", "set")), ELEMENTS)
        # Within MULTI it is made whole.
        connection.call("MULTI")
        connection.call("SMEMBERS", "set")
        with self.assertRaises((ConnectionError, OSError)):
            connection.call("EXEC")

    def test_without_replies_nothing_comes_and_what_is_behind_it_does(self):
        _, connection = self.start_filled(["hash", "set"])
        for words in [("CLIENT", "REPLY", "SKIP"), ("SMEMBERS", "set"), ("ECHO", "next")]:
            connection.socket.sendall(encode(*words))
        self.assertEqual(connection.read(), b"next")
        connection.socket.sendall(encode("CLIENT", "REPLY", "OFF") + encode("HGETALL", "hash") + encode("KEYS", "*"))
        connection.socket.sendall(encode("CLIENT", "REPLY", "ON"))
        self.assertEqual(connection.read(), b"OK")
        self.assertEqual(connection.call("ECHO", "after"), b"after")

    def test_messages_stand_before_or_behind_a_long_reply(self):
        server, connection = self.start_filled(["list"])
        with server.connect(PATIENCE) as other:
            connection.call("HELLO", 3)
            connection.call("SUBSCRIBE", "news")
            connection.socket.sendall(encode("LRANGE", "list", 0, -1))
            self.until(lambda: other.call("PUBLISH", "news", "x" * 100) == 1, what="a message")
            for _ in range(100):
                other.call("PUBLISH", "news", "y")
            # Were one within the reply, an element of it would be no string.
            seen, reply = 0, None
            while reply is None or seen < 101:
                value = connection.read()
                if isinstance(value, list) and len(value) == ELEMENTS:
                    reply = value
                else:
                    seen += 1
            self.assertEqual({type(element) for element in reply}, {bytes})

    def test_the_server_stops_in_the_middle(self):
        server, connection = self.start_filled(["list"])
        client = self.greedy(server, "LRANGE", "list", 0, -1)
        self.until(lambda: "lrange" in connection.call("CLIENT", "LIST").decode(), what="it waits")
        self.assertTrue(client.recv(1000).startswith(b"*20000\r\n"))
        server.stop()
        server.start()
        with server.connect(PATIENCE) as again:
            self.assertEqual(again.call("LLEN", "list"), ELEMENTS)
