"""What may have become of commands in flight when a server was killed.

Each key has a *tail*: the states that it went through with the commands in flight, the first being what was
acknowledged. A server that keeps its promises stopped somewhere in each tail, such that

- a command on several keys happened to all of them or to none;
- of commands on one key, none happened without those before it;
- if the server runs commands in order (one thread), none happened without all those before it.

All of these are implications of one form: "if key a came to state p or further, key b came to state q or further".
So if any choice explains what is found there is a least one, and raising what is too low until nothing is finds it.
"""

from collections import defaultdict


class Tails:
    def __init__(self, in_order: bool):
        self.in_order = in_order
        self.states: dict = {}  # key -> its states, the acknowledged one first
        self.commands: list[dict] = []  # for each command that changed anything: key -> place of its state in the tail
        self.applied = 0  # how many of them the last explanation has

    def add_key(self, key, state) -> None:
        self.states[key] = [state]

    def add_command(self, changed: dict) -> None:
        """The next command in flight: the keys that it changes, and what they hold after it."""
        if not changed:
            return
        for key, state in changed.items():
            self.states[key].append(state)
        self.commands.append({key: len(self.states[key]) - 1 for key in changed})

    def explain(self, agrees) -> tuple[dict, set]:
        """The state of each key in the least choice in which `agrees(key, state)` for all keys; or the keys for which
        there is none.
        """
        fitting = {key: [place for place, state in enumerate(states) if agrees(key, state)]
                   for key, states in self.states.items()}
        hopeless = {key for key, places in fitting.items() if not places}
        if hopeless:
            return {}, hopeless
        chosen = {key: places[0] for key, places in fitting.items()}
        implied = self._implied()
        raised = [key for key, place in chosen.items() if place > 0]
        while raised:
            key = raised.pop()
            for place in range(1, chosen[key] + 1):
                for other, least in implied[key, place]:
                    if chosen[other] >= least:
                        continue
                    higher = [fit for fit in fitting[other] if fit >= least]
                    if not higher:
                        return {}, {key, other}
                    chosen[other] = higher[0]
                    raised.append(other)
        self.applied = sum(all(chosen[key] >= place for key, place in command.items()) for command in self.commands)
        return {key: self.states[key][place] for key, place in chosen.items()}, set()

    def _implied(self) -> dict:
        """(key, place) -> the (other key, place) that it implies."""
        implied = defaultdict(list)
        previous: dict = {}
        for command in self.commands:
            for key, place in command.items():
                implied[key, place] += [item for item in command.items() if item[0] != key]
                if self.in_order:
                    implied[key, place] += previous.items()
            previous = command
        return implied
