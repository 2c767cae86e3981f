#!/usr/bin/env python3
"""Tests of the daemon from outside: processes, files, sockets.

    tests/server/run.py --server PATH                 all of them, in about half a minute
    tests/server/run.py --server PATH -k restart      those whose names hold "restart"

Each test has servers, ports and folders of its own, so several run at once: most of them wait most of the time.
"""

import argparse
import multiprocessing
import resource
import sys
import time
import unittest
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))
sys.path.insert(0, str(HERE))

import common  # noqa: E402
from server import DEFAULT_SERVER, find_server  # noqa: E402

TESTS: list[unittest.TestCase] = []  # filled before the workers are forked


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def run_one(number: int) -> tuple[int, float, str, list[str]]:
    """Runs a test in this process: its number, its seconds, what became of it, and what it has to say."""
    result, start = unittest.TestResult(), time.monotonic()
    TESTS[number].run(result)
    seconds = time.monotonic() - start
    said = [f"{test}\n{text}" for test, text in result.failures + result.errors]
    if said or not result.wasSuccessful():
        return number, seconds, "FAILED", said
    return number, seconds, "skipped" if result.skipped else "ok", []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=DEFAULT_SERVER, help="the program to test (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is random (%(default)s)")
    parser.add_argument("--jobs", type=int, default=3, help="tests that run at the same time (%(default)s)")
    parser.add_argument("-k", dest="patterns", action="append", default=[], help="only tests with this in their name")
    parser.add_argument("-v", dest="verbose", action="store_true", help="name each test")
    arguments = parser.parse_args()
    common.PROGRAM, common.SEED = find_server(arguments.server), arguments.seed

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # some tests hold more than a thousand connections
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    loader = unittest.TestLoader()
    if arguments.patterns:
        loader.testNamePatterns = [f"*{pattern}*" for pattern in arguments.patterns]
    # A class that another file imports is found there again.
    found = flatten(loader.discover(str(HERE), pattern="test_*.py"))
    TESTS.extend({test.id(): test for test in found}.values())
    # The longest first: else one of them would run alone at the end.
    order = sorted(range(len(TESTS)), key=lambda number: -getattr(TESTS[number], "COST", 1))
    outcomes = []
    start = time.monotonic()
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("fork")) as pool:
        for done in as_completed([pool.submit(run_one, number) for number in order]):
            number, seconds, outcome, said = done.result()
            outcomes.append(outcome)
            if arguments.verbose or outcome == "FAILED":
                print(f"{outcome:8}{seconds:5.1f} s  {TESTS[number].id()}", flush=True)
            for text in said:
                print(text, flush=True)
    passed, failed, skipped = (outcomes.count(outcome) for outcome in ("ok", "FAILED", "skipped"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped in {time.monotonic() - start:.0f} s")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
