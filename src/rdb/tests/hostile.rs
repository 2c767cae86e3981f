//! Bytes that lie: an error or another value, never a panic, and no memory that was not paid for.

use super::*;

/// For what is read in a microsecond or so.
const ROUNDS: usize = 100_000;
/// For what is longer; unoptimised, a round takes a tenth of a millisecond.
const FEWER_ROUNDS: usize = 20_000;

/// Damages a copy of `good` in a few places.
fn damaged(random: &mut fastrand::Rng, good: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(good);
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..=out.len());
        match random.u8(..6) {
            0 => out.truncate(at),
            1 => out.insert(at, random.u8(..)),
            2 if at < out.len() => drop(out.remove(at)),
            3 if at < out.len() => out[at] = [0, 0x7f, 0x80, 0xf0, 0xfe, 0xff][random.usize(..6)],
            4 if at < out.len() => out[at] ^= 1 << random.u8(..8),
            _ if at < out.len() => out[at] = random.u8(..),
            _ => out.push(random.u8(..)),
        }
    }
}

/// Reads damaged bytes again and again. Some must turn out well and some must not, or nothing was tried.
fn attack(rounds: usize, good: &[Vec<u8>], read: impl Fn(&[u8]) -> bool) {
    let (mut random, mut bytes, mut well) = (fastrand::Rng::with_seed(99), Vec::new(), 0);
    for round in 0..rounds {
        damaged(&mut random, &good[round % good.len()], &mut bytes);
        well += usize::from(read(&bytes));
    }
    assert!(good.iter().all(|good| read(good)));
    assert!(0 < well && well < rounds, "{well} of {rounds} were read");
}

#[test]
fn damaged_listpacks() {
    let mut builder = listpack::Builder::default();
    for text in ["a", "", "17", "-5000", "70000", "99999999999", &"x".repeat(70), &"y".repeat(130)] {
        builder.push(text.as_bytes());
    }
    attack(ROUNDS, &[builder.finish(), listpack::Builder::default().finish()], |bytes| {
        listpack::elements(bytes).is_ok()
    });
}

#[test]
fn damaged_ziplists() {
    // From a dump of Redis 6.2: its string is compressed, so it is taken out by the decoder's own parts.
    let dumps = sections(include_str!("../../../tests/fixtures/rdb/dumps-6.2.hex"));
    let mut lists = Vec::new();
    for name in ["zset-listpack", "hash-listpack"] {
        let (_, dump) = dumps.iter().find(|(found, _)| found == name).unwrap();
        lists.push(Source::new(&dump[1..]).string().unwrap());
    }
    attack(ROUNDS, &lists, |bytes| ziplist::elements(bytes).is_ok());
}

#[test]
fn damaged_zipmaps() {
    let map = b"\x02\x01a\x02\x00bc\x05empty\x00\x02xx\xff".to_vec();
    attack(ROUNDS, &[map], |bytes| zipmap::pairs(bytes).is_ok());
}

#[test]
fn damaged_intsets() {
    let sets = [vec![], vec![1, 2, 300], vec![-70_000, 5], vec![i64::MIN, 0, i64::MAX]];
    attack(ROUNDS, &sets.map(|members| intset::encode(&members)), |bytes| intset::members(bytes).is_ok());
}

#[test]
fn damaged_compressed_strings() {
    let text: Vec<u8> = (0..40).flat_map(|n: u8| [b"some text ", &[n % 7; 3][..]].concat()).collect();
    let compressed = lzf::compress(&text).unwrap();
    attack(ROUNDS, &[compressed], |bytes| lzf::decompress(bytes, text.len()).is_ok());
}

/// The contents of all dumps that are not too long to be tried often.
fn contents() -> Vec<Vec<u8>> {
    let fixtures = [
        include_str!("../../../tests/fixtures/rdb/dumps-6.2.hex"),
        include_str!("../../../tests/fixtures/rdb/dumps-7.0.hex"),
        include_str!("../../../tests/fixtures/rdb/dumps-8.2.hex"),
    ];
    let dumps = fixtures.iter().flat_map(|fixture| sections(fixture));
    dumps.map(|(_, dump)| dump[..dump.len() - 10].to_vec()).filter(|content| content.len() < 500).collect()
}

/// Values without compression, so that damage reaches what is inside.
fn plain_contents() -> Vec<Vec<u8>> {
    let mut plain = Vec::new();
    for content in contents() {
        let mut source = Source::new(&content[1..]);
        if let (kind::HASH_ZIPLIST..=kind::SORTED_SET_LISTPACK, Ok(string)) = (content[0], source.string())
            && string.len() < 500
        {
            let mut out = vec![content[0]];
            sink::length(&mut out, string.len() as u64);
            plain.push([out, string].concat());
        }
    }
    plain
}

#[test]
fn damaged_values() {
    let mut good = contents();
    good.extend(plain_contents().into_iter().filter(|content| dump::decode(content, 1 << 20).is_ok()));
    assert!(good.len() > 30);
    attack(ROUNDS, &good, |bytes| dump::decode(bytes, 1 << 20).is_ok());
}

#[test]
fn damaged_streams() {
    let find = |fixture: &str| {
        let dumps = sections(fixture);
        let (_, dump) = dumps.into_iter().find(|(name, _)| name == "stream-groups").unwrap();
        let mut source = Source::new(&dump[1..]);
        assert_eq!(source.length().unwrap(), 1);
        let (id, node) = (source.string().unwrap(), source.string().unwrap());
        let rest = &dump[1 + source.position() as usize..dump.len() - 10];
        // The same with nothing compressed.
        let mut out = vec![dump[0], 1];
        for string in [id, node] {
            sink::length(&mut out, string.len() as u64);
            out.extend_from_slice(&string);
        }
        out.extend_from_slice(rest);
        out
    };
    let good = [
        find(include_str!("../../../tests/fixtures/rdb/dumps-6.2.hex")),
        find(include_str!("../../../tests/fixtures/rdb/dumps-7.0.hex")),
        find(include_str!("../../../tests/fixtures/rdb/dumps-8.2.hex")),
    ];
    attack(FEWER_ROUNDS, &good, |bytes| dump::decode(bytes, 1 << 20).is_ok());
}

#[test]
fn damaged_files() {
    let (_, file) = sections(include_str!("../../../tests/fixtures/rdb/file-7.0.hex")).remove(0);
    // Without a checksum, so that damage is found by what reads it, if at all.
    let mut unsummed = file;
    let end = unsummed.len() - 8;
    unsummed[end..].fill(0);
    attack(FEWER_ROUNDS, &[unsummed], |bytes| {
        let Ok(mut reader) = Reader::new(bytes) else { return false };
        loop {
            match reader.next() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    });
}

/// Were memory taken by what a header says, these would end the process.
#[test]
fn lengths_that_lie_cost_nothing() {
    const HUGE: &[u8] = b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff";
    for kind in 0..=kind::HASH_LISTPACK_EX {
        let prefixes: [&[u8]; 4] = [b"", b"\x01", b"\xc3\x05", b"\0\0\0\0\0\0\0\0"];
        for prefix in prefixes {
            let content = [prefix, HUGE, b"\x01a\x01b"].concat();
            let read = decode::value(&mut Source::new(&content[..]), kind);
            assert!(read.is_err() || !prefix.is_empty(), "type {kind}");
        }
    }
    // A compressed string that says it is long.
    let content = [b"\xc3\x02", HUGE, b"\x00a"].concat();
    assert!(Source::new(&content[..]).string().is_err());
    // Streams: one node of nothing, and everything else without end.
    let stream = [b"\x00\x00\x00\x00", HUGE, b"\x01g\x00\x00", HUGE].concat();
    assert!(decode::value(&mut Source::new(&stream[..]), kind::STREAM_LISTPACKS).is_err());
}
