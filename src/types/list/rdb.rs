//! Lists in RDB.

use super::bytes::{LISTPACK_FRAME, ListpackLimit, entry_bytes};
use super::edit::{Frame, ListEdit, fits};
use super::read::List;
use crate::commands::Settings;
use crate::encoding::packed_list::BlockBuf;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::rdb::Value;

/// The elements, from head to tail; `None` if there is none.
pub fn to_rdb(txn: &mut Transaction<'_>, entry: &Entry) -> Result<Option<Value>, Stop> {
    let list = List::open(entry)?;
    let mut elements = Vec::new();
    list.each(txn, 0..list.len(), |element| elements.push(element.to_vec()))?;
    Ok((!elements.is_empty()).then_some(Value::List(elements)))
}

/// Puts a list of these elements, of which there is at least one, in the place of what `entry` holds.
pub fn from_rdb(
    txn: &mut Transaction<'_>,
    entry: &mut Entry,
    elements: &[Vec<u8>],
    expire_ms: Option<u64>,
    settings: &Settings,
) -> Result<(), Stop> {
    let limit = ListpackLimit::of(settings.list_max_listpack_size);
    let bytes = elements.iter().map(|element| entry_bytes(element)).sum::<u64>() + LISTPACK_FRAME;
    let frame = Frame { expire_ms, expanded: limit.exceeded(bytes, elements.len() as u64) };
    let mut list = ListEdit { entry, limit };
    let elements: Vec<&[u8]> = elements.iter().map(Vec::as_slice).collect();
    if !fits(&[], &elements) {
        return list.put_chunks(txn, frame, elements.into_iter());
    }
    let mut block = BlockBuf::default();
    elements.iter().for_each(|element| block.push(element));
    list.put_packed(txn, frame, &[block.block()], false)
}
