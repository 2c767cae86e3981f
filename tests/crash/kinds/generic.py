"""Commands on keys of any kind, and transactions over several of them."""

from model import ANY, REFUSED, UNKNOWN, command, frozen, keys_of
from resp import ReplyError

from .strings import FAR


@command("DEL", keys=lambda words: words)
def delete(model, _sent_at, _reply, *keys):
    return sum(model.remove(key) for key in dict.fromkeys(keys))


@command("UNLINK", keys=lambda words: words)
def unlink(model, sent_at, reply, *keys):
    return delete(model, sent_at, reply, *keys)


@command("EXPIRE")
def expire(model, sent_at, _reply, key, seconds):
    if key not in model.values:
        return 0
    model.expiry[key] = sent_at + int(seconds) * 1000
    return 1


@command("PERSIST")
def persist(model, _sent_at, _reply, key):
    return int(model.expiry.pop(key, None) is not None)


@command("RENAME", keys=lambda words: words)
def rename(model, _sent_at, _reply, source, target):
    if source not in model.values:
        return REFUSED
    value, expiry = model.values[source], model.expiry.get(source)
    model.remove(source)
    model.remove(target)
    model.values[target] = value
    if expiry is not None:
        model.expiry[target] = expiry
    return b"OK"


@command("COPY", keys=lambda words: words[:2])
def copy(model, _sent_at, _reply, source, target, _replace):
    if source == target:
        return REFUSED
    if source not in model.values:
        return 0
    model.put(target, model.state(source))
    return 1


@command("RESTORE")
def restore(model, _sent_at, _reply, key, _ttl, dump, _replace):
    model.remove(key)
    model.values[key] = frozen(dump.state)
    return b"OK"


@command("MULTI", keys=lambda calls: [key for call in calls for key in keys_of(call)])
def multi(model, sent_at, replies, *calls):
    if replies is UNKNOWN:
        replies = [UNKNOWN] * len(calls)
    elif not isinstance(replies, list) or len(replies) != len(calls):
        return f"{len(calls)} replies"
    return [model.apply(call, sent_at, reply) for call, reply in zip(calls, replies)]


def as_expected(expected, reply) -> bool:
    """Whether a reply is the one that the model gives; of an error only that it is one."""
    if isinstance(reply, ReplyError) or expected is REFUSED:
        return isinstance(reply, ReplyError) and expected is REFUSED
    if isinstance(expected, list) and isinstance(reply, list):
        return len(expected) == len(reply) and all(map(as_expected, expected, reply))
    return expected is ANY or expected is reply or expected == reply


def generate(writer) -> tuple:
    random, letter = writer.random, writer.letter()
    key, choose = writer.key(letter), random.random()
    if choose < 0.25:
        return (random.choice(["DEL", "UNLINK"]), *(writer.key(writer.letter()) for _ in range(random.randrange(1, 4))))
    if choose < 0.50:
        return ("EXPIRE", key, random.randrange(FAR, 2 * FAR))
    if choose < 0.55:
        return ("PERSIST", key)
    if choose < 0.75:
        return ("RENAME", key, writer.key(letter))
    if choose < 0.90 or not writer.dumps.get(letter):
        return ("COPY", key, writer.key(letter), "REPLACE")
    return ("RESTORE", key, 0, random.choice(writer.dumps[letter]), "REPLACE")


def transaction(writer) -> tuple:
    """MULTI: commands of any kinds, so on several slots."""
    calls, left_open = [], set()
    for _ in range(writer.random.randrange(2, 7)):
        call = writer.plain_command()
        if left_open.isdisjoint(keys_of(call)):
            calls.append(call)
            left_open.update(writer.left_open(call))
    return ("MULTI", *calls)
