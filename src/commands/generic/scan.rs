//! SCAN and SCANX, and their cursors.
//!
//! A cursor says where to go on: slot × 2^32 + hash, the place of the first key that was not looked at. The
//! server keeps nothing, so a cursor holds after a restart, and whatever the number of partitions has become. A
//! key's place never changes, so one that is there from the first call to the last is returned. Keys of the
//! same place come in the same call.

use super::keys::{matches, type_named};
use super::walk::{Pace, Walked, walk};
use super::{Args, Context, RunResult};
use crate::commands::args::{Cursor, syntax_error};
use crate::commands::element_scan::{self, parse_cursor};
use crate::encoding::key::{self, MetaKey};
use crate::encoding::meta::{Meta, Type};
use crate::keyspace::slot::{self, SLOTS, Slot};
use crate::keyspace::transaction::Stop;

/// How often one call may jump over keys of other databases; each jump costs some microseconds.
const JUMPS: usize = 128;
/// COUNT, if the client gives none.
const COUNT: u64 = 10;

/// The partition that a SCAN cursor points into.
pub fn cursor_partition(cursor: &[u8], partitions: usize) -> usize {
    let slot = parse_cursor(cursor).and_then(cursor_place).map_or(0, |(slot, _)| slot);
    slot::partition_of(slot, partitions)
}

/// Slot and hash that a cursor stands for; `None` if it is past all slots.
fn cursor_place(cursor: u64) -> Option<(Slot, u32)> {
    let slot = Slot::try_from(cursor >> 32).ok().filter(|&slot| slot < SLOTS)?;
    Some((slot, cursor as u32))
}

/// The cursor that stands for a place; 0, the end, for the one past all slots.
fn cursor_at(slot: Slot, hash: u32) -> u64 {
    if slot >= SLOTS { 0 } else { u64::from(slot) << 32 | u64::from(hash) }
}

/// What is to be shown, and how much is to be looked at.
struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: u64,
    /// A type, or `Some(None)` for one that does not exist, which no key is of.
    kind: Option<Option<Type>>,
}

impl<'a> Options<'a> {
    fn parse(mut words: Cursor<'a>, with_type: bool) -> Result<Options<'a>, Stop> {
        let mut options = Options { pattern: None, count: COUNT, kind: None };
        while words.left() > 0 {
            if words.left() == 1 {
                return Err(syntax_error());
            }
            if words.eat("COUNT") {
                let count = words.integer()?;
                options.count = u64::try_from(count).ok().filter(|&n| n > 0).ok_or_else(syntax_error)?;
            } else if words.eat("MATCH") {
                options.pattern = Some(words.word()?);
            } else if with_type && words.eat("TYPE") {
                options.kind = Some(type_named(words.word()?));
            } else {
                return Err(syntax_error());
            }
        }
        Ok(options)
    }

    fn admits(&self, key: &MetaKey<'_>, meta: &Meta<'_>, now_ms: u64) -> bool {
        !meta.is_expired(now_ms)
            && self.kind.is_none_or(|kind| kind == Some(meta.kind))
            && self.pattern.is_none_or(|pattern| matches(pattern, key.key))
    }
}

pub(super) fn scan(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let cursor = element_scan::cursor(args.word(1))?;
    let options = Options::parse(args.cursor(2), true)?;
    let txn = &mut cx.txn;
    let (namespace, now_ms) = (txn.namespace_of(txn.database()), txn.now_ms());
    let (mut keys, mut looked_at, mut last, mut next) = (Vec::new(), 0, None, None);
    let cursor = match cursor_place(cursor) {
        None => 0,
        Some((slot, hash)) => {
            let start = key::meta_position(slot, namespace, hash);
            let pace = Pace::Bounded { jumps: JUMPS };
            let end = txn.slots().end;
            let walked = walk(txn, namespace, &start, end, pace, |key, meta| {
                let place = (key.slot, key.hash);
                if looked_at >= options.count && last != Some(place) {
                    next = Some(place);
                    return false;
                }
                looked_at += 1;
                last = Some(place);
                if options.admits(&key, &meta, now_ms) {
                    keys.push(key.key.to_vec());
                }
                true
            })?;
            match (walked, next) {
                (Walked::Paused(slot), _) => cursor_at(slot, 0),
                (_, Some((slot, hash))) => cursor_at(slot, hash),
                _ => cursor_at(end, 0),
            }
        }
    };
    cx.reply.array(2);
    cx.reply.bulk_text(&cursor.to_string());
    answer(cx, &keys);
    Ok(())
}

fn answer(cx: &mut Context<'_, '_>, keys: &[Vec<u8>]) {
    cx.reply.array(keys.len());
    keys.iter().for_each(|key| cx.reply.bulk(key));
}

/// Pika's SCANX: the cursor is a key, the first one that was not looked at; empty at the start and at the end.
/// The order is that of SCAN. Looks at all keys on its way, but COUNT counts those of the type only.
pub(super) fn scanx(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let kind = type_named(args.word(1)).ok_or_else(syntax_error)?;
    let options = Options::parse(args.cursor(3), false)?;
    let txn = &mut cx.txn;
    let (namespace, now_ms) = (txn.namespace_of(txn.database()), txn.now_ms());
    let start = match args.word(2) {
        [] => key::meta_slot(0, namespace),
        key => key::meta(slot::of_key(key), namespace, key),
    };
    let (mut keys, mut looked_at, mut next) = (Vec::new(), 0, Vec::new());
    // The next key is part of the answer, so the walk cannot pause before it has found one.
    let pace = Pace::Bounded { jumps: usize::MAX };
    walk(txn, namespace, &start, SLOTS, pace, |key, meta| {
        if meta.kind != kind || meta.is_expired(now_ms) {
            return true;
        }
        if looked_at >= options.count {
            next = key.key.to_vec();
            return false;
        }
        looked_at += 1;
        if options.admits(&key, &meta, now_ms) {
            keys.push(key.key.to_vec());
        }
        true
    })?;
    cx.reply.array(2);
    cx.reply.bulk(&next);
    answer(cx, &keys);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_points_into_the_partition_of_its_slot() {
        for partitions in [1, 2, 3, 16] {
            for slot in [0, 1, 5461, 8191, 8192, SLOTS - 1] {
                let cursor = cursor_at(slot, 9).to_string();
                assert_eq!(
                    cursor_partition(cursor.as_bytes(), partitions),
                    slot::partition_of(slot, partitions)
                );
            }
            for word in ["x", "18446744073709551615", ""] {
                assert_eq!(cursor_partition(word.as_bytes(), partitions), 0);
            }
        }
    }
}
