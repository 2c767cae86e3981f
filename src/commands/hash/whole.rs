//! Commands on all fields.

use crate::commands::answer::{Whole, show_all};
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
    let hash = Hash::open(&entry)?;
    show_all(cx, Whole::Map, None, |txn, see| hash.each(txn, |field| see(&[field.name, field.value])))
}

pub(super) fn hkeys(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let hash = Hash::open(&entry)?;
    show_all(cx, Whole::Array, None, |txn, see| hash.each(txn, |field| see(&[field.name])))
}

pub(super) fn hvals(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let hash = Hash::open(&entry)?;
    show_all(cx, Whole::Array, None, |txn, see| hash.each(txn, |field| see(&[field.value])))
}
