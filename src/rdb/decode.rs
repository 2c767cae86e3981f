//! Reading values: every encoding that Redis ever wrote, but for those of modules.
//!
//! | type | content |
//! |------|---------|
//! | 0 string | string |
//! | 1 list, 2 set | number of elements, strings |
//! | 3 sorted set | number of members; for each: string, score as text (one byte of length; 253, 254, 255 for NaN and the infinities) |
//! | 4 hash | number of fields; for each: field and value, strings |
//! | 5 sorted set | as 3, scores as 8 bytes of a double |
//! | 9 hash | string with a zipmap |
//! | 10 list, 12 sorted set, 13 hash | string with a ziplist |
//! | 11 set | string with an intset |
//! | 14 list | number of nodes; for each: string with a ziplist |
//! | 15, 19, 21 stream | see `decode/stream.rs` |
//! | 16 hash, 17 sorted set, 20 set | string with a listpack |
//! | 18 list | number of nodes; for each: 1 (the string is an element) or 2 (it is a listpack), string |
//! | 22 hash | number of fields; for each: expiry (length; 0 = none), field, value |
//! | 23 hash | string with a listpack of field, value, expiry (0 = none) |
//! | 24 hash | time in ms, then as 22, but expiries are ms behind that time, plus 1 |
//! | 25 hash | time in ms (unused), then as 23 |
//!
//! Elements of a sorted set or hash in a ziplist or listpack alternate: member, score; field, value.

mod stream;

use std::collections::HashSet;
use std::io::Read;

use super::element::Element;
use super::source::Source;
use super::{Error, HashField, Result, Value, intset, kind, listpack, ziplist, zipmap};
use crate::number::parse_f64;

/// Redis takes no expiry of a field after this, Unix time in ms.
const LATEST_FIELD_EXPIRY: u64 = (1 << 48) - 1;

/// Reads a value of a type. [`Error::Empty`] says that it was read to its end and is nothing that Redis keeps.
pub fn value<R: Read>(source: &mut Source<R>, kind: u8) -> Result<Value> {
    match kind {
        kind::STRING => Ok(Value::String(source.string()?)),
        kind::LIST => not_empty(strings(source)?).map(Value::List),
        kind::SET => set(strings(source)?),
        kind::SORTED_SET => sorted_set(source, text_score),
        kind::SORTED_SET_2 => sorted_set(source, |source| Ok(f64::from_le_bytes(source.array()?))),
        kind::HASH => plain_hash(source),
        kind::HASH_ZIPMAP => {
            let map = source.string()?;
            let field = |(name, value): zipmap::Pair<'_>| field(name.to_vec(), value.to_vec());
            hash(zipmap::pairs(&map)?.into_iter().map(field).collect())
        }
        kind::LIST_ZIPLIST => {
            let list = source.string()?;
            not_empty(ziplist::elements(&list)?).map(|elements| Value::List(texts(elements)))
        }
        kind::SET_INTSET => {
            let members = source.string()?;
            let members = not_empty(intset::members(&members)?)?;
            Ok(Value::Set(texts(members.into_iter().map(Element::Integer).collect())))
        }
        kind::SET_LISTPACK => set(texts(listpack::elements(&source.string()?)?)),
        kind::SORTED_SET_ZIPLIST => scored(ziplist::elements(&source.string()?)?),
        kind::SORTED_SET_LISTPACK => scored(listpack::elements(&source.string()?)?),
        kind::HASH_ZIPLIST => paired(ziplist::elements(&source.string()?)?),
        kind::HASH_LISTPACK => paired(listpack::elements(&source.string()?)?),
        kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => quicklist(source, kind),
        kind::HASH_METADATA_PRE_GA | kind::HASH_METADATA => timed_hash(source, kind == kind::HASH_METADATA),
        kind::HASH_LISTPACK_EX_PRE_GA => timed(listpack::elements(&source.string()?)?),
        kind::HASH_LISTPACK_EX => {
            source.time_ms()?;
            timed(listpack::elements(&source.string()?)?)
        }
        kind::STREAM_LISTPACKS => stream::read(source, stream::Layout::First),
        kind::STREAM_LISTPACKS_2 => stream::read(source, stream::Layout::Counted),
        kind::STREAM_LISTPACKS_3 => stream::read(source, stream::Layout::Active),
        other => Err(Error::Unknown { what: "type", number: other.into() }),
    }
}

fn texts(elements: Vec<Element<'_>>) -> Vec<Vec<u8>> {
    elements.into_iter().map(|element| element.to_bytes().into_owned()).collect()
}

fn strings<R: Read>(source: &mut Source<R>) -> Result<Vec<Vec<u8>>> {
    let count = source.length()?;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(source.string()?);
    }
    Ok(all)
}

fn not_empty<T>(elements: Vec<T>) -> Result<Vec<T>> {
    if elements.is_empty() { Err(Error::Empty) } else { Ok(elements) }
}

/// Refuses a collection that has an element twice.
fn distinct<'a>(names: impl Iterator<Item = &'a Vec<u8>>) -> Result<()> {
    let mut seen: HashSet<&[u8], ahash::RandomState> = HashSet::default();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::Corrupt("an element stands there twice"));
        }
    }
    Ok(())
}

fn set(members: Vec<Vec<u8>>) -> Result<Value> {
    distinct(members.iter())?;
    not_empty(members).map(Value::Set)
}

fn field(name: Vec<u8>, value: Vec<u8>) -> HashField {
    HashField { name, value, expire_ms: None }
}

fn hash(fields: Vec<HashField>) -> Result<Value> {
    distinct(fields.iter().map(|field| &field.name))?;
    not_empty(fields).map(Value::Hash)
}

fn plain_hash<R: Read>(source: &mut Source<R>) -> Result<Value> {
    let count = source.length()?;
    let mut fields = Vec::new();
    for _ in 0..count {
        fields.push(field(source.string()?, source.string()?));
    }
    hash(fields)
}

/// A hash of fields and values one after the other.
fn paired(elements: Vec<Element<'_>>) -> Result<Value> {
    let (pairs, []) = elements.as_chunks::<2>() else {
        return Err(Error::Corrupt("a field without a value"));
    };
    let field = |[name, value]: &[Element<'_>; 2]| field(name.to_bytes().into(), value.to_bytes().into());
    hash(pairs.iter().map(field).collect())
}

/// What stands for an expiry: 0 is none.
fn field_expiry(time_ms: u64) -> Result<Option<u64>> {
    match time_ms {
        0 => Ok(None),
        1..=LATEST_FIELD_EXPIRY => Ok(Some(time_ms)),
        _ => Err(Error::Corrupt("the expiry of a field")),
    }
}

/// A hash of fields, values and expiries one after the other.
fn timed(elements: Vec<Element<'_>>) -> Result<Value> {
    let (triples, []) = elements.as_chunks::<3>() else {
        return Err(Error::Corrupt("a field without an expiry"));
    };
    let mut fields = Vec::new();
    for [name, value, time] in triples {
        let time_ms = time.to_integer().and_then(|time| u64::try_from(time).ok());
        let expire_ms = field_expiry(time_ms.ok_or(Error::Corrupt("the expiry of a field"))?)?;
        fields.push(HashField { name: name.to_bytes().into(), value: value.to_bytes().into(), expire_ms });
    }
    hash(fields)
}

fn timed_hash<R: Read>(source: &mut Source<R>, relative: bool) -> Result<Value> {
    let base_ms = if relative { Some(source.time_ms()?) } else { None };
    let count = source.length()?;
    let mut fields = Vec::new();
    for _ in 0..count {
        let time = source.length()?;
        let time_ms = match base_ms {
            // The first to expire is told as 1.
            Some(base_ms) if time != 0 => base_ms.saturating_add(time - 1),
            _ => time,
        };
        let expire_ms = field_expiry(time_ms)?;
        fields.push(HashField { expire_ms, ..field(source.string()?, source.string()?) });
    }
    hash(fields)
}

fn ordered(mut members: Vec<(Vec<u8>, f64)>) -> Result<Value> {
    if members.iter().any(|(_, score)| score.is_nan()) {
        return Err(Error::Corrupt("a score is not a number"));
    }
    distinct(members.iter().map(|(member, _)| member))?;
    // Scores of 0 and -0 are equal; no score is NaN.
    members.sort_unstable_by(|one, other| {
        one.1.partial_cmp(&other.1).unwrap_or(std::cmp::Ordering::Equal).then_with(|| one.0.cmp(&other.0))
    });
    not_empty(members).map(Value::SortedSet)
}

fn sorted_set<R: Read>(
    source: &mut Source<R>,
    score: impl Fn(&mut Source<R>) -> Result<f64>,
) -> Result<Value> {
    let count = source.length()?;
    let mut members = Vec::new();
    for _ in 0..count {
        members.push((source.string()?, score(source)?));
    }
    ordered(members)
}

fn text_score<R: Read>(source: &mut Source<R>) -> Result<f64> {
    match source.byte()? {
        253 => Ok(f64::NAN),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        length => {
            let text = source.bytes(length.into())?;
            parse_f64(&text).ok_or(Error::Corrupt("a score"))
        }
    }
}

/// A sorted set of members and scores one after the other.
fn scored(elements: Vec<Element<'_>>) -> Result<Value> {
    let (pairs, []) = elements.as_chunks::<2>() else {
        return Err(Error::Corrupt("a member without a score"));
    };
    let mut members = Vec::new();
    for [member, score] in pairs {
        let score = match score {
            Element::Integer(score) => *score as f64,
            Element::Bytes(text) => parse_f64(text).ok_or(Error::Corrupt("a score"))?,
        };
        members.push((member.to_bytes().into_owned(), score));
    }
    ordered(members)
}

fn quicklist<R: Read>(source: &mut Source<R>, kind: u8) -> Result<Value> {
    const PLAIN: u64 = 1;
    const PACKED: u64 = 2;
    let count = source.length()?;
    let mut elements = Vec::new();
    for _ in 0..count {
        let container = if kind == kind::LIST_QUICKLIST_2 { source.length()? } else { PACKED };
        let node = source.string()?;
        match container {
            PLAIN => elements.push(node),
            PACKED if kind == kind::LIST_QUICKLIST_2 => elements.extend(texts(listpack::elements(&node)?)),
            PACKED => elements.extend(texts(ziplist::elements(&node)?)),
            _ => return Err(Error::Corrupt("a node of a list is neither plain nor packed")),
        }
    }
    not_empty(elements).map(Value::List)
}
