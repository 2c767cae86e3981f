"""RQ, a queue of jobs: real jobs, run by a worker process. Arguments: the server's port, then steps (default: all)."""

import os
import subprocess
import sys
import traceback
from datetime import datetime, timedelta, timezone
from pathlib import Path

import redis
import rq

import jobs

PORT = int(sys.argv[1])
HERE = Path(__file__).resolve().parent


def connect() -> redis.Redis:
    return redis.Redis(port=PORT, socket_timeout=30)


def equal(found, expected) -> None:
    if found != expected:
        raise AssertionError(f"{found!r} instead of {expected!r}")


def work(*queues: str, scheduler: bool = False) -> None:
    """A worker process takes all jobs of the queues, and ends."""
    done = subprocess.run(
        [sys.executable, "-m", "rq.cli", "worker", "--burst", "--url", f"redis://127.0.0.1:{PORT}/0",
         *(["--with-scheduler"] if scheduler else []), *queues],
        cwd=HERE, env={**os.environ, "PYTHONPATH": str(HERE)}, capture_output=True, timeout=60)
    if done.returncode:
        raise AssertionError(f"the worker ended with {done.returncode}: {done.stderr.decode(errors='replace')[-600:]}")


def results():
    queue = rq.Queue("default", connection=connect())
    made = [queue.enqueue(jobs.add, number, 1) for number in range(20)]
    equal(len(queue), 20)
    work("default")
    equal([job.return_value(refresh=True) for job in made], list(range(1, 21)))
    equal({job.get_status() for job in made}, {rq.job.JobStatus.FINISHED})
    equal((len(queue), len(queue.finished_job_registry), len(queue.started_job_registry)), (0, 20, 0))


def failures():
    queue = rq.Queue("default", connection=connect())
    job = queue.enqueue(jobs.fail, "as it should")
    work("default")
    equal(job.get_status(refresh=True), rq.job.JobStatus.FAILED)
    equal(queue.failed_job_registry.get_job_ids(), [job.id])
    equal("ValueError: as it should" in job.latest_result().exc_string, True)
    queue.failed_job_registry.requeue(job.id)
    equal(queue.job_ids, [job.id])


def retries():
    queue = rq.Queue("default", connection=connect())
    job = queue.enqueue(jobs.fail_until, PORT, "attempts", 2, retry=rq.Retry(max=3))
    work("default")
    equal(job.return_value(refresh=True), "done")
    equal(connect().get("attempts"), b"3")


def dependencies():
    high, low = (rq.Queue(name, connection=connect()) for name in ("high", "low"))
    first = low.enqueue(jobs.add, 1, 2)
    second = high.enqueue(jobs.add, 3, 4, depends_on=first)
    equal((second.get_status(), high.deferred_job_registry.get_job_ids()),
          (rq.job.JobStatus.DEFERRED, [second.id]))
    work("high", "low")
    equal([job.return_value(refresh=True) for job in (first, second)], [3, 7])


def schedules():
    queue = rq.Queue("default", connection=connect())
    due = queue.enqueue_at(datetime.now(timezone.utc) - timedelta(seconds=1), jobs.add, 1, 1)
    later = queue.enqueue_in(timedelta(hours=1), jobs.add, 2, 2)
    equal(set(queue.scheduled_job_registry.get_job_ids()), {due.id, later.id})
    work("default", scheduler=True)
    equal((due.return_value(refresh=True), later.get_status(refresh=True)), (2, rq.job.JobStatus.SCHEDULED))


def workers():
    queue = rq.Queue("default", connection=connect())
    worker = rq.SimpleWorker([queue], connection=connect())  # in this process, so that it can be looked at
    queue.enqueue(jobs.add, 1, 1)
    worker.register_birth()
    equal([known.name for known in rq.Worker.all(connect())], [worker.name])
    worker.register_death()
    worker.work(burst=True, logging_level="ERROR")
    equal((rq.Worker.all(connect()), len(queue.finished_job_registry)), ([], 1))


STEPS = [results, failures, retries, dependencies, schedules, workers]


def main() -> int:
    failed = 0
    for step in STEPS:
        if len(sys.argv) > 2 and step.__name__ not in sys.argv[2:]:
            continue
        try:
            connect().flushall()
            step()
            print(f"ok {step.__name__}", flush=True)
        except Exception as error:
            failed += 1
            place = traceback.extract_tb(error.__traceback__)
            line = next((frame.lineno for frame in reversed(place) if frame.filename == __file__), 0)
            text = " ".join(str(error).split())[:500]
            print(f"FAILED {step.__name__}: line {line}: {type(error).__name__}: {text}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
