//! Commands on the expiries of fields: those of Redis 7.4.

use crate::commands::args::{Args, not_an_integer};
use crate::commands::{Context, RunResult};
use crate::keyspace::transaction::Stop;
use crate::number::parse_i64;
use crate::types::hash::{Hash, HashEdit};

/// The latest time that a field can have, Unix time in ms: Redis's limit, 46 bits.
const LATEST_MS: i64 = (1 << 46) - 1;

/// There is no such field.
const MISSING: i64 = -2;
/// The field has no expiry.
const NO_EXPIRY: i64 = -1;

/// How a command tells time.
#[derive(Clone, Copy)]
struct Clock {
    /// The command's name.
    name: &'static str,
    unit_ms: i64,
    relative: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    NoExpiry,
    HasExpiry,
    Later,
    Sooner,
}

impl Condition {
    const WORDS: [(&'static [u8], Condition); 4] = [
        (b"nx", Condition::NoExpiry),
        (b"xx", Condition::HasExpiry),
        (b"gt", Condition::Later),
        (b"lt", Condition::Sooner),
    ];

    fn read(word: &[u8]) -> Condition {
        let found = Condition::WORDS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        found.map_or(Condition::Always, |(_, condition)| condition)
    }

    /// A field without expiry lives for ever, which is later than any time.
    fn allows(self, old_ms: Option<u64>, new_ms: u64) -> bool {
        match self {
            Condition::Always => true,
            Condition::NoExpiry => old_ms.is_none(),
            Condition::HasExpiry => old_ms.is_some(),
            Condition::Later => old_ms.is_some_and(|old_ms| new_ms > old_ms),
            Condition::Sooner => old_ms.is_none_or(|old_ms| new_ms < old_ms),
        }
    }
}

pub(super) fn hexpire(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    expire(cx, args, Clock { name: "hexpire", unit_ms: 1000, relative: true })
}

pub(super) fn hexpireat(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    expire(cx, args, Clock { name: "hexpireat", unit_ms: 1000, relative: false })
}

pub(super) fn hpexpire(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    expire(cx, args, Clock { name: "hpexpire", unit_ms: 1, relative: true })
}

pub(super) fn hpexpireat(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    expire(cx, args, Clock { name: "hpexpireat", unit_ms: 1, relative: false })
}

/// The time that word 2 means, Unix time in ms.
fn time(args: Args<'_>, clock: Clock, now_ms: u64) -> Result<u64, Stop> {
    let time = parse_i64(args.word(2)).ok_or_else(not_an_integer)?;
    if time < 0 {
        return Err(Stop::error("ERR invalid expire time, must be >= 0"));
    }
    let base = if clock.relative { now_ms as i64 } else { 0 };
    time.checked_mul(clock.unit_ms)
        .and_then(|ms| ms.checked_add(base))
        .filter(|&ms| ms <= LATEST_MS)
        .map(|ms| ms as u64)
        .ok_or_else(|| Stop::error(format!("ERR invalid expire time in '{}' command", clock.name)))
}

/// Where the fields begin, in `FIELDS numfields field …` at word `at`. `refusal` is the error of a bad number.
fn fields(args: Args<'_>, at: usize, refusal: &'static str) -> Result<usize, Stop> {
    if !args.word(at).eq_ignore_ascii_case(b"fields") {
        return Err(Stop::error("ERR Mandatory argument FIELDS is missing or not at the right position"));
    }
    let count = parse_i64(args.word(at + 1)).filter(|&count| count >= 1).ok_or(Stop::error(refusal))?;
    let given = args.len().saturating_sub(at + 2);
    if u64::try_from(count) != Ok(given as u64) {
        return Err(Stop::error("ERR The `numfields` parameter must match the number of arguments"));
    }
    Ok(at + 2)
}

fn expire(cx: &mut Context<'_, '_>, args: Args<'_>, clock: Clock) -> RunResult {
    let entry = cx.txn.entry(args.word(1))?;
    let mut hash = HashEdit::open(&entry)?;
    let at_ms = time(args, clock, cx.txn.now_ms())?;
    let condition = Condition::read(args.word(3));
    let at = if condition == Condition::Always { 3 } else { 4 };
    let first = fields(args, at, "ERR Parameter `numFields` should be greater than 0")?;
    let past = at_ms <= cx.txn.expiry_clock_ms();
    let mut changed: Vec<&[u8]> = Vec::new();
    cx.reply.array(args.len() - first);
    for field in args.from(first) {
        let old = match hash.get(&mut cx.txn, field) {
            Ok(found) => found.map(|found| found.expire_ms),
            Err(stop) => return Err(hash.need_all(&mut cx.txn, stop, args.from(first))),
        };
        let answer = match old {
            None => MISSING,
            Some(old_ms) if !condition.allows(old_ms, at_ms) => 0,
            Some(_) => {
                changed.push(field);
                if past {
                    hash.remove(&mut cx.txn, field)?;
                    2
                } else {
                    hash.expire(&mut cx.txn, field, Some(at_ms))?;
                    1
                }
            }
        };
        cx.reply.integer(answer);
    }
    hash.finish_with(&mut cx.txn, None, Some(if past { "hdel" } else { "hexpire" }))?;
    log(cx, args.word(1), at_ms, past, &changed);
    Ok(())
}

/// The log gets what happened: not when it was asked for, nor under which condition.
fn log(cx: &mut Context<'_, '_>, key: &[u8], at_ms: u64, past: bool, changed: &[&[u8]]) {
    if changed.is_empty() {
        return;
    }
    let (at_ms, count) = (at_ms.to_string(), changed.len().to_string());
    let mut words: Vec<&[u8]> = if past {
        vec![b"HDEL", key]
    } else {
        vec![b"HPEXPIREAT", key, at_ms.as_bytes(), b"FIELDS", count.as_bytes()]
    };
    words.extend_from_slice(changed);
    cx.txn.effect(&words);
}

const NOT_POSITIVE: &str = "ERR Number of fields must be a positive integer";

pub(super) fn hpersist(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.entry(args.word(1))?;
    let mut hash = HashEdit::open(&entry)?;
    let first = fields(args, 2, NOT_POSITIVE)?;
    cx.reply.array(args.len() - first);
    for field in args.from(first) {
        let old = match hash.get(&mut cx.txn, field) {
            Ok(found) => found.map(|found| found.expire_ms),
            Err(stop) => return Err(hash.need_all(&mut cx.txn, stop, args.from(first))),
        };
        cx.reply.integer(match old {
            None => MISSING,
            Some(None) => NO_EXPIRY,
            Some(Some(_)) => {
                hash.expire(&mut cx.txn, field, None)?;
                1
            }
        });
    }
    hash.finish_with(&mut cx.txn, None, Some("hpersist"))
}

pub(super) fn httl(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    tell(cx, args, 1000, true)
}

pub(super) fn hpttl(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    tell(cx, args, 1, true)
}

pub(super) fn hexpiretime(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    tell(cx, args, 1000, false)
}

pub(super) fn hpexpiretime(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    tell(cx, args, 1, false)
}

fn tell(cx: &mut Context<'_, '_>, args: Args<'_>, unit_ms: u64, relative: bool) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let hash = Hash::open(&entry)?;
    let first = fields(args, 2, NOT_POSITIVE)?;
    let base = if relative { cx.txn.now_ms() } else { 0 };
    cx.reply.array(args.len() - first);
    let reply = &mut *cx.reply;
    hash.get_each(&mut cx.txn, args.from(first), |found| {
        reply.integer(match found.map(|found| found.expire_ms) {
            None => MISSING,
            Some(None) => NO_EXPIRY,
            Some(Some(at_ms)) => at_ms.saturating_sub(base).div_ceil(unit_ms) as i64,
        });
    })
}
