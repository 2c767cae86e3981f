//! Commands that replace strings.

use super::get::reply_value;
use super::options::{Clock, Condition, Lifetime, SetOptions, invalid_time};
use crate::commands::args::{Args, not_an_integer};
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::encoding::meta::Meta;
use crate::keyspace::transaction::{Entry, Stop};
use crate::number::{self, Decimal};
use crate::types::string::StringValue;

pub(super) fn set(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (key, value) = (args.word(1), args.word(2));
    if args.len() == 3 {
        let mut entry = cx.txn.entry_blind(key)?;
        put_new(cx, &mut entry, value)?;
        cx.reply.ok();
        return Ok(());
    }
    let options = SetOptions::parse(args)?;
    let expire_ms = match options.lifetime {
        Lifetime::Until(clock, text) => Some(clock.absolute_ms(text, "set", cx.txn.now_ms())?),
        _ => None,
    };
    let keep = options.lifetime == Lifetime::Keep;
    if options.condition == Condition::Always && !options.get && !keep {
        store_blind(cx, key, value, expire_ms)?;
        cx.reply.ok();
        return Ok(());
    }
    let mut entry = if options.get { cx.txn.lookup(key)? } else { cx.txn.entry(key)? };
    let expire_ms = match entry.meta() {
        Some(meta) if keep => meta.expire_ms,
        _ => expire_ms,
    };
    if let Condition::Holds(old) = options.condition {
        let answer = compare(cx, &entry, old)?;
        cx.reply.integer(answer);
        return if answer == 1 { store_or_keep(cx, &mut entry, value, expire_ms, keep) } else { Ok(()) };
    }
    let stores = match options.condition {
        Condition::Absent => !entry.exists(),
        Condition::Present => entry.exists(),
        _ => true,
    };
    if options.get {
        reply_value(cx, &entry)?;
    } else if stores {
        cx.reply.ok();
    } else {
        cx.reply.null();
    }
    if stores { store_or_keep(cx, &mut entry, value, expire_ms, keep) } else { Ok(()) }
}

/// As [`store`]; an expiry that the key keeps is no event.
fn store_or_keep(
    cx: &mut Context<'_, '_>,
    entry: &mut Entry,
    value: &[u8],
    expire_ms: Option<u64>,
    keep: bool,
) -> RunResult {
    if !keep {
        return store(cx, entry, value, expire_ms);
    }
    put(cx, entry, value, expire_ms)?;
    cx.txn.notify(Events::STRING, "set", entry);
    Ok(())
}

/// What VX commands answer: 1 if the key holds `old`, -1 if it holds another string, 0 if it does not exist.
fn compare(cx: &mut Context<'_, '_>, entry: &Entry, old: &[u8]) -> Result<i64, Stop> {
    Ok(match StringValue::open(entry)? {
        Some(value) if value.len() == old.len() as u64 && value.whole(&mut cx.txn)? == old => 1,
        Some(_) => -1,
        None => 0,
    })
}

/// As [`store`], for a key that nobody looked at.
fn store_blind(cx: &mut Context<'_, '_>, key: &[u8], value: &[u8], expire_ms: Option<u64>) -> RunResult {
    let past = expire_ms.is_some_and(|time| time <= cx.txn.expiry_clock_ms());
    // Only a key that is known can be removed.
    let mut entry = if past { cx.txn.entry(key)? } else { cx.txn.entry_blind(key)? };
    store(cx, &mut entry, value, expire_ms)
}

/// Stores a string in the place of another, as SET does, and tells of it.
pub(super) fn store(
    cx: &mut Context<'_, '_>,
    entry: &mut Entry,
    value: &[u8],
    expire_ms: Option<u64>,
) -> RunResult {
    put(cx, entry, value, expire_ms)?;
    cx.txn.notify(Events::STRING, "set", entry);
    let Some(time) = expire_ms else { return Ok(()) };
    cx.txn.notify(Events::GENERIC, "expire", entry);
    if time <= cx.txn.expiry_clock_ms() {
        // Redis finds that out when the key is asked for next.
        cx.txn.notify(Events::EXPIRED, "expired", entry);
    }
    Ok(())
}

/// Stores a string without expiry, which the command's own words tell the log.
fn put_new(cx: &mut Context<'_, '_>, entry: &mut Entry, value: &[u8]) -> RunResult {
    cx.txn.put(entry, &Meta::string(value, None))?;
    cx.txn.notify(Events::STRING, "set", entry);
    Ok(())
}

/// Stores a string, and logs just that: the log holds what came out, with absolute times. If the time has passed,
/// the key is removed at once instead.
pub(super) fn put(
    cx: &mut Context<'_, '_>,
    entry: &mut Entry,
    value: &[u8],
    expire_ms: Option<u64>,
) -> RunResult {
    match expire_ms {
        Some(time) if time <= cx.txn.expiry_clock_ms() => {
            if !entry.exists() {
                cx.txn.notify(Events::NEW, "new", entry);
            }
            return remove(cx, entry);
        }
        Some(time) => {
            let time = i64::try_from(time).unwrap_or(i64::MAX);
            cx.txn.effect(&[b"SET", entry.key(), value, b"PXAT", Decimal::new(time).as_bytes()]);
        }
        None => cx.txn.effect(&[b"SET", entry.key(), value]),
    }
    cx.txn.put(entry, &Meta::string(value, expire_ms))
}

/// Removes a key, and logs just that.
pub(super) fn remove(cx: &mut Context<'_, '_>, entry: &mut Entry) -> RunResult {
    cx.txn.effect(&[b"DEL", entry.key()]);
    cx.txn.remove(entry)?;
    Ok(())
}

pub(super) fn setnx(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.entry(args.word(1))?;
    let stores = !entry.exists();
    if stores {
        put_new(cx, &mut entry, args.word(2))?;
    }
    cx.reply.integer(i64::from(stores));
    Ok(())
}

pub(super) fn setex(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    set_for(cx, args, Clock::Seconds, "setex")
}

pub(super) fn psetex(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    set_for(cx, args, Clock::Millis, "psetex")
}

fn set_for(cx: &mut Context<'_, '_>, args: Args<'_>, clock: Clock, command: &str) -> RunResult {
    let expire_ms = clock.absolute_ms(args.word(2), command, cx.txn.now_ms())?;
    store_blind(cx, args.word(1), args.word(3), Some(expire_ms))?;
    cx.reply.ok();
    Ok(())
}

/// As Pika's log has it: any time is taken, and one that has passed removes the key.
pub(super) fn pksetexat(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let seconds = number::parse_i64(args.word(2)).ok_or_else(not_an_integer)?;
    let expire_ms = seconds.checked_mul(1000).ok_or_else(|| invalid_time("pksetexat"))?;
    store_blind(cx, args.word(1), args.word(3), Some(expire_ms.max(0).cast_unsigned()))?;
    cx.reply.ok();
    Ok(())
}

pub(super) fn delvx(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.entry(args.word(1))?;
    let answer = compare(cx, &entry, args.word(2))?;
    if answer == 1 {
        remove(cx, &mut entry)?;
        cx.txn.notify(Events::GENERIC, "del", &entry);
    }
    cx.reply.integer(answer);
    Ok(())
}

pub(super) fn mset(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    must_be_pairs(args, "mset")?;
    for index in (1..args.len()).step_by(2) {
        let mut entry = cx.txn.entry_blind(args.word(index))?;
        put_new(cx, &mut entry, args.word(index + 1))?;
    }
    cx.reply.ok();
    Ok(())
}

pub(super) fn msetnx(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    must_be_pairs(args, "msetnx")?;
    for index in (1..args.len()).step_by(2) {
        if cx.txn.entry(args.word(index))?.exists() {
            cx.reply.integer(0);
            return Ok(());
        }
    }
    for index in (1..args.len()).step_by(2) {
        // Looked up again: the same key may stand there twice.
        let mut entry = cx.txn.entry(args.word(index))?;
        put_new(cx, &mut entry, args.word(index + 1))?;
    }
    cx.reply.integer(1);
    Ok(())
}

fn must_be_pairs(args: Args<'_>, command: &str) -> RunResult {
    if args.len() % 2 == 1 {
        return Ok(());
    }
    Err(Stop::error(format!("ERR wrong number of arguments for '{command}' command")))
}

#[cfg(test)]
mod tests;
