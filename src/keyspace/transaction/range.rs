//! Ranges of entries, in order.

use super::gathered::overlaid;
use super::steps::steps_of;
use super::{Need, Source, Stop, Transaction};
use crate::engine::{Family, Range, ReadError};
use crate::keyspace::partition::Partition;
use crate::keyspace::slot::Slot;
use crate::keyspace::{table, view};

impl Transaction<'_> {
    /// Shows the entries of a range in order, those that this command wrote among them, until `visit` returns false. The
    /// range must lie in one partition.
    pub fn range(
        &mut self,
        family: Family,
        slot: Slot,
        range: &Range,
        mut visit: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Stop> {
        let own = if self.pending.is_empty() { Vec::new() } else { self.own_in(family, range) };
        let index = self.index_of(slot);
        let need = || Stop::Need(vec![Need::Range(family, range.clone())]);
        let partition: &mut Partition = match &mut self.source {
            Source::One(partition) => partition,
            Source::All(partitions) => &mut partitions[index],
            // Whoever reads a view may wait: it is bounded by nothing.
            Source::View(view) => return view.range(family, range, |key, value| Ok(visit(key, value))),
        };
        const FIRST_PART: usize = 16;
        const LARGEST_PART: usize = 4096;
        let stopped = std::cell::Cell::new(false);
        let steps = &mut self.steps_left;
        let mut bounded = |key: &[u8], value: &[u8]| {
            // Long ones count for more: what is shown is bounded in bytes, too.
            let cost = 1 + steps_of(key.len() + value.len());
            if *steps == 0 {
                return Err(ReadError::NotInMemory);
            }
            *steps = steps.saturating_sub(cost);
            let more = visit(key, value);
            stopped.set(!more);
            Ok(more)
        };
        // Dirty entries are taken in parts, small ones first: a command that stops early must not pay for a
        // long overlay.
        let (mut limit, mut lower) = (FIRST_PART, range.lower.clone());
        loop {
            let rest = Range { lower, upper: range.upper.clone() };
            let (dirty, next) = partition.dirty_part(family, &rest, limit);
            if let Some(group) = dirty.iter().map(table::DirtyEntry::group).max() {
                self.read_group = self.read_group.max(group);
            }
            let part = Range { lower: rest.lower, upper: next.clone().unwrap_or(rest.upper) };
            let first = own.partition_point(|entry| entry.key() < &part.lower[..]);
            let end = match part.upper.is_empty() {
                true => own.len(),
                false => own.partition_point(|entry| entry.key() < &part.upper[..]),
            };
            let dirty = overlaid(dirty, &own[first..end.max(first)]);
            let engine = partition.shared.engine.clone();
            let below = engine.iterate(family, &part, self.reach.tier);
            match view::merge(&dirty, below, &mut bounded) {
                Ok(()) => {}
                Err(ReadError::NotInMemory) => return Err(need()),
                Err(ReadError::Engine(error)) => return Err(Stop::Engine(error)),
            }
            match next {
                Some(next) if !stopped.get() => lower = next,
                _ => return Ok(()),
            }
            limit = (limit * 2).min(LARGEST_PART);
        }
    }

    /// Counts entries that single reads are about to look at, as [`Transaction::range`] counts those of a range: a
    /// command that goes through much of a collection runs elsewhere, and `range` holds what it reads there.
    pub fn spend(&mut self, family: Family, range: &Range, entries: u64) -> Result<(), Stop> {
        // Whoever reads a view may wait: it is bounded by nothing.
        if matches!(self.source, Source::View(_)) {
            return Ok(());
        }
        let left = usize::try_from(entries).ok().and_then(|entries| self.steps_left.checked_sub(entries));
        self.steps_left = left.ok_or_else(|| Stop::Need(vec![Need::Range(family, range.clone())]))?;
        Ok(())
    }
}
