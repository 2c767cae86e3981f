//! SCAN's guarantee, and the other commands that look at many keys.

use std::collections::BTreeSet;

use crate::resp::{Value, parse_value};
use crate::testing::{MiniServer, check};

fn texts(value: &Value) -> Vec<String> {
    let Value::Array(items) = value else { panic!("no array: {value:?}") };
    items
        .iter()
        .map(|item| match item {
            Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("no text: {other:?}"),
        })
        .collect()
}

fn value(server: &mut MiniServer, words: &[&str]) -> Value {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let raw = server.call(&words);
    let (value, length) = parse_value(&raw).unwrap().unwrap();
    assert_eq!(length, raw.len());
    value
}

/// Cursor and keys of a scanning command.
fn page(server: &mut MiniServer, words: &[&str]) -> (String, Vec<String>) {
    match value(server, words) {
        Value::Array(parts) => match &parts[..] {
            [Value::Bulk(cursor), keys] => (String::from_utf8_lossy(cursor).into_owned(), texts(keys)),
            other => panic!("no page: {other:?}"),
        },
        other => panic!("no page: {other:?}"),
    }
}

fn scan_all(server: &mut MiniServer, options: &[&str]) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), "0".to_string());
    for _ in 0..100_000 {
        let (next, keys) = page(server, &[&["SCAN", &cursor], options].concat());
        all.extend(keys);
        cursor = next;
        if cursor == "0" {
            return all;
        }
    }
    panic!("SCAN does not end");
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort();
    keys
}

fn filled(partitions: usize, count: usize) -> MiniServer {
    let mut server = MiniServer::new(partitions);
    (0..count).for_each(|index| {
        server.ask(&format!("SET key:{index:04} {index}"));
    });
    server
}

/// Makes the server answer from its memory, from the engine's, or from the engine's disk only.
fn vary(server: &mut MiniServer, way: usize) {
    server.engine.make_cold(false);
    if way > 0 {
        server.write_behind();
    }
    if way > 1 {
        server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
        server.engine.make_cold(true);
    }
}

#[test]
fn a_scan_returns_each_key_once_if_nothing_changes() {
    for partitions in [1, 3] {
        let mut server = filled(partitions, 1000);
        let expected: Vec<String> = (0..1000).map(|index| format!("key:{index:04}")).collect();
        for way in 0..3 {
            vary(&mut server, way);
            for count in ["1", "7", "100", "5000", "9223372036854775807"] {
                assert_eq!(sorted(scan_all(&mut server, &["COUNT", count])), expected, "{count} {way}");
            }
            let matching = sorted(scan_all(&mut server, &["MATCH", "key:00?5", "TYPE", "STRING"]));
            assert_eq!(matching.len(), 10);
            assert!(scan_all(&mut server, &["TYPE", "hash"]).is_empty());
            assert!(scan_all(&mut server, &["TYPE", "nonsense"]).is_empty());
        }
    }
}

#[test]
fn a_call_looks_at_no_more_than_count() {
    let mut server = filled(1, 2000);
    let (cursor, keys) = page(&mut server, &["SCAN", "0", "COUNT", "50"]);
    assert_eq!(keys.len(), 50);
    assert_ne!(cursor, "0");
    let (_, keys) = page(&mut server, &["SCAN", "0", "MATCH", "none*", "COUNT", "50"]);
    assert!(keys.is_empty());
}

#[test]
fn arguments_of_scan_are_checked_as_in_redis() {
    check(
        "SCAN x\nSCAN \" 0\"\nSCAN 18446744073709551616\nSCAN -1\nSCAN 18446744073709551615\nSCAN 0 COUNT 0\nSCAN 0 COUNT -1
         SCAN 0 COUNT x\nSCAN 0 MATCH\nSCAN 0 FOO x\nSCAN 0 COUNT 9223372036854775808\nSCAN x COUNT 0\nKEYS * foo\nKEYS a string b",
        "(error) ERR invalid cursor\n(error) ERR invalid cursor\n(error) ERR invalid cursor\n1) \"0\"\n2) (empty array)
1) \"0\"\n2) (empty array)\n(error) ERR syntax error\n(error) ERR syntax error
(error) ERR value is not an integer or out of range\n(error) ERR syntax error\n(error) ERR syntax error
(error) ERR value is not an integer or out of range\n(error) ERR invalid cursor\n(error) ERR syntax error
(error) ERR wrong number of arguments for 'keys' command",
    );
}

#[test]
fn what_is_there_throughout_is_returned_whatever_else_happens() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut server = MiniServer::new(random.usize(1..5));
        let tag = |random: &mut fastrand::Rng| if random.u8(..4) == 0 { "{t}" } else { "" };
        let mut stay = BTreeSet::new();
        let mut ever = BTreeSet::new();
        for index in 0..random.usize(..400) {
            let key = format!("{}stay:{index}", tag(&mut random));
            server.ask(&format!("SET {key} v"));
            ever.insert(key.clone());
            stay.insert(key);
        }
        // Other databases and emptied ones stand between the keys.
        for _ in 0..random.usize(..3) {
            server.ask("SELECT 1");
            for index in 0..random.usize(..200) {
                server.ask(&format!("SET {{t}}other:{index} v"));
            }
            if random.bool() {
                server.ask("FLUSHDB");
            }
            server.ask("SELECT 0");
        }
        let count = random.usize(1..30).to_string();
        let (mut cursor, mut seen) = ("0".to_string(), BTreeSet::new());
        let mut calls = 0;
        loop {
            let way = random.usize(..3);
            vary(&mut server, way);
            let (next, keys) = page(&mut server, &["SCAN", &cursor, "COUNT", &count]);
            server.engine.make_cold(false);
            seen.extend(keys);
            cursor = next;
            calls += 1;
            assert!(calls < 20_000, "seed {seed}: SCAN does not end");
            if cursor == "0" {
                break;
            }
            for _ in 0..random.usize(..6) {
                let key = format!("{}come:{}", tag(&mut random), random.u8(..100));
                ever.insert(key.clone());
                match random.u8(..4) {
                    0 => server.ask(&format!("DEL {key}")),
                    1 => server.ask(&format!("SET {key} v")),
                    2 => server.ask(&format!("PEXPIRE {key} 5")),
                    _ => {
                        server.now_ms += 3;
                        String::new()
                    }
                };
            }
            if random.u8(..8) == 0 {
                server = server.crash(random.usize(1..6));
            }
        }
        assert!(stay.is_subset(&seen), "seed {seed}: {:?} is missing", stay.difference(&seen).next());
        assert!(seen.is_subset(&ever), "seed {seed}: {:?} never was", seen.difference(&ever).next());
    }
}

#[test]
fn keys_in_the_way_of_other_databases_are_jumped_over() {
    let mut server = MiniServer::new(2);
    server.ask("SELECT 5");
    (0..5000).for_each(|index| {
        server.ask(&format!("SET {{{}}}:{index} v", index % 50));
    });
    server.ask("SELECT 0");
    for index in 0..20 {
        server.ask(&format!("SET {{{index}}}mine v"));
    }
    for way in 0..3 {
        vary(&mut server, way);
        assert_eq!(scan_all(&mut server, &[]).len(), 20);
        assert_eq!(texts(&value(&mut server, &["KEYS", "*"])).len(), 20);
        server.ask("SELECT 7");
        assert_eq!(scan_all(&mut server, &[]).len(), 0);
        assert_eq!(server.ask("RANDOMKEY"), "(nil)");
        server.ask("SELECT 0");
    }
}

#[test]
fn keys_match_patterns_tags_and_types() {
    let mut server = filled(3, 5000);
    for way in 0..3 {
        vary(&mut server, way);
        assert_eq!(texts(&value(&mut server, &["KEYS", "*"])).len(), 5000);
        assert_eq!(texts(&value(&mut server, &["KEYS", "key:000?", "STRING"])).len(), 10);
        assert_eq!(texts(&value(&mut server, &["KEYS", "*", "hash"])).len(), 0);
        assert_eq!(texts(&value(&mut server, &["KEYS", "key:0042"])), ["key:0042"]);
    }
    server.engine.make_cold(false);
    for key in ["{t}1", "x{t}2", "{t}{u}3", "{}4", "{5"] {
        server.ask(&format!("SET {key} v"));
    }
    for (pattern, found) in [("{t}*", 2), ("x{t}*", 1), ("{}*", 1), ("{*", 4), ("{t}{u}3", 1), ("[{]t}*", 2)]
    {
        assert_eq!(texts(&value(&mut server, &["KEYS", pattern])).len(), found, "{pattern}");
    }
    check(
        "SET \"\" v\nKEYS *\nKEYS **\nPEXPIRE \"\" 1\n# wait 1\nKEYS *",
        "OK\n1) \"\"\n(empty array)\n(integer) 1\n(empty array)",
    );
}

#[test]
fn random_keys_are_uniform_among_few_and_fair_among_many() {
    let mut server = filled(2, 10);
    let mut drawn = [0; 10];
    for _ in 0..10_000 {
        let Value::Bulk(key) = value(&mut server, &["RANDOMKEY"]) else { panic!("no key") };
        drawn[usize::from(key[7] - b'0')] += 1;
    }
    assert!(drawn.iter().all(|&times| (850..1150).contains(&times)), "{drawn:?}");

    let mut server = filled(3, 2000);
    for way in 0..3 {
        vary(&mut server, way);
        let drawn: BTreeSet<String> = (0..500).map(|_| server.ask("RANDOMKEY")).collect();
        assert!(drawn.len() > 300 || way == 2, "{} of 500", drawn.len());
        assert!(drawn.iter().all(|key| key.starts_with("\"key:")));
    }
}

#[test]
fn a_random_key_is_found_among_expired_ones() {
    let mut server = filled(2, 3000);
    (0..3000).for_each(|index| {
        server.ask(&format!("PEXPIRE key:{index:04} 1"));
    });
    server.ask("SET last v");
    server.now_ms += 1;
    for way in 0..3 {
        vary(&mut server, way);
        assert_eq!(server.ask("RANDOMKEY"), "\"last\"");
    }
    server.engine.make_cold(false);
    server.ask("DEL last");
    assert_eq!(server.ask("RANDOMKEY"), "(nil)");
    assert_eq!(MiniServer::new(2).ask("RANDOMKEY"), "(nil)");
}

#[test]
fn scanx_goes_on_with_a_key() {
    for partitions in [1, 3] {
        let mut server = filled(partitions, 300);
        for way in 0..3 {
            vary(&mut server, way);
            let (mut all, mut start) = (Vec::new(), String::new());
            loop {
                let (next, keys) = page(&mut server, &["SCANX", "string", &start, "COUNT", "7"]);
                assert!(keys.len() <= 7);
                all.extend(keys);
                start = next;
                if start.is_empty() {
                    break;
                }
            }
            assert_eq!(sorted(all).len(), 300);
        }
    }
    check(
        "SET a 1\nSCANX string \"\"\nSCANX hash \"\"\nSCANX string \"\" MATCH b*\nSCANX nothing \"\"\nSCANX string \"\" COUNT 0\nSCANX string a TYPE string",
        "OK\n1) \"\"\n2) 1) \"a\"\n1) \"\"\n2) (empty array)\n1) \"\"\n2) (empty array)\n(error) ERR syntax error
(error) ERR syntax error\n(error) ERR syntax error",
    );
}

#[test]
fn ranges_of_keys_are_in_the_order_of_their_bytes() {
    check(
        "SET a 1\nSET b 2\nSET c 3\nSET d 4\nPEXPIRE d 1\n# wait 1\nPKSCANRANGE string \"\" \"\"\nPKSCANRANGE string b b
         PKSCANRANGE string_with_value a c LIMIT 2\nPKSCANRANGE string \"\" \"\" MATCH c LIMIT 2\nPKSCANRANGE hash \"\" \"\"
         PKRSCANRANGE string \"\" \"\" LIMIT 2\nPKRSCANRANGE string_with_value b \"\"\nPKSCANRANGE string b a\nPKRSCANRANGE string a b
         PKSCANRANGE foo a b\nPKSCANRANGE string a b LIMIT 0\nPKSCANRANGE string a b LIMIT x\nPKSCANRANGE string a b LIMIT
         PKSCANRANGE string a b FOO",
        "OK\nOK\nOK\nOK\n(integer) 1\n1) \"\"\n2) 1) \"a\"\n   2) \"b\"\n   3) \"c\"\n1) \"\"\n2) 1) \"b\"
1) \"c\"\n2) 1) \"a\"\n   2) \"1\"\n   3) \"b\"\n   4) \"2\"\n1) \"c\"\n2) (empty array)\n1) \"\"\n2) (empty array)
1) \"a\"\n2) 1) \"c\"\n   2) \"b\"\n1) \"\"\n2) 1) \"b\"\n   2) \"2\"\n   3) \"a\"\n   4) \"1\"
(error) ERR Invalid argument: error in given range\n(error) ERR Invalid argument: error in given range
(error) ERR syntax error\n(error) ERR value is not an integer or out of range\n(error) ERR value is not an integer or out of range
(error) ERR syntax error\n(error) ERR syntax error",
    );
    let mut server = filled(3, 5000);
    for way in 0..3 {
        vary(&mut server, way);
        let (next, keys) = page(&mut server, &["PKSCANRANGE", "string", "key:1", "key:3", "LIMIT", "100"]);
        assert_eq!((next.as_str(), keys.len(), keys[0].as_str()), ("key:1100", 100, "key:1000"));
        let (next, keys) = page(&mut server, &["PKRSCANRANGE", "string", "key:3", "", "LIMIT", "100"]);
        assert_eq!((next.as_str(), keys.len(), keys[99].as_str()), ("key:2899", 100, "key:2900"));
    }
}

#[test]
fn keys_are_deleted_by_pattern() {
    check(
        "SET a1 1\nSET a2 2\nSET b1 3\nSET {t}1 4\nPKPATTERNMATCHDEL a* 1\nPKPATTERNMATCHDEL a*\nPKPATTERNMATCHDEL a*\nEXISTS a1 a2 b1
         PKPATTERNMATCHDEL {t}* 5\nPKPATTERNMATCHDEL * 0\nPKPATTERNMATCHDEL * x\nPKPATTERNMATCHDEL * 1 1\nDBSIZE",
        "OK\nOK\nOK\nOK\n(integer) 1\n(integer) 1\n(integer) 0\n(integer) 1\n(integer) 1
(error) ERR value is not an integer or out of range\n(error) ERR value is not an integer or out of range
(error) ERR wrong number of arguments for 'pkpatternmatchdel' command\n(integer) 1",
    );
    for way in 0..3 {
        let mut server = filled(3, 5000);
        vary(&mut server, way);
        assert_eq!(server.ask("PKPATTERNMATCHDEL key:1* 5000"), "(integer) 1000");
        assert_eq!(server.ask("PKPATTERNMATCHDEL *"), "(integer) 100");
        assert_eq!(server.ask("DBSIZE"), "(integer) 3900");
        assert_eq!(server.crash(2).ask("DBSIZE"), "(integer) 3900");
    }
}
