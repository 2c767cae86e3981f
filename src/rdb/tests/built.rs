//! Encodings that no server at hand writes, bounds, and what is refused, from bytes built by hand.

use super::*;

fn ziplist_of(elements: &[&[u8]]) -> Vec<u8> {
    let (mut content, mut before, mut last) = (Vec::new(), 0, 10);
    for element in elements {
        let start = content.len();
        if before < 254 {
            content.push(before as u8);
        } else {
            content.push(254);
            content.extend_from_slice(&(before as u32).to_le_bytes());
        }
        content.extend_from_slice(element);
        (before, last) = (content.len() - start, 10 + start);
    }
    let mut out = ((content.len() + 11) as u32).to_le_bytes().to_vec();
    out.extend_from_slice(&(last as u32).to_le_bytes());
    out.extend_from_slice(&(elements.len() as u16).to_le_bytes());
    out.extend_from_slice(&content);
    out.push(0xff);
    out
}

fn string_of(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sink::string(&mut out, content);
    out
}

fn listpack_of(elements: &[&str]) -> Vec<u8> {
    let mut builder = listpack::Builder::default();
    elements.iter().for_each(|element| builder.push(element.as_bytes()));
    builder.finish()
}

#[test]
fn lists_and_sorted_sets_of_the_first_versions_are_read() {
    let list = decode_as(kind::LIST, b"\x03\x01a\xc0\xff\xc1\x2c\x01").unwrap();
    assert_eq!(list, Value::List(texts(["a", "-1", "300"])));
    let set =
        decode_as(kind::SORTED_SET, b"\x05\x01a\x031.5\x01b\xff\x01c\xfe\x01d\x02-0\x01e\x05-1e-3").unwrap();
    let expected = [("b", f64::NEG_INFINITY), ("e", -0.001), ("d", -0.0), ("a", 1.5), ("c", f64::INFINITY)];
    assert_eq!(set, Value::SortedSet(expected.map(|(member, score)| (bytes(member), score)).to_vec()));
    for bad in [&b"\x01\x01a\xfd"[..], b"\x01\x01a\x01x", b"\x01\x01a\x00", b"\x01\x01a\x03nan"] {
        assert!(matches!(decode_as(kind::SORTED_SET, bad), Err(Error::Corrupt(_))));
    }
    let nan = [b"\x01\x01a", &f64::NAN.to_le_bytes()[..]].concat();
    assert!(matches!(decode_as(kind::SORTED_SET_2, &nan), Err(Error::Corrupt(_))));
}

#[test]
fn a_sorted_set_is_put_in_order() {
    let set = decode_as(kind::SORTED_SET, b"\x04\x01b\x011\x01c\x010\x01a\x011\x01d\x02-0").unwrap();
    let expected = [("c", 0.0), ("d", 0.0), ("a", 1.0), ("b", 1.0)];
    assert_eq!(set, Value::SortedSet(expected.map(|(member, score)| (bytes(member), score)).to_vec()));
}

#[test]
fn ziplists_hold_every_kind_of_element() {
    let long = "l".repeat(300);
    let huge = "h".repeat(20_000);
    let list = ziplist_of(&[
        b"\x01a",
        b"\xfe\x80",
        b"\xc0\x00\x80",
        b"\xf0\x00\x00\x80",
        b"\xd0\xff\xff\xff\x7f",
        b"\xe0\x00\x00\x00\x00\x00\x00\x00\x80",
        b"\xf1",
        b"\xfd",
        b"\x00",
        &[b"\x41\x2c", long.as_bytes()].concat(),
        b"\x01z",
        &[b"\x80\x00\x00\x4e\x20", huge.as_bytes()].concat(),
        b"\x01q",
    ]);
    let expected = Value::List(texts([
        "a",
        "-128",
        "-32768",
        "-8388608",
        "2147483647",
        "-9223372036854775808",
        "0",
        "12",
        "",
        &long,
        "z",
        &huge,
        "q",
    ]));
    assert_eq!(decode_as(kind::LIST_ZIPLIST, &string_of(&list)).unwrap(), expected);
    assert_eq!(
        decode_as(kind::LIST_QUICKLIST, &[b"\x01", &string_of(&list)[..]].concat()).unwrap(),
        expected
    );
    // Not told how many there are.
    let mut uncounted = list;
    uncounted[8..10].fill(0xff);
    assert_eq!(decode_as(kind::LIST_ZIPLIST, &string_of(&uncounted)).unwrap(), expected);
    uncounted[8..10].copy_from_slice(&[12, 0]);
    assert!(decode_as(kind::LIST_ZIPLIST, &string_of(&uncounted)).is_err());
}

#[test]
fn a_ziplist_must_agree_with_itself() {
    let good = ziplist_of(&[b"\x01a", b"\xf2"]);
    assert_eq!(ziplist::elements(&good).unwrap(), [Element::Bytes(b"a"), Element::Integer(1)]);
    assert_eq!(ziplist::elements(&ziplist_of(&[])).unwrap(), []);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        let same_shape = ziplist::elements(&bad).is_ok();
        // Only the content of an element may change.
        assert_eq!(same_shape, at == 12, "byte {at}");
    }
    assert!(ziplist::elements(&ziplist_of(&[b"\xff"])).is_err());
    assert!(ziplist::elements(&[]).is_err());
}

#[test]
fn zipmaps_are_read() {
    let long = "v".repeat(300);
    let map =
        [b"\x03\x01a\x02\x00bc\x05empty\x00\x02xx\x01l\xfe\x2c\x01\x00\x00\x00", long.as_bytes(), b"\xff"]
            .concat();
    let expected = fields(&[("a", "bc", None), ("empty", "", None), ("l", &long, None)]);
    assert_eq!(decode_as(kind::HASH_ZIPMAP, &string_of(&map)).unwrap(), expected);
    for (at, byte) in [(0, 2), (0, 4), (1, 0xff), (map.len() - 1, 0)] {
        let mut bad = map.clone();
        bad[at] = byte;
        assert!(decode_as(kind::HASH_ZIPMAP, &string_of(&bad)).is_err());
    }
    let mut uncounted = map.clone();
    uncounted[0] = 254;
    assert_eq!(decode_as(kind::HASH_ZIPMAP, &string_of(&uncounted)).unwrap(), expected);
    for cut in 0..map.len() {
        assert!(zipmap::pairs(&map[..cut]).is_err());
    }
}

#[test]
fn fields_that_expire_are_read_as_the_candidates_of_7_4_wrote_them() {
    let expected = fields(&[("a", "1", Some(5000)), ("b", "2", None)]);
    let table = decode_as(kind::HASH_METADATA_PRE_GA, b"\x02\x53\x88\x01a\xc0\x01\x00\x01b\xc0\x02").unwrap();
    assert_eq!(table, expected);
    let listpack = listpack_of(&["a", "1", "5000", "b", "2", "0"]);
    assert_eq!(decode_as(kind::HASH_LISTPACK_EX_PRE_GA, &string_of(&listpack)).unwrap(), expected);
    // Past what Redis takes, negative, or no number.
    for time in ["281474976710656", "-1", "x", "9223372036854775807"] {
        let listpack = listpack_of(&["a", "1", time]);
        assert!(decode_as(kind::HASH_LISTPACK_EX_PRE_GA, &string_of(&listpack)).is_err());
    }
    assert!(decode_as(kind::HASH_LISTPACK_EX_PRE_GA, &string_of(&listpack_of(&["a", "1"]))).is_err());
    let past = [&u64::MAX.to_le_bytes()[..], b"\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a\x01b"].concat();
    assert!(decode_as(kind::HASH_METADATA, &past).is_err());
}

#[test]
fn elements_stand_there_once_and_in_pairs() {
    assert!(decode_as(kind::SET, b"\x02\x01a\x01a").is_err());
    assert!(decode_as(kind::SET, b"\x02\x011\xc0\x01").is_err(), "however they are written");
    assert!(decode_as(kind::HASH, b"\x02\x01a\x01b\x01a\x01c").is_err());
    assert!(decode_as(kind::SORTED_SET, b"\x02\x01a\x011\x01a\x012").is_err());
    assert!(decode_as(kind::SET_LISTPACK, &string_of(&listpack_of(&["a", "a"]))).is_err());
    for kind in [kind::HASH_LISTPACK, kind::SORTED_SET_LISTPACK] {
        assert!(decode_as(kind, &string_of(&listpack_of(&["a", "1", "b"]))).is_err());
    }
    assert_eq!(decode_as(kind::LIST, b"\x02\x01a\x01a").unwrap(), Value::List(texts(["a", "a"])));
}

#[test]
fn empty_collections_say_so() {
    let (listpack, ziplist) = (string_of(&listpack_of(&[])), string_of(&ziplist_of(&[])));
    let packed =
        [kind::SET_LISTPACK, kind::SORTED_SET_LISTPACK, kind::HASH_LISTPACK, kind::HASH_LISTPACK_EX_PRE_GA];
    let mut cases: Vec<(u8, Vec<u8>)> = packed.map(|kind| (kind, listpack.clone())).to_vec();
    cases.extend(
        [kind::LIST_ZIPLIST, kind::SORTED_SET_ZIPLIST, kind::HASH_ZIPLIST]
            .map(|kind| (kind, ziplist.clone())),
    );
    let counted =
        [kind::LIST, kind::SET, kind::SORTED_SET, kind::SORTED_SET_2, kind::HASH, kind::HASH_METADATA_PRE_GA];
    cases.extend(counted.map(|kind| (kind, vec![0])));
    cases.extend([(kind::LIST_QUICKLIST, vec![0]), (kind::LIST_QUICKLIST_2, vec![0])]);
    cases.push((kind::LIST_QUICKLIST_2, [b"\x01\x02", &listpack[..]].concat()));
    cases.push((kind::HASH_ZIPMAP, string_of(b"\x00\xff")));
    cases.push((kind::SET_INTSET, string_of(&intset::encode(&[]))));
    cases.push((kind::HASH_METADATA, vec![0; 9]));
    for (kind, content) in cases {
        let found = decode_as(kind, &content);
        assert!(matches!(found, Err(Error::Empty)), "type {kind}: {found:?}");
    }
}

#[test]
fn a_lists_node_is_plain_or_packed() {
    let packed = [b"\x01\x02", &string_of(&listpack_of(&["a"]))[..]].concat();
    assert_eq!(decode_as(kind::LIST_QUICKLIST_2, &packed).unwrap(), Value::List(texts(["a"])));
    assert_eq!(decode_as(kind::LIST_QUICKLIST_2, b"\x01\x01\x01a").unwrap(), Value::List(texts(["a"])));
    assert!(decode_as(kind::LIST_QUICKLIST_2, b"\x01\x03\x01a").is_err());
}

#[test]
fn lengths_of_every_width_are_read_back() {
    let bounds = [0, 1, 63, 64, 16383, 16384, u64::from(u32::MAX), u64::from(u32::MAX) + 1, u64::MAX];
    for (length, size) in bounds.into_iter().zip([1, 1, 1, 2, 2, 5, 5, 9, 9]) {
        let mut out = Vec::new();
        sink::length(&mut out, length);
        assert_eq!((Source::new(&out[..]).length().unwrap(), out.len()), (length, size));
        assert!(matches!(Source::new(&out[..size - 1]).length(), Err(Error::Short)));
    }
    assert!(Source::new(&b"\xc0\x01"[..]).length().is_err(), "a string's encoding is no length");
    assert!(Source::new(&b"\x82\x01"[..]).length().is_err());
    assert!(Source::new(&b"\xc4\x01"[..]).string().is_err());
}

#[test]
fn strings_of_every_encoding_are_read_back() {
    let mut random = fastrand::Rng::with_seed(1);
    let noise: Vec<u8> = (0..70_000).map(|_| random.u8(..)).collect();
    for text in [
        &b"-2147483648"[..],
        b"2147483647",
        b"2147483648",
        b"-32769",
        b"32768",
        b"-129",
        b"128",
        b"-128",
        b"-0",
        b"+1",
        b"01",
        &noise,
    ] {
        let out = string_of(text);
        assert_eq!(Source::new(&out[..]).string().unwrap(), text);
    }
    let size = |text: &[u8]| string_of(text).len();
    assert_eq!((size(b"127"), size(b"128"), size(b"32768"), size(b"2147483648")), (2, 3, 5, 11));
    assert_eq!((size(&[b'a'; 20]), size(&[b'a'; 21])), (21, 12));
    // Not more than was allowed, also not decompressed.
    let long = string_of(&[b'a'; 1000]);
    assert_eq!(Source::with_longest(&long[..], 1000).string().unwrap().len(), 1000);
    assert!(Source::with_longest(&long[..], 999).string().is_err());
    assert!(Source::with_longest(&b"\x03abc"[..], 2).string().is_err());
}

#[test]
fn listpacks_read_back_at_every_bound() {
    for length in
        [0, 1, 63, 64, 125, 126, 127, 4095, 4096, 16_377, 16_378, 16_379, 2_097_145, 2_097_146, 2_097_147]
    {
        let mut builder = listpack::Builder::default();
        let text = "t".repeat(length);
        builder.push(text.as_bytes());
        builder.push(b"end");
        let size = builder.size();
        let packed = builder.finish();
        assert_eq!(packed.len(), size);
        let expected = [Element::Bytes(text.as_bytes()), Element::Bytes(b"end")];
        assert_eq!(listpack::elements(&packed).unwrap(), expected);
    }
    let many = vec!["7"; 70_000];
    assert_eq!(listpack::elements(&listpack_of(&many)).unwrap().len(), many.len());
    for number in INTEGERS.into_iter().flat_map(|n| [n, n.wrapping_sub(1), n.wrapping_add(1)]) {
        let packed = listpack_of(&[&number.to_string()]);
        assert_eq!(listpack::elements(&packed).unwrap(), [Element::Integer(number)]);
    }
}

#[test]
fn intsets_are_as_narrow_as_they_can_be() {
    for (members, size) in [
        (vec![], 8),
        (vec![-32768, 32767], 12),
        (vec![-32769], 12),
        (vec![32768], 12),
        (vec![i32::MIN.into(), i32::MAX.into()], 16),
        (vec![i64::from(i32::MAX) + 1], 16),
        (vec![i64::from(i32::MIN) - 1], 16),
        (vec![i64::MIN, i64::MAX], 24),
    ] {
        let out = intset::encode(&members);
        assert_eq!((intset::members(&out).unwrap(), out.len()), (members, size));
    }
    for bad in [
        &b""[..],
        b"\x02\0\0\0\x01\0\0\0",
        b"\x02\0\0\0\x01\0\0\0\x01\0\0",
        b"\x03\0\0\0\0\0\0\0",
        b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0",
        b"\x02\0\0\0\x02\0\0\0\x02\0\x01\0",
        b"\x08\0\0\0\xff\xff\xff\xff",
    ] {
        assert!(intset::members(bad).is_err());
    }
}

#[test]
fn envelopes_of_other_versions_or_sums_are_not_opened() {
    let value = Value::String(bytes("hello"));
    let good = dump::encode(&value, &Limits::default());
    assert_eq!(good[..9], *b"\x00\x05hello\x0a\x00");
    assert_eq!(dump::decode(dump::open(&good).unwrap(), 5).unwrap(), value);
    assert!(dump::decode(dump::open(&good).unwrap(), 4).is_err());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(dump::open(&bad), None);
    }
    for length in 0..good.len() {
        assert_eq!(dump::open(&good[..length]), None);
    }
    let with_version = |version: u16| {
        let mut out = [b"\x00\x05hello", &version.to_le_bytes()[..]].concat();
        out.extend_from_slice(&crc64::update(0, &out).to_le_bytes());
        out
    };
    for (version, known) in [(0, true), (6, true), (12, true), (13, false), (256, false)] {
        assert_eq!(dump::open(&with_version(version)).is_some(), known);
    }
    // Ten bytes are an envelope of nothing.
    let mut nothing = 10u16.to_le_bytes().to_vec();
    nothing.extend_from_slice(&crc64::update(0, &nothing).to_le_bytes());
    assert_eq!(dump::open(&nothing), Some(&b""[..]));
    assert!(matches!(dump::decode(b"", 9), Err(Error::Short)));
    let unsummed = [b"\x00\x05hello\x0a\x00", &[0; 8][..]].concat();
    assert_eq!(dump::open(&unsummed), None, "0 is no checksum here");
}
