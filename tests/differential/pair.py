"""The two servers, and sending both the same at the same time."""

import selectors
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from resp import Connection, encode  # noqa: E402
from server import Server, is_redis, persistence_options  # noqa: E402

# Limits of length can be met without gigabytes; and redis-server looks often for clients that waited long enough.
OPTIONS = ["--proto-max-bulk-len", "1mb", "--hz", "500"]
PATIENCE_SECONDS = 20.0
FENCE = b"end-of-the-batch"
FENCE_COMMAND = encode("PING", FENCE)
FENCE_REPLY = b"$%d\r\n%b\r\n" % (len(FENCE), FENCE)


class Link:
    """One connection, unblocked: what is to go out, and what came in."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.outgoing, self.incoming, self.closed = b"", bytearray(), False

    def pump_out(self) -> None:
        try:
            while self.outgoing:
                sent = self.socket.send(self.outgoing)
                self.outgoing = self.outgoing[sent:]
        except BlockingIOError:
            pass
        except OSError:
            self.closed, self.outgoing = True, b""

    def pump_in(self) -> None:
        try:
            got = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            got = b""
        if got:
            self.incoming += got
        else:
            self.closed, self.outgoing = True, b""

    def take(self) -> bytes:
        taken, self.incoming = bytes(self.incoming), bytearray()
        return taken


def exchange(links: list[Link], batches: list[bytes], done=lambda data: data.endswith(FENCE_REPLY)) -> None:
    """Sends each link its batch, and reads until `done` says of each that its replies are complete, or the link is
    closed, or patience ends. What came in stays in the links."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with selectors.DefaultSelector() as selector:
        for link, batch in zip(links, batches):
            link.outgoing += batch
            link.pump_out()
            if not link.closed:
                selector.register(link.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if link.outgoing else 0), link)
        while selector.get_map():
            for key, events in selector.select(1.0):
                link = key.data
                if events & selectors.EVENT_WRITE:
                    link.pump_out()
                    if not link.outgoing:
                        selector.modify(link.socket, selectors.EVENT_READ, link)
                if events & selectors.EVENT_READ:
                    link.pump_in()
                if link.closed or (not link.outgoing and done(link.incoming)):
                    selector.unregister(link.socket)
            if time.monotonic() > deadline:
                for key in list(selector.get_map().values()):
                    key.data.closed = True
                return


class Pair:
    """The server under test and redis-server, each in a folder of its own. Both are empty."""

    def __init__(self, program: str, reference: str, folder: Path, options=()):
        self.servers = [
            Server(name, folder / place, persistence_options(name, None if is_redis(name) else "no") + OPTIONS
                   + (list(options) if place == "tested" else []))
            for name, place in ((program, "tested"), (reference, "reference"))]
        self.links: dict[int, list[Link]] = {}
        self.crashes = 0

    def __enter__(self):
        for server in self.servers:
            server.start()
        return self

    def __exit__(self, *_):
        self.drop_links()
        for server in self.servers:
            server.__exit__()

    def connection(self, number: int) -> list[Link]:
        """Connection `number` to both servers."""
        if number not in self.links:
            self.links[number] = [Link(server.port) for server in self.servers]
        return self.links[number]

    def drop_links(self) -> None:
        for links in self.links.values():
            for link in links:
                link.socket.close()
        self.links.clear()

    def mend(self) -> bool:
        """Starts again what died, and replaces closed connections. True if a server was dead or hung."""
        broken = False
        if any(link.closed for links in self.links.values() for link in links):
            for number, server in enumerate(self.servers):
                hung = server.is_alive() and not self._answers(server)
                if hung:
                    server.kill()
                if not server.is_alive():
                    broken = True
                    server.start()
            self.drop_links()
        self.crashes += broken
        return broken

    @staticmethod
    def _answers(server: Server) -> bool:
        for _ in range(20):  # a server that is dying may still take connections for a moment
            try:
                with Connection(server.port, timeout=5) as connection:
                    connection.call("PING")
            except OSError:
                return False
            if not server.is_alive():
                return False
        return True

    def call(self, *arguments) -> list:
        """One command to each over a connection of its own; for the run's preparation."""
        replies = []
        for server in self.servers:
            with Connection(server.port) as connection:
                replies.append(connection.pipeline([arguments])[0])
        return replies
