//! Writing values, in the encodings that Redis chooses itself: small collections as listpacks, intsets and
//! quicklists. What each looks like stands in [`super::decode`].

mod list;
mod stream;

use super::listpack::Builder;
use super::{Error, HashField, REDIS_7_2, REDIS_7_4, Result, Value, intset, kind, sink};
use crate::number::{parse_i64, write_f64};

/// Up to which sizes collections are written compactly: Redis's options of the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fields of a hash.
    pub hash_max_listpack_entries: usize,
    /// Bytes of a field or value of a hash.
    pub hash_max_listpack_value: usize,
    /// A list's nodes: number of elements, or, negative, -1 to -5, a size of 4 to 64 KiB.
    pub list_max_listpack_size: i64,
    /// Members of a set of integers.
    pub set_max_intset_entries: usize,
    /// Members of another set.
    pub set_max_listpack_entries: usize,
    /// Bytes of a member of such a set.
    pub set_max_listpack_value: usize,
    /// Members of a sorted set.
    pub zset_max_listpack_entries: usize,
    /// Bytes of a member of a sorted set.
    pub zset_max_listpack_value: usize,
    /// Entries of a node of a stream; 0: no limit.
    pub stream_node_max_entries: u64,
    /// Bytes of a node of a stream; 0: no limit.
    pub stream_node_max_bytes: u64,
}

impl Default for Limits {
    /// Redis's defaults.
    fn default() -> Limits {
        Limits {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_entries: 100,
            stream_node_max_bytes: 4096,
        }
    }
}

/// A listpack is told to be at most so long: more would not be safe in Redis.
const LONGEST_LISTPACK: usize = 1 << 30;

/// Appends a value in the form that Redis of the RDB `version` reads ([`super::REDIS_7_0`] or later), without its
/// type, which is returned. Nothing is appended if the version cannot tell the value.
pub fn value(out: &mut Vec<u8>, value: &Value, limits: &Limits, version: u16) -> Result<u8> {
    if !(super::REDIS_7_0..=REDIS_7_4).contains(&version) {
        return Err(Error::Version(version.into()));
    }
    if version < value.lowest_version() {
        return Err(Error::NotInVersion(version));
    }
    Ok(match value {
        Value::String(text) => {
            sink::string(out, text);
            kind::STRING
        }
        Value::List(elements) => list::write(out, elements, limits.list_max_listpack_size),
        Value::Set(members) => set(out, members, limits, version),
        Value::SortedSet(members) => sorted_set(out, members, limits),
        Value::Hash(fields) => hash(out, fields, limits),
        Value::Stream(stream) => stream::write(out, stream, limits, version >= REDIS_7_2),
    })
}

/// Whether so many elements, none longer than `longest`, are written as one listpack.
fn is_small<'a>(mut elements: impl ExactSizeIterator<Item = &'a [u8]>, most: usize, longest: usize) -> bool {
    elements.len() <= most
        && elements.len().saturating_mul(longest) < LONGEST_LISTPACK / 2
        && elements.all(|element| element.len() <= longest)
}

fn set(out: &mut Vec<u8>, members: &[Vec<u8>], limits: &Limits, version: u16) -> u8 {
    if members.len() <= limits.set_max_intset_entries
        && let Some(mut integers) = members.iter().map(|m| parse_i64(m)).collect::<Option<Vec<i64>>>()
    {
        integers.sort_unstable();
        sink::string(out, &intset::encode(&integers));
        return kind::SET_INTSET;
    }
    let texts = members.iter().map(Vec::as_slice);
    let (most, longest) = (limits.set_max_listpack_entries, limits.set_max_listpack_value);
    if version >= REDIS_7_2 && is_small(texts, most, longest) {
        let mut listpack = Builder::default();
        members.iter().for_each(|member| listpack.push(member));
        sink::string(out, &listpack.finish());
        return kind::SET_LISTPACK;
    }
    sink::length(out, members.len() as u64);
    members.iter().for_each(|member| sink::string(out, member));
    kind::SET
}

fn sorted_set(out: &mut Vec<u8>, members: &[(Vec<u8>, f64)], limits: &Limits) -> u8 {
    let texts = members.iter().map(|(member, _)| member.as_slice());
    if is_small(texts, limits.zset_max_listpack_entries, limits.zset_max_listpack_value) {
        let (mut listpack, mut text) = (Builder::default(), Vec::new());
        for (member, score) in members {
            text.clear();
            write_f64(&mut text, *score);
            listpack.push(member);
            listpack.push(&text);
        }
        sink::string(out, &listpack.finish());
        return kind::SORTED_SET_LISTPACK;
    }
    sink::length(out, members.len() as u64);
    // Redis writes the largest first: then each one goes to the head of the list that it loads them into.
    for (member, score) in members.iter().rev() {
        sink::string(out, member);
        out.extend_from_slice(&score.to_le_bytes());
    }
    kind::SORTED_SET_2
}

fn hash(out: &mut Vec<u8>, fields: &[HashField], limits: &Limits) -> u8 {
    let first_ms = fields.iter().filter_map(|field| field.expire_ms).min();
    if let Some(first_ms) = first_ms {
        sink::time_ms(out, first_ms);
    }
    let longest = limits.hash_max_listpack_value;
    let fits = |field: &HashField| field.name.len() <= longest && field.value.len() <= longest;
    // Twice as many strings as fields: names and values.
    let small = fields.len() <= limits.hash_max_listpack_entries
        && fields.len().saturating_mul(longest) < LONGEST_LISTPACK / 4
        && fields.iter().all(fits);
    if !small {
        sink::length(out, fields.len() as u64);
        for HashField { name, value, expire_ms } in fields {
            if let Some(first_ms) = first_ms {
                sink::length(out, expire_ms.map_or(0, |time_ms| time_ms - first_ms + 1));
            }
            sink::string(out, name);
            sink::string(out, value);
        }
        return if first_ms.is_some() { kind::HASH_METADATA } else { kind::HASH };
    }
    let mut fields: Vec<&HashField> = fields.iter().collect();
    if first_ms.is_some() {
        // Redis keeps them by expiry, those without one last.
        fields.sort_by_key(|field| field.expire_ms.unwrap_or(u64::MAX));
    }
    let mut listpack = Builder::default();
    for HashField { name, value, expire_ms } in fields {
        listpack.push(name);
        listpack.push(value);
        if first_ms.is_some() {
            listpack.push_integer(expire_ms.unwrap_or(0).cast_signed());
        }
    }
    sink::string(out, &listpack.finish());
    if first_ms.is_some() { kind::HASH_LISTPACK_EX } else { kind::HASH_LISTPACK }
}
