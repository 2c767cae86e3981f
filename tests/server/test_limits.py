"""Bounds of what clients may take: memory of all together, memory of one, requests, and that others do not notice."""

import socket
import statistics
import time

from common import PATIENCE, Connection, ServerTest, info, raw, resident
from resp import encode

MEGABYTE = 1 << 20


def hog(port: int, size: int, *before) -> socket.socket:
    """A client that sends an argument of `size` bytes but for its end."""
    client = raw(port)
    for command in before:
        client.sendall(encode(*command))
        client.recv(100)
    client.sendall(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % size + b"x" * (size - 1))
    return client


class Eviction(ServerTest):
    def clients(self, *sizes: int, before=()) -> list[socket.socket]:
        found = []
        for size in sizes:
            found.append(hog(self.running.port, size, *before))
            self.addCleanup(found[-1].close)
        self.until(lambda: sum(self.memory()) > sum(sizes), what="what they sent")
        return found

    def memory(self) -> list[int]:
        """What each client takes but the one that asks."""
        own = self.admin.call("CLIENT", "ID")
        lines = [dict(word.split("=", 1) for word in line.split()) for line in
                 self.admin.call("CLIENT", "LIST").decode().splitlines()]
        return [int(line["tot-mem"]) for line in lines if int(line["id"]) != own]

    def all_memory(self) -> int:
        lines = self.admin.call("CLIENT", "LIST").decode()
        return sum(int(word[len("tot-mem="):]) for word in lines.split() if word.startswith("tot-mem="))

    def start(self, *options):
        self.running = self.server("--threads", "2", *options)
        self.admin = self.enterContext(self.running.connect(PATIENCE))
        self.until(lambda: info(self.admin, "clients")["connected_clients"] == "1", what="the end of those before")
        self.assertEqual(self.admin.call("CLIENT", "NO-EVICT", "ON"), b"OK")

    def closed(self, client: socket.socket) -> bool:
        client.settimeout(0.05)
        try:
            return client.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    def test_the_largest_go_until_the_rest_fits(self):
        self.start()
        clients = self.clients(*[MEGABYTE] * 4, *[6 * MEGABYTE] * 3)
        before = sorted(self.memory())
        # Less by a byte than what is left when the largest is gone: the next one goes too.
        limit = self.all_memory() - before[-1] - 1
        self.assertEqual(self.admin.call("CONFIG", "SET", "maxmemory-clients", limit), b"OK")
        # At once, for whoever looks.
        self.assertEqual(sorted(self.memory()), before[:-2])
        self.until(lambda: [self.closed(client) for client in clients[:4]] == [False] * 4
                   and sum(self.closed(client) for client in clients[4:]) == 2, what="two of the largest gone")
        self.assertEqual(info(self.admin, "stats")["evicted_clients"], "2")
        self.admin.call("CONFIG", "SET", "maxmemory-clients", "0")
        self.clients(*[4 * MEGABYTE] * 3)

    def test_who_grows_past_the_limit(self):
        self.start("--maxmemory-clients", "3mb")
        small, large = hog(self.running.port, MEGABYTE // 8), raw(self.running.port)
        self.addCleanup(small.close)
        self.addCleanup(large.close)
        try:
            large.sendall(b"*2\r\n$4\r\nECHO\r\n$9000000\r\n")
            for _ in range(8):
                large.sendall(b"x" * MEGABYTE)
        except ConnectionError:
            pass
        self.until(lambda: self.closed(large), what="its end")
        self.assertFalse(self.closed(small))
        self.assertEqual(info(self.admin, "stats")["evicted_clients"], "1")

    def test_what_counts(self):
        """Replies that wait, a transaction, keys that are watched, channels, prefixes: each of them is enough."""
        self.start("--maxmemory-clients", "2mb")
        def commands(kind):
            if kind == "replies":
                self.admin.call("SET", "big", "x" * 8 * MEGABYTE)
                return [encode("GET", "big")]
            if kind == "transaction":
                return [encode("MULTI")] + [encode("SET", "k", "x" * 100_000)] * 40
            if kind == "prefixes":
                words = [word for n in range(3000) for word in ("PREFIX", f"{n:0800}")]
                return [encode("CLIENT", "TRACKING", "ON", "BCAST", *words), encode("PING")]
            name = {"watched": "WATCH", "channels": "SUBSCRIBE", "patterns": "PSUBSCRIBE", "shards": "SSUBSCRIBE"}[kind]
            return [encode(name, f"{n:0100}") for n in range(30_000)]
        for kind in ("replies", "transaction", "watched", "channels", "patterns", "shards", "prefixes"):
            with self.subTest(kind):
                before = int(info(self.admin, "stats")["evicted_clients"])
                client = raw(self.running.port)
                self.addCleanup(client.close)
                client.settimeout(PATIENCE)
                def evicted():
                    return int(info(self.admin, "stats")["evicted_clients"]) > before
                for chunk in commands(kind):
                    try:
                        client.sendall(chunk)
                        if kind != "replies" and not client.recv(1 << 20):
                            break
                    except OSError:
                        break
                self.until(evicted, what="its end")

    def test_percentages_and_who_stays(self):
        self.start("--memory-budget", "200mb", "--maxmemory-clients", "1%")
        stays = self.clients(3 * MEGABYTE, before=[("CLIENT", "NO-EVICT", "ON")])[0]
        goes = hog(self.running.port, 100_000)
        self.addCleanup(goes.close)
        self.until(lambda: self.closed(goes), what="the end of the one that may be closed")
        self.assertFalse(self.closed(stays))
        self.assertEqual(self.admin.call("CONFIG", "GET", "maxmemory-clients"), [b"maxmemory-clients", b"1%"])


class Requests(ServerTest):
    def test_limits_at_run_time(self):
        server = self.server()
        with server.connect() as admin:
            admin.call("CONFIG", "SET", "proto-max-bulk-len", "2mb")
            with raw(server.port) as client:
                client.sendall(b"*2\r\n$4\r\nECHO\r\n$2097153\r\n")
                self.assertEqual(client.recv(100), b"-ERR Protocol error: invalid bulk length\r\n")
            self.assertEqual(admin.call("STRLEN", "none"), 0)
            self.assertEqual(admin.call("ECHO", "x" * 2 * MEGABYTE), b"x" * 2 * MEGABYTE)
            self.assertIn("exceeds maximum allowed size", self.error(admin, "SETRANGE", "k", 2 * MEGABYTE, "x"))
            admin.call("CONFIG", "SET", "client-query-buffer-limit", "1mb")
            with raw(server.port) as client:
                try:
                    client.sendall(b"*2\r\n$4\r\nECHO\r\n$2000000\r\n" + b"x" * 1_900_000)
                    self.assertEqual(client.recv(100), b"")
                except ConnectionError:
                    pass
            self.until(lambda: info(admin, "clients")["connected_clients"] == "1", what="its end")


class Others(ServerTest):
    """A prober beside those who abuse the server, and a prober of an undisturbed server at the same time."""
    COST = 20

    def probe(self, one: Connection, other: Connection, seconds: float, meanwhile=lambda: None) -> tuple[float, float]:
        """The 99th percentile of both's times of a GET, in seconds."""
        taken = {one: [], other: []}
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for _ in range(50):
                for connection, times in taken.items():
                    start = time.perf_counter()
                    connection.call("GET", "key")
                    times.append(time.perf_counter() - start)
            meanwhile()
        return tuple(statistics.quantiles(times, n=100)[98] for times in taken.values())

    def unnoticed(self, disturbed: float, alone: float) -> None:
        # Three times, and half a millisecond for what the machine does meanwhile.
        self.assertLess(disturbed, 3 * alone + 0.0005, f"p99 {disturbed * 1e3:.2f} ms, alone {alone * 1e3:.2f} ms")

    def test_slow_senders(self):
        """Five hundred clients send a byte now and then, of requests that do not end; one sends bytes all the time."""
        server, control = self.server("--threads", "2"), self.server("--threads", "2", name="control")
        slow = [raw(server.port) for _ in range(500)]
        for client in slow:
            self.addCleanup(client.close)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n")
        with server.connect() as one, control.connect() as other:
            def drip():
                for client in slow[:100]:
                    client.sendall(b"x")
                for _ in range(100):
                    slow[-1].sendall(b"y")
            self.unnoticed(*self.probe(one, other, 3, drip))
            self.assertEqual(len(one.call("CLIENT", "LIST").splitlines()), 501)

    def test_ten_thousand_idle_clients(self):
        """What each takes is bounded, and given back."""
        server, control = self.server("--threads", "2"), self.server("--threads", "2", name="control")
        with server.connect(PATIENCE) as one, control.connect(PATIENCE) as other:
            one.call("CONFIG", "SET", "maxclients", "10001")
            most = 10_000
            one.call("PING")
            before = resident(server.pid)
            clients = []
            self.addCleanup(lambda: [client.close() for client in clients])
            for _ in range(most):
                clients.append(raw(server.port))
                clients[-1].sendall(b"PING\r\n")
            for client in clients:
                self.assertEqual(client.recv(100), b"+PONG\r\n")
            self.assertIn(str(most + 1), info(one, "clients")["connected_clients"])
            with raw(server.port) as more:
                self.assertEqual(more.recv(100), b"-ERR max number of clients reached\r\n")

            def shrunk():
                lines = one.call("CLIENT", "LIST").splitlines()
                return sum(b"qbuf-free=0 " in line for line in lines) >= most
            self.until(shrunk, what="buffers that are given back")
            each = (resident(server.pid) - before) / most
            print(f"an idle client takes {each:.0f} bytes")
            self.assertLess(each, 12_000, f"{each:.0f} bytes a client")
            self.unnoticed(*self.probe(one, other, 3))
            # Each of them still works.
            for client in clients[::100]:
                client.sendall(b"ECHO hello\r\n")
                self.assertEqual(client.recv(100), b"$5\r\nhello\r\n")
            for client in clients:
                client.close()
            self.until(lambda: info(one, "clients")["connected_clients"] == "1", what="their end")
