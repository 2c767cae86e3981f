//! OBJECT: what the server knows of a key beside its value.

use super::keys::inspect_quietly;
use super::{Args, Arity, Command, Context, Flags, KeyFlags, Keys, Run, RunResult};
use crate::encoding::meta::{Meta, Type};
use crate::keyspace::transaction::{Entry, Stop};
use crate::number::parse_i64;
use crate::server::SessionContext;
use crate::types;

const ONE_KEY: &[Keys] = &[Keys::at(2, KeyFlags::INSPECT)];

/// What the rows of those have in common that tell about a key.
const INSPECTS: Command = Command {
    syntax: "key",
    since: "2.2.3",
    arity: Arity::Exactly(3),
    flags: Flags::READONLY,
    categories: &["keyspace"],
    keys: ONE_KEY,
    tips: &["nondeterministic_output"],
    ..Command::BASE
};

/// The subcommands, in the order of their names.
pub(super) const SUBCOMMANDS: &[Command] = &[
    Command {
        name: "encoding",
        summary: "Returns the name of the form in which Redis would keep a key's value.",
        run: Run::Keys(encoding),
        ..INSPECTS
    },
    Command {
        name: "freq",
        summary: "Returns how often a key is used, on a logarithmic scale, under an LFU policy.",
        since: "4.0.0",
        run: Run::Keys(freq),
        ..INSPECTS
    },
    Command {
        name: "help",
        summary: "Returns what the subcommands of OBJECT do.",
        since: "6.2.0",
        arity: Arity::Exactly(2),
        flags: Flags::LOADING.and(Flags::STALE),
        categories: &["keyspace"],
        run: Run::Session(help),
        ..Command::BASE
    },
    Command {
        name: "idletime",
        summary: "Returns for how many seconds a key was not used.",
        run: Run::Keys(idletime),
        ..INSPECTS
    },
    Command {
        name: "refcount",
        summary: "Returns how many references Redis would hold to a key's value.",
        run: Run::Keys(refcount),
        ..INSPECTS
    },
];

const HELP: &[&str] = &[
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    The form in which Redis would keep the value of <key>.",
    "FREQ <key>",
    "    How often <key> is used, on a logarithmic scale. Needs an LFU policy.",
    "IDLETIME <key>",
    "    Seconds since <key> was last used, as far as that is in memory.",
    "REFCOUNT <key>",
    "    References that Redis would hold to the value of <key>.",
    "HELP",
    "    This text.",
];

fn help(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.array(HELP.len());
    HELP.iter().for_each(|line| cx.reply.simple(line));
    Ok(())
}

fn encoding(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (entry, _) = inspect_quietly(cx, args.word(2))?;
    match entry.meta() {
        Some(meta) => cx.reply.bulk_text(types::encoding(&meta, cx.settings)),
        None => cx.reply.null(),
    }
    Ok(())
}

/// Redis keeps small numbers once for all keys and calls the number of references to them this.
const SHARED: i64 = i32::MAX as i64;

fn refcount(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (entry, _) = inspect_quietly(cx, args.word(2))?;
    let shared = |meta: &Meta<'_>| {
        meta.kind == Type::String
            && !meta.expanded
            && parse_i64(meta.payload).is_some_and(|number| (0..10_000).contains(&number))
    };
    match entry.meta() {
        Some(meta) => cx.reply.integer(if shared(&meta) { SHARED } else { 1 }),
        None => cx.reply.null(),
    }
    Ok(())
}

/// Seconds since the last use. What is not in memory was just read, as far as anybody knows.
fn idle_s(cx: &Context<'_, '_>, used_s: Option<u32>) -> i64 {
    let now_s = (cx.txn.now_ms() / 1000) as u32;
    used_s.map_or(0, |used_s| i64::from(now_s.saturating_sub(used_s)))
}

fn inspect_if(
    cx: &mut Context<'_, '_>,
    key: &[u8],
    allowed: bool,
    otherwise: &'static str,
) -> Result<Option<(Entry, Option<u32>)>, Stop> {
    let (entry, used_s) = inspect_quietly(cx, key)?;
    if !entry.exists() {
        return Ok(None);
    }
    if allowed { Ok(Some((entry, used_s))) } else { Err(Stop::error(otherwise)) }
}

fn idletime(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let allowed = !cx.settings.lfu_policy;
    let refusal = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
                   switching between policies at runtime LRU and LFU data will take some time to adjust.";
    match inspect_if(cx, args.word(2), allowed, refusal)? {
        Some((_, used_s)) => cx.reply.integer(idle_s(cx, used_s)),
        None => cx.reply.null(),
    }
    Ok(())
}

/// Uses are not counted: the answer is what Redis says of a key that was new when it was last used.
fn freq(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    const NEW: i64 = 5;
    let allowed = cx.settings.lfu_policy;
    let refusal = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that \
                   when switching between policies at runtime LRU and LFU data will take some time to adjust.";
    match inspect_if(cx, args.word(2), allowed, refusal)? {
        Some((_, used_s)) => cx.reply.integer((NEW - idle_s(cx, used_s) / 60).max(0)),
        None => cx.reply.null(),
    }
    Ok(())
}
