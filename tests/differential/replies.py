"""Replies as bytes: where each ends, what it holds, and how a person reads it. RESP2 and RESP3."""

LINE_TYPES = frozenset(b"+-:,_#(")
BULK_TYPES = frozenset(b"$=!")
ARRAY_TYPES = frozenset(b"*~>")
CONFIRMATIONS = {b"subscribe", b"unsubscribe", b"psubscribe", b"punsubscribe", b"ssubscribe", b"sunsubscribe"}
MESSAGES = {b"message", b"pmessage", b"smessage", b"invalidate"}


class Incomplete(Exception):
    """The bytes end in the middle of a reply."""


class Malformed(Exception):
    """The bytes are no RESP."""


def end_of(data, place: int) -> int:
    """Where the reply that begins at `place` ends."""
    line_end = data.find(b"\r\n", place)
    if line_end < 0:
        raise Incomplete
    kind = data[place]
    if kind in LINE_TYPES:
        return line_end + 2
    try:
        length = int(data[place + 1:line_end])
    except ValueError:
        raise Malformed(bytes(data[place:place + 60])) from None
    if kind in BULK_TYPES:
        end = line_end + 2 if length < 0 else line_end + 4 + length
        if end > len(data):
            raise Incomplete
        if data[end - 2:end] != b"\r\n":
            raise Malformed(bytes(data[place:place + 60]))
        return end
    if kind in ARRAY_TYPES or kind == 37:
        place = line_end + 2
        for _ in range(length * (2 if kind == 37 else 1)):
            place = end_of(data, place)
        return place
    raise Malformed(bytes(data[place:place + 60]))


def split(data) -> list[bytes]:
    """All complete replies. Bytes that are no RESP are the last one as they are."""
    data = bytes(data)
    found, place = [], 0
    try:
        while place < len(data):
            end = end_of(data, place)
            found.append(data[place:end])
            place = end
    except (Incomplete, Malformed):
        found.append(data[place:])
    return found


def parse(reply: bytes):
    """A reply as (type, content): content is bytes, None, or a list of such; a map's is a list of keys and values in
    turn."""
    value, _ = _parse(reply, 0)
    return value


def _parse(data: bytes, place: int):
    line_end = data.find(b"\r\n", place)
    if line_end < 0:
        return ("?", data[place:]), len(data)
    kind, rest = chr(data[place]), data[place + 1:line_end]
    if kind in "+-:,_#(":
        return (kind, rest), line_end + 2
    try:
        length = int(rest)
    except ValueError:
        return ("?", data[place:]), len(data)
    if length < 0:
        return (kind, None), line_end + 2
    if kind in "$=!":
        return (kind, data[line_end + 2:line_end + 2 + length]), line_end + 4 + length
    place, items = line_end + 2, []
    for _ in range(length * (2 if kind == "%" else 1)):
        if place >= len(data):
            return ("?", data), len(data)
        item, place = _parse(data, place)
        items.append(item)
    return (kind, items), place


def first_word(reply: bytes) -> bytes:
    """The first element of an array or push, if it is a bulk string."""
    if reply[:1] not in (b"*", b">"):
        return b""
    kind, content = parse(reply)
    return content[0][1] if content and content[0][0] == "$" and content[0][1] is not None else b""


def by_command(replies: list[bytes], commands: list[list[bytes]]) -> tuple[list[bytes], list[bytes]]:
    """The reply of each command, and the messages that were published meanwhile. Commands that subscribe have several
    replies, joined here."""
    answered, messages, place = [], [], 0
    subscribed: dict[bytes, set] = {}

    def take():
        nonlocal place
        while place < len(replies):
            reply = replies[place]
            place += 1
            if reply[:1] in (b">", b"*") and first_word(reply) in MESSAGES and len(parse(reply)[1]) in (2, 3, 4):
                messages.append(reply)
                continue
            return reply
        return b""

    def note(reply):
        kind, channel = (part[1] for part in parse(reply)[1][:2])
        of_kind = subscribed.setdefault(kind.replace(b"un", b"", 1), set())
        (of_kind.discard if b"un" in kind else of_kind.add)(channel)

    for arguments in commands:
        reply = take()
        name = arguments[0].lower()
        if name in CONFIRMATIONS and first_word(reply) == name:
            # Without arguments: of everything subscribed.
            wanted = len(arguments) - 1 or len(subscribed.get(name.replace(b"un", b"", 1), ())) or 1
            joined = [reply] + [take() for _ in range(wanted - 1)]
            for part in joined:
                if first_word(part) in CONFIRMATIONS:
                    note(part)
            reply = b"".join(joined)
        elif name == b"reset" and reply[:1] == b"+":
            subscribed.clear()
        answered.append(reply)
    while place < len(replies):
        rest = take()
        if rest:
            messages.append(rest)
    return answered, messages


def flat(value) -> list:
    """The contents of all elements, at any depth."""
    kind, content = value
    if isinstance(content, list):
        return [leaf for item in content for leaf in flat(item)]
    return [content]


def shown(reply: bytes, limit: int = 400) -> str:
    """A reply for a person, with the type of each part."""
    if not reply:
        return "(no reply)"
    text = " ".join(_shown(parse(part)) for part in split(reply))
    return text if len(text) <= limit else f"{text[:limit]}… ({len(reply)} bytes)"


def _shown(value) -> str:
    kind, content = value
    if content is None:
        return f"({kind} null)"
    if isinstance(content, list):
        opening, closing = {"%": "%{", "~": "~[", ">": ">["}.get(kind, "["), "}" if kind == "%" else "]"
        return opening + ", ".join(map(_shown, content)) + closing
    text = quoted(content)
    return {"$": text, "+": f"+{text}", "-": f"-{text}", ":": f"(integer) {text}", ",": f"(double) {text}",
            "#": f"(boolean) {text}", "_": "(null)"}.get(kind, f"({kind}) {text}")


def quoted(word: bytes) -> str:
    """As redis-cli reads it: plain where that is clear, else in double quotes with escapes."""
    if word and all(33 <= byte < 127 and byte not in b"\"'\\" for byte in word):
        return word.decode()
    made = []
    for byte in word:
        character = chr(byte)
        if character in "\"\\":
            made.append("\\" + character)
        elif 32 <= byte < 127:
            made.append(character)
        else:
            made.append({10: "\\n", 13: "\\r", 9: "\\t", 7: "\\a", 8: "\\b"}.get(byte, f"\\x{byte:02x}"))
    return '"' + "".join(made) + '"'
