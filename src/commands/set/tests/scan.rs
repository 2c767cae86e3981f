//! SSCAN.

use std::collections::HashSet;

use super::*;

/// Cursor and members of one call.
fn call(server: &mut MiniServer, line: &str) -> (String, Vec<String>) {
    let reply = server.ask(line);
    let (cursor, members) = reply.split_once('\n').expect("two parts");
    let cursor = cursor.trim_start_matches("1) ").trim_matches('"').to_string();
    (cursor, items(members.trim_start_matches("2) ")))
}

fn scan(server: &mut MiniServer, options: &str) -> Vec<String> {
    let (mut cursor, mut all) = ("0".to_string(), Vec::new());
    loop {
        let (next, members) = call(server, &format!("SSCAN s {cursor} {options}"));
        all.extend(members);
        if next == "0" {
            return all;
        }
        cursor = next;
    }
}

#[test]
fn a_small_set_comes_whole() {
    check(
        "SADD s a b c\nSSCAN s 0 COUNT 1\nSSCAN s 7 MATCH [ab]\nSSCAN none 0 foo",
        "(integer) 3\n1) \"0\"\n2) 1) \"a\"\n   2) \"b\"\n   3) \"c\"\n\
         1) \"0\"\n2) 1) \"a\"\n   2) \"b\"\n1) \"0\"\n2) (empty array)",
    );
}

#[test]
fn a_big_set_comes_in_parts_each_member_once() {
    for cold in [false, true] {
        let mut server = with_set(2, 2000);
        cool(&mut server);
        server.engine.make_cold(cold);
        for options in ["", "COUNT 1", "COUNT 700", "COUNT 100000", "MATCH *"] {
            let all = scan(&mut server, options);
            assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (2000, 2000), "{options}");
        }
        let (_, members) = call(&mut server, "SSCAN s 0 COUNT 7");
        assert_eq!(members.len(), 7);
        assert_eq!(sorted_scan(&mut server, "MATCH m199? COUNT 50").len(), 10);
        assert_eq!(call(&mut server, "SSCAN s 99999999999"), ("0".into(), vec![]), "past all hashes");
    }
}

fn sorted_scan(server: &mut MiniServer, options: &str) -> Vec<String> {
    let mut all = scan(server, options);
    all.sort();
    all
}

#[test]
fn what_stays_is_returned_though_others_come_and_go() {
    let mut server = with_set(1, 1000);
    let (mut cursor, mut seen, mut round) = ("0".to_string(), HashSet::new(), 0);
    loop {
        let (next, members) = call(&mut server, &format!("SSCAN s {cursor} COUNT 20"));
        members.into_iter().for_each(|member| assert!(seen.insert(member), "none twice"));
        if next == "0" {
            break;
        }
        cursor = next;
        round += 1;
        server.ask(&format!("SADD s x{round}"));
        server.ask(&format!("SREM s m{}", 500 + round));
    }
    assert!((0..500).all(|number| seen.contains(&format!("m{number}"))));
}
