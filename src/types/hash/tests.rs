use std::borrow::Cow;

use super::*;
use crate::engine::Family;
use crate::keyspace::transaction::{Reach, Source};
use crate::testing::MiniServer;

const NOW_MS: u64 = 1_700_000_000_000;

/// Runs `work` in a transaction and commits it.
fn run<T>(server: &mut MiniServer, work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Stop>) -> T {
    let source = Source::One(&mut server.partitions[0]);
    let mut txn = Transaction::new(source, Reach::UNBOUNDED, NOW_MS, 0);
    let result = work(&mut txn).unwrap();
    txn.effect(&[b"DEL", b"none"]);
    txn.commit(std::iter::empty());
    result
}

fn meta(server: &mut MiniServer, key: &[u8]) -> Vec<u8> {
    run(server, |txn| Ok(txn.entry(key)?.meta().unwrap().encode()))
}

fn fill(server: &mut MiniServer, settings: &Settings, count: usize, value: &[u8]) {
    run(server, |txn| {
        let names: Vec<String> = (0..count).map(|number| format!("f{number}")).collect();
        let entry = txn.entry(b"h")?;
        let mut hash = HashEdit::open(&entry)?;
        for name in &names {
            hash.set(txn, name.as_bytes(), Cow::Borrowed(value), None)?;
        }
        hash.finish(txn, Some(settings))
    });
}

#[test]
fn a_hash_is_packed_up_to_the_limits() {
    let settings = Settings::default();
    // 4096 bytes are 4 of lengths and expiry, 2 of the name, and the value.
    for (count, length, packed) in
        [(PACKED_FIELDS, 1, true), (PACKED_FIELDS + 1, 1, false), (1, 4090, true), (1, 4091, false)]
    {
        let mut server = MiniServer::new(1);
        fill(&mut server, &settings, count, &vec![b'x'; length]);
        let bytes = meta(&mut server, b"h");
        assert_eq!(Meta::parse(&bytes).unwrap().by_elements, !packed, "{count} of {length}");
    }
}

#[test]
fn the_encoding_is_redis_s_and_sticks() {
    let settings =
        Settings { hash_max_listpack_entries: 4, hash_max_listpack_value: 8, ..Settings::default() };
    let mut server = MiniServer::new(1);
    let name = |server: &mut MiniServer| {
        let bytes = meta(server, b"h");
        encoding(&Meta::parse(&bytes).unwrap(), &settings)
    };
    fill(&mut server, &settings, 4, b"12345678");
    assert_eq!(name(&mut server), "listpack");
    server.ask("HEXPIRE h 10 FIELDS 1 f0");
    assert_eq!(name(&mut server), "listpackex");
    server.ask("HPERSIST h FIELDS 1 f0");
    fill(&mut server, &settings, 1, b"123456789");
    assert_eq!(name(&mut server), "hashtable");
    fill(&mut server, &settings, 1, b"1");
    assert_eq!(name(&mut server), "hashtable", "it does not come back");
    server.ask("HDEL h f0 f1 f2 f3");
    fill(&mut server, &settings, 4, b"1");
    assert_eq!(name(&mut server), "listpack", "but a new key begins anew");
    fill(&mut server, &settings, 5, b"1");
    server.ask("HDEL h f4");
    assert_eq!(name(&mut server), "hashtable");
}

#[test]
fn a_copy_has_all_fields_and_their_expiries() {
    for count in [3, 300] {
        let mut server = MiniServer::new(1);
        fill(&mut server, &Settings::default(), count, b"v");
        server.ask("HPEXPIRE h 100 FIELDS 2 f0 f1");
        let indexed = |server: &mut MiniServer| {
            server.write_behind();
            server.engine.dump(Family::Expiry).len()
        };
        assert_eq!(indexed(&mut server), 2);
        run(&mut server, |txn| {
            let source = txn.entry(b"h")?;
            let mut target = txn.entry(b"copy")?;
            copy_elements(txn, &source, &mut target, Some(NOW_MS + 50))
        });
        assert_eq!(indexed(&mut server), 5, "two fields more, and the copy itself");
        server.ask("HDEL h f0 f1 f2");
        assert_eq!(server.ask("HLEN copy"), format!("(integer) {count}"));
        assert_eq!(server.ask("HMGET copy f0 f2"), "1) \"v\"\n2) \"v\"");
        assert_eq!(server.ask("HPTTL copy FIELDS 2 f0 f2"), "1) (integer) 100\n2) (integer) -1");
        let bytes = meta(&mut server, b"copy");
        let copy = Meta::parse(&bytes).unwrap();
        assert_eq!(copy.expire_ms, Some(NOW_MS + 50));
        assert!(may_have_field_expiry(&copy));
    }
}

#[test]
fn only_a_hash_with_expiries_says_so() {
    for count in [3, 300] {
        let mut server = MiniServer::new(1);
        fill(&mut server, &Settings::default(), count, b"v");
        let timed = |server: &mut MiniServer| {
            let bytes = meta(server, b"h");
            may_have_field_expiry(&Meta::parse(&bytes).unwrap())
        };
        assert!(!timed(&mut server));
        server.ask("HPEXPIRE h 100 FIELDS 1 f0");
        assert!(timed(&mut server));
        server.ask("HSET h more 1");
        assert!(timed(&mut server), "and goes on when the length changes");
    }
}

#[test]
fn memory_grows_with_the_hash() {
    let mut last = 0;
    for count in [1, 100, 300, 3000] {
        let mut server = MiniServer::new(1);
        fill(&mut server, &Settings::default(), count, b"value");
        for samples in [0, 5] {
            let bytes = run(&mut server, |txn| {
                let entry = txn.entry(b"h")?;
                crate::types::memory_usage(txn, &entry, samples)
            });
            assert!(bytes > last && bytes < 200 * count as u64 + 200, "{count}: {bytes}");
        }
        last = 100 * count as u64 / 10;
    }
}

#[test]
fn only_a_field_whose_time_has_come_is_removed_for_it() {
    for count in [1, 300] {
        let mut server = MiniServer::new(1);
        fill(&mut server, &Settings::default(), count, b"v");
        server.ask("HPEXPIRE h 100 FIELDS 1 f0");
        for field in [&b"f0"[..], b"f1", b"none"] {
            assert!(!run(&mut server, |txn| remove_expired_field(txn, b"h", field)));
        }
        assert!(!run(&mut server, |txn| remove_expired_field(txn, b"none", b"f0")));
        assert_eq!(server.ask("HLEN h"), format!("(integer) {count}"));
    }
}

#[test]
fn rows_of_a_hash_table_are_sorted() {
    let names: Vec<&str> = crate::commands::table::all()
        .filter(|command| command.group == crate::commands::Group::Hash)
        .map(|command| command.name)
        .collect();
    assert!(names.is_sorted() && names.len() == 28, "{names:?}");
}
