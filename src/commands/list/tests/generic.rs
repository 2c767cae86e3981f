//! Commands on keys of any type, with lists small and big.

use super::*;

/// The first and the last element, and how many there are.
fn summary(server: &mut MiniServer, key: &str) -> [String; 3] {
    [format!("LINDEX {key} 0"), format!("LINDEX {key} -1"), format!("LLEN {key}")]
        .map(|line| server.ask(&line))
}

#[test]
fn lists_are_keys_like_any_other() {
    for (count, partitions) in [(3, 1), (500, 1), (500, 3)] {
        let mut server = with_list(partitions, count);
        server.ask(&format!("RPUSH l {}", "long".repeat(1000)));
        server.ask("RPUSH l last");
        let whole = summary(&mut server, "l");
        assert_eq!(whole[2], format!("(integer) {}", count + 2));
        assert_eq!(server.ask("TYPE l"), "list");
        assert_eq!(server.ask("OBJECT REFCOUNT l"), "(integer) 1");
        assert_eq!(server.ask("RENAME l other"), "OK");
        assert_eq!(server.ask("EXISTS l"), "(integer) 0");
        assert_eq!(summary(&mut server, "other"), whole);
        assert_eq!(server.ask("RENAME other {other}2"), "OK");
        cool(&mut server);
        assert_eq!(server.ask("COPY {other}2 l"), "(integer) 1");
        assert_eq!(server.ask("COPY {other}2 {other}3"), "(integer) 1");
        assert_eq!(server.ask("LSET {other}2 0 changed"), "OK");
        assert_eq!(summary(&mut server, "l"), whole);
        assert_eq!(summary(&mut server, "{other}3"), whole);
        assert_eq!(server.ask(&format!("LINDEX {{other}}3 {count}")), format!("\"{}\"", "long".repeat(1000)));
        assert_eq!(server.ask("MOVE {other}3 1"), "(integer) 1");
        server.ask("SELECT 1");
        assert_eq!(summary(&mut server, "{other}3"), whole);
        server.ask("SELECT 0");
        assert_eq!(server.ask("EXPIRE l 10"), "(integer) 1");
        server.ask("LPOP l");
        server.ask("LSET l 0 x");
        assert_eq!(server.ask("TTL l"), "(integer) 10");
        assert_eq!(server.ask("PERSIST l"), "(integer) 1");
        assert_eq!(server.ask("DEL l"), "(integer) 1");
        assert_eq!(summary(&mut server, "l"), ["(nil)", "(nil)", "(integer) 0"]);
        server.ask("RPUSH l new");
        assert_eq!(items(&server.ask("LRANGE l 0 -1")), ["new"]);
        server.ask("SET l string");
        assert_eq!(server.ask("GET l"), "\"string\"");
    }
}

#[test]
fn an_expired_list_is_gone_for_pushes_too() {
    let mut server = with_list(1, 300);
    server.ask("PEXPIRE l 100");
    server.now_ms += 100;
    assert_eq!(server.ask("LPOP l"), "(nil)");
    assert_eq!(server.ask("LPUSHX l a"), "(integer) 0");
    assert_eq!(server.ask("LPUSH l a"), "(integer) 1");
    assert_eq!(server.ask("TTL l"), "(integer) -1");
}

#[test]
fn memory_usage_grows_with_the_elements() {
    let usage = |count| {
        let mut server = with_list(1, count);
        server.ask("MEMORY USAGE l").trim_start_matches("(integer) ").parse::<u64>().unwrap()
    };
    let (small, big) = (usage(1000), usage(10_000));
    assert!(small > 5000 && (8 * small..12 * small).contains(&big), "{small} {big}");
}
