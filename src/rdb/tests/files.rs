//! Whole files.

use super::*;

const FILE: &str = include_str!("../../../tests/fixtures/rdb/file-7.0.hex");

fn read(bytes: &[u8]) -> Result<Vec<Item>> {
    let mut reader = Reader::new(bytes)?;
    let mut items = Vec::new();
    while let Some(item) = reader.next()? {
        items.push(item);
    }
    assert_eq!(reader.position(), bytes.len() as u64);
    Ok(items)
}

fn key(database: u64, key: &str, expire_ms: Option<u64>, value: Value) -> Item {
    Item::Key(KeyItem { database, key: bytes(key), expire_ms, idle_s: None, frequency: None, value })
}

const CODE: &str = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";

fn content() -> Vec<Item> {
    vec![
        Item::Function(bytes(CODE)),
        Item::Sizes { keys: 2, expiring: 1 },
        key(0, "later", Some(4_102_444_800_123), Value::String(bytes("text"))),
        key(0, "plain", None, Value::String(bytes("1"))),
        Item::Sizes { keys: 2, expiring: 1 },
        key(3, "hash", Some(4_102_444_800_456), fields(&[("f", "v", None)])),
        key(3, "list", None, Value::List(texts(["a", "b"]))),
    ]
}

/// Keys come in the order of a hash table.
fn settled(mut items: Vec<Item>) -> Vec<Item> {
    let name = |item: &Item| match item {
        Item::Key(item) => item.key.clone(),
        _ => Vec::new(),
    };
    let first = items.iter().position(|item| matches!(item, Item::Sizes { .. })).unwrap();
    for half in [first + 1..first + 3, first + 4..first + 6] {
        items[half].sort_by_key(name);
    }
    items
}

#[test]
fn a_file_of_redis_7_0_is_read() {
    let (_, file) = sections(FILE).remove(0);
    assert_eq!(Reader::new(&file[..]).unwrap().version(), 10);
    let (facts, items): (Vec<Item>, Vec<Item>) =
        read(&file).unwrap().into_iter().partition(|item| matches!(item, Item::Auxiliary { .. }));
    assert_eq!(settled(items), content());
    assert_eq!(facts[0], Item::Auxiliary { name: bytes("redis-ver"), text: bytes("7.0.15") });
    // Each byte counts.
    for at in 0..file.len() - 8 {
        let mut broken = file.clone();
        broken[at] ^= 0x10;
        assert!(read(&broken).is_err(), "byte {at}");
    }
    for cut in 0..file.len() {
        assert!(read(&file[..cut]).is_err(), "cut at {cut}");
    }
    // A checksum of 0 is none.
    let mut unsummed = file.clone();
    let end = unsummed.len() - 8;
    unsummed[end..].fill(0);
    assert_eq!(read(&unsummed).unwrap().len(), facts.len() + content().len());
}

fn write(version: u16) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), version, Limits::default()).unwrap();
    writer.auxiliary(b"redis-ver", b"7.0.15").unwrap();
    writer.function(CODE.as_bytes()).unwrap();
    let mut database = 0;
    for item in content() {
        match item {
            Item::Sizes { keys, expiring } => {
                writer.sizes(database, keys, expiring).unwrap();
                database = 3;
            }
            Item::Key(KeyItem { database, key, expire_ms, value, .. }) => {
                let options = KeyOptions { expire_ms, ..KeyOptions::default() };
                writer.key(database, &key, &value, options).unwrap();
            }
            _ => {}
        }
    }
    let written = writer.position();
    let file = writer.finish().unwrap();
    assert_eq!(file.len() as u64, written + 9);
    file
}

/// The file is file-10.hex, which `tests/rdb/fixtures.py check` lets redis-server load.
#[test]
fn a_written_file_reads_back() {
    let file = write(REDIS_7_0);
    let items = read(&file).unwrap();
    assert_eq!(items[0], Item::Auxiliary { name: bytes("redis-ver"), text: bytes("7.0.15") });
    assert_eq!(items[1..], content());
    compare_fixture("file-10.hex", &[("file".to_string(), file)]);
}

#[test]
fn a_value_that_the_version_does_not_know_leaves_the_file_whole() {
    let timed = fields(&[("f", "v", Some(5))]);
    for (version, fits) in [(REDIS_7_0, false), (REDIS_7_2, false), (REDIS_7_4, true)] {
        let mut writer = Writer::new(Vec::new(), version, Limits::default()).unwrap();
        let written = writer.key(7, b"timed", &timed, KeyOptions::default());
        assert_eq!(written.is_ok(), fits);
        assert!(fits || matches!(written, Err(Error::NotInVersion(_))));
        let options = KeyOptions { expire_ms: Some(9), idle_s: Some(70), frequency: Some(200) };
        writer.key(7, b"other", &Value::String(bytes("x")), options).unwrap();
        let items = read(&writer.finish().unwrap()).unwrap();
        let other = Item::Key(KeyItem {
            database: 7,
            key: bytes("other"),
            expire_ms: Some(9),
            idle_s: Some(70),
            frequency: Some(200),
            value: Value::String(bytes("x")),
        });
        assert_eq!(items.last(), Some(&other));
        assert_eq!(items.len(), if fits { 2 } else { 1 });
    }
    for version in [0, 9, 13] {
        assert!(matches!(Writer::new(Vec::new(), version, Limits::default()), Err(Error::Version(_))));
    }
}

/// A file of `content` behind the header, its checksum left out.
fn file(version: &str, content: &[u8]) -> Vec<u8> {
    let sum: &[u8] = if version < "0005" { b"" } else { &[0; 8] };
    [b"REDIS", version.as_bytes(), content, b"\xff", sum].concat()
}

#[test]
fn every_opcode_is_read_or_passed_over() {
    let content = b"\xf7\x81\x01\x02\x03\x04\x05\x06\x07\x08\x02\x01\x01\x05\x02\x07\x03\0\0\0\0\x04\0\0\0\0\0\0\0\0\x05\x03abc\0\
          \xf4\x05\x02\x01\xfe\x02\xfb\x03\x01\
          \xfd\x01\0\0\0\0\x01a\x01A\
          \xfc\x02\0\0\0\0\0\0\0\xf8\x3c\0\x01b\x01B\
          \xf9\xc8\0\x01c\x01C";
    let items = read(&file("0012", content)).unwrap();
    let item = |key: &str, value: &str, expire_ms, idle_s, frequency| {
        let (key, value) = (bytes(key), Value::String(bytes(value)));
        Item::Key(KeyItem { database: 2, key, expire_ms, idle_s, frequency, value })
    };
    let expected = [
        Item::Sizes { keys: 3, expiring: 1 },
        item("a", "A", Some(1000), None, None),
        item("b", "B", Some(2), Some(60), None),
        item("c", "C", None, None, Some(200)),
    ];
    assert_eq!(items, expected);
    for (opcode, what) in [(b"\xf6", "opcode 246"), (b"\xf3", "opcode 243"), (b"\x1a", "opcode 26")] {
        assert_eq!(read(&file("0010", opcode)).unwrap_err().to_string(), format!("{what} is not known"));
    }
    for (kind, what) in [(b"\x06\x01k", "type 6"), (b"\x07\x01k", "type 7"), (b"\x08\x01k", "type 8")] {
        assert_eq!(read(&file("0010", kind)).unwrap_err().to_string(), format!("{what} is not known"));
    }
}

#[test]
fn versions_and_their_ends() {
    for version in ["0001", "0004", "0006", "0012"] {
        assert_eq!(read(&file(version, b"")).unwrap(), []);
    }
    for (version, error) in [("0000", Some(0)), ("0013", Some(13)), ("00 1", None), ("+001", None)] {
        match (Reader::new(&file(version, b"")[..]), error) {
            (Err(Error::Version(found)), Some(number)) => assert_eq!(found, number),
            (Err(Error::Corrupt(_)), None) => {}
            (other, _) => panic!("{version}: {other:?}"),
        }
    }
    assert!(Reader::new(&b"RODIS0010"[..]).is_err());
    let mut wrong = file("0010", b"");
    *wrong.last_mut().unwrap() = 1;
    assert!(matches!(read(&wrong), Err(Error::Checksum { .. })));
}

/// As Redis does: an older bug left such keys.
#[test]
fn keys_of_empty_collections_are_passed_over() {
    let content = b"\xfc\x02\0\0\0\0\0\0\0\x01\x01a\0\x02\x01b\0\x03\x01c\0\x04\x01d\0\x05\x01e\0\x0e\x01f\0\0\x01k\x01v";
    let file = file("0010", content);
    let mut reader = Reader::new(&file[..]).unwrap();
    let expected = key(0, "k", None, Value::String(bytes("v")));
    assert_eq!(reader.next().unwrap(), Some(expected));
    assert_eq!((reader.next().unwrap(), reader.next().unwrap()), (None, None));
    assert_eq!(reader.empty_keys(), 6);
}

/// The old files among the assets of Redis's own suite; `PIKA_RDB_ASSETS` names their folder.
#[test]
#[ignore = "needs the files of Redis's test suite: `make conformance` fetches them and runs it"]
fn old_files_of_redis_suite_are_read() {
    let folder = std::env::var_os("PIKA_RDB_ASSETS").expect("PIKA_RDB_ASSETS");
    let keys = |name: &str| {
        let file = std::fs::read(std::path::Path::new(&folder).join(name)).expect("an asset");
        let mut reader = Reader::new(&file[..]).unwrap();
        let mut found = std::collections::BTreeMap::new();
        while let Some(item) = reader.next().unwrap() {
            if let Item::Key(KeyItem { key, value, .. }) = item {
                found.insert(String::from_utf8(key).unwrap(), value);
            }
        }
        (reader.version(), reader.empty_keys(), found)
    };
    let (version, empty, found) = keys("encodings.rdb");
    assert_eq!((version, empty, found.len()), (4, 0, 13));
    let list = ["1", "2", "3", "a", "b", "c", "100000", "6000000000"];
    let scores = [("a", 1.0), ("b", 2.0), ("c", 3.0)].map(|(member, score)| (bytes(member), score));
    assert_eq!(found["compressible"], Value::String(bytes("a".repeat(137))));
    assert_eq!(found["list"], Value::List(texts(list.repeat(3))));
    assert_eq!(found["list_zipped"], Value::List(texts(list)));
    assert_eq!(found["set_zipped_1"], Value::Set(texts(1..=4)));
    assert_eq!(found["set_zipped_2"], Value::Set(texts((1..=4).map(|n| n * 100_000))));
    assert_eq!(found["set_zipped_3"], Value::Set(texts((1..=6).map(|n| n * 1_000_000_000u64))));
    assert_eq!(found["zset_zipped"], Value::SortedSet(scores.to_vec()));
    assert_eq!(found["hash_zipped"], fields(&[("a", "1", None), ("b", "2", None), ("c", "3", None)]));
    assert!(
        matches!(&found["zset"], Value::SortedSet(all) if all[11] == (bytes("bbbb"), 5e9) && all.len() == 12)
    );
    assert!(matches!(&found["hash"], Value::Hash(all) if all.len() == 11));
    let two = fields(&[("f1", "v1", None), ("f2", "v2", None)]);
    assert_eq!((&keys("hash-zipmap.rdb").2["hash"], &keys("hash-ziplist.rdb").2["hash"]), (&two, &two));
    let one_two = Value::SortedSet(vec![(bytes("one"), 1.0), (bytes("two"), 2.0)]);
    assert_eq!(keys("zset-ziplist.rdb").2["zset"], one_two);
    assert_eq!(keys("list-quicklist.rdb").2["list"], Value::List(texts([7])));
    let (_, empty, found) = keys("corrupt_empty_keys.rdb");
    assert_eq!((empty, found.len()), (9, 0));
}
