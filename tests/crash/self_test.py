"""The harness itself, tried on redis-server: with its log it must pass, and each loss must be found.

Of a server that keeps nothing everything is lost. The finer test takes the last few hundred bytes of its log, with
writers of one type of data only: so each type's book is shown to see that few commands are missing.
"""

import random
import sys
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path

from book import KINDS
from exchange import Exchange
from mayflies import Mayflies
from model import Mismatch
from rounds import Cast, Load, play, summary
from server import Server, find_server

CUT_BYTES = 400
# What writes, by name: the kinds of keys, and who else. Strings of all sorts count as one type.
ALONE = {"strings": ("snab", ()), **{type(KINDS[letter]).__name__.lower(): (letter, ()) for letter in "hltzxpg"},
         "exchange": ("", (Exchange,)), "mayflies": ("", (Mayflies,))}


def self_test(rounds: int, seed: int) -> int:
    loader = unittest.TestLoader().discover(str(Path(__file__).parent), pattern="test_*.py")
    if not unittest.TextTestRunner(stream=sys.stdout).run(loader).wasSuccessful():
        return 1
    program = find_server("redis-server")
    kept = [Load(program, "always", None)]
    print("redis-server, appendfsync always:", summary(play(kept, program, rounds, seed)))
    # Its losses must be seen as well by the book of a server that runs commands side by side.
    for in_order, name in ((True, "in order"), (False, "key by key")):
        if not finds_loss([Load(program, None, None, in_order)], program, rounds, seed):
            print(f"the harness finds nothing wrong, {name}, with a server that keeps nothing: it is blind")
            return 1
    for name, (letters, others) in ALONE.items():
        if not any(finds_cut(program, letters, others, seed + attempt) for attempt in range(4)):
            print(f"the harness finds nothing wrong when the end of the log is gone, with {name}: it is blind")
            return 1
    print(f"redis-server without the last {CUT_BYTES} bytes of its log fails, as it must, with each of: {', '.join(ALONE)}")
    return 0


def finds_loss(loads: list[Load], program: str, attempts: int, seed: int) -> bool:
    for attempt in range(attempts):
        try:
            play(loads, program, 1, seed + attempt, others=())
        except Mismatch as mismatch:
            print(f"redis-server without persistence fails, as it must: {str(mismatch).splitlines()[0]}")
            return True
    return False


def finds_cut(program: str, letters: str, others: tuple, seed: int) -> bool:
    """Whether a few commands are missed that were all acknowledged: no writer has anything under way at the kill."""
    with tempfile.TemporaryDirectory(prefix="pika-crash.") as folder:
        with Server(program, folder, Load(program, "no", None).options) as server:
            cast = Cast(random.Random(seed), [letters] * 2 if letters else [], others)
            threads = cast.start(server.port)
            time.sleep(0.15)
            for one in cast.everybody():
                one.ending.set()
            cast.end(threads)
            server.kill()
            log = next((Path(folder) / "data/appendonlydir").glob("*.incr.aof"))
            with log.open("r+b") as file:
                file.truncate(max(0, log.stat().st_size - CUT_BYTES))
            server.start()
            try:
                cast.verify(server, Counter(), True)
            except Mismatch:
                return True
    return False
