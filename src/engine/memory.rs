//! The engine's in-memory twin: the same behaviour without a disk, for tests of all that stands above it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, RwLock};

use super::*;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// Four ordered maps behind a lock. Cloning shares them.
///
/// Every read counts as "in memory", but for the keys given to [`MemoryEngine::make_cold`], so that tests
/// meet the same misses as a server whose data outgrew its memory.
#[derive(Debug, Default, Clone)]
pub struct MemoryEngine {
    families: Arc<RwLock<[Map; 4]>>,
    cold: Arc<std::sync::atomic::AtomicBool>,
}

impl MemoryEngine {
    /// An empty store.
    pub fn new() -> MemoryEngine {
        MemoryEngine::default()
    }

    /// From now on no read is answered with [`Tier::Memory`] (or all again are).
    pub fn make_cold(&self, cold: bool) {
        self.cold.store(cold, std::sync::atomic::Ordering::Relaxed);
    }

    /// A copy that shares nothing: what would be on disk after a crash now.
    pub fn fork(&self) -> MemoryEngine {
        let families = self.families.read().expect("no panic while locked").clone();
        MemoryEngine { families: Arc::new(RwLock::new(families)), cold: Arc::default() }
    }

    /// All entries of a family.
    pub fn dump(&self, family: Family) -> Vec<(Vec<u8>, Vec<u8>)> {
        let families = self.families.read().expect("no panic while locked");
        families[family as usize].iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn misses(&self, tier: Tier) -> bool {
        tier == Tier::Memory && self.cold.load(std::sync::atomic::Ordering::Relaxed)
    }
}

struct Walk {
    entries: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    current: (Vec<u8>, Vec<u8>),
    cold: bool,
}

impl EngineIterator for Walk {
    fn next(&mut self) -> Result<Option<EntryRef<'_>>, ReadError> {
        if self.cold {
            return Err(ReadError::NotInMemory);
        }
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.current = entry;
        Ok(Some((&self.current.0, &self.current.1)))
    }
}

impl Read for MemoryEngine {
    fn get(&self, family: Family, key: &[u8], tier: Tier) -> Result<Option<Vec<u8>>, ReadError> {
        if self.misses(tier) {
            return Err(ReadError::NotInMemory);
        }
        Ok(self.families.read().expect("no panic while locked")[family as usize].get(key).cloned())
    }

    fn iterate(&self, family: Family, range: &Range, tier: Tier) -> Box<dyn EngineIterator + '_> {
        let families = self.families.read().expect("no panic while locked");
        let upper =
            if range.upper.is_empty() { Bound::Unbounded } else { Bound::Excluded(range.upper.clone()) };
        let empty = !range.upper.is_empty() && range.upper <= range.lower;
        let entries: Vec<_> = if empty {
            Vec::new()
        } else {
            families[family as usize]
                .range((Bound::Included(range.lower.clone()), upper))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        Box::new(Walk { entries: entries.into_iter(), current: Default::default(), cold: self.misses(tier) })
    }
}

impl Engine for MemoryEngine {
    fn write(&self, batch: Batch<'_>) -> Result<(), EngineError> {
        let mut families = self.families.write().expect("no panic while locked");
        for change in batch.0 {
            match change {
                Change::Put(family, key, value) => {
                    families[family as usize].insert(key.into_owned(), value.into_owned());
                }
                Change::Delete(family, key) => {
                    families[family as usize].remove(&key[..]);
                }
                Change::DeleteRange(family, range) => {
                    families[family as usize].retain(|key, _| !range.contains(key));
                }
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Box<dyn Read> {
        Box::new(self.fork())
    }

    fn flush(&self, _wait: bool) -> Result<(), EngineError> {
        Ok(())
    }

    fn checkpoint(&self, _folder: &Path) -> Result<(), EngineError> {
        Err(EngineError("the in-memory engine has no files".into()))
    }

    fn compact(&self, _family: Family, _range: &Range) {}

    fn drop_files(&self, _family: Family, _range: &Range) -> Result<(), EngineError> {
        Ok(())
    }

    fn property(&self, _name: &str) -> Option<u64> {
        None
    }
}
