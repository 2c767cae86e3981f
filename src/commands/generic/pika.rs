//! Pika's own: PKSCANRANGE, PKRSCANRANGE, PKPATTERNMATCHDEL.

use std::collections::BTreeMap;

use super::keys::{matches, type_named};
use super::walk::{Pace, tag_slots, walk};
use super::{Args, Context, RunResult};
use crate::commands::args::{not_an_integer, syntax_error};
use crate::config::Events;
use crate::encoding::key;
use crate::encoding::meta::Type;
use crate::keyspace::slot::SLOTS;
use crate::keyspace::transaction::Stop;
use crate::types::string::StringValue;

/// What PKSCANRANGE was asked for.
struct RangeScan<'a> {
    kind: Type,
    with_value: bool,
    /// The lowest and the highest key; empty is no bound.
    low: &'a [u8],
    high: &'a [u8],
    pattern: &'a [u8],
    limit: usize,
    reverse: bool,
}

impl<'a> RangeScan<'a> {
    fn parse(args: Args<'a>, reverse: bool) -> Result<RangeScan<'a>, Stop> {
        let with_value = args.word(1).eq_ignore_ascii_case(b"string_with_value");
        let kind = if with_value { Some(Type::String) } else { type_named(args.word(1)) };
        let (start, end) = (args.word(2), args.word(3));
        let (low, high) = if reverse { (end, start) } else { (start, end) };
        let kind = kind.ok_or_else(syntax_error)?;
        let mut scan = RangeScan { kind, with_value, low, high, pattern: b"*", limit: 10, reverse };
        let mut options = args.cursor(4);
        while options.left() > 0 {
            if options.eat("MATCH") {
                scan.pattern = options.word()?;
            } else if options.eat("LIMIT") {
                let limit = options.integer()?;
                scan.limit =
                    usize::try_from(limit).ok().filter(|&limit| limit > 0).ok_or_else(not_an_integer)?;
            } else {
                return Err(syntax_error());
            }
        }
        if !low.is_empty() && !high.is_empty() && low > high {
            return Err(Stop::error("ERR Invalid argument: error in given range"));
        }
        Ok(scan)
    }

    fn contains(&self, key: &[u8]) -> bool {
        (self.low.is_empty() || key >= self.low) && (self.high.is_empty() || key <= self.high)
    }
}

/// The keys that come first, in a map that never holds more than `most`. With values, where those were at hand.
struct First {
    keys: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    most: usize,
    reverse: bool,
}

impl First {
    fn offer(&mut self, key: &[u8], value: Option<&[u8]>) {
        let full = self.keys.len() >= self.most;
        let last = if self.reverse { self.keys.first_key_value() } else { self.keys.last_key_value() };
        let behind =
            last.is_some_and(|(last, _)| if self.reverse { key < &last[..] } else { key > &last[..] });
        if full && behind {
            return;
        }
        self.keys.insert(key.to_vec(), value.map(<[u8]>::to_vec));
        if full {
            let _ = if self.reverse { self.keys.pop_first() } else { self.keys.pop_last() };
        }
    }

    fn into_ordered(self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut keys: Vec<_> = self.keys.into_iter().collect();
        if self.reverse {
            keys.reverse();
        }
        keys
    }
}

pub(super) fn pkscanrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    range_scan(cx, &RangeScan::parse(args, false)?)
}

pub(super) fn pkrscanrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    range_scan(cx, &RangeScan::parse(args, true)?)
}

/// Keys of a type in the order of their bytes. Storage has them in another order, so that each call looks at all
/// keys of the database once, and keeps LIMIT of them: O(N log LIMIT), where Pika's was O(LIMIT). LIMIT counts keys
/// in the range, matching or not; the answer begins with the key that comes after them, or nothing.
fn range_scan(cx: &mut Context<'_, '_>, scan: &RangeScan<'_>) -> RunResult {
    let txn = &mut cx.txn;
    let (namespace, now_ms) = (txn.namespace_of(txn.database()), txn.now_ms());
    let mut first =
        First { keys: BTreeMap::new(), most: scan.limit.saturating_add(1), reverse: scan.reverse };
    let start = key::meta_slot(0, namespace);
    walk(txn, namespace, &start, SLOTS, Pace::Whole, |key, meta| {
        if meta.kind == scan.kind && scan.contains(key.key) && !meta.is_expired(now_ms) {
            first.offer(key.key, (scan.with_value && !meta.by_elements).then_some(meta.payload));
        }
        true
    })?;
    let mut keys = first.into_ordered();
    let next = if keys.len() > scan.limit { keys.pop() } else { None };
    keys.retain(|(key, _)| matches(scan.pattern, key));
    cx.reply.array(2);
    cx.reply.bulk(next.as_ref().map_or(b"", |(key, _)| key));
    cx.reply.array(if scan.with_value { keys.len() * 2 } else { keys.len() });
    for (key, value) in &keys {
        cx.reply.bulk(key);
        match value {
            Some(value) => cx.reply.bulk(value),
            // A large string, which stands elsewhere.
            None if scan.with_value => {
                let entry = cx.txn.entry(key)?;
                StringValue::open_or_empty(&entry)?.reply(&mut cx.txn, cx.reply)?;
            }
            None => {}
        }
    }
    Ok(())
}

/// Deletes up to `count` keys that match (Pika's default is 100) and says how many. The log gets their names, since
/// which ones it chose is nobody else's business.
pub(super) fn pkpatternmatchdel(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    const DEFAULT: u64 = 100;
    /// Keys in one DEL of the log.
    const PIECE: usize = 1000;
    let pattern = args.word(1);
    let count = match args.len() {
        2 => DEFAULT,
        3 => u64::try_from(args.integer(2)?).ok().filter(|&count| count > 0).ok_or_else(not_an_integer)?,
        _ => return Err(Stop::error("ERR wrong number of arguments for 'pkpatternmatchdel' command")),
    };
    let txn = &mut cx.txn;
    let (namespace, now_ms) = (txn.namespace_of(txn.database()), txn.now_ms());
    let mut chosen: Vec<Vec<u8>> = Vec::new();
    let slots = tag_slots(pattern);
    let start = key::meta_slot(slots.start, namespace);
    walk(txn, namespace, &start, slots.end, Pace::Whole, |key, meta| {
        if !meta.is_expired(now_ms) && matches(pattern, key.key) {
            chosen.push(key.key.to_vec());
        }
        (chosen.len() as u64) < count
    })?;
    txn.prefetch(chosen.iter().map(Vec::as_slice))?;
    for piece in chosen.chunks(PIECE) {
        let mut effect: Vec<&[u8]> = vec![b"DEL"];
        for key in piece {
            let mut entry = txn.entry(key)?;
            txn.remove(&mut entry)?;
            txn.notify(Events::GENERIC, "del", &entry);
            effect.push(key);
        }
        txn.effect(&effect);
    }
    cx.reply.integer(chosen.len() as i64);
    Ok(())
}
