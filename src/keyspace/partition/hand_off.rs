//! A group's way from the tick that wrote it: to the log, into a hand-off, and, once the engine has that, into the cache.

use std::sync::Arc;

use super::{LogRecord, Partition};
use crate::engine::{Family, Range};
use crate::keyspace::handed::{self, Handed, HandedList};
use crate::keyspace::table::{DirtyEntry, Group};
use crate::keyspace::write_behind::{Applied, HandOff};

/// A hand-off that the engine does not have yet.
#[derive(Debug)]
pub(super) struct UnderWay {
    group: Group,
    handed: Arc<HandedList>,
    bytes: usize,
}

impl Partition {
    /// Ends the tick's group. Its records, with their places in the log, or nothing if nothing was written.
    pub fn close_group(&mut self) -> Option<(Group, Vec<LogRecord>)> {
        if self.open.is_empty() {
            if std::mem::take(&mut self.unlogged) {
                let offset = self.closed.back().map_or(self.reach, |&(_, offset)| offset);
                self.end_group(offset);
            }
            return None;
        }
        self.unlogged = false;
        /// Less is not worth knowing; more is lent to where it may lie for long.
        const USUAL_PAYLOAD: std::ops::RangeInclusive<usize> = 256..=32 * 1024;
        let mut records = std::mem::take(&mut self.open);
        let usual = records.last().map_or(0, |open| open.record.payload.len());
        self.usual_payload = usual.clamp(*USUAL_PAYLOAD.start(), *USUAL_PAYLOAD.end());
        let end = self.shared.place(&mut records);
        let records = records.into_iter().map(|open| open.record).collect();
        Some((self.end_group(end), records))
    }

    /// Ends a group whose records were appended elsewhere (by another partition of the same transaction, or
    /// long ago and now replayed) and end at `offset`.
    pub fn end_group(&mut self, offset: u64) -> Group {
        let group = self.open_group;
        self.open_group += 1;
        self.closed.push_back((group, offset));
        group
    }

    /// Ends a group that was replayed from the log, which has its records already.
    pub fn end_replayed_group(&mut self, offset: u64) {
        self.open.clear();
        self.unlogged = false;
        self.end_group(offset);
    }

    /// Says that this partition has nothing before the present end of the log that it did not hand off or will not
    /// with its next hand-off: so that one that is seldom written does not make a restart read the whole log.
    /// Returns the group that says so, and its offset, if there was anything to say.
    pub fn advance(&mut self) -> Option<(Group, u64)> {
        let (offset, last) =
            (self.shared.next_offset(), self.closed.back().map_or(self.reach, |&(_, end)| end));
        (!self.has_open_group() && offset > last).then(|| (self.end_group(offset), offset))
    }

    /// Whether something waits for a hand-off.
    pub fn has_queued(&self) -> bool {
        !self.queue.is_empty()
            || !self.orphans.is_empty()
            || self.namespaces_dirty
            || self.functions_dirty
            || !self.closed.is_empty()
    }

    /// Number of keys that wait for a hand-off.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Bytes of the entries that wait for a hand-off.
    pub fn queued_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// Whether something that was written without a look at what there was waits for a hand-off.
    pub fn has_queued_blind(&self) -> bool {
        self.blind_writes != self.blind_writes_handed
    }

    /// Bytes of the log since the last hand-off, of all partitions: what a restart would read to no avail.
    pub fn log_behind(&self) -> u64 {
        self.shared.next_offset().saturating_sub(self.reach)
    }

    /// When the first of what is to be handed off expires, Unix time in ms: the expirer does not know of it until then.
    pub fn first_due_ms(&self) -> u64 {
        self.first_due_ms
    }

    /// Bytes that the engine lacks.
    pub fn dirty_bytes(&self) -> usize {
        self.queue_bytes + self.under_way.iter().map(|hand_off| hand_off.bytes).sum::<usize>()
    }

    /// Takes what was written since the last hand-off, up to the last closed group. `None` if nothing was.
    /// Must not be called within a tick that wrote (the open group would be torn).
    pub fn hand_off(&mut self) -> Option<HandOff> {
        debug_assert!(self.open.is_empty() && !self.unlogged, "hand-off within a group");
        let (group, reach) = self.closed.drain(..).next_back().unwrap_or((self.handed_group, self.reach));
        let more = self.namespaces_dirty || self.functions_dirty;
        if group == self.handed_group && self.queue.is_empty() && !more {
            return None;
        }
        self.handed_group = group;
        self.blind_writes_handed = self.blind_writes;
        self.reach = reach;
        let handed = Arc::new(std::mem::take(&mut self.queue));
        let bytes = std::mem::take(&mut self.queue_bytes);
        self.first_due_ms = u64::MAX;
        self.under_way.push_back(UnderWay { group, handed: handed.clone(), bytes });
        Some(HandOff {
            partition: self.index,
            partitions: self.partitions,
            group,
            reach,
            handed,
            spent: std::mem::take(&mut self.spent),
            orphans: std::mem::take(&mut self.orphans),
            counts: self.counts.clone(),
            next_version: self.shared.next_version(),
            namespaces: std::mem::take(&mut self.namespaces_dirty).then(|| self.namespaces.clone()),
            dead: std::mem::take(&mut self.namespaces_changed),
            functions: std::mem::take(&mut self.functions_dirty).then(|| self.shared.functions()),
        })
    }

    /// The engine has a hand-off. Its entries are a cache from now on.
    pub fn applied(&mut self, applied: Applied) {
        debug_assert_eq!(applied.partition, self.index);
        let Some(UnderWay { group, handed, .. }) = self.under_way.pop_front() else { return };
        debug_assert_eq!(applied.group, group, "hand-offs are applied in order");
        self.tables.iter_mut().for_each(|table| table.applied(group));
        /// Keys that are fetched from memory together: they lie all over it.
        const TOGETHER: usize = 32;
        for gone in applied.gone.chunks(TOGETHER) {
            for family in [Family::Meta, Family::Element, Family::Expiry] {
                let entries = gone.iter().map(|&index| handed.get(index));
                let keys = entries.filter(|entry| entry.family == family).map(Handed::key);
                self.tables[family as usize].fetch_ahead(keys);
            }
            for &index in gone {
                let entry = handed.get(index);
                self.tables[entry.family as usize].forget(entry.key());
            }
        }
        self.spent.push(handed);
        self.blind_writes_settled += applied.blind;
        self.settled = applied.settled;
    }

    /// The first `limit` dirty entries in a range, and the key of the next one if there are more.
    pub(in crate::keyspace) fn dirty_part(
        &mut self,
        family: Family,
        range: &Range,
        limit: usize,
    ) -> (Vec<DirtyEntry>, Option<Vec<u8>>) {
        let lists = self.under_way.iter().map(|hand_off| &*hand_off.handed).chain([&self.queue]);
        let mut keys = handed::keys_in(lists, family, range);
        let table = &self.tables[family as usize];
        let part = keys.by_ref().filter_map(|key| table.dirty(key)).take(limit).collect();
        let next = keys.find(|key| table.dirty(key).is_some()).map(<[u8]>::to_vec);
        (part, next)
    }
}
