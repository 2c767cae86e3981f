//! XINFO.

use super::options::no_group_of;
use super::pending::write_pending;
use crate::commands::args::{Args, not_an_integer, wrong_subcommand};
use crate::commands::{Context, RunResult};
use crate::keyspace::transaction::Stop;
use crate::number::parse_i64;
use crate::resp::Reply;
use crate::types::stream::{Consumer, Group, Span, Stream, UNKNOWN_READ, write_id};

/// The stream at word 2, which has to be there.
fn existing(cx: &mut Context<'_, '_>, args: Args<'_>) -> Result<Stream, Stop> {
    let entry = cx.txn.lookup(args.word(2))?;
    Stream::open(&entry)?.ok_or_else(|| Stop::error("ERR no such key"))
}

fn field_integer(reply: &mut Reply, name: &str, value: i64) {
    reply.bulk_text(name);
    reply.integer(value);
}

fn field_known(reply: &mut Reply, name: &str, value: Option<i64>) {
    reply.bulk_text(name);
    match value {
        Some(value) => reply.integer(value),
        None => reply.null(),
    }
}

fn read_of(group: &Group) -> Option<i64> {
    (group.read != UNKNOWN_READ).then_some(group.read)
}

pub(super) fn groups(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let stream = existing(cx, args)?;
    let groups = stream.groups(&mut cx.txn)?;
    let reply = &mut *cx.reply;
    reply.array(groups.len());
    for (name, group) in &groups {
        reply.map(6);
        reply.bulk_text("name");
        reply.bulk(name);
        field_integer(reply, "consumers", group.consumers as i64);
        field_integer(reply, "pending", group.pending as i64);
        reply.bulk_text("last-delivered-id");
        write_id(reply, group.last);
        field_known(reply, "entries-read", read_of(group));
        field_known(reply, "lag", group.lag(&stream.head));
    }
    Ok(())
}

pub(super) fn consumers(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let stream = existing(cx, args)?;
    let Some(group) = stream.group(&mut cx.txn, args.word(3))? else {
        return Err(no_group_of(args.word(2), args.word(3)));
    };
    let consumers = stream.consumers(&mut cx.txn, &group)?;
    let now_ms = cx.txn.now_ms() as i64;
    let reply = &mut *cx.reply;
    reply.array(consumers.len());
    for (name, consumer) in &consumers {
        reply.map(4);
        reply.bulk_text("name");
        reply.bulk(name);
        field_integer(reply, "pending", consumer.pending as i64);
        field_integer(reply, "idle", (now_ms - consumer.seen_ms as i64).max(0));
        let inactive = consumer.active_ms.map_or(-1, |active_ms| now_ms - active_ms as i64);
        field_integer(reply, "inactive", inactive);
    }
    Ok(())
}

/// How many of everything FULL shows; 0: all. `None`: not FULL.
fn full_count(args: Args<'_>) -> Result<Option<u64>, Stop> {
    const USUAL: u64 = 10;
    let is = |at: usize, name: &str| args.word(at).eq_ignore_ascii_case(name.as_bytes());
    match args.len() {
        3 => Ok(None),
        4 if is(3, "FULL") => Ok(Some(USUAL)),
        6 if is(3, "FULL") && is(4, "COUNT") => {
            let count = parse_i64(args.word(5)).ok_or_else(not_an_integer)?;
            Ok(Some(u64::try_from(count).unwrap_or(USUAL)))
        }
        _ => Err(wrong_subcommand(args)),
    }
}

pub(super) fn stream(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let stream = existing(cx, args)?;
    let full = full_count(args)?;
    let (head, reply) = (&stream.head, &mut *cx.reply);
    reply.map(if full.is_some() { 9 } else { 10 });
    field_integer(reply, "length", head.len as i64);
    field_integer(reply, "radix-tree-keys", head.nodes as i64);
    // The tree itself does not exist: as many as one level would have.
    field_integer(reply, "radix-tree-nodes", head.nodes as i64 + 1);
    reply.bulk_text("last-generated-id");
    write_id(reply, head.last);
    reply.bulk_text("max-deleted-entry-id");
    write_id(reply, head.max_deleted);
    field_integer(reply, "entries-added", head.added as i64);
    reply.bulk_text("recorded-first-entry-id");
    write_id(reply, head.first);
    match full {
        Some(count) => show_all(cx, &stream, count),
        None => show_ends(cx, &stream),
    }
}

fn show_ends(cx: &mut Context<'_, '_>, stream: &Stream) -> RunResult {
    field_integer(cx.reply, "groups", stream.head.groups as i64);
    for (name, backwards) in [("first-entry", false), ("last-entry", true)] {
        cx.reply.bulk_text(name);
        let (mut shown, reply) = (false, &mut *cx.reply);
        let visit = |entry: &crate::types::stream::EntryRef<'_>| {
            entry.reply(reply);
            shown = true;
            false
        };
        if backwards {
            stream.entries_back(&mut cx.txn, Span::ALL, visit)?;
        } else {
            stream.entries(&mut cx.txn, Span::ALL, visit)?;
        }
        if !shown {
            cx.reply.null();
        }
    }
    Ok(())
}

fn show_all(cx: &mut Context<'_, '_>, stream: &Stream, count: u64) -> RunResult {
    cx.reply.bulk_text("entries");
    let mark = cx.reply.deferred();
    let (mut shown, reply) = (0u64, &mut *cx.reply);
    stream.entries(&mut cx.txn, Span::ALL, |entry| {
        entry.reply(reply);
        shown += 1;
        shown != count
    })?;
    cx.reply.set_array_len(mark, shown as usize);
    let groups = stream.groups(&mut cx.txn)?;
    cx.reply.bulk_text("groups");
    cx.reply.array(groups.len());
    for (name, group) in &groups {
        show_group(cx, stream, name, group, count)?;
    }
    Ok(())
}

fn show_group(
    cx: &mut Context<'_, '_>,
    stream: &Stream,
    name: &[u8],
    group: &Group,
    count: u64,
) -> RunResult {
    let reply = &mut *cx.reply;
    reply.map(7);
    reply.bulk_text("name");
    reply.bulk(name);
    reply.bulk_text("last-delivered-id");
    write_id(reply, group.last);
    field_known(reply, "entries-read", read_of(group));
    field_known(reply, "lag", group.lag(&stream.head));
    field_integer(reply, "pel-count", group.pending as i64);
    reply.bulk_text("pending");
    let mark = reply.deferred();
    let mut shown = 0u64;
    stream.pending_in(&mut cx.txn, group, Span::ALL, |pending| {
        let delivery = pending.delivery;
        write_pending(reply, pending.id, &pending.consumer, delivery.at_ms as i64, delivery.count);
        shown += 1;
        shown != count
    })?;
    reply.set_array_len(mark, shown as usize);
    let consumers = stream.consumers(&mut cx.txn, group)?;
    cx.reply.bulk_text("consumers");
    cx.reply.array(consumers.len());
    for (name, consumer) in &consumers {
        show_consumer(cx, stream, group, (name, consumer), count)?;
    }
    Ok(())
}

fn show_consumer(
    cx: &mut Context<'_, '_>,
    stream: &Stream,
    group: &Group,
    (name, consumer): (&[u8], &Consumer),
    count: u64,
) -> RunResult {
    let reply = &mut *cx.reply;
    reply.map(5);
    reply.bulk_text("name");
    reply.bulk(name);
    field_integer(reply, "seen-time", consumer.seen_ms as i64);
    field_integer(reply, "active-time", consumer.active_ms.map_or(-1, |active_ms| active_ms as i64));
    field_integer(reply, "pel-count", consumer.pending as i64);
    reply.bulk_text("pending");
    let mark = reply.deferred();
    let mut shown = 0u64;
    if consumer.pending > 0 {
        stream.pending_of(&mut cx.txn, group, name, Span::ALL, |id, delivery| {
            reply.array(3);
            write_id(reply, id);
            reply.integer(delivery.at_ms as i64);
            reply.integer(delivery.count as i64);
            shown += 1;
            shown != count
        })?;
    }
    reply.set_array_len(mark, shown as usize);
    Ok(())
}
