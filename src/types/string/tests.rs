//! What stands in the store: fixed bytes, and how little a change writes.

use super::*;
use crate::encoding::meta::Collection;
use crate::engine::Family;
use crate::testing::{MiniServer, check};

/// The fragments of the only string in fragments: number, bytes.
fn fragments(server: &mut MiniServer) -> Vec<(u64, Vec<u8>)> {
    server.write_behind();
    let entries = server.engine.dump(Family::Element);
    entries
        .iter()
        .map(|(key, value)| (u64::from_be_bytes(key[14..].try_into().unwrap()), value.to_vec()))
        .collect()
}

#[test]
fn the_bytes_on_disk_are_fixed() {
    let mut server = MiniServer::new(1);
    server.ask("SETBIT foo 4294967295 1");
    server.ask("SETRANGE foo 4095 ab");
    server.write_behind();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let dump = |family| {
        let entries = server.engine.dump(family);
        entries.iter().map(|(key, value)| format!("{} {}", hex(key), hex(value))).collect::<Vec<_>>()
    };
    // Slot 12182, namespace 0, hash, "foo"; a string changed in place, by elements: version 1, 2^29 bytes.
    assert_eq!(dump(Family::Meta), ["2f9600000000077e7d8a666f6f 6000000000000000018080808002"]);
    let prefix = "2f96000000000000000000000001";
    let first = format!("{prefix}0000000000000000 {}61", "00".repeat(4095));
    let last = format!("{prefix}000000000001ffff {}01", "00".repeat(4095));
    assert_eq!(dump(Family::Element), [first, format!("{prefix}0000000000000001 62"), last]);
}

#[test]
fn a_string_stays_whole_up_to_its_limit() {
    let mut server = MiniServer::new(1);
    server.ask("SET k abc");
    server.ask(&format!("SETBIT k {} 1", WHOLE * 8 - 1));
    assert_eq!(fragments(&mut server), []);
    server.ask("APPEND k x");
    let limit = WHOLE / FRAGMENT;
    let found = fragments(&mut server);
    assert_eq!(found.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, limit - 1, limit]);
    assert_eq!((&found[0].1[..], &found[2].1[..]), (&b"abc"[..], &b"x"[..]));
    // A plain SET makes it whole again; what was there is nobody's.
    server.ask("SET k abc");
    server.write_behind();
    assert!(server.engine.dump(Family::System).iter().any(|(key, _)| key.starts_with(b"orphan/")));
    assert_eq!(server.ask("GET k"), "\"abc\"");
}

#[test]
fn a_change_writes_one_fragment() {
    let mut server = MiniServer::new(1);
    let large = "x".repeat(1 << 20);
    server.call(&[b"SET", b"k", large.as_bytes()]);
    server.ask("SETBIT k 0 1");
    server.write_behind();
    let before = server.engine.dump(Family::Element);
    let meta = server.engine.dump(Family::Meta);
    let cases =
        ["SETBIT k 4000000 1", "SETRANGE k 70000 y", "BITFIELD k SET u8 800000 7", "SETBIT k 4000001 0"];
    let mut last = before;
    for case in cases {
        server.ask(case);
        server.write_behind();
        let now = server.engine.dump(Family::Element);
        let changed = now.iter().zip(&last).filter(|(one, other)| one != other).count();
        assert_eq!((changed, now.len()), (1, last.len()), "{case}");
        last = now;
    }
    assert_eq!(server.engine.dump(Family::Meta), meta, "the key itself says nothing else");
}

#[test]
fn a_fragment_of_zero_bytes_has_no_entry() {
    let mut server = MiniServer::new(1);
    server.ask("SETBIT k 800000 1");
    assert_eq!(fragments(&mut server).len(), 1);
    server.ask("SETBIT k 800000 0");
    assert_eq!(fragments(&mut server).len(), 0);
    assert_eq!(server.ask("STRLEN k"), "(integer) 100001");
    server.call(&[b"SETRANGE", b"k", b"5000", &[0; 5000]]);
    assert_eq!(fragments(&mut server).len(), 0);
    server.call(&[b"SETRANGE", b"k", b"4095", &[7; 5000]]);
    assert_eq!(fragments(&mut server).len(), 3);
    server.call(&[b"SETRANGE", b"k", b"4095", &[0; 5000]]);
    assert_eq!(fragments(&mut server).len(), 0);
}

#[test]
fn a_long_gap_costs_nothing() {
    check(
        "SETBIT k 4294967295 1\nSTRLEN k\nGETBIT k 4294967295\nGETBIT k 5\nGETBIT k 4294967294\nBITCOUNT k\n\
         BITPOS k 1\nBITPOS k 0\nBITPOS k 0 -1\nBITPOS k 1 100 200\nGETRANGE k -3 -1\nBITCOUNT k -1 -1\n\
         BITCOUNT k 0 -2\nOBJECT ENCODING k\nTYPE k\nDBSIZE\nSETRANGE k 536870911 ab\nAPPEND k a\nSETRANGE k 536870912 a\n\
         BITFIELD k GET u8 4294967288 SET u8 4294967288 255 GET i8 4294967288\nCOPY k {other}\nRENAME k new\n\
         BITCOUNT {other}\nBITPOS new 1\nDEL new {other}\nDBSIZE",
        r#"
(integer) 0
(integer) 536870912
(integer) 1
(integer) 0
(integer) 0
(integer) 1
(integer) 4294967295
(integer) 0
(integer) 4294967288
(integer) -1
"\x00\x00\x01"
(integer) 1
(integer) 0
"raw"
string
(integer) 1
(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
1) (integer) 1
2) (integer) 1
3) (integer) -1
(integer) 1
OK
(integer) 8
(integer) 4294967288
(integer) 2
(integer) 0
"#,
    );
}

#[test]
fn what_the_key_says_is_a_collection() {
    let mut server = MiniServer::new(1);
    server.ask("SETRANGE k 20000 abc");
    server.write_behind();
    let (_, value) = server.engine.dump(Family::Meta).into_iter().next().unwrap();
    let meta = crate::encoding::meta::Meta::parse(&value).unwrap();
    assert_eq!(meta.collection(), Some(Collection { version: 1, len: 20003 }));
    assert!(meta.expanded);
}

#[test]
fn memory_usage_counts_fragments() {
    let mut server = MiniServer::new(1);
    server.call(&[b"SETRANGE", b"k", b"0", &[7; 1 << 20]]);
    let number = |text: String| text.strip_prefix("(integer) ").unwrap().parse::<u64>().unwrap();
    let (all, some) = (number(server.ask("MEMORY USAGE k SAMPLES 0")), number(server.ask("MEMORY USAGE k")));
    assert_eq!(all, some, "all fragments are alike");
    assert!((1 << 20..(1 << 20) + (64 << 10)).contains(&all), "{all}");
    server.ask("SETBIT gap 4294967295 1");
    let gap = number(server.ask("MEMORY USAGE gap"));
    assert!(gap < 5000, "{gap}");
}

#[test]
fn they_move_to_other_databases() {
    check(
        "SETRANGE k 50000 abc\nMOVE k 3\nEXISTS k\nSELECT 3\nGETRANGE k -5 -1\nCOPY k l DB 0\nSETRANGE k 50000 xyz\nSELECT 0\nGETRANGE l -3 -1\n\
         COPY l l2 REPLACE\nSETRANGE l 0 z\nGETRANGE l2 0 0\nRENAME l m\nGETRANGE m 0 0\nSTRLEN m",
        r#"
(integer) 50003
(integer) 1
(integer) 0
OK
"\x00\x00abc"
(integer) 1
(integer) 50003
OK
"abc"
(integer) 1
(integer) 50003
"\x00"
OK
"z"
(integer) 50003
"#,
    );
}

#[test]
fn what_a_new_store_or_a_flushed_database_lacks_is_known_without_a_look_at_the_engine() {
    let mut server = MiniServer::new(1);
    let reads = |server: &MiniServer| server.partitions[0].stats.engine_reads;
    for key in ["a", "b"] {
        server.ask(&format!("INCR {key}"));
        server.ask(&format!("HSET h{key} f v"));
    }
    server.write_behind();
    assert_eq!((server.ask("GET c").as_str(), reads(&server)), ("(nil)", 0));

    server.partitions[0].drop_cache();
    assert_eq!(server.ask("INCR a"), "(integer) 2", "an evicted key is looked for");
    assert_eq!(reads(&server), 1);
    server.ask("DEL a b");
    server.write_behind();
    let before = reads(&server);
    assert_eq!(server.ask("GET a"), "(nil)", "its slot lost an entry: it is asked about again");
    assert_eq!(reads(&server), before + 1);

    server.ask("FLUSHALL");
    let before = reads(&server);
    assert_eq!((server.ask("INCR a"), server.ask("GET b")), ("(integer) 1".into(), "(nil)".into()));
    assert_eq!(reads(&server), before, "the new namespace has nothing below");

    let mut server = server.crash(1);
    assert_eq!((server.ask("GET a"), server.ask("GET b")), ("\"1\"".into(), "(nil)".into()));
}

#[test]
fn a_blind_write_orphans_the_fragments_of_a_cold_one() {
    let mut server = MiniServer::new(1);
    server.ask("SETRANGE k 50000 abc");
    server.write_behind();
    server.partitions[0].drop_cache();
    server.engine.make_cold(true);
    server.ask("SET k new");
    server.engine.make_cold(false);
    server.write_behind();
    let orphans =
        server.engine.dump(Family::System).into_iter().filter(|(key, _)| key.starts_with(b"orphan/"));
    assert_eq!(orphans.count(), 1);
    assert_eq!((server.ask("DBSIZE"), server.ask("GET k")), ("(integer) 1".into(), "\"new\"".into()));
}
