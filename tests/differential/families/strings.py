"""Strings."""

COMMANDS = """
12 SET key value
12 SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-seconds | PXAT unix-milliseconds | KEEPTTL]
3  SET key value <EX | PX | EXAT | PXAT> bad-integer
3  SET key number
10 GET key
4  GETDEL key
4  GETSET key value
8  GETEX key [EX seconds | PX milliseconds | EXAT unix-seconds | PXAT unix-milliseconds | PERSIST]
3  GETEX key <EX | PX> bad-integer
4  SETNX key value
4  SETEX key seconds value
4  PSETEX key milliseconds value
6  MSET <key value>...
3  MSETNX <key value>...
6  MGET key...
8  APPEND key value
4  STRLEN key
8  SETRANGE key string-offset value
8  GETRANGE key index index
2  GETRANGE key huge-integer huge-integer
3  SUBSTR key index index
8  INCR key
6  DECR key
10 INCRBY key integer
8  DECRBY key integer
14 INCRBYFLOAT key float
5  LCS key key [LEN] [IDX] [MINMATCHLEN integer] [WITHMATCHLEN]
2  SET key value PX short-milliseconds ; WAIT 5 ; GET @1
1  PSETEX key short-milliseconds value ; WAIT 5 ; SET @1 v KEEPTTL ; PTTL @1 => milliseconds
1  SET key value PX short-milliseconds ; WAIT 5 ; SET @1 w XX GET ; GET @1
1  SET key value PX short-milliseconds ; WAIT 5 ; APPEND @1 'tail ; TTL @1 => seconds
1  GETEX key PX short-milliseconds ; WAIT 5 ; INCR @1
"""
