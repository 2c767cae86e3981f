"""redis-py, end to end. Arguments: the server's port, then steps (default: all). One line a step on standard output."""

import sys
import threading
import traceback

import redis

PORT = int(sys.argv[1])


def client(**options) -> redis.Redis:
    return redis.Redis(port=PORT, decode_responses=True, socket_timeout=20, **options)


def equal(found, expected) -> None:
    if found != expected:
        raise AssertionError(f"{found!r} instead of {expected!r}")


def pipelines():
    connection = client()
    with connection.pipeline(transaction=False) as pipe:
        for number in range(1000):
            pipe.set(f"key:{number}", number, ex=1000)
            pipe.incrby(f"key:{number}", 7)
            pipe.hset("hash", f"field:{number % 10}", number)
        replies = pipe.execute()
    equal(replies[1::3], [number + 7 for number in range(1000)])
    equal(connection.hgetall("hash"), {f"field:{number}": str(990 + number) for number in range(10)})
    equal(connection.mget("key:0", "key:999", "no such key"), ["7", "1006", None])
    with connection.pipeline(transaction=False) as pipe:
        replies = pipe.set("text", "abc").incr("text").get("text").execute(raise_on_error=False)
    equal((replies[0], type(replies[1]), replies[2]), (True, redis.ResponseError, "abc"))


def transactions():
    connection, other = client(), client()
    connection.set("balance", 10)
    attempts = []

    def transfer(pipe):
        balance = int(pipe.get("balance"))
        if not attempts:
            other.set("balance", 100)  # so the first attempt must fail
        attempts.append(balance)
        pipe.multi()
        pipe.set("balance", balance + 1)
        pipe.rpush("history", balance)
        pipe.get("balance")

    equal(connection.transaction(transfer, "balance"), [True, 1, "101"])
    equal(attempts, [10, 100])
    with connection.pipeline() as pipe:
        pipe.set("a", "x").incr("a").set("b", "done")
        replies = pipe.execute(raise_on_error=False)
    equal((replies[0], type(replies[1]), replies[2]), (True, redis.ResponseError, True))
    equal(connection.get("b"), "done")


def pubsub():
    listener, publisher = client().pubsub(), client()
    listener.subscribe("news", "sport")
    listener.psubscribe("n*")
    confirmations = [listener.get_message(timeout=10) for _ in range(3)]
    equal([(message["type"], message["channel"], message["data"]) for message in confirmations],
          [("subscribe", "news", 1), ("subscribe", "sport", 2), ("psubscribe", "n*", 3)])
    equal(publisher.publish("news", "hello"), 2)
    equal(publisher.publish("nobody listens", "hello"), 1)
    equal(publisher.publish("weather", "rain"), 0)
    received = [listener.get_message(timeout=10) for _ in range(3)]
    equal([(message["type"], message["pattern"], message["channel"], message["data"]) for message in received],
          [("message", None, "news", "hello"), ("pmessage", "n*", "news", "hello"),
           ("pmessage", "n*", "nobody listens", "hello")])
    equal(publisher.pubsub_numsub("news", "other"), [("news", 1), ("other", 0)])
    listener.unsubscribe()
    listener.punsubscribe()
    equal([listener.get_message(timeout=10)["data"] for _ in range(3)], [2, 1, 0])
    equal(publisher.pubsub_channels(), [])


def blocking():
    waiting, other = client(), client()
    equal(waiting.blpop("queue", timeout=0.05), None)
    taken = []
    thread = threading.Thread(target=lambda: taken.extend(waiting.blpop(["empty", "queue"], timeout=15)))
    thread.start()
    until(lambda: other.info("clients")["blocked_clients"] == 1)
    other.rpush("queue", "job 1", "job 2")
    thread.join(20)
    equal(taken, ["queue", "job 1"])
    equal(waiting.blmove("queue", "running", 1, "LEFT", "RIGHT"), "job 2")
    other.zadd("scores", {"low": 1, "high": 2})
    equal(waiting.bzpopmax("scores", timeout=1), ("scores", "high", 2.0) if not is_resp3(waiting)
          else ["scores", "high", 2.0])
    equal(waiting.blmpop(1, 2, "empty", "running", direction="LEFT"), ["running", ["job 2"]])
    equal(other.exists("queue", "running"), 0)


def streams():
    connection, other = client(), client()
    for number in range(10):
        connection.xadd("stream", {"number": number}, id=f"{number + 1}-0")
    connection.xgroup_create("stream", "workers", id="0")
    first = connection.xreadgroup("workers", "alice", {"stream": ">"}, count=4)
    second = connection.xreadgroup("workers", "bob", {"stream": ">"}, count=10)
    equal([ids_of(first), ids_of(second)], [[f"{n}-0" for n in range(1, 5)], [f"{n}-0" for n in range(5, 11)]])
    equal(connection.xack("stream", "workers", "1-0", "2-0"), 2)
    pending = connection.xpending("stream", "workers")
    equal((pending["pending"], pending["min"], pending["max"]), (8, "3-0", "10-0"))
    equal([entry["message_id"] for entry in connection.xpending_range("stream", "workers", "-", "+", 10, "alice")],
          ["3-0", "4-0"])
    claimed = connection.xautoclaim("stream", "workers", "bob", 0, count=2)
    equal((claimed[0], [entry[0] for entry in claimed[1]]), ("5-0", ["3-0", "4-0"]))
    equal([(group["name"], group["consumers"], group["pending"], group["lag"])
           for group in connection.xinfo_groups("stream")], [("workers", 2, 8, 0)])
    equal(connection.xtrim("stream", maxlen=3, approximate=False), 7)
    taken = []
    thread = threading.Thread(target=lambda: taken.extend(ids_of(
        connection.xreadgroup("workers", "carol", {"stream": ">"}, block=15000))))
    thread.start()
    until(lambda: other.info("clients")["blocked_clients"] == 1)
    other.xadd("stream", {"late": "yes"}, id="20-0")
    thread.join(20)
    equal(taken, ["20-0"])
    equal(other.xinfo_stream("stream")["last-generated-id"], "20-0")


def scans():
    connection = client()
    connection.mset({f"scan:{number}": number for number in range(2500)})
    equal(sorted(connection.scan_iter(match="scan:*", count=100)), sorted(f"scan:{number}" for number in range(2500)))
    connection.hset("big", mapping={f"field:{number}": number for number in range(2500)})
    connection.sadd("many", *range(2500))
    connection.zadd("scored", {f"member:{number}": number for number in range(2500)})
    equal(dict(connection.hscan_iter("big", count=100)), {f"field:{n}": str(n) for n in range(2500)})
    equal(sorted(map(int, connection.sscan_iter("many", count=100))), list(range(2500)))
    equal(sorted(connection.zscan_iter("scored", count=100)),
          sorted((f"member:{n}", float(n)) for n in range(2500)))
    equal(sorted(connection.scan_iter(_type="hash")), ["big"])


def resp3():
    connection = client(protocol=3)
    connection.hset("map", mapping={"a": 1, "b": 2})
    connection.sadd("set", "x", "y")
    connection.zadd("zset", {"one": 1, "half": 0.5})
    equal(connection.hgetall("map"), {"a": "1", "b": "2"})
    equal(set(connection.smembers("set")), {"x", "y"})
    equal([list(pair) for pair in connection.zrange("zset", 0, -1, withscores=True)], [["half", 0.5], ["one", 1.0]])
    equal(connection.zscore("zset", "half"), 0.5)
    equal(connection.get("no such key"), None)
    listener = connection.pubsub()
    listener.subscribe("pushed")
    equal(listener.get_message(timeout=10)["type"], "subscribe")
    equal(connection.publish("pushed", "hello"), 1)
    equal(listener.get_message(timeout=10)["data"], "hello")


def ids_of(reply) -> list[str]:
    """The ids of one stream in XREADGROUP's reply, which is a map in RESP3."""
    entries = list(reply.values())[0] if isinstance(reply, dict) else reply[0][1]
    while entries and isinstance(entries[0], list):
        entries = entries[0]
    return [entry[0] for entry in entries]


def is_resp3(connection) -> bool:
    return connection.connection_pool.connection_kwargs.get("protocol") in (3, "3")


def until(condition) -> None:
    """Asks again and again; a test that hangs is ended by run.py."""
    while not condition():
        pass


STEPS = [pipelines, transactions, pubsub, blocking, streams, scans, resp3]


def main() -> int:
    failed = 0
    for step in STEPS:
        if len(sys.argv) > 2 and step.__name__ not in sys.argv[2:]:
            continue
        try:
            client().flushall()
            step()
            print(f"ok {step.__name__}", flush=True)
        except Exception as error:
            failed += 1
            place = traceback.extract_tb(error.__traceback__)
            line = next((frame.lineno for frame in reversed(place) if frame.filename == __file__), 0)
            print(f"FAILED {step.__name__}: line {line}: {type(error).__name__}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
