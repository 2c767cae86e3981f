//! Single keys of another server, and its position, in the place of what is here: all at once, or not at all.
//!
//! A [`Patcher`] is a partition of all slots over the store, as a [`super::Loader`] is one beside it: it runs on any
//! thread, reads what the server's partitions have handed off, and writes nothing. What it gathers becomes a [`Patch`]:
//! one batch of the store, with the positions of all partitions and the mark that the log begins anew
//! ([`super::LogRestart`]). So a crash leaves the data and the log of before, or those of after.
//!
//! While it is made, nobody may write: the server's partitions must have handed off everything, and stay as they are.

use std::sync::Arc;

use super::{LoadError, LogRestart, RESTART_KEY, STREAM_DATABASE_KEY};
use crate::commands::Settings;
use crate::encoding::key::Version;
use crate::engine::{
    Batch, Change, Engine, EngineError, EngineIterator, Family, Range, Read, ReadError, Tier,
};
use crate::keyspace::counts::AllCounts;
use crate::keyspace::namespace::Namespaces;
use crate::keyspace::partition::{Partition, Role, Shared};
use crate::keyspace::recovery::{self, Found};
use crate::keyspace::transaction::{Reach, Source, Stop, Transaction};
use crate::keyspace::write_behind::{self, HandOff, WriteBehind};
use crate::rdb::Value;

/// See the module's documentation.
#[derive(Debug)]
pub struct Patcher {
    partition: Box<Partition>,
    settings: Settings,
}

impl Patcher {
    /// Over what `engine` has, which `found` describes. Collections that it makes have versions from `next_version`
    /// on, or from where the store says, whichever is higher.
    ///
    /// # Errors
    /// For the operator: there is no partition of all slots.
    pub fn new(
        engine: Arc<dyn Engine>,
        found: &Found,
        next_version: Version,
        settings: Settings,
    ) -> Result<Patcher, LoadError> {
        let shared = Arc::new(Shared::new(engine, found.next_version.max(next_version), found.reaches()));
        let mut partition = recovery::partitions(found, 1, &shared)
            .pop()
            .ok_or_else(|| LoadError::Engine(EngineError("there is no partition".into())))?;
        partition.role = Role::Follower;
        // What the master took is not refused because limits are lower here, and nobody listens to it.
        let settings = Settings { max_bulk_len: u64::MAX, events: Default::default(), ..settings };
        Ok(Patcher { partition, settings })
    }

    /// Gives a key this value and this expiry (Unix time in ms), whatever time it is; `None` removes it.
    ///
    /// # Errors
    /// [`LoadError::Database`], [`LoadError::Engine`], [`LoadError::Refused`].
    pub fn put(
        &mut self,
        database: usize,
        key: &[u8],
        value: Option<(Value, Option<u64>)>,
    ) -> Result<(), LoadError> {
        let of = self.partition.namespaces().databases();
        if database >= of {
            return match value {
                Some(_) => Err(LoadError::Database { number: database as u64, of }),
                None => Ok(()),
            };
        }
        let mut txn = Transaction::new(Source::One(&mut self.partition), Reach::UNBOUNDED, 0, database);
        let put = txn.entry(key).and_then(|mut entry| match value {
            Some((value, expire_ms)) => {
                crate::types::from_rdb(&mut txn, &mut entry, value, expire_ms, &self.settings)
            }
            None => txn.remove(&mut entry).map(|_| ()),
        });
        match put {
            Ok(()) => {
                txn.commit(std::iter::empty());
                Ok(())
            }
            Err(Stop::Engine(error)) => Err(LoadError::Engine(error)),
            Err(stop) => {
                Err(LoadError::Refused { command: "fetching a key again".into(), error: format!("{stop:?}") })
            }
        }
    }

    /// All that was put, for a server of so many partitions whose log begins anew as `restart` says. `None` if the
    /// partition has nothing to hand off, which does not happen.
    pub fn finish(mut self, restart: LogRestart, partitions: usize) -> Option<Patch> {
        self.partition.end_replayed_group(restart.offset);
        let hand_off = self.partition.hand_off()?;
        Some(Patch { partition: self.partition, hand_off, restart, partitions })
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Patch {
    partition: Box<Partition>,
    hand_off: HandOff,
    restart: LogRestart,
    partitions: usize,
}

/// What a server's partitions go on with ([`Partition::replace`]).
#[derive(Debug)]
pub struct Patched {
    /// The databases.
    pub namespaces: Namespaces,
    /// The numbers of keys, of all partitions together.
    pub counts: AllCounts,
    /// The lowest collection version not in use.
    pub next_version: Version,
}

impl Patch {
    /// Makes the change, in one batch, and puts it on disk. Only on the thread that writes the store, with the log
    /// synced as far as the store reaches.
    ///
    /// # Errors
    /// The store's.
    pub fn apply(mut self, engine: &dyn Engine) -> Result<Patched, EngineError> {
        let found = recovery::read(engine, self.partition.namespaces().databases())?;
        let stale = found.system_keys().into_iter();
        let before = stale.map(|key| Change::Delete(Family::System, key.into())).collect();
        let system = |key: Vec<u8>, value: Vec<u8>| Change::Put(Family::System, key.into(), value.into());
        let mut after: Vec<Change<'static>> = Vec::new();
        for partition in 0..self.partitions {
            let position = write_behind::encode_position(partition, self.partitions, self.restart.offset);
            after.push(system(write_behind::position_key(partition, self.partitions), position));
        }
        after.push(system(RESTART_KEY.to_vec(), self.restart.encode()));
        after.push(system(STREAM_DATABASE_KEY.to_vec(), self.restart.database.to_be_bytes().to_vec()));
        let around = Around { engine, before, after };
        for applied in WriteBehind::default().apply(&around, vec![self.hand_off])? {
            self.partition.applied(applied);
        }
        engine.flush(true)?;
        Ok(Patched {
            namespaces: self.partition.namespaces().clone(),
            counts: self.partition.all_counts(),
            next_version: self.partition.shared.next_version(),
        })
    }
}

/// The store, of which each batch begins and ends with these changes, and says no position of its own.
#[derive(Debug)]
struct Around<'a> {
    engine: &'a dyn Engine,
    before: Vec<Change<'static>>,
    after: Vec<Change<'static>>,
}

impl Read for Around<'_> {
    fn get(&self, family: Family, key: &[u8], tier: Tier) -> Result<Option<Vec<u8>>, ReadError> {
        self.engine.get(family, key, tier)
    }

    fn iterate(&self, family: Family, range: &Range, tier: Tier) -> Box<dyn EngineIterator + '_> {
        self.engine.iterate(family, range, tier)
    }

    fn get_many(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        self.engine.get_many(family, keys)
    }
}

impl Engine for Around<'_> {
    fn write(&self, batch: Batch<'_>) -> Result<(), EngineError> {
        let is_position = |change: &Change<'_>| match change {
            Change::Put(Family::System, key, _) => key.starts_with(write_behind::POSITION_PREFIX.as_bytes()),
            _ => false,
        };
        let own = batch.0.into_iter().filter(|change| !is_position(change));
        let changes = self.before.iter().cloned().chain(own).chain(self.after.iter().cloned());
        self.engine.write(Batch(changes.collect()))
    }

    fn snapshot(&self) -> Box<dyn Read> {
        self.engine.snapshot()
    }

    fn flush(&self, wait: bool) -> Result<(), EngineError> {
        self.engine.flush(wait)
    }

    fn checkpoint(&self, folder: &std::path::Path) -> Result<(), EngineError> {
        self.engine.checkpoint(folder)
    }

    fn compact(&self, family: Family, range: &Range) {
        self.engine.compact(family, range);
    }

    fn drop_files(&self, family: Family, range: &Range) -> Result<(), EngineError> {
        self.engine.drop_files(family, range)
    }

    fn property(&self, name: &str) -> Option<u64> {
        self.engine.property(name)
    }
}
