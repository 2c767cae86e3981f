//! Several commands in one transaction, one after another: each sees what those before it wrote, and one that fails
//! leaves nothing (a script that runs in place).

use std::collections::BTreeMap;

use super::{Transaction, write_command};
use crate::encoding::key::KeyBuf;
use crate::engine::{Family, Range};
use crate::keyspace::slot::Slot;
use crate::keyspace::table::DirtyEntry;

/// Where a command begins: what is behind it can be undone.
#[derive(Debug)]
#[must_use = "a command that began has to end"]
pub struct Step {
    pending: usize,
    counts: usize,
    orphans: usize,
    effects: usize,
    effect_count: usize,
    touched: Vec<KeyBuf>,
    rare: RareStep,
    events: usize,
    changes: u64,
    slots: Option<(Slot, Slot)>,
}

/// How far [`super::Rare`] is.
#[derive(Debug, Default)]
struct RareStep {
    flushed: usize,
    swapped: Option<(usize, usize)>,
    spared: usize,
    used: usize,
}

impl Transaction<'_> {
    fn rare_step(&self) -> RareStep {
        self.rare.as_ref().map_or_else(RareStep::default, |rare| RareStep {
            flushed: rare.flushed.len(),
            swapped: rare.swapped,
            spared: rare.spared.len(),
            used: rare.used.len(),
        })
    }

    /// A command begins.
    pub fn begin_step(&mut self) -> Step {
        Step {
            pending: self.pending.len(),
            counts: self.counts.len(),
            orphans: self.orphans.len(),
            effects: self.effects.len(),
            effect_count: self.effect_count,
            // What a command says about all that it touched is not about those before it.
            touched: std::mem::take(&mut self.touched),
            rare: self.rare_step(),
            events: self.events.len(),
            changes: self.changes,
            slots: self.slots,
        }
    }

    /// The command has come to its end; `words` is what it was, for the log, unless it gave effects of its own.
    /// Returns whether it wrote.
    pub fn end_step<'w>(&mut self, step: Step, words: impl Iterator<Item = &'w [u8]> + Clone) -> bool {
        let rare = self.rare_step();
        let wrote = self.pending.len() > step.pending
            || rare.flushed > step.rare.flushed
            || rare.swapped != step.rare.swapped;
        if !wrote {
            self.effects.truncate(step.effects);
            self.effect_count = step.effect_count;
        } else if self.effect_count == step.effect_count {
            write_command(&mut self.effects, words);
            self.effect_count += 1;
        }
        let touched = std::mem::replace(&mut self.touched, step.touched);
        self.touched.extend(touched);
        wrote
    }

    /// The command failed: nothing of it happens.
    pub fn undo_step(&mut self, step: Step) {
        if self.pending.len() > step.pending {
            self.pending.truncate(step.pending);
            self.pending_index = None;
            self.index_pending();
        }
        self.counts.truncate(step.counts);
        self.orphans.truncate(step.orphans);
        self.effects.truncate(step.effects);
        self.effect_count = step.effect_count;
        self.touched = step.touched;
        if let Some(rare) = &mut self.rare {
            rare.flushed.truncate(step.rare.flushed);
            rare.swapped = step.rare.swapped;
            rare.spared.truncate(step.rare.spared);
            rare.used.truncate(step.rare.used);
        }
        self.events.truncate(step.events);
        self.changes = step.changes;
        self.slots = step.slots;
    }

    /// How many writes wait for the end.
    pub fn pending_writes(&self) -> usize {
        self.pending.len()
    }

    /// What this transaction itself wrote into a range, in order; of several writes of a key the last.
    pub(super) fn own_in(&self, family: Family, range: &Range) -> Vec<DirtyEntry> {
        let mut own = BTreeMap::new();
        for pending in self.pending.iter().filter(|pending| pending.family == family) {
            let key = &pending.write.record[..pending.write.key_length];
            if range.contains(key) {
                own.insert(key, DirtyEntry::own(&pending.write));
            }
        }
        own.into_values().collect()
    }
}

/// Entries in order, those of `own` in the place of others of their keys.
pub(super) fn overlaid(dirty: Vec<DirtyEntry>, own: &[DirtyEntry]) -> Vec<DirtyEntry> {
    if own.is_empty() {
        return dirty;
    }
    let mut all: BTreeMap<Vec<u8>, DirtyEntry> =
        dirty.into_iter().map(|entry| (entry.key().to_vec(), entry)).collect();
    all.extend(own.iter().map(|entry| (entry.key().to_vec(), entry.clone())));
    all.into_values().collect()
}
