//! LCS.

use crate::commands::args::{Args, syntax_error};
use crate::commands::{Context, RunResult};
use crate::keyspace::transaction::{Entry, Stop};
use crate::types::lcs::{self, Run};
use crate::types::string::StringValue;

/// The options of LCS.
#[derive(Debug, Default)]
struct Options {
    length: bool,
    positions: bool,
    run_lengths: bool,
    shortest_run: usize,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, Stop> {
        let mut options = Options::default();
        let mut cursor = args.cursor(3);
        while cursor.left() > 0 {
            if cursor.eat("LEN") {
                options.length = true;
            } else if cursor.eat("IDX") {
                options.positions = true;
            } else if cursor.eat("WITHMATCHLEN") {
                options.run_lengths = true;
            } else if cursor.eat("MINMATCHLEN") {
                options.shortest_run = usize::try_from(cursor.integer()?).unwrap_or(0);
            } else {
                return Err(syntax_error());
            }
        }
        if options.length && options.positions {
            return Err(Stop::error("ERR If you want both the length and indexes, please just use IDX."));
        }
        Ok(options)
    }
}

pub(super) fn lcs(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (first, second) = (cx.txn.lookup(args.word(1))?, cx.txn.lookup(args.word(2))?);
    let (first, second) = (string_of(&first)?, string_of(&second)?);
    let options = Options::parse(args)?;
    check_size(first.len(), second.len(), cx.settings.max_bulk_len)?;
    let (first, second) = (first.whole(&mut cx.txn)?, second.whole(&mut cx.txn)?);
    let (first, second) = (&*first, &*second);
    if options.length {
        cx.reply.integer(lcs::length(first, second) as i64);
        return Ok(());
    }
    let runs = lcs::runs(first, second);
    if options.positions {
        reply_positions(cx, &runs, &options);
        return Ok(());
    }
    let mut text = Vec::with_capacity(runs.iter().map(|run| run.len).sum());
    for run in runs.iter().rev() {
        text.extend_from_slice(&first[run.first..run.first + run.len]);
    }
    cx.reply.bulk(&text);
    Ok(())
}

/// The string at a key, empty if there is none.
fn string_of(entry: &Entry) -> Result<StringValue<'_>, Stop> {
    StringValue::open_or_empty(entry).map_err(|stop| match stop {
        Stop::Error(_) => Stop::error("ERR The specified keys must contain string values"),
        other => other,
    })
}

/// Refuses what Redis refuses, though far less memory is needed here: the bound is one on time as well.
fn check_size(first: u64, second: u64, max_bulk_len: u64) -> RunResult {
    const CELL_BYTES: u64 = 4;
    if first.max(second) >= u64::from(u32::MAX) - 1 {
        return Err(Stop::error("ERR String too long for LCS"));
    }
    // Two lengths below 2^32: the product cannot overflow, but for the last factor.
    let cells = (first + 1) * (second + 1);
    if cells.checked_mul(CELL_BYTES).is_none_or(|bytes| bytes > max_bulk_len) {
        let text = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
        return Err(Stop::error(text));
    }
    Ok(())
}

fn reply_positions(cx: &mut Context<'_, '_>, runs: &[Run], options: &Options) {
    let shown = runs.iter().filter(|run| run.len >= options.shortest_run);
    cx.reply.map(2);
    cx.reply.bulk_text("matches");
    cx.reply.array(shown.clone().count());
    for run in shown {
        cx.reply.array(if options.run_lengths { 3 } else { 2 });
        for start in [run.first, run.second] {
            cx.reply.array(2);
            cx.reply.integer(start as i64);
            cx.reply.integer((start + run.len - 1) as i64);
        }
        if options.run_lengths {
            cx.reply.integer(run.len as i64);
        }
    }
    cx.reply.bulk_text("len");
    cx.reply.integer(runs.iter().map(|run| run.len as i64).sum());
}

#[cfg(test)]
mod tests;
