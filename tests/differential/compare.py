"""Whether two replies say the same.

The rule is named in the command's row (grammar.py); no name means that the bytes are the same. A rule speaks of
replies of the shape that the command has when all is well: errors, and replies of another shape, are compared
exactly, whatever the rule.
"""

from collections import Counter

from replies import CONFIRMATIONS, flat, parse, split

SECONDS_APART, MILLISECONDS_APART = 3, 5000  # what a slow machine may put between the two servers
DRAWING = {"SPOP", "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER", "RANDOMKEY"}
HELLO_FIELDS_OF_THE_SERVER = {b"server", b"version", b"id", b"modules", b"mode", b"role"}
# Redis 7.0 has no listpack encoding of sets and lists; the same sizes have the same encoding otherwise.
ENCODINGS_ALIKE = {b"listpack": b"collection", b"hashtable": b"collection", b"quicklist": b"collection"}
ACL_LOG_OF_TIME = {b"age-seconds", b"client-info", b"entry-id", b"timestamp-created", b"timestamp-last-updated"}
STREAM_FIELDS_OF_TIME = {b"idle", b"seen-time", b"active-time", b"inactive", b"radix-tree-keys", b"radix-tree-nodes"}
# Redis 7.0 counts from ENTRIESREAD also where that cannot be right; later versions know better.
STREAM_FIELDS_OF_NEWER = {b"lag", b"entries-read"}


class Side:
    """A reply of one server, and the one before it, which tells what there was to draw from."""
    __slots__ = ("reply", "previous")

    def __init__(self, reply: bytes, previous: bytes):
        self.reply, self.previous = reply, previous


def same(rule: str, arguments: list[bytes], ours: Side, theirs: Side) -> bool:
    if ours.reply == theirs.reply:
        return True
    if len(arguments) == 1 and arguments[0].lower() in CONFIRMATIONS:
        return _of_all_channels(ours.reply) == _of_all_channels(theirs.reply)
    if not rule or not ours.reply or not theirs.reply or ours.reply[:1] == b"-" or theirs.reply[:1] == b"-":
        return False
    return RULES[rule](arguments, ours, theirs)


def _of_all_channels(replies: bytes):
    """UNSUBSCRIBE without arguments: the channels in any order, the counts in theirs."""
    parts = [parse(reply) for reply in split(replies)]
    if not all(isinstance(content, list) and len(content) == 3 for _, content in parts):
        return replies
    return (sorted(repr((kind, content[:2])) for kind, content in parts), [content[2] for _, content in parts])


def _integers(ours: Side, theirs: Side):
    if ours.reply[:1] == theirs.reply[:1] == b":":
        return int(ours.reply[1:-2]), int(theirs.reply[1:-2])
    return None


def _near(distance: int):
    def rule(arguments, ours, theirs):
        numbers = _integers(ours, theirs)
        return numbers is not None and min(numbers) >= 0 and abs(numbers[0] - numbers[1]) <= distance
    return rule


def _any_integer(arguments, ours, theirs):
    return _integers(ours, theirs) is not None


def _sorted(value):
    kind, content = value
    return (kind, sorted(content, key=repr)) if isinstance(content, list) else value


def _unordered(arguments, ours, theirs):
    return _sorted(parse(ours.reply)) == _sorted(parse(theirs.reply))


def _in_pairs(value):
    kind, content = value
    if not isinstance(content, list) or len(content) % 2:
        return value
    return kind, sorted(zip(content[::2], content[1::2]), key=repr)


def _pairs(arguments, ours, theirs):
    return _in_pairs(parse(ours.reply)) == _in_pairs(parse(theirs.reply))


def _scan(items):
    """A whole iteration in one call has the same items. Of one in parts only the shape is compared: how many come,
    and with which cursor, is each server's own."""
    def rule(arguments, ours, theirs):
        one, other = parse(ours.reply), parse(theirs.reply)
        for kind, content in (one, other):
            if kind != "*" or content is None or len(content) != 2 or content[0][0] != "$" or content[1][0] != "*":
                return _unordered(arguments, ours, theirs)
        name = arguments[0].upper()
        start = arguments[1 if name == b"SCAN" else 2]
        if start != b"0" or one[1][0][1] != b"0" or other[1][0][1] != b"0":
            return True
        return items(one[1][1]) == items(other[1][1])
    return rule


def _drawn(arguments, ours, theirs):
    """What was drawn is of what was there before, on each side, and as many on both."""
    one, other = parse(ours.reply), parse(theirs.reply)
    if arguments[0].decode("latin-1").upper() not in DRAWING:
        return _pairs(arguments, ours, theirs) if one[0] == "%" else (
            _unordered(arguments, ours, theirs) or _pairs(arguments, ours, theirs))
    if one[0] != other[0] or isinstance(one[1], list) != isinstance(other[1], list):
        return False
    if isinstance(one[1], list) and [item[0] for item in one[1]] != [item[0] for item in other[1]]:
        return False
    if len(flat(one)) != len(flat(other)):
        return False
    for drawn, side in ((one, ours), (other, theirs)):
        before = parse(side.previous)
        # Without the list (shrinking took it away) nothing can be said.
        if isinstance(before[1], list) and not set(flat(drawn)) <= set(flat(before)) | {None}:
            return False
    return True


def _encoding(arguments, ours, theirs):
    one, other = parse(ours.reply)[1], parse(theirs.reply)[1]
    # Of hashes and sorted sets the encodings are to be equal; only the type tells, and the key is of any: see state.py,
    # which compares exactly where it knows the type.
    return ENCODINGS_ALIKE.get(one, one) == ENCODINGS_ALIKE.get(other, other)


def _messages(arguments, ours, theirs):
    """Messages in their order, but those of one PUBLISH to several patterns in any. That a key has expired is told at
    once by one server, and by the other when it notices, which may be later than anybody listens.
    """
    def facts(replies):
        parts = split(replies)
        expired = [part for part in parts if b"pmessage" in part[:20] and b"expired\r\n" in part]
        others = [part for part in parts if part not in expired]
        return [part for part in others if b"pmessage" not in part[:20]], sorted(others), Counter(expired)
    (*one, told), (*other, noticed) = facts(ours.reply), facts(theirs.reply)
    return one == other and noticed <= told


def _shape_of(value):
    kind, content = value
    return (kind, [_shape_of(item) for item in content]) if isinstance(content, list) else kind


def _shape(arguments, ours, theirs):
    return _shape_of(parse(ours.reply)) == _shape_of(parse(theirs.reply))


def _kind(arguments, ours, theirs):
    return ours.reply[:1] == theirs.reply[:1]


def _hello(arguments, ours, theirs):
    def facts(reply):
        kind, content = parse(reply)
        if not isinstance(content, list):
            return reply
        names = [key[1] for key in content[::2]]
        return kind, names, [value for key, value in zip(content[::2], content[1::2])
                             if key[1] not in HELLO_FIELDS_OF_THE_SERVER]
    return facts(ours.reply) == facts(theirs.reply)


def _sort(arguments, ours, theirs):
    """Without an order (BY something without an asterisk) a set's elements come as they come; and under ALPHA those
    whose keys are equal, or missing."""
    words = [word.upper() for word in arguments]
    by = arguments[words.index(b"BY") + 1] if b"BY" in words[:-1] else b"*"
    return (b"*" not in by or b"BY" in words and b"ALPHA" in words) and _unordered(arguments, ours, theirs)


def _places(arguments, ours, theirs):
    words = {word.upper() for word in arguments}
    return not words & {b"ASC", b"DESC"} and _unordered(arguments, ours, theirs)


def _pending(arguments, ours, theirs):
    """Rows of XPENDING: id, consumer, idle time, deliveries."""
    def rows(reply):
        kind, content = parse(reply)
        if not isinstance(content, list):
            return reply
        return [[part for place, part in enumerate(row[1]) if place != 2] if isinstance(row[1], list) else row
                for row in content]
    return rows(ours.reply) == rows(theirs.reply)


def _stream_info(arguments, ours, theirs):
    return _timeless(parse(ours.reply)) == _timeless(parse(theirs.reply))


def _timeless(value):
    """Without times and idle times, without the fields that tell of a server's own tree, and without consumers that
    have nothing pending: since Redis 7.2 they are created also by commands that find nothing for them."""
    kind, content = value
    if not isinstance(content, list):
        return (kind, b"time") if kind == ":" and content.isdigit() and int(content) > 10**11 else value
    content = [item for item in content if not _is_idle_consumer(item)]
    kept, place = [], 0
    while place < len(content):
        counts_consumers = content[place] == ("$", b"consumers") and content[place + 1][0] == ":"
        if counts_consumers or content[place][0] == "$" and content[place][1] in STREAM_FIELDS_OF_TIME | STREAM_FIELDS_OF_NEWER:
            place += 2
            continue
        kept.append(_timeless(content[place]))
        place += 1
    return kind, kept


def _is_idle_consumer(value) -> bool:
    content = value[1]
    if not isinstance(content, list) or content[:1] != [("$", b"name")]:
        return False
    fields = {name[1]: fact for name, fact in zip(content[::2], content[1::2])}
    return fields.keys() >= {b"pending"} and not fields.keys().isdisjoint({b"seen-time", b"idle"}) and (
        fields[b"pending"] in ((":", b"0"), ("*", [])))


def _acl_user(arguments, ours, theirs):
    """ACL GETUSER without the rules about commands: Redis 7.0 makes them anew from what is allowed."""
    return _without_fields(parse(ours.reply), {b"commands"}) == _without_fields(parse(theirs.reply), {b"commands"})


def _acl_log(arguments, ours, theirs):
    """ACL LOG without times, clients, and what only newer versions tell."""
    return _without_fields(parse(ours.reply), ACL_LOG_OF_TIME) == _without_fields(parse(theirs.reply), ACL_LOG_OF_TIME)


def _without_fields(value, names: set[bytes]):
    kind, content = value
    if not isinstance(content, list):
        return value
    kept, place = [], 0
    while place < len(content):
        if content[place][0] == "$" and content[place][1] in names:
            place += 2
            continue
        kept.append(_without_fields(content[place], names))
        place += 1
    return kind, kept


RULES = {
    "acl-user": _acl_user,
    "acl-log": _acl_log,
    "seconds": _near(SECONDS_APART),
    "milliseconds": _near(MILLISECONDS_APART),
    "any-integer": _any_integer,
    "reference-count": _any_integer,
    "unordered": _unordered,
    "pairs": _pairs,
    "scan": _scan(_sorted),
    "scan-pairs": _scan(_in_pairs),
    "drawn": _drawn,
    "encoding": _encoding,
    "shape": _shape,
    "generated-id": _shape,
    "help": _kind,
    "anything": lambda arguments, ours, theirs: True,
    "hello": _hello,
    "sort": _sort,
    "places": _places,
    "pending": _pending,
    "stream-info": _stream_info,
    "messages": _messages,
    # Both count what is due and not removed yet. At the end, runner.py counts exactly.
    "count-of-keys": _any_integer,
}
