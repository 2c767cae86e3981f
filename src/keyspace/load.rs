//! Loading a whole data set beside the one that is served: an RDB file, an AOF, a full synchronisation.
//!
//! The new data goes into *hidden* namespaces, which no database shows. So the old data stays whole and can be read
//! until the last key is there and the file's checksum was right; then [`Switch`] makes the databases show the new
//! namespaces, in one batch of the store. Before its first key each hidden namespace is marked in the store
//! (`loading/`): a crash leaves marks of a load that did not end, and the next start has their keys dropped.
//!
//! Nothing of it goes through the log: the data is in the store's files before it is shown.
//!
//! A [`Loader`] is a partition of all slots, which runs on any thread and does not read nor write what the server's
//! partitions own; what it gathers leaves it as hand-offs, which [`LoadWriter`] writes, on the thread that writes the
//! store.

use std::sync::Arc;

use super::counts::AllCounts;
use super::namespace::Namespaces;
use super::partition::{Partition, Role, Shared};
use super::transaction::{Reach, Source, Stop, Transaction};
use super::write_behind::{self, Applied, HandOff, WriteBehind};
use crate::commands::Settings;
use crate::encoding::key::{self, Namespace, Version};
use crate::encoding::meta::Type;
use crate::engine::{
    Batch, Change, Engine, EngineError, EngineIterator, Family, Range, Read, ReadError, Tier,
};
use crate::rdb::{KeyItem, Value};
use crate::scripting::{Library, Registry};

pub mod checkpoint;
mod commands;
mod patch;
mod switch;
mod tally;
#[cfg(test)]
mod tests;

pub use patch::{Patch, Patched, Patcher};
pub use switch::{LogRestart, RESTART_KEY, STREAM_DATABASE_KEY, Switch, restarted};
pub use tally::Tally;

/// System keys that mark hidden namespaces while they are loaded: this and the namespace, `u32` big-endian.
pub const LOADING_PREFIX: &[u8] = b"loading/";

/// How far hidden namespaces begin behind those in use: the served data may be flushed so often while a load runs.
pub(in crate::keyspace) const GAP: Namespace = 1 << 16;

/// Why a load ended before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// A key is of a database that this server does not have.
    Database {
        /// Its number.
        number: u64,
        /// How many there are.
        of: usize,
    },
    /// A command of an AOF is unknown, or was refused.
    Refused {
        /// The command's name.
        command: String,
        /// Why.
        error: String,
    },
    /// The store failed.
    Engine(EngineError),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LoadError::Database { number, of } => {
                write!(f, "it has keys of database {number}, and there are {of} here: raise `databases`")
            }
            LoadError::Refused { command, error } => write!(f, "{command} is refused: {error}"),
            LoadError::Engine(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<EngineError> for LoadError {
    fn from(error: EngineError) -> LoadError {
        LoadError::Engine(error)
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Loader {
    partition: Box<Partition>,
    settings: Settings,
    first_namespace: Namespace,
    /// What was loaded.
    pub tally: Tally,
}

/// Where a load begins: what of the served data it must keep clear of.
#[derive(Debug, Clone)]
pub struct Begin {
    /// The databases as the store has them.
    pub namespaces: Namespaces,
    /// The lowest collection version not in use.
    pub next_version: Version,
}

impl Loader {
    /// Begins to load beside what `engine` has.
    pub fn new(engine: Arc<dyn Engine>, begin: Begin, settings: Settings) -> Loader {
        let databases = begin.namespaces.databases();
        let first_namespace = begin.namespaces.next() + GAP;
        let namespaces = Namespaces::from(first_namespace, databases);
        let shared = Arc::new(Shared::new(engine, begin.next_version, 0));
        let mut partition = Box::new(Partition::new(0, 1, shared, namespaces, AllCounts::default(), 0));
        partition.role = Role::Follower;
        // These namespaces are new.
        partition.begin_empty();
        // What another server took is not refused because limits are lower here, and nobody listens to it.
        let settings = Settings { max_bulk_len: u64::MAX, events: Default::default(), ..settings };
        Loader { partition, settings, first_namespace, tally: Tally::default() }
    }

    /// The marks of the hidden namespaces: they must be on disk before the first hand-off is written.
    pub fn marks(&self) -> Batch<'static> {
        let all = self.first_namespace..self.partition.namespaces().next();
        Batch(
            all.map(|namespace| Change::Put(Family::System, mark(namespace).into(), Vec::new().into()))
                .collect(),
        )
    }

    /// Puts a key of an RDB file in its place. With `skip_before_ms`, a key that expired by then is only counted.
    ///
    /// # Errors
    /// [`LoadError::Database`], [`LoadError::Engine`].
    pub fn put(&mut self, item: KeyItem, skip_before_ms: Option<u64>) -> Result<(), LoadError> {
        let KeyItem { database, key, expire_ms, value, .. } = item;
        let of = self.partition.namespaces().databases();
        let index = usize::try_from(database).ok().filter(|&index| index < of);
        let index = index.ok_or(LoadError::Database { number: database, of })?;
        if let (Some(expire_ms), Some(now_ms)) = (expire_ms, skip_before_ms)
            && expire_ms <= now_ms
        {
            self.tally.expired += 1;
            return Ok(());
        }
        let (kind, elements) = (kind_of(&value), elements_of(&value));
        let mut txn = Transaction::new(Source::One(&mut self.partition), Reach::UNBOUNDED, 0, index);
        // A key is there once; if not, the write behind finds out what the first one was.
        let put = txn.entry_blind(&key).and_then(|mut entry| {
            crate::types::from_rdb(&mut txn, &mut entry, value, expire_ms, &self.settings)
        });
        match put {
            Ok(()) => txn.commit(std::iter::empty()),
            Err(Stop::Engine(error)) => return Err(LoadError::Engine(error)),
            Err(stop) => {
                return Err(LoadError::Refused {
                    command: "loading a key".into(),
                    error: format!("{stop:?}"),
                });
            }
        };
        self.tally.add(kind, elements, expire_ms.is_some());
        Ok(())
    }

    /// Loads a library of functions of an RDB file.
    ///
    /// # Errors
    /// [`LoadError::Refused`] if its code does not load here.
    pub fn function(&mut self, code: &[u8]) -> Result<(), LoadError> {
        let shared = &self.partition.shared;
        let mut functions = Registry::clone(&shared.functions());
        let added = Library::load(code).and_then(|library| functions.add(library));
        added.map_err(|error| LoadError::Refused {
            command: "loading a library of functions".into(),
            error: String::from_utf8_lossy(&error).into_owned(),
        })?;
        shared.set_functions(Arc::new(functions));
        self.tally.functions += 1;
        Ok(())
    }

    /// Bytes that wait to be handed off or are on their way.
    pub fn pending_bytes(&self) -> usize {
        self.partition.dirty_bytes()
    }

    /// Takes what was loaded since the last time; `None` if that is nothing.
    pub fn hand_off(&mut self) -> Option<HandOff> {
        self.partition.close_group();
        self.partition.has_queued().then(|| self.partition.hand_off()).flatten()
    }

    /// The store has a hand-off. At most `cache_bytes` of what is in memory stay there.
    pub fn applied(&mut self, applied: Applied, cache_bytes: usize) {
        self.partition.applied(applied);
        self.partition.evict(cache_bytes, u32::MAX);
    }

    /// All is loaded and handed off, and the store has it: what the databases are to show.
    pub fn finish(self) -> Loaded {
        Loaded {
            namespaces: self.partition.namespaces().clone(),
            hidden: self.first_namespace..self.partition.namespaces().next(),
            counts: self.partition.all_counts(),
            next_version: self.partition.shared.next_version(),
            functions: self.partition.shared.functions(),
            tally: self.tally,
        }
    }
}

/// What a load has brought into the store.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The databases, each with its hidden namespace.
    pub namespaces: Namespaces,
    /// All namespaces that were marked.
    pub hidden: std::ops::Range<Namespace>,
    /// The numbers of their keys.
    pub counts: AllCounts,
    /// The lowest collection version not in use.
    pub next_version: Version,
    /// The libraries of functions.
    pub functions: Arc<Registry>,
    /// For the operator.
    pub tally: Tally,
}

fn kind_of(value: &Value) -> Type {
    match value {
        Value::String(_) => Type::String,
        Value::List(_) => Type::List,
        Value::Set(_) => Type::Set,
        Value::SortedSet(_) => Type::SortedSet,
        Value::Hash(_) => Type::Hash,
        Value::Stream(_) => Type::Stream,
    }
}

fn elements_of(value: &Value) -> usize {
    match value {
        Value::String(_) => 1,
        Value::List(elements) | Value::Set(elements) => elements.len(),
        Value::SortedSet(members) => members.len(),
        Value::Hash(fields) => fields.len(),
        Value::Stream(stream) => stream.entries.len(),
    }
}

/// The System key that marks a hidden namespace.
pub fn mark(namespace: Namespace) -> Vec<u8> {
    [LOADING_PREFIX, &namespace.to_be_bytes()].concat()
}

/// Writes a loader's hand-offs: its keys, and nothing of what the server's own hand-offs say about it.
#[derive(Debug, Default)]
pub struct LoadWriter(WriteBehind);

impl LoadWriter {
    /// Writes a hand-off as one batch. Only on the thread that writes the store.
    ///
    /// # Errors
    /// The store's.
    pub fn apply(&mut self, engine: &dyn Engine, hand_off: HandOff) -> Result<Applied, EngineError> {
        if let Some(namespaces) = &hand_off.namespaces {
            // Databases were emptied on the way, and go on in namespaces that have no mark yet.
            let all = (0..namespaces.databases()).map(|database| mark(namespaces.of(database)));
            let put = |key: Vec<u8>| Change::Put(Family::System, key.into(), Vec::new().into());
            engine.write(Batch(all.map(put).collect()))?;
        }
        let mut applied = self.0.apply(&Beside(engine), vec![hand_off])?;
        applied.pop().ok_or_else(|| EngineError("a hand-off was not answered".into()))
    }
}

/// The store without what it says about the served data: positions, counts, databases.
#[derive(Debug)]
struct Beside<'a>(&'a dyn Engine);

impl Read for Beside<'_> {
    fn get(&self, family: Family, key: &[u8], tier: Tier) -> Result<Option<Vec<u8>>, ReadError> {
        self.0.get(family, key, tier)
    }

    fn iterate(&self, family: Family, range: &Range, tier: Tier) -> Box<dyn EngineIterator + '_> {
        self.0.iterate(family, range, tier)
    }

    fn get_many(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        self.0.get_many(family, keys)
    }
}

impl Engine for Beside<'_> {
    fn write(&self, mut batch: Batch<'_>) -> Result<(), EngineError> {
        batch.0.retain(|change| match change {
            Change::Put(Family::System, key, _) | Change::Delete(Family::System, key) => {
                key.starts_with(key::ORPHAN_PREFIX) || key.starts_with(write_behind::DEAD_PREFIX)
            }
            _ => true,
        });
        self.0.write(batch)
    }

    fn snapshot(&self) -> Box<dyn Read> {
        self.0.snapshot()
    }

    fn flush(&self, wait: bool) -> Result<(), EngineError> {
        self.0.flush(wait)
    }

    fn checkpoint(&self, folder: &std::path::Path) -> Result<(), EngineError> {
        self.0.checkpoint(folder)
    }

    fn compact(&self, family: Family, range: &Range) {
        self.0.compact(family, range);
    }

    fn drop_files(&self, family: Family, range: &Range) -> Result<(), EngineError> {
        self.0.drop_files(family, range)
    }

    fn property(&self, name: &str) -> Option<u64> {
        self.0.property(name)
    }
}
