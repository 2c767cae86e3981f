#!/usr/bin/env python3
"""Runs the fuzz targets, each for its share of the time, and fails on any finding. See README.md."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "target" / "fuzz"  # Of its own: other flags would have everything else compiled anew.
# Of the time that is asked for, these two share all; each of the others gets a twentieth on top.
SHARES = {"connection": 0.8, "parser": 0.2, "rdb": 0.05, "replication": 0.05, "files": 0.05, "config": 0.05}
# What cargo-fuzz sets, without a sanitizer: the core has no unsafe code, and its panics are what is looked for.
COVERAGE = ["-Cpasses=sancov-module", *(f"-Cllvm-args=-sanitizer-coverage-{what}" for what in (
    "level=4", "inline-8bit-counters", "pc-table", "trace-compares"))]
# Sums that overflow and broken assertions are findings. Debug information is for backtraces.
PROFILE = {"OPT_LEVEL": "2", "LTO": "off", "OVERFLOW_CHECKS": "true", "DEBUG_ASSERTIONS": "true",
           "DEBUG": "line-tables-only", "CODEGEN_UNITS": "16"}
LONGEST_RUN = 20  # Seconds for one input: longer is a finding.
MEMORY = 2048  # MB of a process: more is a finding.


def host() -> str:
    """The triple of this machine."""
    version = subprocess.run(["rustc", "-vV"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return re.search(r"^host: (.+)$", version, re.M)[1]


def build(targets: list[str]) -> dict[str, pathlib.Path]:
    """The program of each target, compiled if need be. `--target` keeps the flags from build scripts and macros."""
    triple = host()
    environment = {**os.environ, "RUSTFLAGS": " ".join(COVERAGE)}
    environment |= {f"CARGO_PROFILE_RELEASE_{name}": value for name, value in PROFILE.items()}
    bins = [part for target in targets for part in ("--bin", f"fuzz_{target}")]
    subprocess.run(["cargo", "build", "-p", "pika-fuzz", "--release", "--locked", "--target", triple,
                    "--target-dir", str(BUILD), *bins], cwd=ROOT, env=environment, check=True)
    return {target: BUILD / triple / "release" / f"fuzz_{target}" for target in targets}


def fuzz(target: str, program: pathlib.Path, seconds: int) -> bool:
    """Runs one target; prints what came of it. Whether it found nothing."""
    corpus, findings = BUILD / "corpus" / target, BUILD / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    log = BUILD / f"{target}.log"
    command = [str(program), f"-max_total_time={seconds}", f"-timeout={LONGEST_RUN}", f"-rss_limit_mb={MEMORY}",
               f"-dict={HERE / 'dictionary.txt'}", f"-artifact_prefix={findings}/{target}-", "-max_len=4096",
               "-print_final_stats=1", "-use_value_profile=0", str(corpus), str(HERE / "seeds" / target)]
    with log.open("wb") as output:
        # The clock of libFuzzer is the one that ends it; this one is for a process that hangs.
        done = subprocess.run(command, cwd=BUILD, stdout=output, stderr=subprocess.STDOUT, check=False,
                              timeout=seconds + 600)
    text = log.read_text(errors="replace")
    runs = re.findall(r"stat::number_of_executed_units: (\d+)", text)
    coverage = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", text)
    edges, features, inputs = coverage[-1] if coverage else ("?", "?", "?")
    print(f"{target}: {runs[-1] if runs else '?'} executions in {seconds} s, {edges} edges, {features} features, "
          f"{inputs} inputs kept", flush=True)
    # An artefact beside an exit status of 0 is an input that was only slow.
    if done.returncode == 0:
        return True
    written = re.findall(r"Test unit written to (\S+)", text)
    print(f"{target}: FINDING; the log is {log}", flush=True)
    for line in re.findall(r"^(?:thread .*panicked at.*|.*SUMMARY.*|==\d+== ERROR.*)$", text, re.M)[:6]:
        print(f"  {line}")
    for path in written:
        print(f"  again: tests/fuzz/run.py --replay {path}   (then keep it in tests/fuzz/seeds/{target}/)")
    return False


def replay(path: pathlib.Path) -> int:
    """Runs one input, by the target that its name or folder says."""
    path = path.resolve()
    names = [name for name in SHARES if path.name.startswith(f"{name}-") or path.parent.name == name]
    if not names:
        sys.exit(f"{path}: neither its name nor its folder names a target ({', '.join(SHARES)})")
    program = build(names[:1])[names[0]]
    return subprocess.run([str(program), str(path)], env={**os.environ, "RUST_BACKTRACE": "1"}, check=False).returncode


def merge(folder: pathlib.Path, targets: list[str]) -> int:
    """Adds to the committed seeds those of `folder/TARGET` that reach what no other does."""
    programs = build(targets)
    for target in targets:
        if (folder / target).is_dir():
            seeds = HERE / "seeds" / target
            seeds.mkdir(parents=True, exist_ok=True)
            subprocess.run([str(programs[target]), "-set_cover_merge=1", "-max_len=1500", str(seeds),
                            str((folder / target).resolve())], check=True)
    return 0


def main() -> int:
    """Arguments, and what is done with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for connection and parser together (600)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (2)")
    parser.add_argument("--build", action="store_true", help="only compile")
    parser.add_argument("--replay", type=pathlib.Path, metavar="FILE", help="run this input alone")
    parser.add_argument("--merge", type=pathlib.Path, metavar="FOLDER",
                        help="keep of FOLDER/TARGET/ what the committed seeds lack")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="only these: " + ", ".join(SHARES))
    options = parser.parse_args()
    if options.replay:
        return replay(options.replay)
    targets = options.targets or list(SHARES)
    if unknown := set(targets) - set(SHARES):
        parser.error(f"no such target: {', '.join(unknown)}")
    if options.merge:
        return merge(options.merge, targets)
    programs = build(targets)
    if options.build:
        return 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        shares = [max(1, round(options.seconds * SHARES[target])) for target in targets]
        fine = list(pool.map(lambda job: fuzz(job[0], programs[job[0]], job[1]), zip(targets, shares)))
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
