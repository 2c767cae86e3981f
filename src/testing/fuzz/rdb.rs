//! Redis's serialization, from strangers.

use super::Choices;
use super::contents::same_after_replay;
use crate::rdb::{self, Limits, Reader, crc64, dump};
use crate::resp::{Value, parse_value};
use crate::testing::MiniServer;

/// Longest string, in bytes: a few bytes that are compressed can be as many.
const LONGEST: u64 = 1 << 20;

/// Arbitrary bytes as the payload of RESTORE, with a checksum that is right: an error or a value, which is then written
/// by DUMP so that the same comes back, and survives a crash. With bit 0 of the choices, as a whole RDB file.
pub fn rdb(data: &[u8]) {
    let (choices, data) = Choices::take(data);
    if choices.bit(0) {
        file(data);
    } else {
        payload(data, 1 + usize::from(choices.bit(1)));
    }
}

fn payload(content: &[u8], partitions: usize) {
    if let Ok(value) = dump::decode(content, LONGEST) {
        let encoded = dump::encode(&value, &Limits::default());
        let opened = dump::open(&encoded).expect("what DUMP writes is sound");
        let again = dump::decode(opened, LONGEST).expect("what DUMP writes can be read");
        // As text: NaN is no NaN.
        assert_eq!(format!("{:?}", in_order(again)), format!("{:?}", in_order(value)));
    }
    let mut payload = [content, &11u16.to_le_bytes()].concat();
    let sum = crc64::update(0, &payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    let mut server = MiniServer::new(partitions);
    server.settings.max_bulk_len = LONGEST;
    let reply = server.call(&[b"RESTORE", b"key", b"0", &payload]);
    assert!(matches!(parse_value(&reply), Ok(Some((Value::Simple(_) | Value::Error(_), _)))), "{reply:?}");
    let now_ms = server.now_ms;
    same_after_replay(server, now_ms);
}

/// A set's members in an order of their own, each once: integers are written in theirs.
fn in_order(mut value: rdb::Value) -> rdb::Value {
    if let rdb::Value::Set(members) = &mut value {
        members.sort();
        members.dedup();
    }
    value
}

fn file(bytes: &[u8]) {
    let bytes = [b"REDIS0011", bytes].concat();
    let Ok(mut reader) = Reader::new(&bytes[..]) else { return };
    // Each item takes at least a byte.
    for _ in 0..=bytes.len() {
        if !matches!(reader.next(), Ok(Some(_))) {
            return;
        }
    }
    panic!("more items than bytes");
}
