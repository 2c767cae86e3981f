//! Hashes in RDB.

use std::borrow::Cow;

use super::{Hash, HashEdit};
use crate::commands::Settings;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::rdb::{HashField, Value};

/// The fields whose time has not come; `None` if there is none.
pub fn to_rdb(txn: &mut Transaction<'_>, entry: &Entry) -> Result<Option<Value>, Stop> {
    let mut fields = Vec::new();
    Hash::open(entry)?.each(txn, |field| {
        let (name, value) = (field.name.to_vec(), field.value.to_vec());
        fields.push(HashField { name, value, expire_ms: field.expire_ms });
        true
    })?;
    Ok((!fields.is_empty()).then_some(Value::Hash(fields)))
}

/// Puts a hash of these fields, no name twice, in the place of what `entry` holds.
pub fn from_rdb(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    fields: &[HashField],
    expire_ms: Option<u64>,
    settings: &Settings,
) -> Result<(), Stop> {
    let mut hash = HashEdit::replace(entry, expire_ms);
    for HashField { name, value, expire_ms } in fields {
        hash.set(txn, name, Cow::Borrowed(value), *expire_ms)?;
    }
    hash.finish_as_one(txn, settings)
}
