//! What is due, and its removal through the log.
//!
//! The expirer reads the index by time on a thread of its own and sends partitions what is due. A partition
//! looks at the key itself before it removes anything: the index may be older than the key.

pub mod survey;
pub mod sweep;

use super::partition::Partition;
use super::transaction::{Reach, Source, Stop, Transaction};
use crate::config::Events;
use crate::encoding::key::{ExpiryKey, Namespace};
use crate::engine::{Family, Range, Read, ReadError, Tier};

/// An index entry whose time has come, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The index entry itself, which is removed when it turns out to be stale.
    pub index_key: Vec<u8>,
}

/// The entries due at `now_ms`, the oldest first, at most `limit`, none less than `from`. Reads from disk.
///
/// # Errors
/// The engine's.
pub fn due(engine: &dyn Read, from: &[u8], now_ms: u64, limit: usize) -> Result<Vec<Due>, ReadError> {
    let range = Range { lower: from.to_vec(), upper: (now_ms + 1).to_be_bytes().to_vec() };
    let mut found = Vec::new();
    let mut entries = engine.iterate(Family::Expiry, &range, Tier::Disk);
    while found.len() < limit
        && let Some((index_key, _)) = entries.next()?
    {
        found.push(Due { index_key: index_key.to_vec() });
    }
    Ok(found)
}

/// Removes what an index entry points at, if its time has come, through the log; else only the stale index
/// entry. A key that is not in memory is a need. `events` are those that somebody wants.
pub fn remove_due(
    partition: &mut Partition,
    reach: Reach,
    now_ms: u64,
    due: &Due,
    events: Events,
) -> Result<(), Stop> {
    let Some(index) = ExpiryKey::parse(&due.index_key) else { return Ok(()) };
    let Some(database) = partition.namespaces().database_of(index.namespace) else {
        partition.forget_index(&due.index_key, now_ms);
        return Ok(());
    };
    let mut transaction = Transaction::new(Source::One(partition), reach, now_ms, database);
    transaction.want_events(events);
    let (stale, removed_field) = match index.field {
        None => (remove_key(transaction, &index)?, false),
        Some(field) => (true, remove_field(transaction, &index, field)?),
    };
    partition.stats.expired_fields += u64::from(removed_field);
    if stale {
        partition.forget_index(&due.index_key, now_ms);
    }
    Ok(())
}

/// Removes a key, if its time has come. Returns whether the index entry is stale.
fn remove_key(mut transaction: Transaction<'_>, index: &ExpiryKey<'_>) -> Result<bool, Stop> {
    // Looking a key up whose time has come is enough: its removal is part of the commit.
    let entry = transaction.entry(index.key)?;
    let stale = entry.meta().is_some_and(|meta| meta.expire_ms != Some(index.at_ms))
        || (!entry.exists() && !transaction.meets_expired());
    transaction.commit(std::iter::empty());
    Ok(stale)
}

/// Removes a field of a hash, if its time has come. Returns whether it had.
fn remove_field(mut transaction: Transaction<'_>, index: &ExpiryKey<'_>, field: &[u8]) -> Result<bool, Stop> {
    let removed = crate::types::hash::remove_expired_field(&mut transaction, index.key, field)?;
    if removed {
        transaction.effect(&[b"HDEL", index.key, field]);
        transaction.changed_by_time();
    }
    transaction.commit(std::iter::empty());
    Ok(removed)
}

impl Partition {
    /// Removes an index entry that points at nothing. Not logged: the index is each node's own.
    fn forget_index(&mut self, index_key: &[u8], now_ms: u64) {
        let record = std::sync::Arc::from(index_key);
        let write =
            super::table::Write { record, key_length: index_key.len(), tombstone: true, blind: false };
        self.unlogged = true;
        self.commit_write(Family::Expiry, write, (now_ms / 1000) as u32);
    }
}

impl Transaction<'_> {
    /// Whether a key was looked up whose time has come.
    fn meets_expired(&self) -> bool {
        self.expired_count() > 0
    }
}

/// Whose key an index entry points at, for routing; `None` if it is no index entry.
pub fn place_of(due: &Due) -> Option<(super::slot::Slot, Namespace)> {
    ExpiryKey::parse(&due.index_key).map(|index| (index.slot, index.namespace))
}
