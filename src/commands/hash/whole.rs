//! Commands on all fields.

use crate::commands::args::Args;
use crate::commands::{Context, RunResult};
use crate::types::hash::Hash;

pub(super) fn hlen(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let len = Hash::open(&entry)?.len(cx.txn.expiry_clock_ms());
    cx.reply.integer(i64::try_from(len).unwrap_or(i64::MAX));
    Ok(())
}

pub(super) fn hgetall(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let (mark, mut count) = (cx.reply.deferred(), 0);
    let reply = &mut *cx.reply;
    Hash::open(&entry)?.each(&mut cx.txn, |field| {
        reply.bulk(field.name);
        reply.bulk(field.value);
        count += 1;
        true
    })?;
    cx.reply.set_map_len(mark, count);
    Ok(())
}

pub(super) fn hkeys(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    one_of_each(cx, args, true)
}

pub(super) fn hvals(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    one_of_each(cx, args, false)
}

fn one_of_each(cx: &mut Context<'_, '_>, args: Args<'_>, names: bool) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let (mark, mut count) = (cx.reply.deferred(), 0);
    let reply = &mut *cx.reply;
    Hash::open(&entry)?.each(&mut cx.txn, |field| {
        reply.bulk(if names { field.name } else { field.value });
        count += 1;
        true
    })?;
    cx.reply.set_array_len(mark, count);
    Ok(())
}
