"""Scores as Redis writes them since 7.2: with as few digits as tell them apart. 7.0 writes 17 digits."""

import re
from decimal import Decimal

# A bulk string or a double of RESP3 that has as many digits as only 7.0 writes.
_LONG = re.compile(rb"(\$\d+\r\n|,)(-?\d[\d.]{15,24}(?:e[+-]\d+)?)(?=\r\n)")
_INTEGERS_BELOW = 2 ** 52  # whole numbers up to here are written as integers


def with_short_scores(reply: bytes) -> bytes:
    """A reply of Redis 7.0 as newer versions would write it."""
    return _LONG.sub(_rewritten, reply)


def _rewritten(match: re.Match) -> bytes:
    text = match[2]
    number = float(text)
    if b"%.17g" % number != text or number.is_integer() and abs(number) < _INTEGERS_BELOW:
        return match[0]
    short = _short(number)
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
