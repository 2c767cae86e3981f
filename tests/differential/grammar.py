"""Rows of a command table, and programs' commands made from them by chance.

A table is text, one row a line; an empty line or one that starts with # is skipped:

    [weight] COMMAND part part ... [=> rule] [!flag ...]

    SET           a word that does not start with a lower-case letter, or has no more than two, stands for itself;
                  'word is word
    key           a word in lower case is a kind of value (values.py); `key` is a key of the family's own type
    [a | b]       nothing, or one of the alternatives; optional parts in a row may come in any order, or twice
    <a | b>       one of the alternatives
    key...        one to five; <field value>... repeats a group
    #key...       how many there are, then so many
    weight*       as many as the last `...` made
    ;             another command follows in the same program, right behind
    @2            in a command behind `;`: the second word of the first one (its name is word 0)

`=> rule` says how replies are compared (compare.py; exactly if it is left out). Flags: `!steady`, the arguments are
never altered by chance, since altered ones could block, run for hours, or have an outcome by chance; `!calm`, no
number far below zero is put in. `WAIT` is a pseudo command: the program goes on some milliseconds later.
"""

import re
from dataclasses import dataclass, field

import values

TOKEN = re.compile(r"\.\.\.|[\[\]<>|]|#|(?:'\S+|[^\s\[\]<>|#.]+(?:\.[^\s\[\]<>|#.]+)*)")

CONTAINERS = {"ACL", "CLIENT", "COMMAND", "FUNCTION", "MEMORY", "OBJECT", "PUBSUB", "SCRIPT", "XGROUP", "XINFO"}


class Source:
    """Chance, and what one command's parts have to know of each other."""

    def __init__(self, random):
        self.random = random
        self.chance = random.random
        self.count = 0
        self.first: list[bytes] = []

    def choose(self, sequence):
        return sequence[int(self.chance() * len(sequence))]

    def below(self, limit: int) -> int:
        return int(self.chance() * limit)


@dataclass
class Command:
    """One command of a program. Without arguments it is a pause of `wait_ms` milliseconds."""
    arguments: list[bytes]
    rule: str = ""
    connection: int = 0
    wait_ms: int = 0
    inner: list[list[bytes]] = field(default_factory=list)  # what a script calls
    quiet: bool = False  # it asks what the client was told of until now (tracking.py)
    blocks: bool = False  # it may wait for a key, on a connection that then gets no other command

    def name(self) -> str:
        return self.arguments[0].decode("latin-1").upper() if self.arguments else "WAIT"


@dataclass
class Row:
    text: str
    weight: int
    emitters: list
    rule: str
    flags: set[str]
    literals: list[bytes] = field(default_factory=list)
    # Has a time in milliseconds: a small number in its place would expire in mid-program.
    delicate: bool = False

    @property
    def steady(self) -> bool:
        return "steady" in self.flags or len(self.emitters) > 1

    @property
    def waits(self) -> bool:
        return "; WAIT" in self.text

    def commands(self, source: Source) -> list[Command]:
        made = []
        for emit in self.emitters:
            arguments: list[bytes] = []
            emit(source, arguments)
            if arguments[0] == b"WAIT":
                made.append(Command([], wait_ms=int(arguments[1])))
                continue
            if not made:
                source.first = arguments
            made.append(Command(arguments, self.rule))
        return made

    def names(self) -> set[str]:
        """The commands that the row makes, those with subcommands as `OBJECT ENCODING`."""
        found = set()
        for part in self.text.split(" ; "):
            words = part.split()
            name = words[0]
            found.add(f"{name} {words[1]}" if name in CONTAINERS and len(words) > 1 and words[1].isupper() else name)
        return found - {"WAIT"}


def parse_table(text: str, kinds: dict) -> list[Row]:
    rows = []
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            rows.append(_parse_row(line, kinds))
    return rows


def _parse_row(line: str, kinds: dict) -> Row:
    flags = set(re.findall(r"\s!(\w+)", line))
    line = re.sub(r"\s!\w+", "", line)
    line, _, rule = line.partition(" => ")
    weight, _, rest = line.partition(" ")
    weight, line = (int(weight), rest) if weight.isdigit() else (4, line)
    row = Row(line.strip(), weight, [], rule.strip(), flags)
    for part in line.split(" ; "):
        row.emitters.append(_Parser(part, kinds, row).parse())
    return row


class _Parser:
    def __init__(self, text: str, kinds: dict, row: Row):
        self.text, self.kinds, self.row = text, kinds, row
        self.tokens = TOKEN.findall(text)
        self.place = 0

    def parse(self):
        emit = self.sequence(())
        if self.place != len(self.tokens):
            raise ValueError(f"cannot read the row {self.text!r} from {self.tokens[self.place]!r} on")
        return emit

    def peek(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def sequence(self, ends):
        items, options = [], []
        while self.peek() is not None and self.peek() not in ends:
            if self.peek() == "[":
                self.place += 1
                options.append(self.alternatives("]"))
                continue
            if options:
                items.append(_options(options))
                options = []
            items.append(self.item())
        if options:
            items.append(_options(options))
        return items[0] if len(items) == 1 else _all(items)

    def alternatives(self, end: str):
        choices = [self.sequence(("|", end))]
        while self.peek() == "|":
            self.place += 1
            choices.append(self.sequence(("|", end)))
        if self.peek() != end:
            raise ValueError(f"{end} is missing in {self.text!r}")
        self.place += 1
        return choices[0] if len(choices) == 1 else _one_of(choices)

    def item(self):
        counted = self.peek() == "#"
        self.place += counted
        token = self.peek()
        self.place += 1
        emit = self.alternatives(">") if token == "<" else self.word(token)
        if self.peek() == "...":
            self.place += 1
            return _repeated(emit, counted)
        if counted:
            raise ValueError(f"# without ... in {self.text!r}")
        return emit

    def word(self, token: str):
        if token.startswith("@"):
            return _referred(int(token[1:]))
        if not token[0].islower() or len(token) <= 2:
            literal = token.removeprefix("'").encode()
            self.row.literals.append(literal)
            return lambda source, out: out.append(literal)
        name = token.removesuffix("*")
        if name not in self.kinds:
            raise ValueError(f"{name!r} in {self.text!r} is no kind of value")
        make = self.kinds[name]
        if "milliseconds" in name:
            self.row.delicate = True
        if token.endswith("*"):
            return lambda source, out: out.extend([make(source) for _ in range(source.count)])
        return lambda source, out: out.append(make(source))


def _all(items):
    def emit(source, out):
        for item in items:
            item(source, out)
    return emit


def _one_of(choices):
    return lambda source, out: source.choose(choices)(source, out)


def _options(options):
    def emit(source, out):
        chosen = [option for option in options if source.chance() < 0.45]
        if chosen and source.chance() < 0.04:
            chosen.append(source.choose(options))
        if len(chosen) > 1 and source.chance() < 0.3:
            source.random.shuffle(chosen)
        for option in chosen:
            option(source, out)
    return emit


def _repeated(emit_one, counted):
    def emit(source, out):
        count = 1 if source.chance() < 0.45 else 2 + source.below(4)
        if source.chance() < 0.01:
            count = 20 + source.below(30)
        place = len(out)
        for _ in range(count):
            emit_one(source, out)
        source.count = count
        if counted:
            out.insert(place, b"%d" % count if source.chance() > 0.04 else values.integer(source))
    return emit


def _referred(index):
    return lambda source, out: out.append(source.first[index] if index < len(source.first) else b"")
