//! The entries of a string in fragments; see [`super`] for their layout.

use crate::encoding::key::{self, KeyBuf, Version};
use crate::encoding::meta::{Collection, Meta, Type};
use crate::engine::{EngineError, Family, Range};
use crate::keyspace::table::ENTRY_OVERHEAD;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// Bytes of a string in one fragment.
pub const FRAGMENT: u64 = 4096;

/// The Element key of a fragment.
pub(super) fn fragment_key(entry: &Entry, version: Version, index: u64) -> KeyBuf {
    let mut out = key::collection(entry.slot, entry.namespace, version);
    out.extend_from_slice(&index.to_be_bytes());
    out
}

/// The number of the fragment that an Element key stands for.
pub(super) fn fragment_index(key: &[u8]) -> Result<u64, Stop> {
    let number = key.get(key::COLLECTION_PREFIX..).and_then(|rest| rest.try_into().ok());
    number.map(u64::from_be_bytes).ok_or_else(corrupt)
}

pub(super) fn corrupt() -> Stop {
    Stop::Engine(EngineError("an entry of a string does not parse".into()))
}

/// Bytes without the zero bytes at their end.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    // Most fragments end with something else; a long run of zero bytes goes eight at a time.
    while let Some((before, [0, 0, 0, 0, 0, 0, 0, 0])) = rest.split_last_chunk::<8>() {
        rest = before;
    }
    while let Some((0, before)) = rest.split_last() {
        rest = before;
    }
    rest
}

/// Writes a fragment of the string that `entry` holds, or will hold. `stored` says that there may be an entry of
/// it already, so that one that became all zero must be removed.
pub fn put_fragment(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    version: Version,
    index: u64,
    bytes: &[u8],
    stored: bool,
) {
    let bytes = trimmed(bytes);
    if !bytes.is_empty() {
        txn.put_element(entry, &fragment_key(entry, version, index), bytes);
    } else if stored {
        txn.remove_element(entry, &fragment_key(entry, version, index));
    }
}

/// Writes what a key says of a string in fragments, `len` bytes long. The key then counts as changed once.
pub fn put_head(
    txn: &mut Transaction<'_>,
    entry: &mut Entry,
    version: Version,
    len: u64,
    expire_ms: Option<u64>,
) -> Result<(), Stop> {
    let payload = Collection { version, len }.encode();
    let meta = Meta { kind: Type::String, expire_ms, by_elements: true, expanded: true, payload: &payload };
    txn.put(entry, &meta)
}

/// Copies a string in fragments into the place of `target`, whatever that held. `expire_ms` is the copy's own
/// expiry.
pub fn copy_elements(
    txn: &mut Transaction<'_>,
    source: &Entry,
    target: &mut Entry,
    expire_ms: Option<u64>,
) -> Result<(), Stop> {
    let Some(meta) = source.typed(Type::String)? else { return Ok(()) };
    let Some(head) = meta.collection() else { return txn.put(target, &Meta { expire_ms, ..meta }) };
    let mut fragments = Vec::new();
    txn.range(Family::Element, source.slot, &all(source, head), |key, value| {
        fragments.push((fragment_index(key), value.to_vec()));
        true
    })?;
    let version = txn.new_version();
    for (index, bytes) in fragments {
        put_fragment(txn, target, version, index?, &bytes, false);
    }
    put_head(txn, target, version, head.len, expire_ms)
}

/// About how many bytes the fragments of a string take in memory. Looks at `samples` of them (0: all) and takes
/// the rest to be as dense.
pub fn memory_usage(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    head: Collection,
    samples: u64,
) -> Result<u64, Stop> {
    let (mut seen, mut bytes, mut reached) = (0u64, 0u64, Ok(0));
    let mut complete = true;
    txn.range(Family::Element, entry.slot, &all(entry, head), |key, value| {
        if samples != 0 && seen == samples {
            complete = false;
            return false;
        }
        seen += 1;
        bytes += (key.len() + value.len() + ENTRY_OVERHEAD) as u64;
        reached = fragment_index(key);
        true
    })?;
    if complete {
        return Ok(bytes);
    }
    let (places, looked_at) = (head.len.div_ceil(FRAGMENT), reached?.saturating_add(1));
    let all = u128::from(bytes) * u128::from(places.max(looked_at)) / u128::from(looked_at);
    Ok(u64::try_from(all).unwrap_or(u64::MAX))
}

/// The Element keys of all fragments.
fn all(entry: &Entry, head: Collection) -> Range {
    Range::prefix(&key::collection(entry.slot, entry.namespace, head.version))
}
