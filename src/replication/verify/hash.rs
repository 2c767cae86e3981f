//! What counts of a key, as one number: its database, its name, its type, its value in a form that does not depend on
//! how it is stored, and when it expires.
//!
//! When a stream's entries were delivered and its consumers seen last does not count: each server has times of its own.

use crate::rdb::{Stream, StreamId, Value};
use crate::replication::files::FileHash;

/// The hash of a key with all that counts.
pub fn hash(database: usize, key: &[u8], expire_ms: Option<u64>, value: &Value) -> u128 {
    let mut hash = FileHash::new();
    number(&mut hash, database as u64);
    text(&mut hash, key);
    some(&mut hash, expire_ms);
    match value {
        Value::String(bytes) => {
            number(&mut hash, 0);
            text(&mut hash, bytes);
        }
        Value::List(elements) => {
            number(&mut hash, 1);
            elements.iter().for_each(|element| text(&mut hash, element));
        }
        Value::Set(members) => {
            number(&mut hash, 2);
            let mut members: Vec<&Vec<u8>> = members.iter().collect();
            members.sort_unstable();
            members.into_iter().for_each(|member| text(&mut hash, member));
        }
        Value::SortedSet(members) => {
            number(&mut hash, 3);
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by(|one, other| one.0.cmp(&other.0));
            for (member, score) in members {
                text(&mut hash, member);
                // There is one zero.
                number(&mut hash, (score + 0.0).to_bits());
            }
        }
        Value::Hash(fields) => {
            number(&mut hash, 4);
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by(|one, other| one.name.cmp(&other.name));
            for field in fields {
                text(&mut hash, &field.name);
                text(&mut hash, &field.value);
                some(&mut hash, field.expire_ms);
            }
        }
        Value::Stream(stream) => {
            number(&mut hash, 5);
            add_stream(&mut hash, stream);
        }
    }
    hash.digest128()
}

/// The hash of libraries of functions, in any order.
pub fn hash_of_functions<'a>(libraries: impl Iterator<Item = &'a [u8]>) -> u128 {
    let mut libraries: Vec<&[u8]> = libraries.collect();
    libraries.sort_unstable();
    let mut hash = FileHash::new();
    libraries.into_iter().for_each(|library| text(&mut hash, library));
    hash.digest128()
}

fn number(hash: &mut FileHash, number: u64) {
    hash.update(&number.to_be_bytes());
}

fn some(hash: &mut FileHash, known: Option<u64>) {
    number(hash, known.map_or(0, |known| known.wrapping_add(1)));
}

/// The length first: else two texts could be taken for others.
fn text(hash: &mut FileHash, text: &[u8]) {
    number(hash, text.len() as u64);
    hash.update(text);
}

fn stream_id(hash: &mut FileHash, id: StreamId) {
    number(hash, id.ms);
    number(hash, id.seq);
}

fn add_stream(hash: &mut FileHash, stream: &Stream) {
    number(hash, stream.entries.len() as u64);
    for entry in &stream.entries {
        stream_id(hash, entry.id);
        number(hash, entry.fields.len() as u64);
        for (field, value) in &entry.fields {
            text(hash, field);
            text(hash, value);
        }
    }
    stream_id(hash, stream.last_id);
    stream_id(hash, stream.max_deleted_id);
    number(hash, stream.entries_added);
    let mut groups: Vec<_> = stream.groups.iter().collect();
    groups.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    for group in groups {
        text(hash, &group.name);
        stream_id(hash, group.last_id);
        some(hash, group.entries_read);
        let mut consumers: Vec<_> = group.consumers.iter().map(|consumer| &consumer.name).collect();
        consumers.sort_unstable();
        number(hash, consumers.len() as u64);
        consumers.into_iter().for_each(|consumer| text(hash, consumer));
        number(hash, group.pending.len() as u64);
        for pending in &group.pending {
            stream_id(hash, pending.id);
            number(hash, pending.deliveries);
            let owner = group.consumers.get(pending.consumer);
            text(hash, owner.map_or(&b""[..], |consumer| &consumer.name));
        }
    }
}
