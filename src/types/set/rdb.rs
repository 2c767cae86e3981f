//! Sets in RDB.

use super::{Set, SetWriter};
use crate::commands::Settings;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::rdb::Value;

/// The members; `None` if there is none.
pub fn to_rdb(txn: &mut Transaction<'_>, entry: &Entry) -> Result<Option<Value>, Stop> {
    let mut members = Vec::new();
    Set::open(entry)?.each(txn, |member| {
        members.push(member.to_vec());
        true
    })?;
    Ok((!members.is_empty()).then_some(Value::Set(members)))
}

/// Puts a set of these members, none twice, in the place of what `entry` holds.
pub fn from_rdb(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    members: &[Vec<u8>],
    expire_ms: Option<u64>,
    settings: &Settings,
) -> Result<(), Stop> {
    let mut set = SetWriter::new(entry, settings).expiring(expire_ms);
    members.iter().for_each(|member| set.add(txn, member));
    set.finish(txn)?;
    Ok(())
}
