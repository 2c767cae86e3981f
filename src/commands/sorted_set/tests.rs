use crate::resp::Protocol;
use crate::testing::{MiniServer, check};

mod combine;
mod compared;
mod events;
mod pop;
mod random;
mod range;
mod scan;

/// A server with a sorted set `z` of members m0, m1, …, whose scores are their numbers.
fn with_members(partitions: usize, count: usize) -> MiniServer {
    let mut server = MiniServer::new(partitions);
    for part in (0..count).collect::<Vec<_>>().chunks(100) {
        let pairs: String = part.iter().map(|number| format!(" {number} m{number}")).collect();
        server.ask(&format!("ZADD z{pairs}"));
    }
    server
}

/// Nothing is in memory any more, and what is on disk has to be waited for.
fn cool(server: &mut MiniServer) {
    server.engine.make_cold(false);
    server.write_behind();
    server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
    server.engine.make_cold(true);
}

/// The elements of a flat array, unquoted.
fn items(reply: &str) -> Vec<String> {
    let text = |line: &str| {
        let (_, rest) = line.trim().split_once(") ").unwrap_or(("", line));
        rest.trim_matches('"').to_string()
    };
    if reply == "(empty array)" { Vec::new() } else { reply.lines().map(text).collect() }
}

#[test]
fn members_get_scores_and_lose_them() {
    check(
        "ZADD z 1 a 2 b 1.5 c\nZADD z 3 a 1 d\nZSCORE z a\nZSCORE z none\nZSCORE none a\nZMSCORE z a none c\nZMSCORE none a\n\
         ZCARD z\nZCARD none\nZREM z a none a\nZREM z b c d\nEXISTS z\nZREM z a",
        r#"(integer) 3
(integer) 1
"3"
(nil)
(nil)
1) "3"
2) (nil)
3) "1.5"
1) (nil)
(integer) 4
(integer) 0
(integer) 1
(integer) 3
(integer) 0
(integer) 0"#,
    );
}

#[test]
fn zadd_changes_what_its_options_allow() {
    check(
        "ZADD z XX 1 a\nEXISTS z\nZADD z NX 1 a 2 b\nZADD z NX 9 a 3 c\nZADD z XX CH 8 a 9 none\nZADD z GT CH 7 a 9 b 1 d\n\
         ZADD z LT CH 9 a 1 b 5 e\nZADD z LT XX CH 1 b 0 f\nZADD z CH 8 a 1 b\nZRANGE z 0 -1 WITHSCORES",
        r#"(integer) 0
(integer) 0
(integer) 2
(integer) 1
(integer) 1
(integer) 2
(integer) 2
(integer) 0
(integer) 0
1) "b"
2) "1"
3) "d"
4) "1"
5) "c"
6) "3"
7) "e"
8) "5"
9) "a"
10) "8""#,
    );
}

#[test]
fn scores_are_added_to() {
    check(
        "ZINCRBY z 1.5 a\nZINCRBY z 1.5 a\nZADD z INCR 2 a\nZADD z NX INCR 2 a\nZADD z XX INCR 2 b\nZADD z GT INCR -1 a\n\
         ZADD z LT INCR 1 a\nZADD z GT INCR 1 a\nZINCRBY z inf a\nZINCRBY z -inf a\nZSCORE z a\nZINCRBY z -inf n\n\
         ZINCRBY z 0 a\nZADD z LT INCR 1 a\nZADD z GT INCR -1 a",
        r#""1.5"
"3"
"5"
(nil)
(nil)
(nil)
(nil)
"6"
"inf"
(error) ERR resulting score is not a number (NaN)
"inf"
"-inf"
"inf"
(nil)
(nil)"#,
    );
}

#[test]
fn errors_are_those_of_redis() {
    let float = "(error) ERR value is not a valid float\n";
    let compatible = "(error) ERR GT, LT, and/or NX options at the same time are not compatible\n".repeat(3);
    let syntax = "(error) ERR syntax error\n";
    check(
        "SET s x\nZADD z nan a\nZADD z 1 a x b\nZADD z \"\" a\nZADD z \" 1\" a\nZINCRBY z x a\nZADD s x a\nEXISTS z\n\
         ZADD z XX NX 1 a\nZADD z GT NX 1 a\nZADD z LT NX 1 a\nZADD z LT GT 1 a\nZADD z INCR 1 a 2 b\nZADD z XX 1 a 2\n\
         ZADD z NX CH XX\nZADD z 1 a 2\nZADD z 1\nZRANK z a WITHSCORES\nZRANK z a WITHSCORE x\nZREVRANK z a WITHSCORE x",
        &format!(
            "OK\n{}(integer) 0\n(error) ERR XX and NX options at the same time are not compatible\n{compatible}\
             (error) ERR INCR option supports a single increment-element pair\n{}\
             (error) ERR wrong number of arguments for 'zadd' command\n{syntax}\
             (error) ERR wrong number of arguments for 'zrank' command\n\
             (error) ERR wrong number of arguments for 'zrevrank' command",
            float.repeat(6),
            syntax.repeat(3),
        ),
    );
}

#[test]
fn other_types_are_refused() {
    let commands = [
        "ZADD s 1 a",
        "ZINCRBY s 1 a",
        "ZREM s a",
        "ZSCORE s a",
        "ZMSCORE s a",
        "ZCARD s",
        "ZCOUNT s 0 1",
        "ZLEXCOUNT s - +",
        "ZRANK s a",
        "ZREVRANK s a",
        "ZRANGE s 0 1",
        "ZRANGESTORE d s 0 1",
        "ZREVRANGE s 0 1",
        "ZRANGEBYSCORE s 0 1",
        "ZREVRANGEBYSCORE s 1 0",
        "ZRANGEBYLEX s - +",
        "ZREVRANGEBYLEX s + -",
        "ZREMRANGEBYRANK s 0 1",
        "ZREMRANGEBYSCORE s 0 1",
        "ZREMRANGEBYLEX s - +",
        "ZPOPMIN s",
        "ZPOPMAX s 0",
        "BZPOPMIN s 1",
        "BZPOPMAX none s 1",
        "ZMPOP 1 s MIN",
        "BZMPOP 1 2 none s MAX",
        "ZUNION 1 s",
        "ZINTER 2 none s",
        "ZDIFF 2 none s x",
        "ZUNIONSTORE d 1 s",
        "ZINTERSTORE d 1 s",
        "ZDIFFSTORE d 1 s",
        "ZINTERCARD 1 s",
        "ZRANDMEMBER s",
        "ZRANDMEMBER s 2",
        "ZSCAN s 0",
    ];
    let wrong = "(error) WRONGTYPE Operation against a key holding the wrong kind of value\n";
    check(&format!("SET s x\n{}", commands.join("\n")), &format!("OK\n{}", wrong.repeat(commands.len())));
}

#[test]
fn ranks_count_from_both_ends() {
    check(
        "ZADD z 1 a 1 b 2 c inf d -inf e\nZRANK z e\nZRANK z b\nZREVRANK z b\nZREVRANK z d\nZRANK z none\nZRANK none a\n\
         ZRANK z c WITHSCORE\nZREVRANK z c withscore\nZRANK z none WITHSCORE\nZRANK none a WITHSCORE",
        "(integer) 5\n(integer) 0\n(integer) 2\n(integer) 2\n(integer) 0\n(nil)\n(nil)\n\
         1) (integer) 3\n2) \"2\"\n1) (integer) 1\n2) \"2\"\n(nil)\n(nil)",
    );
}

#[test]
fn a_zero_has_no_sign_once_it_is_stored() {
    check(
        "ZADD z -0 b 0 a\nZRANGE z 0 -1 WITHSCORES\nZINCRBY z -0 c\nZSCORE z c\nZUNION 1 z WEIGHTS -1 WITHSCORES\n\
         ZUNIONSTORE d 1 z WEIGHTS -1\nZSCORE d a",
        r#"(integer) 2
1) "a"
2) "0"
3) "b"
4) "0"
"-0"
"0"
1) "a"
2) "-0"
3) "b"
4) "-0"
5) "c"
6) "-0"
(integer) 3
"0""#,
    );
}

#[test]
fn scores_are_doubles_in_resp3() {
    let mut server = MiniServer::new(1);
    server.protocol = Protocol::Resp3;
    server.ask("ZADD z 1.5 a inf b");
    for (line, raw) in [
        ("ZSCORE z a", ",1.5\r\n"),
        ("ZMSCORE z b none", "*2\r\n,inf\r\n_\r\n"),
        ("ZINCRBY z 1 a", ",2.5\r\n"),
        ("ZADD z NX INCR 1 a", "_\r\n"),
        ("ZRANGE z 0 0 WITHSCORES", "*1\r\n*2\r\n$1\r\na\r\n,2.5\r\n"),
        ("ZUNION 1 z WITHSCORES", "*2\r\n*2\r\n$1\r\na\r\n,2.5\r\n*2\r\n$1\r\nb\r\n,inf\r\n"),
        ("ZRANK z a WITHSCORE", "*2\r\n:0\r\n,2.5\r\n"),
        ("ZRANK z none WITHSCORE", "_\r\n"),
        ("ZRANDMEMBER z 9 WITHSCORES", "*2\r\n*2\r\n$1\r\na\r\n,2.5\r\n*2\r\n$1\r\nb\r\n,inf\r\n"),
        ("ZPOPMIN none", "*0\r\n"),
        ("ZPOPMAX z", "*2\r\n$1\r\nb\r\n,inf\r\n"),
        ("ZPOPMAX z 1", "*1\r\n*2\r\n$1\r\na\r\n,2.5\r\n"),
    ] {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let reply = String::from_utf8(server.call(&words)).unwrap();
        assert_eq!(reply, raw, "{line}");
    }
}

#[test]
fn a_big_sorted_set_answers_as_a_small_one() {
    for cold in [false, true] {
        let mut server = with_members(1, 1000);
        for (line, reply) in [
            ("ZCARD z", "(integer) 1000"),
            ("ZSCORE z m500", "\"500\""),
            ("ZADD z 500.5 m500 5 new", "(integer) 1"),
            ("ZRANK z m500", "(integer) 501"),
            ("ZREVRANK z m500", "(integer) 499"),
            ("ZRANGE z 499 501", "1) \"m498\"\n2) \"m499\"\n3) \"m500\""),
            ("ZCOUNT z 5 (500.5", "(integer) 496"),
            ("ZREM z new m0 none", "(integer) 2"),
            ("ZPOPMIN z 2", "1) \"m1\"\n2) \"1\"\n3) \"m2\"\n4) \"2\""),
            ("ZPOPMAX z", "1) \"m999\"\n2) \"999\""),
            ("ZREMRANGEBYSCORE z 10 989", "(integer) 980"),
            ("ZRANGE z 0 0", "1) \"m3\""),
            ("ZRANGE z 7 7", "1) \"m990\""),
            ("ZCARD z", "(integer) 16"),
            ("OBJECT ENCODING z", "\"skiplist\""),
            ("ZREMRANGEBYRANK z 0 -1", "(integer) 16"),
            ("EXISTS z", "(integer) 0"),
        ] {
            if cold {
                cool(&mut server);
            }
            assert_eq!(server.ask(line), reply, "{line}, cold: {cold}");
        }
    }
}

#[test]
fn what_is_cold_is_asked_for_together() {
    let mut server = with_members(1, 5000);
    let line: String = (0..50).map(|number| format!(" 1e6 m{}", number * 97)).collect();
    cool(&mut server);
    server.waits = 0;
    assert_eq!(server.ask(&format!("ZADD z CH{line}")), "(integer) 50");
    assert!(server.waits <= 8, "{} waits for fifty members", server.waits);
    cool(&mut server);
    server.waits = 0;
    assert_eq!(items(&server.ask("ZRANGE z 100 300")).len(), 201);
    assert!(server.waits <= 5, "{} waits for 200 neighbours", server.waits);
    cool(&mut server);
    server.waits = 0;
    assert_eq!(items(&server.ask("ZRANGE z 0 -1")).len(), 5000);
    assert!(server.waits <= 4, "{} waits for all", server.waits);
}

#[test]
fn a_long_walk_runs_elsewhere_though_all_is_in_memory() {
    let mut server = with_members(1, 5000);
    server.waits = 0;
    server.ask("ZRANGE z 10 20");
    assert_eq!(server.waits, 0);
    assert_eq!(items(&server.ask("ZREVRANGE z 0 -1")).len(), 5000);
    assert!(server.waits > 0);
    server.waits = 0;
    assert_eq!(server.ask("ZREMRANGEBYRANK z 1 -2"), "(integer) 4998");
    assert!(server.waits > 0);
    assert_eq!(server.ask("ZRANGE z 0 -1"), "1) \"m0\"\n2) \"m4999\"");
}
