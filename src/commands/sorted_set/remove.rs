//! ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX.

use super::bounds::{lex_range, rank_range, score_range};
use crate::commands::{Args, Context, RunResult};
use crate::config::Events;
use crate::keyspace::transaction::{Entry, Stop, Transaction};
use crate::types::sorted_set::SortedSet;

pub(super) fn zrem(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.entry(args.word(1))?;
    let mut set = SortedSet::open(&entry)?;
    let mut removed = 0;
    for member in args.from(2) {
        match remove(&mut cx.txn, &mut set, member) {
            Ok(existed) => removed += i64::from(existed),
            Err(stop) => return Err(need_all(&mut cx.txn, &mut set, stop, args)),
        }
    }
    finish(cx, &entry, set, "zrem")?;
    cx.reply.integer(removed);
    Ok(())
}

fn remove(txn: &mut Transaction<'_>, set: &mut SortedSet<'_>, member: &[u8]) -> Result<bool, Stop> {
    let Some(score) = set.score(txn, member)? else { return Ok(false) };
    set.remove(txn, member, score)?;
    Ok(true)
}

/// Turns the need for one member into the need for all that the command names.
fn need_all(txn: &mut Transaction<'_>, set: &mut SortedSet<'_>, stop: Stop, args: Args<'_>) -> Stop {
    if !matches!(stop, Stop::Need(_)) {
        return stop;
    }
    let all = set
        .scores(txn, args.from(2))
        .and_then(|old| set.prefetch(txn, args.from(2).zip(old).map(|(member, old)| (member, old, None))));
    all.err().unwrap_or(stop)
}

/// Writes what a command has removed, if it has, and tells of it.
pub(super) fn finish(
    cx: &mut Context<'_, '_>,
    entry: &Entry,
    set: SortedSet<'_>,
    event: &'static str,
) -> RunResult {
    let (changed, emptied) = (set.changes() > 0, set.is_empty());
    set.finish(&mut cx.txn, None)?;
    if changed {
        cx.txn.notify(Events::ZSET, event, entry);
        if emptied {
            cx.txn.notify(Events::GENERIC, "del", entry);
        }
    }
    Ok(())
}

/// Removes the members with the ranks that `find` gives.
fn remove_range(
    cx: &mut Context<'_, '_>,
    args: Args<'_>,
    event: &'static str,
    find: impl FnOnce(&mut SortedSet<'_>, &mut Transaction<'_>) -> Result<std::ops::Range<u64>, Stop>,
) -> RunResult {
    let entry = cx.txn.entry(args.word(1))?;
    let mut set = SortedSet::open(&entry)?;
    let ranks = find(&mut set, &mut cx.txn)?;
    let removed = set.remove_ranks(&mut cx.txn, ranks)?;
    finish(cx, &entry, set, event)?;
    cx.reply.integer(removed as i64);
    Ok(())
}

pub(super) fn zremrangebyrank(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (start, stop) = (args.integer(2)?, args.integer(3)?);
    remove_range(cx, args, "zremrangebyrank", |set, _| Ok(rank_range(start, stop, set.len())))
}

pub(super) fn zremrangebyscore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let range = score_range(args.word(2), args.word(3))?;
    remove_range(cx, args, "zremrangebyscore", |set, txn| set.ranks_by_score(txn, &range))
}

pub(super) fn zremrangebylex(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let range = lex_range(args.word(2), args.word(3))?;
    remove_range(cx, args, "zremrangebylex", |set, txn| set.ranks_by_member(txn, &range, false))
}
