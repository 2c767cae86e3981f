"""Users with limited rules, who then run what the other families' tables have. The user `default` is left as it is: RESET
goes back to it. Every program begins without the others."""

import values

OWN_KEYS = "all"

COMMANDS = """
16 ACL SETUSER user 'on <'nopass | '>pw > rule... !steady
8  ACL SETUSER user rule... !steady
3  ACL SETUSER user 'on 'nopass '+@all key-rule... !steady
3  ACL SETUSER user 'on 'nopass 'allkeys 'allchannels command-rule... !steady
2  ACL SETUSER user odd-rule !steady
1  ACL SETUSER user
1  ACL SETUSER odd-name 'on !steady
20 AUTH user 'pw
4  AUTH user 'wrong
2  HELLO <2 | 3> AUTH user 'pw => hello !steady
6  ACL SETUSER user 'on 'nopass rule... ; AUTH @2 'pw
4  ACL WHOAMI
3  ACL GETUSER user => acl-user
1  ACL LIST => shape
1  ACL USERS
2  ACL CAT => unordered
1  ACL CAT odd
8  ACL DRYRUN user dry-run
2  ACL DRYRUN user odd...
2  ACL LOG => acl-log
1  ACL LOG small => acl-log
1  ACL LOG RESET => acl-log
1  ACL LOG odd => acl-log
2  ACL DELUSER user
1  ACL GENPASS => shape
1  ACL GENPASS integer => shape
1  ACL HELP => help
1  ACL word
1  ACL LOAD
1  ACL SAVE
6  RESET
3  GET key
3  SET key value
2  MULTI ; GET key ; SET key value ; EXEC
2  PUBLISH 'news 'hello
1  SUBSCRIBE 'news ; UNSUBSCRIBE 'news
1  SPUBLISH 'sport 'hello
5  EVAL script 1 key
1  SORT key BY sort-by GET sort-get => unordered
1  SCAN 0 COUNT 100000 => scan
1  MSET <key value>...
1  RENAME key key
1  COPY key key REPLACE
1  CONFIG GET 'maxmemory
1  CLIENT ID => any-integer
1  CLIENT SETNAME 'x
1  COMMAND COUNT => any-integer !steady
"""

_COMMAND_RULES = """+@all -@all +@read -@read +@write -@write +get -get +set -set +@string -@string +@hash +@list -@list +@set
    +@sortedset +@stream -@stream +@keyspace -@keyspace +@scripting -@scripting +@connection -@connection +@transaction
    +@pubsub -@pubsub +@dangerous -@dangerous +@fast -@slow +@admin -@admin +acl -acl +acl|whoami +acl|dryrun -acl|log
    +config|get -config|set +client|id -client|setname +object|encoding +del -del +eval -eval +multi +exec -exec
    allcommands nocommands +ping -ping +select|0 +@nosuch +nosuch -nosuch|sub +get|sub +mset +rename +copy +sort""".split()
_KEY_RULES = """~* allkeys resetkeys ~s* ~h* ~l* ~t* ~z* ~x* ~b* ~s1 ~?1 ~[sh]1 %R~* %W~* %R~s* %W~s* %RW~h* %R~l* %W~l* %~a %X~a
    %R %RW~ ~ ~{t}*""".split()
_OTHER_RULES = """&* allchannels resetchannels &news &s* on on off nopass resetpass >pw >other <pw <nosuch reset clearselectors
    skip-sanitize-payload sanitize-payload #0 !0
    #30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4""".split()
_SELECTORS = ["(+get ~s*)", "(+@write ~h* ~l*)", "(%R~* +@read)", "(+set %W~s*)", "(allkeys +@all)", "(+@all -@write ~x*)", "()",
              "(", "(+get", "(nosuch)", "(on)", "(+set ~s1 &news)"]
_ODD_RULES = ["nosuch", "+", "-", "+@", "~", "&", ">", "<x", "#abc", "!x", "", "on off", "(+get) x", "+config|nosuch", "%", "%R~",
              "+@read extra", "+ping|x", "-select|x"]


_SCRIPTS = [b"return redis.pcall('GET', KEYS[1])", b"return redis.call('SET', KEYS[1], 'x')",
            b"return {redis.acl_check_cmd('GET', KEYS[1]), redis.acl_check_cmd('SET', KEYS[1], 'x')}",
            b"return redis.acl_check_cmd('NOSUCH')", b"return redis.call('GET', 's1')", b"return redis.pcall('ACL', 'WHOAMI')"]


def _rule(source) -> bytes:
    chance = source.chance()
    pool = (_COMMAND_RULES if chance < 0.5 else _KEY_RULES if chance < 0.75 else _SELECTORS if chance < 0.83 else _OTHER_RULES
            if chance < 0.97 else _ODD_RULES)
    return source.choose(pool).encode()


def _dry_run(source) -> bytes:
    return source.choose([b"GET", b"SET", b"PING", b"RESET", b"AUTH", b"NOSUCH", b"DEL", b"FLUSHALL", b"ACL"])


KINDS = {
    "user": values.of("u1 u1 u2 u3"), "rule": _rule,
    "key-rule": lambda source: source.choose(_KEY_RULES).encode(),
    "command-rule": lambda source: source.choose(_COMMAND_RULES).encode(),
    "script": lambda source: source.choose(_SCRIPTS), "odd-name": lambda source: source.choose([b"with space", b"nul\0", b"u1"]),
    "sort-by": values.of("nosort w_* h*->f1"), "sort-get": values.of("# h*->f1 s*"),
    "odd-rule": lambda source: source.choose(_ODD_RULES).encode(), "dry-run": _dry_run,
}
