"""Commands about the connection and about commands, unknown ones, and such with no sense at all."""

import values

COMMANDS = """
6  PING [value]
4  PING value value
6  ECHO value
3  SELECT database
2  CLIENT GETNAME
2  CLIENT SETNAME client-name
1  CLIENT ID => any-integer
1  CLIENT word
1  CLIENT NO-EVICT <ON | OFF | word>
1  CLIENT REPLY <ON | word>
1  CLIENT KILL odd
1  CLIENT UNBLOCK index [TIMEOUT | ERROR | word]
1  CLIENT CACHING <YES | NO | word>
1  CLIENT GETREDIR
1  CLIENT TRACKINGINFO
1  CLIENT PAUSE bad-integer !steady
1  CLIENT UNPAUSE
3  HELLO <2 | 3> => hello
3  HELLO <odd | 4 | 1> !steady
1  HELLO <2 | 3> AUTH user value [SETNAME client-name] => hello !steady
1  HELLO <2 | 3> SETNAME client-name => hello !steady
2  AUTH value
2  AUTH user value
1  RESET
2  COMMAND COUNT => any-integer !steady
1  COMMAND NOSUCH
2  COMMAND GETKEYS GET key
2  COMMAND GETKEYS MSET <key value>...
2  COMMAND GETKEYS <SET | DEL | HSET | COPY | RENAME | PING | NOSUCH | OBJECT> odd...
2  COMMAND GETKEYSANDFLAGS <SET | DEL | HSET | COPY | RENAME | GETEX> odd...
3  nosuchcommand
3  nosuchcommand odd...
3  odd odd...
2  CONFIG GET <option-pattern> => pairs
2  CONFIG SET odd odd
1  CONFIG NOSUCH
2  TIME => shape
1  LASTSAVE => any-integer
1  MEMORY NOSUCH odd
1  ROLE => shape
1  LOLWUT VERSION odd => anything
1  SLOWLOG NOSUCH
1  LATENCY NOSUCH
"""

KINDS = {
    "client-name": values.of("anna name:1 with-dash 123") ,
    "nosuchcommand": values.of("FOO foo nosuchcommand GETT SETS get-x OBJECTS F"),
    "user": values.of("default nobody"),
    "option-pattern": values.of("hash-max-* list-max-listpack-size nosuchoption *max-intset*"),
}
