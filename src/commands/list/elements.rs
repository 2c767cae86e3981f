//! Commands on elements by index or by value, and on ranges.

use std::ops::Range;

use super::{edit, notify_removed};
use crate::commands::args::{Args, not_an_integer, syntax_error};
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::encoding::meta::Type;
use crate::keyspace::transaction::Stop;
use crate::types::list::List;

pub(super) fn llen(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let len = List::open(&entry)?.len();
    cx.reply.integer(len as i64);
    Ok(())
}

/// The element that an index means, which counts from the end if it is negative.
fn element_index(index: i64, len: u64) -> Option<u64> {
    let index = if index < 0 { index.checked_add_unsigned(len)? } else { index };
    u64::try_from(index).ok().filter(|&index| index < len)
}

/// The elements between two indices, both included.
fn element_range(start: i64, stop: i64, len: u64) -> Range<u64> {
    let from_head = |index: i64| if index < 0 { index.saturating_add_unsigned(len) } else { index };
    let start = u64::try_from(from_head(start)).unwrap_or(0);
    match u64::try_from(from_head(stop)) {
        Ok(stop) if start <= stop && start < len => start..(stop.min(len - 1) + 1),
        _ => 0..0,
    }
}

pub(super) fn lindex(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let list = List::open(&entry)?;
    if list.is_empty() {
        cx.reply.null();
        return Ok(());
    }
    let found = match element_index(args.integer(2)?, list.len()) {
        Some(index) => list.get(&mut cx.txn, index)?,
        None => None,
    };
    match found {
        Some(element) => cx.reply.bulk(&element),
        None => cx.reply.null(),
    }
    Ok(())
}

pub(super) fn lrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (start, stop) = (args.integer(2)?, args.integer(3)?);
    let entry = cx.txn.lookup(args.word(1))?;
    let list = List::open(&entry)?;
    let range = element_range(start, stop, list.len());
    cx.reply.array((range.end - range.start) as usize);
    if range.is_empty() {
        return Ok(());
    }
    let reply = &mut *cx.reply;
    if reply.leaves() {
        // Pieces of it may leave only when nothing can be missing any more.
        list.each(&mut cx.txn, range.clone(), |_| {})?;
    }
    list.each(&mut cx.txn, range, |element| {
        reply.bulk(element);
        reply.may_leave();
    })
}

pub(super) fn lset(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.entry(args.word(1))?;
    if !entry.exists() {
        return Err(Stop::error("ERR no such key"));
    }
    let mut list = edit(&mut entry, cx.settings)?;
    let index =
        element_index(args.integer(2)?, list.len()?).ok_or_else(|| Stop::error("ERR index out of range"))?;
    list.replace(&mut cx.txn, index, args.word(3))?;
    cx.txn.notify(Events::LIST, "lset", &entry);
    cx.reply.ok();
    Ok(())
}

pub(super) fn linsert(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let before = args.word(2).eq_ignore_ascii_case(b"BEFORE");
    if !before && !args.word(2).eq_ignore_ascii_case(b"AFTER") {
        return Err(syntax_error());
    }
    let mut entry = cx.txn.entry(args.word(1))?;
    let list = List::open(&entry)?;
    if list.is_empty() {
        cx.reply.integer(0);
        return Ok(());
    }
    let (mut pivot, len) = (None, list.len());
    list.find(&mut cx.txn, args.word(3), false, u64::MAX, |index| {
        pivot = Some(index);
        false
    })?;
    let Some(pivot) = pivot else {
        cx.reply.integer(-1);
        return Ok(());
    };
    let index = if before { pivot } else { pivot + 1 };
    edit(&mut entry, cx.settings)?.insert(&mut cx.txn, index, args.word(4))?;
    cx.txn.notify(Events::LIST, "linsert", &entry);
    cx.reply.integer(len as i64 + 1);
    Ok(())
}

/// An integer whose negative must be one too.
pub(super) fn symmetric_integer(args: Args<'_>, word: usize) -> Result<i64, Stop> {
    let most = i64::MAX;
    match args.integer(word)? {
        i64::MIN => {
            Err(Stop::error(format!("ERR value is out of range, value must between -{most} and {most}")))
        }
        number => Ok(number),
    }
}

pub(super) fn lrem(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let count = symmetric_integer(args, 2)?;
    let mut entry = cx.txn.entry(args.word(1))?;
    let most = if count == 0 { u64::MAX } else { count.unsigned_abs() };
    let mut found = Vec::new();
    List::open(&entry)?.find(&mut cx.txn, args.word(3), count < 0, u64::MAX, |index| {
        found.push(index);
        (found.len() as u64) < most
    })?;
    if count < 0 {
        found.reverse();
    }
    if !found.is_empty() {
        edit(&mut entry, cx.settings)?.remove(&mut cx.txn, &found)?;
        notify_removed(cx, &entry, "lrem");
    }
    cx.reply.integer(found.len() as i64);
    Ok(())
}

pub(super) fn ltrim(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let integer = |word| crate::number::parse_i64(args.word(word)).ok_or_else(not_an_integer);
    let (start, stop) = (integer(2)?, integer(3)?);
    let mut entry = cx.txn.entry(args.word(1))?;
    entry.typed(Type::List)?;
    if entry.exists() {
        let mut list = edit(&mut entry, cx.settings)?;
        let len = list.len()?;
        let keep = element_range(start, stop, len);
        let removed = len - (keep.end - keep.start);
        list.trim(&mut cx.txn, keep)?;
        if removed == 0 {
            cx.txn.touch_unchanged(&entry);
        }
        cx.txn.add_changes(removed.saturating_sub(1));
        notify_removed(cx, &entry, "ltrim");
    }
    cx.reply.ok();
    Ok(())
}
