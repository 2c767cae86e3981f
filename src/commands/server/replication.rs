//! Who is whose slave.

use super::super::*;
use crate::replication::failover;
use crate::replication::handshake::parse_master;
use crate::replication::master::Stage;
use crate::server::{AdminContext, SessionContext};

const BASE: Command = Command {
    syntax: "<host port | NO ONE>",
    summary: "Makes the server a slave of another, or a master.",
    group: Group::Server,
    arity: Arity::Exactly(3),
    flags: Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::STALE).and(Flags::NO_ASYNC_LOADING),
    run: Run::Admin(replicaof),
    differs: "`NO ONE` is refused while a full synchronisation is under way: the data is that of before.",
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

fn replicaof(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    if cx.server.failover_state() != failover::IDLE {
        return Err(Stop::error("ERR REPLICAOF not allowed while failing over."));
    }
    let master = parse_master(args).map_err(Stop::error)?;
    let to_slave = master.is_some();
    match cx.server.follow(master) {
        Ok(false) if to_slave => cx.reply.simple("OK Already connected to specified master"),
        Ok(_) => cx.reply.ok(),
        Err(error) => return Err(Stop::error(format!("ERR {error}"))),
    }
    Ok(())
}

fn role(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    let Some(link) = cx.server.master_link() else {
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
        return Ok(());
    };
    cx.reply.array(5);
    cx.reply.bulk_text("slave");
    cx.reply.bulk_text(&link.host);
    cx.reply.integer(i64::from(link.port));
    cx.reply.bulk_text(link.stage.name());
    // As in Redis: -1 where there is no stream that an offset could be of.
    let offset = if link.is_up() { i64::try_from(link.offset).unwrap_or(i64::MAX) } else { -1 };
    cx.reply.integer(offset);
    Ok(())
}
