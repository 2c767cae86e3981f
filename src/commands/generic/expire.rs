//! EXPIRE and its relatives, TTL and its relatives, PERSIST.

use super::keys::inspect;
use super::{Args, Context, RunResult};
use crate::config::Events;
use crate::encoding::meta::Meta;
use crate::keyspace::transaction::Stop;

/// What a command calls a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
}

/// NX, XX, GT and LT.
#[derive(Debug, Clone, Copy, Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn parse(args: Args<'_>) -> Result<Conditions, Stop> {
        let mut conditions = Conditions::default();
        for word in args.from(3) {
            let flag = match word.to_ascii_lowercase().as_slice() {
                b"nx" => &mut conditions.nx,
                b"xx" => &mut conditions.xx,
                b"gt" => &mut conditions.gt,
                b"lt" => &mut conditions.lt,
                _ => return Err(Stop::quoting(&[b"ERR Unsupported option ", word])),
            };
            *flag = true;
        }
        let Conditions { nx, xx, gt, lt } = conditions;
        if nx && (xx || gt || lt) {
            return Err(Stop::error("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if gt && lt {
            return Err(Stop::error("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    /// Whether a key that expires at `old` (`None`: never) may be made to expire at `new`.
    fn hold(self, old: Option<u64>, new: i64) -> bool {
        // No expiry is an expiry in the infinite.
        let old_ms = old.map_or(i128::MAX, i128::from);
        let new_ms = i128::from(new);
        !(self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && new_ms <= old_ms
            || self.lt && new_ms >= old_ms)
    }
}

pub(super) fn expire(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let now_ms = cx.txn.now_ms();
    set_expiry(cx, args, "expire", Unit::Seconds, now_ms)
}

pub(super) fn pexpire(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let now_ms = cx.txn.now_ms();
    set_expiry(cx, args, "pexpire", Unit::Milliseconds, now_ms)
}

pub(super) fn expireat(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    set_expiry(cx, args, "expireat", Unit::Seconds, 0)
}

pub(super) fn pexpireat(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    set_expiry(cx, args, "pexpireat", Unit::Milliseconds, 0)
}

/// The time in a command as Unix time in ms, which may be in the past or negative.
fn absolute_ms(time: i64, unit: Unit, base_ms: u64, name: &str) -> Result<i64, Stop> {
    let scale = if unit == Unit::Seconds { 1000 } else { 1 };
    let base_ms = i64::try_from(base_ms).ok();
    time.checked_mul(scale)
        .and_then(|time_ms| time_ms.checked_add(base_ms?))
        .ok_or_else(|| Stop::error(format!("ERR invalid expire time in '{name}' command")))
}

fn set_expiry(cx: &mut Context<'_, '_>, args: Args<'_>, name: &str, unit: Unit, base_ms: u64) -> RunResult {
    let conditions = Conditions::parse(args)?;
    let at_ms = absolute_ms(args.integer(2)?, unit, base_ms, name)?;
    let key = args.word(1);
    let mut entry = cx.txn.entry(key)?;
    let stored = entry.clone();
    let Some(meta) = stored.meta().filter(|meta| conditions.hold(meta.expire_ms, at_ms)) else {
        cx.reply.integer(0);
        return Ok(());
    };
    match u64::try_from(at_ms).ok().filter(|&at_ms| at_ms > cx.txn.expiry_clock_ms()) {
        Some(expire_ms) => {
            cx.txn.put(&mut entry, &Meta { expire_ms: Some(expire_ms), ..meta })?;
            cx.txn.notify(Events::GENERIC, "expire", &entry);
            cx.txn.effect(&[b"PEXPIREAT", key, expire_ms.to_string().as_bytes()]);
        }
        None => {
            cx.txn.remove(&mut entry)?;
            cx.txn.notify(Events::GENERIC, "del", &entry);
            cx.txn.effect(&[b"DEL", key]);
        }
    }
    cx.reply.integer(1);
    Ok(())
}

pub(super) fn persist(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.entry(args.word(1))?;
    let stored = entry.clone();
    let Some(meta) = stored.meta().filter(|meta| meta.expire_ms.is_some()) else {
        cx.reply.integer(0);
        return Ok(());
    };
    cx.txn.put(&mut entry, &Meta { expire_ms: None, ..meta })?;
    cx.txn.notify(Events::GENERIC, "persist", &entry);
    cx.reply.integer(1);
    Ok(())
}

pub(super) fn ttl(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let now_ms = cx.txn.now_ms();
    answer_expiry(cx, args, |at_ms| seconds(at_ms.saturating_sub(now_ms)))
}

pub(super) fn pttl(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let now_ms = cx.txn.now_ms();
    answer_expiry(cx, args, |at_ms| at_ms.saturating_sub(now_ms))
}

pub(super) fn expiretime(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    answer_expiry(cx, args, seconds)
}

pub(super) fn pexpiretime(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    answer_expiry(cx, args, |at_ms| at_ms)
}

/// To the nearest second.
fn seconds(ms: u64) -> u64 {
    ms / 1000 + u64::from(ms % 1000 >= 500)
}

/// -2 without a key, -1 without an expiry, else what `show` makes of it.
fn answer_expiry(cx: &mut Context<'_, '_>, args: Args<'_>, show: impl Fn(u64) -> u64) -> RunResult {
    let (entry, _) = inspect(cx, args.word(1))?;
    let answer = match entry.meta().map(|meta| meta.expire_ms) {
        None => -2,
        Some(None) => -1,
        Some(Some(at_ms)) => i64::try_from(show(at_ms)).unwrap_or(i64::MAX),
    };
    cx.reply.integer(answer);
    Ok(())
}
