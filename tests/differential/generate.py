"""Programs: random commands of some families, altered here and there."""

import importlib
import random
from dataclasses import dataclass, field

import scenarios
import values
from grammar import CONTAINERS, Command, Row, Source, parse_table
from lua import ScriptRow

FAMILIES = ["strings", "keys", "hashes", "lists", "sets", "sorted_sets", "streams", "bitmaps", "hyperloglog", "geo",
            "transactions", "pubsub", "connection", "scripting", "lua", "users", "blocking", "events", "tracking", "dump"]
DEFAULT_FAMILIES = ["keys", "strings", "hashes", "lists", "sets", "sorted_sets", "streams", "bitmaps", "hyperloglog",
                    "transactions", "blocking", "connection", "dump"]
WAITING_SHARE = 0.03  # rows that wait are drawn that much more seldom, or a run would do nothing but wait
SEVERAL_SHARE = 0.2  # of programs that have several connections, if a family is chosen that has such
# Limits small enough to be met by small programs, and Redis's own.
PROFILES = [
    {"hash-max-listpack-entries": "4", "hash-max-listpack-value": "8", "list-max-listpack-size": "3",
     "set-max-intset-entries": "4", "zset-max-listpack-entries": "4", "zset-max-listpack-value": "8",
     "stream-node-max-entries": "4"},
    {"hash-max-listpack-entries": "512", "hash-max-listpack-value": "64", "list-max-listpack-size": "-2",
     "set-max-intset-entries": "512", "zset-max-listpack-entries": "128", "zset-max-listpack-value": "64",
     "stream-node-max-entries": "100"},
]


@dataclass
class Program:
    number: int
    protocol: int
    profile: list[str]  # words of a CONFIG SET
    commands: list[Command] = field(default_factory=list)

    @property
    def several(self) -> bool:
        return any(command.connection for command in self.commands)

    def with_commands(self, commands: list[Command]) -> "Program":
        return Program(self.number, self.protocol, self.profile, commands)


class Generator:
    def __init__(self, families: list[str], seed: int, protocols: list[int], length: int, known_options: set[str]):
        self.seed, self.protocols, self.length = seed, protocols, length
        self.profiles = [[word for name, value in profile.items() if name in known_options for word in (name, value)]
                         for profile in PROFILES]
        modules = {name: importlib.import_module(f"families.{name}") for name in families}
        prefixes = [values.PREFIXES[name] for name in families if name in values.PREFIXES] or ["s"]
        everyone = [key for prefix in prefixes for key in values.keys_of(prefix)]
        self.rows: dict[str, list[Row]] = {}
        for name, module in modules.items():
            own = values.keys_of(values.PREFIXES[name]) if name in values.PREFIXES else everyone
            kinds = {**values.KINDS, "key": values.key_kind(own, everyone), **getattr(module, "KINDS", {})}
            self.rows[name] = parse_table(module.COMMANDS, kinds)
            if name == "blocking":
                self.rows["waiting"] = parse_table(module.WAITING, kinds)
        self.keys = everyone
        of_data = [row for name in self.rows if name in values.PREFIXES or name == "keys" for row in self.rows[name]]
        if "lua" in self.rows and of_data:
            self.rows["lua"].append(ScriptRow(20, of_data, everyone))

    def names(self) -> set[str]:
        return {name for rows in self.rows.values() for row in rows for name in row.names()}

    def leave_out(self, names: set[str]) -> None:
        """Rows that make one of these commands are not drawn."""
        for family, rows in self.rows.items():
            self.rows[family] = [row for row in rows if not row.names() & names]

    def program(self, number: int) -> Program:
        """Program `number` of this seed, always the same."""
        source = Source(random.Random(self.seed * 1_000_003 + number))
        families = [family for family in self.rows if self.rows[family] and family not in ("waiting", "blocking")]
        scenario = self._scenario(source, families)
        if scenario:
            program = Program(number, source.choose(self.protocols), source.choose(self.profiles))
            program.commands = scenario
            if any(command.arguments[:3] == [b"CLIENT", b"TRACKING", b"ON"] for command in scenario):
                redirected = any(b"REDIRECT" in command.arguments for command in scenario)
                program.protocol = source.choose(self.protocols) if redirected else max(self.protocols)
            return program
        chosen = source.random.sample(families, min(len(families), 1 + source.below(3)))
        if "pubsub" in chosen and "transactions" in chosen:  # EXEC's array is not well-formed with SUBSCRIBE in it
            chosen.remove("transactions")
        pool: list[Row] = []
        weights: list[int] = []
        for place, family in enumerate(chosen):
            rows = self.rows[family]
            share = (6 if place == 0 else 2) / sum(row.weight for row in rows)
            pool += rows
            weights += [row.weight * share * (WAITING_SHARE if row.waits else 1) for row in rows]
        program = Program(number, source.choose(self.protocols), source.choose(self.profiles))
        commands = program.commands
        for row in source.random.choices(pool, weights, k=self.length):
            made = row.commands(source)
            if not row.steady and source.chance() < 0.14:
                alter(source, row, made[0])
            if source.chance() < 0.05:
                for command in made:
                    change_case(source, row, command)
            if row.waits and "transactions" in families:  # queued, its short time to live would begin after the wait
                commands.append(Command([b"DISCARD"]))
            commands += made
            if len(commands) >= self.length:
                break
        return program


    def _scenario(self, source: Source, families: list[str]) -> list[Command]:
        """The steps of a program of several connections, or nothing."""
        kinds = [kind for family, kind in (("transactions", scenarios.watching), ("pubsub", scenarios.subscribing),
                                           ("waiting", scenarios.waiting), ("events", scenarios.announcing),
                                           ("tracking", scenarios.tracked))
                 if self.rows.get(family) or family in ("events", "tracking") and family in self.rows]
        if not kinds or (families and source.chance() >= SEVERAL_SHARE):
            return []
        kind = source.choose(kinds)
        if kind is scenarios.waiting:
            return kind(source, self.rows["waiting"], self.rows["blocking"])
        of_data = [family for family in families if family in values.PREFIXES or family == "keys"]
        rows = [row for family in source.random.sample(of_data, min(2, len(of_data))) for row in self.rows[family]
                if not row.waits and "WAIT" not in row.text and " BLOCK" not in row.text and not row.text.startswith("B")]
        return kind(source, rows, self.keys) if rows or kind is scenarios.subscribing else []


def alter(source: Source, row: Row, command: Command) -> None:
    """One alteration that a careless client might make."""
    words = command.arguments
    choice = source.below(10)
    odd = values.ODD_DELICATE if row.delicate else values.ODD_CALM if "calm" in row.flags else values.ODD
    first = 1 + (command.name() in CONTAINERS)  # a subcommand stays: COMMAND alone is another matter
    if len(words) <= first and choice not in (2, 3):
        return
    place = first + source.below(max(len(words) - first, 1))
    if choice == 0:
        del words[place]
    elif choice == 1:
        words.pop()
    elif choice == 2:
        words.append(source.choose(odd))
    elif choice == 3:
        words.append(values.word(source))
    elif choice == 4 and row.literals:
        words.insert(min(len(words), place + source.below(3)), source.choose(row.literals))
    elif choice == 5 and row.literals:
        words.append(source.choose(row.literals))
    elif choice in (6, 7):
        words[place] = source.choose(odd)
    elif choice == 8 and not row.delicate:
        words[place], words[-1] = words[-1], words[place]
    elif choice == 9:
        if source.chance() < 0.2:
            del words[first:]
        elif not row.delicate:
            words.insert(place, words[place])


def change_case(source: Source, row: Row, command: Command) -> None:
    for place, word in enumerate(command.arguments):
        if word in row.literals:
            command.arguments[place] = word.lower() if source.chance() < 0.6 else word.capitalize()
