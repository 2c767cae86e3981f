//! HRANDFIELD.

use std::collections::HashMap;

use super::*;
use crate::resp::Protocol;

/// How far the draws are from all fields being as likely; for the right ones about `fields`, and the square
/// root of twice that to either side.
fn chi_square(draws: &[String], fields: usize) -> f64 {
    let mut counts: HashMap<&str, f64> = HashMap::new();
    draws.iter().for_each(|draw| *counts.entry(draw).or_default() += 1.0);
    let expected = draws.len() as f64 / fields as f64;
    let missing = (fields - counts.len()) as f64 * expected;
    missing + counts.values().map(|count| (count - expected).powi(2) / expected).sum::<f64>()
}

#[track_caller]
fn assert_fair(draws: &[String], fields: usize) {
    let (chi, fields) = (chi_square(draws, fields), fields as f64);
    assert!(chi < fields + 5.0 * (2.0 * fields).sqrt() + 10.0, "{chi} for {fields} fields");
}

#[test]
fn every_field_is_as_likely() {
    // Packed, looked through, chosen by place.
    for count in [10, 200, 1000] {
        let mut server = with_hash(1, count);
        let mut draws = Vec::new();
        for _ in 0..20 * count {
            draws.extend(items(&format!("1) {}", server.ask("HRANDFIELD h"))));
        }
        assert_fair(&draws, count);
        let draws = items(&server.ask(&format!("HRANDFIELD h -{}", 30 * count)));
        assert_eq!(draws.len(), 30 * count);
        assert_fair(&draws, count);
        for size in [2, count / 3, count - 1] {
            let mut draws = Vec::new();
            while draws.len() < 20 * count {
                let reply = items(&server.ask(&format!("HRANDFIELD h {size}")));
                assert_eq!(reply.iter().collect::<std::collections::HashSet<_>>().len(), size);
                draws.extend(reply);
            }
            assert_fair(&draws, count);
        }
    }
}

#[test]
fn counts_of_every_size_are_answered() {
    for count in [3, 300] {
        let mut server = with_hash(1, count);
        for cold in [false, true] {
            cool(&mut server);
            server.engine.make_cold(cold);
            let len = |server: &mut MiniServer, line: &str| items(&server.ask(line)).len();
            assert_eq!(len(&mut server, "HRANDFIELD h"), 1);
            assert_eq!(len(&mut server, "HRANDFIELD h 0"), 0);
            assert_eq!(len(&mut server, "HRANDFIELD h 2"), 2);
            assert_eq!(len(&mut server, "HRANDFIELD h 9223372036854775807"), count);
            assert_eq!(len(&mut server, "HRANDFIELD h 4611686018427387903 withvalues"), 2 * count);
            assert_eq!(len(&mut server, "HRANDFIELD h 5000000000 WITHVALUES"), 2 * count);
            assert_eq!(len(&mut server, "HRANDFIELD h -7 withvalues"), 14);
            assert_eq!(len(&mut server, "HRANDFIELD h -1001"), 1001);
            for huge in ["-9223372036854775807", "-4294967296", "-2147483648"] {
                assert_eq!(server.ask(&format!("HRANDFIELD h {huge}")), "(error) ERR value is out of range");
            }
        }
    }
}

#[test]
fn fields_whose_time_has_come_are_not_chosen() {
    for count in [10, 1000] {
        let mut server = with_hash(1, count);
        for field in 3..count {
            server.ask(&format!("HPEXPIRE h 10 FIELDS 1 f{field}"));
        }
        server.now_ms += 10;
        for line in ["HRANDFIELD h 5", "HRANDFIELD h -40", "HRANDFIELD h 2000"] {
            let mut fields = items(&server.ask(line));
            fields.sort();
            fields.dedup();
            assert_eq!(fields, ["f0", "f1", "f2"], "{line}");
        }
    }
}

#[test]
fn pairs_are_nested_in_resp3() {
    let mut server = with_hash(1, 1);
    assert!(server.call(&[b"HRANDFIELD", b"h", b"-2", b"WITHVALUES"]).starts_with(b"*4"));
    server.protocol = Protocol::Resp3;
    assert_eq!(
        server.call(&[b"HRANDFIELD", b"h", b"5", b"withvalues"]),
        b"*1\r\n*2\r\n$2\r\nf0\r\n$1\r\n0\r\n"
    );
    assert_eq!(server.call(&[b"HRANDFIELD", b"none"]), b"_\r\n");
    assert_eq!(server.call(&[b"HRANDFIELD", b"none", b"2"]), b"*0\r\n");
    assert_eq!(server.call(&[b"HGETALL", b"h"]), b"%1\r\n$2\r\nf0\r\n$1\r\n0\r\n");
    assert_eq!(server.call(&[b"HGETALL", b"none"]), b"%0\r\n");
    assert_eq!(server.call(&[b"HKEYS", b"h"]), b"*1\r\n$2\r\nf0\r\n");
    assert_eq!(server.call(&[b"HGET", b"h", b"none"]), b"_\r\n");
    assert_eq!(server.call(&[b"HINCRBYFLOAT", b"h", b"f0", b"1.5"]), b"$3\r\n1.5\r\n");
    assert_eq!(server.call(&[b"HSCAN", b"none", b"0"]), b"*2\r\n$1\r\n0\r\n*0\r\n");
}
