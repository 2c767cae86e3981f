//! Each encoding by itself: what the encoders make of a value, and what the decoders make of the bytes.

use super::*;
use crate::encoding::key::{self, ExpiryKey, MetaKey};
use crate::encoding::meta::{Collection, Meta, Type};
use crate::encoding::packed_hash::{self, Field};
use crate::keyspace::counts::AllCounts;
use crate::keyspace::namespace::Namespaces;
use crate::keyspace::write_behind;

const GOLDEN: &str = include_str!("../../../tests/fixtures/storage/values-v1.hex");

/// 2030-01-01 in ms.
const AT_MS: u64 = 1_893_456_000_000;

fn golden(name: &str) -> Vec<u8> {
    let found = entries(GOLDEN).into_iter().find(|(other, _)| *other == name);
    found.unwrap_or_else(|| panic!("no entry {name}")).1
}

fn fields() -> [Field<'static>; 2] {
    [
        Field { name: b"name", expire_ms: None, value: b"ada" },
        Field { name: b"age", expire_ms: Some(AT_MS), value: b"36" },
    ]
}

fn packed() -> Vec<u8> {
    let mut payload = Vec::new();
    fields().iter().for_each(|field| packed_hash::push(&mut payload, *field));
    payload
}

const HEAD: Collection = Collection { version: 258, len: 300 };

/// Every kind of Meta value, with the names of the fixture.
fn metas(packed: &[u8]) -> Vec<(&'static str, Meta<'_>)> {
    // The payloads of big hashes live as long as the test.
    let head: &'static [u8] = packed_hash::collection_payload(HEAD, false).leak();
    let timed: &'static [u8] = packed_hash::collection_payload(HEAD, true).leak();
    let hash =
        Meta { kind: Type::Hash, expire_ms: None, by_elements: false, expanded: false, payload: packed };
    vec![
        ("meta value, string", Meta::string(b"bar", None)),
        ("meta value, string with expiry", Meta::string(b"bar", Some(AT_MS))),
        ("meta value, string changed in place", Meta { expanded: true, ..Meta::string(b"bar", None) }),
        ("meta value, empty string", Meta::string(b"", None)),
        ("meta value, packed hash", hash),
        ("meta value, hash by elements", Meta { by_elements: true, payload: head, ..hash }),
        (
            "meta value, hash by elements whose fields may expire",
            Meta { by_elements: true, expanded: true, expire_ms: Some(AT_MS), payload: timed, ..hash },
        ),
    ]
}

fn expiry_keys() -> [(&'static str, ExpiryKey<'static>); 2] {
    let key = ExpiryKey { at_ms: AT_MS, slot: 12_182, namespace: 7, key: b"foo", field: None };
    [
        ("expiry key, of a key", key.clone()),
        ("expiry key, of a field", ExpiryKey { field: Some(b"age"), ..key }),
    ]
}

fn counts() -> AllCounts {
    let mut counts = AllCounts::default();
    for _ in 0..70 {
        counts.of_mut(0).add_key(&Meta::string(b"", Some(1)), 1);
    }
    counts.of_mut(0).add_key(&Meta { kind: Type::Stream, ..Meta::string(b"", None) }, 1);
    counts.of_mut(300).add_key(&Meta { kind: Type::Hash, ..Meta::string(b"", None) }, -1);
    counts
}

fn namespaces() -> Namespaces {
    let mut namespaces = Namespaces::new(3);
    (0..130).for_each(|_| {
        namespaces.flush(1);
    });
    namespaces.swap(0, 2);
    namespaces
}

#[test]
fn encoders_write_the_bytes_that_they_always_wrote() {
    let packed = packed();
    let mut found = vec![
        ("meta key", key::meta(12_182, 7, b"foo").to_vec()),
        ("meta key, empty", key::meta(0, 0, b"").to_vec()),
        ("meta key, tagged", key::meta(crate::keyspace::slot::of_key(b"{foo}bar"), 0, b"{foo}bar").to_vec()),
        ("element key", key::element(12_182, 7, HEAD.version, b"name").to_vec()),
    ];
    found.extend(metas(&packed).iter().map(|(name, meta)| (*name, meta.encode())));
    found.push(("element value", [&packed_hash::element_head(None)[..], b"ada"].concat()));
    found.push(("element value with expiry", [&packed_hash::element_head(Some(AT_MS))[..], b"36"].concat()));
    found.extend(expiry_keys().iter().map(|(name, key)| (*name, key.encode().to_vec())));
    found.extend([
        ("system key, position", write_behind::position_key(1, 3)),
        ("position", write_behind::encode_position(1, 3, 1_000_000)),
        ("system key, counts", write_behind::counts_key(1)),
        ("counts", counts().encode()),
        ("system key, namespaces", write_behind::NAMESPACES_KEY.to_vec()),
        ("namespaces", namespaces().encode()),
        ("system key, next version", write_behind::VERSION_KEY.to_vec()),
        ("system key, orphan", key::orphan(12_182, 7, HEAD.version).to_vec()),
        ("system key, dead namespace", write_behind::dead_key(300)),
    ]);
    let lines: String = found.iter().map(|(name, bytes)| format!("{name}: {}\n", hex(bytes))).collect();
    assert_eq!(entries(GOLDEN), found, "the bytes are now:\n{lines}");
}

#[test]
fn decoders_read_the_bytes_that_were_always_written() {
    let bytes = golden("meta key");
    let parsed = MetaKey::parse(&bytes).unwrap();
    assert_eq!((parsed.slot, parsed.namespace, parsed.key), (12_182, 7, &b"foo"[..]));
    assert_eq!(parsed.hash, key::order_hash(b"foo"));
    let packed = packed();
    for (name, meta) in metas(&packed) {
        let bytes = golden(name);
        assert_eq!(Meta::parse(&bytes), Some(meta), "{name}");
        assert_eq!(meta.collection(), meta.by_elements.then_some(HEAD), "{name}");
    }
    let bytes = golden("meta value, packed hash");
    let hash = Meta::parse(&bytes).unwrap();
    assert!(packed_hash::fields(hash.payload).eq(fields()));
    for (name, timed) in [
        ("meta value, hash by elements", false),
        ("meta value, hash by elements whose fields may expire", true),
    ] {
        let bytes = golden(name);
        assert_eq!(packed_hash::is_timed(Meta::parse(&bytes).unwrap().payload, HEAD), timed, "{name}");
    }
    for (name, expected) in
        [("element value", (None, &b"ada"[..])), ("element value with expiry", (Some(AT_MS), b"36"))]
    {
        assert_eq!(packed_hash::parse_element(&golden(name)), Some(expected), "{name}");
    }
    for (name, key) in expiry_keys() {
        assert_eq!(ExpiryKey::parse(&golden(name)), Some(key), "{name}");
    }
    assert_eq!(write_behind::parse_position(&golden("position")), Some((5462, 10_923, 1_000_000)));
    assert_eq!(AllCounts::parse(&golden("counts")), Some(counts()));
    assert_eq!(Namespaces::parse(&golden("namespaces")), Some(namespaces()));
}

/// The numbers of types are on disk: none may ever be given to another.
#[test]
fn types_keep_their_numbers() {
    let numbers: Vec<_> = Type::ALL.iter().map(|kind| (*kind as u8, kind.name())).collect();
    let expected = [(0, "string"), (1, "hash"), (2, "list"), (3, "set"), (4, "zset"), (5, "stream")];
    assert_eq!(numbers, expected);
    let names: Vec<_> = crate::engine::Family::ALL.iter().map(|family| family.name()).collect();
    assert_eq!(names, ["meta", "element", "expiry", "system"]);
}
