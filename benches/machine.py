"""What a benchmark's document says of where it was measured, and of what."""

import os
import platform
import subprocess
from pathlib import Path


def machine() -> str:
    model = next((line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GB memory, Linux {platform.release()}"


def version(program: str) -> str:
    result = subprocess.run([program, "--version"], text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=10)
    first = (result.stdout.splitlines() or [program])[0]
    return first.split(" sha=")[0]
