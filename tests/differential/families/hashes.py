"""Hashes, without the expiry of fields, which redis-server 7.0 does not have."""

COMMANDS = """
16 HSET key <field value>...
8  HMSET key <field value>...
6  HSETNX key field value
8  HGET key field
6  HMGET key field...
8  HDEL key field...
4  HEXISTS key field
6  HLEN key
4  HSTRLEN key field
6  HGETALL key => pairs
4  HKEYS key => unordered
4  HVALS key => unordered
8  HINCRBY key field integer
3  HSET key field number
10 HINCRBYFLOAT key field float
6  HSCAN key cursor [MATCH pattern] [COUNT count] => scan-pairs
3  HKEYS key ; HRANDFIELD @1 draws => drawn
3  HGETALL key ; HRANDFIELD @1 draws WITHVALUES => drawn
2  HKEYS key ; HRANDFIELD @1 => drawn
1  HRANDFIELD key bad-integer [WITHVALUES] !steady
1  HRANDFIELD key draws NOSUCH !steady
1  HRANDFIELD key -9223372036854775808 [WITHVALUES] !steady
1  HRANDFIELD key 9223372036854775807 WITHVALUES !steady
1  HRANDFIELD key 4611686018427387904 WITHVALUES !steady
1  HSET key f1 1 ; PEXPIRE @1 short-milliseconds ; WAIT 5 ; HINCRBY @1 f1 1 ; HLEN @1
1  HSET key f1 1 ; PEXPIRE @1 short-milliseconds ; WAIT 5 ; HGETALL @1
2  OBJECT ENCODING key => encoding
2  DEL key
"""
