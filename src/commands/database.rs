//! Commands on whole databases: DBSIZE, FLUSHALL, FLUSHDB, SWAPDB.

use super::args::syntax_error;
use super::*;
use crate::number::parse_i64;

/// The commands on databases, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "dbsize",
        summary: "Returns the number of keys in the database.",
        group: Group::Server,
        flags: Flags::READONLY.and(Flags::FAST),
        categories: &["keyspace"],
        run: Run::All(dbsize),
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        ..Command::BASE
    },
    Command {
        name: "flushall",
        syntax: "[<ASYNC | SYNC>]",
        summary: "Removes all keys from all databases.",
        complexity: "O(D) where D is the number of databases. Space is reclaimed in the background.",
        group: Group::Server,
        arity: Arity::AtLeast(1),
        flags: Flags::WRITE,
        categories: &["keyspace", "dangerous"],
        run: Run::All(flushall),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..Command::BASE
    },
    Command {
        name: "flushdb",
        syntax: "[<ASYNC | SYNC>]",
        summary: "Removes all keys from the database.",
        complexity: "O(1). Space is reclaimed in the background.",
        group: Group::Server,
        arity: Arity::AtLeast(1),
        flags: Flags::WRITE,
        categories: &["keyspace", "dangerous"],
        run: Run::All(flushdb),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..Command::BASE
    },
    Command {
        name: "swapdb",
        syntax: "index1 index2",
        summary: "Exchanges the keys of two databases.",
        since: "4.0.0",
        group: Group::Server,
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::FAST),
        categories: &["keyspace", "dangerous"],
        run: Run::All(swapdb),
        ..Command::BASE
    },
];

fn dbsize(cx: &mut Context<'_, '_>, _args: Args<'_>) -> RunResult {
    let namespace = cx.txn.namespace_of(cx.txn.database());
    let keys = cx.txn.counts(namespace)?.keys();
    cx.reply.integer(keys);
    Ok(())
}

/// ASYNC and SYNC are the same here: to empty a database is to give it a new namespace.
fn check_mode(args: Args<'_>) -> RunResult {
    let word = args.word(1);
    let known = word.eq_ignore_ascii_case(b"async") || word.eq_ignore_ascii_case(b"sync");
    if args.len() == 1 || (args.len() == 2 && known) { Ok(()) } else { Err(syntax_error()) }
}

fn flushall(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    check_mode(args)?;
    (0..cx.txn.databases()).for_each(|database| cx.txn.flush_database(database));
    cx.reply.ok();
    Ok(())
}

fn flushdb(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    check_mode(args)?;
    cx.txn.flush_database(cx.txn.database());
    cx.reply.ok();
    Ok(())
}

fn swapdb(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let index = |word, refusal| {
        parse_i64(word).and_then(|n| i32::try_from(n).ok()).ok_or_else(|| Stop::error(refusal))
    };
    let first = index(args.word(1), "ERR invalid first DB index")?;
    let second = index(args.word(2), "ERR invalid second DB index")?;
    let databases = cx.txn.databases();
    let existing = |index| usize::try_from(index).ok().filter(|&index| index < databases);
    let (Some(first), Some(second)) = (existing(first), existing(second)) else {
        return Err(Stop::error("ERR DB index is out of range"));
    };
    cx.txn.swap_databases(first, second);
    cx.reply.ok();
    Ok(())
}
