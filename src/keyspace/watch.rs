//! WATCH: which clients' transactions a change of a key makes void.
//!
//! A client's [`Watch`] is shared by its connection and by the partitions of the keys that it watches. The partitions
//! mark it; EXEC looks at it while it holds them. A client that forgets its keys drops its watch and begins a new
//! one: partitions only hold weak references, and sweep those that point at nothing now and then.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use crate::encoding::key::{KeyBuf, MetaKey, Namespace};

/// By what a key changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// By a command.
    Command,
    /// Its time had come.
    Time,
    /// By a command, in what is no change to who watches or tracks the key: a stream's consumer groups.
    Aside,
}

/// The keys that one client watches, all together.
#[derive(Debug)]
pub struct Watch {
    changed: AtomicBool,
    /// Bytes of the names of all that is watched, and how many names those are.
    names: (AtomicUsize, AtomicUsize),
    /// The earliest time at which one of the keys expires that existed when they were watched; Unix time in ms.
    expires_ms: AtomicU64,
    /// Also changes that WATCH is spared count.
    strict: bool,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch {
            changed: AtomicBool::new(false),
            names: Default::default(),
            expires_ms: AtomicU64::new(u64::MAX),
            strict: false,
        }
    }
}

impl Watch {
    /// How many bytes the names have of all that is watched, and how many names there are.
    pub fn names(&self) -> (usize, usize) {
        (self.names.0.load(Ordering::Relaxed), self.names.1.load(Ordering::Relaxed))
    }

    /// One that notices every change of what a key holds, also of a stream's consumer groups, which are no change to
    /// WATCH.
    pub fn strict() -> Watch {
        Watch { strict: true, ..Watch::default() }
    }

    /// Whether EXEC must not run: a key changed, or its time has come since.
    pub fn is_void(&self, now_ms: u64) -> bool {
        self.changed.load(Ordering::Acquire) || self.expires_ms.load(Ordering::Acquire) <= now_ms
    }

    /// Whether a key changed, by whatever but time.
    pub fn is_changed(&self) -> bool {
        self.changed.load(Ordering::Acquire)
    }

    fn mark(&self) {
        self.changed.store(true, Ordering::Release);
    }
}

/// Who watches which keys of a partition.
#[derive(Debug, Default)]
pub struct Watchers {
    by_key: HashMap<KeyBuf, Vec<Weak<Watch>>, ahash::RandomState>,
    sweep_at: usize,
}

impl Watchers {
    /// Adds a watch of a key, by its Meta key. `expire_ms` is when the key expires, if it exists.
    pub fn add(&mut self, meta_key: &[u8], expire_ms: Option<u64>, watch: &Arc<Watch>) {
        /// Below, dead references are not worth looking for.
        const FEW: usize = 1024;
        watch.names.0.fetch_add(meta_key.len(), Ordering::Relaxed);
        watch.names.1.fetch_add(1, Ordering::Relaxed);
        if let Some(at_ms) = expire_ms {
            watch.expires_ms.fetch_min(at_ms, Ordering::AcqRel);
        }
        if self.by_key.len() >= self.sweep_at.max(FEW) {
            self.by_key.retain(|_, watches| {
                watches.retain(|watch| watch.strong_count() > 0);
                !watches.is_empty()
            });
            self.sweep_at = 2 * self.by_key.len();
        }
        let watches = self.by_key.entry(KeyBuf::from_slice(meta_key)).or_default();
        watches.retain(|watch| watch.strong_count() > 0);
        watches.push(Arc::downgrade(watch));
    }

    /// Whether nobody watches.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// A key changed.
    pub fn touch(&mut self, meta_key: &[u8]) {
        if let Some(watches) = self.by_key.remove(meta_key) {
            watches.iter().filter_map(Weak::upgrade).for_each(|watch| watch.mark());
        }
    }

    /// A key changed in what is no change to WATCH.
    pub fn touch_spared(&mut self, meta_key: &[u8]) {
        if let Some(watches) = self.by_key.get(meta_key) {
            watches
                .iter()
                .filter_map(Weak::upgrade)
                .filter(|watch| watch.strict)
                .for_each(|watch| watch.mark());
        }
    }

    /// The watched keys of a namespace, by their Meta keys.
    pub fn keys_of(&self, namespace: Namespace) -> Vec<KeyBuf> {
        let in_it = |key: &&KeyBuf| MetaKey::parse(key).is_some_and(|key| key.namespace == namespace);
        self.by_key.keys().filter(in_it).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::key;

    #[test]
    fn a_change_marks_all_who_watch_and_nobody_else() {
        let mut watchers = Watchers::default();
        let (one, other) = (Arc::new(Watch::default()), Arc::new(Watch::default()));
        watchers.add(b"k", None, &one);
        watchers.add(b"j", None, &other);
        watchers.touch(b"k");
        assert_eq!((one.is_void(0), other.is_void(0)), (true, false));
    }

    #[test]
    fn a_key_that_expires_voids_without_being_touched() {
        let mut watchers = Watchers::default();
        let watch = Arc::new(Watch::default());
        watchers.add(b"k", Some(5), &watch);
        watchers.add(b"j", Some(9), &watch);
        assert_eq!((watch.is_void(4), watch.is_void(5)), (false, true));
    }

    #[test]
    fn dropped_watches_are_swept() {
        let mut watchers = Watchers::default();
        for number in 0..10_000u32 {
            watchers.add(&key::meta(0, 1, &number.to_be_bytes()), None, &Arc::new(Watch::default()));
        }
        assert!(watchers.by_key.len() <= 1024, "{} are left", watchers.by_key.len());
        let kept = Arc::new(Watch::default());
        watchers.add(&key::meta(0, 2, b"k"), None, &kept);
        assert_eq!(watchers.keys_of(2), [key::meta(0, 2, b"k")]);
    }
}
