//! The binlog: write-ahead log, replication stream and archive in one.
//!
//! It is a sequence of [`Record`]s, each with one or more commands as its payload, in segment files of one
//! directory. The bytes are described in `docs/formats/binlog.md`, and above the code that reads them
//! ([`record`], [`segment`], [`mark`]).
//!
//! - Producers take offsets from a counter; [`Sequencer`] puts their records back in order.
//! - [`Writer`] appends them, and says what is written and what is synced.
//! - [`open`] finds what a crash left, cuts a torn tail, and refuses a log that lost what it had promised to
//!   keep.
//! - [`Reader`] yields the records from an offset on, also while the writer goes on.
//! - [`retention`] says which segments may go.
//!
//! Offsets count payload bytes since the log's beginning, as Redis's replication offset does: a record at
//! offset `O` with `L` bytes of payload covers `(O, O + L]`. Nothing here reads a clock or starts a thread:
//! times come in with the records, and whoever owns the [`Writer`] decides when, and on which thread, to
//! sync.

mod cursor;
mod error;
pub mod mark;
mod reader;
pub mod record;
mod recovery;
pub mod retention;
pub mod segment;
mod sequencer;
mod writer;

pub use error::{Error, LogEnd, Reason, Result};
pub use reader::Reader;
pub use record::{Record, RecordRef};
pub use recovery::{Options, Recovered, open, verify};
pub use segment::Segment;
pub use sequencer::Sequencer;
pub use writer::{Facts, Position, Removal, SyncHandle, Writer};
#[cfg(test)]
mod tests;
