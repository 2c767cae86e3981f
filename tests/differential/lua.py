"""Scripts made by chance: what they call is drawn from the tables of the other families, what they answer goes through
every conversion between Lua's values and replies.

A script is made of statements over the array `r`, one a line, so that errors have places. A key of a command that it
calls stands in KEYS mostly, another word in ARGV, in the text, or there as a number.
"""

import hashlib
import re

from grammar import CONTAINERS, Command, Row, Source

NUMBER = re.compile(rb"0|-?[1-9][0-9]{0,8}")
# What a script may answer without a command: each kind of value that becomes a reply, and those that do not.
VALUES = """
    3.99 | -3.99 | 0.5 | 2^53 | -2^40 | 1 | true | false | nil | 'text' | '' | {} | {{}} | {1, 2, 3} | {1, nil, 3}
    {1, {2, {3, {}}}} | {ok='fine'} | {ok='two\\r\\nlines'} | {err='ERR made'} | {err='no code'} | {ok=1} | {err=2}
    {double=3.5} | {double=-0.25} | {double=10} | {double='x'} | {map={a=1}} | {map={}} | {map={[1]={2}}} | {map=1}
    {set={a=true}} | {set={}} | {set=1} | {big_number='12345678901234567890'} | {big_number=1}
    {verbatim_string={format='txt', string='words'}} | {verbatim_string={format='mkd', string=''}} | {verbatim_string='x'}
    {1, {ok='in'}, {err='ERR in'}, {double=1.5}} | {false, true, nil, 'behind'} | #KEYS | #ARGV | KEYS | ARGV | KEYS[1] | ARGV[1]
    KEYS[9] | ARGV[9] | #r | type(r[1]) | type(r[#r]) | tostring(r[1] == false) | redis.sha1hex('x')
    redis.status_reply('STATUS') | redis.error_reply('made here') | redis.error_reply('-CODE made') | redis.error_reply('')
    cjson.encode({1, 2.5, 'a', false, {x=1}}) | cjson.decode('[1,[2,null,"x"],true]') | cjson.encode(r[1]) | cjson.null
    tonumber('0x10') | tonumber('abc') | tostring(1e15) | tostring(12345.678) | string.rep('ab', 3) | ('x'):byte()
    bit.bxor(6, 3) | bit.tohex(255) | struct.unpack('>I2', struct.pack('>I2', 513)) | cmsgpack.unpack(cmsgpack.pack({1, 'a'}))
    string.format('%5.1f|%s', 2.25, 'x') | table.concat({'a', 'b'}, ',') | math.max(1, 7, 3) | select('#', 1, nil, nil)
    redis.REPL_ALL | redis.LOG_WARNING | tostring(redis.setresp(2)) | pcall(error, 'inside') | (pcall(nosuch)) | next({})
"""
EXPRESSIONS = [part.strip() for line in VALUES.split("\n") for part in line.split(" | ") if part.strip()]
# What ends a script before its last line.
ENDS = ["error('thrown')", "error({err='ERR thrown as a table'})", "error({err='CODE thrown'})", 
        "error('at no place', 0)", "return nosuchglobal", "nosuchglobal = 1", "local x = nil + 1", "local x = {} .. 'a'",
        "KEYS = 1", "return redis.nosuch()", "redis.call()", "redis.call({})", "redis.call('GET', true)",
        "return redis.call('NOSUCH', 'a')", "return redis.call('GET')", "return redis.call('EVAL', 'return 1', 0)",
        "return redis.call('BLPOP', 'nosuchlist', 0)", "redis.setresp(4)", "x x", "return (",
        "return redis.call('MULTI')", "return redis.call('AUTH', 'x')", "return redis.call('PING')",
        "return redis.call('PUBLISH', 'c', 'm')", "return redis.call('SELECT', '0')", "return redis.call('ECHO', 'e')",
        "return redis.call('CLIENT', 'ID')", "return redis.call('CONFIG', 'GET', 'x')"]


class ScriptRow:
    """Stands among a family's rows: EVAL and its like of a script that is new each time."""

    text, rule, flags, literals = "EVAL", "", set(), []
    steady, waits, delicate = True, False, False

    def __init__(self, weight: int, rows: list[Row], keys: list[bytes]):
        self.weight, self.keys = weight, set(keys)
        # What chance or order decides cannot be compared within a script, nor what stands in no certain state then.
        self.rows = [row for row in rows if not row.rule and " ; " not in row.text and not row.delicate
                     and row.text.split()[0] not in CONTAINERS | {"BZPOPMIN", "BZPOPMAX", "SELECT", "SWAPDB", "FLUSHALL", "FLUSHDB"}]
        self.weights = [row.weight for row in self.rows]

    def names(self) -> set[str]:
        return {"EVAL", "EVAL_RO", "EVALSHA"}

    def commands(self, source: Source) -> list[Command]:
        script = _Script(source, self)
        text = script.text()
        name = b"EVAL_RO" if source.chance() < 0.15 else b"EVAL"
        tail = [b"%d" % len(script.keys), *script.keys, *script.arguments]
        made = [Command([name, text, *tail])]
        if source.chance() < 0.2:
            made.append(Command([b"EVALSHA", hashlib.sha1(text).hexdigest().encode(), *tail]))
        for command in made:
            command.inner = script.calls
        return made

    def draw(self, source: Source) -> list[bytes]:
        for _ in range(20):
            row = source.random.choices(self.rows, self.weights)[0]
            words = row.commands(source)[0].arguments
            if all(min(word, default=32) >= 32 for word in words):
                return words
        return [b"PING"]


class _Script:
    def __init__(self, source: Source, row: ScriptRow):
        self.source, self.row = source, row
        self.keys: list[bytes] = []
        self.arguments: list[bytes] = []
        self.calls: list[list[bytes]] = []

    def text(self) -> bytes:
        source = self.source
        lines = [b"local r = {}"]
        if source.chance() < 0.15:
            lines.append(b"redis.setresp(%d)" % source.choose([2, 3, 3]))
        for _ in range(1 + source.below(6)):
            lines += self.statement()
        if source.chance() < 0.12:
            end = source.choose(ENDS).encode()
            lines.append(b"do %b end" % end if source.chance() < 0.9 else end)
        lines.append(source.choose([b"return r", b"return r", b"return r", b"return r[#r]", b"return unpack(r)",
                                    b"return {r[1], #r}", b"return {map={last=r[#r]}}", b""]))
        return b"\n".join(lines)

    def statement(self) -> list[bytes]:
        source = self.source
        chance = source.chance()
        if chance < 0.25:
            return [b"r[#r + 1] = " + self.call(b"call")]
        if chance < 0.5:
            return [b"r[#r + 1] = " + self.call(b"pcall")]
        if chance < 0.6:
            return [b"local ok, x = pcall(function() return %b end)" % self.call(b"call"),
                    b"r[#r + 1] = ok and x or {tostring(ok), type(x), type(x) == 'table' and x.err or x}"]
        if chance < 0.68:
            return [b"local x = " + self.call(b"pcall"),
                    b"if type(x) == 'table' and x['err'] then r[#r + 1] = 'failed: ' .. x['err'] else r[#r + 1] = x end"]
        if chance < 0.74:
            return [b"for i = 1, %d do" % (1 + source.below(4)), b"  r[#r + 1] = " + self.call(b"pcall"), b"end"]
        if chance < 0.8:
            return [b"if redis.call('EXISTS', %b) == 1 then" % self.word(source.choose(sorted(self.row.keys))),
                    b"  r[#r + 1] = " + self.call(b"pcall"), b"else", b"  r[#r + 1] = " + self.call(b"pcall"), b"end"]
        return [b"r[#r + 1] = " + source.choose(EXPRESSIONS).encode()]

    def call(self, how: bytes) -> bytes:
        words = self.row.draw(self.source)
        self.calls.append(words)
        return b"redis.%b(%b)" % (how, b", ".join([quoted(words[0])] + [self.word(word) for word in words[1:]]))

    def word(self, word: bytes) -> bytes:
        source = self.source
        chance = source.chance()
        if word in self.row.keys and chance < 0.85:
            return b"KEYS[%d]" % _place(self.keys, word)
        if chance < 0.25:
            return b"ARGV[%d]" % _place(self.arguments, word)
        if chance < 0.5 and NUMBER.fullmatch(word):
            return word
        return quoted(word)


def _place(words: list[bytes], word: bytes) -> int:
    if word not in words:
        words.append(word)
    return words.index(word) + 1


def quoted(word: bytes) -> bytes:
    """As Lua reads it."""
    return b"'" + b"".join(bytes([byte]) if 32 <= byte < 127 and byte not in b"'\\" else b"\\%03d" % byte
                           for byte in word) + b"'"
