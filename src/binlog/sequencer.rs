//! Puts the records of many producers back in the order of their offsets.

use super::error::{Error, Result};
use super::record::Record;
use std::collections::BTreeMap;

/// Holds back the records that come early until those before them have come.
///
/// Producers take their offsets from one counter, before they send; so what they send covers every offset
/// once, but may arrive in any order. The sequencer has no bound of its own: producers are bounded by what
/// they may have in flight, see [`Sequencer::waiting_bytes`].
#[derive(Debug)]
pub struct Sequencer {
    next: u64,
    waiting: BTreeMap<u64, Record>,
    waiting_bytes: usize,
}

impl Sequencer {
    /// Expects a record at offset `next` first.
    #[must_use]
    pub fn new(next: u64) -> Sequencer {
        Sequencer { next, waiting: BTreeMap::new(), waiting_bytes: 0 }
    }

    /// Takes a record, and appends to `ready` all that can now be written, in order.
    ///
    /// # Errors
    /// [`Error::Invalid`] as [`Record::check`] says; [`Error::OutOfOrder`] if it overlaps one that came before. The
    /// record is not taken; the log can no longer be whole, so the caller stops.
    pub fn push(&mut self, record: Record, ready: &mut Vec<Record>) -> Result<()> {
        record.check()?;
        self.check_overlap(&record)?;
        if record.offset != self.next {
            self.waiting_bytes += record.payload.len();
            self.waiting.insert(record.offset, record);
            return Ok(());
        }
        self.next = record.end_offset();
        ready.push(record);
        while let Some(record) = self.waiting.remove(&self.next) {
            self.waiting_bytes -= record.payload.len();
            self.next = record.end_offset();
            ready.push(record);
        }
        Ok(())
    }

    fn check_overlap(&self, record: &Record) -> Result<()> {
        let before = self.waiting.range(..=record.offset).next_back();
        let free = before.map_or(self.next, |(_, before)| before.end_offset());
        let after = self.waiting.range(record.offset..).next();
        let overlaps = after.is_some_and(|(offset, _)| *offset < record.end_offset());
        if record.offset < free || overlaps {
            return Err(Error::OutOfOrder { expected: free, found: record.offset });
        }
        Ok(())
    }

    /// The offset of the record that must come next.
    #[must_use]
    pub fn next_offset(&self) -> u64 {
        self.next
    }

    /// The range of offsets that is missing while others wait for it. One that stays means that a producer
    /// took an offset and did not send: nothing is written from then on.
    #[must_use]
    pub fn gap(&self) -> Option<std::ops::Range<u64>> {
        self.waiting.keys().next().map(|first| self.next..*first)
    }

    /// How many records are held back.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many bytes of payload are held back.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }
}
