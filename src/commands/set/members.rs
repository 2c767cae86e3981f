//! Commands on single members, and on all of one set.

use crate::commands::answer::{self, Whole};
use crate::commands::args::Args;
use crate::commands::element_scan::{Items, ScanOptions, Walk, cursor};
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::types::set::{Set, SetEdit};

pub(super) fn sadd(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.entry(args.word(1))?;
    let mut set = SetEdit::open(&entry)?;
    set.expect(args.word(2), args.len() - 2, cx.settings);
    let mut added = 0;
    for member in args.from(2) {
        match set.add(&mut cx.txn, member, cx.settings) {
            Ok(new) => added += i64::from(new),
            Err(stop) => return Err(set.need_all(&mut cx.txn, stop, args.from(2))),
        }
    }
    set.finish(&mut cx.txn)?;
    if added > 0 {
        cx.txn.notify(Events::SET, "sadd", &entry);
    }
    cx.reply.integer(added);
    Ok(())
}

pub(super) fn srem(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.entry(args.word(1))?;
    let mut set = SetEdit::open(&entry)?;
    let mut removed = 0;
    for member in args.from(2) {
        match set.remove(&mut cx.txn, member) {
            Ok(existed) => removed += i64::from(existed),
            Err(stop) => return Err(set.need_all(&mut cx.txn, stop, args.from(2))),
        }
    }
    if removed > 0 {
        finish_removal(&mut cx.txn, set, &entry, "srem")?;
    }
    cx.reply.integer(removed);
    Ok(())
}

/// Writes a set that members were taken from, and tells of it; the key is gone with the last one.
pub(super) fn finish_removal(
    txn: &mut Transaction<'_>,
    set: SetEdit<'_>,
    entry: &Entry,
    event: &'static str,
) -> Result<(), Stop> {
    let emptied = set.is_empty();
    set.finish(txn)?;
    txn.notify(Events::SET, event, entry);
    if emptied {
        txn.notify(Events::GENERIC, "del", entry);
    }
    Ok(())
}

pub(super) fn sismember(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let found = Set::open(&entry)?.contains(&mut cx.txn, args.word(2))?;
    cx.reply.integer(i64::from(found));
    Ok(())
}

pub(super) fn smismember(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let set = Set::open(&entry)?;
    cx.reply.array(args.len() - 2);
    let reply = &mut *cx.reply;
    set.contains_each(&mut cx.txn, args.from(2), |found| reply.integer(i64::from(found)))
}

pub(super) fn scard(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let len = Set::open(&entry)?.len();
    cx.reply.integer(i64::try_from(len).unwrap_or(i64::MAX));
    Ok(())
}

pub(super) fn smembers(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    show_all(cx, &Set::open(&entry)?)
}

/// Answers all members of a set.
pub(super) fn show_all(cx: &mut Context<'_, '_>, set: &Set<'_>) -> RunResult {
    answer::show_all(cx, Whole::Set, Some(set.len() as usize), |txn, see| {
        set.each(txn, |member| see(&[member]))
    })
}

pub(super) fn smove(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (source, member) = (cx.txn.entry(args.word(1))?, args.word(3));
    let target = cx.txn.entry(args.word(2))?;
    if !source.exists() {
        // Even if the destination is no set: so does Redis.
        cx.reply.integer(0);
        return Ok(());
    }
    let mut from = SetEdit::open(&source)?;
    let mut to = SetEdit::open(&target)?;
    let moved = if source.meta_key() == target.meta_key() {
        Set::open(&source)?.contains(&mut cx.txn, member)?
    } else {
        from.remove(&mut cx.txn, member)?
    };
    if moved && source.meta_key() != target.meta_key() {
        finish_removal(&mut cx.txn, from, &source, "srem")?;
        if to.add(&mut cx.txn, member, cx.settings)? {
            to.finish(&mut cx.txn)?;
            cx.txn.notify(Events::SET, "sadd", &target);
        }
    }
    cx.reply.integer(i64::from(moved));
    Ok(())
}

/// See [`Walk`] for the cursor. A small set comes whole, whatever the cursor. If it outgrows that form, no scan of it
/// can be under way.
pub(super) fn sscan(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let cursor = cursor(args.word(2))?;
    let entry = cx.txn.lookup(args.word(1))?;
    let set = Set::open(&entry)?;
    let mut items = Items::new(cx.reply);
    if !entry.exists() {
        // Even if the options are wrong: so does Redis.
        items.send(cx.reply, b"0");
        return Ok(());
    }
    let options = ScanOptions::read(args, 3, "count", false)?;
    let mut walk = Walk::new(options.count);
    let mut show = |member: &[u8]| {
        if options.admits(member) {
            items.push(member);
        }
    };
    if set.is_packed() {
        set.each(&mut cx.txn, |member| {
            show(member);
            true
        })?;
    } else if let Ok(start) = u32::try_from(cursor) {
        set.each_ordered(&mut cx.txn, (start, b""), |place, member| {
            let wanted = walk.admits(place);
            if wanted {
                show(member);
            }
            wanted
        })?;
    }
    items.send(cx.reply, walk.cursor().as_bytes());
    Ok(())
}
