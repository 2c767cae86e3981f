//! What slaves ask of their master, and clients who wait for slaves.

use super::super::args::{not_an_integer, syntax_error};
use super::super::*;
use crate::number::parse_i64;
use crate::replication::handshake::Request;
use crate::replication::master::Wait;
use crate::server::SessionContext;

const BASE: Command =
    Command { group: Group::Server, flags: Flags::ADMIN.and(Flags::NOSCRIPT), ..Command::BASE };

/// The row of REPLCONF.
pub(super) const REPLCONF: Command = Command {
    name: "replconf",
    syntax: "[option value ...]",
    summary: "What a slave tells its master of itself.",
    since: "3.0.0",
    arity: Arity::AtLeast(1),
    flags: BASE.flags.and(Flags::LOADING).and(Flags::STALE).and(Flags::ALLOW_BUSY).and(Flags::SYSTEM),
    run: Run::Session(replconf),
    ..BASE
};

/// The row of PSYNC.
pub(super) const PSYNC: Command = Command {
    name: "psync",
    syntax: "<replicationid offset> [FAILOVER]",
    summary: "Makes this connection a slave's, which goes on from an offset or gets everything.",
    since: "2.8.0",
    arity: Arity::AtLeast(3),
    flags: BASE.flags.and(Flags::NO_ASYNC_LOADING).and(Flags::NO_MULTI),
    run: Run::Session(psync),
    ..BASE
};

/// The row of SYNC.
pub(super) const SYNC: Command = Command {
    name: "sync",
    syntax: "",
    summary: "Makes this connection a slave's of Redis 2.6 or older, which gets everything.",
    since: "1.0.0",
    arity: Arity::Exactly(1),
    run: Run::Session(sync),
    ..PSYNC
};

/// The row of WAIT.
pub(super) const WAIT: Command = Command {
    name: "wait",
    syntax: "numreplicas timeout",
    summary: "Waits until slaves have the client's writes, and says how many do.",
    since: "3.0.0",
    group: Group::Generic,
    arity: Arity::Exactly(3),
    flags: Flags::BLOCKING,
    categories: &["connection"],
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    run: Run::Session(wait),
    ..Command::BASE
};

/// The row of WAITAOF.
pub(super) const WAITAOF: Command = Command {
    name: "waitaof",
    syntax: "numlocal numreplicas timeout",
    summary: "Waits until the client's writes are on disk, here and with slaves, and says where they are.",
    since: "7.2.0",
    arity: Arity::Exactly(4),
    run: Run::Session(waitaof),
    ..WAIT
};

fn replconf(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    /// An address has fewer bytes.
    const LONGEST_ADDRESS: usize = 256;
    if args.len().is_multiple_of(2) {
        return Err(syntax_error());
    }
    for at in (1..args.len()).step_by(2) {
        let (name, value) = (args.word(at), args.word(at + 1));
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let announced = &mut cx.session.announced;
        if is("listening-port") {
            // As in Redis, what is no port is taken, and of no use to anyone.
            announced.port = u16::try_from(parse_i64(value).ok_or_else(not_an_integer)?).unwrap_or(0);
        } else if is("ip-address") {
            if value.len() >= LONGEST_ADDRESS {
                let length = value.len();
                return Err(Stop::error(format!(
                    "ERR REPLCONF ip-address provided by replica instance is too long: {length} bytes"
                )));
            }
            announced.ip = String::from_utf8_lossy(value).into_owned();
        } else if is("capa") {
            announced.add_capability(value);
        } else if is("ack") {
            let durable = (args.len() > at + 3 && args.word(at + 2).eq_ignore_ascii_case(b"fack"))
                .then(|| parse_i64(args.word(at + 3)).and_then(|offset| u64::try_from(offset).ok()))
                .flatten();
            let offset = parse_i64(value).and_then(|offset| u64::try_from(offset).ok());
            if let Some(offset) = offset.filter(|_| cx.session.is_replica) {
                cx.server.acknowledge(cx.session.id, offset, durable);
            }
            return Ok(());
        } else if is("getack") {
            // It is for slaves, in the stream of their master.
            return Ok(());
        } else if is("rdb-only") {
            announced.only_snapshot = match parse_i64(value).ok_or_else(not_an_integer)? {
                only @ 0..=1 => only == 1,
                _ => return Err(Stop::error("ERR value is out of range, value must between 0 and 1")),
            };
        } else if is("rdb-filter-only") {
            for word in value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
                if !word.eq_ignore_ascii_case(b"functions") {
                    return Err(Stop::quoting(&[b"ERR Unsupported rdb-filter-only option: ", word]));
                }
            }
            announced.without_data = true;
        } else if !is("version") {
            return Err(Stop::quoting(&[b"ERR Unrecognized REPLCONF option: ", name]));
        }
    }
    cx.reply.ok();
    Ok(())
}

fn psync(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    if cx.session.is_replica {
        return Ok(());
    }
    let hands_over = args.len() > 3 && args.word(3).eq_ignore_ascii_case(b"failover");
    if hands_over {
        if cx.server.master_link().is_none() {
            return Err(Stop::error("ERR PSYNC FAILOVER can't be sent to a master."));
        }
        if !cx.server.replication_id().as_str().as_bytes().eq_ignore_ascii_case(args.word(1)) {
            return Err(Stop::error("ERR PSYNC FAILOVER replid must match my replid."));
        }
    }
    let Some(request) = Request::parse(args.word(1), args.word(2)) else {
        return Err(not_an_integer());
    };
    if !hands_over {
        cx.server.may_serve_replicas().map_err(Stop::error)?;
    }
    cx.session.announced.hands_over = hands_over;
    begin(cx, request)
}

fn sync(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    if cx.session.is_replica {
        return Ok(());
    }
    cx.server.may_serve_replicas().map_err(Stop::error)?;
    cx.session.announced.silent = true;
    begin(cx, Request::Whole)
}

/// The connection does the rest, when what was answered before has left.
fn begin(cx: &mut SessionContext<'_>, request: Request) -> RunResult {
    cx.session.is_replica = true;
    cx.session.replicates = Some(request);
    Ok(())
}

fn timeout_ms(word: &[u8], now_ms: u64) -> Result<Option<u64>, Stop> {
    let ms = parse_i64(word).ok_or_else(|| Stop::error("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| Stop::error("ERR timeout is negative"))?;
    if ms > (i64::MAX as u64).saturating_sub(now_ms) {
        return Err(Stop::error("ERR timeout is out of range"));
    }
    Ok((ms > 0).then_some(now_ms + ms))
}

/// WAIT and WAITAOF ask about the slaves of a master.
fn refuse_on_slave(cx: &SessionContext<'_>, name: &str) -> Result<(), Stop> {
    match cx.server.master_link() {
        None => Ok(()),
        Some(_) => Err(Stop::error(format!(
            "ERR {name} cannot be used with replica instances. Please also note that writes to replicas are just local \
             and are not propagated."
        ))),
    }
}

fn wait(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    refuse_on_slave(cx, "WAIT")?;
    let replicas = args.integer(1)?;
    let deadline_ms = timeout_ms(args.word(2), cx.now_ms())?;
    let offset = cx.session.written;
    let acknowledged = cx.server.acknowledged(offset, false);
    if acknowledged >= replicas || cx.atomic {
        cx.reply.integer(acknowledged);
    } else {
        cx.session.waits = Some(Wait { offset, replicas, durable: false, local: false, deadline_ms });
    }
    Ok(())
}

fn waitaof(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    refuse_on_slave(cx, "WAITAOF")?;
    let local = match args.integer(1)? {
        local @ 0..=1 => local == 1,
        _ => return Err(Stop::error("ERR value is out of range, value must between 0 and 1")),
    };
    let replicas = parse_i64(args.word(2)).filter(|replicas| *replicas >= 0);
    let replicas = replicas.ok_or_else(|| Stop::error("ERR value is out of range, must be positive"))?;
    let deadline_ms = timeout_ms(args.word(3), cx.now_ms())?;
    let offset = cx.session.written;
    let (acknowledged, synced) = (cx.server.acknowledged(offset, true), cx.server.synced_offset() >= offset);
    if (acknowledged >= replicas && (synced || !local)) || cx.atomic {
        cx.reply.array(2);
        cx.reply.integer(i64::from(synced));
        cx.reply.integer(acknowledged);
    } else {
        cx.session.waits = Some(Wait { offset, replicas, durable: true, local, deadline_ms });
    }
    Ok(())
}
