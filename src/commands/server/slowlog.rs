//! SLOWLOG.

use std::sync::{MutexGuard, PoisonError};

use super::super::help::HELP;
use super::super::*;
use crate::number::parse_i64;
use crate::server::SessionContext;
use crate::slowlog::SlowLog;

const BASE: Command = Command {
    group: Group::Server,
    since: "2.2.12",
    flags: Flags::ADMIN.and(Flags::LOADING).and(Flags::STALE),
    ..Command::BASE
};

/// The row of SLOWLOG.
pub(super) const SLOWLOG: Command = Command {
    name: "slowlog",
    summary: "Reads the log of slow commands.",
    complexity: "Depends on subcommand.",
    arity: Arity::AtLeast(2),
    flags: Flags::NONE,
    subcommands: &[
        Command {
            name: "get",
            syntax: "[count]",
            summary: "Returns the latest entries: 10, or so many; all, if -1.",
            complexity: "O(N) where N is the number of entries returned.",
            arity: Arity::AtLeast(2),
            run: Run::Session(get),
            tips: &["request_policy:all_nodes", "nondeterministic_output"],
            ..BASE
        },
        Command { group: Group::Server, since: "6.2.0", ..HELP },
        Command {
            name: "len",
            summary: "Counts the entries.",
            arity: Arity::Exactly(2),
            run: Run::Session(len),
            tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
            ..BASE
        },
        Command {
            name: "reset",
            summary: "Removes all entries.",
            complexity: "O(N) where N is the number of entries.",
            arity: Arity::Exactly(2),
            run: Run::Session(reset),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..BASE
        },
    ],
    ..BASE
};

fn log<'a>(cx: &SessionContext<'a>) -> MutexGuard<'a, SlowLog> {
    // A panic ends the process, so nobody meets a lock that one left behind.
    cx.server.slow_log().lock().unwrap_or_else(PoisonError::into_inner)
}

fn get(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let count = if args.len() > 2 { parse_i64(args.word(2)) } else { Some(10) };
    args.cursor(args.len().min(3)).end()?;
    let count = match count {
        Some(-1) => usize::MAX,
        Some(count) if count >= 0 => usize::try_from(count).unwrap_or(usize::MAX),
        _ => return Err(Stop::error("ERR count should be greater than or equal to -1")),
    };
    let log = log(cx);
    cx.reply.array(count.min(log.entries().len()));
    for entry in log.entries().take(count) {
        cx.reply.array(6);
        for number in [entry.id, entry.time_s, entry.micros] {
            cx.reply.integer(i64::try_from(number).unwrap_or(i64::MAX));
        }
        cx.reply.array(entry.words.len());
        entry.words.iter().for_each(|word| cx.reply.bulk(word));
        cx.reply.bulk_text(&entry.client);
        cx.reply.bulk(&entry.client_name);
    }
    Ok(())
}

fn len(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    let count = log(cx).entries().len();
    cx.reply.integer(count as i64);
    Ok(())
}

fn reset(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    log(cx).reset();
    cx.reply.ok();
    Ok(())
}
