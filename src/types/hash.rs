//! Hashes: small ones as one value, big ones field by field.
//!
//! A hash of up to [`PACKED_FIELDS`] fields and [`PACKED_BYTES`] bytes is one value in its key's Meta entry. A
//! bigger one keeps only its length there, and each field is an entry of the Element family. It does not move
//! back: a hash that hovers about the limit would be rewritten again and again.
//!
//! The limits weigh two costs. A packed hash is written anew when one field changes, on average half the limit,
//! but the write-behind thread coalesces such writes; an element costs some 30 bytes of key and 88 bytes of
//! memory beside its content, a second look-up, and its own tombstone. At 4 KiB the rewriting is a memory copy
//! of well under a microsecond, and it is one block of the engine: reading it costs what reading one field does.
//!
//! A field whose time has come is hidden from every command at once, and is removed by the expirer a little
//! later. Until then it still counts in the length of a big hash, as in Redis 7.4, and keeps an emptied key
//! alive; the length of a packed hash, whose fields are at hand, leaves it out.

mod edit;
mod rdb;
mod read;
mod sample;
#[cfg(test)]
mod tests;

pub use edit::HashEdit;
pub use rdb::{from_rdb, to_rdb};
pub use read::{Found, Hash};

use super::elements::Elements;
use crate::commands::Settings;
use crate::encoding::meta::{Meta, Type};
use crate::encoding::packed_hash::{self, Field};
use crate::engine::EngineError;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// Most fields of a packed hash: Redis's own limit for its compact form.
pub const PACKED_FIELDS: usize = 128;
/// Most bytes of a packed hash.
pub const PACKED_BYTES: usize = 4096;

/// Removes a field if its time has come. Returns whether it did; the caller says so in the log.
pub fn remove_expired_field(txn: &mut Transaction<'_>, key: &[u8], field: &[u8]) -> Result<bool, Stop> {
    let entry = txn.entry(key)?;
    if entry.meta().is_none_or(|meta| meta.kind != Type::Hash) {
        return Ok(false);
    }
    let mut hash = HashEdit::open(&entry)?;
    let removed = hash.remove_due(txn, field)?;
    hash.finish_with(txn, None, Some("hexpired"))?;
    Ok(removed)
}

/// What OBJECT ENCODING calls a hash.
pub fn encoding(meta: &Meta<'_>, settings: &Settings) -> &'static str {
    let most = settings.hash_max_listpack_entries;
    let timed = may_have_field_expiry(meta);
    let compact = match meta.collection() {
        _ if meta.expanded => false,
        Some(head) => head.len <= most as u64,
        None => {
            let longest = settings.hash_max_listpack_value;
            let fits = |field: Field<'_>| field.name.len() <= longest && field.value.len() <= longest;
            packed_hash::fields(meta.payload).count() <= most && packed_hash::fields(meta.payload).all(fits)
        }
    };
    match (compact, timed) {
        (false, _) => "hashtable",
        (true, false) => "listpack",
        (true, true) => "listpackex",
    }
}

/// Whether a field may have an expiry. If not, RENAME within a slot need not look at the fields: the index of
/// expiries has nothing of them.
pub fn may_have_field_expiry(meta: &Meta<'_>) -> bool {
    match meta.collection() {
        Some(head) => packed_hash::is_timed(meta.payload, head),
        None => packed_hash::fields(meta.payload).any(|field| field.expire_ms.is_some()),
    }
}

/// Copies a hash and the expiries of its fields into the place of `target`, whatever that held. `expire_ms` is
/// the copy's own expiry.
pub fn copy_elements(
    txn: &mut Transaction<'_>,
    source: &Entry,
    target: &mut Entry,
    expire_ms: Option<u64>,
) -> Result<(), Stop> {
    let Some(meta) = source.typed(Type::Hash)? else { return Ok(()) };
    let Some(head) = meta.collection() else {
        for field in packed_hash::fields(meta.payload) {
            if let Some(at_ms) = field.expire_ms {
                txn.index_field(target, field.name, at_ms, true);
            }
        }
        return txn.put(target, &Meta { expire_ms, ..meta });
    };
    let copy = Elements::new(source, head).copy(txn, target, |txn, name, value| {
        if let Some((Some(at_ms), _)) = packed_hash::parse_element(value) {
            txn.index_field(target, name, at_ms, true);
        }
    })?;
    let payload = packed_hash::collection_payload(copy, packed_hash::is_timed(meta.payload, head));
    txn.put(target, &Meta { expire_ms, payload: &payload, ..meta })
}

fn is_due(expire_ms: Option<u64>, now_ms: u64) -> bool {
    expire_ms.is_some_and(|time| time <= now_ms)
}

fn corrupt() -> Stop {
    Stop::Engine(EngineError("an entry of a hash does not parse".into()))
}
