//! XACK and XPENDING.

use super::options::{ids, no_group, span, stream_and_group};
use crate::commands::args::{Args, not_an_integer, syntax_error};
use crate::commands::{Context, RunResult};
use crate::keyspace::transaction::Stop;
use crate::number::{Decimal, parse_i64};
use crate::resp::Reply;
use crate::types::stream::{Delivery, Group, Roster, Span, Stream, StreamId, write_id};

pub(super) fn xack(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let Some((stream, mut group)) = stream_and_group(cx, args)? else {
        cx.reply.integer(0);
        return Ok(());
    };
    let ids = ids(args, 3)?;
    let txn = &mut cx.txn;
    stream.prefetch_pending(txn, &group, &ids)?;
    let (mut acknowledged, mut roster) = (0, Roster::default());
    for id in ids {
        let Some(pending) = stream.pending(txn, &group, id)? else { continue };
        stream.remove_pending(txn, &mut group, id, &pending.consumer);
        roster.get(txn, &stream, &group, &pending.consumer)?.pending -= 1;
        acknowledged += 1;
    }
    if acknowledged > 0 {
        stream.put_group(txn, args.word(2), &group);
        roster.save(txn, &stream, &group);
        txn.spare_watches();
        txn.add_changes(acknowledged);
    }
    cx.reply.integer(acknowledged as i64);
    Ok(())
}

/// What XPENDING lists.
struct Wanted<'a> {
    span: Span,
    count: u64,
    /// The least idle time, in ms; 0: any.
    idle_ms: i64,
    consumer: Option<&'a [u8]>,
}

fn wanted(args: Args<'_>) -> Result<Option<Wanted<'_>>, Stop> {
    let words = args.len();
    if words == 3 {
        return Ok(None);
    }
    if !(6..=9).contains(&words) {
        return Err(syntax_error());
    }
    let integer = |at: usize| parse_i64(args.word(at)).ok_or_else(not_an_integer);
    let (mut first, mut idle_ms) = (3, 0);
    if args.word(3).eq_ignore_ascii_case(b"IDLE") {
        idle_ms = integer(4)?;
        if words < 8 {
            return Err(syntax_error());
        }
        first = 5;
    }
    let count = integer(first + 2)?.max(0) as u64;
    let span = span(args.word(first), args.word(first + 1))?;
    let consumer = (first + 3 < words).then(|| args.word(first + 3));
    Ok(Some(Wanted { span, count, idle_ms, consumer }))
}

pub(super) fn xpending(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let wanted = wanted(args)?;
    let Some((stream, group)) = stream_and_group(cx, args)? else {
        return Err(no_group(args.word(1), args.word(2), ""));
    };
    match wanted {
        None => summary(cx, &stream, &group),
        Some(wanted) => list(cx, &stream, &group, &wanted),
    }
}

fn summary(cx: &mut Context<'_, '_>, stream: &Stream, group: &Group) -> RunResult {
    cx.reply.array(4);
    cx.reply.integer(group.pending as i64);
    let Some((least, greatest)) = stream.pending_bounds(&mut cx.txn, group)? else {
        cx.reply.null();
        cx.reply.null();
        cx.reply.null_array();
        return Ok(());
    };
    write_id(cx.reply, least);
    write_id(cx.reply, greatest);
    let mut consumers = stream.consumers(&mut cx.txn, group)?;
    consumers.retain(|(_, consumer)| consumer.pending > 0);
    cx.reply.array(consumers.len());
    for (name, consumer) in &consumers {
        cx.reply.array(2);
        cx.reply.bulk(name);
        cx.reply.bulk(Decimal::unsigned(consumer.pending).as_bytes());
    }
    Ok(())
}

fn list(cx: &mut Context<'_, '_>, stream: &Stream, group: &Group, wanted: &Wanted<'_>) -> RunResult {
    let now_ms = cx.txn.now_ms();
    let mark = cx.reply.deferred();
    let (mut shown, reply) = (0u64, &mut *cx.reply);
    let mut show = |id: StreamId, consumer: &[u8], delivery: Delivery| {
        let idle_ms = now_ms as i64 - delivery.at_ms as i64;
        if wanted.idle_ms == 0 || idle_ms >= wanted.idle_ms {
            write_pending(reply, id, consumer, idle_ms.max(0), delivery.count);
            shown += 1;
        }
        shown < wanted.count
    };
    match wanted.consumer {
        _ if wanted.count == 0 => {}
        Some(name) => {
            let known = stream.consumer(&mut cx.txn, group, name)?;
            if known.is_some_and(|consumer| consumer.pending > 0) {
                stream.pending_of(&mut cx.txn, group, name, wanted.span, |id, delivery| {
                    show(id, name, delivery)
                })?;
            }
        }
        None => stream.pending_in(&mut cx.txn, group, wanted.span, |pending| {
            show(pending.id, &pending.consumer, pending.delivery)
        })?,
    }
    cx.reply.set_array_len(mark, shown as usize);
    Ok(())
}

/// A pending entry as XPENDING and XINFO STREAM FULL answer it: id, consumer, a time, number of deliveries.
pub(super) fn write_pending(reply: &mut Reply, id: StreamId, consumer: &[u8], time: i64, count: u64) {
    reply.array(4);
    write_id(reply, id);
    reply.bulk(consumer);
    reply.integer(time);
    reply.integer(count as i64);
}
