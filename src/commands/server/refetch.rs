//! REFETCH: what a slave asks that wrote on its own, and fetches again only what differs.

use super::super::args::syntax_error;
use super::super::help::HELP;
use super::super::*;
use super::verify::keys_of_moment;
use crate::replication::ReplicationId;
use crate::replication::refetch::MOST_ASKED;
use crate::replication::verify::Key;
use crate::server::AdminContext;

const BASE: Command = Command {
    group: Group::Server,
    flags: Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::PIKA).and(Flags::NO_MULTI).and(Flags::SKIP_SLOWLOG),
    since: "pika 4.0",
    ..Command::BASE
};

/// The row of REFETCH.
pub(super) const REFETCH: Command = Command {
    name: "refetch",
    summary: "What a slave asks that has writes of its own, and fetches again only what differs.",
    complexity: "O(1)",
    arity: Arity::AtLeast(2),
    run: Run::Container,
    subcommands: &[
        Command {
            name: "close",
            syntax: "moment",
            summary: "Lets go of a moment that was kept.",
            complexity: "O(1)",
            arity: Arity::Exactly(3),
            run: Run::Apart(close),
            ..BASE
        },
        Command { group: Group::Server, since: "pika 4.0", ..HELP },
        Command {
            name: "open",
            syntax: "replication-id offset",
            summary: "Keeps a moment of all data, and tells the keys that were written since an offset.",
            complexity: "O(N) where N is the log behind the offset, and what the store does not have yet.",
            arity: Arity::Exactly(4),
            run: Run::Apart(open),
            ..BASE
        },
        Command {
            name: "read",
            syntax: "moment <database key> [<database key> ...]",
            summary: "Reads what keys held at a moment that was kept, and when they expire.",
            complexity: "O(N) where N is the size of the values.",
            arity: Arity::AtLeast(5),
            run: Run::Apart(read),
            ..BASE
        },
    ],
    ..BASE
};

fn text(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

fn open(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let id = ReplicationId::parse(args.word(2)).ok_or_else(syntax_error)?;
    let offset = u64::try_from(args.integer(3)?).map_err(|_| syntax_error())?;
    let opened = cx.server.open_refetch(id, offset).map_err(Stop::error)?;
    cx.reply.array(4 + 2 * opened.keys.len());
    cx.reply.bulk_text(&opened.moment);
    cx.reply.bulk_text(opened.id.as_str());
    cx.reply.bulk_text(&opened.offset.to_string());
    cx.reply.integer(i64::from(opened.database));
    for Key { database, name } in &opened.keys {
        cx.reply.integer(*database as i64);
        cx.reply.bulk(name);
    }
    Ok(())
}

fn close(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    cx.reply.integer(i64::from(cx.server.close_moment(&text(args.word(2)))));
    Ok(())
}

fn read(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let keys = keys_of_moment(args, MOST_ASKED)?;
    let found = cx.server.read_refetch(&text(args.word(2)), keys).map_err(Stop::error)?;
    cx.reply.array(2 * found.len());
    for value in found {
        match value {
            Some((dump, expire_ms)) => {
                cx.reply.integer(expire_ms.map_or(-1, |at_ms| i64::try_from(at_ms).unwrap_or(i64::MAX)));
                cx.reply.bulk(&dump);
            }
            None => {
                cx.reply.integer(-2);
                cx.reply.null();
            }
        }
    }
    Ok(())
}
