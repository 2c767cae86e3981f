"""A server under test: on a free loopback port, in a folder of its own, gone with the process that started it.

Pika and redis-server take the same options, so every harness runs against either; what differs (persistence is
a choice in Redis, and the only way to be in Pika) is in `persistence_options`.
"""

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from resp import Connection, ReplyError

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_SERVER = REPOSITORY / "target/release/pika"


class ServerFailed(Exception):
    """The server did not start or died; the message carries the end of its log."""


def find_server(name: str) -> str:
    """The program `name`, by path or through PATH. Ends the harness with one clear line if there is none."""
    path = shutil.which(str(name))
    if path is None:
        raise SystemExit(f"no server program at {name}: build it (make build) or name one with --server")
    return str(Path(path).absolute())


def is_redis(program: str) -> bool:
    return Path(program).name.startswith(("redis", "valkey"))


def persistence_options(program: str, fsync: str | None) -> list[str]:
    """`fsync` is always, everysec, no, or None for no persistence at all (which only Redis has)."""
    if not is_redis(program):
        return [] if fsync is None else ["--appendfsync", fsync]
    if fsync is None:
        return ["--save", "", "--appendonly", "no"]
    return ["--save", "", "--appendonly", "yes", "--appendfsync", fsync]


_PORTS = range(12_000, 32_000)  # below those that the kernel gives to clients' ends of connections
_taken: set[int] = set()
_registry = None  # a file of which each process locks the bytes of its ports, for as long as it lives


def free_port() -> int:
    """A port that no other harness on this machine uses, also while its server is down between two starts."""
    return free_ports(1)[0]


def free_ports(count: int) -> range:
    """As many ports in a row, none of which another harness on this machine uses for as long as this one lives."""
    global _registry
    if _registry is None or _registry[0] != os.getpid():  # locks are not inherited by children
        path = Path(tempfile.gettempdir()) / f"pika-test-ports.{os.getuid()}"
        _registry = (os.getpid(), open(path, "ab"))
    while True:
        first = random.choice(_PORTS[: len(_PORTS) - count + 1])
        ports = range(first, first + count)
        if not _taken.isdisjoint(ports):
            continue
        try:
            fcntl.lockf(_registry[1], fcntl.LOCK_EX | fcntl.LOCK_NB, count, first)
        except OSError:
            continue
        _taken.update(ports)
        if all(map(_is_free, ports)):
            return ports


def _is_free(port: int) -> bool:
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
        return True
    except OSError:
        return False


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used: unlike a clock's, it hardly depends on what else the machine does."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """One server process, which may be stopped, killed and started again on the same port and folder."""

    def __init__(self, program: str, folder, options=(), start_timeout: float = 60.0):
        self.program = program
        self.folder = Path(folder)
        self.options = list(options)
        self.start_timeout = start_timeout
        self.log = self.folder / "server.log"
        self.port = 0
        self.process: subprocess.Popen | None = None

    def start(self) -> "Server":
        """Starts and waits until PING is answered. The first start picks a port, later ones keep it."""
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        attempts = 1 if self.port else 5  # another process may take a free port before the server does
        for attempt in range(attempts):
            port = self.port or free_port()
            try:
                self._start_on(port, data)
                self.port = port
                return self
            except ServerFailed:
                if attempt == attempts - 1:
                    raise
        raise AssertionError("unreachable")

    def _start_on(self, port: int, data: Path) -> None:
        command = [self.program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data),
                   "--daemonize", "no", *self.options]
        if shutil.which("setpriv"):  # so that no server outlives a harness that was itself killed
            command = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder)
        deadline = time.monotonic() + self.start_timeout
        while True:
            if not self.is_alive():
                raise ServerFailed(f"{self.program} ended with status {self.process.returncode}\n{self.log_tail()}")
            try:
                with Connection(port, timeout=5) as connection:
                    connection.call("PING")
                return
            except (OSError, ReplyError):  # not listening yet, or -LOADING
                if time.monotonic() > deadline:
                    self.kill()
                    raise ServerFailed(f"{self.program} did not answer PING within {self.start_timeout:.0f} s\n"
                                       f"{self.log_tail()}") from None
                time.sleep(0.01)

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def connect(self, timeout: float = 30.0) -> Connection:
        return Connection(self.port, timeout=timeout)

    def kill(self) -> None:
        """kill -9, as a crash or the kernel's out-of-memory killer would."""
        if self.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout: float = 60.0) -> None:
        """A clean shutdown by SIGTERM; one that does not end in time is killed, and that is an error."""
        if not self.is_alive():
            return
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f"SIGTERM did not stop {self.program} within {timeout:.0f} s\n"
                               f"{self.log_tail()}") from None

    def log_tail(self, lines: int = 15) -> str:
        try:
            return "\n".join("    " + line for line in
                             self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "    (no log)"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.is_alive():
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
