//! A key of each type in each of its forms: what commands leave, and what a server that opens it answers.

use super::*;
use crate::testing::MiniServer;

const GOLDEN: &str = include_str!("../../../tests/fixtures/storage/types-v1.hex");

/// Collections that outgrew their small form shrink again, so that the fixture stays short: they do not move back.
fn made() -> MiniServer {
    let mut server = MiniServer::new(1);
    server.settings.stream_node_max_entries = 2;
    let mut ask = |line: &str| {
        let reply = server.ask(line);
        assert!(!reply.starts_with("(error)"), "{line}: {reply}");
    };
    let many = |make: fn(usize) -> String| (0..129).map(make).collect::<Vec<_>>();
    ask("SETRANGE fragments 20000 end");
    ask("SETBIT fragments 7 1");
    ask("RPUSH list a b c 12");
    ask(&format!("RPUSH chunks {}", many(|n| format!("e{n}")).join(" ")));
    ask("LTRIM chunks 60 66");
    ask(&format!("RPUSH chunks {}", "long".repeat(300)));
    ask("SADD integers 3 -1 200");
    ask("SADD set b a");
    let members = many(|n| format!("m{n}"));
    ask(&format!("SADD members {}", members.join(" ")));
    ask(&format!("SREM members {}", members[2..].join(" ")));
    ask("ZADD zset 1.5 a -inf b 0 c");
    for n in 0..10 {
        ask(&format!("ZADD tree {n} {n}{}", "-".repeat(450 + n)));
    }
    ask("ZADD tree 2.25 short");
    ask("GEOADD places 13.361389 38.115556 Palermo");
    for n in 1..=7 {
        ask(&format!("XADD stream {n}-{n} f v{n} g w"));
    }
    ask("XADD stream 8-0 other fields");
    ask("XGROUP CREATE stream g 0");
    ask("XREADGROUP GROUP g alice COUNT 3 STREAMS stream >");
    ask("XREADGROUP GROUP g bob COUNT 1 STREAMS stream >");
    ask("XGROUP CREATECONSUMER stream g carol");
    ask("XACK stream g 1-1");
    ask("XDEL stream 3-3 4-4 6-6");
    ask("XTRIM stream MAXLEN 4");
    server.write_behind();
    server
}

fn content(text: &str) -> String {
    let wanted = lines(text).filter(|line| line.starts_with("meta") || line.starts_with("element"));
    wanted.map(|line| format!("{line}\n")).collect()
}

#[test]
fn commands_leave_the_entries_that_they_always_left() {
    let found = written(&made().engine);
    assert!(content(&found) == content(GOLDEN), "the store is now:\n{found}");
}

#[test]
fn keys_of_then_are_read_now() {
    let mut then = MiniServer::open(store_of(GOLDEN), 2, Vec::new());
    assert_eq!(then.ask("DBSIZE"), "(integer) 10");
    assert_eq!(then.ask("GETRANGE fragments 19999 -1"), "\"\\x00end\"");
    assert_eq!(then.ask("BITCOUNT fragments 0 0"), "(integer) 1");
    assert_eq!(then.ask("LRANGE list 0 -1"), "1) \"a\"\n2) \"b\"\n3) \"c\"\n4) \"12\"");
    assert_eq!(then.ask("LRANGE chunks 0 1"), "1) \"e60\"\n2) \"e61\"");
    assert_eq!(then.ask("LINDEX chunks -1"), format!("\"{}\"", "long".repeat(300)));
    assert_eq!(then.ask("SMISMEMBER members m0 m1 m2"), "1) (integer) 1\n2) (integer) 1\n3) (integer) 0");
    assert_eq!(then.ask("OBJECT ENCODING integers"), "\"intset\"");
    assert_eq!(then.ask("ZRANK tree short"), "(integer) 3");
    assert_eq!(then.ask("GEOHASH places Palermo"), "1) \"sqc8b49rny0\"");
    assert_eq!(then.ask("XLEN stream"), "(integer) 4");
    // All of it is what a server of now would hold, whatever the question.
    let mut now = made();
    for key in
        ["fragments", "list", "chunks", "integers", "set", "members", "zset", "tree", "places", "stream"]
    {
        let question = match then.ask(&format!("TYPE {key}")).as_str() {
            "string" => "GET {}",
            "list" => "LRANGE {} 0 -1",
            "set" => "SMEMBERS {}",
            "zset" => "ZRANGE {} 0 -1 WITHSCORES",
            _ => "XINFO STREAM {} FULL COUNT 0",
        };
        let question = question.replace("{}", key);
        assert_eq!(then.ask(&question), now.ask(&question), "{key}");
    }
    assert_eq!(then.ask("XACK stream g 2-2 4-4"), "(integer) 2");
}
