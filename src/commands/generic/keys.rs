//! DEL, EXISTS, TOUCH, TYPE, UNLINK, KEYS, RANDOMKEY.

use super::walk::{Pace, tag_slots, walk};
use super::{Args, Context, RunResult};
use crate::commands::answer::{Whole, show_all};
use crate::commands::args::{not_an_integer, syntax_error};
use crate::config::Events;
use crate::encoding::key;
use crate::encoding::meta::Type;
use crate::engine::Family;
use crate::glob::glob_match;
use crate::keyspace::slot::SLOTS;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// Looks a key up for reading without counting as a use of it. Also when it was last used, if that is known.
pub(in crate::commands) fn inspect(
    cx: &mut Context<'_, '_>,
    key: &[u8],
) -> Result<(Entry, Option<u32>), Stop> {
    let used_s = cx.txn.peek_used_s(key);
    let entry = cx.txn.lookup(key)?;
    if let Some(used_s) = used_s {
        cx.txn.set_used_s(&entry, used_s);
    }
    Ok((entry, used_s))
}

/// As [`inspect`], without the event `keymiss` for a key that does not exist (OBJECT).
pub(super) fn inspect_quietly(cx: &mut Context<'_, '_>, key: &[u8]) -> Result<(Entry, Option<u32>), Stop> {
    let used_s = cx.txn.peek_used_s(key);
    let entry = cx.txn.lookup_quietly(key)?;
    if let Some(used_s) = used_s {
        cx.txn.set_used_s(&entry, used_s);
    }
    Ok((entry, used_s))
}

/// A type by the name that TYPE answers with, in any case.
pub(super) fn type_named(name: &[u8]) -> Option<Type> {
    Type::ALL.into_iter().find(|kind| name.eq_ignore_ascii_case(kind.name().as_bytes()))
}

/// Whether a key matches a pattern; `*` alone matches the empty key as well, as in Redis.
pub(super) fn matches(pattern: &[u8], key: &[u8]) -> bool {
    pattern == b"*" || glob_match(pattern, key, false)
}

/// The number of a database among the arguments.
pub(super) fn database_argument(word: &[u8], databases: usize) -> Result<usize, Stop> {
    let number = crate::number::parse_i64(word).ok_or_else(not_an_integer)?;
    let number = i32::try_from(number).map_err(|_| {
        Stop::error("ERR value is out of range, value must between -2147483648 and 2147483647")
    })?;
    usize::try_from(number)
        .ok()
        .filter(|&database| database < databases)
        .ok_or_else(|| Stop::error("ERR DB index is out of range"))
}

/// DEL and UNLINK: to remove a collection is to forget its version, so both are quick.
pub(super) fn del(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut removed = 0;
    for key in args.from(1) {
        let mut entry = cx.txn.entry(key)?;
        // One whose time has come is removed by the commit; it does not count.
        if entry.exists() && cx.txn.remove(&mut entry)? {
            cx.txn.notify(Events::GENERIC, "del", &entry);
            removed += 1;
        }
    }
    cx.reply.integer(removed);
    Ok(())
}

pub(super) fn exists(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut found = 0;
    for key in args.from(1) {
        found += i64::from(inspect(cx, key)?.0.exists());
    }
    cx.reply.integer(found);
    Ok(())
}

pub(super) fn touch(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut found = 0;
    for key in args.from(1) {
        found += i64::from(cx.txn.lookup(key)?.exists());
    }
    cx.reply.integer(found);
    Ok(())
}

pub(super) fn kind(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (entry, _) = inspect(cx, args.word(1))?;
    cx.reply.simple(entry.meta().map_or("none", |meta| meta.kind.name()));
    Ok(())
}

/// KEYS; Pika's second argument keeps one type.
pub(super) fn keys(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let pattern = args.word(1);
    let wanted = match args.len() {
        2 => None,
        3 => Some(type_named(args.word(2)).ok_or_else(syntax_error)?),
        _ => return Err(Stop::error("ERR wrong number of arguments for 'keys' command")),
    };
    let (namespace, now_ms) = (cx.txn.namespace_of(cx.txn.database()), cx.txn.now_ms());
    let slots = tag_slots(pattern);
    let start = key::meta_slot(slots.start, namespace);
    show_all(cx, Whole::Array, None, |txn, see| {
        walk(txn, namespace, &start, slots.end, Pace::Whole, |key, meta| {
            let shown = wanted.is_none_or(|kind| kind == meta.kind) && !meta.is_expired(now_ms);
            if shown && matches(pattern, key.key) { see(&[key.key]) } else { true }
        })
        .map(|_| ())
    })
}

/// Up to so many keys RANDOMKEY looks at all of them, and each is as likely as any other.
const UNIFORM: i64 = 512;
/// Of more, it takes one of so many that follow a random place, which evens out the gaps between places.
const NEIGHBOURS: usize = 16;
/// How many keys it looks at from one place, before it gives that up: they may all have expired.
const LOOKED_AT: usize = 1024;

pub(super) fn randomkey(cx: &mut Context<'_, '_>, _args: Args<'_>) -> RunResult {
    let namespace = cx.txn.namespace_of(cx.txn.database());
    let chosen = if cx.txn.counts_so_far(namespace).keys() <= UNIFORM {
        sample(&mut cx.txn, &key::meta_slot(0, namespace), usize::MAX, usize::MAX, Pace::Whole)?
    } else {
        near_random_place(&mut cx.txn)?
    };
    match chosen {
        Some(key) => cx.reply.bulk(&key),
        None => cx.reply.null(),
    }
    Ok(())
}

fn near_random_place(txn: &mut Transaction<'_>) -> Result<Option<Vec<u8>>, Stop> {
    let namespace = txn.namespace_of(txn.database());
    // Run again elsewhere, it must stay with the place that it asked for, or it would never have what it needs.
    let start = match txn.kept_range(Family::Meta) {
        Some(range) => range.lower,
        None => key::meta_position(txn.random.u16(..SLOTS), namespace, txn.random.u32(..)).to_vec(),
    };
    let bounded = Pace::Bounded { jumps: 64 };
    let first = key::meta_slot(0, namespace);
    for start in [&start[..], &first] {
        if let Some(key) = sample(txn, start, LOOKED_AT, NEIGHBOURS, bounded)? {
            return Ok(Some(key));
        }
    }
    // Nearly everything has expired: the first key that has not will do.
    let (now_ms, mut found) = (txn.now_ms(), None);
    walk(txn, namespace, &first, SLOTS, Pace::Whole, |key, meta| {
        found = (!meta.is_expired(now_ms)).then(|| key.key.to_vec());
        found.is_none()
    })?;
    Ok(found)
}

/// One of the live keys from `start` on, each as likely as any other: of all among the next `looked_at` keys,
/// or of the first `enough` live ones.
fn sample(
    txn: &mut Transaction<'_>,
    start: &[u8],
    looked_at: usize,
    enough: usize,
    pace: Pace,
) -> Result<Option<Vec<u8>>, Stop> {
    let (namespace, now_ms) = (txn.namespace_of(txn.database()), txn.now_ms());
    let mut random = txn.random.fork();
    let (mut seen, mut live, mut chosen) = (0, 0, None);
    walk(txn, namespace, start, SLOTS, pace, |key, meta| {
        seen += 1;
        if !meta.is_expired(now_ms) {
            live += 1;
            // The n-th takes the place of the chosen one with probability 1/n: all have the same chance.
            if random.usize(..live) == 0 {
                chosen = Some(key.key.to_vec());
            }
        }
        seen < looked_at && live < enough
    })?;
    Ok(chosen)
}
