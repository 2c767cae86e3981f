//! Hashes: small ones as one value, big ones field by field.

use crate::commands::Settings;
use crate::encoding::key;
use crate::encoding::meta::{Collection, Meta};
use crate::encoding::packed_hash;
use crate::engine::{Family, Range};
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// Removes a field if its time has come. Returns whether it did; the caller says so in the log.
pub fn remove_expired_field(_txn: &mut Transaction<'_>, _key: &[u8], _field: &[u8]) -> Result<bool, Stop> {
    Ok(false)
}

/// As OBJECT ENCODING calls it. (Provisional: branch `hash` has the real one.)
pub fn encoding(meta: &Meta<'_>, _settings: &Settings) -> &'static str {
    if meta.by_elements || meta.expanded { "hashtable" } else { "listpack" }
}

/// Whether a field may have an expiry: if not, RENAME within a slot need not look at the fields.
/// (Provisional: branch `hash` knows better than "maybe" of hashes by elements.)
pub fn may_have_field_expiry(meta: &Meta<'_>) -> bool {
    meta.by_elements || packed_hash::fields(meta.payload).any(|field| field.expire_ms.is_some())
}

/// Copies a hash whose fields stand by themselves to another key, which it replaces.
/// (Provisional: branch `hash` has the real one.)
pub fn copy_elements(
    txn: &mut Transaction<'_>,
    source: &Entry,
    target: &mut Entry,
    expire_ms: Option<u64>,
) -> Result<(), Stop> {
    let Some((meta, head)) = source.meta().and_then(|meta| Some((meta, meta.collection()?))) else {
        return Ok(());
    };
    let range = Range::prefix(&key::collection(source.slot, source.namespace, head.version));
    let mut elements = Vec::new();
    txn.range(Family::Element, source.slot, &range, |key, value| {
        elements.push((key[key::ELEMENT_PREFIX..].to_vec(), value.to_vec()));
        true
    })?;
    let version = txn.new_version();
    let payload = Collection { version, len: head.len }.encode();
    txn.put(target, &Meta { expire_ms, payload: &payload, ..meta })?;
    for (name, value) in &elements {
        txn.put_element(target.slot, &key::element(target.slot, target.namespace, version, name), value);
        if let Some((Some(at_ms), _)) = packed_hash::parse_element(value) {
            txn.index_field(target, name, at_ms, true);
        }
    }
    Ok(())
}
