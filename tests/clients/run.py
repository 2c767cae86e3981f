#!/usr/bin/env python3
"""Drives the server with the client libraries that people use.

    tests/clients/run.py --server PATH                 all clients
    tests/clients/run.py --server redis-server         the programs themselves, on Redis
    tests/clients/run.py --client ioredis --step scans
    tests/clients/run.py --client bullmq --long        with 10,000 jobs

Each client is a short program with some steps; each step says `ok` or why not. The libraries have exact versions, and
are installed outside of the checkout, under ~/.cache/pika/clients. A client whose package manager is not there is
skipped, with the reason; so is one that cannot be installed, but with CI=true that is a failure.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python"))

from server import DEFAULT_SERVER, Server, find_server, is_redis, persistence_options  # noqa: E402

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pika/clients"
INSTALL_SECONDS, RUN_SECONDS, LONG_SECONDS = 900, 120, 1800


class NotInstalled(Exception):
    """The client's libraries could not be had; the message says why."""


class NoPackageManager(NotInstalled):
    """This machine has no tool for it."""


@dataclass
class Client:
    """A client's program. `prepare` installs its libraries, and returns the command that runs it, to which the port and
    the steps are appended."""
    name: str
    prepare: Callable[[], list[str]]


def need(tool: str) -> str:
    path = shutil.which(tool)
    if path is None:
        raise NoPackageManager(f"there is no {tool} on this machine")
    return path


def installed(kind: str, described_by: list[Path], install: Callable[[Path], None]) -> Path:
    """The folder for what these files describe. It is made beside and renamed when it is complete, so that an
    installation that was interrupted is not taken for one."""
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in described_by)).hexdigest()[:16]
    folder = CACHE / f"{kind}-{digest}"
    if (folder / "complete").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"installing {kind} into {folder}", file=sys.stderr, flush=True)
    install(folder)
    (folder / "complete").touch()
    return folder


def run_quietly(command: list[str], **options) -> None:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=INSTALL_SECONDS, **options)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{command[0]} did not end within {INSTALL_SECONDS} s") from None
    if done.returncode:
        output = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise NotInstalled(f"{Path(command[0]).name} failed: {' '.join(output.split())[-300:]}")


def python(program: str) -> Callable[[], list[str]]:
    def install(folder: Path) -> None:
        run_quietly([sys.executable, "-m", "venv", str(folder / "venv")])
        run_quietly([str(folder / "venv/bin/python"), "-m", "pip", "install", "--no-deps", "-r",
                     str(HERE / "python/requirements.txt")])

    def prepare() -> list[str]:
        try:
            import ensurepip  # noqa: F401  (Debian has it in a package of its own)
            import venv  # noqa: F401
        except ImportError:
            raise NoPackageManager("this Python has no venv with pip") from None
        folder = installed("python", [HERE / "python/requirements.txt"], install)
        return [str(folder / "venv/bin/python"), str(HERE / "python" / program)]
    return prepare


def node(program: str) -> Callable[[], list[str]]:
    def install(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "node" / name, folder / name)
        run_quietly([need("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)

    def prepare() -> list[str]:
        need("npm")
        folder = installed("node", [HERE / "node/package.json", HERE / "node/package-lock.json"], install)
        return [need("env"), f"NODE_PATH={folder}/node_modules", need("node"), str(HERE / "node" / program)]
    return prepare


def rust() -> list[str]:
    sources = [HERE / "rust" / name for name in ("Cargo.toml", "Cargo.lock", "src/main.rs")]

    def install(folder: Path) -> None:
        target = CACHE / "rust-target"  # kept, so that a change of the program does not compile all again
        run_quietly([need("cargo"), "build", "--locked", "--manifest-path", str(sources[0])],
                    env={**os.environ, "CARGO_TARGET_DIR": str(target)})
        shutil.copy(target / "debug/redis-crate-client", folder / "redis-crate-client")

    need("cargo")
    return [str(installed("rust", sources, install) / "redis-crate-client")]


CLIENTS = [
    Client("redis-py", python("redis_py.py")),
    Client("rq", python("rq_jobs.py")),
    Client("ioredis", node("ioredis.cjs")),
    Client("node-redis", node("node_redis.cjs")),
    Client("redis-crate", rust),
    Client("bullmq", node("bullmq.cjs")),
    Client("redlock", node("redlock.cjs")),
    Client("celery", python("celery_jobs.py")),
]


def run_client(command: list[str], program: str, steps: list[str], long: bool) -> dict[str, str]:
    """Each step's outcome: empty if it went well. A program that dies or hangs is the failure of its next step."""
    with tempfile.TemporaryDirectory(prefix="pika-clients.") as folder:
        with Server(program, folder, persistence_options(program, None if is_redis(program) else "no")) as server:
            try:
                done = subprocess.run([*command, str(server.port), *steps], stdin=subprocess.DEVNULL, cwd=folder,
                                      capture_output=True, timeout=LONG_SECONDS if long else RUN_SECONDS,
                                      env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1",
                                           **({"PIKA_LONG": "1"} if long else {})})
                output, errors = done.stdout, done.stderr
                end = f"the program ended with {done.returncode}" if done.returncode not in (0, 1) else ""
            except subprocess.TimeoutExpired as expired:
                output, errors, end = expired.stdout or b"", expired.stderr or b"", f"no end within {expired.timeout:.0f} s"
            if not server.is_alive():
                end = f"the server died\n{server.log_tail()}"
    outcomes = {}
    for line in output.decode(errors="replace").splitlines():
        if line.startswith("ok "):
            outcomes[line[3:]] = ""
        elif line.startswith("FAILED "):
            step, _, reason = line[7:].partition(": ")
            outcomes[step] = reason
    if end or not outcomes:
        outcomes["(the next step)"] = f"{end or 'no step was run'} {' '.join(errors.decode(errors='replace').split())[-400:]}"
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=str(DEFAULT_SERVER), help="the server program (%(default)s)")
    parser.add_argument("--client", action="append", choices=[client.name for client in CLIENTS], dest="clients")
    parser.add_argument("--step", action="append", default=[], dest="steps", help="only these steps")
    parser.add_argument("--long", action="store_true", help="more jobs, where a program has a number of them")
    options = parser.parse_args()
    program = find_server(options.server)
    # What Pika lacks so far. On redis-server everything must pass.
    later = {} if is_redis(program) else tomllib.loads((HERE / "later.toml").read_text())

    passed = failed = skipped = 0
    for client in CLIENTS:
        if options.clients and client.name not in options.clients:
            continue
        try:
            command = client.prepare()
        except NotInstalled as reason:
            must = os.environ.get("CI") == "true" and not isinstance(reason, NoPackageManager)
            print(f"{client.name}: {'FAILED' if must else 'skipped'}: {reason}", flush=True)
            failed += must
            skipped += not must
            continue
        reasons = {**later.get("all", {}), **later.get(client.name, {})}
        for step, trouble in run_client(command, program, options.steps, options.long).items():
            if not trouble:
                passed += 1
                print(f"{client.name}: ok {step}"
                      + (" (passes by now, though later.toml leaves it out)" if step in reasons else ""), flush=True)
            elif step in reasons:
                skipped += 1
                print(f"{client.name}: later: {step}: {reasons[step]}", flush=True)
            else:
                failed += 1
                print(f"{client.name}: FAILED {step}: {trouble}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
