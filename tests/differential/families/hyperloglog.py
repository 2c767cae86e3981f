"""HyperLogLogs: strings with a form of their own. What was made corrupt is removed at once (see allowed.toml)."""

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
1  PFADD 'corrupt element... ; APPEND 'corrupt value ; PFCOUNT 'corrupt ; DEL 'corrupt
1  PFADD 'corrupt element... ; SETRANGE 'corrupt string-offset value ; PFADD 'corrupt a ; DEL 'corrupt
1  PFCOUNT key ; COPY @1 'corrupt REPLACE ; SETRANGE 'corrupt small value ; PFCOUNT 'corrupt ; DEL 'corrupt
2  DEL key
2  OBJECT ENCODING key => encoding
1  PFADD key element... ; PEXPIRE @1 short-milliseconds ; WAIT 5 ; PFADD @1 a ; PFCOUNT @1
"""
