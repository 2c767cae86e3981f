//! Which role the server has.

use super::super::*;
use crate::number::parse_i64;
use crate::replication::master::Stage;
use crate::server::SessionContext;

const BASE: Command = Command {
    syntax: "<host port | NO ONE>",
    summary: "Makes the server a slave of another, or a master.",
    group: Group::Server,
    arity: Arity::Exactly(3),
    flags: Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::STALE).and(Flags::NO_ASYNC_LOADING),
    run: Run::Session(replicaof),
    differs: "Only NO ONE is there yet.",
    ..Command::BASE
};

/// The row of REPLICAOF.
pub(super) const REPLICAOF: Command = Command { name: "replicaof", since: "5.0.0", ..BASE };

/// The row of SLAVEOF.
pub(super) const SLAVEOF: Command =
    Command { name: "slaveof", deprecated: Some(("5.0.0", "`REPLICAOF`")), ..BASE };

/// The row of ROLE.
pub(super) const ROLE: Command = Command {
    name: "role",
    summary: "Tells whether the server is a master or a slave, and how far.",
    since: "2.8.12",
    group: Group::Server,
    flags: Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE).and(Flags::FAST),
    categories: &["admin", "dangerous"],
    run: Run::Session(role),
    ..Command::BASE
};

fn replicaof(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    if args.word(1).eq_ignore_ascii_case(b"no") && args.word(2).eq_ignore_ascii_case(b"one") {
        cx.reply.ok();
        return Ok(());
    }
    match parse_i64(args.word(2)) {
        Some(0..=65535) => Err(Stop::error("ERR replication from a master is not supported yet")),
        _ => Err(Stop::error("ERR Invalid master port")),
    }
}

fn role(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.array(3);
    cx.reply.bulk_text("master");
    cx.reply.integer(i64::try_from(cx.server.log_offset()).unwrap_or(i64::MAX));
    let online = cx.server.replicas().into_iter().filter(|replica| replica.stage == Stage::Online);
    let online: Vec<_> = online.collect();
    cx.reply.array(online.len());
    for replica in online {
        cx.reply.array(3);
        cx.reply.bulk_text(replica.ip());
        cx.reply.bulk_text(&replica.announced.port.to_string());
        cx.reply.bulk_text(&replica.acknowledged.to_string());
    }
    Ok(())
}
