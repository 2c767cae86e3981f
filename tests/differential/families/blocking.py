"""Clients that wait for keys (WAITING, each on a connection of its own), and the one that serves them (COMMANDS).

One that waits for several keys finds at most one of them: which one it takes of two is another matter since Redis 7.2,
where its command is run again whole. For the same reason a key of another type does not stay.
"""

import values

OWN_KEYS = "all"

WAITING = """
6 BLPOP [nothing] wait-list [nothing] 0
5 BRPOP [nothing] wait-list [nothing] 0
5 BLMOVE wait-list wait-list <LEFT | RIGHT> <LEFT | RIGHT> 0
3 BRPOPLPUSH wait-list wait-list 0
5 BLMPOP 0 2 nothing wait-list <LEFT | RIGHT> [COUNT some]
4 BZPOPMIN wait-zset [nothing] 0
4 BZPOPMAX [nothing] wait-zset 0
4 BZMPOP 0 1 wait-zset <MIN | MAX> [COUNT some]
4 XREAD [COUNT some] BLOCK 0 STREAMS wait-stream '$
2 XREAD BLOCK 0 STREAMS wait-stream wait-stream '$ '0
3 XREADGROUP GROUP g1 'alice [COUNT some] BLOCK 0 [NOACK] STREAMS wait-stream '>
"""

COMMANDS = """
8 RPUSH wait-list element...
6 LPUSH wait-list element...
6 ZADD wait-zset <score element>...
6 XADD wait-stream later-id a b
3 LMOVE wait-list wait-list LEFT RIGHT
3 RENAME wait-list wait-list
1 RENAME wait-zset wait-zset
2 COPY wait-list wait-list REPLACE
2 SET wait-key v ; DEL @1
3 DEL wait-key...
2 MULTI ; RPUSH w3 element... ; RPUSH w3 element... ; EXEC
2 MULTI ; RPUSH w1 element... ; DEL w1 ; EXEC
2 MULTI ; RPUSH w2 a ; LPUSH w2 b ; RPOP w2 ; EXEC
1 XGROUP DESTROY wait-stream g1
1 XGROUP CREATE wait-stream g1 '$ MKSTREAM
2 LPOP wait-list
2 ZPOPMIN wait-zset
1 LRANGE wait-list 0 -1
1 SORT wait-list ALPHA STORE wait-list
1 ZUNIONSTORE wait-zset 1 wait-zset
1 SWAPDB 0 1
1 FLUSHALL
"""


def _later_id(source) -> bytes:
    """Ever greater, since the program's place in the stream is not known here: a millisecond time far ahead."""
    return b"%d-%d" % (5_000_000_000_000 + source.below(1000), source.below(50))


KINDS = {
    "wait-list": values.of("w1 w2 w3 {t}w"), "wait-zset": values.of("wz1 wz2 {t}wz"),
    "wait-stream": values.of("wx1 wx2"), "nothing": values.of("nothing {t}nothing"), "wait-key": values.of("w1 w2 w3 {t}w wz1 wz2 wx1"),
    "some": values.of("1 2 3 10"), "later-id": _later_id,
}
