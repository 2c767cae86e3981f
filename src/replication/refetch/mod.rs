//! A slave that wrote on its own comes back: only what differs is fetched again.
//!
//! Two servers had the same data at the offset of their *fork*, F. Behind it each wrote for itself: the slave up to E
//! of its own log, the master up to M. A key that neither of these two pieces of log can have written is the same on
//! both, now as at F. So the slave fetches the values of all others as of M, removes those that the master does not
//! have, and is at M. Nothing is run again: what commands read, on either side, does not matter, only what they can have
//! written does.
//!
//! | file | what |
//! |------|------|
//! | [`touched`] | the keys that a piece of a log can have written, or why nobody can tell |
//!
//! What takes the values into the store, in one batch with the position: [`crate::keyspace::load::Patch`]. What goes
//! over the wire: `docs/formats/sync-protocol.md`. Why so: `docs/decisions/0017-refetch-of-what-differs.md`.

use crate::rdb::{self, Value};

pub mod touched;

pub use touched::{Touched, Unbounded};

/// The most bytes of values, as DUMP has them, that are fetched again. More, and everything is fetched.
pub const MOST_VALUES: u64 = 64 << 20;
/// The most keys that one request for values names.
pub const MOST_ASKED: usize = 512;
/// About so many bytes of values an answer has; at least one value. The rest is asked for again.
pub const ANSWER_BYTES: usize = 4 << 20;

/// A value that a master sent, as DUMP has it; `None` if it is damaged.
pub fn decode(dump: &[u8]) -> Option<Value> {
    rdb::dump::decode(rdb::dump::open(dump)?, MOST_VALUES).ok()
}

#[cfg(test)]
mod tests;
