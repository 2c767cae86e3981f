"""Commands on keys of any type."""

import values

OWN_KEYS = "all"

COMMANDS = """
8  DEL key...
4  UNLINK key...
6  EXISTS key...
3  TOUCH key...
8  TYPE key
8  EXPIRE key seconds [NX | XX | GT | LT]
6  PEXPIRE key milliseconds [NX | XX | GT | LT]
6  EXPIREAT key unix-seconds [NX | XX | GT | LT]
6  PEXPIREAT key unix-milliseconds [NX | XX | GT | LT]
2  EXPIRE key seconds <NX | XX | GT | LT | word>...
8  TTL key => seconds
8  PTTL key => milliseconds
4  EXPIRETIME key => seconds
4  PEXPIRETIME key => milliseconds
8  PERSIST key
12 RENAME key key
8  RENAMENX key key
12 COPY key key [DB database] [REPLACE]
6  MOVE key database
4  KEYS pattern => unordered
2  KEYS * ; RANDOMKEY => drawn
6  DBSIZE => count-of-keys
6  SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] => scan
6  SCAN 0 COUNT 100000 [MATCH pattern] [TYPE type] => scan
8  OBJECT ENCODING key => encoding
2  OBJECT REFCOUNT key => reference-count
2  OBJECT IDLETIME key => any-integer
1  OBJECT FREQ key
1  OBJECT HELP => help
1  OBJECT word key
1  OBJECT
2  MEMORY USAGE key [SAMPLES index] => any-integer
1  SELECT database
1  FLUSHDB [ASYNC | SYNC]
1  FLUSHALL [ASYNC | SYNC] !steady
1  SWAPDB database database
2  PEXPIRE key short-milliseconds ; WAIT 5 ; EXISTS @1 ; TYPE @1 ; TTL @1
1  PEXPIRE key short-milliseconds ; WAIT 5 ; RENAME @1 s1
1  PEXPIRE key short-milliseconds ; WAIT 5 ; COPY @1 s1 REPLACE
1  PEXPIRE key short-milliseconds ; WAIT 5 ; DEL @1
1  PEXPIRE key short-milliseconds ; WAIT 5 ; PERSIST @1 ; OBJECT ENCODING @1
1  PEXPIRE key short-milliseconds ; WAIT 5 ; KEYS * => unordered
1  PEXPIRE key short-milliseconds ; WAIT 5 ; SCAN 0 COUNT 100000 => scan
3  SORT key [BY sort-by] [LIMIT index index] [GET sort-get] [ASC | DESC] [ALPHA] => sort
2  SORT key [ASC | DESC] [ALPHA] [LIMIT index index] STORE key
2  SORT_RO key [LIMIT index index] [ASC | DESC] [ALPHA] => sort
"""

KINDS = {
    "sort-by": values.of("nosort w_* h* h*->f1 x->y s* *->f2"),
    "sort-get": values.of("# h*->f1 s* * nothing h1->f* *->"),
}
