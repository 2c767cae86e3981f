//! Streams of many nodes: what is read of them, hot and cold.

use super::*;

/// A stream `s` of entries `1-0` to `count-0`, two a node.
fn long(count: u64) -> MiniServer {
    let mut server = MiniServer::new(1);
    server.settings.stream_node_max_entries = 2;
    for ms in 1..=count {
        server.ask(&format!("XADD s {ms} a {ms}"));
    }
    server
}

/// Forgets what was read; from now on all reads are from disk.
fn cool(server: &mut MiniServer) {
    server.engine.make_cold(false);
    server.write_behind();
    server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
    server.engine.make_cold(true);
    server.waits = 0;
}

/// The times of the entries that a command shows.
fn times(server: &mut MiniServer, line: &str) -> Vec<u64> {
    let reply = server.ask(line);
    let ids = reply.split('"').filter_map(|text| text.strip_suffix("-0"));
    ids.map(|text| text.parse().unwrap()).collect()
}

#[test]
fn walks_show_every_entry_once_hot_and_cold() {
    const COUNT: u64 = 1000;
    let mut server = long(COUNT);
    for cold in [false, true] {
        for (start, end) in [(1, COUNT), (2, 3), (500, 700), (0, 1), (COUNT, COUNT + 5)] {
            if cold {
                cool(&mut server);
            }
            let expected: Vec<u64> = (start.max(1)..=end.min(COUNT)).collect();
            assert_eq!(times(&mut server, &format!("XRANGE s {start} {end}")), expected);
            let backwards: Vec<u64> = expected.iter().rev().copied().collect();
            assert_eq!(times(&mut server, &format!("XREVRANGE s {end} {start}")), backwards);
            let few: Vec<u64> = backwards.iter().take(70).copied().collect();
            assert_eq!(times(&mut server, &format!("XREVRANGE s {end} {start} COUNT 70")), few);
        }
    }
}

#[test]
fn one_entry_of_a_long_cold_stream_takes_few_waits() {
    let mut server = long(20_000);
    for (line, most) in [
        ("XADD s 30000 a b", 2),
        ("XADD s MAXLEN ~ 20000 30001 a b", 4),
        ("XRANGE s 12345 12345", 8),
        ("XDEL s 12345", 8),
        ("XTRIM s MAXLEN 20000", 4),
        ("XREAD COUNT 1 STREAMS s 7777", 9),
        ("XRANGE s - + COUNT 10", 3),
        ("XREVRANGE s + - COUNT 10", 4),
        ("XLEN s", 1),
    ] {
        cool(&mut server);
        server.ask(line);
        assert!(server.waits <= most, "{line}: {} waits", server.waits);
    }
}

#[test]
fn a_walk_over_very_many_entries_goes_elsewhere() {
    let mut server = long(10_000);
    for (line, few) in
        [("XRANGE s - +", "XRANGE s - + COUNT 4000"), ("XREVRANGE s + -", "XREVRANGE s + - COUNT 4000")]
    {
        server.waits = 0;
        assert_eq!((times(&mut server, few).len(), server.waits), (4000, 0), "{few}");
        assert_eq!(times(&mut server, line).len(), 10_000, "{line}");
        assert!(server.waits > 0, "{line}");
    }
}

#[test]
fn a_group_goes_on_where_it_stopped() {
    let mut server = long(2000);
    server.ask("XGROUP CREATE s g 0");
    let mut next = 1;
    while next <= 2000 {
        let count = 1 + next % 7 * 30;
        let got = times(&mut server, &format!("XREADGROUP GROUP g c COUNT {count} STREAMS s >"));
        assert!(got.iter().copied().eq(next..(next + count).min(2001)), "from {next}");
        next += count;
    }
    assert_eq!(server.ask("XREADGROUP GROUP g c STREAMS s >"), "(nil)");
    // It finds the place again without looking for it, be it within a node or between two.
    server.ask("XGROUP CREATE s near 0");
    for count in [1001, 1, 2, 2, 1] {
        cool(&mut server);
        let line = format!("XREADGROUP GROUP near c COUNT {count} NOACK STREAMS s >");
        assert_eq!(times(&mut server, &line).len(), count);
        assert!(count > 2 || server.waits <= 6, "{} waits", server.waits);
    }
    // All at once, from disk.
    server.ask("XGROUP CREATE s h 0");
    cool(&mut server);
    assert_eq!(times(&mut server, "XREADGROUP GROUP h c NOACK STREAMS s >").len(), 2000);
    assert!(server.waits < 20, "{} waits", server.waits);
}

#[test]
fn removed_entries_leave_runs_of_empty_nodes_that_walks_pass_at_once() {
    let mut server = long(1000);
    let mut order: Vec<u64> = (101..=900).collect();
    fastrand::Rng::with_seed(1).shuffle(&mut order);
    for ms in order {
        assert_eq!(server.ask(&format!("XDEL s {ms}")), "(integer) 1");
    }
    let expected: Vec<u64> = (1..=100).chain(901..=1000).collect();
    assert_eq!(times(&mut server, "XRANGE s - +"), expected);
    assert_eq!(times(&mut server, "XREVRANGE s + -").into_iter().rev().collect::<Vec<_>>(), expected);
    assert_eq!(times(&mut server, "XRANGE s 99 901"), [99, 100, 901]);
    assert_eq!(times(&mut server, "XRANGE s 500 902"), [901, 902]);
    assert_eq!(times(&mut server, "XREVRANGE s 500 99"), [100, 99]);
    cool(&mut server);
    assert_eq!(times(&mut server, "XRANGE s 100 901"), [100, 901]);
    assert!(server.waits < 12, "{} waits", server.waits);
    assert_eq!(server.ask("XTRIM s MAXLEN 100"), "(integer) 100");
    assert_eq!(times(&mut server, "XRANGE s - + COUNT 1"), [901]);
    for ms in 901..=1000 {
        server.ask(&format!("XDEL s {ms}"));
    }
    assert_eq!(times(&mut server, "XRANGE s - +"), [0; 0]);
    server.ask("XADD s 2000 a b");
    assert_eq!(times(&mut server, "XREVRANGE s + -"), [2000]);
}

#[test]
fn the_greatest_pending_id_is_found_when_greater_ones_are_acknowledged() {
    let mut server = long(300);
    server.ask("XGROUP CREATE s g 0");
    server.ask("XREADGROUP GROUP g c STREAMS s >");
    for ms in (1..10).chain(200..=300).rev() {
        server.ask(&format!("XACK s g {ms}"));
        let reply = server.ask("XPENDING s g");
        let bounds: Vec<&str> = reply.split('"').skip(1).step_by(2).take(2).collect();
        let greatest = if ms <= 200 { 199 } else { ms - 1 };
        let least = if ms < 10 && ms > 1 { 1 } else { u64::from(ms == 1) * 9 + 1 };
        assert_eq!(bounds, [format!("{least}-0"), format!("{greatest}-0")], "after {ms}");
    }
}

#[test]
fn ids_may_go_back_over_what_was_removed() {
    let mut server = long(20);
    // Two nodes in the middle and four at the end become empty.
    for ms in (5..=8).chain(13..=20) {
        server.ask(&format!("XDEL s {ms}"));
    }
    assert_eq!(server.ask("XSETID s 30 MAXDELETEDID 1"), "OK");
    assert_eq!(server.ask("XSETID s 12"), "OK");
    for ms in [13, 14, 15, 40, 41, 42, 43, 44] {
        assert_eq!(server.ask(&format!("XADD s {ms} a b")), format!("\"{ms}-0\""));
    }
    let all = [1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 15, 40, 41, 42, 43, 44];
    assert_eq!(times(&mut server, "XRANGE s - +"), all);
    for ms in all {
        assert_eq!(times(&mut server, &format!("XRANGE s {ms} {ms}")), [ms]);
    }
    cool(&mut server);
    let backwards: Vec<u64> = all.iter().rev().copied().collect();
    assert_eq!(times(&mut server, "XREVRANGE s + -"), backwards);
    for ms in all {
        assert_eq!(server.ask(&format!("XDEL s {ms}")), "(integer) 1");
    }
    assert_eq!(server.ask("XLEN s"), "(integer) 0");
}

#[test]
fn ids_may_go_back_to_before_the_last_one_of_a_full_node() {
    let mut server = long(1);
    for line in [
        "XADD s 5 a b",
        "XDEL s 5",
        "XSETID s 6 MAXDELETEDID 1",
        "XSETID s 2",
        "XADD s 3 a b",
        "XADD s 4 a b",
    ] {
        assert!(!server.ask(line).starts_with("(error)"), "{line}");
    }
    assert_eq!(times(&mut server, "XRANGE s - 4"), [1, 3, 4]);
    assert_eq!(times(&mut server, "XREVRANGE s 3 -"), [3, 1]);
    server.ask("XGROUP CREATE s g 0");
    server.ask("XREADGROUP GROUP g c STREAMS s >");
    assert_eq!(times(&mut server, "XCLAIM s g d 0 1 3 4 JUSTID"), [1, 3, 4]);
}
