//! What is due, and its removal through the log.
//!
//! The expirer reads the index by time on a thread of its own and sends partitions what is due. A partition
//! looks at the key itself before it removes anything: the index may be older than the key.

pub mod survey;

use super::partition::Partition;
use super::transaction::{Reach, Source, Stop, Transaction};
use crate::encoding::key::{ExpiryKey, Namespace};
use crate::engine::{Family, Range, Read, ReadError, Tier};

/// An index entry whose time has come, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The index entry itself, which is removed when it turns out to be stale.
    pub index_key: Vec<u8>,
}

/// The entries due at `now_ms`, the oldest first, at most `limit`. Reads from disk.
pub fn due(engine: &dyn Read, now_ms: u64, limit: usize) -> Result<Vec<Due>, ReadError> {
    let range = Range { lower: Vec::new(), upper: (now_ms + 1).to_be_bytes().to_vec() };
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
/// entry. A key that is not in memory is a need.
pub fn remove_due(partition: &mut Partition, reach: Reach, now_ms: u64, due: &Due) -> Result<(), Stop> {
    let Some(index) = ExpiryKey::parse(&due.index_key) else { return Ok(()) };
    let Some(database) = partition.namespaces().database_of(index.namespace) else {
        partition.forget_index(&due.index_key, now_ms);
        return Ok(());
    };
    match index.field {
        None => remove_key(partition, reach, now_ms, database, &index, due),
        Some(field) => remove_field(partition, reach, now_ms, database, &index, field, due),
    }
}

fn remove_key(
    partition: &mut Partition,
    reach: Reach,
    now_ms: u64,
    database: usize,
    index: &ExpiryKey<'_>,
    due: &Due,
) -> Result<(), Stop> {
    let mut transaction = Transaction::new(Source::One(partition), reach, now_ms, database);
    // Looking a key up whose time has come is enough: its removal is part of the commit.
    let entry = transaction.entry(index.key)?;
    let stale = entry.meta().is_some_and(|meta| meta.expire_ms != Some(index.at_ms))
        || (!entry.exists() && !transaction.meets_expired());
    transaction.commit(std::iter::empty());
    if stale {
        partition.forget_index(&due.index_key, now_ms);
    }
    Ok(())
}

fn remove_field(
    partition: &mut Partition,
    reach: Reach,
    now_ms: u64,
    database: usize,
    index: &ExpiryKey<'_>,
    field: &[u8],
    due: &Due,
) -> Result<(), Stop> {
    let mut transaction = Transaction::new(Source::One(partition), reach, now_ms, database);
    let removed = crate::types::hash::remove_expired_field(&mut transaction, index.key, field)?;
    if removed {
        transaction.effect(&[b"HDEL", index.key, field]);
    }
    transaction.commit(std::iter::empty());
    if removed {
        partition.stats.expired_fields += 1;
    }
    partition.forget_index(&due.index_key, now_ms);
    Ok(())
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
