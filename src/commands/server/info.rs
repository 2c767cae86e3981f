//! INFO and TIME.

use super::super::*;
use crate::info::{self, Sections};
use crate::server::{AdminContext, SessionContext};

/// The row of INFO.
pub(super) const INFO: Command = Command {
    name: "info",
    syntax: "[section ...]",
    summary: "Tells the state of the server: versions, counters, memory, data.",
    complexity: "O(1)",
    group: Group::Server,
    arity: Arity::AtLeast(1),
    flags: Flags::LOADING.and(Flags::STALE),
    categories: &["dangerous"],
    run: Run::Admin(info_command),
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    differs: "It has the sections `data`, `binlog` and `rocksdb` as well; `INFO KEYSPACE 1` counts keys by type.",
    ..Command::BASE
};

/// The row of TIME.
pub(super) const TIME: Command = Command {
    name: "time",
    summary: "Tells the time of the server: seconds and microseconds.",
    since: "2.6.0",
    group: Group::Server,
    flags: Flags::LOADING.and(Flags::STALE).and(Flags::FAST),
    run: Run::Session(time),
    tips: &["nondeterministic_output"],
    ..Command::BASE
};

fn info_command(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let wanted = Sections::parse(args.from(1));
    let numbers = cx.server.numbers(&wanted);
    let text = info::write(cx.server, &numbers, &wanted, cx.now_us);
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn time(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.array(2);
    cx.reply.bulk_text(&(cx.now_us / 1_000_000).to_string());
    cx.reply.bulk_text(&(cx.now_us % 1_000_000).to_string());
    Ok(())
}
