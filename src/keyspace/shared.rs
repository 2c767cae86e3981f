//! What all partitions share: the store, the versions of collections, and the end of the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::slot::Slot;
use super::transaction::write_command;
use crate::binlog::record::{Header, RecordRef};
use crate::encoding::key::Version;
use crate::engine::Engine;
use crate::scripting::{Cache, Registry};

/// Adds the command that selects a database.
pub(in crate::keyspace) fn write_select(out: &mut Vec<u8>, database: usize) {
    let number = crate::number::Decimal::new(database as i64);
    write_command(out, [&b"SELECT"[..], number.as_bytes()].into_iter());
}

/// What all partitions of a server share.
#[derive(Debug)]
pub struct Shared {
    /// The store below.
    pub engine: Arc<dyn Engine>,
    /// The next collection version; see [`Version`].
    next_version: AtomicU64,
    /// The log offset that the next record gets: a copy of what is in `stream`, for those who only look.
    next_offset: AtomicU64,
    stream: Mutex<StreamEnd>,
    /// Scripts that clients have sent.
    pub scripts: Cache,
    functions: RwLock<Arc<Registry>>,
}

/// The end of the log as the replication stream: see `docs/decisions/0010-the-log-is-the-stream.md`.
#[derive(Debug, Default)]
struct StreamEnd {
    offset: u64,
    /// The database that a reader has selected by now; `None`: the next record says so, whatever it is.
    database: Option<u16>,
    /// The log is another server's stream: nothing of this one's own gets a place in it.
    follows: bool,
}

impl Shared {
    /// With the numbers that recovery found.
    pub fn new(engine: Arc<dyn Engine>, next_version: Version, next_offset: u64) -> Shared {
        Shared {
            engine,
            next_version: AtomicU64::new(next_version),
            next_offset: AtomicU64::new(next_offset),
            stream: Mutex::new(StreamEnd { offset: next_offset, ..StreamEnd::default() }),
            scripts: Cache::default(),
            functions: RwLock::default(),
        }
    }

    /// The libraries of functions.
    pub fn functions(&self) -> Arc<Registry> {
        self.functions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the libraries of functions. What is stored of them is the caller's to change.
    pub fn set_functions(&self, functions: Arc<Registry>) {
        *self.functions.write().unwrap_or_else(PoisonError::into_inner) = functions;
    }

    fn stream(&self) -> MutexGuard<'_, StreamEnd> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A version that no collection has had.
    pub fn new_version(&self) -> Version {
        self.next_version.fetch_add(1, Ordering::Relaxed)
    }

    /// The lowest version that no collection has had.
    pub fn next_version(&self) -> Version {
        self.next_version.load(Ordering::Relaxed)
    }

    /// Gives records their places at the end of the log, and SELECT to those that need it. Returns the new end.
    pub(super) fn place(&self, records: &mut [OpenRecord]) -> u64 {
        let mut end = self.stream();
        for OpenRecord { record, last_database, .. } in records {
            if end.database.replace(*last_database) != Some(record.database) {
                let mut select = Vec::new();
                write_select(&mut select, usize::from(record.database));
                record.payload.splice(..0, select);
            }
            record.offset = end.offset;
            end.offset = record.end();
        }
        self.next_offset.store(end.offset, Ordering::Relaxed);
        end.offset
    }

    /// Gives a record its place that is of no database and no partition: a heartbeat. It must reach the log without
    /// waiting for anything. `None`: the log is a master's stream.
    pub fn place_heartbeat(&self, clock_ms: u64, payload: Vec<u8>) -> Option<LogRecord> {
        Shared::place_own(&mut self.stream(), &self.next_offset, clock_ms, payload)
    }

    /// As [`Shared::place_heartbeat`], for what a client of `database` has slaves told that changes nothing: a message.
    /// SELECT comes before it where another database is selected, as in Redis.
    pub fn place_message(&self, clock_ms: u64, database: usize, payload: Vec<u8>) -> Option<LogRecord> {
        let mut end = self.stream();
        let mut selected = Vec::new();
        let number = u16::try_from(database).unwrap_or(u16::MAX);
        if end.database != Some(number) {
            write_select(&mut selected, database);
        }
        selected.extend_from_slice(&payload);
        let record = Shared::place_own(&mut end, &self.next_offset, clock_ms, selected)?;
        end.database = Some(number);
        Some(record)
    }

    fn place_own(
        end: &mut StreamEnd,
        next_offset: &AtomicU64,
        clock_ms: u64,
        payload: Vec<u8>,
    ) -> Option<LogRecord> {
        if end.follows {
            return None;
        }
        let (first_slot, last_slot) = (0, super::slot::SLOTS - 1);
        let database = end.database.unwrap_or(0);
        let record = LogRecord { offset: end.offset, clock_ms, database, first_slot, last_slot, payload };
        end.offset = record.end();
        next_offset.store(end.offset, Ordering::Relaxed);
        Some(record)
    }

    /// From here on the log is a master's stream, or this server's own again. Returns its end: what has a place by now is
    /// before it. Only while no partition can take offsets.
    pub fn set_follows(&self, follows: bool) -> u64 {
        let mut end = self.stream();
        end.follows = follows;
        end.offset
    }

    /// The next record names its database, whatever was selected before: a reader begins here. Only while no
    /// partition can take offsets is this "here".
    pub fn select_anew(&self) -> u64 {
        let mut end = self.stream();
        end.database = None;
        end.offset
    }

    /// The end of the log, records that are still on their way included.
    pub fn next_offset(&self) -> u64 {
        self.next_offset.load(Ordering::Relaxed)
    }

    /// Whoever reads the log from here on has this database selected.
    pub fn select(&self, database: u16) {
        self.stream().database = Some(database);
    }

    /// Sees to it that versions up to `next`, itself excluded, are not given again.
    pub fn raise_version(&self, next: Version) {
        self.next_version.fetch_max(next, Ordering::Relaxed);
    }

    /// Sets the end of the log: after replay, or of a log that follows another's.
    pub fn set_next_offset(&self, offset: u64) {
        let mut end = self.stream();
        (end.offset, end.database) = (offset, None);
        self.next_offset.store(offset, Ordering::Relaxed);
    }
}

/// A log record of one tick: commands on one database, in effect form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Where its payload begins in the log.
    pub offset: u64,
    /// The clock that the commands ran by, Unix time in ms.
    pub clock_ms: u64,
    /// The database that they ran on.
    pub database: u16,
    /// Lowest slot that they touched.
    pub first_slot: Slot,
    /// Highest slot that they touched.
    pub last_slot: Slot,
    /// The commands, in RESP.
    pub payload: Vec<u8>,
}

impl From<RecordRef<'_>> for LogRecord {
    fn from(record: RecordRef<'_>) -> LogRecord {
        let Header { offset, clock_ms, database, first_slot, last_slot, .. } = record.header;
        LogRecord { offset, clock_ms, database, first_slot, last_slot, payload: record.payload.to_vec() }
    }
}

impl LogRecord {
    /// The offset behind its payload.
    pub fn end(&self) -> u64 {
        self.offset + self.payload.len() as u64
    }
}

/// A record that the open group still adds to.
#[derive(Debug)]
pub(super) struct OpenRecord {
    pub(super) record: LogRecord,
    /// The database that is selected where it ends.
    pub(super) last_database: u16,
    /// Commands of the transaction that it is of.
    pub(super) commands: usize,
}
