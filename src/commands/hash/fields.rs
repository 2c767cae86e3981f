//! Commands on single fields.

use std::borrow::Cow;

use crate::commands::args::Args;
use crate::commands::{Context, RunResult};
use crate::keyspace::transaction::Stop;
use crate::number::{Decimal, LongDouble, parse_i64};
use crate::types::hash::{Found, Hash, HashEdit};

/// Runs `answer` on what stands under the field that word 2 names.
fn with_field(
    cx: &mut Context<'_, '_>,
    args: Args<'_>,
    answer: impl FnOnce(&mut Context<'_, '_>, Option<&[u8]>),
) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let found = Hash::open(&entry)?.get(&mut cx.txn, args.word(2))?;
    answer(cx, found.as_deref());
    Ok(())
}

pub(super) fn hget(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    with_field(cx, args, |cx, found| match found {
        Some(value) => cx.reply.bulk(value),
        None => cx.reply.null(),
    })
}

pub(super) fn hexists(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    with_field(cx, args, |cx, found| cx.reply.integer(i64::from(found.is_some())))
}

pub(super) fn hstrlen(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    with_field(cx, args, |cx, found| cx.reply.integer(found.map_or(0, <[u8]>::len) as i64))
}

pub(super) fn hmget(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let hash = Hash::open(&entry)?;
    cx.reply.array(args.len() - 2);
    let reply = &mut *cx.reply;
    hash.get_each(&mut cx.txn, args.from(2), |found| match found {
        Some(value) => reply.bulk(&value),
        None => reply.null(),
    })
}

/// Sets the pairs that begin at word 2. Returns how many fields are new.
fn set_pairs(cx: &mut Context<'_, '_>, args: Args<'_>, name: &str) -> Result<u64, Stop> {
    if !args.len().is_multiple_of(2) {
        return Err(Stop::error(format!("ERR wrong number of arguments for '{name}' command")));
    }
    let entry = cx.txn.entry(args.word(1))?;
    let mut hash = HashEdit::open(&entry)?;
    let mut created = 0;
    for index in (2..args.len()).step_by(2) {
        let (field, value) = (args.word(index), Cow::Borrowed(args.word(index + 1)));
        match hash.set(&mut cx.txn, field, value, None) {
            Ok(new) => created += u64::from(new),
            Err(stop) => return Err(hash.need_all(&mut cx.txn, stop, args.from(2).step_by(2))),
        }
    }
    hash.finish_with(&mut cx.txn, Some(cx.settings), Some("hset"))?;
    Ok(created)
}

pub(super) fn hset(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let created = set_pairs(cx, args, "hset")?;
    cx.reply.integer(created as i64);
    Ok(())
}

pub(super) fn hmset(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    set_pairs(cx, args, "hmset")?;
    cx.reply.ok();
    Ok(())
}

pub(super) fn hsetnx(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.entry(args.word(1))?;
    let mut hash = HashEdit::open(&entry)?;
    let free = hash.get(&mut cx.txn, args.word(2))?.is_none();
    if free {
        hash.set(&mut cx.txn, args.word(2), Cow::Borrowed(args.word(3)), None)?;
        hash.finish_with(&mut cx.txn, Some(cx.settings), Some("hset"))?;
    }
    cx.reply.integer(i64::from(free));
    Ok(())
}

pub(super) fn hdel(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.entry(args.word(1))?;
    let mut hash = HashEdit::open(&entry)?;
    let mut removed = 0;
    for field in args.from(2) {
        match hash.remove(&mut cx.txn, field) {
            Ok(existed) => removed += i64::from(existed),
            Err(stop) => return Err(hash.need_all(&mut cx.txn, stop, args.from(2))),
        }
    }
    // A field whose time had come goes too, but that is no event of this command's.
    hash.finish_with(&mut cx.txn, None, (removed > 0).then_some("hdel"))?;
    cx.reply.integer(removed);
    Ok(())
}

pub(super) fn hincrby(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let increment = args.integer(3)?;
    let entry = cx.txn.entry(args.word(1))?;
    let mut hash = HashEdit::open(&entry)?;
    let found = hash.get(&mut cx.txn, args.word(2))?;
    let current = match &found {
        Some(value) => parse_i64(value).ok_or_else(|| Stop::error("ERR hash value is not an integer"))?,
        None => 0,
    };
    let sum = current
        .checked_add(increment)
        .ok_or_else(|| Stop::error("ERR increment or decrement would overflow"))?;
    let text = Decimal::new(sum).as_bytes().to_vec();
    hash.set(&mut cx.txn, args.word(2), Cow::Owned(text), expiry_of(found.as_ref()))?;
    hash.finish_with(&mut cx.txn, Some(cx.settings), Some("hincrby"))?;
    cx.reply.integer(sum);
    Ok(())
}

/// Arithmetic keeps a field's expiry.
fn expiry_of(found: Option<&Found<'_>>) -> Option<u64> {
    found.and_then(|found| found.expire_ms)
}

pub(super) fn hincrbyfloat(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let increment =
        LongDouble::parse(args.word(3)).ok_or_else(|| Stop::error("ERR value is not a valid float"))?;
    if increment.is_infinite() {
        return Err(Stop::error("ERR value is NaN or Infinity"));
    }
    let (key, field) = (args.word(1), args.word(2));
    let entry = cx.txn.entry(key)?;
    let mut hash = HashEdit::open(&entry)?;
    let found = hash.get(&mut cx.txn, field)?;
    let current = found.as_deref().unwrap_or(b"0");
    let current = LongDouble::parse(current).ok_or_else(|| Stop::error("ERR hash value is not a float"))?;
    let sum =
        current.plus(increment).ok_or_else(|| Stop::error("ERR increment would produce NaN or Infinity"))?;
    let (text, expire_ms) = (sum.to_text(), expiry_of(found.as_ref()));
    hash.set(&mut cx.txn, field, Cow::Borrowed(&text), expire_ms)?;
    hash.finish_with(&mut cx.txn, Some(cx.settings), Some("hincrbyfloat"))?;
    // The result, so that no node has to calculate it again; setting it takes the expiry away.
    cx.txn.effect(&[b"HSET", key, field, &text]);
    if let Some(at_ms) = expire_ms {
        let at_ms = at_ms.to_string();
        cx.txn.effect(&[b"HPEXPIREAT", key, at_ms.as_bytes(), b"FIELDS", b"1", field]);
    }
    cx.reply.bulk(&text);
    Ok(())
}
