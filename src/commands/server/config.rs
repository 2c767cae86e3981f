//! CONFIG.

use super::super::args::syntax_error;
use super::super::help::HELP;
use super::super::*;
use crate::config::Extent;
use crate::glob::glob_match;
use crate::server::AdminContext;

const ADMIN: Flags = Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::LOADING).and(Flags::STALE);
const BASE: Command = Command { group: Group::Server, flags: ADMIN, since: "2.0.0", ..Command::BASE };

/// The row of CONFIG.
pub(super) const CONFIG: Command = Command {
    name: "config",
    summary: "Reads and changes the options of the server.",
    since: "2.0.0",
    complexity: "Depends on subcommand.",
    group: Group::Server,
    arity: Arity::AtLeast(2),
    differs: "The options are Pika's, in `docs/config.md`; those of Redis that do nothing here are accepted.",
    subcommands: &[
        Command {
            name: "get",
            syntax: "parameter [parameter ...]",
            summary: "Returns the options that match patterns.",
            complexity: "O(N) where N is the number of options.",
            arity: Arity::AtLeast(3),
            run: Run::Admin(get),
            ..BASE
        },
        Command { group: Group::Server, ..HELP },
        Command {
            name: "resetstat",
            summary: "Sets the counters of INFO back to zero.",
            arity: Arity::Exactly(2),
            run: Run::Admin(resetstat),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..BASE
        },
        Command {
            name: "rewrite",
            summary: "Writes the options into the configuration file.",
            since: "2.8.0",
            arity: Arity::Exactly(2),
            run: Run::Admin(rewrite),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..BASE
        },
        Command {
            name: "set",
            syntax: "parameter value [parameter value ...]",
            summary: "Changes options: all of them, or none.",
            complexity: "O(N) where N is the number of options.",
            arity: Arity::AtLeast(4),
            run: Run::Admin(set),
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..BASE
        },
    ],
    ..Command::BASE
};

fn get(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let patterns: Vec<&[u8]> = args.from(2).collect();
    let found = cx.server.config().show(&patterns, |pattern, name| glob_match(pattern, name, true));
    cx.reply.map(found.len());
    for (name, value) in found {
        cx.reply.bulk_text(&name);
        cx.reply.bulk_text(&value);
    }
    Ok(())
}

fn set(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    if !args.len().is_multiple_of(2) {
        return Err(syntax_error());
    }
    let pairs: Vec<(&[u8], &[u8])> =
        (2..args.len()).step_by(2).map(|index| (args.word(index), args.word(index + 1))).collect();
    let refused = |error: crate::config::SetError| Stop::quoting(&[&error.text()]);
    let (config, changed) = cx.server.config().set(&pairs, cx.session.is_local()).map_err(refused)?;
    cx.server.set_config(config, &changed).map_err(refused)?;
    cx.reply.ok();
    Ok(())
}

fn rewrite(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    if cx.server.identity().config_file.is_empty() {
        return Err(Stop::error("ERR The server is running without a config file"));
    }
    cx.server
        .rewrite_config(Extent::Changed)
        .map_err(|error| Stop::error(format!("ERR Rewriting config file: {error}")))?;
    cx.reply.ok();
    Ok(())
}

fn resetstat(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    cx.server.reset_statistics();
    cx.reply.ok();
    Ok(())
}
