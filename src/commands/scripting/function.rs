//! FUNCTION: the libraries of functions, which are stored with the data.

use super::super::help::HELP;
use super::super::*;
use crate::glob::glob_match;
use crate::scripting::registry::Policy;
use crate::scripting::{Library, Registry};
use crate::server::SessionContext;

const BASE: Command = Command {
    group: Group::Scripting,
    since: "7.0.0",
    flags: Flags::NOSCRIPT,
    arity: Arity::Exactly(2),
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
    subcommands: &[
        Command {
            name: "delete",
            syntax: "library-name",
            summary: "Removes a library of functions.",
            arity: Arity::Exactly(3),
            flags: Flags::WRITE.and(Flags::NOSCRIPT),
            tips: ALL_SHARDS,
            run: Run::All(delete),
            ..BASE
        },
        Command {
            name: "dump",
            summary: "Returns all libraries in binary form.",
            complexity: "O(N) where N is the number of functions.",
            run: Run::Keys(dump),
            ..BASE
        },
        Command {
            name: "flush",
            syntax: "[<ASYNC | SYNC>]",
            summary: "Removes all libraries.",
            complexity: "O(N) where N is the number of functions.",
            arity: Arity::AtLeast(2),
            flags: Flags::WRITE.and(Flags::NOSCRIPT),
            run: Run::All(flush),
            tips: ALL_SHARDS,
            ..BASE
        },
        Command { group: Group::Scripting, since: "7.0.0", ..HELP },
        Command {
            name: "kill",
            summary: "Stops the function that runs.",
            flags: Flags::NOSCRIPT.and(Flags::ALLOW_BUSY),
            tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
            run: Run::Session(kill),
            ..BASE
        },
        Command {
            name: "list",
            syntax: "[LIBRARYNAME library-name-pattern] [WITHCODE]",
            summary: "Describes all libraries.",
            complexity: "O(N) where N is the number of functions.",
            arity: Arity::AtLeast(2),
            run: Run::Keys(list),
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
            run: Run::All(load),
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
            run: Run::All(restore),
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

fn refused(text: Vec<u8>) -> Stop {
    Stop::Error(text.into())
}

/// What Redis says to subcommands with too many words.
fn too_many(args: Args<'_>) -> Stop {
    let text = b"ERR unknown subcommand or wrong number of arguments for '";
    Stop::quoting(&[text, args.word(1), b"'. Try FUNCTION HELP."])
}

fn load(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut replaces = false;
    for word in args.up_to(args.len() - 1).from(2) {
        if !word.eq_ignore_ascii_case(b"replace") {
            return Err(Stop::quoting(&[b"ERR Unknown option given: ", word]));
        }
        replaces = true;
    }
    let code = args.word(args.len() - 1);
    let (name, _) = crate::scripting::shebang::of_library(code).map_err(refused)?;
    let before = cx.txn.functions();
    if !replaces && before.library(name.as_bytes()).is_some() {
        return Err(Stop::error(format!("ERR Library '{name}' already exists")));
    }
    let library = Library::load(code).map_err(refused)?;
    let mut functions = Registry::clone(&before);
    functions.add(library).map_err(refused)?;
    cx.txn.set_functions(functions);
    cx.reply.bulk_text(&name);
    Ok(())
}

fn delete(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut functions = Registry::clone(&cx.txn.functions());
    if !functions.remove(args.word(2)) {
        return Err(Stop::error("ERR Library not found"));
    }
    cx.txn.set_functions(functions);
    cx.reply.ok();
    Ok(())
}

fn dump(cx: &mut Context<'_, '_>, _args: Args<'_>) -> RunResult {
    cx.reply.bulk(&cx.txn.functions().dump());
    Ok(())
}

fn restore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    if args.len() > 4 {
        return Err(too_many(args));
    }
    let mut cursor = args.cursor(3);
    let policy = match cursor.left() {
        0 => Policy::Append,
        _ if cursor.eat("append") => Policy::Append,
        _ if cursor.eat("flush") => Policy::Flush,
        _ if cursor.eat("replace") => Policy::Replace,
        _ => {
            return Err(Stop::error(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    let functions = cx.txn.functions().restored(args.word(2), policy).map_err(refused)?;
    cx.txn.set_functions(functions);
    cx.reply.ok();
    Ok(())
}

fn flush(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    if args.len() > 3 {
        return Err(too_many(args));
    }
    let mut cursor = args.cursor(2);
    if cursor.left() == 1 && !cursor.eat("async") && !cursor.eat("sync") {
        return Err(Stop::error("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    cx.txn.set_functions(Registry::default());
    cx.reply.ok();
    Ok(())
}

fn list(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (mut pattern, mut with_code) = (None, false);
    let mut cursor = args.cursor(2);
    while let Some(word) = cursor.next() {
        if !with_code && word.eq_ignore_ascii_case(b"withcode") {
            with_code = true;
        } else if pattern.is_none() && word.eq_ignore_ascii_case(b"libraryname") {
            let given = cursor.next();
            pattern = Some(given.ok_or_else(|| Stop::error("ERR library name argument was not given"))?);
        } else {
            return Err(Stop::quoting(&[b"ERR Unknown argument ", word]));
        }
    }
    let functions = cx.txn.functions();
    let wanted = |library: &&std::sync::Arc<Library>| {
        pattern.is_none_or(|pattern| glob_match(pattern, library.name.as_bytes(), true))
    };
    let found: Vec<_> = functions.libraries().filter(wanted).collect();
    cx.reply.array(found.len());
    for library in found {
        cx.reply.map(if with_code { 4 } else { 3 });
        cx.reply.bulk_text("library_name");
        cx.reply.bulk_text(&library.name);
        cx.reply.bulk_text("engine");
        cx.reply.bulk_text("LUA");
        cx.reply.bulk_text("functions");
        cx.reply.array(library.functions.len());
        for function in &library.functions {
            cx.reply.map(3);
            cx.reply.bulk_text("name");
            cx.reply.bulk_text(&function.name);
            cx.reply.bulk_text("description");
            match &function.description {
                Some(text) => cx.reply.bulk(text),
                None => cx.reply.null(),
            }
            cx.reply.bulk_text("flags");
            let names: Vec<_> = function.flags.names().collect();
            cx.reply.set(names.len());
            names.iter().for_each(|name| cx.reply.simple(name));
        }
        if with_code {
            cx.reply.bulk_text("library_code");
            cx.reply.bulk(&library.code);
        }
    }
    Ok(())
}

fn kill(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    super::script::answer_kill(cx, true)
}

fn stats(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.map(2);
    cx.reply.bulk_text("running_script");
    match cx.server.running_script() {
        None => cx.reply.null(),
        Some(script) => {
            cx.reply.map(3);
            cx.reply.bulk_text("name");
            cx.reply.bulk_text(&script.name);
            cx.reply.bulk_text("command");
            cx.reply.array(script.words.len());
            script.words.iter().for_each(|word| cx.reply.bulk(word));
            cx.reply.bulk_text("duration_ms");
            cx.reply.integer(script.duration_ms as i64);
        }
    }
    let (libraries, functions) = cx.server.function_counts();
    cx.reply.bulk_text("engines");
    cx.reply.map(1);
    cx.reply.bulk_text("LUA");
    cx.reply.map(2);
    cx.reply.bulk_text("libraries_count");
    cx.reply.integer(libraries as i64);
    cx.reply.bulk_text("functions_count");
    cx.reply.integer(functions as i64);
    Ok(())
}
