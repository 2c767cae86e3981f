"""Three of Redis's own Sentinels over a master and two slaves under load: kills, and what is left of what was acknowledged.

`PIKA_SENTINEL_ROUNDS` says how many times the master is killed (2; the long form: 20).
"""

import os
import shutil
import subprocess
import threading
import unittest

from common import PATIENCE, ServerTest, free_port, info
from resp import Connection, ReplyError

REDIS = shutil.which("redis-server")
ROUNDS = int(os.environ.get("PIKA_SENTINEL_ROUNDS", "2"))


class Load(threading.Thread):
    """Writes to whoever the Sentinels call the master, and remembers what WAIT said that a slave has."""

    def __init__(self, master):
        super().__init__(daemon=True)
        self.master, self.ends, self.kept = master, threading.Event(), []

    def run(self):
        number = 0
        while not self.ends.is_set():
            try:
                with Connection(self.master(), timeout=10) as connection:
                    while not self.ends.is_set():
                        number += 1
                        written, replicas = connection.pipeline([("SET", f"n{number}", number), ("WAIT", 1, 1000)])
                        if isinstance(written, ReplyError) or isinstance(replicas, ReplyError):
                            break
                        if replicas >= 1:
                            self.kept.append(number)
            except (OSError, ConnectionError):
                self.ends.wait(0.05)


@unittest.skipIf(REDIS is None, "there is no redis-server")
class SentinelTest(ServerTest):
    def sentinel(self, index: int, master: int) -> int:
        port = free_port()
        folder = self.folder / f"sentinel{index}"
        folder.mkdir()
        (folder / "sentinel.conf").write_text(
            f"port {port}\ndir {folder}\nsentinel monitor m 127.0.0.1 {master} 2\n"
            "sentinel down-after-milliseconds m 1000\nsentinel failover-timeout m 10000\nsentinel parallel-syncs m 2\n")
        log = open(folder / "log", "ab")
        self.addCleanup(log.close)
        process = subprocess.Popen([REDIS, str(folder / "sentinel.conf"), "--sentinel"], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log)
        self.addCleanup(self._end, process)
        return port

    def test_each_failover_converges_and_loses_nothing_that_a_slave_had(self):
        servers = [self.server("--threads", "2", name=f"node{index}") for index in range(3)]
        by_port = {server.port: server for server in servers}
        for server in servers[1:]:
            with Connection(server.port) as connection:
                connection.call("REPLICAOF", "127.0.0.1", servers[0].port)
        ports = [self.sentinel(index, servers[0].port) for index in range(3)]

        def ask(port, *words):
            try:
                with Connection(port, timeout=5) as connection:
                    return connection.pipeline([words])[0]
            except (OSError, ConnectionError):
                return None

        def masters():
            answers = [ask(port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "m") for port in ports]
            return {int(answer[1]) for answer in answers if isinstance(answer, list)}

        def converged():
            found = masters()
            if len(found) != 1:
                return None
            try:
                with Connection(next(iter(found)), timeout=5) as connection:
                    facts = info(connection, "replication")
            except (OSError, ConnectionError):
                return None
            online = sum("state=online" in value for name, value in facts.items() if name.startswith("slave"))
            return next(iter(found)) if facts["role"] == "master" and online == 2 else None

        def known():
            facts = ask(ports[0], "SENTINEL", "MASTER", "m")
            if not isinstance(facts, list):
                return False
            facts = dict(zip(facts[::2], facts[1::2]))
            return facts[b"num-slaves"] == b"2" and facts[b"num-other-sentinels"] == b"2"

        self.until(known, 2 * PATIENCE, "Sentinels that know all")
        self.until(converged, what="two slaves")
        load = Load(lambda: next(iter(masters()), servers[0].port))
        load.start()
        self.addCleanup(load.ends.set)
        for _ in range(ROUNDS):
            count = len(load.kept)
            self.until(lambda: len(load.kept) > count + 100, 2 * PATIENCE, "acknowledged writes")
            before = self.until(converged, 2 * PATIENCE, "a master with two slaves")
            by_port[before].kill()
            self.until(lambda: before not in masters() and len(masters()) == 1, 2 * PATIENCE, "another master")
            by_port[before].start()
            self.until(converged, 3 * PATIENCE, "the old master as a slave of the new")
        load.ends.set()
        load.join(60)
        last = self.until(converged, 2 * PATIENCE, "the last master")
        with Connection(last, timeout=60) as connection:
            missing = [number for number in load.kept if connection.call("EXISTS", f"n{number}") == 0]
        self.assertEqual(missing, [], f"of {len(load.kept)} acknowledged")
