"""Kinds of values: what stands in a command table in lower case. Each is a function of a Source that returns bytes.

Most draws are ordinary, so that programs build something up; the rest are limits, and what is no such value at all.
"""


def _pool(text: str) -> list[bytes]:
    return [word.encode() for word in text.split()]


BINARY = b"\x00\xff\r\n$5\r\n\x80"
LONG = b"long-" * 60
SMALL = _pool("0 1 2 3 4 5 6 7 10 12 20 -1 -2 -3 -5 -10")
LIMITS = _pool("""9223372036854775807 -9223372036854775808 9223372036854775806 -9223372036854775807 4611686018427387904
    -4611686018427387905 2147483647 2147483648 -2147483648 -2147483649 4294967295 4294967296 65535 65536 1000000
    -1000000 127 128 255 256""")
NO_INTEGERS = _pool("9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616 -0 +1 01 0x10 "
                    "1e2 1.0 abc 1_0 nan inf 99999999999999999999999999") + [b"", b" 1", b"1 ", b"1\x00", b"-", b"+"]
FLOATS = _pool("""0 1 -1 0.1 0.2 1.5 -2.5 3.14 3.0e3 5.0e-2 100 1000000 0.5 2 3 4 10.25 -0.75 1e3 12345.6789 -7 8 9.99""")
FLOAT_LIMITS = _pool("""1e308 -1e308 1.7976931348623157e308 1e-320 4.9e-324 123456789012345678 0.30000000000000004
    1e17 1e21 1e-7 1e16 17179869184.5 9007199254740993 9223372036854775807 -9223372036854775808 1e15 1e-5 1e22
    0.1000000000000000055511151231257827 3.0000000000000000000001 99999999999999999999 inf -inf +inf infinity -infinity
    INF 0x1p3 0x10 .5 5. +5 -0 -0.0 00012 1e5""")
NO_FLOATS = _pool("nan NaN -nan abc 1e400 -1e400 1.0.0 1e 0x 1,5 1e5x --1") + [b"", b" 1", b"1 ", b"1\x00", b".", b"+"]
TEXTS = _pool("a b c d foo bar baz Hello hello one two three x1 x2 user:1000 10 007 3.5 -12 12345678901234567890") + [
    b"", b"hello world", b"with\r\nline", BINARY, b"\xc3\xa9\xe2\x82\xac", b"v" * 7, b"w" * 9, b"e" * 44, b"f" * 45,
    b"g" * 63, b"h" * 64, b"i" * 65, b"quo\"ted'", b"tab\t", b"back\\slash"]
ELEMENTS = _pool("a b c d e f g h 1 2 3 4 5 6 7 8 9 10 -1 100 foo bar 65536 4294967296 007 1.5 aa ab ba zz A B") + [
    b"", BINARY, b"m" * 63, b"n" * 64, b"o" * 65, b"l" * 9, b"9223372036854775807", b"-9223372036854775808",
    b"9223372036854775808", b"\xff", b"a\x00"]
PATTERNS = _pool("* *1 s* h* ? ?? [sh]* [^s]* [a-c] [c-a]* \\* *a* a?c [ [a **a** \\ x[ h?llo h[^e]llo * * f* 1* [0-9]*")
ODD = ([b"", b"\x00", BINARY, b"0", b"1", b"-1", b"a", b"-", b"+", b"(", b"[", b"(1", b"[a", b"$", b"~", b"=",
        b"nan", b"inf", b"3.5", b"x" * 300] + LIMITS + NO_INTEGERS)
# No small positive number, since it might be a time to live in milliseconds; nothing far below zero.
ODD_DELICATE = [word for word in ODD if not (word.isdigit() and 0 < int(word) < 100_000)]
ODD_CALM = [word for word in ODD if not word.startswith(b"-9") and not word.startswith(b"-4") and word != b"-1000000"
            and not word.startswith(b"-2")]
WORDS = _pool("NX XX GT LT CH INCR GET EX PX KEEPTTL PERSIST COUNT MATCH LIMIT WITHSCORES WITHVALUES REV BYSCORE BYLEX "
              "LEFT RIGHT BEFORE AFTER WEIGHTS AGGREGATE SUM MAXLEN MINID NOMKSTREAM STORE ASC DESC ALPHA BY RANK REPLACE "
              "DB TYPE string hash FIELDS BIT BYTE WITHCOORD FROMMEMBER IDX LEN ABSTTL FREQ")

# The prefix of each family's keys. Four keys each, so that commands meet; one has a hash tag.
PREFIXES = {"strings": "s", "hashes": "h", "lists": "l", "sets": "t", "sorted_sets": "z", "streams": "x",
            "bitmaps": "b", "hyperloglog": "p", "geo": "g"}
ODD_KEYS = [b"", BINARY, LONG, b"with space", b"{", b"{}x", b"{t}", b"missing"]


def keys_of(prefix: str) -> list[bytes]:
    return [f"{prefix}{number}".encode() for number in range(1, 5)] + [b"{t}" + prefix.encode()]


def key_kind(own: list[bytes], everyone: list[bytes]):
    """Mostly a key of its own, at times one of another family, or an odd one."""
    def make(source) -> bytes:
        chance = source.chance()
        if chance < 0.91:
            return source.choose(own)
        if chance < 0.985:
            return source.choose(everyone)
        return source.choose(ODD_KEYS)
    return make


def integer(source) -> bytes:
    chance = source.chance()
    if chance < 0.72:
        return source.choose(SMALL)
    if chance < 0.88:
        return source.choose(LIMITS)
    if chance < 0.94:
        return b"%d" % source.random.randint(-1000, 1000)
    return source.choose(NO_INTEGERS)


def index(source) -> bytes:
    return source.choose(SMALL) if source.chance() < 0.9 else integer(source)


def small(source) -> bytes:
    """A count of elements; seldom none, or below none."""
    return b"%d" % (1 + source.below(6)) if source.chance() < 0.9 else integer(source)


def draws(source) -> bytes:
    """How many random elements to return, below zero with repetitions: never so many that the reply is huge."""
    return b"%d" % (source.below(40) - 15)


def huge_integer(source) -> bytes:
    return source.choose(LIMITS)


def bad_integer(source) -> bytes:
    return source.choose(NO_INTEGERS)


def floating(source) -> bytes:
    chance = source.chance()
    if chance < 0.7:
        return source.choose(FLOATS)
    if chance < 0.78:
        return repr(round(source.random.uniform(-1000, 1000), source.below(8))).encode()
    if chance < 0.92:
        return source.choose(FLOAT_LIMITS)
    return source.choose(NO_FLOATS)


def number(source) -> bytes:
    return integer(source) if source.chance() < 0.5 else floating(source)


def value(source) -> bytes:
    chance = source.chance()
    if chance < 0.6:
        return source.choose(TEXTS)
    if chance < 0.97:
        return number(source)
    if chance < 0.997:
        return source.random.randbytes(source.below(120))
    return b"huge" * (200 + source.below(600))


def field(source) -> bytes:
    return b"f%d" % source.below(12) if source.chance() < 0.8 else source.choose(TEXTS)


def element(source) -> bytes:
    return source.choose(ELEMENTS) if source.chance() < 0.97 else value(source)


def score(source) -> bytes:
    return b"%d" % source.below(10) if source.chance() < 0.6 else floating(source)


def score_bound(source) -> bytes:
    chance = source.chance()
    if chance < 0.15:
        return b"-inf"
    if chance < 0.3:
        return b"+inf"
    return (b"(" if source.chance() < 0.25 else b"") + score(source)


def lex_bound(source) -> bytes:
    chance = source.chance()
    if chance < 0.2:
        return b"-"
    if chance < 0.4:
        return b"+"
    if chance < 0.95:
        return (b"(" if source.chance() < 0.4 else b"[") + source.choose(ELEMENTS)
    return source.choose([b"a", b"", b"(", b"[", b"-inf", b"++", b"-x"])


def pattern(source) -> bytes:
    return source.choose(PATTERNS)


def seconds(source) -> bytes:
    """A time to live: long, so that nothing expires by itself while a program runs, or one that is refused."""
    chance = source.chance()
    if chance < 0.75:
        return b"%d" % source.random.randint(1000, 1_000_000)
    if chance < 0.85:
        return source.choose([b"0", b"-1", b"-100"])
    return source.choose(LIMITS[:8] + NO_INTEGERS + [b"9223372036854775", b"9223372036854776", b"9223370000000000"])


def milliseconds(source) -> bytes:
    chance = source.chance()
    if chance < 0.75:
        return b"%d" % source.random.randint(1_000_000, 1_000_000_000)
    if chance < 0.85:
        return source.choose([b"0", b"-1", b"-100"])
    return source.choose(LIMITS[:6] + NO_INTEGERS)


def unix_seconds(source) -> bytes:
    """Far ahead, past, or refused; never near now, so that a seed gives the same program on any day."""
    chance = source.chance()
    if chance < 0.75:
        return b"%d" % source.random.randint(4_102_444_800, 5_000_000_000)
    if chance < 0.85:
        return source.choose([b"0", b"-1", b"1", b"1000000000"])
    return source.choose(LIMITS[:6] + NO_INTEGERS + [b"9223372036854775", b"9223372036854776"])


def unix_milliseconds(source) -> bytes:
    made = unix_seconds(source)
    return made + b"000" if made.isdigit() and len(made) < 12 else made


def short_milliseconds(source) -> bytes:
    return b"%d" % (1 + source.below(3))


def count(source) -> bytes:
    """COUNT of a scan: mostly enough for all there is in one call, so that its reply can be compared."""
    return b"100000" if source.chance() < 0.75 else integer(source)


def cursor(source) -> bytes:
    return b"0" if source.chance() < 0.93 else source.choose(NO_INTEGERS + LIMITS[:2])


def database(source) -> bytes:
    return source.choose([b"0", b"1", b"1"]) if source.chance() < 0.85 else source.choose(
        [b"15", b"16", b"-1", b"abc", b"", b"9223372036854775807", b"2147483648"])


def string_offset(source) -> bytes:
    """A place in a string: within a few kilobytes, or past the limit of 1 MiB that the servers are started with."""
    chance = source.chance()
    if chance < 0.85:
        return b"%d" % source.below(70)
    if chance < 0.93:
        return b"%d" % source.below(3000)
    return source.choose([b"1048576", b"1048577", b"536870912", b"-1", b"4294967295", b"9223372036854775807",
                          b"-9223372036854775808", b"9223372036854775808", b"abc", b"", b"1.5"])


def bit_offset(source) -> bytes:
    chance = source.chance()
    if chance < 0.85:
        return b"%d" % source.below(200)
    if chance < 0.93:
        return b"%d" % source.below(20_000)
    return source.choose([b"8388608", b"8388609", b"4294967295", b"4294967296", b"-1", b"9223372036854775807",
                          b"9223372036854775808", b"abc", b"", b"1.5"])


def bit(source) -> bytes:
    return source.choose([b"0", b"1"]) if source.chance() < 0.93 else source.choose([b"2", b"-1", b"a", b"", b"01"])


def type_name(source) -> bytes:
    return source.choose(_TYPES)


_TYPES = _pool("string hash list set zset stream STRING nosuchtype")


def odd(source) -> bytes:
    return source.choose(ODD)


def word(source) -> bytes:
    return source.choose(WORDS)


def stream_id(source) -> bytes:
    chance = source.chance()
    if chance < 0.6:
        return b"%d-%d" % (source.below(30), source.below(4))
    if chance < 0.8:
        return b"%d" % source.below(40)
    return source.choose([b"0", b"0-0", b"0-1", b"18446744073709551615-18446744073709551615", b"18446744073709551615",
                          b"18446744073709551616-0", b"-1", b"1-", b"-", b"+", b"$", b"1-2-3", b"a-1", b"1-a", b"", b"1-*"])


def new_stream_id(source) -> bytes:
    """An id to add: mostly above what programs added so far; seldom one that closes the stream for all others."""
    chance = source.chance()
    if chance < 0.75:
        return b"%d-%d" % (source.below(60), source.below(5))
    if chance < 0.92:
        return b"%d-*" % source.below(60)
    return stream_id(source)


def stream_bound(source) -> bytes:
    chance = source.chance()
    if chance < 0.25:
        return b"-"
    if chance < 0.5:
        return b"+"
    return (b"(" if source.chance() < 0.2 else b"") + stream_id(source)


def longitude(source) -> bytes:
    if source.chance() < 0.92:
        return source.choose(_LONGITUDES)
    return source.choose([b"180", b"-180", b"180.1", b"-181", b"abc", b"nan", b"inf", b"", b"1e2"])


def latitude(source) -> bytes:
    if source.chance() < 0.92:
        return source.choose(_LATITUDES)
    return source.choose([b"85.05112878", b"-85.05112878", b"85.06", b"-86", b"90", b"abc", b"nan", b"inf", b""])


_LONGITUDES = _pool("13.361389 15.087269 2.349014 -0.127758 -74.005941 139.691706 0 179.999 -179.999 13.37 13.36 -122.42")
_LATITUDES = _pool("38.115556 37.502669 48.864716 51.507351 40.712784 35.689487 0 85 -85 38.12 37.5 37.77")


def of(text: str):
    """A kind that draws from words."""
    words = _pool(text)
    return lambda source: source.choose(words)


# The names that tables use. A family adds its own in KINDS.
KINDS = {
    "integer": integer, "index": index, "small": small, "draws": draws, "huge-integer": huge_integer,
    "bad-integer": bad_integer, "float": floating, "number": number, "value": value, "field": field,
    "element": element, "score": score, "score-bound": score_bound, "lex-bound": lex_bound, "pattern": pattern,
    "seconds": seconds, "milliseconds": milliseconds, "unix-seconds": unix_seconds,
    "unix-milliseconds": unix_milliseconds, "short-milliseconds": short_milliseconds, "count": count,
    "cursor": cursor, "database": database, "string-offset": string_offset, "bit-offset": bit_offset, "bit": bit,
    "type": type_name, "odd": odd, "word": word, "stream-id": stream_id, "new-stream-id": new_stream_id,
    "stream-bound": stream_bound, "longitude": longitude, "latitude": latitude,
}

