"""What one writer's keys hold, told by applying its commands to plain Python values.

A command is a tuple of its words. `kinds/` registers a function for each: it changes the model, and returns the reply
that the server must give. Where chance decides (SPOP, an automatic id), the function is given the server's reply, or
`UNKNOWN` if there was none; what it then leaves is a value that says of itself what it may be (`agrees`).
"""

import copy

UNKNOWN = object()  # the reply of a command in flight
ANY = object()  # a reply that need not be looked at
REFUSED = object()  # an error reply, whatever its text
TTL_TOLERANCE = 5_000  # ms between a client's clock when it sends EXPIRE and the server's when it runs it


class Mismatch(Exception):
    """The server's state is none that the book allows."""


COMMANDS: dict = {}  # name -> (function, which of its words are keys)


def first(words):
    return words[:1]


def command(name: str, keys=first):
    """Registers what a command does. The function gets the model, when it was sent (ms), the reply, and the words."""
    def register(function):
        COMMANDS[name] = (function, keys)
        return function
    return register


def keys_of(call: tuple) -> list[bytes]:
    """The keys of a command, each once."""
    return list(dict.fromkeys(COMMANDS[call[0]][1](call[1:])))


class Dump(bytes):
    """DUMP's answer, and the state of the key that it was made of."""

    state: object


class Model:
    """Values by key, and the time in ms at which a key expires."""

    def __init__(self):
        self.values: dict[bytes, object] = {}
        self.expiry: dict[bytes, int] = {}
        self.ids: dict[int, bytes] = {}  # streams: the id of each entry whose XADD was answered
        self.entries = 0  # streams: entries ever made, which numbers them

    def keys(self):
        return self.values.keys()

    def apply(self, call: tuple, sent_at: int, reply=UNKNOWN):
        """Runs a command; the reply that it must have."""
        return COMMANDS[call[0]][0](self, sent_at, reply, *call[1:])

    def state(self, key: bytes) -> tuple:
        """Value and expiry of a key, as a thing that later commands do not change."""
        return (frozen(self.values.get(key)), self.expiry.get(key))

    def put(self, key: bytes, state: tuple) -> None:
        self.remove(key)
        value, expiry = state
        if value is not None:
            self.values[key] = frozen(value)
        if expiry is not None:
            self.expiry[key] = expiry

    def remove(self, key: bytes) -> bool:
        self.expiry.pop(key, None)
        return self.values.pop(key, None) is not None

    def at(self, key: bytes, kind):
        """The value of a key, made if it is not there."""
        return self.values.setdefault(key, kind())

    def tidy(self, key: bytes) -> None:
        """Removes a collection that has become empty."""
        if key in self.values and not self.values[key]:
            self.remove(key)

    def replace(self, key: bytes, value) -> None:
        """What a store command does: a new value, no expiry; an empty one removes the key."""
        self.remove(key)
        if value:
            self.values[key] = value

    def adopt(self, key: bytes, state: tuple, found: tuple) -> None:
        """Starts anew from a state that was found, of which `state` may have left something open."""
        self.put(key, state)
        value = self.values.get(key)
        if hasattr(value, "adopt"):
            self.values[key] = value.adopt(found[0])


def frozen(value):
    return value if isinstance(value, bytes | None) else copy.copy(value)


def agrees(ours: tuple, theirs: tuple) -> bool:
    """Whether a key's state in the book is what the server has; times may differ by as much as clocks and queues do."""
    value, found = ours[0], theirs[0]
    if not (value.agrees(found) if hasattr(value, "agrees") else value == found):
        return False
    if ours[1] is None or theirs[1] is None:
        return ours[1] is theirs[1]
    return abs(ours[1] - theirs[1]) <= TTL_TOLERANCE
