//! A kept moment of a partition (or of all), for reading elsewhere: a snapshot of the engine, and what the
//! command needs of what had not reached the engine by then. The partition goes on meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::counts::AllCounts;
use super::namespace::Namespaces;
use super::partition::Partition;
use super::slot::Slot;
use super::table::{DirtyEntry, Group, Value};
use super::transaction::{Need, Stop};
use crate::encoding::key::KeyBuf;
use crate::engine::{EngineIterator, Family, Range, Read, ReadError, Tier};
use crate::scripting::Registry;

/// See the module's documentation.
#[derive(Debug)]
pub struct View {
    snapshot: Box<dyn Read>,
    /// Point entries: in memory (`Some`), or to be read from the snapshot (`None`).
    keys: HashMap<(Family, Vec<u8>), Option<Option<Value>>>,
    ranges: Vec<(Family, Range, Vec<DirtyEntry>)>,
    pub(super) namespaces: Namespaces,
    pub(super) counts: AllCounts,
    pub(super) slots: std::ops::Range<Slot>,
    /// The libraries of functions.
    pub functions: Arc<Registry>,
    /// The last group whose data it shows; the reply waits for it.
    pub group: Group,
    /// Set to true when nobody wants to know any more: reads end with an error from then on.
    pub given_up: Arc<AtomicBool>,
}

impl View {
    /// Keeps this moment of `partitions`, as far as `needs` go.
    pub fn keep(partitions: &mut [&mut Partition], needs: &[Need]) -> View {
        let mut view = View {
            snapshot: partitions[0].shared.engine.snapshot(),
            keys: HashMap::new(),
            ranges: Vec::new(),
            namespaces: partitions[0].namespaces.clone(),
            counts: AllCounts::default(),
            slots: super::slot::range_of(partitions[0].index, partitions[0].partitions),
            functions: partitions[0].shared.functions(),
            group: 0,
            given_up: Arc::default(),
        };
        if partitions.len() > 1 {
            view.slots = 0..super::slot::SLOTS;
        }
        for partition in partitions.iter_mut() {
            view.counts.add(&partition.all_counts_so_far());
        }
        for need in needs {
            match need {
                Need::Key(family, key) => {
                    let found = partitions.iter().find_map(|partition| {
                        let entry = partition.tables[*family as usize].peek(key)?;
                        view.group = view.group.max(entry.group());
                        Some(entry.value())
                    });
                    view.keys.insert((*family, key.to_vec()), found);
                }
                Need::Range(family, range) => {
                    let mut dirty: Vec<DirtyEntry> = partitions
                        .iter_mut()
                        .flat_map(|partition| partition.dirty_part(*family, range, usize::MAX).0)
                        .collect();
                    dirty.sort_by(|a, b| a.key().cmp(b.key()));
                    view.group = dirty.iter().map(DirtyEntry::group).fold(view.group, Group::max);
                    view.ranges.push((*family, range.clone(), dirty));
                }
            }
        }
        view
    }

    /// Reads an entry; one that was not asked for when the moment was kept is a need.
    pub(super) fn read(&self, family: Family, key: &[u8]) -> Result<Option<Value>, Stop> {
        if self.is_given_up() {
            return Err(given_up());
        }
        match self.keys.get(&(family, key.to_vec())) {
            Some(Some(known)) => Ok(known.clone()),
            Some(None) => self.read_below(family, key),
            None => match self.ranges.iter().find(|(of, range, _)| *of == family && range.contains(key)) {
                Some((_, _, dirty)) => match dirty.binary_search_by(|entry| entry.key().cmp(key)) {
                    Ok(found) => Ok(dirty[found].value().map(Value::alone)),
                    Err(_) => self.read_below(family, key),
                },
                None => Err(Stop::Need(vec![Need::Key(family, KeyBuf::from_slice(key))])),
            },
        }
    }

    fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    fn read_below(&self, family: Family, key: &[u8]) -> Result<Option<Value>, Stop> {
        match self.snapshot.get(family, key, Tier::Disk) {
            Ok(value) => Ok(value.map(|value| Value::alone(&value))),
            Err(ReadError::Engine(error)) => Err(Stop::Engine(error)),
            Err(ReadError::NotInMemory) => Err(Stop::error("ERR a read from disk was refused")),
        }
    }

    /// The first range of a family that the moment was kept for.
    pub(super) fn kept_range(&self, family: Family) -> Option<Range> {
        self.ranges.iter().find(|(of, _, _)| *of == family).map(|(_, range, _)| range.clone())
    }

    /// Which namespaces the databases showed.
    pub fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// The numbers of keys; one overwritten blindly a moment before may be counted twice.
    pub fn counts(&self) -> &AllCounts {
        &self.counts
    }

    /// Shows a range in order, until `visit` returns false; one that was not asked for when the moment was kept is a
    /// need.
    ///
    /// # Errors
    /// [`Stop::Need`], [`Stop::Engine`], and what `visit` returns.
    pub fn range(
        &self,
        family: Family,
        range: &Range,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<bool, ReadError>,
    ) -> Result<(), Stop> {
        let kept = self.ranges.iter().find(|(of, kept, _)| {
            *of == family
                && kept.lower <= range.lower
                && (kept.upper.is_empty() || (!range.upper.is_empty() && range.upper <= kept.upper))
        });
        let Some((_, _, dirty)) = kept else {
            return Err(Stop::Need(vec![Need::Range(family, range.clone())]));
        };
        let first = dirty.partition_point(|entry| entry.key() < &range.lower[..]);
        let last = if range.upper.is_empty() {
            dirty.len()
        } else {
            dirty.partition_point(|entry| entry.key() < &range.upper[..])
        };
        let below = self.snapshot.iterate(family, range, Tier::Disk);
        let mut visit = |key: &[u8], value: &[u8]| Ok(!self.is_given_up() && visit(key, value)?);
        match merge(&dirty[first..last.max(first)], below, &mut visit) {
            Ok(()) if self.is_given_up() => Err(given_up()),
            Ok(()) => Ok(()),
            Err(ReadError::Engine(error)) => Err(Stop::Engine(error)),
            Err(ReadError::NotInMemory) => Err(Stop::error("ERR a read from disk was refused")),
        }
    }
}

fn given_up() -> Stop {
    Stop::error("ERR nobody waits for this reply any more")
}

/// Sees one entry after the other, until it returns false.
type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<bool, ReadError> + 'a;

/// Shows dirty entries and the engine's in one order; dirty ones hide the engine's.
pub(super) fn merge(
    dirty: &[DirtyEntry],
    mut below: Box<dyn EngineIterator + '_>,
    visit: &mut Visit<'_>,
) -> Result<(), ReadError> {
    let mut dirty = dirty.iter().peekable();
    while let Some((key, value)) = below.next()? {
        while let Some(entry) = dirty.next_if(|entry| entry.key() < key) {
            if let Some(value) = entry.value()
                && !visit(entry.key(), value)?
            {
                return Ok(());
            }
        }
        let hidden = dirty.peek().is_some_and(|entry| entry.key() == key);
        if !hidden && !visit(key, value)? {
            return Ok(());
        }
    }
    for entry in dirty {
        if let Some(value) = entry.value()
            && !visit(entry.key(), value)?
        {
            return Ok(());
        }
    }
    Ok(())
}
