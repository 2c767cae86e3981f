"""What all tests of the daemon share: a server per test, waiting with a deadline, INFO as a dictionary, RESP3."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from resp import Connection, ReplyError
from server import Server, free_port, processor_seconds

PROGRAM = ""  # set by run.py
SEED = 1

# How long a test waits for what must come. Only a server that hangs lets it pass: what a test asserts must not depend
# on how busy the machine is.
PATIENCE = 60.0


def info(connection: Connection, *sections: str) -> dict[str, str]:
    text = connection.call("INFO", *sections)
    lines = text.decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))


def resident(pid: int) -> int:
    """The bytes of memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"process {pid} is gone")


class AnyConnection(Connection):
    """Reads RESP2 and RESP3, strictly: what is not exactly RESP is a ConnectionError."""

    def read(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError(f"the server closed the connection, or sent a bad line: {line[:80]!r}")
        kind, rest = line[:1], line[1:-2]
        if b"\r" in rest or b"\n" in rest:
            raise ConnectionError(f"a line break within a line: {line[:80]!r}")
        if kind == b"+":
            return rest
        if kind == b"-":
            if not rest:
                raise ConnectionError("an empty error")
            return ReplyError(rest.decode(errors="replace"))
        if kind == b"(" or kind == b":":
            return int(rest)
        if kind == b",":
            return float(rest)
        if kind == b"_" and not rest:
            return None
        if kind == b"#" and rest in (b"t", b"f"):
            return rest == b"t"
        if kind in b"$=!" and kind:
            length = int(rest)
            if length < 0:
                return None
            body = self.stream.read(length + 2)
            if len(body) != length + 2 or body[-2:] != b"\r\n":
                raise ConnectionError(f"a bulk string of {length} bytes does not end where it says")
            return body[:-2]
        if kind in (b"*", b"~", b">"):
            count = int(rest)
            return None if count < 0 else [self.read() for _ in range(count)]
        if kind == b"%":
            # Keys may be unhashable in principle, so a map is a list of pairs.
            return [(self.read(), self.read()) for _ in range(int(rest))]
        raise ConnectionError(f"not RESP: {line[:80]!r}")


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="pika-server.")))

    def server(self, *options, name: str = "server") -> Server:
        """A running server, stopped at the end of the test."""
        return self.enterContext(Server(PROGRAM, self.folder / name, options))

    def until(self, condition, timeout: float = PATIENCE, what: str = "the condition"):
        """Polls until `condition()` is true, and returns what it returned."""
        deadline = time.monotonic() + timeout
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                self.fail(f"{what} did not come true within {timeout:.0f} s")
            time.sleep(0.01)

    def suspend(self, pid: int):
        """Stops a process, until `SIGCONT` or the end of the test: when this returns, none of its threads runs. (A signal
        is taken by one thread, and the others go on until that one is scheduled.)
        """
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.resume, pid)
        self.until(lambda: all(state.read_text().rpartition(")")[2].split()[0] == "T"
                               for state in Path(f"/proc/{pid}/task").glob("*/stat")), what="the stop of its threads")

    def resume(self, pid: int):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def logged(self, server, text: str):
        """Waits for a line in a server's log: lines are written behind what they tell of, by a thread of their own."""
        self.until(lambda: text in server.log.read_text(), what=f"{text!r} in the log")

    def launch(self, *arguments, environment=None, through=()) -> subprocess.Popen:
        """A server started just so, in the test's folder, killed at the end of the test; its output is in a file.
        `through`: a command that starts what follows it.
        """
        log = open(self.folder / "launch.log", "ab")
        self.addCleanup(log.close)
        process = subprocess.Popen([*through, PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   cwd=self.folder, env={**os.environ, **(environment or {})})
        self.addCleanup(self._end, process)
        return process

    @staticmethod
    def _end(process: subprocess.Popen) -> None:
        if process.poll() is None:
            process.kill()
        process.wait()

    def wait_for(self, process: subprocess.Popen, port: int, timeout: float = PATIENCE) -> Connection:
        """A connection to a launched server, once it answers."""
        def answered():
            if process.poll() is not None:
                self.fail(f"ended with {process.returncode}: {(self.folder / 'launch.log').read_text()}")
            try:
                connection = Connection(port)
            except OSError:
                return None
            reply = connection.pipeline([("PING",)])[0]
            return connection if not str(reply).startswith("LOADING") else connection.close()
        connection = self.until(answered, timeout, "an answer to PING")
        self.addCleanup(connection.close)
        return connection

    def refuses(self, *arguments, environment=None, through=()) -> str:
        """Runs the program, which must end by itself with an error; returns what it printed."""
        try:
            done = subprocess.run([*through, PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                                  cwd=self.folder, timeout=PATIENCE, env={**os.environ, **(environment or {})})
        except subprocess.TimeoutExpired:
            self.fail(f"{arguments} was not refused")
        output = (done.stdout + done.stderr).decode(errors="replace")
        self.assertNotEqual(done.returncode, 0, output)
        self.assertGreater(done.returncode, 0, f"killed by a signal: {output}")
        self.assertNotIn("panicked", output)
        return output

    def settled(self, server: Server) -> None:
        """Waits until the server has nothing to do: a while in which it used no processor time to speak of."""
        last = [processor_seconds(server.pid)]

        def idle():
            time.sleep(0.25)
            last.append(processor_seconds(server.pid))
            return last[-1] - last[-2] <= 0.01
        self.until(idle, what="a server with nothing to do")

    def error(self, connection: Connection, *arguments) -> str:
        """The error that a command is answered with; anything else fails the test."""
        reply = connection.pipeline([arguments])[0]
        self.assertIsInstance(reply, ReplyError, f"{arguments[:4]} was answered {reply!r:.80}")
        return str(reply)


def raw(port: int, timeout: float = PATIENCE) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


__all__ = ["PATIENCE", "AnyConnection", "Connection", "ReplyError", "Server", "ServerTest", "free_port", "info",
           "processor_seconds", "raw", "resident"]
