//! DUMP and RESTORE.

use super::*;
use crate::config::Events;
use crate::rdb::{self, HashField, Limits, Value};

/// An envelope as an argument of a script.
fn quoted(value: &Value) -> String {
    quote(&rdb::dump::encode(value, &Limits::default()))
}

fn quote(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// An envelope of Redis 7.0, from tests/fixtures/rdb.
fn of_redis(name: &str) -> Vec<u8> {
    let fixture = include_str!("../../../../tests/fixtures/rdb/dumps-7.0.hex");
    let lines = fixture.lines().skip_while(|line| *line != format!("# {name}")).skip(1);
    let hex: String = lines.take_while(|line| !line.starts_with('#')).collect();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hash(fields: &[(&str, &str, Option<u64>)]) -> Value {
    let field = |&(name, value, expire_ms): &(&str, &str, _)| HashField {
        name: name.into(),
        value: value.into(),
        expire_ms,
    };
    Value::Hash(fields.iter().map(field).collect())
}

#[test]
fn a_string_is_dumped_as_redis_does_and_restored() {
    let raw = of_redis("string-raw");
    let shown = raw.escape_ascii().to_string().replace("\\'", "'");
    check(
        &format!(
            "SET k \"hello world\"\nDUMP k\nDUMP none\nRESTORE copy 0 {}\nGET copy\nTTL copy\nRESTORE n 0 {}\nINCR n",
            quote(&raw),
            quote(&of_redis("string-int8"))
        ),
        &format!("OK\n\"{shown}\"\n(nil)\nOK\n\"hello world\"\n(integer) -1\nOK\n(integer) -4"),
    );
}

#[test]
fn times_are_relative_absolute_or_none() {
    let v = quoted(&Value::String(b"v".to_vec()));
    check(
        &format!(
            "RESTORE a 1500 {v}\nPTTL a\nRESTORE b 1700000001000 {v} absttl\nPTTL b
             RESTORE c 0 {v} ABSTTL\nPTTL c\nRESTORE d 2569591501 {v}\nPTTL d
             # wait 1000
             EXISTS a b c\nRESTORE a 0 {v} REPLACE\nTTL a\nRESTORE a 7 {v} REPLACE\nPTTL a"
        ),
        "OK\n(integer) 1500\nOK\n(integer) 1000\nOK\n(integer) -1\nOK\n(integer) 2569591501\n(integer) 2
OK\n(integer) -1\nOK\n(integer) 7",
    );
}

/// One that is past removes what it would replace, and answers OK.
#[test]
fn a_time_that_has_passed_leaves_no_key() {
    let v = quoted(&Value::String(b"v".to_vec()));
    check(
        &format!(
            "SET k old\nRESTORE k 1699999999999 {v} ABSTTL REPLACE\nEXISTS k\nRESTORE k 1700000000000 {v} ABSTTL
             EXISTS k\nRESTORE k 9223372036854775807 {v}\nEXISTS k\nRESTORE k 1700000000001 {v} ABSTTL\nGET k\nDBSIZE"
        ),
        "OK\nOK\n(integer) 0\nOK\n(integer) 0\nOK\n(integer) 0\nOK\n\"v\"\n(integer) 1",
    );
}

#[test]
fn errors_come_in_redis_order() {
    let v = quoted(&Value::String(b"v".to_vec()));
    let busy = "(error) BUSYKEY Target key name already exists.";
    let (syntax, number) =
        ("(error) ERR syntax error", "(error) ERR value is not an integer or out of range");
    check(
        &format!(
            "SET k v\nRESTORE k x ... WHAT\nRESTORE k x ... IDLETIME\nRESTORE k x ... IDLETIME x\nRESTORE k x ... FREQ 256
             RESTORE k x ... FREQ -1\nRESTORE k x ... IDLETIME -1\nRESTORE k x ... IDLETIME 1 FREQ 1
             RESTORE k x ... FREQ 1 IDLETIME 1\nRESTORE k x ... FREQ 1 REPLACE FREQ 2 IDLETIME
             RESTORE k x ...\nRESTORE k x ... REPLACE\nRESTORE k -1 ... REPLACE\nRESTORE k 0 ... REPLACE
             RESTORE none 0 {v} ABSTTL REPLACE ABSTTL\nGET none\nGET k"
        ),
        &format!(
            "OK\n{syntax}\n{syntax}\n{number}\n(error) ERR Invalid FREQ value, must be >= 0 and <= 255
(error) ERR Invalid FREQ value, must be >= 0 and <= 255\n(error) ERR Invalid IDLETIME value, must be >= 0
{syntax}\n{syntax}\n{syntax}\n{busy}\n{number}\n(error) ERR Invalid TTL value, must be >= 0
(error) ERR DUMP payload version or checksum are wrong\nOK\n\"v\"\n\"v\""
        ),
    );
}

/// The payload is sound, what it holds is not.
#[test]
fn bad_content_is_told_from_a_bad_envelope() {
    let envelope = |content: &[u8]| {
        let mut out = [content, &[10, 0][..]].concat();
        let sum = rdb::crc64::update(0, &out);
        out.extend_from_slice(&sum.to_le_bytes());
        quote(&out)
    };
    let bad = "(error) ERR Bad data format";
    // A short string, an unknown type, a module, an empty hash, a field twice.
    let contents: [&[u8]; 6] =
        [b"", b"\x00\x05abc", b"\x1a\x00", b"\x07\x00", b"\x04\x00", b"\x04\x02\x01a\x01b\x01a\x01b"];
    for content in contents {
        check(&format!("RESTORE k 0 {}\nEXISTS k", envelope(content)), &format!("{bad}\n(integer) 0"));
    }
    // What stands behind the value is not looked at, as in Redis.
    check(&format!("RESTORE k 0 {}\nGET k", envelope(b"\x00\x01vmore")), "OK\n\"v\"");
}

#[test]
fn a_hash_is_restored_whatever_it_replaces() {
    let small = quoted(&hash(&[("a", "1", None), ("b", "2", Some(1_700_000_000_500))]));
    let big: Vec<(String, String)> = (0..300).map(|n| (format!("f{n}"), format!("v{n}"))).collect();
    let big: Vec<_> = big.iter().map(|(name, value)| (name.as_str(), value.as_str(), None)).collect();
    let big = quoted(&hash(&big));
    check(
        &format!(
            "SET h string\nRESTORE h 0 {small} REPLACE\nHGETALL h\nHPTTL h FIELDS 2 a b\nRESTORE h 90 {big} REPLACE
             HLEN h\nHGET h f299\nPTTL h\nOBJECT ENCODING h\nRESTORE h 0 {small} REPLACE\nHLEN h\nHGET h f299
             # wait 500
             HGETALL h\nTTL h\nRESTORE h 0 {} REPLACE\nTYPE h",
            quote(&of_redis("string-raw"))
        ),
        "OK\nOK\n1) \"b\"\n2) \"2\"\n3) \"a\"\n4) \"1\"\n1) (integer) -1\n2) (integer) 500\nOK\n(integer) 300\n\"v299\"
(integer) 90\nhashtable\nOK\n(integer) 2\n(nil)\n1) \"a\"\n2) \"1\"\n(integer) -1\nOK\nstring"
            .replace("hashtable", "\"hashtable\"")
            .as_str(),
    );
}

/// Every encoding of Redis 7.0 of a type that can be stored here.
#[test]
fn what_redis_dumped_is_restored() {
    let pairs = "1) \"field\"\n2) \"value\"\n3) \"n\"\n4) \"5\"\n5) \"\"\n6) \"empty name\"\n7) \"empty value\"\n8) \"\"";
    check(&format!("RESTORE h 0 {}\nHGETALL h", quote(&of_redis("hash-listpack"))), &format!("OK\n{pairs}"));
    check(
        &format!("RESTORE h 0 {}\nHLEN h\nHGET h n", quote(&of_redis("hash-hashtable"))),
        "OK\n(integer) 4\n\"5\"",
    );
}

/// A hash as it comes back from DUMP and RESTORE, of random sizes, with and without expiries.
#[test]
fn what_is_dumped_comes_back() {
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut server = MiniServer::new(random.usize(1..4));
        let count = [1, 5, 130, 600][random.usize(..4)];
        let now_ms = server.now_ms;
        let mut model = std::collections::BTreeMap::new();
        for _ in 0..count {
            let name = format!("f{}", random.u32(..2000));
            let longest = if random.u8(..20) == 0 { 300 } else { 9 };
            let value = "v".repeat(random.usize(..longest));
            server.call(&[b"HSET", b"h", name.as_bytes(), value.as_bytes()]);
            let expire_ms = (random.u8(..4) == 0).then(|| now_ms + random.u64(1..100_000));
            if let Some(expire_ms) = expire_ms {
                server.ask(&format!("HPEXPIREAT h {expire_ms} FIELDS 1 {name}"));
            }
            model.insert(name, (value, expire_ms));
        }
        let raw = server.call(&[b"DUMP", b"h"]);
        let start = raw.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let payload = raw[start..raw.len() - 2].to_vec();
        let timed = model.values().any(|(_, expire_ms)| expire_ms.is_some());
        assert_eq!(
            payload[payload.len() - 10],
            if timed { 12 } else { 10 },
            "the oldest version that can tell it"
        );
        assert_eq!(server.call(&[b"RESTORE", b"copy", b"5000000", &payload]), b"+OK\r\n");
        let log = server.log.clone();
        for mut server in [server, MiniServer::open(crate::engine::memory::MemoryEngine::new(), 2, log)] {
            server.now_ms = now_ms;
            assert_eq!(server.ask("HLEN copy"), format!("(integer) {}", model.len()));
            assert_eq!(server.ask("PTTL copy"), "(integer) 5000000");
            for (name, (value, expire_ms)) in &model {
                assert_eq!(server.ask(&format!("HGET copy {name}")), format!("\"{value}\""));
                let left = expire_ms.map_or(-1, |expire_ms| (expire_ms - now_ms) as i64);
                assert_eq!(
                    server.ask(&format!("HPTTL copy FIELDS 1 {name}")),
                    format!("1) (integer) {left}")
                );
            }
        }
    }
}

#[test]
fn the_log_says_the_time_and_replaces() {
    let v = rdb::dump::encode(&Value::String(b"v".to_vec()), &Limits::default());
    let mut server = MiniServer::new(1);
    server.call(&[b"RESTORE", b"k", b"1000", &v, b"IDLETIME", b"5"]);
    let payload = &server.log.last().unwrap().payload;
    let words = [&b"RESTORE"[..], b"k", b"1700000001000", &v, b"REPLACE", b"ABSTTL"];
    let mut expected = b"*6\r\n".to_vec();
    for word in words {
        expected.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        expected.extend_from_slice(word);
        expected.extend_from_slice(b"\r\n");
    }
    assert_eq!(payload[..], expected[..]);
}

#[test]
fn idle_time_is_kept_and_frequency_is_taken() {
    let v = quoted(&Value::String(b"v".to_vec()));
    let mut server = MiniServer::new(1);
    server.ask(&format!("RESTORE k 0 {v} IDLETIME 1000"));
    assert_eq!(server.ask("OBJECT IDLETIME k"), "(integer) 1000");
    server.ask(&format!("RESTORE k 0 {v} REPLACE"));
    assert_eq!(server.ask("OBJECT IDLETIME k"), "(integer) 0");
    assert_eq!(server.ask(&format!("RESTORE k 0 {v} REPLACE FREQ 255")), "OK");
    // Further back than time goes.
    assert_eq!(server.ask(&format!("RESTORE k 0 {v} REPLACE IDLETIME 9223372036854775807")), "OK");
    assert_eq!(server.ask("GET k"), "\"v\"");
}

#[test]
fn events_tell_of_the_restored_and_of_the_removed() {
    let v = quoted(&Value::String(b"v".to_vec()));
    let mut server = MiniServer::new(1);
    server.settings.events = Events::GENERIC;
    let mut events = |line: String| {
        server.ask(&line);
        let events = std::mem::take(&mut server.partitions[0].events);
        events.iter().map(|event| event.name).collect::<Vec<_>>()
    };
    assert_eq!(events(format!("RESTORE k 0 {v}")), ["restore"]);
    assert_eq!(events(format!("RESTORE k 0 {v} REPLACE")), ["restore"]);
    assert_eq!(events(format!("RESTORE k 1 {v} REPLACE ABSTTL")), ["del"]);
    assert_eq!(events(format!("RESTORE k 1 {v} REPLACE ABSTTL")), [""; 0]);
}

/// One RESTORE is one change, however many fields it has.
#[test]
fn a_restore_counts_as_one_change() {
    let value = quoted(&hash(&[("a", "1", None), ("b", "2", None)]));
    let mut server = MiniServer::new(1);
    server.ask(&format!("RESTORE k 0 {value}"));
    assert_eq!(server.partitions[0].stats.changes, 1);
    server.ask(&format!("RESTORE k 0 {value} REPLACE"));
    assert_eq!(server.partitions[0].stats.changes, 2);
}
