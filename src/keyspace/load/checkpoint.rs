//! A checkpoint of another server's store, taken over beside the data that is served.
//!
//! Its keys are taken as they are, but for their namespaces: each that a database shows there gets a hidden one here,
//! in the same order, so that keys stay in order too and can be written as sorted tables. What no database shows is
//! left out. Versions of collections need no change, since no two collections of different namespaces meet.

use std::sync::Arc;

use super::{Begin, Loaded, Tally, mark};
use crate::encoding::key::{self, ExpiryKey, MetaKey, Namespace};
use crate::engine::{Batch, Change, EngineError, Family, PutEntry, Range, Read, ReadError, Tier};
use crate::keyspace::counts::AllCounts;
use crate::keyspace::namespace::Namespaces;
use crate::keyspace::recovery::Found;

/// Families that are copied; what `system` has is said anew.
pub const COPIED: [Family; 3] = [Family::Meta, Family::Element, Family::Expiry];

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Adoption {
    /// Old and new namespaces, in the order of both.
    moved: Vec<(Namespace, Namespace)>,
    loaded: Loaded,
}

/// Why a checkpoint cannot be taken over.
#[derive(Debug)]
pub enum AdoptionError {
    /// For the operator.
    Refused(String),
    /// The other store, or what the entries go to.
    Engine(EngineError),
}

impl std::fmt::Display for AdoptionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AdoptionError::Refused(why) => f.write_str(why),
            AdoptionError::Engine(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for AdoptionError {}

impl From<EngineError> for AdoptionError {
    fn from(error: EngineError) -> AdoptionError {
        AdoptionError::Engine(error)
    }
}

impl Adoption {
    /// Plans it. `found` is what the other store says of itself, which must be of one moment, at `offset`.
    ///
    /// # Errors
    /// [`AdoptionError::Refused`]: it is of no one moment, or has keys in databases that this server does not have.
    pub fn new(found: &Found, offset: u64, begin: &Begin) -> Result<Adoption, AdoptionError> {
        let refused = |why: String| Err(AdoptionError::Refused(why));
        if found.log_restart.is_some() || (found.replay_from(), found.reaches()) != (offset, offset) {
            return refused(format!(
                "the checkpoint is not of offset {offset}: its data reaches {} to {}",
                found.replay_from(),
                found.reaches()
            ));
        }
        let (there, here) = (found.namespaces.databases(), begin.namespaces.databases());
        for database in here..there {
            if found.counts.of(found.namespaces.of(database)).keys() != 0 {
                return refused(format!(
                    "it has keys of database {database}, and there are {here} here: raise `databases`"
                ));
            }
        }
        let first = begin.namespaces.next() + super::GAP;
        let mut shown: Vec<Namespace> =
            (0..there.min(here)).map(|database| found.namespaces.of(database)).collect();
        shown.sort_unstable();
        let moved: Vec<_> = shown.into_iter().zip(first..).collect();
        let to = |old: Namespace| moved.iter().find(|(other, _)| *other == old).map(|(_, new)| *new);
        let mut counts = AllCounts::default();
        let all = (0..here).map(|database| match database < there {
            true => {
                let old = found.namespaces.of(database);
                let new = to(old).unwrap_or(first);
                counts.of_mut(new).add(&found.counts.of(old));
                new
            }
            // A database that is not there is empty.
            false => first + database as Namespace,
        });
        let namespaces = Namespaces::showing(all.collect());
        let hidden = first..namespaces.next();
        let next_version = found.next_version.max(begin.next_version);
        let functions = Arc::new(found.libraries());
        let loaded = Loaded { namespaces, hidden, counts, next_version, functions, tally: Tally::default() };
        Ok(Adoption { moved, loaded })
    }

    /// The marks of the hidden namespaces: they must be on disk before the first entry is.
    pub fn marks(&self) -> Batch<'static> {
        let put = |namespace| Change::Put(Family::System, mark(namespace).into(), Vec::new().into());
        Batch(self.loaded.hidden.clone().map(put).collect())
    }

    /// How many keys it has.
    pub fn keys(&self) -> u64 {
        let keys = |&(_, new): &(Namespace, Namespace)| self.loaded.counts.of(new).keys();
        u64::try_from(self.moved.iter().map(keys).sum::<i64>()).unwrap_or(0)
    }

    /// A key as it is here; `None` if no database shows it.
    fn key(&self, family: Family, key: &[u8]) -> Option<Vec<u8>> {
        let (at, old) = match family {
            Family::Expiry => (11, ExpiryKey::parse(key)?.namespace),
            // Keys of elements begin as those of keys do.
            _ => (2, MetaKey::parse(key)?.namespace),
        };
        let (_, new) = self.moved.iter().find(|(other, _)| *other == old)?;
        let mut key = key.to_vec();
        key.get_mut(at..at + 4)?.copy_from_slice(&new.to_be_bytes());
        Some(key)
    }

    /// Hands each entry of a family to `put`, in the order of keys.
    ///
    /// # Errors
    /// The store's that is read, and those of `put`.
    pub fn copy(&self, source: &dyn Read, family: Family, put: &mut PutEntry<'_>) -> Result<(), EngineError> {
        let mut entries = source.iterate(family, &Range::default(), Tier::Disk);
        while let Some((key, value)) = entries.next().map_err(engine_error)? {
            if let Some(key) = self.key(family, key) {
                put(&key, value)?;
            }
        }
        Ok(())
    }

    /// Marks of collections whose elements were not removed yet there. To be written when the elements are here.
    ///
    /// # Errors
    /// The store's that is read.
    pub fn orphans(&self, source: &dyn Read) -> Result<Batch<'static>, EngineError> {
        let mut changes = Vec::new();
        let mut entries = source.iterate(Family::System, &Range::prefix(key::ORPHAN_PREFIX), Tier::Disk);
        while let Some((entry, _)) = entries.next().map_err(engine_error)? {
            let collection = &entry[key::ORPHAN_PREFIX.len()..];
            if let Some(moved) = self.key(Family::Element, collection) {
                let entry = [key::ORPHAN_PREFIX, &moved].concat();
                changes.push(Change::Put(Family::System, entry.into(), Vec::new().into()));
            }
        }
        Ok(Batch(changes))
    }

    /// What the databases are to show.
    pub fn finish(self) -> Loaded {
        self.loaded
    }
}

fn engine_error(error: ReadError) -> EngineError {
    match error {
        ReadError::Engine(error) => error,
        ReadError::NotInMemory => EngineError("a read from disk was refused".into()),
    }
}

#[cfg(test)]
mod tests;
