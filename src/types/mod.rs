//! What a data type can do, over a transaction.
//!
//! What every type must be able to do is dispatched here; everything else is in the type's own module.

pub mod bits;
pub mod counted_tree;
pub mod draw;
pub mod elements;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod lcs;
pub mod list;
pub mod sample;
pub mod scored;
pub mod set;
pub mod sort_source;
pub mod sorted_set;
pub mod stream;
pub mod string;

use crate::commands::Settings;
use crate::encoding::key;
use crate::encoding::meta::{Meta, Type};
use crate::engine::{Family, Range};
use crate::keyspace::table::ENTRY_OVERHEAD;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::rdb::Value;

/// What OBJECT ENCODING calls a value: what Redis would at that size.
pub fn encoding(meta: &Meta<'_>, settings: &Settings) -> &'static str {
    match meta.kind {
        Type::Hash => hash::encoding(meta, settings),
        Type::List => list::encoding(meta),
        Type::Set => set::encoding(meta),
        Type::SortedSet => sorted_set::encoding(meta, settings),
        Type::Stream => "stream",
        Type::String => string::encoding(meta),
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
        Some(Type::Set) => set::copy_elements(txn, source, target, expire_ms),
        Some(Type::String) => string::copy_elements(txn, source, target, expire_ms),
        Some(Type::List) => list::copy_elements(txn, source, target, expire_ms),
        Some(Type::Stream) => stream::copy_elements(txn, source, target, expire_ms),
        Some(Type::SortedSet) => sorted_set::copy_elements(txn, source, target, expire_ms),
        _ => Ok(()),
    }
}

/// What a key holds, as DUMP and RDB files tell it; `None` if it holds nothing any more.
pub fn to_rdb(txn: &mut Transaction<'_>, entry: &Entry) -> Result<Option<Value>, Stop> {
    let Some(meta) = entry.meta() else { return Ok(None) };
    match meta.kind {
        Type::String => string::to_rdb(txn, entry),
        Type::Hash => hash::to_rdb(txn, entry),
        Type::List => list::to_rdb(txn, entry),
        Type::Set => set::to_rdb(txn, entry),
        Type::SortedSet => sorted_set::to_rdb(txn, entry),
        Type::Stream => stream::to_rdb(txn, entry),
    }
}

/// Puts a value in the place of what `entry` holds. `expire_ms` is the key's new expiry.
pub fn from_rdb(
    txn: &mut Transaction<'_>,
    entry: &mut Entry,
    value: Value,
    expire_ms: Option<u64>,
    settings: &Settings,
) -> Result<(), Stop> {
    match value {
        Value::String(text) => txn.put(entry, &Meta::string(&text, expire_ms)),
        Value::Hash(fields) => hash::from_rdb(txn, entry, &fields, expire_ms, settings),
        Value::List(elements) => list::from_rdb(txn, entry, &elements, expire_ms, settings),
        Value::Set(members) => set::from_rdb(txn, entry, &members, expire_ms, settings),
        Value::SortedSet(members) => sorted_set::from_rdb(txn, entry, &members, expire_ms, settings),
        Value::Stream(stream) => stream::from_rdb(txn, entry, &stream, expire_ms, settings),
    }
}

/// About how many bytes a key and its value take in memory, were they there whole. Of a big collection `samples`
/// elements are looked at (0: all).
pub fn memory_usage(txn: &mut Transaction<'_>, entry: &Entry, samples: u64) -> Result<u64, Stop> {
    let Some(meta) = entry.meta() else { return Ok(0) };
    let own = entry.meta_key().len() + meta.header().len() + meta.payload.len() + ENTRY_OVERHEAD;
    let Some(head) = meta.collection() else { return Ok(own as u64) };
    if meta.kind == Type::String {
        let fragments = string::memory_usage(txn, entry, head, samples)?;
        return Ok((own as u64).saturating_add(fragments));
    }
    if meta.kind == Type::List {
        return Ok(own as u64 + list::elements_memory(&meta));
    }
    if meta.kind == Type::Stream {
        return Ok((own as u64).saturating_add(stream::nodes_usage(txn, entry, samples)?));
    }
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
