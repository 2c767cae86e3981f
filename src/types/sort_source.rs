//! What SORT reads: the elements of a list, a set or a sorted set, in the order that the type has.

use super::list::{List, ListEdit, ListpackLimit, Side};
use super::set::Set;
use super::sorted_set::SortedSet;
use crate::commands::Settings;
use crate::encoding::meta::Type;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// A collection that can be sorted.
pub trait SortSource {
    /// The number of elements.
    fn count(&self) -> u64;

    /// Whether its order means something, so that it can be read from the end as well.
    fn is_ordered(&self) -> bool;

    /// Up to `count` elements, from the one at `first` (from 0) on; `backwards`, counted from the end and towards the
    /// beginning, if the order means something.
    fn part(
        &mut self,
        txn: &mut Transaction<'_>,
        first: u64,
        count: u64,
        backwards: bool,
    ) -> Result<Vec<Vec<u8>>, Stop>;
}

/// What SORT reads at a key; WRONGTYPE if it cannot be sorted. A type that can adds its line here.
pub fn sort_source<'a>(entry: &'a Entry) -> Result<Box<dyn SortSource + 'a>, Stop> {
    match entry.meta().map(|meta| meta.kind) {
        // A key that does not exist is an empty set too.
        None | Some(Type::Set) => Ok(Box::new(Set::open(entry)?)),
        Some(Type::List) => Ok(Box::new(List::open(entry)?)),
        Some(Type::SortedSet) => Ok(Box::new(SortedSet::open(entry)?)),
        Some(_) => Err(Stop::wrong_type()),
    }
}

impl SortSource for Set<'_> {
    fn count(&self) -> u64 {
        Set::len(self)
    }

    fn is_ordered(&self) -> bool {
        false
    }

    fn part(
        &mut self,
        txn: &mut Transaction<'_>,
        first: u64,
        count: u64,
        _backwards: bool,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let (mut seen, mut found) = (0, Vec::new());
        if count == 0 {
            return Ok(found);
        }
        self.each(txn, |member| {
            if seen >= first {
                found.push(member.to_vec());
            }
            seen += 1;
            (found.len() as u64) < count
        })?;
        Ok(found)
    }
}

impl SortSource for List<'_> {
    fn count(&self) -> u64 {
        self.len()
    }

    fn is_ordered(&self) -> bool {
        true
    }

    fn part(
        &mut self,
        txn: &mut Transaction<'_>,
        first: u64,
        count: u64,
        backwards: bool,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let len = self.len();
        let indices = if backwards { len - first - count..len - first } else { first..first + count };
        let mut found = Vec::new();
        self.each(txn, indices, |element| found.push(element.to_vec()))?;
        if backwards {
            found.reverse();
        }
        Ok(found)
    }
}

impl SortSource for SortedSet<'_> {
    fn count(&self) -> u64 {
        self.len()
    }

    fn is_ordered(&self) -> bool {
        true
    }

    fn part(
        &mut self,
        txn: &mut Transaction<'_>,
        first: u64,
        count: u64,
        backwards: bool,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let mut found = Vec::new();
        self.walk(txn, first, count, backwards, |_, member| {
            found.push(member.to_vec());
            true
        })?;
        Ok(found)
    }
}

/// Puts a list in the place of what `target` holds, for SORT with STORE; counts a change for each element. There is at
/// least one.
pub fn store_list(
    txn: &mut Transaction<'_>,
    target: &mut Entry,
    elements: &[Vec<u8>],
    settings: &Settings,
) -> Result<(), Stop> {
    txn.remove(target)?;
    let values: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
    let limit = ListpackLimit::of(settings.list_max_listpack_size);
    ListEdit::open(target, limit)?.push(txn, Side::Right, &values)?;
    Ok(())
}
