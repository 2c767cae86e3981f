//! DUMP and RESTORE of every type: what is dumped comes back, whatever its form.

use super::*;
use crate::engine::memory::MemoryEngine;
use crate::rdb::{self, Consumer, Group, Limits, Pending, Stream, StreamEntry, StreamId, Value};

/// Lines of what a key holds, all of it, by its type's own commands.
fn full(server: &mut MiniServer, key: &str) -> Vec<String> {
    let kind = server.ask(&format!("TYPE {key}"));
    let questions: &[&str] = match kind.as_str() {
        "string" => &["GET {}", "STRLEN {}"],
        "list" => &["LRANGE {} 0 -1", "LLEN {}"],
        "set" => &["SMEMBERS {}", "SCARD {}"],
        "zset" => &["ZRANGE {} 0 -1 WITHSCORES", "ZCARD {}"],
        "hash" => &["HGETALL {}", "HLEN {}"],
        "stream" => &["XRANGE {} - +", "XINFO STREAM {} FULL COUNT 0"],
        other => panic!("a key of type {other}"),
    };
    let mut lines = vec![kind.clone()];
    for question in questions.iter().chain(&["OBJECT ENCODING {}"]) {
        lines.extend(server.ask(&question.replace("{}", key)).lines().map(str::to_owned));
    }
    if kind == "stream" {
        // Version 10 of RDB does not tell when a consumer was active, and is written for Redis 7.0.
        while let Some(place) = lines.iter().position(|line| line.contains("active-time")) {
            lines.drain(place..place + 2);
        }
    }
    if kind == "set" {
        // Members come in any order, and are numbered by it.
        lines
            .iter_mut()
            .for_each(|line| *line = line.trim_start_matches(|c: char| c.is_ascii_digit()).into());
        lines.sort();
    }
    lines
}

fn text(random: &mut fastrand::Rng) -> String {
    match random.u8(..10) {
        0 => random.i64(-200..40_000).to_string(),
        1 => random.i64(..).to_string(),
        2 => "x".repeat(random.usize(..300)),
        3 if random.u8(..20) == 0 => "long ".repeat(random.usize(500..2000)).replace(' ', "_"),
        _ => format!("t{}", random.u32(..5000)),
    }
}

/// Makes a value of a type at `k`, of a random size.
fn make(server: &mut MiniServer, random: &mut fastrand::Rng, kind: &str) {
    let count = [1, 4, 40, 130, 700][random.usize(..5)];
    let integers = random.bool();
    for n in 0..count {
        let text = if integers { random.i32(-9000..9000).to_string() } else { text(random) };
        let line = match kind {
            "string" if n == 0 => format!("SETRANGE k {} {text}.", random.usize(..20_000)),
            "string" => format!("APPEND k {text}."),
            "list" if random.bool() => format!("LPUSH k \"{text}\""),
            "list" => format!("RPUSH k \"{text}\""),
            "set" => format!("SADD k \"{text}\""),
            "zset" => format!("ZADD k {} \"{text}\"", random.i32(-50..50) as f64 / 8.0),
            "hash" => format!("HSET k \"{text}\" v{n}"),
            _ => format!("XADD k {}-{n} {} \"{text}\"", n * 3 + 1, ["f", "g", "f h f"][random.usize(..3)]),
        };
        let reply = server.ask(&line);
        assert!(!reply.starts_with("(error)"), "{line}: {reply}");
    }
    if kind != "stream" {
        return;
    }
    server.ask("XGROUP CREATE k readers 0");
    server.ask("XGROUP CREATE k idle $ ENTRIESREAD 1");
    for _ in 0..random.usize(..12) {
        server.now_ms += random.u64(..50);
        let id = random.u64(..count);
        let id = format!("{}-{id}", id * 3 + 1);
        let line = match random.u8(..4) {
            0 => format!("XDEL k {id}"),
            1 => format!("XACK k readers {id}"),
            _ => {
                let (consumer, count) = (random.u8(..3), random.u8(1..60));
                format!("XREADGROUP GROUP readers c{consumer} COUNT {count} STREAMS k >")
            }
        };
        server.ask(&line);
    }
}

fn payload(server: &mut MiniServer, key: &[u8]) -> Vec<u8> {
    let raw = server.call(&[b"DUMP", key]);
    let start = raw.iter().position(|&byte| byte == b'\n').expect("a bulk string") + 1;
    raw[start..raw.len() - 2].to_vec()
}

/// Hot and cold, over what was there before, and after the log is run again.
#[test]
fn values_of_all_types_come_back_as_they_were() {
    for kind in ["string", "list", "set", "zset", "hash", "stream"] {
        for seed in 0..10 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut server = MiniServer::new(random.usize(1..4));
            make(&mut server, &mut random, kind);
            let before = full(&mut server, "k");
            if random.bool() {
                server.write_behind();
                server = server.crash(2);
            }
            let dumped = payload(&mut server, b"k");
            match random.u8(..3) {
                0 => drop(server.ask("SADD copy old members of another type")),
                1 => drop(server.ask("RPUSH copy old elements")),
                _ => {}
            }
            let restored = server.call(&[b"RESTORE", b"copy", b"0", &dumped, b"REPLACE"]);
            assert_eq!(restored, b"+OK\r\n", "{kind} {seed}");
            assert_eq!(payload(&mut server, b"copy"), dumped, "{kind} {seed}");
            assert_eq!(full(&mut server, "copy"), before, "{kind} {seed}");
            server.write_behind();
            let now_ms = server.now_ms;
            let replayed = MiniServer::open(MemoryEngine::new(), 2, server.log.clone());
            for mut server in [server.crash(1), replayed] {
                server.now_ms = now_ms;
                assert_eq!(full(&mut server, "copy"), before, "{kind} {seed}");
                assert_eq!(payload(&mut server, b"copy"), dumped, "{kind} {seed}");
                assert_eq!(server.ask("TTL copy"), "(integer) -1");
                // What was restored can be changed and goes as a whole.
                let more = match kind {
                    "string" => "APPEND copy more",
                    "list" => "LPUSH copy more",
                    "set" => "SADD copy one_more",
                    "zset" => "ZADD copy 1e9 one_more",
                    "hash" => "HSET copy one_more v",
                    _ => "XADD copy * f v",
                };
                assert!(!server.ask(more).starts_with("(error)"));
                assert_ne!(full(&mut server, "copy"), before);
                assert_eq!(server.ask("DEL k copy"), "(integer) 2");
                assert_eq!(server.ask("DBSIZE"), "(integer) 0");
            }
        }
    }
}

#[test]
fn each_type_takes_an_expiry_and_counts_as_one_change() {
    let mut server = MiniServer::new(1);
    for kind in ["string", "list", "set", "zset", "hash", "stream"] {
        for size in [1, 300] {
            server.ask("FLUSHALL");
            for n in 0..size {
                server.ask(&match kind {
                    "string" => format!("APPEND k {n}"),
                    "list" => format!("RPUSH k {n}"),
                    "set" => format!("SADD k m{n}"),
                    "zset" => format!("ZADD k {n} m{n}"),
                    "hash" => format!("HSET k f{n} v"),
                    _ => format!("XADD k {}-1 f v", n + 1),
                });
            }
            let dumped = payload(&mut server, b"k");
            let changes = server.partitions[0].stats.changes;
            assert_eq!(server.call(&[b"RESTORE", b"copy", b"5000", &dumped]), b"+OK\r\n");
            assert_eq!(server.partitions[0].stats.changes, changes + 1, "{kind} of {size}");
            assert_eq!(server.ask("PTTL copy"), "(integer) 5000", "{kind} of {size}");
        }
    }
}

fn id(ms: u64) -> StreamId {
    StreamId { ms, seq: 1 }
}

/// What only a payload can say: ids beyond the entries, pending entries of entries that are gone, a consumer that
/// never got anything.
#[test]
fn all_that_a_stream_knows_is_restored() {
    let stream = Stream {
        entries: vec![StreamEntry { id: id(3), fields: vec![(b"f".to_vec(), b"v".to_vec())] }],
        last_id: id(9),
        first_id: id(3),
        max_deleted_id: id(8),
        entries_added: 12,
        groups: vec![Group {
            name: b"g".to_vec(),
            last_id: id(5),
            entries_read: None,
            pending: vec![Pending { id: id(2), consumer: 1, delivered_ms: 77, deliveries: 3 }],
            consumers: vec![
                Consumer { name: b"a".to_vec(), seen_ms: 5, active_ms: Some(5) },
                Consumer { name: b"b".to_vec(), seen_ms: 6, active_ms: Some(6) },
            ],
        }],
    };
    let dumped = rdb::dump::encode(&Value::Stream(stream.clone()), &Limits::default());
    let mut server = MiniServer::new(1);
    assert_eq!(server.call(&[b"RESTORE", b"s", b"0", &dumped]), b"+OK\r\n");
    assert_eq!(server.ask("XADD s 9-1 f v").split(' ').next(), Some("(error)"));
    assert_eq!(payload(&mut server, b"s"), dumped);
    assert_eq!(
        server.ask("XPENDING s g - + 10"),
        format!("1) 1) \"2-1\"\n   2) \"b\"\n   3) (integer) {}\n   4) (integer) 3", server.now_ms - 77)
    );
    assert_eq!(server.ask("XACK s g 2-1"), "(integer) 1");
    assert_eq!(server.ask("XGROUP DELCONSUMER s g b"), "(integer) 0");
    // A stream may be there without an entry.
    let empty = Stream { entries: vec![], first_id: StreamId::default(), groups: vec![], ..stream };
    let dumped = rdb::dump::encode(&Value::Stream(empty), &Limits::default());
    assert_eq!(server.call(&[b"RESTORE", b"s", b"0", &dumped, b"REPLACE"]), b"+OK\r\n");
    assert_eq!(server.ask("XLEN s"), "(integer) 0");
    assert_eq!(server.ask("XADD s 9-* f v"), "\"9-2\"");
    assert_eq!(server.ask("XINFO STREAM s").lines().filter(|line| line.contains("(integer) 13")).count(), 1);
}

/// The payload is sound, the value is not.
#[test]
fn what_stands_there_twice_is_bad_data() {
    let mut server = MiniServer::new(1);
    let values = [
        Value::Set(vec![b"a".to_vec(), b"b".to_vec(), b"a".to_vec()]),
        Value::SortedSet(vec![(b"a".to_vec(), 1.0), (b"a".to_vec(), 2.0)]),
        Value::SortedSet(vec![(b"a".to_vec(), f64::NAN)]),
        Value::List(vec![]),
        Value::Set(vec![]),
        Value::Stream(Stream {
            entries: vec![StreamEntry { id: id(3), fields: vec![] }],
            last_id: id(3),
            ..Stream::default()
        }),
        Value::Stream(Stream {
            entries: [id(3), id(3)].map(|id| StreamEntry { id, fields: vec![(vec![], vec![])] }).to_vec(),
            last_id: id(3),
            ..Stream::default()
        }),
    ];
    for value in values {
        let dumped = rdb::dump::encode(&value, &Limits::default());
        let reply = server.call(&[b"RESTORE", b"k", b"0", &dumped]);
        assert_eq!(reply, b"-ERR Bad data format\r\n", "{value:?}");
        assert_eq!(server.ask("EXISTS k"), "(integer) 0");
    }
}
