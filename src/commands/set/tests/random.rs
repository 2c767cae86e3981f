//! SPOP and SRANDMEMBER.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::engine::memory::MemoryEngine;

/// How far the draws are from all members being as likely; for the right ones about `members`, and the square root of
/// twice that to either side.
fn chi_square(draws: &[String], members: usize) -> f64 {
    let mut counts: HashMap<&str, f64> = HashMap::new();
    draws.iter().for_each(|draw| *counts.entry(draw).or_default() += 1.0);
    let expected = draws.len() as f64 / members as f64;
    let missing = (members - counts.len()) as f64 * expected;
    missing + counts.values().map(|count| (count - expected).powi(2) / expected).sum::<f64>()
}

#[track_caller]
fn assert_fair(draws: &[String], members: usize) {
    let (chi, members) = (chi_square(draws, members), members as f64);
    assert!(chi < members + 5.0 * (2.0 * members).sqrt() + 10.0, "{chi} for {members} members");
}

#[test]
fn every_member_is_as_likely() {
    // Packed, looked through, chosen by place.
    for count in [10, 200, 1000] {
        let mut server = with_set(1, count);
        let mut draws = Vec::new();
        for _ in 0..20 * count {
            draws.extend(items(&format!("1) {}", server.ask("SRANDMEMBER s"))));
        }
        assert_fair(&draws, count);
        let draws = items(&server.ask(&format!("SRANDMEMBER s -{}", 30 * count)));
        assert_eq!(draws.len(), 30 * count);
        assert_fair(&draws, count);
        for size in [2, count / 3, count - 1] {
            let mut draws = Vec::new();
            while draws.len() < 20 * count {
                let reply = items(&server.ask(&format!("SRANDMEMBER s {size}")));
                assert_eq!(reply.iter().collect::<HashSet<_>>().len(), size);
                draws.extend(reply);
            }
            assert_fair(&draws, count);
        }
    }
}

/// What Redis's own suite asks for: ten members, a bound that the right choice passes but once in 10^5.
#[test]
fn the_histogram_of_redis_s_suite_passes_however_a_set_is_stored() {
    for big in [false, true] {
        let mut server = MiniServer::new(1);
        if big {
            // It has been big, and stays stored by elements.
            add(&mut server, "s", 0..300);
        }
        server.ask("SADD s 1 5 10 50 125 MARY PATRICIA LINDA BARBARA ELIZABETH");
        if big {
            let gone: Vec<String> = (0..300).map(|number| format!("m{number}")).collect();
            server.ask(&format!("SREM s {}", gone.join(" ")));
        }
        assert!(chi_square(&items(&server.ask("SRANDMEMBER s -1000")), 10) < 40.0);
        for size in [8, 2] {
            let draws: Vec<String> =
                (0..1000 / size).flat_map(|_| items(&server.ask(&format!("SRANDMEMBER s {size}")))).collect();
            assert!(chi_square(&draws, 10) < 40.0);
        }
    }
}

#[test]
fn the_first_one_taken_is_anyone() {
    for count in [10, 300] {
        let mut draws = Vec::new();
        let mut server = with_set(1, count);
        while draws.len() < 20 * count {
            let line = if draws.len() % 2 == 0 { "SPOP s" } else { "SPOP s 1" };
            let taken = items(&format!("1) {}", server.ask(line).trim_start_matches("1) ")));
            server.ask(&format!("SADD s {}", taken[0]));
            draws.extend(taken);
        }
        assert_fair(&draws, count);
    }
}

#[test]
fn counts_of_every_size_are_answered() {
    for count in [3, 300] {
        let mut server = with_set(1, count);
        for cold in [false, true] {
            cool(&mut server);
            server.engine.make_cold(cold);
            let len = |server: &mut MiniServer, line: &str| items(&server.ask(line)).len();
            assert_eq!(len(&mut server, "SRANDMEMBER s"), 1);
            assert_eq!(len(&mut server, "SRANDMEMBER s 0"), 0);
            assert_eq!(len(&mut server, "SRANDMEMBER s 2"), 2);
            assert_eq!(len(&mut server, "SRANDMEMBER s 9223372036854775807"), count);
            assert_eq!(len(&mut server, "SRANDMEMBER s -1001"), 1001);
            for huge in ["-9223372036854775807", "-4294967296"] {
                assert_eq!(server.ask(&format!("SRANDMEMBER s {huge}")), "(error) ERR value is out of range");
            }
        }
    }
}

#[test]
fn what_is_popped_is_gone_and_logged_by_name() {
    for (size, cold) in [(20, false), (300, false), (300, true), (4000, false), (4000, true)] {
        let mut server = with_set(1, size);
        let mut left: HashSet<String> = items(&server.ask("SMEMBERS s")).into_iter().collect();
        let mut total = size;
        for count in [1, 7, size / 2, 2, size] {
            cool(&mut server);
            server.engine.make_cold(cold);
            let before = server.log.len();
            let taken = items(&server.ask(&format!("SPOP s {count}")));
            server.engine.make_cold(false);
            assert_eq!(taken.len(), count.min(total));
            total -= taken.len();
            assert!(taken.iter().all(|member| left.remove(member)), "each once, and a member");
            let logged = logged(&server, before);
            let known = ["SREM s ", "MULTI SREM s ", "DEL s"];
            assert!(
                logged.iter().all(|line| known.iter().any(|known| line.starts_with(known))),
                "{logged:?}"
            );
            assert_eq!(server.ask("SCARD s"), format!("(integer) {total}"));
            assert_eq!(items(&server.ask("SMEMBERS s")).into_iter().collect::<HashSet<_>>(), left);
            let mut replayed = MiniServer::open(MemoryEngine::new(), 2, server.log.clone());
            assert_eq!(items(&replayed.ask("SMEMBERS s")).into_iter().collect::<HashSet<_>>(), left);
        }
        assert_eq!(server.ask("EXISTS s"), "(integer) 0");
        server.ask("SADD s a");
        let before = server.log.len();
        assert_eq!(server.ask("SPOP s"), "\"a\"");
        assert_eq!(logged(&server, before), ["SREM s a"]);
        assert_eq!(server.ask("EXISTS s"), "(integer) 0");
    }
}

#[test]
fn a_set_pops_empty_one_by_one() {
    let mut server = with_set(1, 600);
    let mut seen = HashSet::new();
    for _ in 0..600 {
        assert!(seen.insert(server.ask("SPOP s")));
    }
    assert_eq!(server.ask("SPOP s"), "(nil)");
    assert_eq!(server.ask("EXISTS s"), "(integer) 0");
}
