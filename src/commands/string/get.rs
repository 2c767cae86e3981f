//! Commands that read strings; some change the key's expiry, or the key, as well.

use std::ops::Range;

use super::options::{Lifetime, parse_getex};
use super::set::{remove, store};
use crate::commands::args::Args;
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::encoding::meta::{Meta, Type};
use crate::keyspace::transaction::{Entry, Stop};
use crate::number::Decimal;
use crate::types::string::{self, StringValue};

pub(super) fn get(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    reply_value(cx, &entry)?;
    Ok(())
}

/// Answers with the string at a key, or null. Returns whether there is one.
pub(super) fn reply_value(cx: &mut Context<'_, '_>, entry: &Entry) -> Result<bool, Stop> {
    match StringValue::open(entry)? {
        Some(value) => {
            value.reply(&mut cx.txn, cx.reply)?;
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
    let length = StringValue::open_or_empty(&entry)?.len();
    cx.reply.integer(i64::try_from(length).unwrap_or(i64::MAX));
    Ok(())
}

pub(super) fn mget(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    cx.reply.array(args.len() - 1);
    for key in args.from(1) {
        let entry = cx.txn.lookup(key)?;
        if entry.meta().is_some_and(|meta| meta.kind == Type::String) {
            reply_value(cx, &entry).map_err(|stop| need_all(cx, args, stop))?;
        } else {
            cx.reply.null();
        }
    }
    Ok(())
}

/// One that lacks a part of one large string will lack parts of others: asks for all of them at once.
fn need_all(cx: &mut Context<'_, '_>, args: Args<'_>, stop: Stop) -> Stop {
    if !matches!(stop, Stop::Need(_)) {
        return stop;
    }
    let entries: Result<Vec<Entry>, Stop> = args.from(1).map(|key| cx.txn.entry(key)).collect();
    let Ok(entries) = entries else { return stop };
    let values = entries.iter().filter_map(|entry| StringValue::open(entry).ok().flatten());
    string::prefetch(&mut cx.txn, values).err().unwrap_or(stop)
}

/// GETRANGE, and SUBSTR, its old name.
pub(super) fn getrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (start, end) = (args.integer(2)?, args.integer(3)?);
    let entry = cx.txn.lookup(args.word(1))?;
    let value = StringValue::open_or_empty(&entry)?;
    value.reply_range(&mut cx.txn, cx.reply, bounds(value.len(), start, end))
}

/// Where in a string of `length` bytes those are from `start` to `end`, both included; negative ones
/// count from the end. Where that is before the first byte, the first byte is meant, for `end` as well (Redis does
/// so).
fn bounds(length: u64, start: i64, end: i64) -> Range<u64> {
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let position = |index: i64| match u64::try_from(index) {
        Ok(index) => index,
        Err(_) => length.saturating_sub(index.unsigned_abs()),
    };
    let end = position(end).saturating_add(1).min(length);
    position(start).min(end)..end
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
        cx.txn.notify(Events::GENERIC, "del", &entry);
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
            if time <= cx.txn.expiry_clock_ms() {
                remove(cx, &mut entry)?;
                cx.txn.notify(Events::GENERIC, "del", &entry);
                return Ok(());
            }
            let text = Decimal::new(i64::try_from(time).unwrap_or(i64::MAX));
            cx.txn.effect(&[b"PEXPIREAT", found.key(), text.as_bytes()]);
            cx.txn.put(&mut entry, &Meta { expire_ms: Some(time), ..meta })?;
            cx.txn.notify(Events::GENERIC, "expire", &entry);
        }
        Lifetime::Persist if meta.expire_ms.is_some() => {
            cx.txn.effect(&[b"PERSIST", found.key()]);
            cx.txn.put(&mut entry, &Meta { expire_ms: None, ..meta })?;
            cx.txn.notify(Events::GENERIC, "persist", &entry);
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
