"""What redis-cli does beside sending commands: each of its modes against the server."""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time
import unittest

from common import PATIENCE, Connection, ServerTest
from resp import encode

CLI = shutil.which("redis-cli")


@unittest.skipIf(CLI is None, "there is no redis-cli")
class RedisCli(ServerTest):
    def setUp(self):
        super().setUp()
        self.running = self.server()
        self.connection = self.enterContext(self.running.connect(PATIENCE))

    def fill(self) -> None:
        self.connection.pipeline(
            [("SET", f"string:{n}", "x" * n) for n in range(100)] + [("SET", "biggest string", "x" * 5000)]
            + [("RPUSH", "a list", *range(77))] + [("SADD", "a set", *range(33))] + [("HSET", "a hash", *range(44))]
            + [("ZADD", "a sorted set", *range(22))] + [("XADD", "a stream", "*", "a", "b")] * 3)

    def cli(self, *words, stdin: bytes = b"", status: int | None = 0) -> str:
        """What it prints when it runs to its end."""
        done = subprocess.run([CLI, "-p", str(self.running.port), *map(str, words)], input=stdin, capture_output=True,
                              timeout=PATIENCE, cwd=self.folder)
        output = (done.stdout + done.stderr).decode(errors="replace")
        if status is not None:
            self.assertEqual(done.returncode, status, output)
        return output

    def watch(self, *words, until) -> str:
        """What a mode without an end prints until that matches the expression `until`."""
        process = subprocess.Popen([CLI, "-p", str(self.running.port), *map(str, words)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(self._end, process)
        return self._read(process.stdout.fileno(), until)

    def _read(self, descriptor: int, until: str) -> str:
        deadline, text = time.monotonic() + PATIENCE, b""
        while not re.search(until, text.decode(errors="replace")):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                self.fail(f"{until!r} did not come: {text!r}")
            chunk = os.read(descriptor, 65536)
            if not chunk:
                self.fail(f"it ended without {until!r}: {text!r}")
            text += chunk
        return text.decode(errors="replace")

    def test_bigkeys(self):
        self.fill()
        text = self.cli("--bigkeys")
        self.assertIn("Sampled 106 keys in the keyspace!", text)
        self.assertRegex(text, r"Biggest +string found .+biggest string.+ has 5000 bytes")
        self.assertRegex(text, r"Biggest +list found .+a list.+ has 77 items")
        self.assertRegex(text, r"Biggest +set found .+a set.+ has 33 members")
        self.assertRegex(text, r"Biggest +hash found .+a hash.+ has 22 fields")
        self.assertRegex(text, r"Biggest +zset found .+a sorted set.+ has 11 members")
        self.assertRegex(text, r"Biggest +stream found .+a stream.+ has 3 entries")

    def test_memkeys(self):
        self.fill()
        for more in ((), ("--memkeys-samples", 0)):
            text = self.cli("--memkeys", *more)
            self.assertIn("Sampled 106 keys in the keyspace!", text)
            self.assertRegex(text, r"Biggest string found .+biggest string.+ has \d{4,} bytes")

    def test_hotkeys(self):
        """It needs OBJECT FREQ, which like Redis says no without an LFU policy."""
        self.fill()
        text = self.cli("--hotkeys", status=None)
        self.assertIn("An LFU maxmemory policy is not selected, access frequency not tracked.", text)

    def test_latency(self):
        self.assertRegex(self.watch("--latency", "--raw", until=r"\d+ \d+ \d+\.\d+ \d+"), r"^\d+ \d+ [\d.]+ \d+")
        text = self.watch("--latency-history", "-i", 1, "--raw", until=r"(?s)(\d+ \d+ [\d.]+ \d+.*){2}")
        self.assertRegex(text, r"\d+ \d+ [\d.]+ \d+")
        self.assertRegex(self.cli("--intrinsic-latency", 1), r"\d+ total runs")

    def test_latency_dist(self):
        text = self.watch("--latency-dist", "-i", 1, until=r"(?s)\x1b\[0m.*\n")
        self.assertGreater(len(text), 50)

    def test_stat(self):
        self.fill()
        text = self.watch("--stat", "-i", 0.05, until=r"(?s)keys .*(\n106 .*){3}")
        self.assertRegex(text, r"106 +\d+[.\dKMG]* +\d+ +\d+ +\d+ \(\+\d+\)")

    def test_scan(self):
        self.fill()
        self.assertEqual(len(self.cli("--scan").splitlines()), 106)
        self.assertEqual(sorted(self.cli("--scan", "--pattern", "a *").split("\n")[:-1]),
                         ["a hash", "a list", "a set", "a sorted set", "a stream"])
        self.assertEqual(len(self.cli("--scan", "--quoted-pattern", '"string:?"').splitlines()), 10)

    def test_pipe(self):
        commands = b"".join(encode("SET", f"key:{n}", "v" * (n % 1000)) for n in range(50_000))
        text = self.cli("--pipe", stdin=commands)
        self.assertIn("errors: 0, replies: 50000", text)
        self.assertEqual(self.connection.call("DBSIZE"), 50_000)
        text = self.cli("--pipe", stdin=encode("INCR", "key:7") + encode("SET", "key:1", "x"), status=None)
        self.assertIn("errors: 1, replies: 2", text)

    def test_rdb(self):
        self.fill()
        target = self.folder / "dump.rdb"
        self.cli("--rdb", target)
        data = target.read_bytes()
        self.assertTrue(data.startswith(b"REDIS00"), data[:20])
        self.assertIn(b"biggest string", data)
        if checker := shutil.which("redis-check-rdb"):
            done = subprocess.run([checker, str(target)], capture_output=True, timeout=PATIENCE)
            self.assertIn(b"RDB looks OK!", done.stdout)
            self.assertIn(b"106 keys read", done.stdout)

    def test_functions_rdb(self):
        self.fill()
        target = self.folder / "functions.rdb"
        self.cli("--functions-rdb", target)
        data = target.read_bytes()
        self.assertTrue(data.startswith(b"REDIS00"), data[:20])
        self.assertNotIn(b"biggest string", data)

    def test_replica(self):
        self.fill()
        process = subprocess.Popen([CLI, "-p", str(self.running.port), "--replica"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(self._end, process)
        seen = self._read(process.stdout.fileno(), "Full resync|SYNC done")
        self.connection.call("SET", "written", "now")
        if "written" not in seen:
            self._read(process.stdout.fileno(), "written")

    def test_repeats_and_formats(self):
        self.assertEqual(self.cli("-r", 3, "INCR", "n"), "1\n2\n3\n")
        self.assertEqual(self.cli("--csv", "LRANGE", "none", 0, -1), "\n")
        self.assertEqual(self.cli("-3", "--json", "HELLO").count('"proto":3'), 1)
        self.assertEqual(self.cli("-x", "SET", "from stdin", stdin=b"a\0b"), "OK\n")
        self.assertEqual(self.connection.call("GET", "from stdin"), b"a\0b")
        self.assertEqual(self.cli("-n", 5, "SET", "a", "b"), "OK\n")
        self.assertRegex(self.connection.call("INFO", "keyspace").decode(), "db5:keys=1")
        self.assertEqual(self.cli("-e", "INCR", "from stdin", status=1).strip(),
                         "ERR value is not an integer or out of range")

    def test_subscribed_mode(self):
        text = self.watch("SUBSCRIBE", "channel", until="subscribe")
        self.assertIn("channel", text)

    def test_hints_and_help(self):
        """Typed in a terminal: the arguments of a command stand behind it in grey, from COMMAND DOCS."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
            os.execv(CLI, [CLI, "-p", str(self.running.port)])
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, 9)
        self._read(terminal, "> ")
        for typed, hint in (("set ", r"key value \[NX\|XX\|VX old\] \[GET\]"), ("zadd ", r"key \[NX\|XX\] \[GT\|LT\] \[CH\] \[INCR\]"),
                            ("xadd ", r"key \[NOMKSTREAM\]"), ("client kill ", r"ip:port|"), ("hset ", "key field value"),
                            ("get ", "key")):
            for byte in typed:
                os.write(terminal, byte.encode())
            self._read(terminal, hint)
            os.write(terminal, b"\x15")  # the line away
        os.write(terminal, b"help set\r")
        text = self._read(terminal, r"(?s)summary:.*since:.*1\.0\.0.*group:.*string")
        self.assertIn("EX seconds", text)
