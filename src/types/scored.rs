//! Sorted sets and sets as what ZUNION and its like take: members with scores. Those of a set are all 1.

use super::set::Set;
use super::sorted_set::{self, SortedSet};
use crate::encoding::meta::Type;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// The score of each member of a set.
const OF_A_SET: f64 = 1.0;

fn is_set(entry: &Entry) -> bool {
    entry.meta().is_some_and(|meta| meta.kind == Type::Set)
}

/// How many members a key has; 0 if it does not exist, WRONGTYPE if it is neither a sorted set nor a set.
pub fn len(entry: &Entry) -> Result<u64, Stop> {
    match entry.meta() {
        None => Ok(0),
        Some(meta) if meta.kind == Type::SortedSet => Ok(sorted_set::len(&meta)),
        Some(meta) if meta.kind == Type::Set => Ok(Set::open(entry)?.len()),
        Some(_) => Err(Stop::wrong_type()),
    }
}

/// Shows all members with their scores, in any order, until `visit` returns false.
pub fn each(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    mut visit: impl FnMut(f64, &[u8]) -> bool,
) -> Result<(), Stop> {
    if is_set(entry) {
        return Set::open(entry)?.each(txn, |member| visit(OF_A_SET, member));
    }
    SortedSet::open(entry)?.each(txn, visit)
}

/// The scores of some members; those on disk are asked for together.
pub fn scores<'m>(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    members: impl Iterator<Item = &'m [u8]> + Clone,
) -> Result<Vec<Option<f64>>, Stop> {
    if is_set(entry) {
        let mut scores = Vec::new();
        Set::open(entry)?.contains_each(txn, members, |is| scores.push(is.then_some(OF_A_SET)))?;
        return Ok(scores);
    }
    SortedSet::open(entry)?.scores(txn, members)
}
