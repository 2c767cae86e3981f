//! Consumer groups and their consumers.
//!
//! Value of a group, varints: its number; the last id delivered (ms, number); entries read + 1 (0: unknown); pending
//! entries; consumers; the least and the greatest id that may be pending (ms, number, each); the node where it read
//! last.
//!
//! Value of a consumer, varints: when it was last seen; when it last got entries + 1 (0: never); pending entries.

use super::head::{Kind, element};
use super::id::StreamId;
use super::{Stream, corrupt};
use crate::encoding::varint;
use crate::engine::Family;
use crate::keyspace::transaction::{Stop, Transaction};

/// What stands for an unknown number of entries read.
pub const UNKNOWN_READ: i64 = -1;

/// A consumer group's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// Under which its consumers and pending entries stand.
    pub number: u64,
    /// Entries behind this one were not delivered yet.
    pub last: StreamId,
    /// How many of all entries ever added it has read; [`UNKNOWN_READ`] if that cannot be told.
    pub read: i64,
    /// Entries that were delivered and not acknowledged.
    pub pending: u64,
    /// Consumers.
    pub consumers: u64,
    /// No pending entry has a smaller id: so ranges need not pass what was acknowledged long ago.
    pub lowest: StreamId,
    /// No pending entry has a greater id: so new entries need no look.
    pub highest: StreamId,
    /// The node where it read last: where to look first.
    pub near: u64,
}

/// A consumer's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumer {
    /// When it last asked for something, Unix time in ms.
    pub seen_ms: u64,
    /// When it last got an entry, Unix time in ms.
    pub active_ms: Option<u64>,
    /// Entries that it has to acknowledge.
    pub pending: u64,
}

impl Group {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        varint::write(&mut out, self.number);
        self.last.write(&mut out);
        varint::write(&mut out, self.read.wrapping_add(1) as u64);
        varint::write(&mut out, self.pending);
        varint::write(&mut out, self.consumers);
        self.lowest.write(&mut out);
        self.highest.write(&mut out);
        varint::write(&mut out, self.near);
        out
    }

    fn parse(mut bytes: &[u8]) -> Option<Group> {
        let rest = &mut bytes;
        Some(Group {
            number: varint::read(rest)?,
            last: StreamId::read(rest)?,
            read: (varint::read(rest)? as i64).wrapping_sub(1),
            pending: varint::read(rest)?,
            consumers: varint::read(rest)?,
            lowest: StreamId::read(rest)?,
            highest: StreamId::read(rest)?,
            near: varint::read(rest)?,
        })
    }

    /// Whether an entry may be pending.
    pub fn may_await(&self, id: StreamId) -> bool {
        self.pending > 0 && (self.lowest..=self.highest).contains(&id)
    }

    /// How many entries it still has to read, as far as that can be told.
    pub fn lag(&self, head: &super::Head) -> Option<i64> {
        let behind = |id: StreamId| id < head.first;
        if head.added == 0 || head.len == 0 {
            Some(0)
        } else if behind(self.last) && behind(head.max_deleted) {
            Some(head.len as i64)
        } else if self.read != UNKNOWN_READ && !head.has_tombstone_from(self.last) {
            Some((head.added as i64).wrapping_sub(self.read))
        } else {
            head.added_up_to(self.last).map(|read| (head.added as i64).wrapping_sub(read))
        }
    }

    /// Notes that an entry behind the last one delivered is delivered now.
    pub fn advance(&mut self, head: &super::Head, id: StreamId) {
        if self.read != UNKNOWN_READ && !head.has_tombstone_from(self.last) {
            self.read = self.read.wrapping_add(1);
        } else if head.added > 0 {
            self.read = head.added_up_to(id).unwrap_or(UNKNOWN_READ);
        }
        self.last = id;
    }
}

impl Consumer {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        varint::write(&mut out, self.seen_ms);
        varint::write(&mut out, self.active_ms.map_or(0, |ms| ms.saturating_add(1)));
        varint::write(&mut out, self.pending);
        out
    }

    fn parse(mut bytes: &[u8]) -> Option<Consumer> {
        let rest = &mut bytes;
        Some(Consumer {
            seen_ms: varint::read(rest)?,
            active_ms: varint::read(rest)?.checked_sub(1),
            pending: varint::read(rest)?,
        })
    }
}

impl Stream {
    /// A group.
    pub fn group(&self, txn: &mut Transaction<'_>, name: &[u8]) -> Result<Option<Group>, Stop> {
        if self.head.groups == 0 {
            return Ok(None);
        }
        let key = element(&self.entry, &self.head, Kind::Group, &[name]);
        match txn.read(Family::Element, self.entry.slot, &key)? {
            Some(value) => Group::parse(&value).map(Some).ok_or_else(corrupt),
            None => Ok(None),
        }
    }

    /// Writes a group.
    pub fn put_group(&self, txn: &mut Transaction<'_>, name: &[u8], group: &Group) {
        let key = element(&self.entry, &self.head, Kind::Group, &[name]);
        txn.put_element(&self.entry, &key, &group.encode());
    }

    /// Adds a group that is not there; the key has to be saved.
    pub fn create_group(&mut self, txn: &mut Transaction<'_>, name: &[u8], last: StreamId, read: i64) {
        let group = self.new_group(last, read);
        self.put_group(txn, name, &group);
    }

    /// A new group, which is still to be written; the key has to be saved.
    pub(super) fn new_group(&mut self, last: StreamId, read: i64) -> Group {
        let group = Group {
            number: self.head.next_group,
            last,
            read,
            pending: 0,
            consumers: 0,
            lowest: StreamId::ZERO,
            highest: StreamId::ZERO,
            near: self.head.first_node,
        };
        self.head.next_group += 1;
        self.head.groups += 1;
        group
    }

    /// Removes a group with all that belongs to it; the key has to be saved.
    pub fn destroy_group(
        &mut self,
        txn: &mut Transaction<'_>,
        name: &[u8],
        group: &Group,
    ) -> Result<(), Stop> {
        let number = group.number.to_be_bytes();
        let counts = [
            (Kind::Consumer, group.consumers),
            (Kind::Pending, group.pending),
            (Kind::PendingOf, group.pending),
        ];
        for (kind, count) in counts {
            if count > 0 {
                self.remove_all(txn, kind, &[&number])?;
            }
        }
        txn.remove_element(&self.entry, &element(&self.entry, &self.head, Kind::Group, &[name]));
        self.head.groups -= 1;
        Ok(())
    }

    fn remove_all(&self, txn: &mut Transaction<'_>, kind: Kind, parts: &[&[u8]]) -> Result<(), Stop> {
        let mut rests = Vec::new();
        self.each(txn, kind, parts, |rest, _| {
            rests.push(rest.to_vec());
            true
        })?;
        for rest in &rests {
            let parts: Vec<&[u8]> = parts.iter().copied().chain([&rest[..]]).collect();
            txn.remove_element(&self.entry, &element(&self.entry, &self.head, kind, &parts));
        }
        Ok(())
    }

    /// All groups, by name.
    pub fn groups(&self, txn: &mut Transaction<'_>) -> Result<Vec<(Vec<u8>, Group)>, Stop> {
        self.all_of(txn, Kind::Group, &[], self.head.groups, Group::parse)
    }

    /// A consumer of a group.
    pub fn consumer(
        &self,
        txn: &mut Transaction<'_>,
        group: &Group,
        name: &[u8],
    ) -> Result<Option<Consumer>, Stop> {
        if group.consumers == 0 {
            return Ok(None);
        }
        let key = element(&self.entry, &self.head, Kind::Consumer, &[&group.number.to_be_bytes(), name]);
        match txn.read(Family::Element, self.entry.slot, &key)? {
            Some(value) => Consumer::parse(&value).map(Some).ok_or_else(corrupt),
            None => Ok(None),
        }
    }

    /// Writes a consumer.
    pub fn put_consumer(&self, txn: &mut Transaction<'_>, group: &Group, name: &[u8], consumer: &Consumer) {
        let key = element(&self.entry, &self.head, Kind::Consumer, &[&group.number.to_be_bytes(), name]);
        txn.put_element(&self.entry, &key, &consumer.encode());
    }

    /// Removes a consumer with its pending entries; the group has to be written.
    pub fn remove_consumer(
        &self,
        txn: &mut Transaction<'_>,
        group: &mut Group,
        name: &[u8],
        consumer: &Consumer,
    ) -> Result<(), Stop> {
        let number = group.number.to_be_bytes();
        if consumer.pending > 0 {
            let length = (name.len() as u32).to_be_bytes();
            let mut ids = Vec::new();
            self.each(txn, Kind::PendingOf, &[&number, &length, name], |id, _| {
                ids.push(id.to_vec());
                true
            })?;
            for id in &ids {
                let of_group = element(&self.entry, &self.head, Kind::Pending, &[&number, id]);
                let parts: [&[u8]; 4] = [&number, &length, name, id];
                let of_consumer = element(&self.entry, &self.head, Kind::PendingOf, &parts);
                txn.remove_element(&self.entry, &of_group);
                txn.remove_element(&self.entry, &of_consumer);
            }
            group.pending -= consumer.pending;
        }
        group.consumers -= 1;
        let key = element(&self.entry, &self.head, Kind::Consumer, &[&number, name]);
        txn.remove_element(&self.entry, &key);
        Ok(())
    }

    /// All consumers of a group, by name.
    pub fn consumers(
        &self,
        txn: &mut Transaction<'_>,
        group: &Group,
    ) -> Result<Vec<(Vec<u8>, Consumer)>, Stop> {
        let number = group.number.to_be_bytes();
        self.all_of(txn, Kind::Consumer, &[&number], group.consumers, Consumer::parse)
    }

    fn all_of<T>(
        &self,
        txn: &mut Transaction<'_>,
        kind: Kind,
        parts: &[&[u8]],
        count: u64,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Vec<(Vec<u8>, T)>, Stop> {
        let mut found = Vec::new();
        let mut sound = true;
        if count > 0 {
            self.each(txn, kind, parts, |name, value| {
                match parse(value) {
                    Some(parsed) => found.push((name.to_vec(), parsed)),
                    None => sound = false,
                }
                sound
            })?;
        }
        if sound { Ok(found) } else { Err(corrupt()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::stream::Head;

    #[test]
    fn a_group_and_a_consumer_are_these_bytes_and_read_back() {
        let id = |ms, seq| StreamId { ms, seq };
        let group = Group {
            number: 1,
            last: id(300, 2),
            read: UNKNOWN_READ,
            pending: 4,
            consumers: 2,
            lowest: id(6, 0),
            highest: id(7, 0),
            near: 9,
        };
        assert_eq!(group.encode(), [1, 0xac, 2, 2, 0, 4, 2, 6, 0, 7, 0, 9]);
        for read in [UNKNOWN_READ, 0, 5, i64::MAX] {
            let group = Group { read, ..group };
            assert_eq!(Group::parse(&group.encode()), Some(group));
        }
        let consumer = Consumer { seen_ms: 5, active_ms: None, pending: 1 };
        assert_eq!(consumer.encode(), [5, 0, 1]);
        for active_ms in [None, Some(0), Some(300)] {
            let consumer = Consumer { active_ms, ..consumer };
            assert_eq!(Consumer::parse(&consumer.encode()), Some(consumer));
        }
        assert_eq!((Group::parse(&[1, 2]), Consumer::parse(&[1])), (None, None));
    }

    #[test]
    fn a_lag_is_unknown_while_a_hole_lies_ahead() {
        let id = |ms| StreamId { ms, seq: 0 };
        let group = |last, read| Group {
            number: 0,
            last: id(last),
            read,
            pending: 0,
            consumers: 0,
            lowest: StreamId::ZERO,
            highest: StreamId::ZERO,
            near: 0,
        };
        let head =
            Head { len: 4, last: id(5), first: id(1), added: 5, max_deleted: id(3), ..Head::default() };
        assert_eq!(group(0, UNKNOWN_READ).lag(&head), None);
        assert_eq!(group(4, UNKNOWN_READ).lag(&head), None);
        assert_eq!(group(4, 4).lag(&head), Some(1));
        assert_eq!(group(5, UNKNOWN_READ).lag(&head), Some(0));
        let trimmed = Head { len: 2, first: id(4), ..head };
        assert_eq!(group(0, UNKNOWN_READ).lag(&trimmed), Some(2));
        assert_eq!(group(0, 0).lag(&Head::default()), Some(0));
    }
}
