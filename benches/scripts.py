#!/usr/bin/env python3
"""Measures scripts in Pika beside redis-server in the same run: requests/s, p99, and server CPU a request.

    benches/scripts.py                       everything; about ten minutes
    benches/scripts.py --quick               the same shape, too short to publish
    benches/scripts.py --tests get,four_sets --rounds 5 --depths 1

Both servers hold the same keys. In each round, each script runs on one and then on the other, in alternating order; the
one that is not measured is stopped (SIGSTOP). Figures are medians over the rounds. Pika runs with appendfsync everysec,
Redis without persistence. Writes docs/benchmarks/scripts.md.
"""

import argparse
import csv
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/python"))

from machine import machine, version  # noqa: E402
from resp import encode  # noqa: E402
from server import (  # noqa: E402
    DEFAULT_SERVER, REPOSITORY, Server, find_server, is_redis, persistence_options, processor_seconds)

KEYS = 100_000
VALUE = "x" * 64
CLIENTS = 50
KEY = "key:__rand_int__"
# Keys of one hash tag are of one partition, whatever the number of threads.
TAGGED = ["{tag:__rand_int__}" + part for part in "abcd"]


@dataclass(frozen=True)
class Script:
    says: str
    text: str
    keys: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    by_text: bool = False  # EVAL instead of EVALSHA


SCRIPTS = {
    "nothing": Script("no command at all", "return 1", (KEY,)),
    "get": Script("one GET", "return redis.call('get', KEYS[1])", (KEY,)),
    "eval_get": Script("one GET, sent as text (EVAL)", "return redis.call('get', KEYS[1])", (KEY,), by_text=True),
    "set": Script("one SET", "return redis.call('set', KEYS[1], ARGV[1])", (KEY,), (VALUE,)),
    "incr": Script("one INCR", "return redis.call('incr', KEYS[1])", ("counter:__rand_int__",)),
    "release": Script("a lock's release: GET, compare, DEL",
                      "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end",
                      (KEY,), ("token",)),
    "limiter": Script("a rate limiter: HMGET, arithmetic, HSET, PEXPIRE",
                      "local t = redis.call('hmget', KEYS[1], 'left', 'at') "
                      "local left = math.min(100, (tonumber(t[1]) or 100) + 1) "
                      "redis.call('hset', KEYS[1], 'left', left - 1, 'at', ARGV[1]) "
                      "redis.call('pexpire', KEYS[1], 60000) return left", ("limit:__rand_int__",), ("1700000000",)),
    "four_gets": Script("four GETs of four keys",
                        "local r = {} for i = 1, 4 do r[i] = redis.call('get', KEYS[i]) end return r", (KEY,) * 4),
    "four_sets": Script("four SETs of four keys",
                        "for i = 1, 4 do redis.call('set', KEYS[i], ARGV[1]) end return 4", (KEY,) * 4, (VALUE,)),
    "four_tagged": Script("four SETs of four keys with one hash tag",
                          "for i = 1, 4 do redis.call('set', KEYS[i], ARGV[1]) end return 4", tuple(TAGGED), (VALUE,)),
    "loop": Script("Lua alone: a loop of a thousand", "local s = 0 for i = 1, 1000 do s = s + i end return s", (KEY,)),
}


@dataclass(frozen=True)
class Figures:
    requests_per_second: float
    p99_ms: float
    cpu_us: float  # of the server process, per request


def preload(server: Server, keys: int) -> None:
    """The keys that redis-benchmark's -r draws from, so that a GET hits."""
    with server.connect(timeout=300) as connection:
        for start in range(0, keys, 10_000):
            end = min(start + 10_000, keys)
            words = (encode("SET", b"key:%012d" % n, VALUE.encode()) for n in range(start, end))
            connection.socket.sendall(b"".join(words))
            expected = len(b"+OK\r\n") * (end - start)
            if connection.stream.read(expected).count(b"+OK") != end - start:
                raise SystemExit(f"{server.program} refused to be loaded")


def command(server: Server, script: Script) -> list[str]:
    words = [str(len(script.keys)), *script.keys, *script.arguments]
    if script.by_text:
        return ["EVAL", script.text, *words]
    with server.connect() as connection:
        return ["EVALSHA", connection.call("SCRIPT", "LOAD", script.text).decode(), *words]


def measure(server: Server, script: Script, count: int, depth: int, keys: int) -> Figures:
    words = command(server, script)
    before = processor_seconds(server.pid)
    output = subprocess.run(
        ["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), "-c", str(CLIENTS), "-r", str(keys),
         "-n", str(count), "-P", str(depth), "--csv", *words],
        check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600).stdout
    cpu = processor_seconds(server.pid) - before
    rows = list(csv.DictReader(line for line in output.splitlines() if line.startswith('"')))
    if len(rows) != 1 or "Error" in output:
        raise SystemExit(f"redis-benchmark {shlex.join(words)} against {server.program} printed:\n{output}")
    return Figures(float(rows[0]["rps"]), float(rows[0]["p99_latency_ms"]), cpu * 1e6 / count)


def run(options, programs: dict[str, str]) -> dict:
    """(script, depth) to {"redis": Figures, "pika": Figures}."""
    runs: dict = {}
    with tempfile.TemporaryDirectory(prefix="pika-bench.", dir=options.folder) as folder:
        servers = {
            "redis": Server(programs["redis"], Path(folder) / "redis", persistence_options(programs["redis"], None)),
            "pika": Server(programs["pika"], Path(folder) / "pika",
                           [*persistence_options(programs["pika"], None if is_redis(programs["pika"]) else "everysec"),
                            *options.pika_config]),
        }
        with servers["redis"], servers["pika"]:
            for server in servers.values():
                preload(server, options.keys)
            try:
                for number in range(options.rounds):
                    for depth in options.depths:
                        for name in options.tests:
                            for which in list(servers) if number % 2 == 0 else list(servers)[::-1]:
                                other = servers["pika" if which == "redis" else "redis"]
                                os.kill(other.pid, signal.SIGSTOP)
                                count = options.requests * (1 if depth == 1 else 2)
                                figures = measure(servers[which], SCRIPTS[name], count, depth, options.keys)
                                os.kill(other.pid, signal.SIGCONT)
                                runs.setdefault((name, depth), {}).setdefault(which, []).append(figures)
                                print(f"round {number + 1} -P {depth} {name} {which}: "
                                      f"{figures.requests_per_second:,.0f}/s, p99 {figures.p99_ms} ms, "
                                      f"{figures.cpu_us:.2f} µs", file=sys.stderr, flush=True)
            finally:
                for server in servers.values():
                    if server.is_alive():
                        os.kill(server.pid, signal.SIGCONT)
    return {key: {which: median(values) for which, values in both.items()} for key, both in runs.items()}


def median(runs: list[Figures]) -> Figures:
    return Figures(*(statistics.median(getattr(run, name) for run in runs)
                     for name in ("requests_per_second", "p99_ms", "cpu_us")))


def report(results: dict, options, versions: dict[str, str]) -> str:
    command = f"benches/scripts.py --depths {','.join(map(str, options.depths))} --rounds {options.rounds}"
    lines = ["# Scripts in Pika, beside redis-server", "",
             f"Written by `{command}` on {time.strftime('%Y-%m-%d')}: {machine()}; the load generator runs on "
             "the same machine.", "",
             f"{versions['redis']}, without persistence; {versions['pika']}, `appendfsync everysec`. "
             f"{options.keys:,} keys, values of {len(VALUE)} bytes, {CLIENTS} clients, medians of {options.rounds} "
             "rounds, the servers measured in turns."
             + (f" Pika ran with `{shlex.join(options.pika_config)}`." if options.pika_config else "")
             + (" **A quick run: for a look, not for a claim.**" if options.quick else ""), ""]
    for depth in options.depths:
        lines += [f"### -P {depth}", "",
                  "| script | Redis req/s | Pika req/s | ratio | Redis p99 ms | Pika p99 ms "
                  "| Redis CPU µs/req | Pika CPU µs/req |",
                  "|---|--:|--:|--:|--:|--:|--:|--:|"]
        for name in options.tests:
            redis, pika = results[name, depth]["redis"], results[name, depth]["pika"]
            lines.append(f"| {SCRIPTS[name].says} | {redis.requests_per_second:,.0f} | {pika.requests_per_second:,.0f} "
                         f"| {pika.requests_per_second / redis.requests_per_second:.2f} | {redis.p99_ms:.2f} "
                         f"| {pika.p99_ms:.2f} | {redis.cpu_us:.2f} | {pika.cpu_us:.2f} |")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    options = arguments()
    programs = {"redis": find_server("redis-server"), "pika": find_server(options.server)}
    versions = {name: version(program) for name, program in programs.items()}
    text = report(run(options, programs), options, versions)
    if options.output:
        options.output.write_text(text)
    print(text)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="Pika's program (%(default)s)")
    parser.add_argument("--tests", type=names, default=list(SCRIPTS), help="%(default)s")
    parser.add_argument("--depths", type=lambda text: [int(part) for part in names(text)], default=[1, 16],
                        help="pipeline depths, -P (%(default)s)")
    parser.add_argument("--rounds", type=int, default=None, help="5, or 1 with --quick")
    parser.add_argument("--requests", type=int, default=None, help="200,000 (twice that at depths), a tenth with --quick")
    parser.add_argument("--keys", type=int, default=KEYS)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests, one round")
    parser.add_argument("--pika-config", type=shlex.split, default=[], metavar="OPTIONS",
                        help='further options for Pika alone, in one string: "--threads 4"')
    parser.add_argument("--folder", default=None, help="where the data lies; default: the temporary folder")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs/benchmarks/scripts.md")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.requests = options.requests or (20_000 if options.quick else 200_000)
    if unknown := set(options.tests) - set(SCRIPTS):
        parser.error(f"no such script: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
