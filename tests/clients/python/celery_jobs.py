"""Celery, a queue of jobs: tasks, retries, countdowns, groups, chords, and a worker that is killed. Arguments: the server's
port, then steps (default: all).
"""

import os
import signal
import subprocess
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path

import redis

PORT = int(sys.argv[1])
HERE = Path(__file__).resolve().parent
os.environ["PIKA_PORT"] = str(PORT)

import celery_tasks as tasks  # noqa: E402
from celery import chain, chord, group  # noqa: E402

PATIENCE = 60


def equal(found, expected) -> None:
    if found != expected:
        raise AssertionError(f"{found!r} instead of {expected!r}")


def until(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come")
        time.sleep(0.02)


@contextmanager
def worker(name: str = "one", pool: str = "threads", concurrency: int = 4):
    """A worker process; it takes jobs as soon as it is there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "--pool", pool, "--concurrency", str(concurrency),
         "--hostname", f"{name}@here", "--loglevel", "ERROR", "--without-heartbeat"],
        cwd=HERE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def results():
    made = [tasks.add.delay(number, 1) for number in range(50)]
    with worker():
        equal([job.get(timeout=PATIENCE) for job in made], list(range(1, 51)))


def failures_and_retries():
    with worker():
        equal(tasks.fails_at_first.delay(2).get(timeout=PATIENCE), "done")
        equal(int(redis.Redis(port=PORT, db=2).get("attempts")), 3)
        try:
            tasks.fails.delay("as it should").get(timeout=PATIENCE)
        except ValueError as error:
            equal(str(error), "as it should")
        else:
            raise AssertionError("the task did not fail")


def countdowns():
    with worker():
        tasks.add.delay(1, 1).get(timeout=PATIENCE)  # it is there
        began = time.time()
        late = tasks.now.apply_async(countdown=1)
        soon = tasks.now.apply_async()
        equal(soon.get(timeout=PATIENCE) < late.get(timeout=PATIENCE), True)
        equal(late.get() - began >= 1, True)


def canvases():
    with worker():
        equal(chain(tasks.add.s(1, 2), tasks.add.s(10))().get(timeout=PATIENCE), 13)
        equal(group(tasks.add.s(n, n) for n in range(10))().get(timeout=PATIENCE), [2 * n for n in range(10)])
        equal(chord((tasks.add.s(n, 1) for n in range(10)), tasks.total.s())().get(timeout=PATIENCE), 55)


def queues_and_revoked_tasks():
    first = tasks.add.apply_async((1, 1), priority=9)
    with worker():
        equal(first.get(timeout=PATIENCE), 2)
        revoked = tasks.add.apply_async((2, 2), countdown=2)
        revoked.revoke()
        until(lambda: revoked.state == "REVOKED", "the end of a revoked task")


def a_killed_worker():
    """What it had in its hands runs again, in another one."""
    made = [tasks.slow.delay(number) for number in range(8)]
    store = redis.Redis(port=PORT, db=2)
    with worker("doomed", "threads", 4) as doomed:
        until(lambda: store.scard("began") >= 4, "the first tasks")
        os.killpg(doomed.pid, signal.SIGKILL)
        doomed.wait()
    store.set("hurry", 1)
    with worker("heir"):
        equal(sorted(job.get(timeout=PATIENCE) for job in made), list(range(8)))


STEPS = [results, failures_and_retries, countdowns, canvases, queues_and_revoked_tasks, a_killed_worker]


def main() -> int:
    failed = 0
    for step in STEPS:
        if sys.argv[2:] and step.__name__ not in sys.argv[2:]:
            continue
        redis.Redis(port=PORT).flushall()
        try:
            step()
            print(f"ok {step.__name__}", flush=True)
        except Exception as error:
            failed += 1
            line = traceback.extract_tb(error.__traceback__)[-1]
            print(f"FAILED {step.__name__}: {Path(line.filename).name}:{line.lineno}: {type(error).__name__} "
                  f"{' '.join(str(error).split())[:300]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
