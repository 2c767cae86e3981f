//! When a key was used last.

use super::{Entry, Transaction};
use crate::engine::Family;

impl Transaction<'_> {
    /// When a key was last used, Unix time in seconds.
    pub fn used_s(&mut self, entry: &Entry) -> Option<u32> {
        let index = self.index_of(entry.slot);
        self.partition(index)?.used_s(Family::Meta, &entry.meta_key)
    }

    /// Undoes the use of a key that looking it up was (OBJECT, TYPE, a client with NO-TOUCH).
    pub fn set_used_s(&mut self, entry: &Entry, used_s: u32) {
        let index = self.index_of(entry.slot);
        if let Some(partition) = self.partition(index) {
            partition.set_used_s(Family::Meta, &entry.meta_key, used_s);
        }
    }

    /// Says when a key that this command writes was last used, Unix time in seconds (RESTORE with IDLETIME).
    pub fn set_used_on_commit(&mut self, entry: &Entry, used_s: u32) {
        self.used.push((entry.slot, entry.meta_key.clone(), used_s));
    }

    /// When a key was last used, Unix time in seconds, found without using it.
    pub fn peek_used_s(&mut self, key: &[u8]) -> Option<u32> {
        let (slot, meta_key) = self.place(key);
        let index = self.index_of(slot);
        self.partition(index)?.used_s(Family::Meta, &meta_key)
    }

    /// Sets when a key was last used, Unix time in seconds, if it is in memory; see [`Transaction::peek_used_s`].
    pub fn restore_used_s(&mut self, key: &[u8], used_s: u32) {
        let (slot, meta_key) = self.place(key);
        let index = self.index_of(slot);
        if let Some(partition) = self.partition(index) {
            partition.set_used_s(Family::Meta, &meta_key, used_s);
        }
    }
}
