//! What partitions note beside the data: when a key was used last, and which elements were drawn ahead of need.

use super::{Entry, Transaction};
use crate::encoding::key::KeyBuf;
use crate::engine::Family;
use crate::keyspace::drawn::{Drawn, Names};
use crate::keyspace::slot::Slot;

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
        self.rare().used.push((entry.slot, entry.meta_key.clone(), used_s));
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

    /// The next name that was drawn from a collection of `len` elements, whose Element keys begin with `prefix`.
    pub fn next_drawn(&mut self, prefix: &[u8], len: u64) -> Option<&[u8]> {
        self.drawn(prefix)?.next(prefix, len)
    }

    /// Has the processor fetch the elements that are drawn next, if it is time to. `key_of` makes an Element key of a name.
    pub fn fetch_drawn_ahead(&mut self, prefix: &[u8], key_of: impl Fn(&[u8]) -> KeyBuf) {
        let Some(slot) = prefix.first_chunk().copied().map(Slot::from_be_bytes) else { return };
        let index = self.index_of(slot);
        let Some(partition) = self.partition(index) else { return };
        let upcoming = partition.drawn.upcoming(prefix);
        if !upcoming.is_empty() {
            let keys: Vec<KeyBuf> = upcoming.iter().map(|name| key_of(name)).collect();
            partition.tables[Family::Element as usize].fetch_ahead(keys.iter().map(|key| &key[..]));
        }
    }

    /// The name that [`Transaction::next_drawn`] told was taken, or does not exist.
    pub fn advance_drawn(&mut self, prefix: &[u8]) {
        if let Some(drawn) = self.drawn(prefix) {
            drawn.advance(prefix);
        }
    }

    /// Keeps names that were drawn from a collection. A view keeps none.
    pub fn keep_drawn(&mut self, prefix: KeyBuf, names: Names) {
        if let Some(drawn) = self.drawn(&prefix) {
            drawn.keep(prefix, names);
        }
    }

    fn drawn(&mut self, prefix: &[u8]) -> Option<&mut Drawn> {
        let slot = Slot::from_be_bytes(prefix.first_chunk().copied()?);
        let index = self.index_of(slot);
        Some(&mut self.partition(index)?.drawn)
    }
}
