"""Long replies: from one moment, over several partitions, beside other clients, and within the limits of their class."""

import threading

from common import PATIENCE, ReplyError, ServerTest, info

KEYS = [f"set {number}" for number in range(6)]  # of several partitions


class LongReplies(ServerTest):
    COST = 3

    def setUp(self):
        super().setUp()
        self.running = self.server("--threads", "3")

    def fill(self, connection, members=20_000):
        for start in range(0, members, 2_000):
            names = [f"member {number}" for number in range(start, start + 2_000)]
            connection.pipeline([("SADD", key, *names) for key in KEYS])

    def test_a_long_read_over_partitions_sees_one_moment(self):
        """Each member is added to all sets in one transaction: no set ever has what another one lacks."""
        stop, failures, reads = threading.Event(), [], []
        with self.running.connect(PATIENCE) as connection:
            self.fill(connection)

        def write():
            with self.running.connect(PATIENCE) as connection:
                number = 0
                while not stop.is_set():
                    number += 1
                    for command in [("MULTI",), *[("SADD", key, f"new {number}") for key in KEYS], ("EXEC",)]:
                        connection.call(*command)

        def read():
            try:
                with self.running.connect(PATIENCE) as connection:
                    while not stop.is_set():
                        self.assertEqual(connection.call("SDIFF", *KEYS), [])
                        union = connection.call("SUNION", *KEYS)
                        self.assertEqual(len(union), len(set(union)))
                        reads.append(len(union))
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads = [threading.Thread(target=target) for target in (write, read, read)]
        for thread in threads:
            thread.start()
        self.until(lambda: failures or len(set(reads)) > 5, what="reads of several moments")
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(failures, [])
        with self.running.connect(PATIENCE) as connection:
            calls = info(connection, "commandstats")["cmdstat_sunion"].split(",")[0]
            self.assertEqual(calls, f"calls={len(reads)}")

    def test_a_whole_reply_over_the_limit_closes_its_client_and_no_other(self):
        with self.running.connect(PATIENCE) as other, self.running.connect(PATIENCE) as connection:
            self.fill(connection)
            other.call("CONFIG", "SET", "client-output-buffer-limit", "normal 100000 0 0")
            with self.running.connect(PATIENCE) as greedy:
                # In pieces, each of them short enough.
                self.assertEqual(len(greedy.call("SMEMBERS", KEYS[0])), 20_000)
                self.assertEqual(len(greedy.call("SUNION", *KEYS)), 20_000)
                self.assertEqual(len(greedy.call("KEYS", "*")), len(KEYS))
            for command in [("SMEMBERS", KEYS[0]), ("SUNION", *KEYS)]:
                with self.running.connect(PATIENCE) as greedy:
                    # EXEC's reply is one.
                    greedy.pipeline([("MULTI",), command])
                    with self.assertRaises((ConnectionError, OSError)):
                        greedy.call("EXEC")
            self.assertEqual(other.call("PING"), b"PONG")
            self.assertEqual(info(other, "stats")["client_output_buffer_limit_disconnections"], "2")
            # Still there: SET is small.
            self.assertEqual(connection.call("SET", "k", "v"), b"OK")

    def test_client_list_says_that_a_watched_key_changed(self):
        with self.running.connect(PATIENCE) as watcher, self.running.connect(PATIENCE) as other:
            number = watcher.call("CLIENT", "ID")

            def flags():
                line = other.call("CLIENT", "LIST", "ID", number).decode()
                return dict(word.split("=", 1) for word in line.split())["flags"]

            watcher.call("WATCH", "k")
            self.assertEqual(flags(), "N")
            other.call("SET", "k", "v")
            self.assertEqual(flags(), "d")
            watcher.call("MULTI")
            self.assertEqual(set(flags()), {"x", "d"})
            self.assertIsNone(watcher.call("EXEC"))
            self.assertEqual(flags(), "N")

    def test_sort_without_patterns_and_with(self):
        with self.running.connect(PATIENCE) as connection:
            connection.call("RPUSH", "list", 3, 1, 2)
            connection.call("MSET", "w_1", 3, "w_2", 2, "w_3", 1)
            self.assertEqual(connection.call("SORT", "list"), [b"1", b"2", b"3"])
            self.assertEqual(connection.call("SORT", "list", "BY", "nosort", "GET", "#"), [b"3", b"1", b"2"])
            self.assertEqual(connection.call("SORT", "list", "BY", "w_*"), [b"3", b"2", b"1"])
            self.assertEqual(connection.call("SORT", "list", "GET", "w_*"), [b"3", b"2", b"1"])
            self.assertEqual(connection.call("SORT_RO", "list", "DESC", "LIMIT", 0, 1), [b"3"])
            for number in range(10):
                self.assertEqual(connection.call("SORT", "list", "STORE", f"to {number}"), 3)
                self.assertEqual(connection.call("LRANGE", f"to {number}", 0, -1), [b"1", b"2", b"3"])
            self.assertIsInstance(connection.pipeline([("SORT", "w_1", "BY")])[0], ReplyError)
