//! Single entries: looked up through the command's own writes, the tables, and the engine.

use super::steps::steps_of;
use super::{Entry, Need, Pending, Source, Stop, Stored, Transaction, corrupt};
use crate::config::Events;
use crate::encoding::key::{self, KeyBuf, Namespace};
use crate::encoding::meta::Meta;
use crate::engine::{Family, ReadError};
use crate::keyspace::partition::Role;
use crate::keyspace::slot::{self, Slot};
use crate::keyspace::table::{Value, Write};

impl Transaction<'_> {
    pub(super) fn own_write(&self, family: Family, key: &[u8]) -> Option<Option<Value>> {
        let same = |pending: &&Pending| {
            pending.family == family && &pending.write.record[..pending.write.key_length] == key
        };
        let found = match &self.pending_index {
            None => self.pending.iter().rev().find(same),
            Some(index) => index.get(&(family, key.to_vec())).map(|&place| &self.pending[place]),
        }?;
        let Write { record, key_length, tombstone, .. } = &found.write;
        Some((!tombstone).then(|| Value::new(record.clone(), *key_length)))
    }

    /// Reads an entry. `slot` is the one that the key begins with.
    pub fn read(&mut self, family: Family, slot: Slot, key: &[u8]) -> Result<Option<Value>, Stop> {
        if !self.pending.is_empty()
            && let Some(own) = self.own_write(family, key)
        {
            return Ok(own);
        }
        let (now_s, tier, index) = (self.now_s(), self.reach.tier, self.index_of(slot));
        let read = match &mut self.source {
            Source::One(partition) => partition.read(family, key, tier, now_s),
            Source::All(partitions) => partitions[index].read(family, key, tier, now_s),
            Source::View(view) => return view.read(family, key),
        };
        match read {
            Ok((value, group)) => {
                self.read_group = self.read_group.max(group);
                if family == Family::Element {
                    let bytes = value.as_ref().map_or(0, |value| value.len());
                    self.steps_left = self.steps_left.saturating_sub(steps_of(bytes));
                }
                Ok(value)
            }
            Err(ReadError::NotInMemory) => Err(Stop::Need(vec![Need::Key(family, KeyBuf::from_slice(key))])),
            Err(ReadError::Engine(error)) => Err(Stop::Engine(error)),
        }
    }

    pub(super) fn place(&self, key: &[u8]) -> (Slot, KeyBuf) {
        let slot = slot::of_key(key);
        (slot, key::meta(slot, self.namespace, key))
    }

    /// Looks a key up. One whose time has come counts as absent, and is removed with this command's commit.
    pub fn entry(&mut self, key: &[u8]) -> Result<Entry, Stop> {
        self.entry_in(self.namespace, key)
    }

    /// Looks a key up in another database.
    pub fn entry_in(&mut self, namespace: Namespace, key: &[u8]) -> Result<Entry, Stop> {
        let slot = slot::of_key(key);
        let meta_key = key::meta(slot, namespace, key);
        let stored = self.read(Family::Meta, slot, &meta_key)?;
        self.found(slot, namespace, meta_key, stored)
    }

    /// What a look at a key found.
    pub(super) fn found(
        &mut self,
        slot: Slot,
        namespace: Namespace,
        meta_key: KeyBuf,
        stored: Option<Value>,
    ) -> Result<Entry, Stop> {
        let Some(value) = stored else {
            return Ok(Entry { slot, namespace, meta_key, stored: Stored::Absent, expired: false });
        };
        let meta = Meta::parse(&value).ok_or_else(corrupt)?;
        let expired = meta.is_expired(self.expiry_clock_ms());
        if expired && self.role == Role::Master && !self.expired.iter().any(|(other, _)| *other == meta_key) {
            self.expired.push((meta_key.clone(), self.index_of(slot)));
        }
        Ok(Entry { slot, namespace, meta_key, stored: Stored::Present(value), expired })
    }

    /// As [`Transaction::entry`], for commands that only read: counts keyspace hits and misses.
    pub fn lookup(&mut self, key: &[u8]) -> Result<Entry, Stop> {
        let entry = self.entry(key)?;
        self.count_look(&entry);
        Ok(entry)
    }

    /// Counts a look at a key, and tells of one that does not exist: for commands that look again at what they found.
    pub fn count_look(&mut self, entry: &Entry) {
        if entry.exists() {
            self.stats.0 += 1;
        } else {
            self.stats.1 += 1;
            self.notify(Events::KEY_MISS, "keymiss", entry);
        }
    }

    /// As [`Transaction::lookup`], without the event of a key that does not exist.
    pub fn lookup_quietly(&mut self, key: &[u8]) -> Result<Entry, Stop> {
        let entry = self.entry(key)?;
        if entry.exists() {
            self.stats.0 += 1;
        } else {
            self.stats.1 += 1;
        }
        Ok(entry)
    }

    /// The place of a key, for a write that does not care what was there (a plain SET): what it was is found
    /// out when the write reaches the engine. Uses what is in memory already.
    pub fn entry_blind(&mut self, key: &[u8]) -> Result<Entry, Stop> {
        // Whether the key is new, or its time has come, is then known only later.
        let told = self.wanted_events.contains(Events::NEW) || self.wanted_events.contains(Events::EXPIRED);
        if self.atomic || told {
            return self.entry(key);
        }
        let (slot, meta_key) = self.place(key);
        let (namespace, now_s, index) = (self.namespace, self.now_s(), self.index_of(slot));
        if let Some(own) = self.own_write(Family::Meta, &meta_key) {
            return self.found(slot, namespace, meta_key, own);
        }
        let Some(partition) = self.partition(index) else { return self.entry(key) };
        let table = &mut partition.tables[Family::Meta as usize];
        let Some(known) = table.get(&meta_key, now_s) else {
            if table.covers(&meta_key) {
                return self.found(slot, namespace, meta_key, None);
            }
            return Ok(Entry { slot, namespace, meta_key, stored: Stored::Unknown, expired: false });
        };
        let (value, group) = (known.value(), known.group());
        self.read_group = self.read_group.max(group);
        self.found(slot, namespace, meta_key, value)
    }

    /// Asks for several keys at once, so that those on disk are fetched together.
    pub fn prefetch<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) -> Result<(), Stop> {
        let mut needs = Vec::new();
        for key in keys {
            let (slot, meta_key) = self.place(key);
            self.gather(Family::Meta, slot, &meta_key, &mut needs)?;
        }
        if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
    }

    /// Asks for several entries at once; see [`Transaction::prefetch`].
    pub fn prefetch_elements(&mut self, slot: Slot, keys: &[KeyBuf]) -> Result<(), Stop> {
        let mut needs = Vec::new();
        for key in keys {
            self.gather(Family::Element, slot, key, &mut needs)?;
        }
        if needs.is_empty() { Ok(()) } else { Err(Stop::Need(needs)) }
    }

    pub(super) fn gather(
        &mut self,
        family: Family,
        slot: Slot,
        key: &[u8],
        needs: &mut Vec<Need>,
    ) -> Result<(), Stop> {
        match self.read(family, slot, key) {
            Ok(_) => Ok(()),
            Err(Stop::Need(more)) => {
                needs.extend(more);
                Ok(())
            }
            Err(other) => Err(other),
        }
    }
}
