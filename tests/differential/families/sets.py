"""Sets. What has no order is compared without; what chance removes is gone before the program goes on."""

COMMANDS = """
16 SADD key element...
6  SADD key index...
8  SREM key element...
6  SCARD key
6  SISMEMBER key element
6  SMISMEMBER key element...
6  SMEMBERS key => unordered
6  SMOVE key key element
6  SINTER key... => unordered
6  SUNION key... => unordered
6  SDIFF key... => unordered
4  SINTERSTORE key key...
4  SUNIONSTORE key key...
4  SDIFFSTORE key key...
6  SINTERCARD #key... [LIMIT integer]
6  SSCAN key cursor [MATCH pattern] [COUNT count] => scan
3  SMEMBERS key ; SRANDMEMBER @1 draws => drawn
2  SMEMBERS key ; SRANDMEMBER @1 => drawn
3  SMEMBERS key ; SPOP @1 ; DEL @1 => drawn
3  SMEMBERS key ; SPOP @1 small ; DEL @1 => drawn
2  SPOP key 1000 => unordered !steady
2  SPOP key 0 !steady
1  SPOP key bad-integer !steady
1  SPOP key -1 [a] !steady
1  SRANDMEMBER key bad-integer !steady
1  SRANDMEMBER key -9223372036854775808 !steady
4  OBJECT ENCODING key => encoding
2  DEL key
1  SADD key element... ; PEXPIRE @1 short-milliseconds ; WAIT 5 ; SADD @1 a ; SCARD @1
1  SADD key element... ; PEXPIRE @1 short-milliseconds ; WAIT 5 ; SUNION @1 t1 => unordered
"""
