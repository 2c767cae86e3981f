#!/usr/bin/env python3
"""Runs Redis's own test suite against a server and compares with the committed list of passes.

    tests/conformance/run.py                        all listed units against target/release/pika
    tests/conformance/run.py --all                  also the tests that take long
    tests/conformance/run.py unit/type/hash         one unit
    tests/conformance/run.py --update               write expected.toml from this run (reasons are kept)
    tests/conformance/run.py --baseline unit/x      learn what passes on redis-server itself
    tests/conformance/run.py --trace FILE unit/x    write every command the suite sends, test by test

Ends with status 1 if a test that should pass does not. See README.md beside this file.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

import expected  # noqa: E402
import suite  # noqa: E402
import trace_commands  # noqa: E402
import unit as unit_runner  # noqa: E402
from server import DEFAULT_SERVER, find_server  # noqa: E402

# Tests that are run with --all only, by unit. This one takes 50 s, nearly all of it for the suite to make up its input.
LONG = {"unit/hyperloglog": ["Fuzzing dense/sparse encoding: Redis should always detect errors"]}

# Units that take more than ten seconds, most of it the suite's own.
SLOW = ("unit/type/list-3", "unit/type/list-2", "unit/hyperloglog", "unit/geo", "unit/type/zset", "unit/dump",
        "unit/obuf-limits", "integration/replication-psync", "integration/replication", "integration/psync2",
        "integration/replication-4")


def main() -> int:
    options = arguments()
    units = expected.load()
    baseline = expected.load_baseline()
    names = options.units or list(baseline)
    if options.baseline:
        options.server = "redis-server"
    program = find_server(options.server)
    suite.obtain()  # once, before the threads
    if not options.baseline:
        unknown = [name for name in names if name not in baseline]
        if unknown:
            raise SystemExit(f"no baseline for {' '.join(unknown)}: run --baseline {' '.join(unknown)} first")

    long_tests = {name: [] if options.all or options.baseline else LONG.get(name, []) for name in names}
    tracer = trace_commands.Tracer() if options.trace else None

    def run_one(name):
        skip = [] if options.baseline else units.get(name, expected.Unit()).skip
        cut = [] if options.baseline else units.get(name, expected.Unit()).cut
        result = unit_runner.run(name, program, baseline.get(name, []), options.time_limit, skip + long_tests[name],
                                 address=tracer.proxy if tracer else None, cut=cut)
        print(f"{name}: {len(result.passed)} passed in {result.seconds:.0f} s", file=sys.stderr, flush=True)
        return result

    by_length = sorted(names, key=lambda name: name not in SLOW)  # so that none of these is alone at the end
    with ThreadPoolExecutor(1 if tracer else options.jobs) as pool:
        done = dict(zip(by_length, pool.map(run_one, by_length)))
    if not (options.baseline or options.update or tracer):
        for name in names:
            again = second_run(done[name], units.get(name, expected.Unit()), long_tests[name], lambda: run_one(name))
            done[name] = again or done[name]
    results = [done[name] for name in names]
    if tracer:
        Path(options.trace).write_text(tracer.report())
    if options.baseline:
        return learn_baseline(results, baseline)
    if options.update:
        for result in results:
            unit = units.get(result.unit, expected.Unit())
            kept = set(long_tests[result.unit]) & set(unit.passes)
            units[result.unit] = expected.updated(unit, baseline[result.unit], {*result.passed, *kept})
        expected.save({name: units[name] for name in baseline if name in units})
    return judge(results, units, baseline, long_tests, options.verbose)


def second_run(first, unit, long_tests, run):
    """What a unit says that is run once more, alone, if a test failed that should pass: the suite has limits of time that a
    busy machine cannot always keep. `None`: there was no need. What fails again has failed.
    """
    def missing(result):
        return [name for name in unit.passes if name not in set(result.passed) and name not in long_tests]

    if not missing(first):
        return None
    print(f"{first.unit}: runs once more, alone, since this failed beside other units:", flush=True)
    for name in missing(first):
        print(f"    {name}\n{indented(first.failed.get(name, 'was not run'))}", flush=True)
    again = run()
    failed = len(missing(again))
    print(f"{first.unit}: {f'{failed} failed again' if failed else 'all passed the second time'}", flush=True)
    return again


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("units", nargs="*", metavar="unit", help="for example unit/type/string; default: all listed")
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="the server program (%(default)s)")
    parser.add_argument("--jobs", type=int, default=4, help="units that run at the same time (%(default)s)")
    parser.add_argument("--time-limit", type=float, default=300, help="seconds per unit (%(default)s)")
    parser.add_argument("--update", action="store_true", help="write expected.toml from this run")
    parser.add_argument("--baseline", action="store_true", help="write baseline.json from a run on redis-server")
    parser.add_argument("--trace", metavar="FILE", help="write the commands each test sends")
    parser.add_argument("--all", action="store_true", help="also the long tests: " + ", ".join(sum(LONG.values(), [])))
    parser.add_argument("--verbose", action="store_true", help="also show why left-out tests fail")
    return parser.parse_args()


def learn_baseline(results, baseline) -> int:
    for result in results:
        baseline[result.unit] = result.passed
        print(f"{result.unit}: {len(result.passed)} pass on redis-server")
        for name, message in result.failed.items():
            print(f"    fails on Redis itself: {name}\n{indented(message)}")
        for trouble in result.trouble:
            print(f"    {trouble}")
    expected.save_baseline(baseline)
    return 0


def judge(results, units, baseline, long_tests, verbose) -> int:
    total_passed = total_failed = total_skipped = 0
    table = []
    for result in results:
        unit, passed = units.get(result.unit, expected.Unit()), set(result.passed)
        on_redis = baseline[result.unit]
        missing = [name for name in unit.passes if name not in passed and name not in long_tests[result.unit]]
        surprises = [name for name in unit.left_out() if name in passed]
        for trouble in result.trouble:
            print(f"{result.unit}: {trouble}")
        not_run = [name for name in missing if name not in result.failed]
        for name in missing:
            if name in result.failed:
                print(f"FAILED {result.unit}: {name}\n{indented(result.failed[name])}")
        if not_run:
            print(f"FAILED {result.unit}: {len(not_run)} tests were not run, from {not_run[0]!r} on")
        for name in surprises:
            print(f"passes by now, though left out (--update): {result.unit}: {name}")
        if verbose:
            for name in unit.left_out():
                if name not in passed:
                    print(f"left out {result.unit}: {name}\n{indented(result.failed.get(name, 'was not run'))}")
        passes = sum(name in passed for name in on_redis)
        table.append((result.unit, passes, len(on_redis)))
        total_passed += passes
        total_failed += len(missing)
        total_skipped += len(on_redis) - passes - len(missing)
    mistakes = expected.problems(units, baseline)
    for mistake in mistakes:
        print(f"expected.toml: {mistake}")
    print(f"\n{'unit':<26}{'passes':>8}{'on Redis':>10}{'ratio':>9}")
    for name, passes, on_redis in table:
        print(f"{name:<26}{passes:>8}{on_redis:>10}{passes / max(on_redis, 1):>9.1%}")
    print(f"\n{total_passed} passed, {total_failed} failed, {total_skipped} skipped")
    return 1 if total_failed or mistakes else 0


def indented(message: str) -> str:
    return "\n".join("    " + line for line in message.splitlines()[:12])


if __name__ == "__main__":
    sys.exit(main())
