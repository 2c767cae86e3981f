"""Programs of clients that track keys: what they are told of, compared as sets at quiet points.

A quiet point is a PING of the client that is told, when all commands before it are answered: what it was told by then.
Which message names which keys, and in which order, is each server's own; which keys it was told of since the last quiet
point is not. Messages that another thread sends may come a moment behind the answer, so a quiet point waits for them.
"""

from grammar import Command, Row, Source
from replies import parse, split

WORKER, TRACKER, HEARER = 0, 1, 2
QUIET = b"quiet-"
EVERYTHING = b"(everything)"
CHANNEL = b"__redis__:invalidate"


def told(data: bytes) -> list[set[bytes]]:
    """Which keys a client was told of, between quiet points; what came behind the last one comes last."""
    found: list[set[bytes]] = [set()]
    for reply in split(data):
        if reply[:1] in (b">", b"*"):
            content = parse(reply)[1]
            if not isinstance(content, list) or not content:
                continue
            words = [part[1] for part in content]
            if words[0] == b"invalidate" or words[:2] == [b"message", CHANNEL]:
                keys = words[-1]
                found[-1] |= {EVERYTHING} if keys is None else {key[1] for key in keys}
                continue
            if words[0] == b"pong" and len(words) == 2 and words[1].startswith(QUIET):
                found.append(set())
        elif QUIET in reply[:20]:
            found.append(set())
    return found


def without_what_is_told(data: bytes) -> bytes:
    """The other replies."""
    def is_told(reply):
        if reply[:1] not in (b">", b"*"):
            return False
        content = parse(reply)[1]
        words = [part[1] for part in content[:2]] if isinstance(content, list) else []
        return words[:1] == [b"invalidate"] or words == [b"message", CHANNEL]
    return b"".join(reply for reply in split(data) if not is_told(reply))


def tracking(source: Source, rows: list[Row], keys: list[bytes], draw, command) -> list[Command]:
    """One client tracks what it reads, or whole prefixes; another one works, and so does the first."""
    redirected = source.chance() < 0.25
    hearer = HEARER if redirected else TRACKER
    mode = source.choose(["", "", "", "BCAST", "BCAST PREFIX s PREFIX h", "BCAST PREFIX x PREFIX z PREFIX l", "OPTIN", "OPTOUT"])
    words = ["CLIENT", "TRACKING", "ON", *(["REDIRECT", b"\0id-%d" % HEARER] if redirected else []), *mode.split()]
    if source.chance() < 0.3:
        words.append("NOLOOP")
    steps = [command(HEARER, "SUBSCRIBE", CHANNEL)] if redirected else []
    steps += [command(TRACKER, *words), command(TRACKER, "CLIENT", "TRACKINGINFO", rule="shape")]
    reading = [row for row in rows if _reads(row)]
    # PFCOUNT may write, and then tells its own client too: docs/differences-from-redis.md.
    own = [row for row in rows if "PFCOUNT" not in row.text] or reading
    quiet = 0
    for _ in range(3 + source.below(6)):
        for _ in range(1 + source.below(4)):
            if mode.startswith("OPT") and source.chance() < 0.5:
                steps.append(command(TRACKER, "CLIENT", "CACHING", "YES" if mode == "OPTIN" else "NO"))
            if reading:
                steps += draw(source, reading, 1, TRACKER)
            steps.append(command(TRACKER, "EXISTS", source.choose(keys), source.choose(keys)))
            if source.chance() < 0.2:
                key = source.choose(keys)
                steps.append(command(TRACKER, "EVAL", "return redis.call('TYPE', KEYS[1])", "1", key))
            if source.chance() < 0.2:
                steps += [command(TRACKER, "MULTI"), command(TRACKER, "EXISTS", source.choose(keys)), command(TRACKER, "EXEC")]
        if source.chance() < 0.4:
            steps += draw(source, own, 1, TRACKER)
        steps += draw(source, rows, 1 + source.below(5), WORKER)
        if source.chance() < 0.1:
            steps.append(command(WORKER, source.choose(["FLUSHALL", "FLUSHDB"])))
        if source.chance() < 0.2:
            steps += [command(WORKER, "MULTI"), *draw(source, rows, 2, WORKER), command(WORKER, "EXEC")]
        quiet += 1
        ping = command(hearer, "PING", QUIET + b"%d" % quiet)
        ping.quiet = True
        steps.append(ping)
    return steps


def _reads(row: Row) -> bool:
    return row.text.split()[0] in {"GET", "STRLEN", "HGET", "HLEN", "HGETALL", "LLEN", "LRANGE", "SCARD", "SISMEMBER", "ZCARD",
                                   "ZSCORE", "XLEN", "XRANGE", "TYPE", "GETRANGE", "MGET", "EXISTS", "BITCOUNT", "GETBIT"}
