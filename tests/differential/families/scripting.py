"""Scripts. Each calls commands with its keys and arguments, and replies through the conversion of Lua's values."""

import values

_SCRIPTS = [
    "return redis.call('GET', KEYS[1])", "return redis.pcall('INCR', KEYS[1])", "return redis.call('INCR', KEYS[1])",
    "return {1, 2, 'three', {4, false, 5}, nil, 6}", "return 3.99", "return true", "return false", "return nil",
    "return redis.status_reply('FINE')", "return redis.error_reply('MY bad')", "return {ok='fine'}", "return {err='BAD x'}",
    "return #ARGV", "return ARGV", "return KEYS", "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])",
    "return redis.call('NOSUCH')", "return redis.call('GET')", "return redis.pcall('NOSUCH')", "error('thrown')",
    "return nosuchglobal", "nosuchglobal = 1", "return {double=3.5}", "return {map={a=1}}", "return redis.sha1hex(ARGV[1])",
    "return tostring(tonumber(ARGV[1]))", "return cjson.encode({1, 'a', {b=2}})", "return cjson.decode('[1,2,{\"a\":3}]')",
    "return cmsgpack.unpack(cmsgpack.pack({1, 2, 3}))", "return string.format('%q', ARGV[1])", "syntax error here",
    "return redis.call('LPUSH', KEYS[1], unpack(ARGV))", "return redis.pcall('LPUSH', KEYS[1], ARGV[1])['err']",
    "return type(redis.call('GET', KEYS[1]))", "return redis.call('PING')", "return bit.band(5, 3)",
    "return redis.call('EXISTS', KEYS[1]) == 1", "return struct.pack('>I2', 258)", "return {redis.LOG_NOTICE, '1'}",
    "return math.floor(tonumber(ARGV[1]))", "return redis.call('MULTI')", "return redis.call('SUBSCRIBE', 'x')",
]

# What they answer has no order.
_PAIRS = ["return redis.call('HGETALL', KEYS[1])", "redis.setresp(3) return redis.call('HGETALL', KEYS[1])"]

COMMANDS = """
20 EVAL script #key... [value...]
1  EVAL pairs-script #key... [value...] => pairs
4  EVAL script 0
2  EVAL script integer [value]
4  EVAL_RO script #key... [value...]
4  SCRIPT LOAD script
4  EVALSHA digest #key... [value...]
2  SCRIPT EXISTS digest...
1  SCRIPT FLUSH [SYNC | ASYNC]
1  SCRIPT KILL
1  SCRIPT HELP => help
1  SCRIPT word
2  FUNCTION LIST
1  FUNCTION FLUSH
1  FCALL nosuchfunction 0
4  SET s1 value
"""


def _digest(source) -> bytes:
    import hashlib
    text = hashlib.sha1(source.choose(_SCRIPTS).encode()).hexdigest()
    return (text.upper() if source.chance() < 0.2 else text).encode()


KINDS = {
    "script": lambda source: source.choose(_SCRIPTS).encode(), "digest": _digest,
    "pairs-script": lambda source: source.choose(_PAIRS).encode(),
    "nosuchfunction": values.of("nosuchfunction"),
}
OWN_KEYS = "all"
