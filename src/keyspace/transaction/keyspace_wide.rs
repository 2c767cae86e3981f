//! What a transaction sees and does beside single keys: slots, numbers, databases.

use super::{Namespace, Partition, Range, Slot, Source, Stop, Transaction, slot};
use std::sync::Arc;

use crate::engine::Family;
use crate::keyspace::counts::Counts;
use crate::keyspace::shared::Shared;
use crate::scripting::Registry;

/// A seed for a transaction's random choices. The next one's differs, though their clock may be the same.
pub(super) fn next_seed(source: &mut Source<'_>) -> u64 {
    match source {
        Source::One(partition) => partition.next_seed(),
        Source::All(partitions) => partitions[0].next_seed(),
        Source::View(view) => view.group,
    }
}

impl Transaction<'_> {
    /// The slots that this transaction can see.
    pub fn slots(&self) -> std::ops::Range<Slot> {
        match &self.source {
            Source::One(partition) => slot::range_of(partition.index, partition.partitions),
            Source::All(_) => 0..slot::SLOTS,
            Source::View(view) => view.slots.clone(),
        }
    }

    /// The exact number of keys of a namespace in all that this transaction can see.
    pub fn counts(&self, namespace: Namespace) -> Result<Counts, Stop> {
        let mut sum = Counts::default();
        match &self.source {
            Source::One(partition) => sum.add(&partition.counts(namespace).ok_or(Stop::Settle)?),
            Source::All(partitions) => {
                for partition in partitions.iter() {
                    sum.add(&partition.counts(namespace).ok_or(Stop::Settle)?);
                }
            }
            Source::View(view) => sum = view.counts.of(namespace),
        }
        Ok(sum)
    }

    /// Empties a database when the command commits. Needs all partitions.
    pub fn flush_database(&mut self, database: usize) {
        self.rare().flushed.push(database);
        self.changes += 1;
    }

    /// Exchanges two databases when the command commits. Needs all partitions.
    pub fn swap_databases(&mut self, first: usize, second: usize) {
        self.rare().swapped = Some((first, second));
        self.changes += 1;
    }

    /// The slots that this transaction can see, in pieces: a range must lie in one of them.
    pub fn pieces(&self) -> Vec<std::ops::Range<Slot>> {
        match &self.source {
            Source::All(partitions) => {
                (0..partitions.len()).map(|index| slot::range_of(index, partitions.len())).collect()
            }
            Source::One(_) | Source::View(_) => vec![self.slots()],
        }
    }

    /// The first range that a view was kept for: a command that chose at random before it was sent elsewhere
    /// goes on where it chose. `None` if this is no view.
    pub fn kept_range(&self, family: Family) -> Option<Range> {
        match &self.source {
            Source::View(view) => view.kept_range(family),
            Source::One(_) | Source::All(_) => None,
        }
    }

    /// About [`Transaction::counts`], without waiting: a key that was overwritten blindly may count twice.
    pub fn counts_so_far(&self, namespace: Namespace) -> Counts {
        let mut sum = Counts::default();
        match &self.source {
            Source::One(partition) => sum.add(&partition.counts_so_far(namespace)),
            Source::All(partitions) => {
                partitions.iter().for_each(|partition| sum.add(&partition.counts_so_far(namespace)));
            }
            Source::View(view) => sum = view.counts.of(namespace),
        }
        sum
    }

    /// The libraries of functions, with what this transaction changed.
    pub fn functions(&self) -> Arc<Registry> {
        let changed = self.rare.as_ref().and_then(|rare| rare.functions.as_ref());
        match (changed, &self.source) {
            (Some(changed), _) => changed.clone(),
            (None, Source::View(view)) => view.functions.clone(),
            (None, Source::One(partition)) => partition.shared.functions(),
            (None, Source::All(partitions)) => partitions[0].shared.functions(),
        }
    }

    /// Replaces the libraries of functions when the command commits. Needs all partitions.
    pub fn set_functions(&mut self, functions: Registry) {
        self.rare().functions = Some(Arc::new(functions));
        self.changes += 1;
    }

    /// What all partitions share; `None` in a kept moment.
    pub fn shared(&self) -> Option<&Arc<Shared>> {
        match &self.source {
            Source::One(partition) => Some(&partition.shared),
            Source::All(partitions) => Some(&partitions[0].shared),
            Source::View(_) => None,
        }
    }

    /// Replaces the libraries as the command said.
    pub(super) fn apply_functions(&mut self, functions: Option<Arc<Registry>>) {
        let Some(functions) = functions else { return };
        if let Some(partition) = self.partition(0) {
            partition.set_functions(functions);
        }
    }

    /// Empties and exchanges the databases that the command said.
    pub(super) fn apply_databases(&mut self, flushed: &[usize], swapped: Option<(usize, usize)>) {
        let change = |partition: &mut Partition| {
            flushed.iter().for_each(|&database| partition.flush_database(database));
            if let Some((first, second)) = swapped {
                partition.swap_databases(first, second);
            }
        };
        match &mut self.source {
            // One is all there are, or the command could not have asked for it.
            Source::One(partition) => change(partition),
            Source::All(partitions) => partitions.iter_mut().for_each(|partition| change(partition)),
            Source::View(_) => {}
        }
    }
}
