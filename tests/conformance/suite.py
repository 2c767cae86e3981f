#!/usr/bin/env python3
"""Obtains Redis's own test suite: the tests/ folder of its source, from Debian's source package.

None of it is committed here. It is fetched once per machine through apt (so the archive's signature is checked),
from a private list of sources: the machine's own apt configuration is read for nothing but its keys, and not
changed. Only the upstream tarball is taken, so that Debian's patches do not move the list of tests.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "7.0.15"
TARBALL = f"redis_{VERSION}.orig.tar.gz"
SHA256 = "4b1dc4ee6d622a09fff9c6777191209750fb5e5a725ef78ea012d6eef4c22982"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCES = "".join(f"deb-src [signed-by={KEYRING}] http://deb.debian.org/{archive} main\n"
                  for archive in ("debian bookworm", "debian-security bookworm-security"))
# What the suite calls at run time, and the Debian package that has it.
PROGRAMS = {"tclsh": "tcl", "redis-cli": "redis-tools", "redis-benchmark": "redis-tools", "openssl": "openssl"}
# What it loads into tclsh, and the Debian package that has it.
LIBRARIES = {"tls": "tcl-tls"}


def cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "pika"


def obtain() -> Path:
    """The folder that holds the suite, fetched if need be."""
    install_missing_programs()
    folder = cache_folder() / f"redis-suite-{VERSION}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="redis-suite.") as scratch:
        tarball = download(Path(scratch))
        unpacked = unpack(tarball, Path(scratch) / "unpacked")
        try:
            unpacked.rename(folder)  # atomic, so another run never sees half a suite
        except OSError:
            if not folder.is_dir():  # else another run was faster
                raise
    return folder


def install_missing_programs() -> None:
    packages = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None}
                      | {package for library, package in LIBRARIES.items() if not is_loadable(library)})
    if not packages:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if os.geteuid() != 0:
        raise SystemExit(f"the suite needs {', '.join(packages)}: sudo {' '.join(command)}")
    subprocess.run(["apt-get", "update", "-qq"], check=True, stdin=subprocess.DEVNULL)
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def is_loadable(library: str) -> bool:
    """Whether tclsh has a library. Without tclsh it has none."""
    if shutil.which("tclsh") is None:
        return False
    result = subprocess.run(["tclsh"], input=f"package require {library}", capture_output=True, text=True)
    return result.returncode == 0 and not result.stderr


def download(scratch: Path) -> Path:
    """The upstream tarball, through apt with lists and caches of our own."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True)
    (scratch / "sources.list").write_text(SOURCES)
    apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={scratch}/sources.list", "-o", "Dir::Etc::sourceparts=-",
           "-o", f"Dir::State::lists={scratch}/lists", "-o", f"Dir::Cache={scratch}/cache",
           "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3"]
    for arguments in (["update"], ["source", "--download-only", "--tar-only", "redis"]):
        result = subprocess.run(apt + arguments, cwd=scratch, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if result.returncode != 0:
            raise SystemExit(f"apt-get {' '.join(arguments)} failed:\n{result.stdout}")
    tarball = scratch / TARBALL
    if not tarball.is_file():
        raise SystemExit(f"Debian's source package has no {TARBALL} any more; see tests/conformance/README.md")
    found = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{TARBALL} has sha256 {found}, expected {SHA256}")
    return tarball


def unpack(tarball: Path, target: Path) -> Path:
    """Only what the suite needs: its own files and the start script."""
    prefix = f"redis-{VERSION}/"
    with tarfile.open(tarball) as archive:
        members = [member for member in archive
                   if member.name.startswith((prefix + "tests/", prefix + "runtest", prefix + "COPYING"))]
        archive.extractall(target, members=members)  # safe: the checksum says whose paths these are
    return target / prefix.rstrip("/")


def workplace(suite: Path, folder: Path, server: str) -> Path:
    """A folder from which one suite process runs: the suite's files by link, its scratch files its own.

    `server` is what it starts where it starts a server itself.

    The suite starts by removing what lies in its tests/tmp, so two must not share it.
    """
    (folder / "tests/tmp").mkdir(parents=True)
    (folder / "src").mkdir()
    for entry in (suite / "tests").iterdir():
        if entry.name != "tmp":
            (folder / "tests" / entry.name).symlink_to(entry)
    (folder / "runtest").symlink_to(suite / "runtest")
    programs = {"redis-cli": shutil.which("redis-cli"), "redis-benchmark": shutil.which("redis-benchmark"),
                "redis-server": server}
    for name, found in programs.items():  # called as src/redis-cli
        if found:
            (folder / "src" / name).symlink_to(found)
    return folder


if __name__ == "__main__":
    print(obtain())


def cut(workplace: Path, unit: str, tests) -> None:
    """Leaves out of a unit, in this workplace, the blocks of its file that hold these tests."""
    folder = workplace / "tests" / Path(unit).parent
    original = folder.resolve()
    folder.unlink()
    folder.mkdir()
    for entry in original.iterdir():
        (folder / entry.name).symlink_to(entry)
    file = folder / f"{Path(unit).name}.tcl"
    blocks, block = [], ""
    for line in file.read_text().splitlines(keepends=True):
        block += line
        if line.startswith("}"):
            blocks.append(block)
            block = ""
    missing = [test for test in tests if not any(begins(block, test) for block in blocks)]
    if missing:
        raise SystemExit(f"{unit} has no tests to cut out named {missing}")
    file.unlink()
    file.write_text("".join(block for block in blocks if not any(begins(block, test) for test in tests)) + block)


def begins(block: str, test: str) -> bool:
    """Whether a test of this name is written in the block. A `$` in the file stands for anything."""
    names = re.findall(r'^ *test (?:\{([^}]*)\}|"((?:[^"\\]|\\.)*)")', block, flags=re.M)
    patterns = (re.sub(r"\\?\$\w+", ".*", re.escape(braced or quoted)) for braced, quoted in names)
    return any(re.fullmatch(pattern, test) for pattern in patterns)
