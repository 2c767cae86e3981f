"""Blocking pops served by other clients: each element is somewhere exactly once, in a key or with who took it.

A producer pushes elements that come only once to a list and a sorted set, at times to both in one transaction. Takers
wait for them; a mover waits on the list and moves to another one, in another slot. After a crash an acknowledged
element may be missing only if a pop was under way whose answer nobody got, one for each; one that was taken may not
be there again; and lists are in the order of their pushes.
"""

import random
import threading

from model import Mismatch
from resp import Connection, ReplyError, encode

LIST, MOVED, SORTED = b"exchange:list", b"exchange:moved", b"exchange:sorted"
TAKES = ("BLPOP", "BRPOP", "BLMPOP", "BZPOPMIN", "BZMPOP")


class Client:
    """What one of them has under way."""

    def __init__(self, role):
        self.role = role
        self.sent: tuple | None = None  # without an answer


class Exchange:
    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.serial = 0
        self.live: set[bytes] = set()  # pushed, acknowledged
        self.gone: set[bytes] = set()  # taken, or lost with an answer that nobody got
        self.clients: list[Client] = []
        self.lock = threading.Lock()
        self.ending = threading.Event()
        self.error: Exception | None = None
        self.taken = 0

    def threads(self, port: int) -> list[threading.Thread]:
        self.clients = [Client(self.produce), *(Client(self.take) for _ in range(3)), Client(self.move)]
        return [threading.Thread(target=self.run, args=(client, port), daemon=True) for client in self.clients]

    def run(self, client: Client, port: int) -> None:
        try:
            with Connection(port) as connection:
                while not self.ending.is_set():
                    client.role(client, connection)
        except OSError:
            pass  # killed, as planned
        except Exception as error:  # whatever it is, the main thread tells of it
            self.error = error

    def call(self, client: Client, connection: Connection, *calls: tuple):
        """Sends a command, or a transaction of several; its reply."""
        client.sent = calls
        if len(calls) == 1:
            connection.send(*calls[0])
        else:
            connection.socket.sendall(b"".join(encode(*call) for call in (("MULTI",), *calls, ("EXEC",))))
            for _ in range(len(calls) + 1):
                connection.read()
        reply = connection.read()
        if isinstance(reply, ReplyError):
            raise Mismatch(f"{calls!r}: {reply}")
        return reply

    def produce(self, client: Client, connection: Connection) -> None:
        if len(self.live) > 300:
            connection.call("PING")  # the takers are behind; or is the server gone?
            return
        items = []
        for _ in range(self.random.randrange(1, 4)):
            self.serial += 1
            items.append(b"%d" % self.serial)
        scored = ("ZADD", SORTED, *(part for item in items for part in (item, b"z" + item)))
        pushed = ("RPUSH", LIST, *(b"l" + item for item in items))
        calls = self.random.choice([(pushed,), (scored,), (pushed, scored)])
        with self.lock:  # before a taker can have them
            self.live.update(pushed_by(calls))
        self.call(client, connection, *calls)
        client.sent = None

    def take(self, client: Client, connection: Connection) -> None:
        call = self.random.choice([
            ("BLPOP", LIST, MOVED, 0.2), ("BLPOP", MOVED, LIST, 0.2), ("BZPOPMIN", SORTED, 0.2),
            ("BLMPOP", 0.2, 2, MOVED, LIST, "LEFT", "COUNT", 1), ("BZMPOP", 0.2, 1, SORTED, "MIN", "COUNT", 1)])
        reply = self.call(client, connection, call)
        if reply is not None:
            item = reply[1]
            while isinstance(item, list):
                item = item[0]
            with self.lock:
                if item not in self.live:
                    raise Mismatch(f"{call!r} gave {item!r}, which was {'taken before' if item in self.gone else 'never pushed'}")
                self.live.discard(item)
                self.gone.add(item)
                self.taken += 1
        client.sent = None

    def move(self, client: Client, connection: Connection) -> None:
        self.call(client, connection, ("BLMOVE", LIST, MOVED, "LEFT", "RIGHT", 0.2))
        client.sent = None

    def totals(self) -> dict:
        return {"handed over": self.taken}

    def last_words(self, connection: Connection) -> None:
        """Nothing is left to be said."""

    def verify(self, connection: Connection) -> int:
        """Compares, and starts anew from what is there. How many keys that is."""
        lists = [connection.call("LRANGE", key, 0, -1) for key in (LIST, MOVED)]
        scored = connection.call("ZRANGE", SORTED, 0, -1)
        for part in (*lists, scored):
            order = [int(item[1:]) for item in part]
            if order != sorted(order):
                raise Mismatch(f"exchange: out of order: {part[:20]}")
        there = [item for part in (*lists, scored) for item in part]
        if len(set(there)) != len(there):
            raise Mismatch(f"exchange: twice: {sorted(item for item in set(there) if there.count(item) > 1)[:5]}")
        if wrong := set(there) - self.live:
            raise Mismatch(f"exchange: there, but taken or never pushed: {sorted(wrong)[:5]}")
        missing = self.live - set(there)
        under_way = [client.sent for client in self.clients if client.sent]
        for calls in under_way:
            if (items := pushed_by(calls)) and items <= missing:
                missing -= items  # was not run
        for first in (b"l", b"z"):
            lost = sorted(item for item in missing if item.startswith(first))
            pops = [calls[0] for calls in under_way if calls[0][0] in TAKES and (calls[0][0][1] == "Z") == (first == b"z")]
            if len(lost) > len(pops):
                raise Mismatch(f"exchange: {len(lost)} acknowledged elements are missing and {len(pops)} pops were under "
                               f"way: {lost[:5]}; under way {under_way}")
        self.gone |= self.live - set(there)
        self.live, self.clients = set(there), []
        return sum(map(bool, (*lists, scored)))


def pushed_by(calls: tuple) -> set:
    """The elements that a producer's command or transaction adds."""
    return {item for name, _, *words in calls if name in ("RPUSH", "ZADD")
            for item in (words if name == "RPUSH" else words[1::2])}
