//! What a data type can do, over a transaction.
//!
//! What every type must be able to do is dispatched here; everything else is in the type's own module.

pub mod counted_tree;
pub mod hash;
pub mod lcs;
pub mod scored;
pub mod sorted_set;

use crate::commands::Settings;
use crate::encoding::key;
use crate::encoding::meta::{Meta, Type};
use crate::engine::{Family, Range};
use crate::keyspace::table::ENTRY_OVERHEAD;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// What OBJECT ENCODING calls a value that is no string: what Redis would at that size.
pub fn encoding(meta: &Meta<'_>, settings: &Settings) -> &'static str {
    match meta.kind {
        Type::Hash => hash::encoding(meta, settings),
        Type::SortedSet => sorted_set::encoding(meta, settings),
        Type::String | Type::List | Type::Set | Type::Stream => "raw",
    }
}

/// Copies a collection whose elements stand by themselves into the place of `target`, whatever that held.
/// `expire_ms` is the copy's own expiry.
pub fn copy_elements(
    txn: &mut Transaction<'_>,
    source: &Entry,
    target: &mut Entry,
    expire_ms: Option<u64>,
) -> Result<(), Stop> {
    match source.meta().map(|meta| meta.kind) {
        Some(Type::Hash) => hash::copy_elements(txn, source, target, expire_ms),
        Some(Type::SortedSet) => sorted_set::copy_elements(txn, source, target, expire_ms),
        _ => Ok(()),
    }
}

/// About how many bytes a key and its value take in memory, were they there whole. Of a big collection `samples`
/// elements are looked at (0: all).
pub fn memory_usage(txn: &mut Transaction<'_>, entry: &Entry, samples: u64) -> Result<u64, Stop> {
    let Some(meta) = entry.meta() else { return Ok(0) };
    let own = entry.meta_key().len() + meta.header().len() + meta.payload.len() + ENTRY_OVERHEAD;
    let Some(head) = meta.collection() else { return Ok(own as u64) };
    if meta.kind == Type::SortedSet {
        return Ok((own as u64).saturating_add(sorted_set::elements_usage(txn, entry, head, samples)?));
    }
    let range = Range::prefix(&key::collection(entry.slot, entry.namespace, head.version));
    let (mut seen, mut bytes) = (0u64, 0u64);
    txn.range(Family::Element, entry.slot, &range, |key, value| {
        seen += 1;
        bytes += (key.len() + value.len() + ENTRY_OVERHEAD) as u64;
        seen != samples
    })?;
    let all = u128::from(bytes) * u128::from(head.len) / u128::from(seen.max(1));
    Ok((own as u64).saturating_add(u64::try_from(all).unwrap_or(u64::MAX)))
}
