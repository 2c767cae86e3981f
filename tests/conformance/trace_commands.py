"""A proxy between the suite and a server that notes every command, by test: what must a server understand?

The suite names each test as it starts it (DEBUG LOG "### Starting test …"), on a connection of its own, before the
test's first command; so what follows belongs to it.
"""

import socket
import threading
from collections import Counter

CONTAINERS = {"acl", "client", "cluster", "command", "config", "debug", "function", "latency", "memory", "object",
              "pubsub", "script", "slowlog", "xgroup", "xinfo"}


class Tracer:
    def __init__(self):
        self.lock = threading.Lock()
        self.current = "(before the first test)"
        self.commands: dict[str, Counter] = {}

    def proxy(self, server_port: int) -> int:
        """Listens on a port of its own and passes everything on to `server_port`."""
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(listener, server_port), daemon=True).start()
        return listener.getsockname()[1]

    def _accept(self, listener, server_port):
        while True:
            client, _ = listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", server_port))
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._pass, args=(client, server, RequestParser(self.note)), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, None), daemon=True).start()

    def _pass(self, source, sink, parser):
        try:
            while data := source.recv(1 << 16):
                if parser:
                    parser.feed(data)
                sink.sendall(data)
        except OSError:
            pass
        for end, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
            try:
                end.shutdown(how)
            except OSError:
                pass

    def note(self, arguments: list[bytes]) -> None:
        words = [argument[:80].decode(errors="replace") for argument in arguments[:3]]
        name = words[0].lower()
        if len(words) > 1 and name in CONTAINERS:
            name += " " + words[1].lower()
            if name in ("config set", "config get", "debug set-active-expire") and len(words) > 2:
                name += " " + words[2].lower()
        with self.lock:
            if name == "debug log":
                full = arguments[2].decode(errors="replace")
                self.current = full.removeprefix("### Starting test ")
                self.commands.setdefault(self.current, Counter())
                return
            self.commands.setdefault(self.current, Counter())[name] += 1

    def report(self) -> str:
        with self.lock:
            return "".join(f"{test}\n    {', '.join(sorted(commands))}\n"
                           for test, commands in self.commands.items())


class RequestParser:
    """Finds commands in a byte stream; at the first thing that is no command (a protocol test) it gives up."""

    def __init__(self, note):
        self.note = note
        self.buffer = b""
        self.broken = False

    def feed(self, data: bytes) -> None:
        self.buffer += data
        while not self.broken and self._one():
            pass
        if self.broken:
            self.buffer = b""

    def _one(self) -> bool:
        end = self.buffer.find(b"\n")
        if end < 0:
            return False
        line = self.buffer[:end].rstrip(b"\r")
        if not line.startswith(b"*"):
            self.buffer = self.buffer[end + 1:]
            if line.split():
                self.note(line.split())
            return True
        try:
            position, arguments = end + 1, []
            for _ in range(int(line[1:])):
                end = self.buffer.find(b"\n", position)
                if end < 0:
                    return False
                length = int(self.buffer[position + 1:end])
                position = end + 1 + length + 2
                if len(self.buffer) < position:
                    return False
                arguments.append(self.buffer[end + 1:position - 2])
        except ValueError:
            self.broken = True
            return False
        self.buffer = self.buffer[position:]
        if arguments:
            self.note(arguments)
        return True
