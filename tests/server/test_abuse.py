"""Requests that are malformed, huge, slow, or never read: the server says so and goes on for the others."""

import random
import socket
import statistics
import time

import common
from common import PATIENCE, AnyConnection, ServerTest, processor_seconds, raw, resident
from resp import encode

MEGABYTE = 1 << 20


def answer_to(port: int, request: bytes, timeout: float = PATIENCE) -> bytes:
    """All that the server sends until it closes the connection, or b'open' appended if it stays silent instead."""
    with raw(port, timeout) as client:
        client.settimeout(timeout)
        answer = b""
        try:
            client.sendall(request)
        except OSError:
            pass  # closed while we were sending; what it said before is still to be read
        try:
            while chunk := client.recv(65536):
                answer += chunk
        except TimeoutError:
            answer += b"open"
        except ConnectionResetError:
            pass
        return answer


class Malformed(ServerTest):
    def test_protocol_errors(self):
        server = self.server()
        for request, expected in [
            (b"*1048577\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
            (b"*99999999999999999999\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
            (b"*x\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
            (b"*1\r\n$536870913\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
            (b"*1\r\n$-1\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
            (b"*1\r\n$9223372036854775807\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
            (b"*1\r\n$18446744073709551616\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
            (b"*1\r\n$x\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
            (b"*1\r\nPING\r\n", b"-ERR Protocol error: expected '$', got 'P'\r\n"),
            (b'SET a "b\r\n', b"-ERR Protocol error: unbalanced quotes in request\r\n"),
            (b"SET a 'b\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
            (b'SET a "b"c\r\n', b"-ERR Protocol error: unbalanced quotes in request\r\n"),
            (b"x" * 70_000, b"-ERR Protocol error: too big inline request\r\n"),
            (b"*" + b"1" * 70_000, b"-ERR Protocol error: too big mbulk count string\r\n"),
            (b"*1\r\n$" + b"1" * 70_000, b"-ERR Protocol error: too big bulk count string\r\n"),
            (b"PING\r\n*1\r\n$x\r\nPING\r\n", b"+PONG\r\n-ERR Protocol error: invalid bulk length\r\n"),
        ]:
            with self.subTest(request[:40]):
                self.assertEqual(answer_to(server.port, request), expected)
        with server.connect() as connection:
            self.assertEqual(connection.call("PING"), b"PONG")

    def test_odd_but_allowed(self):
        server = self.server()
        for request, expected in [
            (b"*0\r\n*-1\r\n\r\n\n  \r\nPING\r\nQUIT\r\n", b"+PONG\r\n+OK\r\n"),
            (b"PING\nQUIT\n", b"+PONG\r\n+OK\r\n"),
            (b"echo \"a\\x00\\n b\"  \t 'c'\r\necho \"a\\x41\\tb\"\r\nQUIT\r\n",
             b"-ERR wrong number of arguments for 'echo' command\r\n$4\r\naA\tb\r\n+OK\r\n"),
            (b"ECHO " + b"y" * 60_000 + b"\r\nQUIT\r\n", b"$60000\r\n" + b"y" * 60_000 + b"\r\n+OK\r\n"),
            (b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n*1\r\n$4\r\nQUIT\r\n", b"$0\r\n\r\n+OK\r\n"),
            (b"*1\r\n$0\r\n\r\nQUIT\r\n", None),
        ]:
            with self.subTest(request[:40]):
                answer = answer_to(server.port, request)
                if expected is None:
                    self.assertTrue(answer.startswith(b"-ERR unknown command"), answer)
                else:
                    self.assertEqual(answer, expected)

    def test_error_cannot_inject_lines(self):
        with AnyConnection(self.server().port) as connection:
            for command in (("a\r\n+b\r\nc",), ("CONFIG", "a\r\nb"), ("x", "a\r\nb\r\n"), ("SET", "a", "b", "c\r\nd"),
                            ("CONFIG", "SET", "a\r\nb", "c"), ("CONFIG", "SET", "timeout", "c\r\nd"),
                            ("HELLO", "a\r\nb"), ("CLIENT", "KILL", "a\r\nb"), ("COMMAND", "INFO", "a\r\nb"),
                            ("CLIENT", "SETNAME", "a\r\nb"), ("CLIENT", "LIST", "TYPE", "a\r\nb")):
                connection.pipeline([command])
                self.assertEqual(connection.call("PING"), b"PONG", command)

    def test_byte_by_byte(self):
        server = self.server()
        with server.connect() as connection:
            for byte in encode("SET", "slow", "a\r\nb") + b"GET slow\r\n":
                connection.socket.sendall(bytes([byte]))
                time.sleep(0.001)
            self.assertEqual([connection.read(), connection.read()], [b"OK", b"a\r\nb"])

    def test_random_garbage(self):
        server = self.server()
        source = random.Random(common.SEED)
        pieces = [b"*1\r\n", b"*3\r\n", b"$3\r\n", b"$0\r\n", b"\r\n", b"\n", b"GET", b"SET a b", b"\x00", b"\xff" * 9,
                  b"$-1\r\n", b"*-1\r\n", b" ", b'"', b"'", b"\\x", b"$1048576\r\n", b"*1048576\r\n", b"PING\r\n", b"+OK"]
        for _ in range(300):
            with raw(server.port) as client:
                client.sendall(b"".join(source.choices(pieces, k=source.randint(1, 30))))
        with server.connect() as connection:
            self.assertEqual(connection.call("PING"), b"PONG")


class Large(ServerTest):
    def test_deep_pipeline(self):
        with self.server("--threads", "2").connect() as connection:
            replies = connection.pipeline([("INCR", f"n:{n % 7}") for n in range(10_000)])
            self.assertEqual(replies, [n // 7 + 1 for n in range(10_000)])
            connection.socket.sendall(b"PING\r\n" * 10_000)
            self.assertEqual({connection.read() for _ in range(10_000)}, {b"PONG"})

    def test_large_value(self):
        server = self.server()
        value = random.Random(common.SEED).randbytes(20 * MEGABYTE)
        with server.connect() as connection:
            self.assertEqual(connection.call("SET", "large", value), b"OK")
            self.assertEqual(connection.call("HSET", "h", value[:MEGABYTE], value), 1)
            self.assertTrue(connection.call("GET", "large") == value)
            self.assertEqual(connection.call("APPEND", "large", "x"), len(value) + 1)
        server.kill()
        server.start()
        with server.connect() as connection:
            self.assertTrue(connection.call("GET", "large") == value + b"x")
            self.assertTrue(connection.call("HGET", "h", value[:MEGABYTE]) == value)

    def test_many_arguments(self):
        with self.server("--threads", "3").connect() as connection:
            words = [word for n in range(100_000) for word in (f"k:{n}", n)]
            self.assertEqual(connection.call("MSET", *words), b"OK")
            self.assertEqual(connection.call("DBSIZE"), 100_000)
            self.assertEqual(connection.call("EXISTS", *words[::2]), 100_000)
            self.assertEqual(connection.call("DEL", *words[::2]), 100_000)


class Memory(ServerTest):
    def test_announced_sizes_cost_nothing(self):
        server = self.server()
        before = resident(server.pid)
        clients = []
        self.addCleanup(lambda: [client.close() for client in clients])
        for _ in range(1000):
            clients.append(raw(server.port))
            clients[-1].sendall(b"*1048576\r\n$536870912\r\n")
        with server.connect() as connection:
            self.until(lambda: len(connection.call("CLIENT", "LIST").splitlines()) > 1000, what="1000 clients")
            self.assertEqual(connection.call("PING"), b"PONG")
        self.assertLess(resident(server.pid) - before, 50 * MEGABYTE)

    def test_many_empty_arguments(self):
        """A million empty arguments are 6 MB on the wire, and may not be much more in memory."""
        server = self.server()
        with server.connect() as connection:
            connection.call("PING")
            before = resident(server.pid)
            connection.socket.sendall(b"*1048576\r\n$6\r\nEXISTS\r\n" + b"$0\r\n\r\n" * 1_048_575)
            self.assertEqual(connection.read(), 0)
            self.assertLess(resident(server.pid) - before, 400 * MEGABYTE)

    def test_clients_that_do_not_read(self):
        """200 clients ask for 100 MB each and read nothing: that costs little memory and work, and others go on."""
        server, control = self.server("--threads", "2"), self.server("--threads", "2", name="control")
        clients = []
        self.addCleanup(lambda: [client.close() for client in clients])
        with server.connect(PATIENCE) as connection, control.connect(PATIENCE) as undisturbed:
            connection.call("SET", "large", "x" * MEGABYTE)
            connection.call("GET", "large")
            memory, work = resident(server.pid), processor_seconds(server.pid)
            request = encode("GET", "large") * 100
            for _ in range(200):
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
                client.connect(("127.0.0.1", server.port))
                clients.append(client)
                client.sendall(request)
                # Answered while the others are served, not after all that they asked for.
                connection.call("PING")
            self.settled(server)
            # Two of its largest replies a client: one that waits, one that is being made; the allocator
            # gives more than was asked for.
            grown = resident(server.pid) - memory
            self.assertLess(grown, 650 * MEGABYTE, f"grew by {grown // MEGABYTE} MB")
            # 20 GB of replies were asked for. What was made is what the sockets and the limits took.
            work = processor_seconds(server.pid) - work
            self.assertLess(work, 6, f"took {work:.2f} s of processor time")
            # From now on they cost nothing: another client is served as by a server without them, at the same time.
            times: dict = {connection: [], undisturbed: []}
            for _ in range(500):
                for one, taken in times.items():
                    start = time.perf_counter()
                    one.call("PING")
                    taken.append(time.perf_counter() - start)
            disturbed, alone = (statistics.median(taken) for taken in times.values())
            self.assertLess(disturbed, 4 * alone)
            # One that reads after all gets every reply.
            clients[0].settimeout(PATIENCE)
            left = 100 * (MEGABYTE + len(f"${MEGABYTE}\r\n\r\n"))
            while left:
                chunk = clients[0].recv(1 << 20)
                self.assertTrue(chunk, "closed before all replies came")
                left -= len(chunk)
            for client in clients:
                client.close()
            self.until(lambda: len(connection.call("CLIENT", "LIST").splitlines()) == 1, what="all clients gone")
