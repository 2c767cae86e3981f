use super::*;
use crate::keyspace::transaction::{Reach, Source};
use crate::testing::MiniServer;

/// Runs `work` in a transaction and commits it.
fn run<T>(server: &mut MiniServer, work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Stop>) -> T {
    let source = Source::One(&mut server.partitions[0]);
    let mut txn = Transaction::new(source, Reach::UNBOUNDED, server.now_ms, 0);
    let result = work(&mut txn).unwrap();
    txn.effect(&[b"DEL", b"none"]);
    txn.commit(std::iter::empty());
    result
}

fn meta(server: &mut MiniServer, key: &[u8]) -> Vec<u8> {
    run(server, |txn| Ok(txn.entry(key)?.meta().unwrap().encode()))
}

fn fill(server: &mut MiniServer, count: usize, length: usize) {
    let settings = server.settings.clone();
    run(server, |txn| {
        let entry = txn.entry(b"z")?;
        let mut set = SortedSet::open(&entry)?;
        for number in 0..count {
            let member = format!("{number:0length$}");
            let old = set.score(txn, member.as_bytes())?;
            set.set(txn, member.as_bytes(), old, number as f64)?;
        }
        set.finish(txn, Some(&settings))
    });
}

#[test]
fn it_is_packed_up_to_the_limits() {
    // 4096 bytes are one for the level, three for the length, eight of the score, and the member.
    for (count, length, packed) in
        [(PACKED_MEMBERS, 3, true), (PACKED_MEMBERS + 1, 3, false), (1, 4084, true), (1, 4085, false)]
    {
        let mut server = MiniServer::new(1);
        fill(&mut server, count, length);
        let bytes = meta(&mut server, b"z");
        let meta = Meta::parse(&bytes).unwrap();
        assert_eq!(meta.by_elements, !packed, "{count} of {length}");
        assert_eq!(len(&meta), count as u64);
        assert!(!packed || meta.payload.len() <= PACKED_BYTES);
    }
}

#[test]
fn the_bytes_are_those_of_the_document() {
    let mut server = MiniServer::new(1);
    server.ask("ZADD z 1 a -1 b");
    assert_eq!(
        meta(&mut server, b"z"),
        b"\x04\x00\x09\x40\x0f\xff\xff\xff\xff\xff\xff\x62\x09\xbf\xf0\0\0\0\0\0\0\x61"
    );
    // Members of eight bytes that come in order: each leaf is full when the next one begins.
    let pairs: String = (0..129).map(|number| format!(" {number} {number:08}")).collect();
    server.ask(&format!("ZADD big{pairs}"));
    server.write_behind();
    let bytes = meta(&mut server, b"big");
    let big = Meta::parse(&bytes).unwrap();
    let head = big.collection().unwrap();
    assert_eq!((big.encode()[0], head.len), (0x64, 129));
    let tree = layout::tree(big.payload, head).unwrap();
    // The next id is 4. Level 1; the children 1, 2 and 3 have 60, 60 and 9 keys, parted by the scores 60 and 120.
    assert_eq!(tree, b"\x04\x01\x01\x3c\x00\x02\x3c\x02\xc0\x4e\x03\x09\x02\xc0\x5e");
    let elements = server.engine.dump(Family::Element);
    assert_eq!(elements.len(), 129 + 3);
    let first = &elements[0];
    assert_eq!((first.0[14], first.1.len()), (layout::MEMBER, 8));
    let last = elements.last().unwrap();
    assert_eq!((&last.0[14..], last.1[0]), (&b"\x01\0\0\0\0\0\0\0\x03"[..], tree_node::LEAF));
}

#[test]
fn the_encoding_is_redis_s_and_sticks() {
    let mut server = MiniServer::new(1);
    server.settings.zset_max_listpack_entries = 4;
    server.settings.zset_max_listpack_value = 8;
    for (line, name) in [
        ("ZADD z 1 a 2 b 3 c 4 12345678", "listpack"),
        ("ZADD z 5 e", "skiplist"),
        ("ZREM z e d c b", "skiplist"),
        ("DEL z", ""),
        ("ZADD z 1 a", "listpack"),
        ("ZINCRBY z 1 123456789", "skiplist"),
        ("ZRANGESTORE z z 1 1", "listpack"),
        ("ZADD z 1 a 2 a 3 a 4 a 5 a", "listpack"),
        ("DEL z", ""),
        ("ZADD z 1 a 2 a 3 a 4 a 5 a", "skiplist"),
        ("ZUNIONSTORE z 1 z", "listpack"),
        ("COPY z copy", "listpack"),
    ] {
        server.ask(line);
        if !name.is_empty() {
            assert_eq!(server.ask("OBJECT ENCODING z"), format!("\"{name}\""), "{line}");
        }
    }
}

#[test]
fn a_copy_stands_by_itself() {
    for count in [3, 300] {
        let mut server = MiniServer::new(1);
        fill(&mut server, count, 4);
        server.ask("EXPIRE z 100");
        assert_eq!(server.ask("COPY z copy"), "(integer) 1");
        assert_eq!(server.ask("COPY z copy DB 3"), "(integer) 1");
        server.ask("ZADD z 9999 0000");
        server.ask("ZREM z 0001");
        server.write_behind();
        for database in ["0", "3"] {
            server.ask(&format!("SELECT {database}"));
            assert_eq!(server.ask("ZCARD copy"), format!("(integer) {count}"));
            assert_eq!(server.ask("ZRANGE copy 0 1"), "1) \"0000\"\n2) \"0001\"");
            assert_eq!(server.ask("ZRANK copy 0002"), "(integer) 2");
            assert_eq!(server.ask("TTL copy"), "(integer) 100");
        }
    }
}

#[test]
fn nothing_is_left_of_what_is_emptied_or_replaced() {
    for line in ["ZREMRANGEBYRANK z 0 -1", "ZPOPMIN z 999", "SET z x", "ZUNIONSTORE z 1 few", "DEL z"] {
        let mut server = MiniServer::new(1);
        fill(&mut server, 300, 4);
        server.ask("ZADD few 1 a");
        server.ask(line);
        server.write_behind();
        let orphans = server.engine.dump(Family::System);
        let orphans = orphans.iter().filter(|(key, _)| key.starts_with(key::ORPHAN_PREFIX)).count();
        assert_eq!(orphans, 1, "{line}");
    }
}

#[test]
fn what_changes_one_member_writes_a_node_a_level() {
    let mut server = MiniServer::new(1);
    for part in 0..100 {
        let pairs: String =
            (0..200).map(|n| format!(" {} member:{}:{}", n * 7919 % 20_000, part, n)).collect();
        server.ask(&format!("ZADD z{pairs}"));
    }
    server.write_behind();
    let before = server.engine.dump(Family::Element);
    server.ask("ZADD z 777 new");
    server.write_behind();
    let after = server.engine.dump(Family::Element);
    let changed = after.iter().filter(|entry| !before.contains(entry)).count();
    assert!((3..=5).contains(&changed), "{changed}: the member, a leaf, the nodes above it");
}

#[test]
fn memory_grows_with_the_set() {
    let mut last = 0;
    for count in [1, 100, 300, 3000] {
        let mut server = MiniServer::new(1);
        fill(&mut server, count, 8);
        for samples in [0, 5] {
            let bytes = run(&mut server, |txn| {
                let entry = txn.entry(b"z")?;
                crate::types::memory_usage(txn, &entry, samples)
            });
            assert!(bytes > last && bytes < 250 * count as u64 + 250, "{count}: {bytes}");
        }
        last = 100 * count as u64 / 10;
    }
}
