//! ZCARD, ZSCORE, ZMSCORE.

use crate::commands::{Args, Context, RunResult};
use crate::types::sorted_set::SortedSet;

pub(super) fn zcard(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let len = SortedSet::open(&entry)?.len();
    cx.reply.integer(i64::try_from(len).unwrap_or(i64::MAX));
    Ok(())
}

pub(super) fn zscore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    match SortedSet::open(&entry)?.score(&mut cx.txn, args.word(2))? {
        Some(score) => cx.reply.double(score),
        None => cx.reply.null(),
    }
    Ok(())
}

pub(super) fn zmscore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let scores = SortedSet::open(&entry)?.scores(&mut cx.txn, args.from(2))?;
    cx.reply.array(scores.len());
    for score in scores {
        match score {
            Some(score) => cx.reply.double(score),
            None => cx.reply.null(),
        }
    }
    Ok(())
}
