"""Makes a failing program small: fewer commands, then fewer and simpler arguments, as long as it fails alike."""

import time
from collections.abc import Callable

from generate import Program
from grammar import Command

SIMPLE = [b"a", b"0", b"1"]


def shrunk(program: Program, fails: Callable[[Program], bool], seconds: float = 20.0) -> Program:
    """The smallest program found within some seconds for which `fails` is true."""
    deadline = time.monotonic() + seconds
    commands = _fewer(program, fails, deadline)
    commands = _simpler(program, commands, fails, deadline)
    plain = Program(program.number, program.protocol, [], commands)
    if fails(plain):
        program = plain
    if program.protocol == 3:
        plain = Program(program.number, 2, program.profile, commands)
        if fails(plain):
            program = plain
    return program.with_commands(_fewer(program.with_commands(commands), fails, deadline))


def _fewer(program: Program, fails, deadline) -> list[Command]:
    """Delta debugging: leaves out ever smaller pieces. The end first: what comes after the difference has no part."""
    commands = program.commands
    size = max(len(commands) // 2, 1)
    while commands:
        place, removed = len(commands), False
        while place > 0 and time.monotonic() < deadline:
            start = max(place - size, 0)
            without = commands[:start] + commands[place:]
            if without and fails(program.with_commands(without)):
                commands, removed = without, True
            place = start
        if time.monotonic() >= deadline or (size == 1 and not removed):
            break
        size = max(size // 2, 1)
    return commands


def _simpler(program: Program, commands: list[Command], fails, deadline) -> list[Command]:
    for number in range(len(commands)):
        place = len(commands[number].arguments) - 1
        while place >= 1:
            for replacement in _replacements(commands[number].arguments, place):
                if time.monotonic() >= deadline:
                    return commands
                changed = Command(replacement, commands[number].rule, commands[number].connection,
                                  blocks=commands[number].blocks)
                attempt = commands[:number] + [changed] + commands[number + 1:]
                if fails(program.with_commands(attempt)):
                    commands = attempt
                    break
            place = min(place, len(commands[number].arguments)) - 1
    return commands


def _replacements(arguments: list[bytes], place: int):
    word = arguments[place]
    yield arguments[:place] + arguments[place + 1:]
    if word not in SIMPLE and not (len(word) <= 2 and word.isalnum()):
        shorter = SIMPLE + ([word[:len(word) // 2], word[len(word) // 2:], word[:-1]] if len(word) > 2 else [])
        for simple in shorter:
            yield arguments[:place] + [simple] + arguments[place + 1:]
