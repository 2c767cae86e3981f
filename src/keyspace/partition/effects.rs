//! What commands leave in the log: the open group's records, and the transactions in them.

use super::{OpenRecord, Partition, Role};
use crate::keyspace::shared::{LogRecord, write_select};
use crate::keyspace::slot::Slot;

/// What begins and ends a transaction in the log, in RESP.
const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

impl Partition {
    /// The payload that a command's effects, `commands` of them with about `length` bytes, are to be added to: the open
    /// group's. Several are one transaction of the stream, which [`Partition::end_effects`] ends.
    pub(in crate::keyspace) fn begin_effects(
        &mut self,
        database: usize,
        clock_ms: u64,
        slots: (Slot, Slot),
        (commands, length): (usize, usize),
    ) -> &mut Vec<u8> {
        /// A record is one unit for checksums and for replay's memory; longer groups are cut here.
        const RECORD_BYTES: usize = 256 * 1024;
        let number = u16::try_from(database).unwrap_or(u16::MAX);
        if self.role != Role::Master {
            self.unlogged = true;
            self.discarded.clear();
            return &mut self.discarded;
        }
        let joins = match self.atomic {
            Some(within) => within.is_some(),
            None => self.open.last().is_some_and(|OpenRecord { record: last, last_database, .. }| {
                *last_database == number
                    && last.clock_ms == clock_ms
                    && last.payload.len() + length <= RECORD_BYTES
            }),
        };
        if !joins {
            let record = LogRecord {
                offset: 0,
                clock_ms,
                database: number,
                first_slot: slots.0,
                last_slot: slots.1,
                payload: Vec::with_capacity((length + MULTI.len()).max(self.usual_payload)),
            };
            self.open.push(OpenRecord { record, last_database: number, commands: 0 });
        }
        let last = self.open.len() - 1;
        let OpenRecord { record, last_database, commands: so_far } = &mut self.open[last];
        let begins = match &mut self.atomic {
            // Whether the transaction has several commands is known when it ends.
            Some(within) => within.replace(database).is_none(),
            None => commands > 1,
        };
        if begins {
            record.payload.extend_from_slice(MULTI);
            *so_far = 0;
        }
        if std::mem::replace(last_database, number) != number {
            write_select(&mut record.payload, database);
        }
        *so_far += commands;
        record.first_slot = record.first_slot.min(slots.0);
        record.last_slot = record.last_slot.max(slots.1);
        &mut record.payload
    }

    /// The command's effects were added.
    pub(in crate::keyspace) fn end_effects(&mut self, commands: usize) {
        if self.atomic.is_none()
            && commands > 1
            && let Some(last) = self.open.last_mut()
        {
            last.record.payload.extend_from_slice(EXEC);
        }
    }

    /// What is committed from now on belongs to one transaction of a client: it is one record of the log, whatever its
    /// size, in which SELECT names the database where that changes. So a crash leaves all of it or nothing.
    pub fn begin_atomic(&mut self) {
        self.atomic = Some(None);
    }

    /// The transaction is over.
    pub fn end_atomic(&mut self) {
        let Some(Some(_)) = self.atomic.take() else { return };
        let Some(OpenRecord { record, commands, .. }) = self.open.last_mut() else { return };
        if *commands > 1 {
            record.payload.extend_from_slice(EXEC);
        } else {
            record.payload.drain(..MULTI.len());
        }
    }

    /// Whether the transaction that is open has written anything.
    pub fn has_written_atomic(&self) -> bool {
        matches!(self.atomic, Some(Some(_)))
    }
}
