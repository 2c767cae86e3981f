//! Sorted sets in RDB.

use super::SortedSet;
use crate::commands::Settings;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::rdb::Value;

/// Members and scores, in order; `None` if there is none.
pub fn to_rdb(txn: &mut Transaction<'_>, entry: &Entry) -> Result<Option<Value>, Stop> {
    let mut members = Vec::new();
    SortedSet::open(entry)?.each(txn, |score, member| {
        members.push((member.to_vec(), score));
        true
    })?;
    Ok((!members.is_empty()).then_some(Value::SortedSet(members)))
}

/// Puts a sorted set of these members, none twice, in the place of what `entry` holds. In their order it takes the
/// least space.
pub fn from_rdb(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    members: &[(Vec<u8>, f64)],
    expire_ms: Option<u64>,
    settings: &Settings,
) -> Result<(), Stop> {
    let mut set = SortedSet::empty(entry);
    set.expire_ms = expire_ms;
    for (member, score) in members {
        set.set(txn, member, None, *score)?;
    }
    set.count_as_one();
    set.finish(txn, Some(settings))
}
