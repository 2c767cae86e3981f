//! Reading streams.
//!
//! | what | how |
//! |------|-----|
//! | number of nodes | length |
//! | for each: its master id | string of 16 bytes: ms and seq, big-endian |
//! | its entries | string with a listpack |
//! | number of entries; last id (ms, seq) | lengths |
//! | from type 19 on: first id, largest deleted id, entries ever added | lengths |
//! | number of groups | length |
//! | for each: name | string |
//! | last id | lengths |
//! | from type 19 on: entries read (2^64 - 1: unknown) | length |
//! | number of pending entries | length |
//! | for each: id; when it was delivered; how often | 16 bytes as above; 8 bytes, ms; length |
//! | number of consumers | length |
//! | for each: name; when it was seen | string; 8 bytes, ms |
//! | from type 21 on: when it was active (-1: never) | 8 bytes, ms |
//! | number of its pending entries; their ids | length; 16 bytes each |
//!
//! A node's listpack: entries, deleted entries, number of fields, these fields, 0; then for each entry: flags (1:
//! deleted, 2: the node's fields), ms and seq less those of the master id; unless it has the node's fields, the
//! number of its fields; fields and values, or values only; and how many elements that were.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use super::super::element::Element;
use super::super::source::Source;
use super::super::{Consumer, Error, Group, Pending, Result, Stream, StreamEntry, StreamId, Value, listpack};

/// What the type tells beyond the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layout {
    /// Type 15.
    First,
    /// Type 19: numbers of entries added and read.
    Counted,
    /// Type 21: when consumers were active.
    Active,
}

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

const BROKEN: Error = Error::Corrupt("the entries of a stream");

/// Reads a stream.
pub(super) fn read<R: Read>(source: &mut Source<R>, layout: Layout) -> Result<Value> {
    let mut stream = Stream::default();
    for _ in 0..source.length()? {
        let master = source.string()?;
        let (id, []) = master.split_first_chunk::<16>().ok_or(Error::Corrupt("the id of a node"))? else {
            return Err(Error::Corrupt("the id of a node"));
        };
        let node = source.string()?;
        node_entries(&listpack::elements(&node)?, raw_id(*id), &mut stream.entries)?;
    }
    let told = source.length()?;
    stream.last_id = id(source)?;
    if layout >= Layout::Counted {
        (stream.first_id, stream.max_deleted_id) = (id(source)?, id(source)?);
        stream.entries_added = source.length()?;
    } else {
        stream.first_id = stream.entries.first().map_or(StreamId::default(), |entry| entry.id);
        stream.entries_added = stream.entries.len() as u64;
    }
    let ascending = stream.entries.is_sorted_by(|one, next| one.id < next.id);
    let beyond = stream.entries.last().is_some_and(|entry| entry.id > stream.last_id);
    if told != stream.entries.len() as u64 || !ascending || beyond {
        return Err(BROKEN);
    }
    let (groups, mut names) = (source.length()?, HashSet::new());
    for _ in 0..groups {
        let group = group(source, layout, &stream)?;
        if !names.insert(group.name.clone()) {
            return Err(Error::Corrupt("a group of a stream stands there twice"));
        }
        stream.groups.push(group);
    }
    Ok(Value::Stream(stream))
}

fn id<R: Read>(source: &mut Source<R>) -> Result<StreamId> {
    Ok(StreamId { ms: source.length()?, seq: source.length()? })
}

fn raw_id(bytes: [u8; 16]) -> StreamId {
    let both = u128::from_be_bytes(bytes);
    StreamId { ms: (both >> 64) as u64, seq: both as u64 }
}

/// The elements of a node that are still to be read.
struct Cursor<'e, 'a> {
    rest: &'e [Element<'a>],
}

impl<'e, 'a> Cursor<'e, 'a> {
    fn take(&mut self) -> Result<Element<'a>> {
        let (first, rest) = self.rest.split_first().ok_or(BROKEN)?;
        self.rest = rest;
        Ok(*first)
    }

    fn integer(&mut self) -> Result<i64> {
        self.take()?.to_integer().ok_or(BROKEN)
    }

    fn several(&mut self, count: usize) -> Result<&'e [Element<'a>]> {
        let (first, rest) = self.rest.split_at_checked(count).ok_or(BROKEN)?;
        self.rest = rest;
        Ok(first)
    }

    fn count(&mut self) -> Result<usize> {
        usize::try_from(self.integer()?).map_err(|_| BROKEN)
    }
}

/// Appends the entries of a node that are not deleted.
fn node_entries(elements: &[Element<'_>], master: StreamId, out: &mut Vec<StreamEntry>) -> Result<()> {
    let mut cursor = Cursor { rest: elements };
    let (live, deleted) = (cursor.count()?, cursor.count()?);
    let field_count = cursor.count()?;
    let names = cursor.several(field_count)?;
    if cursor.integer()? != 0 {
        return Err(BROKEN);
    }
    let (mut seen_live, mut seen_deleted) = (0, 0);
    while !cursor.rest.is_empty() {
        let before = cursor.rest.len();
        let flags = cursor.integer()?;
        let id = StreamId {
            ms: master.ms.wrapping_add_signed(cursor.integer()?),
            seq: master.seq.wrapping_add_signed(cursor.integer()?),
        };
        let own = |element: &Element<'_>| element.to_bytes().into_owned();
        let fields: Vec<(Vec<u8>, Vec<u8>)> = if flags & SAME_FIELDS != 0 {
            let values = cursor.several(names.len())?;
            names.iter().zip(values).map(|(name, value)| (own(name), own(value))).collect()
        } else {
            let count = cursor.count()?;
            let both = cursor.several(count.checked_mul(2).ok_or(BROKEN)?)?;
            both.as_chunks::<2>().0.iter().map(|[name, value]| (own(name), own(value))).collect()
        };
        let size = before - cursor.rest.len();
        if cursor.count()? != size || fields.is_empty() {
            return Err(BROKEN);
        }
        if flags & DELETED != 0 {
            seen_deleted += 1;
        } else {
            seen_live += 1;
            out.push(StreamEntry { id, fields });
        }
    }
    if (live, deleted) == (seen_live, seen_deleted) { Ok(()) } else { Err(BROKEN) }
}

fn group<R: Read>(source: &mut Source<R>, layout: Layout, stream: &Stream) -> Result<Group> {
    const BROKEN: Error = Error::Corrupt("the pending entries of a stream's group");
    /// Whose it is will be told by the consumers.
    const NOBODY: usize = usize::MAX;
    let (name, last_id) = (source.string()?, id(source)?);
    let entries_read = match layout {
        Layout::First => stream.entries_read_at(last_id),
        // Redis's unknown count is -1; no other negative number means anything either.
        _ => Some(source.length()?).filter(|&count| i64::try_from(count).is_ok()),
    };
    let (count, mut places, mut pending) = (source.length()?, HashMap::new(), Vec::new());
    for _ in 0..count {
        let id = raw_id(source.array()?);
        let (delivered_ms, deliveries) = (source.time_ms()?, source.length()?);
        if places.insert(id, pending.len()).is_some() {
            return Err(BROKEN);
        }
        pending.push(Pending { id, consumer: NOBODY, delivered_ms, deliveries });
    }
    let (count, mut names, mut consumers) = (source.length()?, HashSet::new(), Vec::new());
    for _ in 0..count {
        let (name, seen_ms) = (source.string()?, source.time_ms()?);
        let active_ms = match layout {
            Layout::Active => u64::try_from(i64::from_le_bytes(source.array()?)).ok(),
            _ => Some(seen_ms),
        };
        for _ in 0..source.length()? {
            let id = raw_id(source.array()?);
            let entry = places.get(&id).map(|&place| &mut pending[place]);
            match entry {
                Some(entry) if entry.consumer == NOBODY => entry.consumer = consumers.len(),
                _ => return Err(BROKEN),
            }
        }
        if !names.insert(name.clone()) {
            return Err(Error::Corrupt("a consumer of a stream stands there twice"));
        }
        consumers.push(Consumer { name, seen_ms, active_ms });
    }
    if pending.iter().any(|entry| entry.consumer == NOBODY) {
        return Err(BROKEN);
    }
    pending.sort_unstable_by_key(|entry| entry.id);
    Ok(Group { name, last_id, entries_read, pending, consumers })
}
