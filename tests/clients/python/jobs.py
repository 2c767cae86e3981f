"""What the queue's workers run."""


def add(left: int, right: int) -> int:
    return left + right


def fail(message: str):
    raise ValueError(message)


def fail_until(connection_port: int, key: str, times: int) -> str:
    """Fails the first `times` times that it runs; how often it ran is in the server."""
    import redis
    if redis.Redis(port=connection_port).incr(key) <= times:
        raise RuntimeError("not yet")
    return "done"
