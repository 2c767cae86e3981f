"""Programs of several connections: clients that watch, subscribe, or wait while another one works.

The steps of such a program run one after another, each when the one before it is answered, so that there is one
order. A connection that waits for a key gets no further command: its reply comes when it comes.
"""

from grammar import Command, Row, Source
from tracking import tracking

WORKER = 0


def _draw(source: Source, rows: list[Row], count: int, connection: int = WORKER) -> list[Command]:
    """Commands of rows that neither wait nor change the connection's state."""
    made = []
    for row in source.random.choices(rows, [row.weight for row in rows], k=count):
        for command in row.commands(source):
            command.connection = connection
            made.append(command)
    return made


def _command(connection: int, *words, rule: str = "") -> Command:
    return Command([word if isinstance(word, bytes) else word.encode() for word in words], rule, connection)


def watching(source: Source, rows: list[Row], keys: list[bytes]) -> list[Command]:
    """One client watches keys and runs a transaction while another one works on the same keys."""
    steps = []
    for _ in range(1 + source.below(4)):
        watched = [source.choose(keys) for _ in range(1 + source.below(2))]
        steps.append(_command(1, "WATCH", *watched))
        if source.chance() < 0.2:
            steps.append(_command(1, "UNWATCH"))
        steps += _draw(source, rows, source.below(4))
        steps.append(_command(1, "MULTI"))
        steps += _draw(source, rows, source.below(3), connection=1)
        steps += _draw(source, rows, source.below(2))
        steps.append(_command(1, "EXEC" if source.chance() < 0.9 else "DISCARD"))
    return steps


def subscribing(source: Source, rows: list[Row], keys: list[bytes]) -> list[Command]:
    """Two clients subscribe and unsubscribe while a third one publishes."""
    channels, patterns = ["news", "sport", "music"], ["*", "n*", "m?sic", "[sn]*"]
    steps = [_command(1, "SUBSCRIBE", source.choose(channels))]
    for _ in range(6 + source.below(20)):
        chance = source.chance()
        connection = 1 + source.below(2)
        if chance < 0.15:
            steps.append(_command(connection, "SUBSCRIBE", *source.random.sample(channels, 1 + source.below(3))))
        elif chance < 0.25:
            steps.append(_command(connection, "PSUBSCRIBE", *source.random.sample(patterns, 1 + source.below(2))))
        elif chance < 0.35:
            steps.append(_command(connection, "UNSUBSCRIBE", source.choose(channels)))
        elif chance < 0.4:
            steps.append(_command(connection, "PUNSUBSCRIBE", source.choose(patterns)))
        elif chance < 0.5:
            steps.append(_command(WORKER, "PUBSUB", "NUMSUB", *channels))
        elif chance < 0.55:
            steps.append(_command(WORKER, "PUBSUB", "CHANNELS", rule="unordered"))
        elif chance < 0.6:
            steps += [_command(WORKER, "MULTI"), _command(WORKER, "PUBLISH", source.choose(channels), "one"),
                      _command(WORKER, "PUBLISH", source.choose(channels), "two"), _command(WORKER, "EXEC")]
        else:
            steps.append(_command(WORKER, "PUBLISH", source.choose(channels), b"message %d" % len(steps)))
    return steps


def waiting(source: Source, waiting_rows: list[Row], serving_rows: list[Row]) -> list[Command]:
    """Several clients wait for keys, then one serves them; whoever was not served is let go at the end."""
    steps = [_command(WORKER, "XGROUP", "CREATE", stream, "g1", "$", "MKSTREAM") for stream in ("wx1", "wx2")]
    connection = 0
    for _ in range(1 + source.below(3)):
        steps += _draw(source, serving_rows, source.below(3))
        for _ in range(1 + source.below(2)):
            connection += 1
            for command in _draw(source, waiting_rows, 1, connection):
                command.blocks = True
                steps.append(command)
        steps += _draw(source, serving_rows, 1 + source.below(5))
    return steps


def announcing(source: Source, rows: list[Row], keys: list[bytes]) -> list[Command]:
    """A client hears all keyspace events of what another one does."""
    classes = source.choose(["KEA", "KA", "EA", "AKE", "Elg$", "Kg$lshzxtd", "KEAnm", "KEn"])
    return ([_command(WORKER, "CONFIG", "SET", "notify-keyspace-events", classes),
             _command(1, "PSUBSCRIBE", "__key*__:*")]
            + _draw(source, rows, 10 + source.below(50))
            + [_command(WORKER, "CONFIG", "SET", "notify-keyspace-events", "")])


def tracked(source: Source, rows: list[Row], keys: list[bytes]) -> list[Command]:
    """A client tracks keys that another one changes."""
    return tracking(source, rows, keys, _draw, _command)
