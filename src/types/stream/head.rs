//! What stands in the Meta value of a stream, and the keys of its elements.
//!
//! Payload of the Meta value (by elements): the [`Collection`] (version, number of entries), then varints:
//!
//! | what | |
//! |------|-|
//! | last id | ms, number; of the last entry ever added, or what XSETID said |
//! | first id | ms, number; of the first entry that is there, `0-0` if none is |
//! | greatest id that XDEL removed | ms, number; `0-0`: none |
//! | entries ever added | |
//! | groups, next group number | |
//! | nodes with entries, first node, one past the last node | |
//! | first node that may still have to be removed | at most the first node |
//!
//! Element keys: slot, namespace and version as for every collection, one byte that says what it is, then:
//!
//! | byte | rest of the key | value |
//! |------|-----------------|-------|
//! | `N` | number of the node (8) | `node` |
//! | `G` | name of the group | [`super::group::Group`] |
//! | `C` | number of the group (8), name of the consumer | [`super::group::Consumer`] |
//! | `P` | number of the group (8), id (16) | delivery time, count (varints), the consumer's name |
//! | `Q` | number of the group (8), length of the consumer's name (4), the name, id (16) | delivery time, count |
//!
//! `P` and `Q` are the same pending entries, of the whole group and by consumer.

use super::id::StreamId;
use crate::encoding::key::{self, KeyBuf, Version};
use crate::encoding::meta::{Collection, Meta};
use crate::encoding::varint;
use crate::engine::Range;
use crate::keyspace::transaction::Entry;

/// What a stream knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Its life.
    pub version: Version,
    /// Entries that are there.
    pub len: u64,
    /// New entries get greater ids.
    pub last: StreamId,
    /// The first entry that is there; `0-0` if none is.
    pub first: StreamId,
    /// The greatest id that XDEL removed; `0-0`: none.
    pub max_deleted: StreamId,
    /// Entries ever added.
    pub added: u64,
    /// Consumer groups.
    pub groups: u64,
    /// The number that the next new group gets.
    pub next_group: u64,
    /// Nodes with entries.
    pub nodes: u64,
    /// The node of the first entry; the end if there is no entry.
    pub first_node: u64,
    /// One past the last node.
    pub end_node: u64,
    /// Nodes from here to the first one are dead, and leave with the next writes.
    pub dead_node: u64,
}

impl Head {
    /// The payload's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Collection { version: self.version, len: self.len }.encode();
        for id in [self.last, self.first, self.max_deleted] {
            id.write(&mut out);
        }
        let numbers = [
            self.added,
            self.groups,
            self.next_group,
            self.nodes,
            self.first_node,
            self.end_node,
            self.dead_node,
        ];
        numbers.iter().for_each(|&number| varint::write(&mut out, number));
        out
    }

    /// Takes a Meta value's payload apart; `None` if it is no stream's.
    pub fn parse(meta: &Meta<'_>) -> Option<Head> {
        let Collection { version, len } = meta.collection()?;
        let mut rest = meta.payload.get(8..)?;
        varint::read(&mut rest)?;
        let rest = &mut rest;
        Some(Head {
            version,
            len,
            last: StreamId::read(rest)?,
            first: StreamId::read(rest)?,
            max_deleted: StreamId::read(rest)?,
            added: varint::read(rest)?,
            groups: varint::read(rest)?,
            next_group: varint::read(rest)?,
            nodes: varint::read(rest)?,
            first_node: varint::read(rest)?,
            end_node: varint::read(rest)?,
            dead_node: varint::read(rest)?,
        })
    }

    /// Whether XDEL may have removed an entry at or behind `start`.
    pub fn has_tombstone_from(&self, start: StreamId) -> bool {
        self.len > 0 && self.max_deleted != StreamId::ZERO && start <= self.max_deleted
    }

    /// How many entries were ever added up to and with `id`, as far as that can be told.
    pub fn added_up_to(&self, id: StreamId) -> Option<i64> {
        if self.added == 0 {
            return Some(0);
        }
        let added = self.added as i64;
        if self.len == 0 && id <= self.last {
            return Some(added);
        }
        if id != StreamId::ZERO && id < self.max_deleted {
            return None;
        }
        if id >= self.last {
            return (id == self.last).then_some(added);
        }
        if self.max_deleted != StreamId::ZERO && self.max_deleted >= self.first {
            return None;
        }
        let before = added.wrapping_sub(self.len as i64);
        match id.cmp(&self.first) {
            std::cmp::Ordering::Less => Some(before),
            std::cmp::Ordering::Equal => Some(before.wrapping_add(1)),
            std::cmp::Ordering::Greater => None,
        }
    }
}

/// What an element of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Node = b'N',
    Group = b'G',
    Consumer = b'C',
    Pending = b'P',
    PendingOf = b'Q',
}

/// Bytes of an element's key before what its kind says.
pub(super) const KIND_PREFIX: usize = key::COLLECTION_PREFIX + 1;

/// The key of an element, from the parts behind its kind.
pub(super) fn element(entry: &Entry, head: &Head, kind: Kind, parts: &[&[u8]]) -> KeyBuf {
    let mut out = key::collection(entry.slot, entry.namespace, head.version);
    out.push(kind as u8);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// All elements of a kind whose keys go on with these parts.
pub(super) fn elements(entry: &Entry, head: &Head, kind: Kind, parts: &[&[u8]]) -> Range {
    Range::prefix(&element(entry, head, kind, parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::meta::Type;

    fn id(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    #[test]
    fn a_head_is_these_bytes_and_reads_back() {
        let head = Head {
            version: 7,
            len: 3,
            last: id(300, 1),
            first: id(1, 0),
            max_deleted: id(2, 0),
            added: 5,
            groups: 1,
            next_group: 2,
            nodes: 1,
            first_node: 4,
            end_node: 6,
            dead_node: 3,
        };
        let payload = head.encode();
        assert_eq!(payload, [0, 0, 0, 0, 0, 0, 0, 7, 3, 0xac, 2, 1, 1, 0, 2, 0, 5, 1, 2, 1, 4, 6, 3],);
        let meta = Meta {
            kind: Type::Stream,
            expire_ms: None,
            by_elements: true,
            expanded: false,
            payload: &payload,
        };
        assert_eq!(Head::parse(&meta), Some(head));
        for cut in 0..payload.len() {
            assert_eq!(Head::parse(&Meta { payload: &payload[..cut], ..meta }), None, "cut at {cut}");
        }
    }

    #[test]
    fn entries_added_are_known_only_where_nothing_is_missing() {
        let head = Head { len: 3, last: id(5, 0), first: id(3, 0), added: 5, ..Head::default() };
        let known = |head: &Head, ms| head.added_up_to(id(ms, 0));
        assert_eq!([1, 3, 4, 5, 6].map(|ms| known(&head, ms)), [Some(2), Some(3), None, Some(5), None]);
        let holed = Head { max_deleted: id(4, 0), len: 2, ..head };
        assert_eq!([1, 3, 5].map(|ms| known(&holed, ms)), [None, None, Some(5)]);
        assert!(holed.has_tombstone_from(id(4, 0)) && !holed.has_tombstone_from(id(4, 1)));
        let empty = Head { len: 0, first: StreamId::ZERO, ..head };
        assert_eq!([1, 5, 6].map(|ms| known(&empty, ms)), [Some(5), Some(5), None]);
        assert_eq!(known(&Head::default(), 9), Some(0));
    }
}
