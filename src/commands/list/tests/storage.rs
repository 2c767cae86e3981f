//! What lists cost: how many entries are read, written and left.

use super::*;
use crate::engine::Family;

/// The Element entries in the engine, by kind: chunks, and values of their own.
fn stored(server: &mut MiniServer) -> (usize, usize) {
    server.write_behind();
    let elements = server.engine.dump(Family::Element);
    let apart = elements.iter().filter(|(key, _)| key[14] == 1).count();
    (elements.len() - apart, apart)
}

#[test]
fn a_push_or_pop_writes_one_chunk_and_the_key() {
    let mut server = with_list(1, 1000);
    for line in ["LPUSH l x", "RPUSH l x", "LPOP l", "RPOP l", "LSET l 500 longer"] {
        server.write_behind();
        server.ask(line);
        assert_eq!(server.partitions[0].queued(), 2, "{line}");
    }
    server.write_behind();
    server.ask("LSET l 501 e500");
    assert_eq!(server.partitions[0].queued(), 1, "the length of the list and its bytes are the same");
}

#[test]
fn a_cold_element_is_one_wait_wherever_it_is() {
    let mut server = with_list(1, 5000);
    for (line, waits) in [
        ("LINDEX l 2500", 2),
        ("LSET l 2501 x", 2),
        // It begins a chunk.
        ("LPUSH l x", 1),
        ("LPOP l", 2),
        ("LRANGE l 100 2000", 2),
        ("RPOP l 600", 2),
        ("LTRIM l 1 -2", 3),
        ("LPOS l e4300 RANK -1", 2),
    ] {
        cool(&mut server);
        let before = server.waits;
        server.ask(line);
        assert_eq!(server.waits - before, waits, "{line}");
    }
    // A search goes on in steps that grow.
    cool(&mut server);
    let before = server.waits;
    assert_eq!(server.ask("LPOS l none"), "(nil)");
    assert!(server.waits - before < 9, "{}", server.waits - before);
}

#[test]
fn long_elements_are_read_together() {
    let mut server = with_list(1, 200);
    let long = "x".repeat(1000);
    for number in 0..100 {
        server.ask(&format!("RPUSH l {long}{number}"));
    }
    assert_eq!(stored(&mut server), (5, 100));
    cool(&mut server);
    let before = server.waits;
    assert_eq!(items(&server.ask("LRANGE l 190 -1")).len(), 110);
    assert_eq!(server.waits - before, 3, "the key, the chunks, the long elements");
    cool(&mut server);
    let before = server.waits;
    // Nothing of 4 bytes can be one of them.
    assert_eq!(server.ask("LPOS l none"), "(nil)");
    assert_eq!(server.waits - before, 3);
    assert_eq!(server.ask(&format!("LPOS l {long}42")), "(integer) 242");
}

#[test]
fn nothing_is_left_of_what_was_removed() {
    let mut server = with_list(1, 640);
    let long = "x".repeat(600);
    assert_eq!(stored(&mut server), (10, 0));
    server.ask(&format!("LPUSH l {long} {long}"));
    server.ask(&format!("RPUSH l {long} {long}"));
    assert_eq!(stored(&mut server), (12, 4));
    server.ask("LPOP l");
    server.ask("RPOP l 2");
    assert_eq!(stored(&mut server), (11, 1));
    server.ask("LSET l 0 short");
    server.ask("LPOP l");
    assert_eq!(stored(&mut server), (10, 0));
    server.ask(&format!("LSET l 100 {long}"));
    server.ask(&format!("LSET l 100 {long}"));
    server.ask(&format!("LINSERT l AFTER {long} {long}"));
    assert_eq!(stored(&mut server).1, 2);
    server.ask(&format!("LREM l 0 {long}"));
    assert_eq!(stored(&mut server), (10, 0));
    server.ask("LTRIM l 70 -70");
    assert_eq!(stored(&mut server), (8, 0));
    server.ask(&format!("LSET l 10 {long}"));
    server.ask(&format!("LSET l 300 {long}"));
    server.ask("LTRIM l 128 -1");
    assert_eq!(stored(&mut server), (6, 1));
    server.ask("LPOP l 1000");
    // A list that is removed is an orphan, which the background reclaims.
    assert_eq!(server.ask("EXISTS l"), "(integer) 0");
}

#[test]
fn trimming_reads_nothing_of_what_it_drops() {
    let mut server = with_list(1, 20_000);
    cool(&mut server);
    let before = server.waits;
    server.ask("LTRIM l 0 12000");
    assert_eq!(server.waits - before, 2, "the key, and the chunk that is cut");
    assert_eq!(server.partitions[0].queued(), 20_000usize.div_ceil(64) - 12_000 / 64 + 1);
    // What stays is little: it moves, and the rest is left to the background.
    cool(&mut server);
    server.ask("LTRIM l 5000 5099");
    assert_eq!(server.partitions[0].queued(), 3, "two chunks and the key");
    let left = items(&server.ask("LRANGE l 0 -1"));
    assert!(left.first().unwrap() == "e5000" && left.last().unwrap() == "e5099" && left.len() == 100);
}

#[test]
fn an_insertion_moves_the_shorter_side() {
    for (pivot, chunks) in [("e3", 1), ("e100", 3), ("e9900", 3), ("e9999", 1)] {
        let mut server = with_list(1, 10_000);
        server.write_behind();
        server.ask(&format!("LINSERT l BEFORE {pivot} x"));
        let written = server.partitions[0].queued();
        assert!((chunks..=chunks + 2).contains(&written), "{pivot}: {written}");
    }
}

#[test]
fn long_walks_go_elsewhere_and_come_back_right() {
    let mut server = MiniServer::new(1);
    let mut words: Vec<Vec<u8>> = vec![b"RPUSH".to_vec(), b"l".to_vec()];
    words.extend((0..100_000).map(|number| number.to_string().into_bytes()));
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    assert_eq!(server.call(&words), b":100000\r\n");
    for cold in [false, true] {
        if cold {
            cool(&mut server);
        }
        let before = server.waits;
        assert_eq!(items(&server.ask("LRANGE l 0 -1")).len(), 100_000);
        assert_eq!(server.ask("LPOS l 99999"), "(integer) 99999");
        assert_eq!(server.ask("LREM l 0 none"), "(integer) 0");
        assert!(server.waits > before, "not on a thread that serves others");
    }
    assert_eq!(server.ask("LINSERT l AFTER 90000 x"), "(integer) 100001");
    assert_eq!(items(&server.ask("LPOP l 99999")).len(), 99_999);
    assert_eq!(items(&server.ask("LRANGE l 0 -1")), ["99998", "99999"]);
}
