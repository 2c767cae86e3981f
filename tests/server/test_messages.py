"""What clients get that they did not ask for just now: messages, events of keys, invalidations, MONITOR's lines."""

import re
import time

from common import AnyConnection, ServerTest, info
from resp import encode





class Messages(ServerTest):
    def connect(self, server, protocol: int = 2) -> AnyConnection:
        client = AnyConnection(server.port)
        self.addCleanup(client.close)
        if protocol == 3:
            client.call("HELLO", 3)
        return client

    def tell(self, client, *arguments, replies: int = 1) -> list:
        """Sends a command and reads so many replies."""
        client.send(*arguments)
        return [client.read() for _ in range(replies)]

    def silent(self, client) -> None:
        """Nothing waits for the client: what it gets next is the answer to what it asks next."""
        token = b"token-%d" % time.monotonic_ns()
        client.send("PING", token)
        self.assertIn(client.read(), (token, [b"pong", token]))


class PubSub(Messages):
    def test_messages_in_both_protocols(self):
        server = self.server()
        publisher = self.connect(server)
        for protocol in (2, 3):
            with self.subTest(protocol=protocol):
                client = self.connect(server, protocol)
                self.assertEqual(self.tell(client, "SUBSCRIBE", "a", "b", replies=2),
                                 [[b"subscribe", b"a", 1], [b"subscribe", b"b", 2]])
                self.assertEqual(self.tell(client, "PSUBSCRIBE", "a*"), [[b"psubscribe", b"a*", 3]])
                self.assertEqual(self.tell(client, "SSUBSCRIBE", "a"), [[b"ssubscribe", b"a", 1]])
                self.assertEqual(publisher.call("PUBLISH", "a", "x\r\n"), 2)
                self.assertEqual(publisher.call("SPUBLISH", "a", ""), 1)
                self.assertEqual([client.read() for _ in range(3)],
                                 [[b"message", b"a", b"x\r\n"], [b"pmessage", b"a*", b"a", b"x\r\n"],
                                  [b"smessage", b"a", b""]])
                for command in ("UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"):
                    self.tell(client, command, replies=2 if command == "UNSUBSCRIBE" else 1)
                self.assertEqual(publisher.call("PUBLISH", "a", "y"), 0)
                self.silent(client)
                self.assertEqual(client.call("GET", "none"), None)
        self.assertEqual(publisher.call("PUBSUB", "CHANNELS"), [])

    def test_what_a_subscriber_of_resp2_may_do(self):
        server = self.server()
        client = self.connect(server)
        self.tell(client, "SUBSCRIBE", "a")
        self.assertEqual(self.error(client, "get", "k"),
                         "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                         "allowed in this context")
        self.assertIn("'client|id'", self.error(client, "CLIENT", "ID"))
        self.assertEqual(client.call("PING"), [b"pong", b""])
        self.assertEqual(client.call("RESET"), b"RESET")
        self.assertEqual(client.call("GET", "k"), None)
        with self.connect(server, 3) as other:
            self.tell(other, "SUBSCRIBE", "a")
            self.assertEqual(other.call("GET", "k"), None)

    def test_own_messages_come_behind_the_reply(self):
        client = self.connect(self.server(), 3)
        self.tell(client, "SUBSCRIBE", "a")
        client.socket.sendall(encode("PUBLISH", "a", "1") + encode("PING") + encode("MULTI")
                              + encode("PUBLISH", "a", "2") + encode("SET", "k", "v") + encode("EXEC"))
        got = [client.read() for _ in range(8)]
        self.assertEqual(got, [1, [b"message", b"a", b"1"], b"PONG", b"OK", b"QUEUED", b"QUEUED", [1, b"OK"],
                               [b"message", b"a", b"2"]])

    def test_order_is_that_of_the_publisher_over_threads(self):
        server = self.server("--threads", "2")
        subscribers = [self.connect(server, 2 + number % 2) for number in range(6)]
        for client in subscribers:
            self.tell(client, "SUBSCRIBE", "c")
        publishers = [self.connect(server) for _ in range(4)]
        count = 500
        for number, publisher in enumerate(publishers):
            publisher.socket.sendall(b"".join(encode("PUBLISH", "c", f"{number}:{index}") for index in range(count)))
        for publisher in publishers:
            self.assertEqual([publisher.read() for _ in range(count)], [6] * count)
        streams = [[client.read()[2] for _ in range(count * 4)] for client in subscribers]
        self.assertTrue(all(stream == streams[0] for stream in streams), "subscribers saw different orders")
        for number in range(4):
            own = [word for word in streams[0] if word.startswith(b"%d:" % number)]
            self.assertEqual(own, [b"%d:%d" % (number, index) for index in range(count)])

    def test_who_is_gone_is_not_subscribed(self):
        server = self.server()
        admin = self.connect(server)
        with self.connect(server) as client:
            self.tell(client, "SUBSCRIBE", "a")
            self.tell(client, "PSUBSCRIBE", "b*")
            self.assertEqual(info(admin, "stats")["pubsub_channels"], "1")
            self.assertEqual(info(admin, "stats")["pubsub_patterns"], "1")
            line = admin.call("CLIENT", "LIST", "TYPE", "PUBSUB").decode()
            self.assertRegex(line, r" flags=P .* sub=1 psub=1 ssub=0 ")
        self.until(lambda: admin.call("PUBSUB", "NUMPAT") == 0, what="the end of the subscription")
        self.assertEqual(admin.call("PUBSUB", "NUMSUB", "a"), [b"a", 0])
        with self.connect(server) as client:
            self.tell(client, "SUBSCRIBE", "a")
            self.assertEqual(admin.call("CLIENT", "KILL", "TYPE", "pubsub"), 1)
            self.until(lambda: admin.call("PUBLISH", "a", "x") == 0, what="the end of the killed subscriber")

    def test_a_slow_subscriber_is_cut_off_and_the_others_are_not_slowed(self):
        server = self.server("--client-output-buffer-limit", "pubsub 4mb 0 0")
        slow, quick, publisher = (self.connect(server) for _ in range(3))
        for client in (slow, quick):
            self.tell(client, "SUBSCRIBE", "c")
        message = b"x" * 100_000
        for _ in range(400):  # 40 MB: far more than sockets hold
            receivers = publisher.call("PUBLISH", "c", message)
            self.assertEqual(quick.read(), [b"message", b"c", message])
            if receivers == 1:
                break
        self.assertEqual(publisher.call("PUBSUB", "NUMSUB", "c"), [b"c", 1])
        self.assertEqual(info(publisher, "stats")["client_output_buffer_limit_disconnections"], "1")
        slow.socket.settimeout(10)
        with self.assertRaises((ConnectionError, ValueError)):
            while True:
                slow.read()  # what was on its way, and then the end

    def test_a_soft_limit_holds_without_further_messages(self):
        server = self.server("--client-output-buffer-limit", "pubsub 0 1mb 1")
        slow, publisher = self.connect(server), self.connect(server)
        self.tell(slow, "SUBSCRIBE", "c")
        for _ in range(300):
            publisher.call("PUBLISH", "c", b"x" * 100_000)
        self.assertEqual(publisher.call("PUBSUB", "NUMSUB", "c"), [b"c", 1])
        self.until(lambda: publisher.call("PUBSUB", "NUMSUB", "c") == [b"c", 0], what="the soft limit")


class Events(Messages):
    def test_events_of_keys(self):
        server = self.server("--notify-keyspace-events", "KEAn")
        listener, client = self.connect(server), self.connect(server)
        self.tell(listener, "PSUBSCRIBE", "__key*@0__:*")

        def events(*commands) -> list:
            for command in commands:
                client.call(*command)
            client.call("PUBLISH", "__keyend@0__:", "")
            found = []
            while (message := listener.read())[2] != b"__keyend@0__:":
                if message[2].startswith(b"__keyspace"):
                    found.append(f"{message[2].split(b':', 1)[1].decode()} {message[3].decode()}")
            return found

        for commands, expected in [
            ([("SET", "k", "v")], ["k new", "k set"]),
            ([("EXPIRE", "k", "100"), ("PERSIST", "k")], ["k expire", "k persist"]),
            ([("RENAME", "k", "j")], ["j new", "k rename_from", "j rename_to"]),
            ([("COPY", "j", "c")], ["c new", "c copy_to"]),
            ([("DEL", "j", "c", "none")], ["j del", "c del"]),
            ([("HSET", "h", "a", "1", "b", "2"), ("HINCRBY", "h", "a", "1"), ("HDEL", "h", "a"), ("HDEL", "h", "b")],
             ["h new", "h hset", "h hincrby", "h hdel", "h hdel", "h del"]),
            ([("HSET", "h", "a", "1"), ("HEXPIRE", "h", "100", "FIELDS", "1", "a"), ("HPERSIST", "h", "FIELDS", "1", "a"),
              ("HPEXPIRE", "h", "0", "FIELDS", "1", "a")],
             ["h new", "h hset", "h hexpire", "h hpersist", "h hdel", "h del"]),
            ([("SET", "k", "v"), ("EXPIRE", "k", "-1")], ["k new", "k set", "k del"]),
            ([("SET", "k", "v"), ("FLUSHALL",)], ["k new", "k set"]),
            ([("SET", "k", "v"), ("MOVE", "k", "1")], ["k new", "k set", "k move_from"]),
        ]:
            with self.subTest(commands):
                self.assertEqual(events(*commands), expected)

    def test_expired_keys_and_fields_are_told_in_time(self):
        server = self.server("--notify-keyspace-events", "Exh")
        listener, client = self.connect(server), self.connect(server)
        self.tell(listener, "SUBSCRIBE", "__keyevent@0__:expired", "__keyevent@0__:hexpired", replies=2)
        began = time.monotonic()
        client.call("SET", "k", "v", "PX", "100")
        client.call("HSET", "h", "a", "1", "b", "2")
        client.call("HPEXPIRE", "h", "150", "FIELDS", "1", "a")
        self.assertEqual(listener.read(), [b"message", b"__keyevent@0__:expired", b"k"])
        self.assertEqual(listener.read(), [b"message", b"__keyevent@0__:hexpired", b"h"])
        self.assertLess(time.monotonic() - began, 2)
        # Found to be expired by a command, before the expirer comes by.
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        client.call("SET", "k", "v", "PX", "1")
        self.until(lambda: client.call("GET", "k") is None, what="the end of the key")
        self.assertEqual(listener.read(), [b"message", b"__keyevent@0__:expired", b"k"])

    def test_what_was_there_before_expires_in_time(self):
        server = self.server("--notify-keyspace-events", "Ex")
        listener, client = self.connect(server), self.connect(server)
        self.tell(listener, "SUBSCRIBE", "__keyevent@0__:expired")
        took = []
        for _ in range(4):
            # Neither a blind write, which reaches the index at once, nor one on the way of another.
            client.call("SET", "k", "v")
            client.call("GET", "k")
            self.until(lambda: info(client, "memory")["overlay_memory"] == "0", what="the last hand-off")
            began = time.monotonic()
            client.call("SET", "k", "w", "PX", "100")
            self.assertEqual(listener.read()[2], b"k")
            took.append(time.monotonic() - began)
        self.assertLess(min(took), 0.6, "a busy machine may be late, but not each time")

    def test_many_keys_that_expire_at_once_are_gone_soon(self):
        server = self.server("--notify-keyspace-events", "Ex")
        listener, client = self.connect(server), self.connect(server)
        self.tell(listener, "SUBSCRIBE", "__keyevent@0__:expired")
        deadline = int(time.time() * 1000) + 1500
        count = 30_000
        client.pipeline([("SET", f"k{number}", "v", "PXAT", deadline) for number in range(count - 1)]
                        + [("HSET", "h", "a", 1), ("PEXPIREAT", "h", deadline)])
        names = {bytes(listener.read()[2]) for _ in range(count)}
        self.assertEqual(len(names), count, "each is told once")
        self.assertLess(time.time() - deadline / 1000, 15)
        self.assertEqual(client.call("DBSIZE"), 0)
        self.assertEqual(info(client, "stats")["expired_keys"], str(count))

    def test_misses(self):
        server = self.server("--notify-keyspace-events", "Em")
        listener, client = self.connect(server), self.connect(server)
        self.tell(listener, "PSUBSCRIBE", "*")
        client.call("GET", "none")
        self.assertEqual(listener.read(), [b"pmessage", b"*", b"__keyevent@0__:keymiss", b"none"])

    def test_nothing_is_told_that_nobody_wants(self):
        server = self.server("--notify-keyspace-events", "AKEn")
        listener, client = self.connect(server), self.connect(server)
        self.tell(listener, "PSUBSCRIBE", "*")
        client.call("CONFIG", "SET", "notify-keyspace-events", "A")
        client.call("SET", "k", "v")
        self.silent(listener)


class Tracking(Messages):
    def test_a_reader_is_told_of_changes(self):
        server = self.server()
        reader, writer = self.connect(server, 3), self.connect(server)
        reader.call("CLIENT", "TRACKING", "ON")
        self.assertEqual(reader.call("GET", "k"), None)
        writer.call("SET", "k", "1")
        self.assertEqual(reader.read(), [b"invalidate", [b"k"]])
        writer.call("SET", "k", "2")
        self.silent(reader)
        # Its own change, behind the reply.
        self.assertEqual(reader.call("GET", "k"), b"2")
        self.assertEqual(self.tell(reader, "INCR", "k", replies=2), [3, [b"invalidate", [b"k"]]])
        # A key that goes by time.
        writer.call("SET", "k", "v", "PX", "50")
        self.assertEqual(reader.call("GET", "k"), b"v")
        self.assertEqual(reader.read(), [b"invalidate", [b"k"]])
        reader.call("GET", "k")
        writer.call("FLUSHALL")
        self.assertEqual(reader.read(), [b"invalidate", None])

    def test_what_counts_as_a_change_is_what_redis_says(self):
        server = self.server()
        reader, writer = self.connect(server, 3), self.connect(server)
        reader.call("CLIENT", "TRACKING", "ON")
        writer.pipeline([("XADD", "stream", "1-1", "f", "v"), ("RPUSH", "list", "a")])
        reader.pipeline([("XLEN", "stream"), ("LLEN", "list")])
        # Consumer groups are no part of what a reader of a stream sees.
        writer.pipeline([("XGROUP", "CREATE", "stream", "g", "0"), ("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream", ">"),
                         ("XACK", "stream", "g", "1-1"), ("XGROUP", "DESTROY", "stream", "g")])
        self.silent(reader)
        # LTRIM always says that the list changed, to whoever watches it too.
        reader.call("WATCH", "list")
        writer.call("LTRIM", "list", "0", "-1")
        self.assertEqual(reader.read(), [b"invalidate", [b"list"]])
        self.assertEqual(reader.pipeline([("MULTI",), ("PING",), ("EXEC",)])[2], None)
        writer.call("XADD", "stream", "2-1", "f", "v")
        self.assertEqual(reader.read(), [b"invalidate", [b"stream"]])

    def test_over_partitions(self):
        server = self.server("--threads", "2")
        reader, writer = self.connect(server, 3), self.connect(server)
        reader.call("CLIENT", "TRACKING", "ON")
        names = [f"key{number}" for number in range(50)]
        reader.call("MGET", *names)
        writer.call("MSET", *(word for name in names for word in (name, "v")))
        told = {reader.read()[1][0].decode() for _ in names}
        self.assertEqual(told, set(names))
        for name in names:
            self.assertEqual(reader.call("GET", name), b"v")
        writer.call("DEL", *names)
        self.assertEqual({reader.read()[1][0].decode() for _ in names}, set(names))
        reader.call("MGET", *names)
        # Its own, over several partitions: behind the reply.
        got = self.tell(reader, "MSET", *(word for name in names for word in (name, "w")), replies=51)
        self.assertEqual(got[0], b"OK")
        self.assertEqual({push[1][0].decode() for push in got[1:]}, set(names))

    def test_broadcasts(self):
        server = self.server()
        reader, writer = self.connect(server, 3), self.connect(server)
        reader.call("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a:", "NOLOOP")
        writer.call("MSET", "a:2", "1", "b:1", "1", "a:1", "1")
        self.assertEqual(reader.read(), [b"invalidate", [b"a:1", b"a:2"]])
        reader.call("SET", "a:1", "2")
        self.silent(reader)
        self.assertEqual(info(writer, "stats")["tracking_total_prefixes"], "1")
        self.assertRegex(writer.call("CLIENT", "LIST").decode(), r" flags=tB ")

    def test_redirection(self):
        server = self.server()
        reader, writer = self.connect(server, 3), self.connect(server)
        with self.connect(server) as listener:
            number = listener.call("CLIENT", "ID")
            self.tell(listener, "SUBSCRIBE", "__redis__:invalidate")
            reader.call("CLIENT", "TRACKING", "ON", "REDIRECT", number)
            self.assertEqual(reader.call("CLIENT", "GETREDIR"), number)
            reader.call("GET", "k")
            writer.call("SET", "k", "v")
            self.assertEqual(listener.read(), [b"message", b"__redis__:invalidate", [b"k"]])
        self.until(lambda: b"id=%d " % number not in writer.call("CLIENT", "LIST"), what="the listener's end")
        reader.call("GET", "k")
        writer.call("SET", "k", "w")
        self.assertEqual(reader.read(), [b"tracking-redir-broken", number])
        self.assertIn(b"broken_redirect", dict(reader.call("CLIENT", "TRACKINGINFO"))[b"flags"])
        self.assertRegex(writer.call("CLIENT", "LIST").decode(), r" flags=tR ")

    def test_no_touch(self):
        server = self.server()
        client, other = self.connect(server), self.connect(server)
        other.call("SET", "k", "v")
        client.call("CLIENT", "NO-TOUCH", "ON")

        def idle():
            client.call("GET", "k")
            return other.call("OBJECT", "IDLETIME", "k") >= 1
        self.until(idle, what="a key that is read without being touched to become idle")
        client.call("TOUCH", "k")
        self.assertEqual(other.call("OBJECT", "IDLETIME", "k"), 0)


class Monitor(Messages):
    def test_lines(self):
        server = self.server()
        watcher, client = self.connect(server), self.connect(server)
        self.assertEqual(watcher.call("MONITOR"), b"OK")
        address = "%s:%d" % client.socket.getsockname()
        client.call("SELECT", "3")
        client.call("SET", "k", b"a\x01\n\"\\\xff")
        client.pipeline([("AUTH", "someone", "secret"), ("CONFIG", "GET", "port"), ("GET",), ("NOPE",)])
        client.pipeline([("MULTI",), ("INCR", "n"), ("PING",), ("EXEC",)])
        expected = ['[3 {}] "SELECT" "3"', '[3 {}] "SET" "k" "a\\x01\\n\\"\\\\\\xff"', '[3 {}] "AUTH" "(redacted)" "(redacted)"',
                    '[3 {}] "MULTI"', '[3 {}] "INCR" "n"', '[3 {}] "PING"', '[3 {}] "EXEC"']
        for line in expected:
            shown = watcher.read().decode()
            self.assertRegex(shown, r"^\d+\.\d{6} \[")
            self.assertEqual(re.sub(r"^\d+\.\d{6} ", "", shown), line.format(address))
        self.assertEqual(self.error(watcher, "GET", "k"), "ERR Replica can't interact with the keyspace")
        self.assertRegex(client.call("CLIENT", "LIST").decode(), r" flags=O ")
        self.assertEqual(watcher.call("RESET"), b"RESET")
        client.call("GET", "k")
        self.silent(watcher)

    def test_a_slow_monitor_is_cut_off(self):
        server = self.server("--client-output-buffer-limit", "pubsub 2mb 0 0")
        watcher, client = self.connect(server), self.connect(server)
        watcher.call("MONITOR")
        value = b"x" * 100_000
        for _ in range(300):
            client.call("SET", "k", value)
        self.until(lambda: b"cmd=monitor" not in client.call("CLIENT", "LIST"), what="the monitor's end")
