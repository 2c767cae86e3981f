"""HyperLogLogs: strings with a form of their own."""

COMMANDS = """
16 PFADD key element...
4  PFADD key
8  PFADD key value...
8  PFCOUNT key...
8  PFMERGE key key...
3  PFMERGE key
1  SET key value
2  GET key
2  STRLEN key
1  APPEND key value
1  SETRANGE key string-offset value
2  DEL key
2  OBJECT ENCODING key => encoding
1  PFADD key element... ; PEXPIRE @1 short-milliseconds ; WAIT 5 ; PFADD @1 a ; PFCOUNT @1
"""
