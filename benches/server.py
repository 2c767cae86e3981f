#!/usr/bin/env python3
"""Measures Pika beside redis-server in the same run, with redis-benchmark: requests/s, p99, and server CPU a request.

    benches/server.py                       everything; about an hour
    benches/server.py --quick               the same shape, too short to publish
    benches/server.py --tests get,set --rounds 5 --variants everysec

Both servers hold the same million keys. In each round, each test runs on one and then on the other, in alternating
order; the one that is not measured is stopped (SIGSTOP), so that neither its background work nor its cache misses
count against the other. Figures are medians over the rounds. At the end, "cold" GETs: Pika has been started again and
its keys were walked by SCAN, so that RocksDB's block cache has them and Pika's own tables do not. Writes
docs/benchmarks/server.md and server.svg.
"""

import argparse
import csv
import math
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

import chart  # noqa: E402
from machine import machine, version  # noqa: E402
from resp import encode  # noqa: E402
from server import DEFAULT_SERVER, REPOSITORY, Server, find_server, is_redis, persistence_options  # noqa: E402

# In this order: what pops finds what was pushed, and LRANGE a long list.
TESTS = ["ping_mbulk", "set", "get", "incr", "hset", "mset", "sadd", "spop", "zadd", "zpopmin", "lpush", "rpush",
         "lrange_100", "lrange_300", "lrange_500", "lrange_600", "lpop", "rpop"]
COLD = "cold get"
# redis-benchmark's own LRANGE tests push a list first, which would be measured with them.
COMMANDS = {f"lrange_{count}": ["LRANGE", "mylist", "0", str(count - 1)] for count in (100, 300, 500, 600)}
KEYS = 1_000_000
VALUE_BYTES = 64
CLIENTS = 50
# What Pika promises, the peer that is compared, the peer's persistence, and how many of the tests.
VARIANTS = {
    "everysec": ("appendfsync everysec, beside Redis without persistence", None, len(TESTS)),
    "always": ("appendfsync always, beside Redis with an AOF and appendfsync always", "always", TESTS.index("sadd")),
}


@dataclass(frozen=True)
class Figures:
    requests_per_second: float
    p99_ms: float
    cpu_us: float  # of the server process, per request


def requests(variant: str, test: str, depth: int, quick: bool) -> int:
    """Enough for about two to four seconds."""
    count = 200_000 if depth == 1 else 1_000_000
    if variant == "always" and test not in ("get", "ping_mbulk"):
        count //= 5
    if test == "mset":
        count //= 4  # ten keys each
    if test == COLD:
        count = 200_000  # of a million keys: few are asked for twice
    if test.startswith("lrange"):
        count //= int(test.removeprefix("lrange_")) // 20
    return count // 10 if quick else count


def preload(server: Server, keys: int) -> None:
    """The keys that redis-benchmark's -r draws from, so that a GET hits."""
    value = b"x" * VALUE_BYTES
    with server.connect(timeout=300) as connection:
        for start in range(0, keys, 10_000):
            end = min(start + 10_000, keys)
            connection.socket.sendall(b"".join(encode("SET", b"key:%012d" % n, value) for n in range(start, end)))
            expected = len(b"+OK\r\n") * (end - start)
            if connection.stream.read(expected).count(b"+OK") != end - start:
                raise SystemExit(f"{server.program} refused to be loaded")


def cpu_seconds(pid: int) -> float:
    """User and system time of all the process's threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(server: Server, test: str, count: int, depth: int, keys: int) -> Figures:
    before = cpu_seconds(server.pid)
    what = COMMANDS.get(test) or ["-t", test.removeprefix("cold ")]
    output = subprocess.run(
        ["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), "-c", str(CLIENTS),
         "-d", str(VALUE_BYTES), "-r", str(keys), "-n", str(count), "-P", str(depth), "--csv", *what],
        check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=600).stdout
    cpu = cpu_seconds(server.pid) - before
    rows = list(csv.DictReader(line for line in output.splitlines() if line.startswith('"')))
    if len(rows) != 1:
        raise SystemExit(f"redis-benchmark -t {test} against {server.program} printed:\n{output}")
    return Figures(float(rows[0]["rps"]), float(rows[0]["p99_latency_ms"]), cpu * 1e6 / count)


def median(runs: list[Figures]) -> Figures:
    return Figures(*(statistics.median(getattr(run, name) for run in runs)
                     for name in ("requests_per_second", "p99_ms", "cpu_us")))


def make_cold(server: Server) -> None:
    """Memory has none of the keys, but for the blocks of files that a walk over them read."""
    server.stop()
    server.start()
    cursor = b"0"
    with server.connect(timeout=300) as connection:
        while True:
            cursor, _ = connection.call("SCAN", cursor, "COUNT", "10000")
            if cursor == b"0":
                return


def run_variant(variant: str, options, programs: dict[str, str]) -> dict:
    """(test, depth) to {"redis": Figures, "pika": Figures}."""
    _, peer_fsync, count_of_tests = VARIANTS[variant]
    runs: dict = {}

    def run(number: int, test: str, depth: int) -> None:
        order = list(servers) if number % 2 == 0 else list(servers)[::-1]
        for name in order:
            other = servers["pika" if name == "redis" else "redis"]
            os.kill(other.pid, signal.SIGSTOP)
            count = requests(variant, test, depth, options.quick)
            figures = measure(servers[name], test, count, depth, options.keys)
            os.kill(other.pid, signal.SIGCONT)
            runs.setdefault((test, depth), {}).setdefault(name, []).append(figures)
            print(f"{variant} round {number + 1} -P {depth} {test} {name}: "
                  f"{figures.requests_per_second:,.0f}/s, p99 {figures.p99_ms} ms, "
                  f"{figures.cpu_us:.2f} µs", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="pika-bench.", dir=options.folder) as folder:
        servers = {
            "redis": Server(programs["redis"], Path(folder) / "redis",
                            persistence_options(programs["redis"], peer_fsync)),
            "pika": Server(programs["pika"], Path(folder) / "pika",
                           [*persistence_options(programs["pika"], variant), *options.pika_config]),
        }
        with servers["redis"], servers["pika"]:
            for server in servers.values():
                preload(server, options.keys)
            time.sleep(0 if options.quick else 5)  # let what the load left (a flush, a rewrite) end
            try:
                for number in range(options.rounds):
                    for depth in options.depths:
                        for test in options.tests:
                            if test in TESTS[:count_of_tests]:
                                run(number, test, depth)
                # Behind all others, which would find nothing in Pika's tables either.
                for number in range(options.rounds if COLD in options.tests and peer_fsync is None else 0):
                    for depth in options.depths if not is_redis(programs["pika"]) else []:
                        make_cold(servers["pika"])
                        run(number, COLD, depth)
            finally:
                for server in servers.values():
                    if server.is_alive():
                        os.kill(server.pid, signal.SIGCONT)
    return {key: {name: median(values) for name, values in both.items()} for key, both in runs.items()}


def table(variant: str, depth: int, results: dict) -> list[str]:
    lines = [f"### {VARIANTS[variant][0]}, -P {depth}", "",
             "| test | Redis req/s | Pika req/s | ratio | Redis p99 ms | Pika p99 ms "
             "| Redis CPU µs/req | Pika CPU µs/req | ratio |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    ratios = []
    for (test, at_depth), both in results.items():
        if at_depth == depth:
            redis, pika = both["redis"], both["pika"]
            ratio = pika.requests_per_second / redis.requests_per_second
            ratios += [] if test == COLD else [ratio]
            lines.append(f"| {test} | {redis.requests_per_second:,.0f} | {pika.requests_per_second:,.0f} "
                         f"| {ratio:.2f} | {redis.p99_ms:.2f} | {pika.p99_ms:.2f} "
                         f"| {redis.cpu_us:.2f} | {pika.cpu_us:.2f} | {pika.cpu_us / redis.cpu_us:.2f} |")
    mean = math.exp(statistics.fmean(map(math.log, ratios))) if ratios else math.nan
    return [*lines, "", f"Geometric mean of the ratios of req/s, without {COLD}: {mean:.2f}; the least is "
            f"{min(ratios, default=math.nan):.2f}.", ""]


def report(all_results: dict, options, versions: dict[str, str]) -> str:
    lines = ["# Pika beside redis-server", "",
             f"Written by `make bench` on {time.strftime('%Y-%m-%d')}: {machine()}; the load generator runs on the "
             "same machine.", "",
             f"{versions['redis']}; {versions['pika']}. {options.keys:,} keys loaded, values of {VALUE_BYTES} bytes, "
             f"{CLIENTS} clients, medians of {options.rounds} rounds, the servers measured in turns."
             + (f" Pika ran with `{shlex.join(options.pika_config)}`." if options.pika_config else "")
             + (" **A quick run: for a look, not for a claim.**" if options.quick else ""), "",
             "![requests per second](server.svg)", ""]
    for variant, results in all_results.items():
        for depth in options.depths:
            lines += table(variant, depth, results)
    return "\n".join(lines)


def main() -> int:
    options = arguments()
    programs = {"redis": find_server("redis-server"), "pika": find_server(options.server)}
    versions = {name: version(program) for name, program in programs.items()}
    if is_redis(programs["pika"]):
        versions["pika"] += " (in Pika's place)"
    all_results = {variant: run_variant(variant, options, programs) for variant in options.variants}
    text = report(all_results, options, versions)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "server.md").write_text(text)
    panels = [(f"{VARIANTS[variant][0]}, -P {depth}",
               [(test, both["redis"].requests_per_second, both["pika"].requests_per_second)
                for (test, at_depth), both in results.items() if at_depth == depth])
              for variant, results in all_results.items() for depth in options.depths]
    (options.output / "server.svg").write_text(chart.bars(panels, ("redis-server", "Pika"), "requests per second"))
    print(text)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="Pika's program (%(default)s)")
    parser.add_argument("--tests", type=names, default=[*TESTS, COLD], help="of redis-benchmark -t (%(default)s)")
    parser.add_argument("--depths", type=lambda text: [int(part) for part in names(text)], default=[1, 16],
                        help="pipeline depths, -P (%(default)s)")
    parser.add_argument("--variants", type=names, default=list(VARIANTS), help="%(default)s")
    parser.add_argument("--rounds", type=int, default=None, help="3, or 1 with --quick")
    parser.add_argument("--keys", type=int, default=None, help=f"{KEYS:,}, or a tenth with --quick")
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests and keys, one round")
    parser.add_argument("--pika-config", "--only-pika-config", type=shlex.split, default=[], metavar="OPTIONS",
                        help='further options for Pika alone, in one string: "--threads 4"')
    parser.add_argument("--folder", default=None, help="where the data lies; default: the temporary folder")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs/benchmarks")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.keys = options.keys or (KEYS // 10 if options.quick else KEYS)
    if unknown := set(options.variants) - set(VARIANTS):
        parser.error(f"no such variant: {', '.join(unknown)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
