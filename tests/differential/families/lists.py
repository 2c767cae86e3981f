"""Lists. Blocking commands have small timeouts, or something to take; more of them is in blocking.py."""

import values

COMMANDS = """
16 RPUSH key element...
12 LPUSH key element...
4  RPUSHX key element...
4  LPUSHX key element...
8  LPOP key [small]
8  RPOP key [small]
3  LPOP key integer
6  LLEN key
12 LRANGE key index index
6  LRANGE key 0 -1
3  LRANGE key huge-integer huge-integer
8  LINDEX key index
8  LSET key index element
8  LINSERT key <BEFORE | AFTER> element element
8  LREM key index element
8  LTRIM key index index
8  LPOS key element [RANK integer] [COUNT small] [MAXLEN integer]
8  LMOVE key key <LEFT | RIGHT> <LEFT | RIGHT>
6  RPOPLPUSH key key
6  LMPOP #key... <LEFT | RIGHT> [COUNT small]
4  BLPOP key... timeout !steady
4  BRPOP key... timeout !steady
3  BLMOVE key key <LEFT | RIGHT> <LEFT | RIGHT> timeout !steady
3  BRPOPLPUSH key key timeout !steady
3  BLMPOP timeout #key... <LEFT | RIGHT> [COUNT small] !steady
2  RPUSH key element... ; BLPOP 'missing @1 0
2  RPUSH key element... ; BRPOP @1 'missing 0
2  RPUSH key element... ; BLMOVE @1 @1 LEFT RIGHT 0
2  RPUSH key element... ; BLMPOP 0 2 'missing @1 RIGHT COUNT small
1  <BLPOP | BRPOP> key... bad-timeout !steady
1  BLMPOP bad-timeout #key... <LEFT | RIGHT> !steady
1  BLMOVE key key <LEFT | RIGHT | word> <LEFT | RIGHT | word> bad-timeout !steady
3  OBJECT ENCODING key => encoding
2  DEL key
1  RPUSH key element... ; PEXPIRE @1 short-milliseconds ; WAIT 5 ; RPUSHX @1 a ; LLEN @1
1  RPUSH key element... ; PEXPIRE @1 short-milliseconds ; WAIT 5 ; BLPOP @1 0.01
"""

KINDS = {
    "timeout": values.of("0.001 0.002 0.003 0.001 1e-3"),
    "bad-timeout": values.of("-1 abc -0.1 nan 1e400 9223372036854775807 9223372036854776 0x inf -inf 1.0.0"),
}
