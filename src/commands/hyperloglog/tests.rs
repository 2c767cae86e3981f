use super::selftest::{estimates_are_near, registers_hold_what_they_are_given};
use crate::testing::{MiniServer, check};

#[test]
fn elements_are_added_and_counted() {
    check(
        "PFCOUNT k\nPFADD k\nPFADD k\nPFCOUNT k\nPFADD k a b c\nPFADD k a b c\nPFADD k \"\"\nPFCOUNT k\nDEL k\n\
         PFADD k 1 2 3 4 5\nPFCOUNT k\nPFADD k 6 7 8 8 9 10\nPFCOUNT k\nOBJECT ENCODING k\nTYPE k",
        r#"
(integer) 0
(integer) 1
(integer) 0
(integer) 0
(integer) 1
(integer) 0
(integer) 1
(integer) 4
(integer) 1
(integer) 1
(integer) 5
(integer) 1
(integer) 10
"raw"
string
"#,
    );
}

#[test]
fn the_value_is_redis_s_and_its_estimate_is_kept() {
    check(
        "PFADD k a b c\nGET k\nPFCOUNT k\nGET k\nPFADD k a\nGETRANGE k 15 15\nPFADD k d\nGETRANGE k 15 15\n\
         SET l \"HYLL\\x01\\x00\\x00\\x00\\x07\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x7f\\xff\"\nPFCOUNT l\nPFCOUNT l k",
        r#"
(integer) 1
"HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80`\xf3\x80P\xb1\x84K\xfb\x80BZ"
(integer) 3
"HYLL\x01\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00`\xf3\x80P\xb1\x84K\xfb\x80BZ"
(integer) 0
"\x00"
(integer) 1
"\x80"
OK
(integer) 7
(integer) 4
"#,
    );
}

#[test]
fn several_are_merged_and_counted_together() {
    check(
        "PFADD {a}1 a b c\nPFADD {b}2 b c d\nPFADD {c}3 c d e\nPFCOUNT {a}1 {b}2 {c}3 {d}4\nPFMERGE {d}4 {a}1 {b}2 {c}3 none\n\
         PFCOUNT {d}4\nPFMERGE {a}1 {b}2\nPFCOUNT {a}1\nPFMERGE new\nPFCOUNT new\nPFDEBUG DECODE new\nSET s foo\nHSET h f v\nPFMERGE {a}1 s\n\
         PFMERGE s {a}1\nPFADD s a\nPFCOUNT s\nPFCOUNT {a}1 h\nPFADD h\nPFCOUNT {a}1\nPEXPIRE {a}1 100\nPFMERGE {a}1 {c}3\nPFADD {a}1 z\n\
         PFCOUNT {a}1\nPEXPIRETIME {a}1",
        r#"
(integer) 1
(integer) 1
(integer) 1
(integer) 5
OK
(integer) 5
OK
(integer) 4
OK
(integer) 0
"Z:16384"
OK
(integer) 1
(error) WRONGTYPE Key is not a valid HyperLogLog string value.
(error) WRONGTYPE Key is not a valid HyperLogLog string value.
(error) WRONGTYPE Key is not a valid HyperLogLog string value.
(error) WRONGTYPE Key is not a valid HyperLogLog string value.
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(integer) 4
(integer) 1
OK
(integer) 1
(integer) 6
(integer) 1700000000100
"#,
    );
}

#[test]
fn broken_ones_are_refused() {
    check(
        "PFADD k a b c\nAPPEND k hello\nPFCOUNT k\nPFMERGE l k\nEXISTS l\nPFDEBUG TODENSE k\nSET k HYLL\nPFCOUNT k\n\
         PFADD l a\nSETRANGE l 0 0123\nPFCOUNT l\nPFADD m a\nSETRANGE m 4 x\nPFADD m a\nPFADD n a\nSETRANGE n 4 \"\\x00\"\nPFCOUNT n",
        r#"
(integer) 1
(integer) 32
(error) INVALIDOBJ Corrupted HLL object detected
(error) INVALIDOBJ Corrupted HLL object detected
(integer) 0
(error) INVALIDOBJ Corrupted HLL object detected
OK
(error) WRONGTYPE Key is not a valid HyperLogLog string value.
(integer) 1
(integer) 21
(error) WRONGTYPE Key is not a valid HyperLogLog string value.
(integer) 1
(integer) 21
(error) WRONGTYPE Key is not a valid HyperLogLog string value.
(integer) 1
(integer) 21
(error) WRONGTYPE Key is not a valid HyperLogLog string value.
"#,
    );
}

#[test]
fn pfdebug_looks_inside() {
    check(
        "PFDEBUG ENCODING k\nPFADD k a b c\nPFDEBUG Encoding k\nPFDEBUG DECODE k\nPFDEBUG FOO k\nPFDEBUG TODENSE k\nPFDEBUG todense k\n\
         PFDEBUG ENCODING k\nPFDEBUG DECODE k\nSTRLEN k\nPFCOUNT k\nPFADD l a\nPFDEBUG\nPFMERGE l k\nPFDEBUG ENCODING l\nPFCOUNT l",
        r#"
(error) ERR The specified key does not exist
(integer) 1
sparse
"Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603"
(error) ERR Unknown PFDEBUG subcommand 'FOO'
(integer) 1
(integer) 0
dense
(error) ERR HLL encoding is not sparse
(integer) 12304
(integer) 3
(integer) 1
(error) ERR wrong number of arguments for 'pfdebug' command
OK
dense
(integer) 3
"#,
    );
    let mut server = MiniServer::new(1);
    server.ask("PFADD k a b c");
    let registers = server.ask("PFDEBUG GETREG k");
    let numbers: Vec<_> = registers.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(numbers.len(), 16384);
    assert_eq!((numbers[8436], numbers[12711], numbers[15780], numbers[0]), ("1", "2", "1", "0"));
    assert_eq!(server.ask("PFDEBUG ENCODING k"), "dense");
}

#[test]
fn it_becomes_dense_beyond_the_option_s_limit() {
    let mut server = MiniServer::new(1);
    for (limit, expected) in [(3000, "sparse"), (300, "dense"), (0, "dense")] {
        server.settings.hll_sparse_max_bytes = limit;
        server.ask("DEL k");
        for element in 0..200 {
            server.ask(&format!("PFADD k {element}"));
        }
        assert_eq!(server.ask("PFDEBUG ENCODING k"), expected, "{limit}");
        assert_eq!(server.ask("PFCOUNT k"), "(integer) 201");
    }
}

#[test]
fn changes_and_events() {
    let mut server = MiniServer::new(1);
    server.settings.events = crate::config::Events::ALL;
    for (line, changes, events) in [
        ("PFADD k a b c", 4, "pfadd"),
        ("PFADD k a b", 0, ""),
        ("PFADD k d", 1, "pfadd"),
        ("PFCOUNT k", 1, ""),
        ("PFCOUNT k", 0, ""),
        ("PFMERGE l k", 1, "pfadd"),
        ("PFDEBUG TODENSE l", 1, ""),
    ] {
        let before = server.partitions[0].stats.changes;
        server.partitions[0].events.clear();
        server.ask(line);
        let names: Vec<_> = server.partitions[0].events.iter().map(|event| event.name).collect();
        assert_eq!(server.partitions[0].stats.changes - before, changes, "{line}");
        assert_eq!(names.join(" "), events, "{line}");
    }
}

#[test]
fn the_self_test_passes() {
    let mut random = fastrand::Rng::with_seed(8);
    assert_eq!(registers_hold_what_they_are_given(&mut random, 2), Ok(()));
    assert_eq!(estimates_are_near(random.u64(..), 100_000, 3000), Ok(()));
    // It does find what is wrong: with a limit of nothing, the sparse form is never used.
    assert_eq!(estimates_are_near(1, 10, 20), Err("sparse encoding not used".to_string()));
}
