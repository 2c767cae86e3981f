//! What a stream leaves in the engine, byte for byte.

use super::Stream;
use crate::encoding::key;
use crate::encoding::meta::{Meta, Type};
use crate::engine::Family;
use crate::keyspace::slot;
use crate::testing::MiniServer;

#[test]
fn elements_are_these_bytes() {
    let mut server = MiniServer::new(1);
    server.now_ms = 7;
    for line in ["XADD s 5-1 f v", "XGROUP CREATE s g 0", "XREADGROUP GROUP g co STREAMS s >"] {
        assert!(!server.ask(line).starts_with("(error)"), "{line}");
    }
    server.write_behind();
    let meta = server.engine.dump(Family::Meta).remove(0).1;
    let parsed = Meta::parse(&meta).unwrap();
    assert_eq!((parsed.kind, parsed.by_elements), (Type::Stream, true));
    let version = parsed.collection().unwrap().version;
    let prefix = key::collection(slot::of_key(b"s"), 0, version);
    let id = [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1];
    let (number, length) = ([0; 8], [0, 0, 0, 2]);
    let expected: [(Vec<u8>, Vec<u8>); 5] = [
        ([&b"C"[..], &number, b"co"].concat(), vec![7, 8, 1]),
        (b"Gg".to_vec(), vec![0, 5, 1, 2, 1, 1, 5, 1, 5, 1, 1]),
        ([&b"N"[..], &number].concat(), vec![5, 1, 1, 0, 25, 0, 1, 3, 1, 1, b'f', 5, 0, 0, 0, 1, b'v']),
        ([&b"P"[..], &number, &id].concat(), [&[7, 1][..], b"co"].concat()),
        ([&b"Q"[..], &number, &length, b"co", &id].concat(), vec![7, 1]),
    ];
    let dumped = server.engine.dump(Family::Element);
    assert_eq!(dumped.len(), expected.len());
    for ((found, value), (rest, wanted)) in dumped.iter().zip(&expected) {
        assert_eq!(found[..prefix.len()], prefix[..]);
        assert_eq!(found[prefix.len()..], rest[..]);
        assert_eq!(value, wanted, "{}", rest.escape_ascii());
    }
}

#[test]
fn a_group_that_is_destroyed_leaves_nothing() {
    let mut server = MiniServer::new(1);
    for line in [
        "XADD s 1 f v",
        "XGROUP CREATE s g 0",
        "XGROUP CREATE s gg 0",
        "XREADGROUP GROUP g c STREAMS s >",
        "XREADGROUP GROUP gg c STREAMS s >",
        "XGROUP CREATECONSUMER s g other",
    ] {
        server.ask(line);
    }
    let elements = |server: &mut MiniServer| {
        server.write_behind();
        server.engine.dump(Family::Element).len()
    };
    assert_eq!(elements(&mut server), 1 + 5 + 4);
    server.ask("XGROUP DESTROY s g");
    assert_eq!(elements(&mut server), 1 + 4);
    assert_eq!(server.ask("XPENDING s gg - + 9 c").lines().count(), 4);
    server.ask("XGROUP DELCONSUMER s gg c");
    assert_eq!(elements(&mut server), 1 + 1);
}

#[test]
fn a_value_that_does_not_parse_is_an_error_of_the_engine() {
    let mut server = MiniServer::new(1);
    let mut txn = crate::keyspace::transaction::Transaction::new(
        crate::keyspace::transaction::Source::One(&mut server.partitions[0]),
        crate::keyspace::transaction::Reach::SERVING,
        1,
        0,
    );
    let mut entry = txn.entry(b"s").unwrap();
    let payload = [0, 0, 0, 0, 0, 0, 0, 1, 1];
    let meta =
        Meta { kind: Type::Stream, expire_ms: None, by_elements: true, expanded: false, payload: &payload };
    txn.put(&mut entry, &meta).unwrap();
    assert!(matches!(Stream::open(&entry), Err(crate::keyspace::transaction::Stop::Engine(_))));
}
