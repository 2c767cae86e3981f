"""Sorted sets."""

import values

COMMANDS = """
16 ZADD key <score element>...
10 ZADD key [NX | XX] [GT | LT] [CH] <score element>...
4  ZADD key [NX | XX] [GT | LT] [CH] [INCR] score element
10 ZADD lex-key <0 element>...
6  ZREM key element...
4  ZCARD key
6  ZSCORE key element
6  ZMSCORE key element...
8  ZINCRBY key float element
6  ZRANK key element
6  ZREVRANK key element
6  ZCOUNT key score-bound score-bound
6  ZLEXCOUNT lex-key lex-bound lex-bound
8  ZRANGE key index index [REV] [WITHSCORES]
8  ZRANGE key score-bound score-bound BYSCORE [REV] [LIMIT index index] [WITHSCORES]
6  ZRANGE lex-key lex-bound lex-bound BYLEX [REV] [LIMIT index index]
3  ZRANGE key huge-integer huge-integer [BYSCORE] [REV] [LIMIT huge-integer huge-integer] [WITHSCORES]
6  ZREVRANGE key index index [WITHSCORES]
8  ZRANGEBYSCORE key score-bound score-bound [WITHSCORES] [LIMIT index index]
8  ZREVRANGEBYSCORE key score-bound score-bound [WITHSCORES] [LIMIT index index]
6  ZRANGEBYLEX lex-key lex-bound lex-bound [LIMIT index index]
6  ZREVRANGEBYLEX lex-key lex-bound lex-bound [LIMIT index index]
4  ZRANGESTORE key key index index [REV]
4  ZRANGESTORE key key score-bound score-bound BYSCORE [REV] [LIMIT index index]
3  ZRANGESTORE lex-key lex-key lex-bound lex-bound BYLEX [REV] [LIMIT index index]
4  ZREMRANGEBYRANK key index index
4  ZREMRANGEBYSCORE key score-bound score-bound
4  ZREMRANGEBYLEX lex-key lex-bound lex-bound
6  ZPOPMIN key [small]
6  ZPOPMAX key [small]
6  ZMPOP #key... <MIN | MAX> [COUNT small]
6  ZUNION #set-key... [WEIGHTS weight*] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]
6  ZINTER #set-key... [WEIGHTS weight*] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]
4  ZDIFF #set-key... [WITHSCORES]
4  ZUNIONSTORE key #set-key... [WEIGHTS weight*] [AGGREGATE <SUM | MIN | MAX>]
4  ZINTERSTORE key #set-key... [WEIGHTS weight*] [AGGREGATE <SUM | MIN | MAX>]
3  ZDIFFSTORE key #set-key...
4  ZINTERCARD #set-key... [LIMIT integer]
6  ZSCAN key cursor [MATCH pattern] [COUNT count] => scan-pairs
3  ZRANGE key 0 -1 ; ZRANDMEMBER @1 draws => drawn
2  ZRANGE key 0 -1 WITHSCORES ; ZRANDMEMBER @1 draws WITHSCORES => drawn
2  ZRANGE key 0 -1 ; ZRANDMEMBER @1 => drawn
1  ZRANDMEMBER key bad-integer [WITHSCORES] !steady
1  ZRANDMEMBER key draws NOSUCH !steady
1  ZRANDMEMBER key -9223372036854775808 [WITHSCORES] !steady
1  ZRANDMEMBER key 9223372036854775807 WITHSCORES !steady
3  BZPOPMIN key... timeout !steady
3  BZPOPMAX key... timeout !steady
3  BZMPOP timeout #key... <MIN | MAX> [COUNT small] !steady
2  ZADD key 1 a 2 b ; BZPOPMIN 'missing @1 0
2  ZADD key 1 a 2 b ; BZMPOP 0 2 'missing @1 MAX COUNT small
1  <BZPOPMIN | BZPOPMAX> key... bad-timeout !steady
1  BZMPOP bad-timeout #key... <MIN | MAX> !steady
3  OBJECT ENCODING key => encoding
2  DEL key
1  ZADD key 1 a ; PEXPIRE @1 short-milliseconds ; WAIT 5 ; ZINCRBY @1 1 a ; ZCARD @1
"""


def _set_key(source) -> bytes:
    """The aggregating commands take sets too."""
    return source.choose([b"z1", b"z2", b"z3", b"z4", b"{t}z", b"t1", b"t2", b"t3", b"s1", b"missing", b"z1", b"z2"])


KINDS = {
    "set-key": _set_key,
    # Ranges by name mean something only where all scores are equal; elsewhere redis-server's answer depends on the
    # random levels of its skip list. Nothing else is done to these keys.
    "lex-key": values.of("y1 y1 y2 missing s1"),
    "weight": lambda source: values.score(source),
    "timeout": values.of("0.001 0.002 0.003 0.001 1e-3"),
    "bad-timeout": values.of("-1 abc -0.1 nan 1e400 9223372036854775807 9223372036854776 0x inf -inf 1.0.0"),
}
