"""What Celery's workers run."""

import os
import time

import redis
from celery import Celery

PORT = os.environ["PIKA_PORT"]
app = Celery("tasks", broker=f"redis://127.0.0.1:{PORT}/0", backend=f"redis://127.0.0.1:{PORT}/1")
app.conf.update(
    task_acks_late=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True,
    # What a killed worker held comes back after so many seconds.
    broker_transport_options={"visibility_timeout": 3, "unacked_restore_interval": 1, "unacked_restore_throttle": 1,
                              "polling_interval": 0.1})
store = redis.Redis(port=int(PORT), db=2)


@app.task
def add(left: int, right: int) -> int:
    return left + right


@app.task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@app.task
def now() -> float:
    return time.time()


@app.task
def fails(message: str):
    raise ValueError(message)


@app.task(bind=True, default_retry_delay=0, max_retries=5)
def fails_at_first(self, times: int) -> str:
    """Fails the first `times` times that it runs; how often it ran is in the server."""
    if store.incr("attempts") <= times:
        raise self.retry(countdown=0)
    return "done"


@app.task
def slow(number: int) -> int:
    """Takes until somebody says that it should hurry."""
    store.sadd("began", number)
    while not store.get("hurry"):
        time.sleep(0.05)
    return number
