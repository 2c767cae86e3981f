"""Scores as Redis writes them since 7.2: with as few digits as tell them apart, large whole numbers as integers. 7.0
writes 17 digits. And a score of -0 as Pika and Redis's listpacks keep it: as 0."""

import re
from decimal import Decimal

_ZERO = re.compile(rb"(\$2\r\n|,)-0(?=\r\n)")
# A bulk string or a double of RESP3 that only 7.0 writes so.
_LONG = re.compile(rb"(\$\d+\r\n|,)(-?\d[\d.]{15,24}(?:e[+-]\d+)?|-?\d(?:\.\d+)?e\+\d+|-?\d+\.\d{8,14}|-?\d(?:\.\d+)?e-0\d)(?=\r\n)")
_MOST_INTEGER = 2.0 ** 62  # whole numbers up to here are written as integers


def readings(reply: bytes):
    """A reply of Redis 7.0: as it is, as newer versions would write it, and with scores of 0 for -0."""
    yield reply
    short = _LONG.sub(_rewritten, reply)
    if short != reply:
        yield short
    if _ZERO.search(reply):
        yield unsigned(reply)
        yield unsigned(short)


def unsigned(reply: bytes) -> bytes:
    """With 0 for -0, which either may make of the other's 0 by a negative weight."""
    return _ZERO.sub(lambda match: b",0" if match[1] == b"," else b"$1\r\n0", reply)


def _rewritten(match: re.Match) -> bytes:
    text = match[2]
    number = float(text)
    if b"%.17g" % number != text:
        return match[0]
    short = b"%d" % int(number) if number.is_integer() and abs(number) <= _MOST_INTEGER else _short(number)
    return (b"," if match[1] == b"," else b"$%d\r\n" % len(short)) + short


def _short(number: float) -> bytes:
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    text = "".join(map(str, digits))
    last = abs(exponent + len(text) - 1)
    if 0 <= exponent and last < len(text) + 7:
        body = text + "0" * exponent
    elif exponent < 0 and (exponent > -7 or last < 4):
        padded = text.rjust(1 - exponent, "0")
        body = padded[:exponent] + "." + padded[exponent:]
    else:
        fraction = "." + text[1:] if len(text) > 1 else ""
        body = f"{text[0]}{fraction}e{'-' if exponent + len(text) - 1 < 0 else '+'}{last}"
    return ("-" * sign + body).encode()
