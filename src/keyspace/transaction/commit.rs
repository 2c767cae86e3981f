//! The end of a command: all of it happens, or nothing.

use super::{Entry, Event, Pending, Rare, Source, Transaction};
use crate::config::Events;
use crate::encoding::key::{self, MetaKey};
use crate::engine::Family;
use crate::keyspace::partition::Role;
use crate::keyspace::shared::write_select;
use crate::keyspace::slot::{self, Slot};
use crate::keyspace::table::Group;
use crate::keyspace::watch::Change;

impl Transaction<'_> {
    /// Adds a command to what the log gets in place of the command as it came.
    pub fn effect(&mut self, words: &[&[u8]]) {
        write_command(&mut self.effects, words.iter().copied());
        self.effect_count += 1;
    }

    /// Says in the log, before the command's own effects, that a field of a hash is gone because its time had come: a
    /// slave, which keeps no time, has it still. The caller removes it, and counts no change for it.
    pub fn lapse_field(&mut self, entry: &Entry, field: &[u8]) {
        let (count, effects) = &mut self.rare().lapsed_fields;
        write_command(effects, [&b"HDEL"[..], entry.key(), field].into_iter());
        *count += 1;
    }

    /// Notes that what the command reads depends on a field being due.
    pub fn note_due_field(&mut self) {
        self.met_due_field |= self.role == Role::Master;
    }

    /// Whether what the command read depends on a field being due, which a slave would read: what it writes has to be
    /// said in words that do not read it.
    pub fn has_met_due_field(&self) -> bool {
        self.met_due_field
    }

    /// Takes back that the last write counted as a change.
    pub fn discount_change(&mut self) {
        self.changes = self.changes.saturating_sub(1);
    }

    /// Whether the command changed anything so far.
    pub fn has_written(&self) -> bool {
        let rare =
            |rare: &Rare| !rare.flushed.is_empty() || rare.swapped.is_some() || rare.functions.is_some();
        !self.pending.is_empty() || self.rare.as_deref().is_some_and(rare)
    }

    /// Commits. `words` is the command as it came, for the log, unless it gave effects of its own.
    pub fn commit<'w>(mut self, words: impl Iterator<Item = &'w [u8]> + Clone) -> Committed {
        self.count_lookups();
        // One that found nothing but fields whose time had come has done nothing itself.
        let lapsed = self.rare.as_mut().map(|rare| std::mem::take(&mut rare.lapsed_fields));
        let only_lapsed = lapsed.as_ref().is_some_and(|(count, _)| *count > 0)
            && self.changes == 0
            && self.effect_count == 0;
        let written = self.has_written() && !only_lapsed;
        let mut removals = if self.expired.is_empty() { (0, Vec::new()) } else { self.remove_expired() };
        if let Some((count, fields)) = lapsed {
            removals.0 += count;
            removals.1.extend_from_slice(&fields);
            if let Some(partition) = self.partition(0) {
                partition.stats.expired_fields += count as u64;
            }
        }
        let events = std::mem::take(&mut self.events);
        if !events.is_empty()
            && let Some(partition) = self.partition(0)
        {
            partition.events.extend(events);
        }
        if matches!(self.source, Source::View(_)) || (!written && removals.0 == 0) {
            if !self.touched.is_empty() {
                self.tell_touched();
            }
            return Committed { group: self.read_group, wrote: false, barrier: false };
        }
        self.apply(&removals, if written { Some(words) } else { None })
    }

    /// Removes the keys whose time has come and that the command met, and says so in the log, before the
    /// command's own effects: a slave that keeps no time must see the same. How many these are, and they.
    pub(super) fn remove_expired(&mut self) -> (usize, Vec<u8>) {
        let (mut count, mut effects) = (0, Vec::new());
        for (meta_key, index) in std::mem::take(&mut self.expired) {
            if matches!(self.source, Source::View(_)) || self.keeps_due {
                continue;
            }
            let key = meta_key[key::META_PREFIX..].to_vec();
            let namespace = MetaKey::parse(&meta_key).map_or(self.namespace, |place| place.namespace);
            let Some(database) = self.database_of(namespace) else { continue };
            // MOVE and COPY look at a key of another database than the client's.
            let elsewhere = database != self.database;
            if elsewhere {
                write_select(&mut effects, database);
            }
            write_command(&mut effects, [&b"DEL"[..], &key].into_iter());
            count += 1;
            if elsewhere {
                write_select(&mut effects, self.database);
                count += 2;
            }
            if let Some(partition) = self.partition(index) {
                partition.stats.expired_keys += 1;
            }
            if self.wanted_events.contains(Events::EXPIRED) {
                let key = key.clone();
                self.events.insert(0, Event { class: Events::EXPIRED, name: "expired", database, key });
            }
            if self.own_write(Family::Meta, &meta_key).is_none()
                && let Ok(mut entry) = self.entry_in(namespace, &key)
            {
                let (changes, touched) = (self.changes, self.touched.len());
                // The key was read a moment ago: it is in memory.
                let _ = self.remove(&mut entry);
                self.changes = changes;
                self.rare.get_or_insert_default().lapsed.extend(self.touched.drain(touched..));
            }
        }
        self.expired.clear();
        (count, effects)
    }

    /// Tells whoever watches or follows keys of those that changed.
    fn tell_touched(&mut self) {
        let (lapsed, spared) = match &mut self.rare {
            Some(rare) => (std::mem::take(&mut rare.lapsed), std::mem::take(&mut rare.spared)),
            None => (Vec::new(), Vec::new()),
        };
        for (keys, by) in [(lapsed, Change::Time), (spared, Change::Aside)] {
            for meta_key in keys {
                let index = self.index_of(Slot::from_be_bytes([meta_key[0], meta_key[1]]));
                if let Some(partition) = self.partition(index) {
                    partition.watchers.touch_spared(&meta_key);
                    if partition.follows {
                        partition.touched.push((meta_key, by));
                    }
                }
            }
        }
        let by = if self.by_time { Change::Time } else { Change::Command };
        for meta_key in std::mem::take(&mut self.touched) {
            let index = self.index_of(Slot::from_be_bytes([meta_key[0], meta_key[1]]));
            if let Some(partition) = self.partition(index) {
                partition.watchers.touch(&meta_key);
                if partition.follows {
                    partition.touched.push((meta_key, by));
                }
            }
        }
    }

    pub(super) fn apply<'w>(
        &mut self,
        (removal_count, removals): &(usize, Vec<u8>),
        words: Option<impl Iterator<Item = &'w [u8]> + Clone>,
    ) -> Committed {
        let now_s = self.now_s();
        self.tell_touched();
        let barrier = matches!(self.source, Source::All(_));
        for (index, namespace, meta, sign) in std::mem::take(&mut self.counts) {
            if let Some(partition) = self.partition(index) {
                partition.counts.of_mut(namespace).add_key(&meta, sign);
            }
        }
        for (index, orphan) in std::mem::take(&mut self.orphans) {
            if let Some(partition) = self.partition(index) {
                partition.orphans.push(orphan);
            }
        }
        let one = matches!(self.source, Source::One(_));
        for Pending { family, write } in std::mem::take(&mut self.pending) {
            let slot = match family {
                _ if one => 0,
                Family::Expiry => {
                    key::ExpiryKey::parse(&write.record[..write.key_length]).map_or(0, |k| k.slot)
                }
                _ => Slot::from_be_bytes([write.record[0], write.record[1]]),
            };
            let index = self.index_of(slot);
            if let Some(partition) = self.partition(index) {
                partition.commit_write(family, write, now_s);
            }
        }
        if let Some(rare) = self.rare.take() {
            for (slot, meta_key, used_s) in rare.used {
                let index = self.index_of(slot);
                if let Some(partition) = self.partition(index) {
                    partition.set_used_s(Family::Meta, &meta_key, used_s);
                }
            }
            self.apply_databases(&rare.flushed, rare.swapped);
            self.apply_functions(rare.functions);
        }
        let (now_ms, database, changes) = (self.now_ms, self.database, self.changes);
        let slots = self.slots.unwrap_or((0, slot::SLOTS - 1));
        let effects = std::mem::take(&mut self.effects);
        let mut length = removals.len() + effects.len();
        if effects.is_empty() {
            length +=
                words.clone().into_iter().flatten().map(|word| word.len() + WORD_OVERHEAD).sum::<usize>();
        }
        let commands = removal_count + if words.is_some() { self.effect_count.max(1) } else { 0 };
        let group = match self.partition(0) {
            Some(partition) => {
                partition.stats.changes += changes;
                let payload = partition.begin_effects(database, now_ms, slots, (commands, length));
                payload.extend_from_slice(removals);
                match words {
                    Some(words) if effects.is_empty() => write_command(payload, words),
                    _ => payload.extend_from_slice(&effects),
                }
                partition.end_effects(commands);
                partition.open_group()
            }
            None => 0,
        };
        Committed { group, wrote: true, barrier }
    }

    pub(in crate::keyspace) fn expired_count(&self) -> usize {
        self.expired.len()
    }

    /// Gives up: nothing of the command happens, but that it has looked. Says which group's data it read.
    pub fn abandon(mut self) -> Group {
        self.count_lookups();
        let mut events = std::mem::take(&mut self.events);
        events.retain(|event| event.class == Events::KEY_MISS);
        if !events.is_empty()
            && let Some(partition) = self.partition(0)
        {
            partition.events.extend(events);
        }
        self.read_group
    }

    fn count_lookups(&mut self) {
        let (hits, misses) = self.stats;
        if let Some(partition) = self.partition(0) {
            partition.stats.keyspace_hits += hits;
            partition.stats.keyspace_misses += misses;
        }
    }
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The reply may leave when the log has this group (of the first partition).
    pub group: Group,
    /// Whether anything changed.
    pub wrote: bool,
    /// Whether it changed several partitions at once: they hand off together.
    pub barrier: bool,
}

/// What a word of a command takes beside its bytes, at most; bytes.
const WORD_OVERHEAD: usize = 16;

/// Appends a command in RESP.
pub fn write_command<'w>(out: &mut Vec<u8>, words: impl Iterator<Item = &'w [u8]> + Clone) {
    let count = words.clone().count();
    // Every write comes by here; most numbers have one digit or two.
    let header = |out: &mut Vec<u8>, kind: u8, number: usize| match number {
        0..10 => out.extend_from_slice(&[kind, b'0' + number as u8, b'\r', b'\n']),
        10..100 => {
            let (tens, ones) = (number as u8 / 10, number as u8 % 10);
            out.extend_from_slice(&[kind, b'0' + tens, b'0' + ones, b'\r', b'\n']);
        }
        _ => {
            out.extend_from_slice(&[kind]);
            out.extend_from_slice(crate::number::Decimal::new(number as i64).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    };
    header(out, b'*', count);
    for word in words {
        out.reserve(word.len() + WORD_OVERHEAD);
        header(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}
