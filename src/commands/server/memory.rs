//! MEMORY.

use super::super::args::syntax_error;
use super::super::help::HELP;
use super::super::*;
use crate::info::{MemoryNumbers, Section, Sections};
use crate::server::AdminContext;
use crate::types;

const BASE: Command =
    Command { group: Group::Server, since: "4.0.0", arity: Arity::Exactly(2), ..Command::BASE };
const SPECIAL: &[&str] = &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

/// The row of MEMORY.
pub(super) const MEMORY: Command = Command {
    name: "memory",
    summary: "Tells what memory is used for.",
    complexity: "Depends on subcommand.",
    arity: Arity::AtLeast(2),
    run: Run::Container,
    differs: "USAGE estimates what a key takes in memory while it is there; on disk it takes less.",
    subcommands: &[
        Command {
            name: "doctor",
            summary: "Explains what is unusual about the use of memory.",
            run: Run::Admin(doctor),
            tips: SPECIAL,
            ..BASE
        },
        Command { group: Group::Server, since: "4.0.0", ..HELP },
        Command {
            name: "malloc-stats",
            summary: "Returns the allocator's own report.",
            complexity: "Depends on how much memory is allocated.",
            run: Run::Admin(malloc_stats),
            tips: SPECIAL,
            ..BASE
        },
        Command {
            name: "purge",
            summary: "Gives free memory back to the system.",
            complexity: "Depends on how much memory is allocated.",
            run: Run::Admin(purge),
            tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
            ..BASE
        },
        Command {
            name: "stats",
            summary: "Tells how much memory is used for what.",
            run: Run::Admin(stats),
            tips: SPECIAL,
            ..BASE
        },
        Command {
            name: "usage",
            syntax: "key [SAMPLES count]",
            summary: "Estimates the memory that a key and its value take.",
            complexity: "O(1)",
            arity: Arity::AtLeast(3),
            flags: Flags::READONLY,
            keys: &[Keys::at(2, KeyFlags::INSPECT)],
            run: Run::Keys(usage),
            ..BASE
        },
    ],
    ..BASE
};

fn usage(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    /// Redis's default.
    const SAMPLES: u64 = 5;
    let (mut samples, mut cursor) = (SAMPLES, args.cursor(3));
    while cursor.left() > 0 {
        if !cursor.eat("samples") {
            return Err(syntax_error());
        }
        samples = u64::try_from(cursor.integer()?).map_err(|_| syntax_error())?;
    }
    let entry = cx.txn.entry(args.word(2))?;
    if entry.exists() {
        let bytes = types::memory_usage(&mut cx.txn, &entry, samples)?;
        cx.reply.integer(i64::try_from(bytes).unwrap_or(i64::MAX));
    } else {
        cx.reply.null();
    }
    Ok(())
}

fn numbers(cx: &AdminContext<'_>) -> (MemoryNumbers, i64) {
    let wanted = Sections::default().with(Section::Memory).with(Section::Keyspace);
    let numbers = cx.server.numbers(&wanted);
    let keys = numbers.keyspace.iter().map(|(_, database)| database.counts.keys()).sum();
    (numbers.memory, keys)
}

fn doctor(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    let (memory, _) = numbers(cx);
    let mut found = Vec::new();
    if memory.budget > 0 && memory.used > memory.budget {
        found.push("More memory is used than memory-budget allows. Is it many clients with large replies?");
    }
    if memory.active > 0 && memory.resident > memory.active.saturating_mul(2) && memory.resident > 64 << 20 {
        found.push("The allocator holds twice the memory that is in use. MEMORY PURGE gives it back.");
    }
    if memory.block_cache > 0 && memory.block_cache_pinned > memory.block_cache / 2 {
        found
            .push("Half of the block cache is pinned, by indexes and filters or by iterators: give it more.");
    }
    let text = if found.is_empty() { "Nothing unusual was found.".into() } else { found.join("\n") };
    cx.reply.verbatim("txt", format!("{text}\n").as_bytes());
    Ok(())
}

fn malloc_stats(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.verbatim("txt", cx.server.malloc_stats().as_bytes());
    Ok(())
}

fn purge(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    cx.server.purge_memory().map_err(|error| Stop::error(format!("ERR {error}")))?;
    cx.reply.ok();
    Ok(())
}

/// A line of MEMORY STATS.
enum Figure {
    Bytes(u64),
    Ratio(f64),
}

fn stats(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    use Figure::{Bytes, Ratio};
    let (memory, keys) = numbers(cx);
    let keys = u64::try_from(keys).unwrap_or(0);
    let overhead = memory.startup + memory.clients + memory.log_buffer + memory.table_readers;
    let dataset = memory.used.saturating_sub(overhead);
    let net = memory.used.saturating_sub(memory.startup);
    let percent = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let figures = [
        ("peak.allocated", Bytes(memory.peak)),
        ("total.allocated", Bytes(memory.used)),
        ("startup.allocated", Bytes(memory.startup)),
        ("replication.backlog", Bytes(0)),
        ("clients.slaves", Bytes(0)),
        ("clients.normal", Bytes(memory.clients)),
        ("cluster.links", Bytes(0)),
        ("aof.buffer", Bytes(memory.log_buffer)),
        ("lua.caches", Bytes(0)),
        ("functions.caches", Bytes(0)),
        ("overlay", Bytes(memory.overlay)),
        ("cache", Bytes(memory.cache)),
        ("rocksdb.block-cache", Bytes(memory.block_cache)),
        ("rocksdb.memtables", Bytes(memory.memtables)),
        ("rocksdb.table-readers", Bytes(memory.table_readers)),
        ("overhead.total", Bytes(overhead)),
        ("keys.count", Bytes(keys)),
        ("keys.bytes-per-key", Bytes(net.checked_div(keys).unwrap_or(0))),
        ("dataset.bytes", Bytes(dataset)),
        ("dataset.percentage", Ratio(percent(dataset, net))),
        ("peak.percentage", Ratio(percent(memory.used, memory.peak))),
        ("allocator.allocated", Bytes(memory.allocated)),
        ("allocator.active", Bytes(memory.active)),
        ("allocator.resident", Bytes(memory.resident)),
        ("allocator-fragmentation.ratio", Ratio(ratio(memory.active, memory.allocated))),
        ("allocator-fragmentation.bytes", Bytes(memory.active.saturating_sub(memory.allocated))),
        ("allocator-rss.ratio", Ratio(ratio(memory.resident, memory.active))),
        ("allocator-rss.bytes", Bytes(memory.resident.saturating_sub(memory.active))),
        ("rss-overhead.ratio", Ratio(ratio(memory.rss, memory.resident))),
        ("rss-overhead.bytes", Bytes(memory.rss.saturating_sub(memory.resident))),
        ("fragmentation", Ratio(ratio(memory.rss, memory.used))),
        ("fragmentation.bytes", Bytes(memory.rss.saturating_sub(memory.used))),
    ];
    cx.reply.map(figures.len());
    for (name, figure) in figures {
        cx.reply.bulk_text(name);
        match figure {
            Bytes(bytes) => cx.reply.integer(i64::try_from(bytes).unwrap_or(i64::MAX)),
            Ratio(ratio) => cx.reply.double(ratio),
        }
    }
    Ok(())
}
