#!/usr/bin/env python3
"""Sends the same random commands to a server and to redis-server, and compares all replies and the data.

    tests/differential/run.py --server PATH                               20,000 commands of the default families
    tests/differential/run.py --commands 1000000 --seed 7                 many
    tests/differential/run.py --families lists,transactions --resp 3      of some families, in RESP3
    tests/differential/run.py --seed 7 --program 1234                     one program of a seed again

A program that fails is made small, and printed with both replies as a script for redis-cli. Ends with status 1 if
there was one. See README.md beside this file.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "python")]

from allowed import FILE as ALLOWED, Allowed  # noqa: E402
from generate import DEFAULT_FAMILIES, FAMILIES, PROFILES, Generator, Program  # noqa: E402
from pair import Pair  # noqa: E402
from replies import quoted  # noqa: E402
from runner import Runner  # noqa: E402
from server import DEFAULT_SERVER, find_server  # noqa: E402
from shrink import shrunk  # noqa: E402

SHRINKS_PER_SIGNATURE = 2


def main() -> int:
    options = arguments()
    if options.self_test:
        return self_test(options)
    program, reference = find_server(options.server), find_server(options.reference)
    fuzzer, missing, seconds = fuzz(program, reference, options)
    return fuzzer.conclude(seconds, missing)


def fuzz(program: str, reference: str, options):
    """A run as the options say."""
    protocols = {"2": [2], "3": [3], "both": [2, 3]}[options.resp]
    with (tempfile.TemporaryDirectory(prefix="pika-differential.") as folder,
          Pair(program, reference, Path(folder), options.server_options.split()) as pair):
        generator = Generator(options.families, options.seed, protocols, options.length, options_of_both(pair))
        allowed = Allowed(options.allowed)
        missing = leave_out_missing(generator, pair, allowed)
        fuzzer = Fuzzer(generator, Runner(pair, allowed), (Path(program).name, Path(reference).name), options)
        started = time.monotonic()
        if options.program is not None:
            fuzzer.try_program(generator.program(options.program))
        else:
            fuzzer.run(options.commands)
        return fuzzer, missing, time.monotonic() - started


def self_test(options) -> int:
    """A harness that sees nothing passes everything, and one that flickers is of no use. So: redis-server does not
    differ from itself, in any family; and one with another limit of length differs, in a program of one or two commands.
    """
    reference = find_server(options.reference)
    options.families, options.commands, options.server_options = FAMILIES, 6_000, ""
    fuzzer, missing, seconds = fuzz(reference, reference, options)
    if fuzzer.conclude(seconds, missing):
        return 1
    options.families, options.commands, options.server_options = ["strings"], 20_000, "--proto-max-bulk-len 2mb"
    options.findings = 1
    fuzzer, _, _ = fuzz(reference, reference, options)
    found = len(fuzzer.smallest or []) in (1, 2)
    print("the difference that was made was found" if found else "FAILED: the difference that was made was not found")
    return 0 if found else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="the program to test (%(default)s)")
    parser.add_argument("--reference", default="redis-server", help="what it is compared with (%(default)s)")
    parser.add_argument("--server-options", default="", help="more options for the tested server, in one word")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is random (%(default)s)")
    parser.add_argument("--commands", type=int, default=20_000, help="how many at least (%(default)s)")
    parser.add_argument("--length", type=int, default=200, help="commands in a program (%(default)s)")
    parser.add_argument("--families", type=families, default=DEFAULT_FAMILIES, metavar="A,B",
                        help=f"all, or some of {', '.join(FAMILIES)} (default: {','.join(DEFAULT_FAMILIES)})")
    parser.add_argument("--resp", choices=["2", "3", "both"], default="both", help="the protocol (%(default)s)")
    parser.add_argument("--allowed", type=Path, default=ALLOWED, help="the list of differences that are meant")
    parser.add_argument("--program", type=int, metavar="N", help="only this program of the seed")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    parser.add_argument("--findings", type=int, default=20, help="stop after so many different ones (%(default)s)")
    parser.add_argument("--self-test", action="store_true", help="only show that differences are seen")
    parser.add_argument("--shrink-seconds", type=float, default=20.0, help="for each failing program (%(default)s)")
    return parser.parse_args()


def families(text: str) -> list[str]:
    names = FAMILIES if text == "all" else text.split(",")
    for name in names:
        if name not in FAMILIES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(FAMILIES)}")
    return names


def options_of_both(pair: Pair) -> set[str]:
    names = {name for profile in PROFILES for name in profile}
    return {name for name in names if all(pair.call("CONFIG", "GET", name))}


def leave_out_missing(generator: Generator, pair: Pair, allowed: Allowed) -> list[str]:
    """Commands that only one of the servers has would fill the report. Those that only redis-server has are returned:
    each fails the run unless allowed.toml says why it is missing."""
    commands = [{name.decode().replace("|", " ").upper() for name in reply} for reply in pair.call("COMMAND", "LIST")]
    for names, server in zip(commands, pair.servers):
        from resp import Connection
        with Connection(server.port) as connection:
            for container in {name.split()[0] for name in generator.names() if " " in name}:
                info = connection.call("COMMAND", "INFO", container)[0]
                names |= {sub[0].decode().replace("|", " ").upper() for sub in (info[9] if info else [])}
    tested, reference = commands
    # A word in a row that is no command at all is meant to be unknown to both.
    missing = sorted(name for name in generator.names() if name in reference and name not in tested)
    generator.leave_out(set(missing))
    return [name for name in missing if name not in allowed.missing]


class Fuzzer:
    def __init__(self, generator: Generator, runner: Runner, names: tuple[str, str], options):
        self.generator, self.runner, self.names, self.options = generator, runner, names, options
        self.seen: set[tuple] = set()
        self.shrinks: Counter = Counter()
        self.failed_programs = self.programs = 0
        self.smallest: list | None = None  # the commands of the smallest failing program
        self.tried = 0  # commands of programs, without those of shrinking

    def run(self, commands: int) -> None:
        started = time.monotonic()
        while (self.tried < commands and len(self.seen) < self.options.findings
               and time.monotonic() - started < self.options.seconds):
            self.try_program(self.generator.program(self.programs))

    def try_program(self, program: Program) -> None:
        self.programs += 1
        self.tried += len(program.commands)
        difference = self.runner.run(program)
        if difference is None:
            return
        self.failed_programs += 1
        signature = difference.signature()
        self.shrinks[signature] += 1
        if self.shrinks[signature] > SHRINKS_PER_SIGNATURE:
            return

        def fails(candidate: Program) -> bool:
            found = self.runner.run(candidate)
            return found is not None and found.signature() == signature

        if not fails(program):
            self.report(program, difference, note="It did not differ when the program ran a second time.")
            return
        small = shrunk(program, fails, self.options.shrink_seconds)
        again = self.runner.run(small)
        if again is None:
            self.report(small, difference, note="The small program does not differ each time.")
            return
        if self.smallest is None or len(small.commands) < len(self.smallest):
            self.smallest = small.commands
        skeleton = (again.signature(), tuple(command.name() for command in small.commands))
        if skeleton not in self.seen:
            self.seen.add(skeleton)
            self.report(small, again)

    def report(self, program: Program, difference, note: str = "") -> None:
        if note:
            self.seen.add((difference.signature(), note))
        lines = ["", f"DIFFERENCE {len(self.seen)}: --seed {self.options.seed} --program {program.number}"]
        lines += [note] if note else []
        if program.profile:
            lines.append(f"    CONFIG SET {' '.join(program.profile)}")
        if program.protocol == 3:
            lines.append("    HELLO 3")
        shown = program.commands if len(program.commands) <= 40 else program.commands[:5]
        for command in shown:
            who = f"{command.connection}> " if program.several else ""
            lines.append(f"    {who}" + (" ".join(map(quoted, command.arguments)) if command.arguments
                                   else f"# wait {command.wait_ms} ms"))
        if len(shown) < len(program.commands):
            lines.append(f"    # and {len(program.commands) - len(shown)} more")
        if difference.of_state:
            lines.append("then, at the end: " + " ".join(map(quoted, difference.command.arguments)))
        elif difference.command is not program.commands[-1]:
            lines.append("at: " + " ".join(map(quoted, difference.command.arguments)))
        lines += difference.describe(self.names)
        print("\n".join(lines), flush=True)

    def conclude(self, seconds: float, missing: list[str]) -> int:
        allowed = self.runner.allowed
        for reason, times in allowed.met.most_common():
            print(f"allowed {times} times: {reason}")
        for name in missing:
            print(f"MISSING in {self.names[0]}: {name}")
        if self.runner.pair.crashes:
            print(f"servers that died or hung: {self.runner.pair.crashes}")
        print(f"{self.tried} commands in {self.programs} programs of {', '.join(self.options.families)}, seed "
              f"{self.options.seed}: {self.tried / max(seconds, 0.001):.0f} commands/s, {self.failed_programs} programs "
              f"failed, {len(self.seen)} differences")
        good = self.programs - self.failed_programs
        print(f"{good} passed, {self.failed_programs + len(missing)} failed")
        return 1 if self.failed_programs or missing or not good else 0


if __name__ == "__main__":
    sys.exit(main())
