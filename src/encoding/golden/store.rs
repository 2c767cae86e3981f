//! A whole store: what commands leave in it, and what a server that opens it answers.

use super::*;
use crate::engine::{Family, Read, Tier};
use crate::testing::MiniServer;

const GOLDEN: &str = include_str!("../../../tests/fixtures/storage/store-v1.hex");

/// Makes at least one entry of each kind. Big hashes shrink to two fields, so that the fixture stays short: they do
/// not move back.
fn made() -> MiniServer {
    let mut server = MiniServer::new(2);
    let mut ask = |line: &str| {
        let reply = server.ask(line);
        assert!(!reply.starts_with("(error)"), "{line}: {reply}");
    };
    ask("SET foo bar");
    ask("SET other {} PXAT 1893456000000");
    ask("SET grown a");
    ask("APPEND grown bc");
    ask("HSET user:1 name ada age 36");
    ask("HPEXPIREAT user:1 1893456000000 FIELDS 1 age");
    for key in ["big", "dropped"] {
        let fields: Vec<String> = (0..129).map(|number| format!("f{number}")).collect();
        let pairs: Vec<String> = fields.iter().map(|field| format!("{field} {key}")).collect();
        ask(&format!("HSET {key} {}", pairs.join(" ")));
        ask(&format!("HDEL {key} {}", fields[2..].join(" ")));
    }
    ask("HPEXPIREAT big 1893456000001 FIELDS 1 f1");
    ask("PEXPIREAT big 1893456000002");
    ask("DEL dropped");
    ask("SELECT 1");
    ask("SET flushed 1");
    ask("FLUSHDB");
    ask("SET kept 1");
    ask("SWAPDB 2 3");
    server.write_behind();
    server
}

#[test]
fn commands_leave_the_entries_that_they_always_left() {
    let found = written(&made().engine);
    let golden: String = lines(GOLDEN).map(|line| format!("{line}\n")).collect();
    assert!(found == golden, "the store is now:\n{found}");
}

#[test]
fn a_store_of_then_answers_now() {
    for partitions in [1, 2, 5] {
        let mut server = MiniServer::open(store_of(GOLDEN), partitions, Vec::new());
        let mut answers = |line: &str, expected: &str| {
            assert_eq!(server.ask(line), expected, "{line}, with {partitions} partitions");
        };
        answers("DBSIZE", "(integer) 5");
        answers("GET foo", "\"bar\"");
        answers("GET other", "\"{}\"");
        answers("PEXPIRETIME other", "(integer) 1893456000000");
        answers("GET grown", "\"abc\"");
        answers("OBJECT ENCODING grown", "\"raw\"");
        answers("HGETALL user:1", "1) \"name\"\n2) \"ada\"\n3) \"age\"\n4) \"36\"");
        answers("HPEXPIRETIME user:1 FIELDS 2 name age", "1) (integer) -1\n2) (integer) 1893456000000");
        answers("HLEN big", "(integer) 2");
        answers("HMGET big f0 f1 f2", "1) \"big\"\n2) \"big\"\n3) (nil)");
        answers("HPEXPIRETIME big FIELDS 1 f1", "1) (integer) 1893456000001");
        answers("PEXPIRETIME big", "(integer) 1893456000002");
        answers("EXISTS dropped", "(integer) 0");
        answers("SELECT 1", "OK");
        answers("DBSIZE", "(integer) 1");
        answers("MGET flushed kept", "1) (nil)\n2) \"1\"");
    }
}

/// What is due is found by the index, and orphans by their marks, in a store of then.
#[test]
fn a_store_of_then_is_tidied_now() {
    let mut server = MiniServer::open(store_of(GOLDEN), 2, Vec::new());
    server.now_ms = 1_893_456_000_002;
    server.expire();
    assert_eq!(server.ask("DBSIZE"), "(integer) 3");
    assert_eq!(server.ask("HGETALL user:1"), "1) \"name\"\n2) \"ada\"");
    assert!(server.engine.dump(Family::Expiry).is_empty());
    let marks = server.engine.dump(Family::System);
    let orphans = marks.iter().filter(|(key, _)| key.starts_with(b"orphan/")).count();
    assert_eq!(orphans, 2, "one that was there, and the big hash whose time came");
    crate::keyspace::write_behind::reclaim_orphans(&server.engine, 10).unwrap();
    assert!(server.engine.dump(Family::Element).is_empty());
    let found = crate::keyspace::recovery::read(&server.engine, 16).unwrap();
    assert_eq!(found.dead, [1], "the namespace of the flushed database");
    assert_eq!(server.engine.get(Family::System, b"dead/\0\0\0\x01", Tier::Disk), Ok(Some(Vec::new())));
}
