//! SUBSCRIBE, UNSUBSCRIBE and their relatives: one confirmation for each name.

use crate::commands::args::Args;
use crate::commands::{RunResult, Stop};
use crate::pubsub::{Counts, Kind};
use crate::server::SessionContext;

pub(super) fn subscribe(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    begin(cx, args, Kind::Channel, "subscribe")
}

pub(super) fn psubscribe(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    begin(cx, args, Kind::Pattern, "psubscribe")
}

pub(super) fn ssubscribe(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    // The others are let through, as Redis always did.
    if cx.atomic {
        return Err(Stop::error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    begin(cx, args, Kind::Shard, "ssubscribe")
}

pub(super) fn unsubscribe(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    end(cx, args, Kind::Channel, "unsubscribe")
}

pub(super) fn punsubscribe(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    end(cx, args, Kind::Pattern, "punsubscribe")
}

pub(super) fn sunsubscribe(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    end(cx, args, Kind::Shard, "sunsubscribe")
}

fn begin(cx: &mut SessionContext<'_>, args: Args<'_>, kind: Kind, word: &str) -> RunResult {
    for name in args.from(1) {
        let counts = cx.server.messages().subscribe(cx.session.id, kind, name);
        confirm(cx, word, Some(name), counts, kind);
    }
    Ok(())
}

fn end(cx: &mut SessionContext<'_>, args: Args<'_>, kind: Kind, word: &str) -> RunResult {
    let messages = cx.server.messages();
    if args.len() > 1 {
        for name in args.from(1) {
            let counts = messages.unsubscribe(cx.session.id, kind, name);
            confirm(cx, word, Some(name), counts, kind);
        }
        return Ok(());
    }
    let names = messages.subscriptions(cx.session.id, kind);
    for name in &names {
        let counts = messages.unsubscribe(cx.session.id, kind, name);
        confirm(cx, word, Some(name), counts, kind);
    }
    if names.is_empty() {
        let counts = cx.session.subscriptions;
        confirm(cx, word, None, counts, kind);
    }
    Ok(())
}

fn confirm(cx: &mut SessionContext<'_>, word: &str, name: Option<&[u8]>, counts: Counts, kind: Kind) {
    cx.session.subscriptions = counts;
    cx.session.pushed = true;
    cx.reply.push(3);
    cx.reply.bulk_text(word);
    match name {
        Some(name) => cx.reply.bulk(name),
        None => cx.reply.null(),
    }
    cx.reply.integer(counts.confirmed(kind) as i64);
}
