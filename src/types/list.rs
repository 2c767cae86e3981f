//! Lists: small ones as one value, big ones in chunks of consecutive elements.
//!
//! A list of up to [`PACKED_ITEMS`] elements and [`PACKED_BYTES`] bytes is one block in its key's Meta entry. A bigger
//! one gives its elements consecutive sequence numbers, beginning in the middle of all of them, so that both ends can
//! grow; 64 numbers share a *chunk*, an entry of the Element family. Where an element stands is arithmetic: reading
//! one reads one chunk, wherever it is; a push or pop writes one chunk and the Meta entry. Layouts:
//! [`crate::encoding::packed_list`].
//!
//! An element above [`packed_list::INLINE_BYTES`] is a value of its own, to which its chunk refers by number: a chunk
//! is written anew when its end of the list changes, which must not copy much. The reference moves with the element,
//! the value stays where it is.
//!
//! A list does not move back to the packed form: one that hovers about the limit would be rewritten again and again. A
//! queue that runs empty is removed, and begins packed.

mod bytes;
mod chunks;
mod edit;
mod rdb;
mod read;
mod splice;
mod trim;

pub use bytes::ListpackLimit;
pub use edit::ListEdit;
pub use rdb::{from_rdb, to_rdb};
pub use read::List;

use crate::encoding::meta::{Meta, Type};
use crate::encoding::packed_list::{self, ListHead, SPAN};
use crate::engine::EngineError;
use crate::keyspace::table::ENTRY_OVERHEAD;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// Most elements of a packed list.
pub const PACKED_ITEMS: usize = 128;
/// Most bytes of a packed list.
pub const PACKED_BYTES: usize = 4096;

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The head, where index 0 is.
    Left,
    /// The tail.
    Right,
}

/// What OBJECT ENCODING calls a list.
pub fn encoding(meta: &Meta<'_>) -> &'static str {
    if meta.expanded { "quicklist" } else { "listpack" }
}

/// About how many bytes the chunks of a list take in memory, and the values that stand by themselves.
pub fn elements_memory(meta: &Meta<'_>) -> u64 {
    let Some(head) = ListHead::parse(meta.payload) else { return 0 };
    let chunks = head.end().div_ceil(SPAN) - head.first / SPAN;
    let key = packed_list::chunk_key(0, 0, 0, 0).len();
    head.listpack_bytes.saturating_add(chunks * (ENTRY_OVERHEAD + key) as u64)
}

/// Copies a big list into the place of `target`, whatever that held. `expire_ms` is the copy's own expiry.
pub fn copy_elements(
    txn: &mut Transaction<'_>,
    source: &Entry,
    target: &mut Entry,
    expire_ms: Option<u64>,
) -> Result<(), Stop> {
    let Some(meta) = source.typed(Type::List)? else { return Ok(()) };
    let head = ListHead::parse(meta.payload).ok_or_else(corrupt)?;
    let head = chunks::copy(txn, source, &head, 0..head.len, target)?;
    txn.put(target, &Meta { expire_ms, payload: &head.encode(), ..meta })
}

fn corrupt() -> Stop {
    Stop::Engine(EngineError("an entry of a list does not parse".into()))
}
