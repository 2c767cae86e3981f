//! Of which parts of the key space a table holds all that the engine does.
//!
//! A namespace that began while its partition ran (all of them in a new store, and the new one of each FLUSHDB) has
//! nothing in the engine that did not go through the table. Until an entry of it is evicted, what the table lacks
//! does not exist: a new key costs no look at the engine's filters, and is not written blindly. That is kept by slot,
//! since eviction goes by entries: a slot that lost one is asked about from then on, and the others are not.

use super::slot::{SLOTS, Slot};
use crate::encoding::key::Namespace;

/// See the module's documentation. For families whose keys begin with slot and namespace.
#[derive(Debug)]
pub struct Coverage {
    /// For each slot the lowest namespace that is covered; those above it are.
    from: Vec<Namespace>,
}

impl Coverage {
    /// The engine has nothing of the namespaces from `first` on.
    pub fn from(first: Namespace) -> Coverage {
        Coverage { from: vec![first; usize::from(SLOTS)] }
    }

    /// Whether the engine has no key but those that the table holds, where `key` belongs.
    pub fn covers(&self, key: &[u8]) -> bool {
        place(key).is_some_and(|(slot, namespace)| {
            self.from.get(usize::from(slot)).is_some_and(|&from| namespace >= from)
        })
    }

    /// The table lets a key go that the engine has.
    pub fn lose(&mut self, key: &[u8]) {
        let Some((slot, namespace)) = place(key) else { return };
        if let Some(from) = self.from.get_mut(usize::from(slot)) {
            *from = (*from).max(namespace.saturating_add(1));
        }
    }
}

/// Slot and namespace of a key of Meta or Element.
fn place(key: &[u8]) -> Option<(Slot, Namespace)> {
    let slot = Slot::from_be_bytes(key.get(..2)?.try_into().ok()?);
    let namespace = Namespace::from_be_bytes(key.get(2..6)?.try_into().ok()?);
    Some((slot, namespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::key;

    #[test]
    fn a_slot_is_covered_until_it_loses_a_key_and_again_in_a_later_namespace() {
        let mut coverage = Coverage::from(16);
        let meta = |slot, namespace| key::meta(slot, namespace, b"k");
        assert!(!coverage.covers(&meta(7, 15)), "it was there before");
        assert!(coverage.covers(&meta(7, 16)) && coverage.covers(&meta(7, 40)));
        coverage.lose(&meta(7, 20));
        assert!(!coverage.covers(&meta(7, 16)) && !coverage.covers(&meta(7, 20)));
        assert!(coverage.covers(&meta(7, 21)), "what a flushed database shows next");
        assert!(coverage.covers(&meta(8, 16)) && coverage.covers(&meta(SLOTS - 1, 16)));
        coverage.lose(&meta(7, 3));
        assert!(coverage.covers(&meta(7, 21)));
        assert!(!coverage.covers(b"short"));
    }
}
