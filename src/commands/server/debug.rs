//! DEBUG: what tests and the curious need. It reads its subcommands itself, as Redis's does, but for OBJECT, which
//! runs where its key is.

use std::time::Duration;

use super::super::args::{not_an_integer, wrong_subcommand};
use super::super::generic::dump::limits;
use super::super::generic::keys::inspect;
use super::super::help;
use super::super::*;
use super::debug_data;
use crate::config::Extent;
use crate::config::choice::Permission;
use crate::config::options::ENABLE_DEBUG_COMMAND;
use crate::glob::glob_match;
use crate::number::{parse_f64, parse_i64};
use crate::rdb;
use crate::server::AdminContext;
use crate::types;

pub(super) const ADMIN: Flags = Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::LOADING).and(Flags::STALE);

/// The row of DEBUG.
pub(super) const DEBUG: Command = Command {
    name: "debug",
    syntax: "subcommand [arg ...]",
    summary: "Looks and reaches into the server; for tests.",
    complexity: "Depends on subcommand.",
    group: Group::Server,
    arity: Arity::AtLeast(2),
    flags: ADMIN.and(Flags::SYSTEM),
    run: Run::Admin(debug),
    subcommands: &[debug_data::DIGEST, debug_data::DIGEST_VALUE, OBJECT, debug_data::POPULATE],
    differs: "Few subcommands are there: DEBUG HELP lists them. SLEEP holds up administration only, not other \
              clients. What POPULATE adds is logged and sent to slaves.",
    ..Command::BASE
};

const OBJECT: Command = Command {
    name: "object",
    syntax: "key",
    summary: "Describes a key and its value.",
    group: Group::Server,
    arity: Arity::AtLeast(3),
    flags: Flags::READONLY.and(Flags::HIDDEN).and(Flags::NOSCRIPT),
    keys: &[Keys::at(2, KeyFlags::INSPECT)],
    run: Run::Keys(object),
    ..Command::BASE
};

const HELP_LINES: &[&str] = &[
    "CHANGE-REPL-ID",
    "    Begins a new replication history.",
    "CONFIG-REWRITE-FORCE-ALL",
    "    As CONFIG REWRITE, but writes all options, also those at their default.",
    "DIGEST",
    "    Answers Redis's digest of all data: the same on every server that has the same.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Answers Redis's digests of values.",
    "ERROR <string>",
    "    Answers the string as an error.",
    "JMAP",
    "    Does nothing.",
    "LOADAOF",
    "    As RELOAD.",
    "OBJECT <key>",
    "    Describes a key and its value.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Adds keys named prefix:number (the prefix is \"key\" without one) with strings as values.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Does nothing.",
    "RELOAD [option ...]",
    "    Writes all memory to disk, and forgets it.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Says whether expired keys are removed before someone asks for them.",
    "SLEEP <seconds>",
    "    Waits, and answers then. Decimals allowed.",
    "STRINGMATCH-LEN <len> <pattern>",
    "    Matches so many letters a with a pattern.",
    "HELP",
    "    Prints this help.",
];

/// Longest text that STRINGMATCH-LEN makes up.
const LONGEST_TEXT: i64 = 1 << 20;

/// Whether the client may use DEBUG.
pub(super) fn check_allowed(cx: &AdminContext<'_>) -> RunResult {
    let allowed = match cx.server.config().get(ENABLE_DEBUG_COMMAND) {
        Permission::Yes => true,
        Permission::Local => cx.session.is_local(),
        Permission::No => false,
    };
    if allowed {
        return Ok(());
    }
    Err(Stop::error(
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it \
         from a local connection, otherwise you need to set this option in the configuration file, and then \
         restart the server.",
    ))
}

fn debug(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    check_allowed(cx)?;
    let subcommand = args.word(1).to_ascii_lowercase();
    match (subcommand.as_slice(), args.len()) {
        (b"help", 2) => {
            let mut lines = vec![help::heading("debug")];
            lines.extend(HELP_LINES.iter().map(|line| line.to_string()));
            help::write(cx.reply, &lines);
            return Ok(());
        }
        (b"sleep", 3) => cx.server.sleep(sleep_time(args.word(2))),
        (b"jmap", 2) | (b"quicklist-packed-threshold", 3) => {}
        (b"set-active-expire", 3) => cx.server.set_active_expire(parse_i64(args.word(2)) == Some(1)),
        (b"change-repl-id", 2) => cx.server.change_replication_id(),
        (b"config-rewrite-force-all", 2) => cx
            .server
            .rewrite_config(Extent::All)
            .map_err(|error| Stop::error(format!("ERR CONFIG-REWRITE-FORCE-ALL failed: {error}")))?,
        (b"reload", _) | (b"loadaof", 2) => {
            cx.server.reload().map_err(|error| Stop::error(format!("ERR {error}")))?;
        }
        (b"error", 3) => return Err(Stop::quoting(&[args.word(2)])),
        (b"listpack", 3) => return Err(Stop::error("ERR Not a listpack encoded object.")),
        (b"stringmatch-len", 4) => {
            let len = parse_i64(args.word(2)).filter(|len| (0..=LONGEST_TEXT).contains(len));
            let len = len.ok_or_else(not_an_integer)?;
            let found = glob_match(args.word(3), &b"a".repeat(len as usize), false);
            cx.reply.integer(i64::from(found));
            return Ok(());
        }
        _ => return Err(wrong_subcommand(args)),
    }
    cx.reply.ok();
    Ok(())
}

/// Seconds as Redis reads them: what is no number is no time.
fn sleep_time(word: &[u8]) -> Duration {
    let seconds = parse_f64(word).unwrap_or(0.0);
    // A day is a long sleep.
    Duration::try_from_secs_f64(seconds.min(86_400.0)).unwrap_or_default()
}

/// Redis keeps so many bits of the second in which a key was used.
const LRU_BITS: u32 = (1 << 24) - 1;

fn object(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    if args.len() > 3 {
        return Err(Stop::error(
            "ERR unknown subcommand or wrong number of arguments for 'OBJECT'. Try DEBUG HELP.",
        ));
    }
    let (entry, used_s) = inspect(cx, args.word(2))?;
    let entry = entry.even_if_due();
    let Some(meta) = entry.meta() else { return Err(Stop::error("ERR no such key")) };
    let value = types::to_rdb(&mut cx.txn, &entry)?;
    let length = value.map_or(0, |value| rdb::dump::value_length(&value, &limits(cx.settings)));
    let now_s = (cx.txn.now_ms() / 1000) as u32;
    let used_s = used_s.unwrap_or(now_s);
    // Nothing lies at an address of its own; clients that parse the line find all its fields.
    let text = format!(
        "Value at:0x0 refcount:1 encoding:{} serializedlength:{length} lru:{} lru_seconds_idle:{}",
        types::encoding(&meta, cx.settings),
        used_s & LRU_BITS,
        now_s.saturating_sub(used_s)
    );
    cx.reply.simple(&text);
    Ok(())
}
