//! ZRANK, ZREVRANK, ZCOUNT, ZLEXCOUNT.

use super::bounds::{lex_range, score_range};
use crate::commands::args::syntax_error;
use crate::commands::{Args, Context, RunResult};
use crate::keyspace::transaction::Stop;
use crate::types::sorted_set::SortedSet;

pub(super) fn zrank(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    rank(cx, args, "zrank", false)
}

pub(super) fn zrevrank(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    rank(cx, args, "zrevrank", true)
}

fn rank(cx: &mut Context<'_, '_>, args: Args<'_>, name: &str, backwards: bool) -> RunResult {
    if args.len() > 4 {
        return Err(Stop::error(format!("ERR wrong number of arguments for '{name}' command")));
    }
    let with_score = args.len() > 3;
    if with_score && !args.word(3).eq_ignore_ascii_case(b"withscore") {
        return Err(syntax_error());
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let mut set = SortedSet::open(&entry)?;
    match set.rank(&mut cx.txn, args.word(2))? {
        Some((rank, score)) => {
            let rank = if backwards { (set.len() - rank).saturating_sub(1) } else { rank };
            if with_score {
                cx.reply.array(2);
            }
            cx.reply.integer(rank as i64);
            if with_score {
                cx.reply.double(score);
            }
        }
        None if with_score => cx.reply.null_array(),
        None => cx.reply.null(),
    }
    Ok(())
}

pub(super) fn zcount(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let range = score_range(args.word(2), args.word(3))?;
    let entry = cx.txn.lookup(args.word(1))?;
    let ranks = SortedSet::open(&entry)?.ranks_by_score(&mut cx.txn, &range)?;
    cx.reply.integer((ranks.end - ranks.start) as i64);
    Ok(())
}

pub(super) fn zlexcount(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let range = lex_range(args.word(2), args.word(3))?;
    let entry = cx.txn.lookup(args.word(1))?;
    let ranks = SortedSet::open(&entry)?.ranks_by_member(&mut cx.txn, &range, false)?;
    cx.reply.integer((ranks.end - ranks.start) as i64);
    Ok(())
}
