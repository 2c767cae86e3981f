//! HSCAN, HSCANX, PKHSCANRANGE, PKHRSCANRANGE.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Cursor and items of a scan's reply.
fn parts(reply: &str) -> (String, Vec<String>) {
    let mut lines = reply.lines();
    let cursor = items(lines.next().unwrap_or_default()).remove(0);
    let rest: Vec<&str> = lines.map(|line| line.trim_start().trim_start_matches("2) ")).collect();
    let rest = rest.iter().filter(|line| **line != "(empty array)");
    (cursor, rest.flat_map(|line| items(line)).collect())
}

#[test]
fn a_small_hash_comes_at_once() {
    check(
        "HSET h a 1 b 2\nHSCAN h 0\nHSCAN h 77\nHSCAN h 0 COUNT 1\nHSCAN h 0 MATCH b*\nHSCAN h 0 NOVALUES MATCH *\n\
         HSCAN none 0 foo\nHSCAN none x\nHSCAN h 18446744073709551616\nHSCAN h 0 COUNT 0\nHSCAN h 0 COUNT x\n\
         HSCAN h 0 MATCH\nHSCAN h 0 TYPE hash\nHSCAN h -1 NOVALUES\nHSCAN h \"\" MATCH x\n\
         HSCAN h 0 COUNT 9223372036854775807 MATCH a\nHSCAN h 0 COUNT -9223372036854775808",
        r#"(integer) 2
1) "0"
2) 1) "a"
   2) "1"
   3) "b"
   4) "2"
1) "0"
2) 1) "a"
   2) "1"
   3) "b"
   4) "2"
1) "0"
2) 1) "a"
   2) "1"
   3) "b"
   4) "2"
1) "0"
2) 1) "b"
   2) "2"
1) "0"
2) 1) "a"
   2) "b"
1) "0"
2) (empty array)
(error) ERR invalid cursor
(error) ERR invalid cursor
(error) ERR syntax error
(error) ERR value is not an integer or out of range
(error) ERR syntax error
(error) ERR syntax error
1) "0"
2) 1) "a"
   2) "b"
1) "0"
2) (empty array)
1) "0"
2) 1) "a"
   2) "1"
(error) ERR syntax error"#,
    );
}

#[test]
fn cursors_of_every_size_are_answered() {
    let mut server = with_hash(1, 300);
    for cursor in ["0", "1", "2147483648", "4294967295", "4294967296", "9223372036854775808", "-1", "+5"] {
        let reply = server.ask(&format!("HSCAN h {cursor} COUNT 9223372036854775807"));
        assert_eq!(parts(&reply).0, "0", "{cursor}");
    }
    assert_eq!(parts(&server.ask("HSCAN h 4294967296")).1.len(), 0);
}

/// What is there from the first call to the last is returned, whatever else comes and goes, and through restarts.
#[test]
fn what_stays_is_returned() {
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let initial = random.usize(0..400);
        let mut server = with_hash(1, initial);
        let mut stay: BTreeSet<String> = (0..initial).map(|field| format!("f{field}")).collect();
        let (mut seen, mut cursor) = (BTreeSet::new(), "0".to_string());
        loop {
            let count = random.usize(1..30);
            let (next, found) = parts(&server.ask(&format!("HSCAN h {cursor} NOVALUES COUNT {count}")));
            seen.extend(found);
            cursor = next;
            if cursor == "0" {
                break;
            }
            for _ in 0..random.usize(0..20) {
                let field = format!("f{}", random.usize(0..600));
                if random.bool() {
                    server.ask(&format!("HSET h {field} new"));
                } else {
                    server.ask(&format!("HDEL h {field}"));
                    stay.remove(&field);
                }
            }
            match random.usize(0..4) {
                0 => server = server.crash(random.usize(1..4)),
                1 => cool(&mut server),
                2 => server.engine.make_cold(random.bool()),
                _ => {}
            }
        }
        assert!(stay.is_subset(&seen), "seed {seed}: {:?}", stay.difference(&seen).collect::<Vec<_>>());
    }
}

#[test]
fn calls_are_bounded_by_count() {
    let mut server = with_hash(1, 1000);
    let (mut cursor, mut calls) = ("0".to_string(), 0);
    loop {
        let (next, found) = parts(&server.ask(&format!("HSCAN h {cursor} COUNT 50 MATCH f*")));
        assert!(found.len() <= 2 * 52);
        calls += 1;
        cursor = next;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(calls, 20);
}

#[test]
fn hscanx_goes_on_from_a_field_in_either_form() {
    for count in [20, 300] {
        let mut server = with_hash(1, count);
        let (mut start, mut seen) = (String::new(), Vec::new());
        for call in 0.. {
            let reply = server.ask(&format!("HSCANX h \"{start}\" COUNT 7 MATCH f*"));
            let (next, found) = parts(&reply);
            seen.extend(found.into_iter().step_by(2));
            start = next;
            if start.is_empty() {
                break;
            }
            if call == 1 && count == 20 {
                // The field to go on with is gone, and the hash takes its other form.
                server.ask(&format!("HDEL h {start}"));
                seen.push(start.clone());
                server.ask(&format!("HSET h huge {}", "x".repeat(5000)));
            }
        }
        let unique: BTreeSet<_> = seen.iter().filter(|field| *field != "huge").collect();
        assert_eq!(unique.len(), count);
    }
    check(
        "HSET h a 1\nHSCANX h \"\"\nHSCANX none \"\"\nHSCANX h \"\" COUNT 0\nHSCANX h \"\" NOVALUES",
        "(integer) 1\n1) \"\"\n2) 1) \"a\"\n   2) \"1\"\n1) \"\"\n2) (empty array)\n(error) ERR syntax error\n\
         (error) ERR syntax error",
    );
}

#[test]
fn ranges_of_names_are_in_order_in_both_directions() {
    check(
        "HSET h a 1 b 2 c 3 d 4 e 5\nPKHSCANRANGE h b d\nPKHSCANRANGE h \"\" \"\" LIMIT 2\nPKHSCANRANGE h c \"\" LIMIT 2\n\
         PKHRSCANRANGE h d b\nPKHRSCANRANGE h \"\" \"\" LIMIT 2 MATCH d\nPKHSCANRANGE h d b\nPKHRSCANRANGE h b d\n\
         PKHSCANRANGE h a b LIMIT 0\nPKHSCANRANGE h a b LIMIT\nPKHSCANRANGE none a b\n\
         PKHSCANRANGE h \"\" a LIMIT 9223372036854775807",
        r#"(integer) 5
1) ""
2) 1) "b"
   2) "2"
   3) "c"
   4) "3"
   5) "d"
   6) "4"
1) "c"
2) 1) "a"
   2) "1"
   3) "b"
   4) "2"
1) "e"
2) 1) "c"
   2) "3"
   3) "d"
   4) "4"
1) ""
2) 1) "d"
   2) "4"
   3) "c"
   4) "3"
   5) "b"
   6) "2"
1) "c"
2) 1) "d"
   2) "4"
(error) ERR Invalid argument: error in given range
(error) ERR Invalid argument: error in given range
(error) ERR value is not an integer or out of range
(error) ERR syntax error
1) ""
2) (empty array)
1) ""
2) 1) "a"
   2) "1""#,
    );
}

#[test]
fn ranges_of_a_big_hash_are_those_of_a_map() {
    let mut server = with_hash(1, 500);
    let map: BTreeMap<String, usize> = (0..500).map(|field| (format!("f{field}"), field)).collect();
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..100 {
        let (low, high) = (format!("f{}", random.usize(0..700)), format!("f{}", random.usize(0..700)));
        let (low, high) = if low <= high { (low, high) } else { (high, low) };
        let limit = random.usize(1..60);
        let mut all: Vec<&String> = map.range(low.clone()..=high.clone()).map(|(field, _)| field).collect();
        for backwards in [false, true] {
            let line = if backwards {
                all.reverse();
                format!("PKHRSCANRANGE h {high} {low} LIMIT {limit}")
            } else {
                format!("PKHSCANRANGE h {low} {high} LIMIT {limit}")
            };
            let (next, found) = parts(&server.ask(&line));
            let found: Vec<String> = found.into_iter().step_by(2).collect();
            assert!(found.iter().eq(all.iter().take(limit).copied()), "{line}");
            assert_eq!(Some(&next).filter(|next| !next.is_empty()), all.get(limit).copied(), "{line}");
        }
    }
}
