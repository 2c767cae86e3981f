//! How a command runs beside others: within EXEC, watched, while clients are paused.

use std::sync::Arc;

use super::{Entry, Stop, Transaction};
use crate::encoding::meta::Meta;
use crate::keyspace::watch::Watch;

impl Transaction<'_> {
    /// Says that this is one command of several that happen together (EXEC): none of them is blind, so that the others
    /// may ask for counts.
    pub fn set_atomic(&mut self, atomic: bool) {
        self.atomic = atomic;
    }

    /// Says that keys whose time has come stay where they are, hidden, unless the command writes them.
    pub fn keep_due(&mut self, keeps: bool) {
        self.keeps_due = keeps;
    }

    /// Marks `watch` when the key changes.
    pub fn watch(&mut self, entry: &Entry, watch: &Arc<Watch>) {
        let expire_ms = entry.meta().and_then(|meta| meta.expire_ms);
        let index = self.index_of(entry.slot);
        if let Some(partition) = self.partition(index) {
            partition.watchers.add(&entry.meta_key, expire_ms, watch);
        }
    }

    /// Says that what this command has changed so far is no change to who watches the keys (as in Redis, where these
    /// are changes of a consumer group).
    pub fn spare_watches(&mut self) {
        if !self.touched.is_empty() {
            let mut touched = std::mem::take(&mut self.touched);
            self.rare().spared.append(&mut touched);
        }
    }

    /// Sets what a key holds, where only OBJECT ENCODING can tell: it does not count as a change, nor to who watches.
    pub fn put_quietly(&mut self, entry: &mut Entry, meta: &Meta<'_>) -> Result<(), Stop> {
        let (changes, touched) = (self.changes, self.touched.len());
        self.put(entry, meta)?;
        self.changes = changes;
        self.rare.get_or_insert_default().spared.extend(self.touched.drain(touched..));
        Ok(())
    }

    /// Says that what it changed so far, changed since its time had come, and by nobody's command.
    pub(in crate::keyspace) fn changed_by_time(&mut self) {
        self.by_time = true;
    }
}
