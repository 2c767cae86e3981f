"""Runs a program of several connections on both servers."""

import time

from pair import FENCE_COMMAND, FENCE_REPLY, PATIENCE_SECONDS, Link, Pair, exchange
from replies import MESSAGES, first_word, split
from resp import Connection, encode

SUBSCRIBING = {"SUBSCRIBE", "UNSUBSCRIBE", "PSUBSCRIBE", "PUNSUBSCRIBE"}


def run_steps(pair: Pair, protocol: int, commands) -> dict[int, list[bytes]]:
    """Runs the steps in their order; returns what each connection got from both servers."""
    numbers = sorted({0} | {command.connection for command in commands})
    for number in numbers:
        hello = encode("RESET") + (encode("HELLO", "3") if protocol == 3 else b"") + FENCE_COMMAND
        exchange(pair.connection(number), [hello, hello])
        for link in pair.connection(number):
            link.take()
    watchers = [Connection(server.port, timeout=PATIENCE_SECONDS) for server in pair.servers]
    try:
        ids = {number: [_id_of(link) for link in pair.connection(number)] for number in numbers if number}
        awaited = {number: 0 for number in numbers}
        for command in commands:
            links = pair.connection(command.connection)
            batch = encode(*command.arguments)
            if command.blocks:
                for link, watcher in zip(links, watchers):
                    _send_and_see(link, batch, watcher)
                continue
            awaited[command.connection] += (len(command.arguments) - 1 or 1) if command.name() in SUBSCRIBING else 1
            wanted = awaited[command.connection]
            exchange(links, [batch, batch], lambda data: _answers(data) >= wanted)
            if any(link.closed for link in links):
                break
        for place, watcher in enumerate(watchers):
            for number in ids:
                watcher.call("CLIENT", "UNBLOCK", ids[number][place])
    except OSError:
        pass  # a server died: the replies end here
    finally:
        for watcher in watchers:
            watcher.close()
    received = {}
    ending = encode("RESET") + FENCE_COMMAND
    for number in numbers:
        links = pair.connection(number)
        exchange(links, [ending, ending])
        received[number] = [_without_end(link.take()) for link in links]
    return received


def _without_end(data: bytes) -> bytes:
    return data.removesuffix(FENCE_REPLY).removesuffix(b"+RESET\r\n")


def _answers(data) -> int:
    """Replies that are no messages."""
    return sum(1 for reply in split(data) if first_word(reply) not in MESSAGES)


def _id_of(link: Link) -> bytes:
    command = encode("CLIENT", "ID") + FENCE_COMMAND
    exchange([link], [command])
    return link.take()[1:].split(b"\r\n", 1)[0]


def _send_and_see(link: Link, batch: bytes, watcher: Connection) -> None:
    """Returns when the server has answered, or counts one more client that waits."""
    before = _blocked(watcher)
    size = len(link.incoming)
    link.outgoing += batch
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and not link.closed:
        link.pump_out()
        link.pump_in()
        if len(link.incoming) > size or _blocked(watcher) > before:
            return
    link.closed = True


def _blocked(watcher: Connection) -> int:
    text = watcher.call("INFO", "clients")
    return int(text.split(b"blocked_clients:", 1)[1].split(b"\r\n", 1)[0])
