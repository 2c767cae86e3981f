//! Strings: one value, or, when a large one was changed in part, fragments.
//!
//! A string is the payload of its Meta entry, whatever its length, until it is changed in part (SETBIT, SETRANGE,
//! APPEND, BITFIELD) and then longer than [`WHOLE`]. From then on its Meta entry holds a
//! [`Collection`](crate::encoding::meta::Collection) (version, and
//! its length in bytes), and the bytes stand in entries of the Element family:
//!
//! | key | value |
//! |-----|-------|
//! | slot `u16`, namespace `u32`, version `u64`, number of the fragment `u64`, all big-endian | the bytes of the string from number * [`FRAGMENT`] on, at most [`FRAGMENT`], zero bytes at their end left out |
//!
//! A fragment that holds nothing but zero bytes has no entry: a bit far behind the end of a string costs one
//! fragment, not the gap. A string in fragments stays one until it is replaced (SET) or removed.
//!
//! The sizes weigh two costs. One value is the quickest to read, and to change it in part costs a copy of all of
//! it: 16 KiB are copied in about a microsecond. A change of a fragment costs a second look-up, and at most
//! [`FRAGMENT`] bytes in memory and, later, in a batch.

mod edit;
mod fragments;
mod read;
#[cfg(test)]
mod tests;

pub use edit::StringEdit;
pub use fragments::{FRAGMENT, copy_elements, memory_usage, put_fragment, put_head};
pub use read::{StringValue, prefetch, to_rdb};

use crate::encoding::meta::Meta;
use crate::number::parse_i64;

/// What OBJECT ENCODING calls a string. `expanded` says that it was changed in place (APPEND, SETRANGE), which leaves it
/// `raw` in Redis.
pub fn encoding(meta: &Meta<'_>) -> &'static str {
    /// What fits into one small allocation with its header, in Redis.
    const LONGEST_EMBEDDED: usize = 44;
    if meta.expanded {
        "raw"
    } else if parse_i64(meta.payload).is_some() {
        "int"
    } else if meta.payload.len() <= LONGEST_EMBEDDED {
        "embstr"
    } else {
        "raw"
    }
}

/// Longest string that is kept as one value when it is changed in part, bytes.
pub const WHOLE: u64 = 16 * 1024;
