#!/usr/bin/env python3
"""Tests of the daemon from outside: processes, files, sockets.

    tests/server/run.py --server PATH                 all of them, in about a minute
    tests/server/run.py --server PATH -k restart      those whose names hold "restart"
"""

import argparse
import resource
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))
sys.path.insert(0, str(HERE))

import common  # noqa: E402
from server import DEFAULT_SERVER, find_server  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=DEFAULT_SERVER, help="the program to test (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is random (%(default)s)")
    parser.add_argument("-k", dest="patterns", action="append", default=[], help="only tests with this in their name")
    parser.add_argument("-v", dest="verbosity", action="store_const", const=2, default=1, help="name each test")
    arguments = parser.parse_args()
    common.PROGRAM, common.SEED = find_server(arguments.server), arguments.seed

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # some tests hold more than a thousand connections
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    loader = unittest.TestLoader()
    if arguments.patterns:
        loader.testNamePatterns = [f"*{pattern}*" for pattern in arguments.patterns]
    suite = loader.discover(str(HERE), pattern="test_*.py")
    result = unittest.TextTestRunner(verbosity=arguments.verbosity, stream=sys.stdout).run(suite)
    # A test with failing subtests is one failed test; an error outside any test counts as one, too.
    failed = len({getattr(test, "test_case", test).id() for test, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    passed = max(0, result.testsRun - failed - skipped)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
