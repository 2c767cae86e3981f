//! FUNCTION: there are none yet, so the little that can be said without them.

use super::super::help::HELP;
use super::super::*;
use crate::server::SessionContext;

const BASE: Command = Command {
    group: Group::Scripting,
    since: "7.0.0",
    flags: Flags::NOSCRIPT,
    arity: Arity::Exactly(2),
    run: Run::Session(unsupported),
    ..Command::BASE
};
const ALL_SHARDS: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

/// The row of FUNCTION.
pub(super) const FUNCTION: Command = Command {
    name: "function",
    summary: "Manages functions.",
    complexity: "Depends on subcommand.",
    arity: Arity::AtLeast(2),
    flags: Flags::NONE,
    run: Run::Container,
    differs: "There are no functions yet: FLUSH, LIST and STATS say so, the others are refused.",
    subcommands: &[
        Command {
            name: "delete",
            syntax: "library-name",
            summary: "Removes a library of functions.",
            arity: Arity::Exactly(3),
            flags: Flags::WRITE.and(Flags::NOSCRIPT),
            tips: ALL_SHARDS,
            ..BASE
        },
        Command { name: "dump", summary: "Returns all libraries in binary form.", ..BASE },
        Command {
            name: "flush",
            syntax: "[<ASYNC | SYNC>]",
            summary: "Removes all libraries.",
            complexity: "O(N) where N is the number of functions.",
            arity: Arity::AtLeast(2),
            flags: Flags::WRITE.and(Flags::NOSCRIPT),
            run: Run::Session(flush),
            tips: ALL_SHARDS,
            ..BASE
        },
        Command { group: Group::Scripting, since: "7.0.0", ..HELP },
        Command {
            name: "kill",
            summary: "Stops the function that runs.",
            flags: Flags::NOSCRIPT.and(Flags::ALLOW_BUSY),
            tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
            ..BASE
        },
        Command {
            name: "list",
            syntax: "[LIBRARYNAME library-name-pattern] [WITHCODE]",
            summary: "Describes all libraries.",
            complexity: "O(N) where N is the number of functions.",
            arity: Arity::AtLeast(2),
            run: Run::Session(list),
            tips: &["nondeterministic_output_order"],
            ..BASE
        },
        Command {
            name: "load",
            syntax: "[REPLACE] function-code",
            summary: "Adds a library.",
            arity: Arity::AtLeast(3),
            flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::NOSCRIPT),
            tips: ALL_SHARDS,
            ..BASE
        },
        Command {
            name: "restore",
            syntax: "serialized-value [<FLUSH | APPEND | REPLACE>]",
            summary: "Adds libraries from their binary form.",
            complexity: "O(N) where N is the number of functions.",
            arity: Arity::AtLeast(3),
            flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::NOSCRIPT),
            tips: ALL_SHARDS,
            ..BASE
        },
        Command {
            name: "stats",
            summary: "Tells which function runs, and which languages there are.",
            flags: Flags::NOSCRIPT.and(Flags::ALLOW_BUSY),
            run: Run::Session(stats),
            tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
            ..BASE
        },
    ],
    ..BASE
};

fn unsupported(_cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    Err(Stop::error("ERR functions are not supported yet"))
}

fn flush(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let mut cursor = args.cursor(2);
    if (cursor.left() == 1 && !cursor.eat("async") && !cursor.eat("sync")) || cursor.left() > 0 {
        return Err(Stop::error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    cx.reply.ok();
    Ok(())
}

fn list(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let mut cursor = args.cursor(2);
    while let Some(word) = cursor.next() {
        if word.eq_ignore_ascii_case(b"withcode") {
            continue;
        }
        if !word.eq_ignore_ascii_case(b"libraryname") {
            return Err(Stop::quoting(&[b"ERR Unknown argument ", word]));
        }
        if cursor.next().is_none() {
            return Err(Stop::error("ERR library name argument was not given"));
        }
    }
    cx.reply.array(0);
    Ok(())
}

fn stats(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.map(2);
    cx.reply.bulk_text("running_script");
    cx.reply.null();
    cx.reply.bulk_text("engines");
    cx.reply.map(0);
    Ok(())
}
