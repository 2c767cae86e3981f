//! The consumers of a group that one command changes: each is read once and written once.

use std::collections::BTreeMap;

use super::group::{Consumer, Group};
use super::{Stream, corrupt};
use crate::keyspace::transaction::{Stop, Transaction};

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Roster {
    consumers: BTreeMap<Vec<u8>, Consumer>,
}

impl Roster {
    /// A consumer that has pending entries, and so is there.
    pub fn get(
        &mut self,
        txn: &mut Transaction<'_>,
        stream: &Stream,
        group: &Group,
        name: &[u8],
    ) -> Result<&mut Consumer, Stop> {
        if !self.consumers.contains_key(name) {
            let consumer = stream.consumer(txn, group, name)?.ok_or_else(corrupt)?;
            self.consumers.insert(name.to_vec(), consumer);
        }
        self.consumers.get_mut(name).ok_or_else(corrupt)
    }

    /// A consumer that asks for something now. Returns whether it is new; the group counts it.
    pub fn meet(
        &mut self,
        txn: &mut Transaction<'_>,
        stream: &Stream,
        group: &mut Group,
        name: &[u8],
    ) -> Result<bool, Stop> {
        let now_ms = txn.now_ms();
        let known = stream.consumer(txn, group, name)?;
        let consumer = match known {
            Some(consumer) => Consumer { seen_ms: now_ms, ..consumer },
            None => Consumer { seen_ms: now_ms, active_ms: None, pending: 0 },
        };
        group.consumers += u64::from(known.is_none());
        self.consumers.insert(name.to_vec(), consumer);
        Ok(known.is_none())
    }

    /// Writes them.
    pub fn save(&self, txn: &mut Transaction<'_>, stream: &Stream, group: &Group) {
        for (name, consumer) in &self.consumers {
            stream.put_consumer(txn, group, name, consumer);
        }
    }
}
