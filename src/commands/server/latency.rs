//! LATENCY: histograms of commands. No events are recorded, so the rest answers as Redis does when there are none.

use super::super::help::HELP;
use super::super::table::{self, Entry};
use super::super::*;
use crate::info::CommandCounters;
use crate::server::{AdminContext, SessionContext};

const BASE: Command = Command {
    group: Group::Server,
    since: "2.8.13",
    flags: Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::LOADING).and(Flags::STALE),
    ..Command::BASE
};
const TIPS: &[&str] = &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

/// The row of LATENCY.
pub(super) const LATENCY: Command = Command {
    name: "latency",
    summary: "Tells how long commands take.",
    complexity: "Depends on subcommand.",
    arity: Arity::AtLeast(2),
    flags: Flags::NONE,
    differs: "Only HISTOGRAM and RESET have something to tell: no events are recorded.",
    subcommands: &[
        Command {
            name: "doctor",
            summary: "Explains the events that took long.",
            arity: Arity::Exactly(2),
            run: Run::Session(doctor),
            tips: TIPS,
            ..BASE
        },
        Command {
            name: "graph",
            syntax: "event",
            summary: "Draws how long events of a kind took.",
            arity: Arity::Exactly(3),
            run: Run::Session(graph),
            tips: TIPS,
            ..BASE
        },
        Command { group: Group::Server, since: "2.8.13", ..HELP },
        Command {
            name: "histogram",
            syntax: "[command ...]",
            summary: "Tells how many calls of commands took how long.",
            since: "7.0.0",
            complexity: "O(N) where N is the number of commands.",
            arity: Arity::AtLeast(2),
            run: Run::Admin(histogram),
            tips: TIPS,
            ..BASE
        },
        Command {
            name: "history",
            syntax: "event",
            summary: "Lists how long events of a kind took.",
            arity: Arity::Exactly(3),
            run: Run::Session(empty),
            tips: TIPS,
            ..BASE
        },
        Command {
            name: "latest",
            summary: "Lists the latest event of each kind.",
            arity: Arity::Exactly(2),
            run: Run::Session(empty),
            tips: TIPS,
            ..BASE
        },
        Command {
            name: "reset",
            syntax: "[event ...]",
            summary: "Forgets events.",
            arity: Arity::AtLeast(2),
            run: Run::Session(reset),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..BASE
        },
    ],
    ..BASE
};

fn doctor(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    let text = "No events are recorded. LATENCY HISTOGRAM tells how long each command takes, SLOWLOG GET which \
                took long.\n";
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn graph(_cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    Err(Stop::quoting(&[b"ERR No samples available for event '", args.word(2), b"'"]))
}

fn empty(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.array(0);
    Ok(())
}

fn reset(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.integer(0);
    Ok(())
}

fn histogram(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let statistics = cx.server.statistics();
    let mut wanted: Vec<&Entry> = Vec::new();
    if args.len() == 2 {
        wanted.extend(table::entries());
    }
    for entry in args.from(2).filter_map(table::find_full) {
        // A command stands for its subcommands, too.
        wanted.push(entry);
        wanted.extend(entry.subcommands());
    }
    wanted.retain(|entry| !entry.is_hidden());
    let counted =
        |entry: &&Entry| statistics.of(entry.id).is_some_and(|counters| counters.latency.count() > 0);
    wanted.retain(counted);
    cx.reply.map(wanted.len());
    for entry in wanted {
        let Some(counters) = statistics.of(entry.id) else { continue };
        cx.reply.bulk_text(&entry.full_name);
        write_histogram(cx, counters);
    }
    Ok(())
}

fn write_histogram(cx: &mut AdminContext<'_>, counters: &CommandCounters) {
    cx.reply.map(2);
    cx.reply.bulk_text("calls");
    cx.reply.integer(counters.latency.count() as i64);
    cx.reply.bulk_text("histogram_usec");
    let steps = counters.latency.doublings();
    cx.reply.map(steps.len());
    for (micros, count) in steps {
        cx.reply.integer(micros as i64);
        cx.reply.integer(count as i64);
    }
}
