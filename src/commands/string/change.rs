//! Commands that change a string in part: its expiry stays. One that was changed in place counts as
//! `expanded`: OBJECT ENCODING says `raw` from then on, as in Redis.

use crate::commands::args::{Args, not_an_integer};
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::encoding::meta::Meta;
use crate::keyspace::transaction::{Entry, Stop};
use crate::number::{self, Decimal};
use crate::types::string::{StringEdit, StringValue, WHOLE};

pub(super) fn incr(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    add(cx, args.word(1), 1)
}

pub(super) fn decr(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    add(cx, args.word(1), -1)
}

pub(super) fn incrby(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    add(cx, args.word(1), args.integer(2)?)
}

pub(super) fn decrby(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let decrement = args.integer(2)?;
    let increment = decrement.checked_neg().ok_or(Stop::error("ERR decrement would overflow"))?;
    add(cx, args.word(1), increment)
}

fn add(cx: &mut Context<'_, '_>, key: &[u8], increment: i64) -> RunResult {
    let mut entry = cx.txn.entry(key)?;
    let value = match StringValue::open(&entry)? {
        // The longest number has 20 bytes: a longer string need not be read to be refused.
        Some(value) if value.len() > 20 => return Err(not_an_integer()),
        Some(value) => number::parse_i64(&value.whole(&mut cx.txn)?).ok_or_else(not_an_integer)?,
        None => 0,
    };
    let sum = value
        .checked_add(increment)
        .ok_or_else(|| Stop::error("ERR increment or decrement would overflow"))?;
    let expire_ms = expiry(&entry);
    cx.txn.put(&mut entry, &Meta::string(Decimal::new(sum).as_bytes(), expire_ms))?;
    cx.txn.notify(Events::STRING, "incrby", &entry);
    cx.reply.integer(sum);
    Ok(())
}

fn expiry(entry: &Entry) -> Option<u64> {
    entry.meta().and_then(|meta| meta.expire_ms)
}

pub(super) fn incrbyfloat(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.entry(args.word(1))?;
    let sum = match StringValue::open(&entry)? {
        Some(value) => number::incr_by_float(&value.whole(&mut cx.txn)?, args.word(2)),
        None => number::incr_by_float(b"0", args.word(2)),
    };
    let sum = sum.map_err(|why| Stop::error(format!("ERR {why}")))?;
    let expire_ms = expiry(&entry);
    // The log gets the sum: it must not depend on another node's arithmetic.
    cx.txn.put(&mut entry, &Meta::string(&sum, expire_ms))?;
    cx.txn.effect(&[b"SET", args.word(1), &sum, b"KEEPTTL"]);
    cx.txn.notify(Events::STRING, "incrbyfloat", &entry);
    cx.reply.bulk(&sum);
    Ok(())
}

pub(super) fn append(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let added = args.word(2);
    let mut entry = cx.txn.entry(args.word(1))?;
    let mut edit = StringEdit::open(&entry)?;
    let length = length_of(cx, edit.len(), added)?;
    if edit.is_empty() {
        let meta = Meta { expanded: entry.exists(), ..Meta::string(added, expiry(&entry)) };
        cx.txn.put(&mut entry, &meta)?;
    } else if added.is_empty() {
        // Redis counts it as a change all the same.
        mark_changed(cx, &mut entry)?;
    } else {
        edit.write(&mut cx.txn, length - added.len() as u64, added)?;
        edit.finish(&mut cx.txn, 1)?;
    }
    cx.txn.notify(Events::STRING, "append", &entry);
    cx.reply.integer(length as i64);
    Ok(())
}

/// Writes a string as it is, but for its being changed in place; not a large one, which nobody could tell from
/// what it was.
fn mark_changed(cx: &mut Context<'_, '_>, entry: &mut Entry) -> RunResult {
    let found = entry.clone();
    match found.meta() {
        Some(meta) if meta.payload.len() as u64 <= WHOLE => {
            cx.txn.put(entry, &Meta { expanded: true, ..meta })
        }
        _ => Ok(()),
    }
}

pub(super) fn setrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let patch = args.word(3);
    let offset = u64::try_from(args.integer(2)?).map_err(|_| Stop::error("ERR offset is out of range"))?;
    let entry = cx.txn.entry(args.word(1))?;
    let mut edit = StringEdit::open(&entry)?;
    if patch.is_empty() {
        cx.reply.integer(edit.len() as i64);
        return Ok(());
    }
    length_of(cx, offset, patch)?;
    edit.write(&mut cx.txn, offset, patch)?;
    let length = edit.len();
    edit.finish(&mut cx.txn, 1)?;
    cx.txn.notify(Events::STRING, "setrange", &entry);
    cx.reply.integer(length as i64);
    Ok(())
}

/// How long a string is that ends with `added`, begun at `offset`; too long is refused.
fn length_of(cx: &Context<'_, '_>, offset: u64, added: &[u8]) -> Result<u64, Stop> {
    offset
        .checked_add(added.len() as u64)
        .filter(|&length| length <= cx.settings.max_bulk_len && i64::try_from(length).is_ok())
        .ok_or(Stop::error("ERR string exceeds maximum allowed size (proto-max-bulk-len)"))
}

#[cfg(test)]
mod tests;
