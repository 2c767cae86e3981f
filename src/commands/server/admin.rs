//! Backups, compaction, the log's segments, and the end of the process.

use super::super::args::syntax_error;
use super::super::*;
use crate::config::options::DATABASES;
use crate::encoding::meta::Type;
use crate::number::parse_i64;
use crate::server::{AdminContext, Backup, Compact, SessionContext, Shutdown};

const ADMIN: Flags = Flags::ADMIN.and(Flags::NOSCRIPT);
const NOT_LOADING: Flags = ADMIN.and(Flags::NO_ASYNC_LOADING);
const BASE: Command = Command { group: Group::Server, ..Command::BASE };
const PIKA: Command = Command { flags: ADMIN.and(Flags::PIKA), since: "pika 4.0", ..BASE };

/// The row of BGREWRITEAOF.
pub(super) const BGREWRITEAOF: Command = Command {
    name: "bgrewriteaof",
    summary: "Does nothing, since the log never needs to be rewritten.",
    flags: NOT_LOADING,
    run: Run::Session(bgrewriteaof),
    differs: "The log is cut by `binlog-retention-bytes` and `binlog-retention-age`; the command only answers.",
    ..BASE
};

/// The row of BGSAVE.
pub(super) const BGSAVE: Command = Command {
    name: "bgsave",
    syntax: "[SCHEDULE]",
    summary: "Makes a backup in the background.",
    arity: Arity::AtLeast(1),
    flags: NOT_LOADING,
    run: Run::Admin(bgsave),
    differs: "It links the data's files into `backup-dir` instead of writing an RDB file.",
    ..BASE
};

/// The row of COMPACT.
pub(super) const COMPACT: Command = Command {
    name: "compact",
    syntax: "[database ...] [<ALL | STRING | HASH | LIST | SET | ZSET | STREAM>]",
    summary: "Compacts databases or types, in the background; INFO shows how far it is.",
    complexity: "O(N) where N is the size of the data.",
    arity: Arity::AtLeast(1),
    run: Run::Admin(compact),
    differs: "A database is in all of the store: to compact one is to compact all. Without types that have elements, \
              those are left out.",
    ..PIKA
};

/// The row of COMPACTRANGE.
pub(super) const COMPACTRANGE: Command = Command {
    name: "compactrange",
    syntax: "database start:string end:string",
    summary: "Compacts the keys of a database from one to another, in the background; INFO shows how far it is.",
    complexity: "O(N) where N is the number of keys of the database, and the size of what is compacted.",
    arity: Arity::Exactly(4),
    run: Run::Admin(compactrange),
    differs: "It compacts the slots that have such keys; everything, if they are many.",
    ..PIKA
};

/// The row of DELBACKUP.
pub(super) const DELBACKUP: Command = Command {
    name: "delbackup",
    summary: "Removes the backups that are not in use.",
    complexity: "O(N) where N is the number of backups.",
    run: Run::Admin(delbackup),
    ..PIKA
};

/// The row of LASTSAVE.
pub(super) const LASTSAVE: Command = Command {
    name: "lastsave",
    summary: "Tells when the last good backup was made, Unix time.",
    flags: Flags::LOADING.and(Flags::STALE).and(Flags::FAST),
    categories: &["admin", "dangerous"],
    run: Run::Session(lastsave),
    tips: &["nondeterministic_output"],
    ..BASE
};

/// The row of PURGELOGSTO.
pub(super) const PURGELOGSTO: Command = Command {
    name: "purgelogsto",
    syntax: "offset",
    summary: "Removes the segments of the log before the one that holds an offset.",
    complexity: "O(N) where N is the number of segments.",
    arity: Arity::Exactly(2),
    run: Run::Admin(purgelogsto),
    differs: "It takes an offset, or a segment's name that ends in its first offset, instead of `write2fileN`.",
    ..PIKA
};

/// The row of SAVE.
pub(super) const SAVE: Command = Command {
    name: "save",
    summary: "Makes a backup, and answers when it is whole.",
    complexity: "O(N) where N is the number of files.",
    flags: NOT_LOADING.and(Flags::NO_MULTI),
    run: Run::Admin(save),
    differs: "It links the data's files into `backup-dir`; other clients are served meanwhile.",
    ..BASE
};

/// The row of SHUTDOWN.
pub(super) const SHUTDOWN: Command = Command {
    name: "shutdown",
    syntax: "[<NOSAVE | SAVE>] [NOW] [FORCE] [ABORT]",
    summary: "Ends the server.",
    complexity: "O(N) where N is the amount of writes that are not in RocksDB yet.",
    arity: Arity::AtLeast(1),
    flags: ADMIN.and(Flags::LOADING).and(Flags::STALE).and(Flags::NO_MULTI).and(Flags::ALLOW_BUSY),
    run: Run::Apart(shutdown),
    differs: "Data is on disk in any case: SAVE makes a backup as well, NOSAVE is the default.",
    ..BASE
};

fn bgrewriteaof(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.simple("Background append only file rewriting started");
    Ok(())
}

fn bgsave(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let mut cursor = args.cursor(1);
    let schedule = cursor.eat("schedule");
    cursor.end()?;
    match cx.server.start_backup().map_err(failed)? {
        Backup::Started => cx.reply.simple("Background saving started"),
        Backup::Running if schedule => cx.reply.simple("Background saving scheduled"),
        Backup::Running => return Err(Stop::error("ERR Background save already in progress")),
    }
    Ok(())
}

fn failed(error: String) -> Stop {
    Stop::error(format!("ERR {error}"))
}

fn lastsave(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.integer(i64::try_from(cx.server.last_save_s()).unwrap_or(i64::MAX));
    Ok(())
}

fn save(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    cx.server.save().map_err(failed)?;
    cx.reply.ok();
    Ok(())
}

fn shutdown(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let mut request = Shutdown::default();
    let mut abort = false;
    for word in args.from(1) {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("save") && request.save != Some(false) {
            request.save = Some(true);
        } else if is("nosave") && request.save != Some(true) {
            request.save = Some(false);
        } else if is("now") {
            request.now = true;
        } else if is("force") {
            request.force = true;
        } else if is("abort") {
            abort = true;
        } else {
            return Err(syntax_error());
        }
    }
    if abort {
        if request != Shutdown::default() {
            return Err(syntax_error());
        }
        if !cx.server.abort_shutdown() {
            return Err(Stop::error("ERR No shutdown in progress."));
        }
        cx.reply.ok();
        return Ok(());
    }
    cx.server.shutdown(request).map_err(failed)
}

/// A database by its number.
fn database(cx: &AdminContext<'_>, word: &[u8]) -> Result<usize, Stop> {
    let index = parse_i64(word).and_then(|index| usize::try_from(index).ok());
    index
        .filter(|index| *index < cx.server.config().get(DATABASES) as usize)
        .ok_or_else(|| Stop::error("ERR DB index is out of range"))
}

fn compact(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let (mut databases, mut types) = (Vec::new(), Vec::new());
    // Other versions of Pika take `0,1`, `db0`, and types.
    for word in args.from(1).flat_map(|word| word.split(|byte| *byte == b',')) {
        if word.eq_ignore_ascii_case(b"all") {
            continue;
        }
        let is = |kind: &&Type| word.eq_ignore_ascii_case(kind.name().as_bytes());
        if let Some(kind) = Type::ALL.iter().find(is) {
            types.push(*kind);
            continue;
        }
        databases.push(database(cx, word.strip_prefix(b"db").unwrap_or(word))?);
    }
    databases.sort_unstable();
    databases.dedup();
    cx.server.compact(&Compact { databases, types, range: None }).map_err(failed)?;
    cx.reply.ok();
    Ok(())
}

fn compactrange(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let word = args.word(1);
    let database = database(cx, word.strip_prefix(b"db").unwrap_or(word))?;
    let range = Some((args.word(2).to_vec(), args.word(3).to_vec()));
    cx.server.compact(&Compact { databases: vec![database], types: Vec::new(), range }).map_err(failed)?;
    cx.reply.ok();
    Ok(())
}

fn purgelogsto(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let word = args.word(1);
    // A segment is named after its first offset.
    let digits = word.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(word, |end| &word[end + 1..]);
    let plain = digits.len() == word.len() || digits.len() == 20;
    let offset = std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|text| text.parse::<u64>().ok());
    let offset = offset.ok_or_else(|| Stop::error("ERR no offset of the log, and no name of a segment"))?;
    let removed = cx.server.purge_log(offset).map_err(failed)?;
    cx.reply.integer(i64::try_from(removed).unwrap_or(i64::MAX));
    Ok(())
}

fn delbackup(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    let removed = cx.server.delete_backups().map_err(failed)?;
    cx.reply.integer(i64::try_from(removed).unwrap_or(i64::MAX));
    Ok(())
}
