//! Commands that read strings; some change the key's expiry, or the key, as well.

use super::options::{Lifetime, parse_getex};
use super::set::{remove, store};
use crate::commands::args::Args;
use crate::commands::{Context, RunResult};
use crate::encoding::meta::{Meta, Type};
use crate::keyspace::transaction::{Entry, Stop};
use crate::number::Decimal;

pub(super) fn get(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    reply_value(cx, &entry)?;
    Ok(())
}

/// Answers with the string at a key, or null. Returns whether there is one.
fn reply_value(cx: &mut Context<'_, '_>, entry: &Entry) -> Result<bool, Stop> {
    match entry.typed(Type::String)? {
        Some(meta) => {
            cx.reply.bulk(meta.payload);
            Ok(true)
        }
        None => {
            cx.reply.null();
            Ok(false)
        }
    }
}

pub(super) fn strlen(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let length = entry.typed(Type::String)?.map_or(0, |meta| meta.payload.len());
    cx.reply.integer(length as i64);
    Ok(())
}

pub(super) fn mget(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    cx.reply.array(args.len() - 1);
    for key in args.from(1) {
        let entry = cx.txn.lookup(key)?;
        match entry.meta().filter(|meta| meta.kind == Type::String) {
            Some(meta) => cx.reply.bulk(meta.payload),
            None => cx.reply.null(),
        }
    }
    Ok(())
}

/// GETRANGE, and SUBSTR, its old name.
pub(super) fn getrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (start, end) = (args.integer(2)?, args.integer(3)?);
    let entry = cx.txn.lookup(args.word(1))?;
    let value = entry.typed(Type::String)?.map_or(&[][..], |meta| meta.payload);
    cx.reply.bulk(slice(value, start, end));
    Ok(())
}

/// The bytes from `start` to `end`, both included; negative ones count from the end. Where that is before the
/// first byte, the first byte is meant, for `end` as well (Redis does so).
fn slice(value: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return &[];
    }
    let position = |index: i64| {
        if index < 0 {
            let back = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
            value.len().saturating_sub(back)
        } else {
            usize::try_from(index).unwrap_or(usize::MAX)
        }
    };
    let end = position(end).saturating_add(1).min(value.len());
    value.get(position(start)..end).unwrap_or(&[])
}

pub(super) fn getset(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.lookup(args.word(1))?;
    reply_value(cx, &entry)?;
    store(cx, &mut entry, args.word(2), None)
}

pub(super) fn getdel(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.lookup(args.word(1))?;
    if reply_value(cx, &entry)? {
        remove(cx, &mut entry)?;
    }
    Ok(())
}

pub(super) fn getex(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let lifetime = parse_getex(args)?;
    let found = cx.txn.lookup(args.word(1))?;
    if !reply_value(cx, &found)? {
        return Ok(());
    }
    let Some(meta) = found.meta() else { return Ok(()) };
    let mut entry = found.clone();
    match lifetime {
        Lifetime::Until(clock, text) => {
            let time = clock.absolute_ms(text, "getex", cx.txn.now_ms())?;
            if time <= cx.txn.now_ms() {
                return remove(cx, &mut entry);
            }
            let text = Decimal::new(i64::try_from(time).unwrap_or(i64::MAX));
            cx.txn.effect(&[b"PEXPIREAT", found.key(), text.as_bytes()]);
            cx.txn.put(&mut entry, &Meta { expire_ms: Some(time), ..meta })
        }
        Lifetime::Persist if meta.expire_ms.is_some() => {
            cx.txn.effect(&[b"PERSIST", found.key()]);
            cx.txn.put(&mut entry, &Meta { expire_ms: None, ..meta })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
