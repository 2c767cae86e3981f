//! Writes of single entries, and what they change beside them: counts, the index by time, orphans.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Entry, Pending, Stop, Stored, Transaction};
use crate::config::Events;
use crate::encoding::key::{self, ExpiryKey};
use crate::encoding::meta::Meta;
use crate::engine::Family;
use crate::keyspace::table::{self, Value, Write};
use crate::keyspace::write_behind::Orphan;

impl Transaction<'_> {
    pub(super) fn push(
        &mut self,
        family: Family,
        key: &[u8],
        value: Option<&[&[u8]]>,
        blind: bool,
    ) -> Arc<[u8]> {
        let mut scratch = Vec::new();
        let mut scratch = match self.partition(0) {
            Some(partition) => std::mem::take(&mut partition.scratch),
            None => std::mem::take(&mut scratch),
        };
        let record = table::record(&mut scratch, key, value.unwrap_or(&[]));
        if let Some(partition) = self.partition(0) {
            partition.scratch = scratch;
        }
        let write =
            Write { record: record.clone(), key_length: key.len(), tombstone: value.is_none(), blind };
        self.pending.push(Pending { family, write });
        self.index_pending();
        record
    }

    /// A command that writes much (HSET of thousands of fields) finds its own writes by a map, not one by one.
    pub(super) fn index_pending(&mut self) {
        const LONG: usize = 32;
        let length = self.pending.len();
        if length < LONG {
            return;
        }
        let first = if self.pending_index.is_none() { 0 } else { length - 1 };
        let index = self.pending_index.get_or_insert_default();
        for place in first..length {
            let Pending { family, write } = &self.pending[place];
            index.insert((*family, write.record[..write.key_length].to_vec()), place);
        }
    }

    /// Tells whoever watches or tracks a key that it changed, though nothing of it did: some commands of Redis always say so.
    pub fn touch_unchanged(&mut self, entry: &Entry) {
        if self.follows {
            self.touched.push(entry.meta_key.clone());
        }
    }

    /// Notes that a key changes: its slot for the log, its name for whoever follows keys (WATCH, blocked clients,
    /// client tracking).
    pub(super) fn touch(&mut self, entry: &Entry) {
        let (first, last) = self.slots.unwrap_or((entry.slot, entry.slot));
        self.slots = Some((first.min(entry.slot), last.max(entry.slot)));
        if self.follows && self.touched.last().is_none_or(|last| *last != entry.meta_key) {
            self.touched.push(entry.meta_key.clone());
        }
    }

    /// Sets what a key holds; keeps the counts, the expiry index and the orphans right.
    pub fn put(&mut self, entry: &mut Entry, meta: &Meta<'_>) -> Result<(), Stop> {
        self.put_parts(entry, meta, &[meta.payload])
    }

    /// As [`Transaction::put`] with the payload in parts, which are joined; `meta.payload` is not looked at.
    pub fn put_parts(&mut self, entry: &mut Entry, meta: &Meta<'_>, payload: &[&[u8]]) -> Result<(), Stop> {
        let version = match payload {
            [only] if meta.by_elements => {
                Meta { payload: only, ..*meta }.collection().map(|head| head.version)
            }
            _ => None,
        };
        if !entry.exists() {
            self.notify(Events::NEW, "new", entry);
        }
        let old = entry.stored_meta();
        let old_expiry = old.and_then(|old| old.expire_ms);
        let counts_alike =
            old.is_some_and(|old| old.kind == meta.kind && old_expiry.is_some() == meta.expire_ms.is_some());
        self.leave(entry, version, meta.expire_ms, counts_alike);
        if let Some(at_ms) = meta.expire_ms
            && old_expiry != Some(at_ms)
        {
            let Entry { slot, namespace, .. } = *entry;
            let index = ExpiryKey { at_ms, slot, namespace, key: entry.key(), field: None }.encode();
            self.push(Family::Expiry, &index, Some(&[]), false);
        }
        if !counts_alike {
            self.counts.push((self.index_of(entry.slot), entry.namespace, bare(meta), 1));
        }
        let header = meta.header();
        let mut parts: SmallVec<[&[u8]; 4]> = SmallVec::new();
        parts.push(&header);
        parts.extend_from_slice(payload);
        let blind = matches!(entry.stored, Stored::Unknown);
        let record = self.push(Family::Meta, &entry.meta_key, Some(&parts), blind);
        entry.stored = Stored::Present(Value::new(record, entry.meta_key.len()));
        entry.expired = false;
        self.touch(entry);
        self.changes += 1;
        Ok(())
    }

    /// Removes a key. Returns whether it existed.
    pub fn remove(&mut self, entry: &mut Entry) -> Result<bool, Stop> {
        self.remove_but(entry, None)
    }

    /// Removes a key whose elements now belong to another key of the same slot and namespace (RENAME): as
    /// [`Transaction::remove`], but the elements are not orphaned.
    pub fn remove_moved(&mut self, entry: &mut Entry) -> Result<bool, Stop> {
        let version = entry.stored_meta().and_then(|meta| meta.collection()).map(|head| head.version);
        self.remove_but(entry, version)
    }

    pub(super) fn remove_but(
        &mut self,
        entry: &mut Entry,
        version: Option<key::Version>,
    ) -> Result<bool, Stop> {
        let existed = entry.exists();
        if !matches!(entry.stored, Stored::Present(_)) {
            return Ok(false);
        }
        self.leave(entry, version, None, false);
        self.push(Family::Meta, &entry.meta_key, None, false);
        entry.stored = Stored::Absent;
        entry.expired = false;
        self.touch(entry);
        if existed {
            self.changes += 1;
        }
        Ok(existed)
    }

    /// Takes what a key held out of the counts (but not if what replaces it counts alike), the expiry index and, but
    /// for `version`, the collections.
    pub(super) fn leave(
        &mut self,
        entry: &Entry,
        version: Option<key::Version>,
        expire_ms: Option<u64>,
        counts_alike: bool,
    ) {
        let Some(old) = entry.stored_meta() else { return };
        let index = self.index_of(entry.slot);
        if !counts_alike {
            self.counts.push((index, entry.namespace, bare(&old), -1));
        }
        let Entry { slot, namespace, .. } = *entry;
        if let Some(at_ms) = old.expire_ms
            && expire_ms != Some(at_ms)
        {
            let expiry = ExpiryKey { at_ms, slot, namespace, key: entry.key(), field: None }.encode();
            self.push(Family::Expiry, &expiry, None, false);
        }
        if let Some(head) = old.collection()
            && version != Some(head.version)
        {
            self.orphans.push((index, Orphan { slot, namespace, version: head.version }));
        }
    }

    /// Sets an element of the collection that `owner` holds. `key` is the Element key.
    pub fn put_element(&mut self, owner: &Entry, key: &[u8], value: &[u8]) {
        self.put_element_parts(owner, key, &[value]);
    }

    /// As [`Transaction::put_element`] with the value in parts, which are joined.
    pub fn put_element_parts(&mut self, owner: &Entry, key: &[u8], value: &[&[u8]]) {
        self.push(Family::Element, key, Some(value), false);
        self.touch(owner);
    }

    /// Removes an element of the collection that `owner` holds.
    pub fn remove_element(&mut self, owner: &Entry, key: &[u8]) {
        self.push(Family::Element, key, None, false);
        self.touch(owner);
    }

    /// Adds or removes the expiry-index entry of a hash field.
    pub fn index_field(&mut self, entry: &Entry, field: &[u8], at_ms: u64, present: bool) {
        let Entry { slot, namespace, .. } = *entry;
        let index = ExpiryKey { at_ms, slot, namespace, key: entry.key(), field: Some(field) }.encode();
        self.push(Family::Expiry, &index, if present { Some(&[]) } else { None }, false);
    }

    /// A collection version that was never used. Views have none to give.
    pub fn new_version(&mut self) -> key::Version {
        match self.partition(0) {
            Some(partition) => partition.shared.new_version(),
            None => 0,
        }
    }

    /// Counts one more change beside those of [`Transaction::put`] (Redis's "dirty").
    pub fn add_changes(&mut self, changes: u64) {
        self.changes += changes;
    }
}

fn bare(meta: &Meta<'_>) -> Meta<'static> {
    Meta { payload: b"", ..*meta }
}
