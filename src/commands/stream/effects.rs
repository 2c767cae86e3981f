//! What the log gets of deliveries: which entries a consumer has now, delivered when and how often.
//!
//! In words that every Redis since 5 takes: XCLAIM with its times, XGROUP SETID, XGROUP CREATECONSUMER, XACK.

use crate::keyspace::transaction::Transaction;
use crate::number::Decimal;
use crate::types::stream::{Group, StreamId};

/// A consumer of a group whose deliveries are told.
#[derive(Clone, Copy)]
pub(super) struct Receiver<'a> {
    pub(super) key: &'a [u8],
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
}

impl Receiver<'_> {
    /// It has these entries now, with these counts of deliveries, the last of which was at `at_ms`; the group's last id
    /// is `last`. Without entries, the group has met the consumer and no more.
    pub(super) fn has(
        &self,
        txn: &mut Transaction<'_>,
        entries: &[(StreamId, u64)],
        at_ms: u64,
        last: StreamId,
    ) {
        let (at_ms, last) = (Decimal::unsigned(at_ms), last.to_string());
        let begin: [&[u8]; 5] = [b"XCLAIM", self.key, self.group, self.consumer, b"0"];
        if entries.is_empty() {
            // No entry has this id: only the consumer is met, and the group's last id set.
            let rest: [&[u8]; 4] = [b"0-0", b"JUSTID", b"LASTID", last.as_bytes()];
            txn.effect(&[&begin[..], &rest].concat());
        }
        for run in entries.chunk_by(|one, other| one.1 == other.1) {
            let ids: Vec<String> = run.iter().map(|(id, _)| id.to_string()).collect();
            let count = Decimal::unsigned(run[0].1);
            let mut words: Vec<&[u8]> = begin.to_vec();
            words.extend(ids.iter().map(String::as_bytes));
            words.extend([&b"TIME"[..], at_ms.as_bytes(), b"RETRYCOUNT", count.as_bytes()]);
            words.extend([&b"FORCE"[..], b"JUSTID", b"LASTID", last.as_bytes()]);
            txn.effect(&words);
        }
    }

    /// It is new. Redis's XCLAIM makes a consumer only if it gets an entry.
    pub(super) fn is_new(&self, txn: &mut Transaction<'_>) {
        txn.effect(&[b"XGROUP", b"CREATECONSUMER", self.key, self.group, self.consumer]);
    }

    /// These pending entries are gone, as their entries are.
    pub(super) fn lost(&self, txn: &mut Transaction<'_>, entries: &[StreamId]) {
        let ids: Vec<String> = entries.iter().map(StreamId::to_string).collect();
        let mut words: Vec<&[u8]> = vec![b"XACK", self.key, self.group];
        words.extend(ids.iter().map(String::as_bytes));
        txn.effect(&words);
    }

    /// The group has read so far: XCLAIM does not say how many entries that were.
    pub(super) fn group_read(&self, txn: &mut Transaction<'_>, group: &Group) {
        let (last, read) = (group.last.to_string(), Decimal::new(group.read));
        let (last, read) = (last.as_bytes(), read.as_bytes());
        txn.effect(&[b"XGROUP", b"SETID", self.key, self.group, last, b"ENTRIESREAD", read]);
    }
}
