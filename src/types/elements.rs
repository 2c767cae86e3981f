//! The elements of a big collection whose names say where they stand: hash fields and set members.
//!
//! Their keys are [`key::element`]: in the order of the names' hashes, and of the names where hashes are equal. So
//! a place in that order is a number that a cursor can carry, and a random number is a random place.

use crate::encoding::key::{self, KeyBuf};
use crate::encoding::meta::Collection;
use crate::engine::{EngineError, Family, Range};
use crate::keyspace::table::Value;
use crate::keyspace::transaction::{Entry, Need, Stop, Transaction};

/// One past the last hash.
pub const PLACES: u64 = 1 << 32;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'a> {
    entry: &'a Entry,
    /// Version, and how many there are.
    pub head: Collection,
}

impl<'a> Elements<'a> {
    /// The elements that `entry` has under `head`.
    pub fn new(entry: &'a Entry, head: Collection) -> Elements<'a> {
        Elements { entry, head }
    }

    /// The key of the element of a name.
    pub fn key(&self, name: &[u8]) -> KeyBuf {
        key::element(self.entry.slot, self.entry.namespace, self.head.version, name)
    }

    /// Reads the element of a name.
    pub fn read(&self, txn: &mut Transaction<'_>, name: &[u8]) -> Result<Option<Value>, Stop> {
        self.read_key(txn, &self.key(name))
    }

    /// Reads the element of a key that [`Elements::key`] made.
    pub fn read_key(&self, txn: &mut Transaction<'_>, key: &[u8]) -> Result<Option<Value>, Stop> {
        txn.read(Family::Element, self.entry.slot, key)
    }

    /// What the keys of all begin with.
    pub fn prefix(&self) -> KeyBuf {
        key::collection(self.entry.slot, self.entry.namespace, self.head.version)
    }

    /// The keys of all.
    pub fn whole(&self) -> Range {
        Range::prefix(&self.prefix())
    }

    /// The keys from a hash and a name on.
    pub fn from(&self, from: (u32, &[u8])) -> Range {
        let mut lower = self.position(from.0);
        lower.extend_from_slice(from.1);
        Range { lower: lower.to_vec(), upper: self.whole().upper }
    }

    /// The keys with hashes from `start` to before `end`, which is up to [`PLACES`].
    pub fn part(&self, start: u64, end: u64) -> Range {
        let upper = match u32::try_from(end) {
            Ok(end) => self.position(end).to_vec(),
            Err(_) => self.whole().upper,
        };
        Range { lower: self.position(start as u32).to_vec(), upper }
    }

    /// The first possible key at or after a hash.
    fn position(&self, hash: u32) -> KeyBuf {
        key::element_position(self.entry.slot, self.entry.namespace, self.head.version, hash)
    }

    /// Shows hash, name and value of what is in a range, until `visit` returns false.
    pub fn walk(
        &self,
        txn: &mut Transaction<'_>,
        range: &Range,
        mut visit: impl FnMut(u32, &[u8], &[u8]) -> bool,
    ) -> Result<(), Stop> {
        let mut sound = true;
        txn.range(Family::Element, self.entry.slot, range, |key, value| {
            let place = key.get(key::COLLECTION_PREFIX..).and_then(<[u8]>::split_first_chunk::<4>);
            match place {
                Some((hash, name)) => visit(u32::from_be_bytes(*hash), name, value),
                None => {
                    sound = false;
                    false
                }
            }
        })?;
        if sound { Ok(()) } else { Err(corrupt()) }
    }

    /// The need for a part that was chosen at random becomes the need for all: where the command is run again, the
    /// choice will be another one.
    pub fn need_whole(&self, stop: Stop) -> Stop {
        match stop {
            Stop::Need(_) => Stop::Need(vec![self.need()]),
            other => other,
        }
    }

    /// The need for all.
    pub fn need(&self) -> Need {
        Need::Range(Family::Element, self.whole())
    }

    /// A command that lacks one of the elements that it names will lack others: asks for all of them at once.
    pub fn need_all<'n>(
        &self,
        txn: &mut Transaction<'_>,
        stop: Stop,
        names: impl Iterator<Item = &'n [u8]>,
    ) -> Stop {
        if !matches!(stop, Stop::Need(_)) {
            return stop;
        }
        self.prefetch(txn, names).err().unwrap_or(stop)
    }

    /// Asks for the elements of several names at once.
    pub fn prefetch<'n>(
        &self,
        txn: &mut Transaction<'_>,
        names: impl Iterator<Item = &'n [u8]>,
    ) -> Result<(), Stop> {
        let keys: Vec<KeyBuf> = names.map(|name| self.key(name)).collect();
        txn.prefetch_elements(self.entry.slot, &keys)
    }

    /// Writes all of them again under `target`, as a collection of their own. `visit` gets name and value of each.
    pub fn copy(
        &self,
        txn: &mut Transaction<'_>,
        target: &Entry,
        mut visit: impl FnMut(&mut Transaction<'_>, &[u8], &[u8]),
    ) -> Result<Collection, Stop> {
        let mut all = Vec::new();
        self.walk(txn, &self.whole(), |_, name, value| {
            all.push((name.to_vec(), value.to_vec()));
            true
        })?;
        let copy = Elements::new(target, Collection { version: txn.new_version(), len: all.len() as u64 });
        for (name, value) in &all {
            txn.put_element(target, &copy.key(name), value);
            visit(txn, name, value);
        }
        Ok(copy.head)
    }
}

fn corrupt() -> Stop {
    Stop::Engine(EngineError("the key of an element does not parse".into()))
}
