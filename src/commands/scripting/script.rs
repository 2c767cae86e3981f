//! SCRIPT: the scripts that the server knows.

use super::super::help::HELP;
use super::super::*;
use crate::scripting::{cache, interpreter};
use crate::server::{Kill, SessionContext};

const BASE: Command =
    Command { group: Group::Scripting, since: "2.6.0", flags: Flags::NOSCRIPT, ..Command::BASE };

/// The row of SCRIPT.
pub(super) const SCRIPT: Command = Command {
    name: "script",
    summary: "Manages scripts.",
    complexity: "Depends on subcommand.",
    arity: Arity::AtLeast(2),
    flags: Flags::NONE,
    run: Run::Container,
    subcommands: &[
        Command {
            name: "debug",
            syntax: "<YES | SYNC | NO>",
            summary: "Begins and ends the debugging of scripts.",
            since: "3.2.0",
            arity: Arity::Exactly(3),
            run: Run::Session(debug),
            differs: "There is no debugger: only NO is accepted.",
            ..BASE
        },
        Command {
            name: "exists",
            syntax: "sha1 [sha1 ...]",
            summary: "Tells which scripts the server knows.",
            complexity: "O(N) with N being the number of scripts to check.",
            arity: Arity::AtLeast(3),
            tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
            run: Run::Keys(exists),
            ..BASE
        },
        Command {
            name: "flush",
            syntax: "[<ASYNC | SYNC>]",
            summary: "Forgets all scripts.",
            complexity: "O(N) with N being the number of scripts in cache",
            arity: Arity::AtLeast(2),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            run: Run::Keys(flush),
            ..BASE
        },
        Command { group: Group::Scripting, ..HELP },
        Command {
            name: "kill",
            summary: "Stops a script that has run too long and has written nothing.",
            arity: Arity::Exactly(2),
            flags: Flags::NOSCRIPT.and(Flags::ALLOW_BUSY),
            tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
            run: Run::Session(kill),
            ..BASE
        },
        Command {
            name: "load",
            syntax: "script",
            summary: "Lets the server know a script.",
            complexity: "O(N) with N being the length in bytes of the script body.",
            arity: Arity::Exactly(3),
            flags: Flags::NOSCRIPT.and(Flags::STALE),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            run: Run::Keys(load),
            ..BASE
        },
    ],
    ..BASE
};

fn exists(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let shared = cx.txn.shared().cloned();
    cx.reply.array(args.len() - 2);
    for word in args.from(2) {
        let digest = cache::parse_digest(word);
        let known =
            digest.zip(shared.as_ref()).is_some_and(|(digest, shared)| shared.scripts.get(&digest).is_some());
        cx.reply.integer(i64::from(known));
    }
    Ok(())
}

fn flush(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut cursor = args.cursor(2);
    let valid = cursor.left() == 0 || (cursor.left() == 1 && (cursor.eat("async") || cursor.eat("sync")));
    if !valid {
        return Err(Stop::error("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    if let Some(shared) = cx.txn.shared() {
        shared.scripts.flush();
    }
    cx.reply.ok();
    Ok(())
}

fn load(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let Some(shared) = cx.txn.shared() else { return Ok(()) };
    let script = interpreter::with(|interpreter| interpreter.script(&shared.scripts, args.word(2), true));
    let script = script.map_err(|text| Stop::Error(text.into()))?;
    cx.reply.bulk(&script.digest);
    Ok(())
}

fn kill(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    answer_kill(cx, false)
}

/// Answers SCRIPT KILL and FUNCTION KILL.
pub(super) fn answer_kill(cx: &mut SessionContext<'_>, functions: bool) -> RunResult {
    match cx.server.kill_script(functions) {
        Kill::Done => cx.reply.ok(),
        Kill::NotBusy => return Err(Stop::error("NOTBUSY No scripts in execution right now.")),
        Kill::Wrote => {
            return Err(Stop::error(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait \
                 the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
            ));
        }
        Kill::Other => return Err(Stop::error(busy_text(!functions))),
    }
    Ok(())
}

/// What others are answered while a script or a function runs too long.
pub fn busy_text(function: bool) -> &'static str {
    match function {
        false => "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        true => "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
    }
}

fn debug(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let is = |word: &str| args.word(2).eq_ignore_ascii_case(word.as_bytes());
    if is("no") {
        cx.reply.ok();
        return Ok(());
    }
    match is("yes") || is("sync") {
        true => Err(Stop::error("ERR there is no debugger for scripts here")),
        false => Err(Stop::error("ERR Use SCRIPT DEBUG YES/SYNC/NO")),
    }
}
