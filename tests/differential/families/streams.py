"""Streams. Ids are given, since generated ones are times; idle times are compared for their shape only."""

import values

COMMANDS = """
20 XADD key new-stream-id <field value>...
6  XADD key [NOMKSTREAM] [MAXLEN index | MAXLEN = index | MINID stream-id] new-stream-id <field value>...
2  XADD key [NOMKSTREAM] MAXLEN ~ index LIMIT integer new-stream-id field value ; DEL @1
2  XADD key * field value ; XLEN @1 ; DEL @1 => generated-id
6  XLEN key
8  XRANGE key stream-bound stream-bound [COUNT integer]
8  XREVRANGE key stream-bound stream-bound [COUNT integer]
6  XDEL key stream-id...
5  XTRIM key <MAXLEN | MINID> [= | ~] index
3  XTRIM key MINID [=] stream-id [LIMIT integer]
6  XREAD [COUNT integer] STREAMS key... stream-id*
3  XREAD [COUNT integer] BLOCK 1 STREAMS key... last-id* !steady
5  XSETID key new-stream-id [ENTRIESADDED integer] [MAXDELETEDID stream-id]
10 XGROUP CREATE key group <stream-id | $ | 0> [MKSTREAM] [ENTRIESREAD integer]
4  XGROUP SETID key group <stream-id | $> [ENTRIESREAD integer]
3  XGROUP DESTROY key group
4  XGROUP CREATECONSUMER key group consumer
3  XGROUP DELCONSUMER key group consumer
1  XGROUP HELP => help
1  XGROUP word key group
12 XREADGROUP GROUP group consumer [COUNT small] [NOACK] STREAMS key '>
5  XREADGROUP GROUP group consumer [COUNT integer] [NOACK] STREAMS key... group-id*
2  XREADGROUP GROUP group consumer [COUNT integer] BLOCK 1 [NOACK] STREAMS key... group-id* !steady
6  XACK key group stream-id...
5  XPENDING key group
6  XPENDING key group [IDLE index] stream-bound stream-bound small [consumer] => pending
6  XCLAIM key group consumer idle stream-id... [IDLE integer] [RETRYCOUNT integer] [FORCE] [JUSTID] [LASTID stream-id]
5  XAUTOCLAIM key group consumer idle stream-bound [COUNT small] [JUSTID]
5  XINFO STREAM key => stream-info
4  XINFO STREAM key FULL [COUNT integer] => stream-info
4  XINFO GROUPS key => stream-info
4  XINFO CONSUMERS key group => stream-info
1  XINFO HELP => help
2  DEL key
1  OBJECT ENCODING key => encoding
1  XADD key 5-1 a b ; PEXPIRE @1 short-milliseconds ; WAIT 5 ; XADD @1 1-1 a b ; XLEN @1
1  XREAD BLOCK bad-timeout STREAMS key... last-id* !steady
"""

KINDS = {
    "group": values.of("g1 g1 g1 g2 nogroup"),
    "consumer": values.of("alice alice bob carol"),
    "group-id": values.of("> > > 0 0-0 5 10-1 $ + abc"),
    "last-id": values.of("$ $ 0 5-1 99 abc"),
    "idle": values.of("0 0 0 0 1000000 -1 abc 9223372036854775807"),
    "bad-timeout": values.of("-1 abc 1.5 9223372036854775808 9223372036854775807x"),
}
