use std::collections::BTreeMap;

use super::*;

#[test]
fn a_small_sorted_set_comes_whole() {
    check(
        "ZADD z 1 a 2.5 b inf c\nZSCAN z 0\nZSCAN z 77 COUNT 1\nZSCAN z 0 MATCH [ab]\nZSCAN none 0\nZSCAN none 0 FOO\n\
         ZSCAN z 0 COUNT 0\nZSCAN z x\nZSCAN z 0 NOVALUES\nZSCAN z 0 COUNT x",
        r#"(integer) 3
1) "0"
2) 1) "a"
   2) "1"
   3) "b"
   4) "2.5"
   5) "c"
   6) "inf"
1) "0"
2) 1) "a"
   2) "1"
   3) "b"
   4) "2.5"
   5) "c"
   6) "inf"
1) "0"
2) 1) "a"
   2) "1"
   3) "b"
   4) "2.5"
1) "0"
2) (empty array)
1) "0"
2) (empty array)
(error) ERR syntax error
(error) ERR invalid cursor
(error) ERR syntax error
(error) ERR value is not an integer or out of range"#,
    );
}

/// The next cursor, and the items.
fn parts(reply: &str) -> (String, Vec<String>) {
    let (first, rest) = reply.split_once('\n').unwrap_or((reply, ""));
    let next = items(first).remove(0);
    let rest = rest.trim_start().trim_start_matches("2) ");
    (next, items(rest))
}

#[test]
fn a_whole_scan_shows_what_stays_once() {
    for cold in [false, true] {
        let mut server = with_members(1, 700);
        let (mut cursor, mut seen) = ("0".to_string(), BTreeMap::new());
        let mut turn = 0;
        loop {
            if cold {
                cool(&mut server);
            }
            let (next, found) = parts(&server.ask(&format!("ZSCAN z {cursor} COUNT 25")));
            for pair in found.chunks(2) {
                assert!(seen.insert(pair[0].clone(), pair[1].clone()).is_none(), "{pair:?} twice");
            }
            // Others come, go, and get other scores meanwhile.
            server.ask(&format!("ZADD z 5 new{turn} 7000 m{turn}"));
            server.ask(&format!("ZREM z new{turn}"));
            turn += 1;
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
        assert!(turn >= 700 / 26);
        let of_old = seen.iter().filter(|(member, _)| member.starts_with('m')).count();
        assert_eq!(of_old, 700);
        assert_eq!(seen["m600"], "600");
    }
}

#[test]
fn scores_have_the_digits_that_redis_shows() {
    let mut server = MiniServer::new(1);
    server.ask("ZADD z 0.1 a");
    assert_eq!(parts(&server.ask("ZSCAN z 0")).1, ["a", "0.1"]);
    server.ask(&format!("ZADD z 0.1 {}", "x".repeat(65)));
    assert_eq!(server.ask("OBJECT ENCODING z"), "\"skiplist\"");
    assert_eq!(parts(&server.ask("ZSCAN z 0 MATCH a")).1, ["a", "0.10000000000000001"]);
    assert_eq!(server.ask("ZSCORE z a"), "\"0.1\"");
}
