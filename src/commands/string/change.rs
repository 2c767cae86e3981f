//! Commands that change a string in part: its expiry stays. One that was changed in place counts as
//! `expanded`: OBJECT ENCODING says `raw` from then on, as in Redis.

use super::set::store;
use crate::commands::args::{Args, not_an_integer};
use crate::commands::{Context, RunResult};
use crate::encoding::meta::{Meta, Type};
use crate::keyspace::transaction::Stop;
use crate::number::{self, Decimal};

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
    let (value, expire_ms) = match entry.typed(Type::String)? {
        Some(meta) => (number::parse_i64(meta.payload).ok_or_else(not_an_integer)?, meta.expire_ms),
        None => (0, None),
    };
    let sum = value
        .checked_add(increment)
        .ok_or_else(|| Stop::error("ERR increment or decrement would overflow"))?;
    cx.txn.put(&mut entry, &Meta::string(Decimal::new(sum).as_bytes(), expire_ms))?;
    cx.reply.integer(sum);
    Ok(())
}

pub(super) fn incrbyfloat(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.entry(args.word(1))?;
    let (value, expire_ms) = match entry.typed(Type::String)? {
        Some(meta) => (meta.payload, meta.expire_ms),
        None => (&b"0"[..], None),
    };
    let sum = number::incr_by_float(value, args.word(2)).map_err(|why| Stop::error(format!("ERR {why}")))?;
    // The log gets the sum: it must not depend on another node's arithmetic.
    store(cx, &mut entry, &sum, expire_ms)?;
    cx.reply.bulk(&sum);
    Ok(())
}

pub(super) fn append(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let added = args.word(2);
    let mut entry = cx.txn.entry(args.word(1))?;
    // A second handle on the same bytes: the first is what the write goes through.
    let found = entry.clone();
    let (value, expire_ms) = match found.typed(Type::String)? {
        Some(meta) => (meta.payload, meta.expire_ms),
        None => (&[][..], None),
    };
    let length = length_of(cx, value.len() as u64, added)?;
    let meta = Meta { expanded: found.exists(), ..Meta::string(&[], expire_ms) };
    cx.txn.put_parts(&mut entry, &meta, &[value, added])?;
    cx.reply.integer(length as i64);
    Ok(())
}

pub(super) fn setrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let patch = args.word(3);
    let offset = u64::try_from(args.integer(2)?).map_err(|_| Stop::error("ERR offset is out of range"))?;
    let mut entry = cx.txn.entry(args.word(1))?;
    let found = entry.clone();
    let (value, expire_ms) = match found.typed(Type::String)? {
        Some(meta) => (meta.payload, meta.expire_ms),
        None => (&[][..], None),
    };
    if patch.is_empty() {
        cx.reply.integer(value.len() as i64);
        return Ok(());
    }
    let end = length_of(cx, offset, patch)?;
    let offset = end - patch.len();
    let (before, after) = (&value[..offset.min(value.len())], value.get(end..).unwrap_or(&[]));
    let gap = vec![0; offset - before.len()];
    let meta = Meta { expanded: true, ..Meta::string(&[], expire_ms) };
    cx.txn.put_parts(&mut entry, &meta, &[before, &gap, patch, after])?;
    cx.reply.integer((end + after.len()) as i64);
    Ok(())
}

/// How long a string is that ends with `added`, begun at `offset`; too long is refused.
fn length_of(cx: &Context<'_, '_>, offset: u64, added: &[u8]) -> Result<usize, Stop> {
    offset
        .checked_add(added.len() as u64)
        .filter(|&length| length <= cx.settings.max_bulk_len)
        .and_then(|length| usize::try_from(length).ok())
        .ok_or(Stop::error("ERR string exceeds maximum allowed size (proto-max-bulk-len)"))
}

#[cfg(test)]
mod tests;
