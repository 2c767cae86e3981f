#!/usr/bin/env python3
"""Moves a service from Redis to Pika and on to another Redis while clients write, and compares all three in the end.

    tests/migration/run.py                          a million keys, five minutes of writes
    tests/migration/run.py --quick                  some seconds
    tests/migration/run.py --keys 200000 --seconds 60 --seed 7

Clients write keys of every type, with expiries, in transactions too, and each counts in a key of its own. Meanwhile:

1. Pika becomes a slave of the first Redis, and takes its place: writes are held up (CLIENT PAUSE), the offsets become
   equal, `REPLICAOF NO ONE`, and the clients connect to Pika. The first Redis becomes its slave.
2. A second Redis becomes a slave of Pika, and takes its place in the same way. Pika and the first Redis become its
   slaves.

In the end the three must have the same keys, types, values and expiries, read one by one, and the same DEBUG DIGEST;
each client's counter must have all that was acknowledged; no client may have waited longer than --pause for an answer;
and nobody may have needed more than one full synchronisation. Ends with status 1 if one of these does not hold.
"""

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "python"), str(HERE.parent / "server"), str(HERE)]

import compare  # noqa: E402
import load  # noqa: E402
from contents import fill  # noqa: E402
from resp import Connection  # noqa: E402
from server import DEFAULT_SERVER, Server, find_server  # noqa: E402

# How long whatever must happen may take, seconds.
PATIENCE = 600
DATABASES = 16


def info(connection: Connection, section: str) -> dict[str, str]:
    lines = connection.call("INFO", section).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def until(condition, what: str):
    """Polls until `condition()` is true, and returns what it returned."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come true within {PATIENCE} s")
        time.sleep(0.002)
    return value


class Node:
    """A server, and what an operator asks of it."""

    def __init__(self, name: str, server: Server):
        self.name, self.server = name, server
        self.asks = Connection(server.port, timeout=PATIENCE)

    def offset(self, field: str) -> int:
        return int(info(self.asks, "replication")[field])

    def follow(self, master: "Node") -> None:
        self.asks.call("REPLICAOF", "127.0.0.1", master.server.port)

    def up(self) -> None:
        until(lambda: info(self.asks, "replication").get("master_link_status") == "up", f"{self.name}'s link")

    def has_all_of(self, master: "Node") -> None:
        end = master.offset("master_repl_offset")
        until(lambda: self.offset("slave_repl_offset") >= end, f"{self.name} with all of {master.name}")


def switch(clients, port, old: Node, new: Node) -> float:
    """Makes a slave the master, and has the clients go there. How long writes were held up, milliseconds."""
    new.has_all_of(old)
    began = time.monotonic()
    old.asks.call("CLIENT", "PAUSE", 60_000, "WRITE")
    new.has_all_of(old)
    new.asks.call("REPLICAOF", "NO", "ONE")
    port.value = new.server.port
    old.follow(new)
    # Those that wait here find the port closed behind them, and connect to the new one.
    old.asks.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    took = (time.monotonic() - began) * 1000
    counts = [client.acknowledged.value for client in clients]
    until(lambda: all(client.acknowledged.value > count for client, count in zip(clients, counts)),
          f"clients that write to {new.name}")
    old.asks.call("CLIENT", "UNPAUSE")
    return took


def main() -> int:
    options = arguments()
    redis = shutil.which(options.redis)
    if redis is None:
        raise SystemExit(f"there is no {options.redis}")
    with tempfile.TemporaryDirectory(prefix="pika-migration.") as folder:
        common = ["--databases", str(DATABASES), "--enable-debug-command", "yes"]
        peer = ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "256mb",
                "--client-output-buffer-limit", "replica 0 0 0", *common]
        with Server(redis, Path(folder) / "first", peer) as first, \
                Server(find_server(options.server), Path(folder) / "pika", common) as pika, \
                Server(redis, Path(folder) / "second", peer) as second:
            nodes = [Node("the first Redis", first), Node("Pika", pika), Node("the second Redis", second)]
            return run(options, nodes)


def run(options, nodes) -> int:
    first, pika, second = nodes
    load.preload(first.asks, options.keys, options.seed)
    fill(first.asks, options.seed, big=options.big)
    port = multiprocessing.Value("i", first.server.port)
    clients = [load.Client(number, port, options.seed * 1000 + number, options.keys)
               for number in range(options.clients)]
    for client in clients:
        client.start()
    began = time.monotonic()
    pauses = []
    for part, (old, new) in enumerate([(first, pika), (pika, second)], start=1):
        new.follow(old)
        new.up()
        print(f"{new.name} follows {old.name} after {time.monotonic() - began:.1f} s", flush=True)
        wait_until(began + options.seconds * part / 3)
        pauses.append(switch(clients, port, old, new))
        print(f"{new.name} serves; writes were held up for {pauses[-1]:.0f} ms", flush=True)
        old.up()
    first.follow(second)
    for old in (first, pika):
        old.up()
    wait_until(began + options.seconds)
    for client in clients:
        client.stop()
    mistakes = judge(options, nodes, clients)
    acknowledged = sum(client.acknowledged.value for client in clients)
    longest = max(client.longest_ms.value for client in clients)
    print(f"{acknowledged} batches of up to 16 commands in {options.seconds} s; the longest wait of a client: "
          f"{longest:.0f} ms")
    if longest > options.pause:
        mistakes.append(f"a client waited for {longest:.0f} ms, more than {options.pause} ms")
    for mistake in mistakes:
        print(mistake)
    print("FAILED" if mistakes else "the three are the same")
    return 1 if mistakes else 0


def wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def judge(options, nodes, clients) -> list[str]:
    """What is wrong in the end."""
    first, pika, second = nodes
    mistakes = []
    # What has a short time to live is gone everywhere, when the master has removed it and its slaves have heard. Redis
    # looks for such keys by samples, so it may take it minutes to come by; who reads them finds them all.
    time.sleep(load.SHORT_MS[1] / 1000)
    compare.read_all(second.asks, DATABASES)

    def settled():
        for old in (first, pika):
            old.has_all_of(second)
        digests = [node.asks.call("DEBUG", "DIGEST") for node in nodes]
        return digests if len(set(digests)) == 1 else None
    deadline = time.monotonic() + 30
    while settled() is None:
        if time.monotonic() > deadline:
            mistakes.append("the digests differ: " + ", ".join(
                f"{node.name} {node.asks.call('DEBUG', 'DIGEST').decode()}" for node in nodes))
            break
        time.sleep(0.2)
    contents = [compare.read_all(node.asks, DATABASES) for node in nodes]
    print(f"{len(contents[0])} keys are compared")
    if differs := compare.difference([node.name for node in nodes], contents):
        mistakes.append(differs)
    if mistakes and (differs := digests_differ(nodes, contents[0])):
        mistakes.append(differs)
    for client in clients:
        counted = int(second.asks.call("GET", client.counter()) or 0)
        acknowledged, unanswered = client.acknowledged.value, client.unanswered.value
        if not acknowledged <= counted <= acknowledged + unanswered:
            mistakes.append(f"{client.counter()} is {counted}; {acknowledged} were acknowledged, {unanswered} not answered")
    for node in nodes:
        full, partial = (int(info(node.asks, "stats")[name]) for name in ("sync_full", "sync_partial_ok"))
        print(f"{node.name} gave {full} full and {partial} partial synchronisations")
    if refused := int(info(pika.asks, "replication").get("slave_refused_commands", 0)):
        mistakes.append(f"Pika refused {refused} commands")
    return mistakes


def digests_differ(nodes, keys) -> str:
    """The first keys whose DEBUG DIGEST-VALUE differs."""
    found = []
    for database in range(DATABASES):
        own = [key for at, key in keys if at == database]
        for start in range(0, len(own), compare.PAGE):
            page = own[start:start + compare.PAGE]
            answers = []
            for node in nodes:
                node.asks.call("SELECT", database)
                answers.append(node.asks.pipeline([("DEBUG", "DIGEST-VALUE", key) for key in page]))
            found += [f"    {database} {key}: {all_three}" for key, *all_three in zip(page, *answers)
                      if any(one != all_three[0] for one in all_three)]
    for node in nodes:
        node.asks.call("SELECT", 0)
    return "\n".join([f"the digests of {len(found)} values differ", *found[:5]])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="the program of Pika (%(default)s)")
    parser.add_argument("--redis", default="redis-server", help="the program of Redis, or Valkey (%(default)s)")
    parser.add_argument("--keys", type=int, default=1_000_000, help="that are there before (%(default)s)")
    parser.add_argument("--big", type=int, default=2000, help="elements of the biggest collections (%(default)s)")
    parser.add_argument("--seconds", type=float, default=300, help="of writes (%(default)s)")
    parser.add_argument("--clients", type=int, default=4, help="that write (%(default)s)")
    parser.add_argument("--pause", type=float, default=None,
                        help="longest wait of a client, ms (1000; 10000 with --quick, since it runs beside other tests)")
    parser.add_argument("--seed", type=int, default=1, help="of what is written (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="30,000 keys, 3 seconds")
    options = parser.parse_args()
    if options.quick:
        options.keys, options.seconds, options.big = 30_000, 3, 300
    options.pause = options.pause or (10_000 if options.quick else 1000)
    return options


if __name__ == "__main__":
    sys.exit(main())
