//! OBJECT ENCODING: a listpack until `list-max-listpack-size`, and again from half of it on.

use super::*;

#[track_caller]
fn encodings(limit: i64, cases: &[(&str, &str)]) {
    for cold in [false, true] {
        let mut server = MiniServer::new(1);
        server.settings.list_max_listpack_size = limit;
        for (line, expected) in cases {
            if cold {
                cool(&mut server);
            }
            server.ask(line);
            assert_eq!(server.ask("OBJECT ENCODING l"), format!("\"{expected}\""), "{line}");
        }
    }
}

#[test]
fn a_number_of_elements_is_the_limit() {
    encodings(
        4,
        &[
            ("RPUSH l 1 2 3 4", "listpack"),
            ("LPUSH l 0", "quicklist"),
            ("LPOP l 2", "quicklist"),
            ("RPOP l", "listpack"),
            ("RPUSH l a b", "listpack"),
            ("LINSERT l BEFORE a x", "quicklist"),
            ("LTRIM l 0 1", "listpack"),
            ("RPUSH l a a a", "quicklist"),
            ("LREM l 0 a", "listpack"),
        ],
    );
}

#[test]
fn a_number_of_bytes_is_the_limit() {
    let (long, longer) = ("x".repeat(3000), "y".repeat(4100));
    encodings(
        -1,
        &[
            (&format!("RPUSH l {long} a b"), "listpack"),
            (&format!("RPUSH l {long}"), "quicklist"),
            ("RPOP l", "quicklist"),
            ("LSET l 0 short", "listpack"),
            (&format!("LSET l 1 {longer}"), "quicklist"),
            ("LSET l 1 a", "listpack"),
        ],
    );
}

/// 64 elements of 127 bytes: each takes two bytes for its head, and two for its length.
#[test]
fn a_listpack_s_bytes_are_counted_as_redis_does() {
    for (count, expected) in [(62, "listpack"), (63, "quicklist")] {
        let mut server = MiniServer::new(1);
        for _ in 0..count {
            server.ask(&format!("RPUSH l {}", "x".repeat(127)));
        }
        assert_eq!(server.ask("OBJECT ENCODING l"), format!("\"{expected}\""), "{count}");
    }
    // Integers take fewer bytes than their digits: 2000 of two bytes each are 4007.
    let ones = "1 ".repeat(2000);
    encodings(-1, &[(&format!("RPUSH l {}", ones.trim()), "listpack"), ("RPUSH l x", "listpack")]);
}
