"""Runs a program of several connections on both servers."""

import re
import time

from pair import FENCE_COMMAND, FENCE_REPLY, PATIENCE_SECONDS, Link, Pair, exchange
from replies import MESSAGES, first_word, split
from tracking import told
from resp import Connection, encode

ID_OF = re.compile(rb"\0id-(\d+)")  # stands for the id of a connection
QUIET_SECONDS = 2.0  # what another thread may take to tell of what it did
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
            batches = [encode(*_with_ids(command.arguments, ids, place)) for place in range(len(links))]
            if command.blocks:
                for link, batch, watcher in zip(links, batches, watchers):
                    _send_and_see(link, batch, watcher)
                continue
            awaited[command.connection] += (len(command.arguments) - 1 or 1) if command.name() in SUBSCRIBING else 1
            wanted = awaited[command.connection]
            exchange(links, batches, lambda data: _answers(data) >= wanted)
            if command.quiet:
                _until_told_alike(links)
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


def _with_ids(words: list[bytes], ids: dict[int, list[bytes]], place: int) -> list[bytes]:
    """The words, with the ids of connections in the places of those that stand for them."""
    return [ids[int(match[1])][place] if (match := ID_OF.fullmatch(word)) else word for word in words]


def _until_told_alike(links: list[Link]) -> None:
    """Waits a moment for what one server may have yet to tell; a difference that stays is found later."""
    deadline = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < deadline and not any(link.closed for link in links):
        ours, theirs = (told(link.incoming) for link in links)
        if [*map(sorted, ours)] == [*map(sorted, theirs)]:
            return
        for link in links:
            link.pump_in()
        time.sleep(0.001)


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
