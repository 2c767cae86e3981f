//! RENAME, COPY and MOVE of collections, which are put together here by hand.

use crate::commands::execute::{Environment, execute};
use crate::commands::{Args, table};
use crate::encoding::key::{self, Version};
use crate::encoding::meta::{Collection, Meta, Type};
use crate::encoding::packed_hash::{self, Field};
use crate::engine::Family;
use crate::keyspace::transaction::{Reach, Source, Transaction};
use crate::testing::MiniServer;

/// A set of three members under `name`, by elements.
fn put_set(server: &mut MiniServer, name: &[u8]) -> Version {
    let mut txn = Transaction::new(
        Source::One(&mut server.partitions[0]),
        Reach::UNBOUNDED,
        server.now_ms,
        server.database,
    );
    let mut entry = txn.entry(name).unwrap();
    let version = txn.new_version();
    for member in [b"x", b"y", b"z"] {
        txn.put_element(&entry, &key::element(entry.slot, entry.namespace, version, member), b"");
    }
    let payload = Collection { version, len: 3 }.encode();
    let meta =
        Meta { kind: Type::Set, expire_ms: None, by_elements: true, expanded: false, payload: &payload };
    txn.put(&mut entry, &meta).unwrap();
    // What the log gets does not matter: these servers do not crash.
    txn.commit([&b"SET"[..], name, b""].into_iter());
    server.write_behind();
    version
}

fn orphans(server: &MiniServer) -> usize {
    let system = server.engine.dump(Family::System);
    system.iter().filter(|(key, _)| key.starts_with(key::ORPHAN_PREFIX)).count()
}

#[test]
fn a_renamed_collection_keeps_its_elements_where_they_are() {
    let mut server = MiniServer::new(1);
    let version = put_set(&mut server, b"{t}a");
    let elements = server.engine.dump(Family::Element);
    assert_eq!(server.ask("RENAME {t}a {t}b"), "OK");
    server.write_behind();
    assert_eq!((server.ask("TYPE {t}a"), server.ask("TYPE {t}b")), ("none".into(), "set".into()));
    assert_eq!(server.engine.dump(Family::Element), elements);
    assert_eq!(orphans(&server), 0);
    let meta = &server.engine.dump(Family::Meta)[0].1;
    assert_eq!(Meta::parse(meta).unwrap().collection(), Some(Collection { version, len: 3 }));
    assert_eq!(server.ask("DBSIZE"), "(integer) 1");
    // What was under the new name is left to be reclaimed, as is what is deleted.
    put_set(&mut server, b"{t}a");
    server.ask("RENAME {t}a {t}b");
    server.write_behind();
    assert_eq!(orphans(&server), 1);
    server.ask("DEL {t}b");
    server.write_behind();
    assert_eq!(orphans(&server), 2);
}

#[test]
fn expiry_of_a_collection_changes_without_its_elements() {
    let mut server = MiniServer::new(1);
    put_set(&mut server, b"s");
    assert_eq!(server.ask("EXPIRE s 10"), "(integer) 1");
    assert_eq!(server.ask("PERSIST s"), "(integer) 1");
    server.write_behind();
    assert_eq!((orphans(&server), server.engine.dump(Family::Expiry).len()), (0, 0));
    server.ask("EXPIRE s 10");
    server.now_ms += 10_000;
    server.expire();
    assert_eq!((orphans(&server), server.ask("DBSIZE")), (1, "(integer) 0".into()));
}

/// A small hash with one lasting field and one that expires.
fn put_hash(server: &mut MiniServer, name: &[u8], at_ms: u64) {
    let mut txn = Transaction::new(
        Source::One(&mut server.partitions[0]),
        Reach::UNBOUNDED,
        server.now_ms,
        server.database,
    );
    let mut entry = txn.entry(name).unwrap();
    let mut payload = Vec::new();
    packed_hash::push(&mut payload, Field { name: b"f", expire_ms: None, value: b"1" });
    packed_hash::push(&mut payload, Field { name: b"g", expire_ms: Some(at_ms), value: b"2" });
    let meta =
        Meta { kind: Type::Hash, expire_ms: None, by_elements: false, expanded: false, payload: &payload };
    txn.put(&mut entry, &meta).unwrap();
    txn.index_field(&entry, b"g", at_ms, true);
    txn.commit([&b"SET"[..], name, b""].into_iter());
    server.write_behind();
}

fn indexed(server: &mut MiniServer) -> Vec<(u32, String)> {
    server.write_behind();
    let parse = |(bytes, _): &(Vec<u8>, Vec<u8>)| {
        let index = key::ExpiryKey::parse(bytes).unwrap();
        assert_eq!(index.field, Some(&b"g"[..]));
        (index.namespace, String::from_utf8_lossy(index.key).into_owned())
    };
    let mut found: Vec<_> = server.engine.dump(Family::Expiry).iter().map(parse).collect();
    found.sort();
    found
}

#[test]
fn the_index_of_expiring_fields_follows_a_hash() {
    let mut server = MiniServer::new(1);
    let at_ms = server.now_ms + 1000;
    put_hash(&mut server, b"a", at_ms);
    server.ask("RENAME a b");
    assert_eq!(indexed(&mut server), [(0, "b".into())]);
    server.ask("COPY b c");
    assert_eq!(indexed(&mut server), [(0, "b".into()), (0, "c".into())]);
    server.ask("MOVE c 1");
    assert_eq!(indexed(&mut server), [(0, "b".into()), (1, "c".into())]);
    assert_eq!(server.ask("TYPE b"), "hash");
    server.ask("RENAME b {b}2");
    assert_eq!(indexed(&mut server), [(0, "{b}2".into()), (1, "c".into())]);
}

#[test]
fn a_flush_of_the_only_partition_empties_it() {
    let mut server = MiniServer::new(1);
    server.ask("SET k v");
    let command = table::find(b"FLUSHDB").unwrap();
    let (frame, ranges) = (b"FLUSHDB", [(0, 7)]);
    let settings = server.settings.clone();
    let environment = Environment::of_nobody(server.now_ms, &settings, 0);
    let mut reply = crate::resp::Reply::default();
    let source = Source::One(&mut server.partitions[0]);
    let args = Args::new(frame, &ranges);
    execute(command, args, source, Reach::SERVING, environment, &mut reply).unwrap();
    server.write_behind();
    assert_eq!(server.ask("GET k"), "(nil)");
}
