"""Transactions. What stands between MULTI and EXEC is drawn from the 'other families."""

COMMANDS = """
16 MULTI
20 EXEC
4  DISCARD
6  WATCH key...
3  UNWATCH
6  MULTI ; SET s1 1 ; GET s1 ; EXEC
3  MULTI ; INCR key ; EXEC
3  MULTI ; SET s1 'abc ; INCR s1 ; GET s1 ; EXEC
3  WATCH key ; SET @1 'changed ; MULTI ; GET @1 ; EXEC
3  WATCH key ; DEL @1 ; MULTI ; PING ; EXEC
2  WATCH key ; EXPIRE @1 100 ; MULTI ; PING ; EXEC
2  WATCH key ; TOUCH @1 ; MULTI ; PING ; EXEC
2  WATCH key ; RENAME @1 s2 ; MULTI ; PING ; EXEC
1  WATCH key ; FLUSHALL ; MULTI ; PING ; EXEC
1  WATCH key ; FLUSHDB ; MULTI ; PING ; EXEC
1  WATCH key ; SELECT 1 ; SET @1 'other ; SELECT 0 ; MULTI ; PING ; EXEC
1  SET key v PX 30 ; WATCH @1 ; WAIT 35 ; MULTI ; PING ; EXEC
1  SET key v PX short-milliseconds ; WAIT 5 ; WATCH @1 ; MULTI ; PING ; EXEC
1  WATCH key ; UNWATCH ; SET @1 'changed ; MULTI ; PING ; EXEC
1  MULTI ; NOSUCHCOMMAND ; EXEC
1  MULTI ; GET ; EXEC
1  MULTI ; WATCH key ; EXEC
1  MULTI ; MULTI ; EXEC
1  MULTI ; SELECT 1 ; SET k1 v ; EXEC ; GET k1
2  MULTI ; RPUSH l1 a ; BLPOP l1 l2 0 ; BLPOP l1 l2 0 ; EXEC !steady
1  MULTI ; RESET ; EXEC
"""

OWN_KEYS = "all"
# The steps of one program over two connections: the second one disturbs what the first one watches.
SECOND_CONNECTION = 1
