//! The ordered store under the keyspace, behind a trait: RocksDB in the daemon, a map in tests.
//!
//! An engine holds four families of ordered keys. Writes arrive in [`Batch`]es, each atomic over all families,
//! from one write-behind thread only. Reads say how deep they may go: a serving thread asks with
//! [`Tier::Memory`] and takes [`ReadError::NotInMemory`] for an answer; only I/O threads use [`Tier::Disk`].

pub mod memory;
#[cfg(feature = "rocks")]
pub mod rocks;

use std::fmt::Debug;
use std::path::Path;

/// A family of keys, ordered by bytes. The numbers index arrays and are not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Family {
    /// One entry per key: type, expiry, and the value if it is small.
    Meta = 0,
    /// One entry per element of a big collection.
    Element = 1,
    /// The index of what expires, by time.
    Expiry = 2,
    /// The server's own: format version, positions in the log, counts, namespaces, orphans.
    System = 3,
}

impl Family {
    /// All families, in the order of their numbers.
    pub const ALL: [Family; 4] = [Family::Meta, Family::Element, Family::Expiry, Family::System];

    /// What the family is called on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Meta => "meta",
            Family::Element => "element",
            Family::Expiry => "expiry",
            Family::System => "system",
        }
    }
}

/// How deep a read may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// What is in memory; never waits for a disk.
    Memory,
    /// Everything; may wait.
    Disk,
}

/// The engine failed: an I/O error or corruption. The process cannot go on as if nothing had happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineError(pub String);

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EngineError {}

/// Why a read gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// The answer is on disk and the read was bound to memory: ask again with [`Tier::Disk`] elsewhere.
    NotInMemory,
    /// The engine failed.
    Engine(EngineError),
}

impl From<EngineError> for ReadError {
    fn from(error: EngineError) -> Self {
        ReadError::Engine(error)
    }
}

/// Half-open range of keys; an empty upper bound is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Range {
    /// First key that may be in it.
    pub lower: Vec<u8>,
    /// First key that is past it.
    pub upper: Vec<u8>,
}

impl Range {
    /// All keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Range {
        Range { lower: prefix.to_vec(), upper: crate::encoding::key::successor(prefix).to_vec() }
    }

    /// Whether a key lies in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= &self.lower[..] && (self.upper.is_empty() || key < &self.upper[..])
    }
}

/// Takes a key and its value.
pub type PutEntry<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), EngineError> + 'a;

/// Bytes of a change: its own, or of whoever makes the batch.
pub type Bytes<'a> = std::borrow::Cow<'a, [u8]>;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// Sets a key.
    Put(Family, Bytes<'a>, Bytes<'a>),
    /// Removes a key.
    Delete(Family, Bytes<'a>),
    /// Removes all keys of a range.
    DeleteRange(Family, Range),
}

/// Changes that happen together or not at all, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch<'a>(pub Vec<Change<'a>>);

/// A key and its value, as an iterator shows them.
pub type EntryRef<'a> = (&'a [u8], &'a [u8]);

/// Walks a range in order. Not `Send`: stays on the thread that made it.
pub trait EngineIterator {
    /// The next entry.
    fn next(&mut self) -> Result<Option<EntryRef<'_>>, ReadError>;
}

/// What can be read, of the present or of a moment that was kept.
pub trait Read: Send + Sync + Debug {
    /// The value of a key.
    fn get(&self, family: Family, key: &[u8], tier: Tier) -> Result<Option<Vec<u8>>, ReadError>;

    /// The entries of a range, in order.
    fn iterate(&self, family: Family, range: &Range, tier: Tier) -> Box<dyn EngineIterator + '_>;

    /// The values of several keys in ascending order, which is cheaper than one by one. Reads from disk.
    fn get_many(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        keys.iter().map(|key| self.get(family, key, Tier::Disk)).collect()
    }
}

/// The store. See the module's documentation.
pub trait Engine: Read {
    /// Applies a batch. It is in memory when this returns; [`Engine::flush`] puts it on disk.
    fn write(&self, batch: Batch<'_>) -> Result<(), EngineError>;

    /// Keeps the present moment for reading, whatever is written later.
    fn snapshot(&self) -> Box<dyn Read>;

    /// Puts everything written so far on disk, all families together. With `wait` false only begins to.
    fn flush(&self, wait: bool) -> Result<(), EngineError>;

    /// Writes a copy of the store, as of the last flush, to a folder that does not exist yet; by hard links.
    fn checkpoint(&self, folder: &Path) -> Result<(), EngineError>;

    /// Rewrites a range so that what was removed gives its space back. Slow.
    fn compact(&self, family: Family, range: &Range);

    /// Drops files that hold nothing but keys of `range`, at once. The range must be dead.
    fn drop_files(&self, family: Family, range: &Range) -> Result<(), EngineError>;

    /// A number that the engine knows by name (RocksDB's integer properties), summed over families.
    fn property(&self, name: &str) -> Option<u64>;

    /// Bytes written since the last flush began, in memory.
    fn unflushed_bytes(&self) -> u64 {
        self.property("rocksdb.cur-size-active-mem-table").unwrap_or(0)
    }

    /// Ends background work; nothing may be written after.
    fn close(&self) {}
}
