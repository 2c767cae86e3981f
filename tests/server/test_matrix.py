"""Every command with arguments that nobody meant: the server stays up and answers well-formed RESP, soon.

"Soon" is a second, of the server's processor time or of a clock; but a busy machine may make any call take a second, so
one that took as long is made again, and is slow if it always is.
"""

import random
import time

import common
from common import PATIENCE, AnyConnection, ReplyError, ServerTest, processor_seconds, resident

CALLS = 10_000  # for each protocol
SKIPPED = {b"shutdown", b"quit", b"client|kill", b"client|pause", b"client|reply"}
# After these, what comes is not one reply a command; or nothing comes until another client does something.
SKIPPED |= {b"subscribe", b"psubscribe", b"ssubscribe", b"unsubscribe", b"punsubscribe", b"sunsubscribe", b"monitor",
            b"multi", b"client|tracking", b"blpop", b"brpop", b"blmove", b"brpoplpush", b"blmpop", b"bzpopmin",
            b"bzpopmax", b"bzmpop", b"sync", b"psync", b"wait", b"waitaof"}
# These touch all of the data or the disk: a few calls of each will do.
HEAVY = {b"save", b"bgsave", b"bgrewriteaof", b"flushall", b"flushdb", b"compact", b"compactrange", b"memory|purge",
         b"delbackup", b"purgelogsto", b"swapdb", b"pfselftest", b"command|docs", b"command|info", b"command"}
BOUNDARIES = [str(value).encode() for value in sorted(
    {0, *(sign * (2**bits + offset) for sign in (1, -1) for bits in (0, 31, 32, 63, 64) for offset in (-1, 0, 1)),
     100, 4_000_000_000_000})]
ODD = [b"", b" ", b"x" * 70_000, bytes(range(256)), b"\r\n", b"\xff\xfe", b"nan", b"inf", b"-inf", b"1e308", b"1e400",
       b"0.1", b"1.5", b"+1", b"00", b"-0", b"*", b"[", b"[a-", b"\\", b"(", b"{}", b"{a}b", b"0x10", b"*" * 40 + b"x"]
KEYS = [b"string", b"number", b"hash", b"bighash", b"missing", b"expiring"]
WORDS = b"""EX PX NX XX GT LT GET EXAT PXAT KEEPTTL PERSIST MATCH COUNT TYPE NOVALUES FIELDS WITHVALUES REPLACE DB LEN
IDX MINMATCHLEN WITHMATCHLEN ASYNC SYNC hash string FNX FXX SAMPLES ID ADDR USER YES NO ON OFF SETNAME AUTH BCAST
PREFIX OPTIN f1 f2 timeout hz FILTERBY MODULE ACLCAT PATTERN LIMIT WEIGHTS STORE SCHEDULE ABORT""".split()


class Matrix(ServerTest):
    COST = 10

    def commands(self, connection) -> list[list[bytes]]:
        names = connection.call("COMMAND", "LIST")
        described = connection.call("COMMAND", "INFO", *names)
        self.assertEqual([entry and entry[0].lower() for entry in described], [name.lower() for name in names])
        self.assertEqual(len(connection.call("COMMAND", "DOCS", *names)), 2 * len(names))
        self.assertGreater(len(names), 100)
        return sorted(name for name in names if name.lower() not in SKIPPED)

    def refill(self, connection, database: int) -> None:
        replies = connection.pipeline([
            ("RESET",), ("HELLO", self.protocol), ("REPLICAOF", "NO", "ONE"), ("SELECT", database), ("DEL", *KEYS),
            ("SET", "string", "hello"), ("SET", "number", 2**63 - 2), ("HSET", "hash", "f1", "v", "f2", 2**63 - 1, "", ""),
            ("HSET", "bighash", *range(200)), ("SET", "expiring", "x", "EX", 1000), ("CONFIG", "SET", "timeout", 0),
            ("CONFIG", "SET", "hz", 10)])
        errors = [reply for reply in replies if isinstance(reply, ReplyError)]
        self.assertEqual(errors, [])

    def arguments(self, source: random.Random, count: int) -> list[bytes]:
        found = []
        for position in range(count):
            weights = (6, 1, 1, 2) if position == 0 else (1, 4, 2, 5)
            pool, = source.choices((KEYS, BOUNDARIES, ODD, WORDS), weights)
            found.append(source.choice(pool))
        return found

    def harmless(self, name: bytes, arguments: list[bytes]) -> bool:
        """Whether the answer is bounded: a negative count of HRANDFIELD asks for as many answers as it says."""
        if name == b"hrandfield":
            return not any(argument.startswith(b"-") and argument[1:].isdigit() and len(argument) > 6
                           for argument in arguments)
        return not (name == b"debug" and arguments and arguments[0].lower() in (b"sleep", b"segfault", b"panic"))

    def play(self) -> None:
        source = random.Random(f"{common.SEED} {self.protocol}")
        # Strings may have a megabyte here, so that an offset of 2^28 is not an honest request for 256 MB.
        server = self.server("--threads", "2", "--proto-max-bulk-len", "1mb")
        with server.connect() as connection:
            names = self.commands(connection)
        light = [name for name in names if name.lower() not in HEAVY]
        connection = AnyConnection(server.port, timeout=PATIENCE)
        slow = []
        try:
            for number in range(CALLS):
                if number % 50 == 0:
                    self.refill(connection, source.randrange(2))
                name = source.choice(names if number % 20 == 0 else light)
                arguments = self.arguments(source, source.choice((0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 10, 12)))
                if not self.harmless(name, arguments):
                    continue
                words = [*name.split(b"|"), *arguments]
                try:
                    work, elapsed = processor_seconds(server.pid), self.time_of(connection, words)
                    if elapsed > 1 and (processor_seconds(server.pid) - work > 1 or min(
                            self.time_of(connection, words) for _ in range(5)) > 1):
                        slow.append(([word[:40] for word in words], round(elapsed, 2)))
                except (OSError, ValueError) as error:
                    shown = [word[:40] for word in words]
                    self.fail(f"call {number}, seed {common.SEED}: {shown}: {error!r}\n"
                              f"alive: {server.is_alive()}\n{server.log_tail()}")
            self.assertEqual(slow, [])
            self.assertEqual(connection.call("ECHO", "in step"), b"in step")
            self.assertTrue(server.is_alive())
            self.assertLess(resident(server.pid), 1 << 30)
            self.assertNotIn("panicked", server.log.read_text(errors="replace"))
        finally:
            connection.close()

    @staticmethod
    def time_of(connection, words) -> float:
        start = time.monotonic()
        connection.pipeline([words])
        return time.monotonic() - start

    def test_resp2(self):
        self.protocol = 2
        self.play()

    def test_resp3(self):
        self.protocol = 3
        self.play()
