"""ACL: users, commands and keys, each with each, against redis-server; and what only a daemon has: files, restarts."""

import shutil
import unittest

import common
from common import Connection, ReplyError, ServerTest
from server import Server, free_port

REDIS = shutil.which("redis-server")

# Users by their rules. Between them each rule allows what another one refuses.
USERS = {
    "nothing": "on nopass",
    "all": "on nopass ~* &* +@all",
    "no-keys": "on nopass &* +@all",
    "no-channels": "on nopass ~* +@all",
    "reads": "on nopass %R~r* %W~w* %RW~b* &c* +@all",
    "only-read": "on nopass %R~* &* +@all",
    "only-write": "on nopass %W~* &* +@all",
    "reader": "on nopass ~r* ~k +@read",
    "writer": "on nopass ~w* ~k +@write -@string",
    "fast": "on nopass ~* +@fast -@connection +ping",
    "no-danger": "on nopass ~* &* +@all -@dangerous -@admin +info",
    "single": "on nopass ~k &c +get +set +config|get +client|id +publish +select|0 +object|encoding",
    "less": "on nopass allkeys allchannels +@all -get -config|set -client -subscribe -bitfield -object|freq",
    "selectors": "on nopass +get ~k (+set ~w* ) (+mget ~r* ~k) (%R~b* +@all) (&c* +publish +subscribe)",
    "late": "on nopass -@all +@hash -hget +@sortedset ~r1 ~w1 (+sort ~* ) (+copy %R~r* %W~w*)",
    "off": "off nopass ~* &* +@all",
}

# Commands whose keys stand in one of every way that there is, with keys and channels that some users may use.
COMMANDS = [line.split() for line in """
GET k|GET r1|GET w1|GET b1|GET x|SET k v|SET w1 v|SET r1 v|SET w1 v GET|SET b1 v EX 10 GET|SET w1 v KEEPTTL
SETNX w1 v|GETSET b1 v|GETDEL w1|GETEX r1|INCR w1|APPEND b1 v|STRLEN w1|SETRANGE w1 0 v|GETRANGE r1 0 1|LCS r1 r2
MGET r1 r2|MGET r1 x|MGET k r1 w1|MSET w1 v w2 v|MSET w1 v x v|MSETNX w1 v b1 v|DEL w1|DEL w1 r1 x|UNLINK b1|EXISTS w1 r1 x
TOUCH w1|TYPE w1|RENAME w1 w2|RENAME r1 w1|RENAMENX b1 w1|COPY r1 w1|COPY w1 r1|COPY b1 b2|EXPIRE w1 10|TTL r1|PERSIST w1
OBJECT ENCODING k|OBJECT FREQ k|OBJECT HELP|DUMP r1|RESTORE w1 0 x|KEYS *|SCAN 0|RANDOMKEY|DBSIZE
BITFIELD r1 GET u4 0|BITFIELD b1 SET u4 0 1|BITFIELD w1 SET u4 0 1|BITFIELD r1 OVERFLOW WRAP GET u4 0|BITFIELD r1 GET u4 0 INCRBY u4 0 1
BITFIELD_RO r1 GET u4 0|BITFIELD r1|BITFIELD r1 GET u4|SETBIT w1 0 1|GETBIT r1 0|BITCOUNT r1|BITPOS r1 1|BITOP AND w1 r1 r2|BITOP AND x r1|BITOP NOT w1 x
LPUSH w1 v|RPUSHX w1 v|LPOP b1|LLEN w1|LRANGE r1 0 -1|LMOVE r1 w1 LEFT LEFT|RPOPLPUSH b1 w1|LMPOP 1 b1 LEFT|LMPOP 2 b1 x LEFT|LMPOP 9 b1 LEFT|BLPOP b1 w1 0.01|BLMOVE b1 w1 LEFT LEFT 0.01|BLMPOP 0.01 1 b1 LEFT
SADD w1 m|SMEMBERS r1|SCARD w1|SISMEMBER w1 m|SMOVE b1 w1 m|SMOVE r1 w1 m|SINTER r1 r2|SINTERSTORE w1 r1 r2|SUNIONSTORE r1 w1|SINTERCARD 2 r1 r2|SINTERCARD 1 w1|SINTERCARD 5 r1|SINTERCARD x r1|SINTERCARD -1 r1|SPOP w1|SRANDMEMBER r1
HSET w1 f v|HGET r1 f|HGETALL r1|HLEN w1|HDEL w1 f|HEXISTS w1 f|HSTRLEN w1 f|HINCRBY b1 f 1|HRANDFIELD r1|HSCAN r1 0
ZADD w1 1 m|ZADD b1 INCR 1 m|ZRANGE r1 0 -1|ZRANGESTORE w1 r1 0 -1|ZRANGESTORE r1 w1 0 -1|ZCARD w1|ZSCORE r1 m|ZINCRBY b1 1 m|ZUNION 2 r1 r2|ZUNION 1 w1|ZUNION 9 w1|ZUNIONSTORE w1 2 r1 r2|ZUNIONSTORE x 1 r1|ZUNIONSTORE w1 9 r1|ZUNIONSTORE x 9 r1|ZUNIONSTORE x y r1|ZDIFFSTORE w1 1 x|ZINTERCARD 1 w1|ZPOPMIN b1|ZMPOP 1 b1 MIN|BZPOPMIN b1 0.01|BZMPOP 0.01 2 b1 x MIN|ZREMRANGEBYRANK w1 0 1|ZCOUNT w1 0 1
GEOADD w1 1 1 m|GEOPOS r1 m|GEODIST r1 a b|GEORADIUS r1 0 0 1 m|GEORADIUS r1 0 0 1 m STORE w1|GEORADIUS r1 0 0 1 m STOREDIST x|GEORADIUS w1 0 0 1 m|GEORADIUS x 0 0 1 m STORE w1|GEORADIUSBYMEMBER r1 m 1 m STORE w1|GEORADIUS_RO r1 0 0 1 m|GEOSEARCH r1 FROMMEMBER m BYRADIUS 1 m|GEOSEARCHSTORE w1 r1 FROMMEMBER m BYRADIUS 1 m|GEOSEARCHSTORE r1 w1 FROMMEMBER m BYRADIUS 1 m
XADD w1 * f v|XLEN w1|XRANGE r1 - +|XREAD STREAMS r1 r2 0 0|XREAD COUNT 1 STREAMS r1 x 0 0|XREAD STREAMS r1|XREAD COUNT STREAMS STREAMS w1 0|XREADGROUP GROUP g c STREAMS b1 >|XREADGROUP GROUP g c STREAMS r1 >|XREADGROUP GROUP STREAMS c STREAMS b1 0|XGROUP CREATE w1 g $|XINFO STREAM r1|XINFO GROUPS w1|XACK w1 g 1|XDEL w1 1|XTRIM w1 MAXLEN 0|XCLAIM b1 g c 0 1|XPENDING r1 g
PFADD w1 v|PFCOUNT r1 r2|PFCOUNT w1|PFMERGE w1 r1|PFMERGE r1 w1
SORT r1|SORT r1 BY x*|SORT r1 GET #|SORT r1 BY nosort|SORT r1 LIMIT a b BY x*|SORT r1 BY x* FOO|SORT r1 FOO|SORT r1 STORE w1|SORT r1 STORE r2|SORT w1 STORE w2|SORT r1 STORE x STORE w1|SORT r1 BY STORE STORE w1|SORT r1 BY w* GET w* STORE w1|SORT_RO r1|SORT_RO r1 GET x*|SORT_RO w1
MIGRATE 127.0.0.1 1 b1 0 10|MIGRATE 127.0.0.1 1 r1 0 10|MIGRATE 127.0.0.1 1 x 0 10 COPY|MEMORY USAGE r1|MEMORY USAGE x|MEMORY DOCTOR|WATCH r1|WATCH w1 x
PUBLISH c m|PUBLISH c1 m|PUBLISH d m|SPUBLISH c1 m|SPUBLISH d m|PUBSUB CHANNELS|PUBSUB NUMSUB d|SELECT 0|SELECT 1|select 0|ECHO x|PING|TIME|ROLE|INFO|LASTSAVE|CLIENT ID|CLIENT GETNAME|CLIENT SETNAME n|CLIENT LIST|CLIENT HELP|CLIENT NO-EVICT off|CONFIG GET port|CONFIG SET port x|CONFIG HELP|COMMAND COUNT|COMMAND|COMMAND INFO get|SLOWLOG LEN|LATENCY HELP|ACL WHOAMI|ACL LIST|ACL CAT|ACL GENPASS|ACL DELUSER nobody|DEBUG HELP|LOLWUT|DISCARD|UNWATCH|WAIT 0 0|SWAPDB 0 0|REPLICAOF|AUTH nobody x|HELLO 9|NOTHING x|CONFIG NOTHING|GET
""".replace("\n", "|").strip("|").split("|")]

# Only asked about: they would subscribe, close or stop something, or the two servers have other rights to do so.
ASKED = [line.split() for line in """
SUBSCRIBE c c1|SUBSCRIBE c d|PSUBSCRIBE c*|PSUBSCRIBE c|PSUBSCRIBE d|SSUBSCRIBE c1|SSUBSCRIBE d|UNSUBSCRIBE d|PUNSUBSCRIBE d|SUNSUBSCRIBE
MIGRATE h 1 KEYS 0 9|MIGRATE h 1 k 0 9 AUTH KEYS|MONITOR|SHUTDOWN|FLUSHALL|SAVE|BGSAVE|DEBUG OBJECT r1|DEBUG SLEEP 0|QUIT|RESET|MULTI|EXEC|PSYNC ? -1|REPLCONF ACK 1|CLIENT KILL x|CLIENT REPLY OFF
""".replace("\n", "|").strip("|").split("|")]

# Rules, each list applied to a fresh user in turn: replies and what is left are the same.
RULES = [line.split() for line in """
on|off|nopass >x|>x >x <x|<x|>x nopass|#zz|!zz|resetpass|sanitize-payload|skip-sanitize-payload sanitize-payload|reset|reset on ~x
~a ~a ~b|~a %R~a %W~a|%R~a %W~a|%R~a %R~b %W~c|%RR~a|%~a|%|%R|%W~|~|%rw~x|allkeys ~a|~* %R~a|~a allkeys|resetkeys ~a|~a ~*
&a &a &b|&|allchannels &a|&a &* resetchannels|resetchannels &a|&a allchannels
+@all|-@all|+get -get|+@read -@write|+@nothing|+nothing|-nothing|+|-|+@|-@|+get||+get|a|-get|a|+config|get|-config|nothing|+config|get|x|+select|0 +select|1|+||allcommands nocommands|+@ALL|+GET|+CONFIG|GET
(+get ~a) (+set ~b)|( +get   ~a )|( ~a|()|(on)|(+nothing)|(%R~a &b)|(&* &a)|() clearselectors|(~a) reset|)|(~a)b|((~a))|foo|ON|ResetKeys
""".replace("\n", "\0").replace("|", "\0").strip("\0").split("\0")]


def pipeline(connection: Connection, commands) -> list:
    """Replies, as something that can be compared."""
    return [shown(reply) for reply in connection.pipeline(commands)]


def shown(reply):
    if isinstance(reply, ReplyError):
        return f"error: {reply}"
    return [shown(item) for item in reply] if isinstance(reply, list) else reply


def dictionary(flat: list) -> dict:
    return dict(zip(flat[::2], flat[1::2]))


@unittest.skipUnless(REDIS, "no redis-server to compare with")
class AgainstRedis(ServerTest):
    COST = 8

    def setUp(self):
        super().setUp()
        self.pika = self.server("--enable-debug-command", "yes")
        self.redis = self.enterContext(Server(REDIS, self.folder / "redis",
                                              ["--save", "", "--enable-debug-command", "yes"]))
        self.both = [self.enterContext(server.connect()) for server in (self.pika, self.redis)]

    def on_both(self, commands) -> tuple[list, list]:
        ours, theirs = (pipeline(connection, commands) for connection in self.both)
        return ours, theirs

    def make_users(self) -> None:
        commands = [("ACL", "SETUSER", name, *rules.split()) for name, rules in USERS.items()]
        for replies in self.on_both(commands):
            self.assertEqual(replies, [b"OK"] * len(commands))

    def common(self) -> list[str]:
        """Names of commands, subcommands too, that both have."""
        ours, theirs = ({name.decode() for name in pipeline(connection, [("COMMAND", "LIST")])[0]}
                        for connection in self.both)
        return sorted(ours & theirs)

    def test_every_command_is_of_the_same_categories(self):
        names = self.common()
        self.assertGreater(len(names), 300)
        ours, theirs = self.on_both([("COMMAND", "INFO", *names)])
        differing = {name: (sorted(one[6]), sorted(other[6]))
                     for name, one, other in zip(names, ours[0], theirs[0]) if sorted(one[6]) != sorted(other[6])}
        # WAIT is of @blocking since Redis 7.2.
        self.assertEqual(differing.pop("wait"), ([b"@blocking", b"@connection", b"@slow"], [b"@connection", b"@slow"]))
        self.assertEqual(differing, {})
        categories, theirs = self.on_both([("ACL", "CAT")])
        self.assertEqual(categories, theirs)
        for category in categories[0]:
            ours, theirs = (set(replies[0]) & {name.encode() for name in names}
                            for replies in self.on_both([("ACL", "CAT", category)]))
            self.assertEqual(ours - {b"wait"}, theirs - {b"wait"}, category)

    def test_users_by_commands_by_keys_as_dryrun_tells(self):
        self.make_users()
        asked = COMMANDS + ASKED
        for name in self.common():
            # Words of three kinds, as many as the command may take at least and some more.
            parts = name.split("|")
            for filler in ("r1", "w1", "1"):
                asked += [[*parts, *[filler] * count] for count in (0, 1, 2, 3, 5)
                          # PFMERGE without sources: Redis does not look at the key that it writes.
                          if (name, count) != ("pfmerge", 1)]
        matrix = [("ACL", "DRYRUN", user, *words) for user in [*USERS, "nobody"] for words in asked]
        ours, theirs = self.on_both(matrix)
        differing = [(" ".join(words[2:]), one, other)
                     for words, one, other in zip(matrix, ours, theirs)
                     if one != other and not takes_more_words(words[3:], other)]
        self.assertEqual(differing[:20], [], f"{len(differing)} of {len(matrix)}")

    def test_users_by_commands_by_keys_as_they_run(self):
        self.make_users()
        for user in USERS:
            connections = [self.enterContext(server.connect()) for server in (self.pika, self.redis)]
            first, second = (pipeline(connection, [("AUTH", user, "x")]) for connection in connections)
            self.assertEqual(first, second, user)
            if user == "off":
                continue
            for words in COMMANDS:
                one, other = (pipeline(connection, [words])[0] for connection in connections)
                refusals = [reply if refused(reply) else "allowed" for reply in (one, other)]
                self.assertEqual(*refusals, f"{user}: {' '.join(words)}: {one!r:.200} {other!r:.200}")
            # In a transaction the same is refused when it is queued, and EXEC with it.
            for words in (["GET", "k"], ["GET", "x"], ["SET", "w1", "v"], ["PUBLISH", "d", "m"], ["NOTHING"]):
                one, other = (pipeline(connection, [("MULTI",), words, ("EXEC",)]) for connection in connections)
                self.assertEqual([refused(reply) and reply for reply in one],
                                 [refused(reply) and reply for reply in other], (user, words))
        logs = [[without_times(entry) for entry in pipeline(connection, [("ACL", "LOG", 500)])[0]]
                for connection in self.both]
        self.assertGreater(len(logs[0]), 50)
        self.assertEqual(*logs)

    def test_rules_are_taken_and_refused_alike(self):
        for number, rules in enumerate(RULES):
            user = f"user{number}"
            commands = [("ACL", "SETUSER", user, *rules), ("ACL", "GETUSER", user), ("ACL", "SETUSER", user, "on"),
                        ("ACL", "SETUSER", user, *rules), ("ACL", "GETUSER", user)]
            ours, theirs = (without_commands(replies) for replies in self.on_both(commands))
            self.assertEqual(ours, theirs, rules)

    def test_rights_that_change_within_a_transaction(self):
        self.make_users()
        for server, admin in zip((self.pika, self.redis), self.both):
            client = self.enterContext(server.connect())
            client.call("AUTH", "single", "x")
            pipeline(admin, [("ACL", "SETUSER", "single", "+multi", "+exec")])
            queued = pipeline(client, [("MULTI",), ("GET", "k"), ("PUBLISH", "c", "m"), ("SELECT", "0")])
            self.assertEqual(queued, [b"OK"] + [b"QUEUED"] * 3)
            pipeline(admin, [("ACL", "SETUSER", "single", "resetkeys", "resetchannels", "-select")])
            replies = pipeline(client, [("EXEC",)])[0]
            before = ("error: NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC "
                      "call. This command is no longer allowed for the following reason: no permission to ")
            self.assertEqual(replies, [
                before + "touch the specified keys",
                before + "access one of the channels used as arguments",
                before + "execute the command or subcommand"])

    def test_rights_that_a_transaction_changes_hold_for_what_stands_behind(self):
        several = self.server("--threads", "2", "--enable-debug-command", "yes", name="several")
        set_key = "return redis.pcall('SET', KEYS[1], 'x')"
        transactions = [
            [("ACL", "SETUSER", "t", "-get"), ("GET", "k"), ("MGET", "k"), ("ACL", "SETUSER", "t", "+get", "nonsense"),
             ("GET", "k"), ("ACL", "SETUSER", "t", "+get"), ("GET", "k")],
            [("EVAL", set_key, "1", "k"), ("ACL", "SETUSER", "t", "resetkeys", "~a", "-strlen"), ("SET", "k", "v"),
             ("SET", "a", "v"), ("EVAL", "return redis.pcall('STRLEN', KEYS[1])", "1", "a"), ("STRLEN", "a"),
             ("EVAL", set_key, "1", "a"), ("EVAL", set_key, "1", "k"), ("SELECT", "0"), ("ACL", "SETUSER", "t", "~*")],
            [("AUTH", "less", "wrong"), ("ACL", "WHOAMI"), ("GET", "k"), ("CLIENT", "ID"), ("ACL", "SETUSER", "less", "-acl")],
            [("HELLO", "2", "AUTH", "reads", "x", "SETNAME", "n"), ("SET", "k", "v"), ("SET", "w1", "v"), ("ACL", "WHOAMI")],
            # Who removes himself is closed: what Redis sends him of EXEC's reply is cut off.
            [("ACL", "DELUSER", "writer", "nobody"), ("AUTH", "writer", "x"), ("ACL", "WHOAMI"), ("SET", "k", "last")],
        ]
        ends = []
        for server in (self.redis, self.pika, several):
            admin = self.enterContext(server.connect())
            pipeline(admin, [("ACL", "SETUSER", name, *rules.split()) for name, rules in USERS.items()])
            admin.call("ACL", "LOG", "RESET")
            replies = []
            for commands in transactions:
                admin.call("ACL", "SETUSER", "t", "reset", "on", "nopass", "~*", "&*", "+@all")
                client = self.enterContext(server.connect())
                client.call("AUTH", "t", "x")
                results = pipeline(client, [("MULTI",), *commands, ("EXEC",)])[-1]
                self.assertEqual(len(results), len(commands))
                replies.append([result for words, result in zip(commands, results) if words[0] not in ("HELLO", "CLIENT")])
            # What EXEC refuses is in our log before what its scripts are refused.
            log = sorted((without_times(entry) for entry in admin.call("ACL", "LOG", 500)), key=repr)
            ends.append((replies, admin.call("GET", "k"), admin.call("GET", "a"), log))
        for end in ends[1:]:
            self.assertEqual(ends[0], end)
        self.assertIn("ACLs rules changed between", repr(ends[0][0][0][1]))


def takes_more_words(words, refusal) -> bool:
    """Whether these words are a command only here: newer versions of Redis take more of them, or Pika does (KEYS)."""
    name = " ".join(words[:2] if words[0] == "command" else words[:1]).lower()
    return name in ("command getkeys", "command getkeysandflags", "keys", "zrank", "zrevrank") and \
        str(refusal).startswith("error: ERR wrong number of arguments")


def refused(reply) -> bool:
    return isinstance(reply, str) and ("NOPERM" in reply or "EXECABORT" in reply or "insufficient ACL" in reply)


def without_times(entry: list) -> dict:
    fields = dictionary(entry)
    return {name: fields[name] for name in (b"count", b"reason", b"context", b"object", b"username")}


def without_commands(replies: list) -> list:
    """Replies in which what GETUSER says of commands is left out: Redis 7.0 guesses it from what is allowed."""
    def of_user(reply):
        if not isinstance(reply, list):
            return reply
        fields = dictionary(reply)
        fields.pop(b"commands")
        if b"selectors" in fields:
            fields[b"selectors"] = [of_user(selector) for selector in fields[b"selectors"]]
        if b"flags" in fields:
            fields[b"flags"] = sorted(fields[b"flags"])
        return fields
    return [of_user(reply) for reply in replies]


class Kept(ServerTest):
    """Users in files, and what becomes of clients."""

    def test_users_of_a_file_outlive_a_restart(self):
        server = Server(common.PROGRAM, self.folder / "server", ["--aclfile", "users.acl"])
        path = self.folder / "server" / "data" / "users.acl"
        path.parent.mkdir(parents=True)
        path.write_text("user default on nopass ~* &* +@all\n")
        with server:
            with server.connect() as admin:
                admin.call("ACL", "SETUSER", "alice", "on", ">secret", "~a*", "+@all", "(+get ~b*)")
                admin.call("ACL", "SAVE")
                listed = admin.call("ACL", "LIST")
            self.assertNotIn("secret", path.read_text())
            server.stop()
            server.start()
            with server.connect() as client:
                self.assertEqual(client.call("ACL", "LIST"), listed)
                self.assertEqual(client.call("AUTH", "alice", "secret"), b"OK")
                self.assertEqual(client.call("GET", "b1"), None)
                with self.assertRaisesRegex(ReplyError, "NOPERM"):
                    client.call("SET", "b1", "v")

    def test_config_rewrite_keeps_users(self):
        for name, text in (("redis.conf", "user bob on >x ~* +@all\n# a remark\n"),
                           ("pika.toml", 'user = ["bob on >x ~* +@all"]\n# a remark\n')):
            folder = self.folder / name.replace(".", "-")
            folder.mkdir()
            path = folder / name
            path.write_text(text)
            port = free_port()
            arguments = (path, "--port", port, "--dir", folder / "data")
            process = self.launch(*arguments)
            admin = self.wait_for(process, port)
            admin.call("ACL", "SETUSER", "eve", "on", "nopass", "+ping", "(%R~a +get)", "(~b +set)")
            listed = admin.call("ACL", "LIST")
            self.assertEqual(len(listed), 3)
            self.assertEqual(admin.call("CONFIG", "REWRITE"), b"OK")
            process.terminate()
            process.wait()
            self.assertIn("# a remark", path.read_text())
            self.assertNotIn(">x", path.read_text())
            process = self.launch(*arguments)
            # As in Redis, what a configuration says of default begins with a reset, which shows.
            again = [line.replace(b" sanitize-payload", b"") for line in self.wait_for(process, port).call("ACL", "LIST")]
            self.assertEqual(again, listed, path.read_text())

    def test_users_of_any_bytes_outlive_a_rewrite_and_a_restart(self):
        rules = (b"on", b">p\xffw", b"~\x80k", b"~caf\xe9*", b"&\xfe", b"+@all")
        for name in ("redis.conf", "pika.toml", "users.acl"):
            folder = self.folder / name.replace(".", "-")
            (folder / "data").mkdir(parents=True)
            in_file = name == "users.acl"
            path = folder / ("redis.conf" if in_file else name)
            path.write_text("")
            (folder / "data" / "users.acl").write_text("user default on nopass sanitize-payload ~* &* +@all\n")
            port = free_port()
            arguments = (path, "--port", port, "--dir", folder / "data", *(("--aclfile", name) if in_file else ()))
            process = self.launch(*arguments)
            admin = self.wait_for(process, port)
            self.assertEqual(admin.call("ACL", "SETUSER", b"us\xc3er", *rules), b"OK")
            listed = admin.call("ACL", "LIST")
            self.assertIn(b"user us\xc3er on", listed[1])
            self.assertEqual(admin.call(*(("ACL", "SAVE") if in_file else ("CONFIG", "REWRITE"))), b"OK")
            process.terminate()
            process.wait()
            process = self.launch(*arguments)
            client = self.wait_for(process, port)
            again = [line.replace(b" sanitize-payload", b"") for line in client.call("ACL", "LIST")]
            self.assertEqual(again, [line.replace(b" sanitize-payload", b"") for line in listed])
            self.assertEqual(client.call("AUTH", b"us\xc3er", b"p\xffw"), b"OK")
            self.assertEqual(client.call("SET", b"caf\xe9s", "v"), b"OK")
            with self.assertRaisesRegex(ReplyError, "NOPERM"):
                client.call("SET", "cafes", "v")
            process.terminate()
            process.wait()

    def test_a_start_with_wrong_users_is_refused(self):
        data = ("--dir", self.folder / "data", "--port", free_port())
        self.assertIn("Duplicate user", self.refuses("--user", "foo", "--user", "foo", *data))
        self.assertIn("Unknown command", self.refuses("--user", "foo", "+nothing", *data))
        self.assertIn("No such file", self.refuses("--aclfile", "nowhere.acl", *data))
        self.assertIn("only one of them", self.refuses("--aclfile", "x.acl", "--user", "foo on", *data))

    def test_a_client_of_a_removed_user_is_closed_wherever_it_waits(self):
        server = self.server("--threads", "2")
        admin = self.enterContext(server.connect())
        admin.call("ACL", "SETUSER", "u", "on", "nopass", "~*", "&*", "+@all")
        clients = [self.enterContext(server.connect()) for _ in range(4)]
        for client in clients:
            client.call("AUTH", "u", "x")
        clients[1].send("BLPOP", "nothing", "0")
        clients[2].call("SUBSCRIBE", "c")
        self.until(lambda: b" flags=b " in admin.call("CLIENT", "LIST"), what="the wait")
        # The last one removes itself: it gets the answer, and then is closed.
        self.assertEqual(clients[3].call("ACL", "DELUSER", "u"), 1)
        for client in clients:
            with self.assertRaises(ConnectionError):
                client.read()
        self.assertEqual(admin.call("ACL", "USERS"), [b"default"])

    def test_passwords_are_in_no_log(self):
        server = self.server("--slowlog-log-slower-than", "0")
        admin, watcher = (self.enterContext(server.connect()) for _ in range(2))
        watcher.call("MONITOR")
        admin.call("ACL", "SETUSER", "u", "on", ">hunter2", "+@all")
        admin.call("AUTH", "u", "hunter2")
        admin.call("HELLO", "2", "AUTH", "u", "hunter2")
        admin.call("PING", "the end")
        seen = b""
        while b"the end" not in seen:
            seen += watcher.read()
        self.assertNotIn(b"hunter2", seen)
        self.assertNotIn("hunter2", repr(admin.call("SLOWLOG", "GET", "100")))
        self.assertNotIn("hunter2", repr(admin.call("ACL", "LIST")))
        self.assertNotIn("hunter2", server.log.read_text())

    def test_renamed_commands(self):
        server = self.server("--rename-command", "FLUSHALL", "", "--rename-command", "SET", "put", "--rename-command",
                             "CONFIG", "secret")
        with server.connect() as client:
            for gone in (("FLUSHALL",), ("SET", "k", "v"), ("CONFIG", "GET", "port")):
                with self.assertRaisesRegex(ReplyError, f"unknown command '{gone[0]}'"):
                    client.call(*gone)
            self.assertEqual(client.call("PUT", "k", "v"), b"OK")
            self.assertEqual(client.call("secret", "get", "port")[0], b"port")
            self.assertTrue(client.call("SECRET", "HELP"))
            self.assertEqual(pipeline(client, [("MULTI",), ("put", "l", "w"), ("EXEC",)])[2], [b"OK"])
            # Rules have the true names.
            client.call("ACL", "SETUSER", "u", "on", "nopass", "~*", "+set")
            self.assertEqual(client.call("ACL", "DRYRUN", "u", "put", "k", "v"), b"OK")
        server.kill()
        server.start()
        with server.connect() as client:
            self.assertEqual([client.call("GET", "k"), client.call("GET", "l")], [b"v", b"w"], "the log was run again")
        self.assertIn("there is no command", self.refuses("--rename-command", "nothing", "x"))
