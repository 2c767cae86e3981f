//! XREADGROUP.
//!
//! The log gets what came of it, as XCLAIM's does: which entries the consumer has now, delivered when and how often, and
//! how far the group has read.

use super::effects::Receiver;
use super::options::{id, no_group};
use super::read::{Answer, ReadOptions, meaningless};
use crate::commands::args::Args;
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::types::stream::{Delivery, Finder, Group, Roster, Span, Stream, StreamId, write_id};

/// What stands for `>`: as in Redis, the greatest id means it too.
const NEW: StreamId = StreamId::MAX;

/// A pending entry that this command wrote: ranges do not show it yet.
struct Written<'a> {
    key: &'a [u8],
    id: StreamId,
    delivery: Delivery,
}

/// One reading of one stream.
struct Reading<'a, 'r> {
    options: &'r ReadOptions<'a>,
    key: &'a [u8],
    group_name: &'a [u8],
    consumer: &'a [u8],
    stream: Stream,
    group: Group,
    roster: Roster,
    /// The consumer is new.
    is_new: bool,
    /// The group has read on.
    moved: bool,
    /// What the consumer has now, and how often it was delivered.
    delivered: Vec<(StreamId, u64)>,
}

pub(super) fn xreadgroup(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let options = ReadOptions::read(args, cx.txn.now_ms(), true)?;
    let Some((group_name, consumer)) = options.group else { return Ok(()) };
    let mut wanted = Vec::with_capacity(options.streams);
    for key_at in options.keys() {
        let key = args.word(key_at);
        let entry = cx.txn.lookup(key)?;
        let stream = Stream::open(&entry)?;
        let group = match &stream {
            Some(stream) => stream.group(&mut cx.txn, group_name)?,
            None => None,
        };
        let (Some(stream), Some(_)) = (stream, group) else {
            return Err(no_group(key, group_name, " in XREADGROUP with GROUP option"));
        };
        let after = match args.word(key_at + options.streams) {
            word @ (b"$" | b"+") => return Err(meaningless(word)),
            b">" => NEW,
            word => id(word)?,
        };
        wanted.push((key, entry, stream, after));
    }
    let (mut answer, mut written) = (Answer::new(), Vec::new());
    for (key, entry, stream, after) in wanted {
        // As in Redis, reading is a second look at the key.
        cx.txn.count_look(&entry);
        // A key may be given twice: the group as this command left it.
        let Some(mut group) = stream.group(&mut cx.txn, group_name)? else { continue };
        let mut roster = Roster::default();
        let is_new = roster.meet(&mut cx.txn, &stream, &mut group, consumer)?;
        if is_new {
            cx.txn.notify(Events::STREAM, "xgroup-createconsumer", stream.entry());
        }
        let mut reading = Reading {
            options: &options,
            key,
            group_name,
            consumer,
            stream,
            group,
            roster,
            is_new,
            moved: false,
            delivered: Vec::new(),
        };
        if after == NEW {
            reading.deliver(cx, &mut answer, &mut written)?;
        } else {
            reading.history(cx, &mut answer, after, &mut written)?;
        }
        reading.save(cx);
    }
    cx.txn.spare_watches();
    if answer.is_empty() && options.block_ms.is_some() {
        return options.wait(args, None, cx.reply);
    }
    if answer.is_empty() {
        cx.reply.null_array();
    }
    answer.finish(cx.reply);
    Ok(())
}

impl<'a> Reading<'a, '_> {
    /// Delivers entries that no consumer of the group got yet.
    fn deliver(
        &mut self,
        cx: &mut Context<'_, '_>,
        answer: &mut Answer,
        written: &mut Vec<Written<'a>>,
    ) -> RunResult {
        let (stream, group, count) = (&self.stream, &mut self.group, self.options.count);
        let (Some(start), true) = (group.last.next(), group.last < stream.head.last) else { return Ok(()) };
        if stream.last_entry(&mut cx.txn)?.is_none_or(|last| last < start) {
            return Ok(());
        }
        answer.begin(cx.reply, self.key);
        let mark = cx.reply.deferred();
        let (mut ids, reply) = (Vec::new(), &mut *cx.reply);
        let span = Span { start, end: StreamId::MAX };
        group.near = stream.entries_near(&mut cx.txn, span, group.near, |entry| {
            entry.reply(reply);
            ids.push(entry.id);
            ids.len() as u64 != count
        })?;
        cx.reply.set_array_len(mark, ids.len());
        if !self.options.no_ack {
            stream.prefetch_pending(&mut cx.txn, group, &ids)?;
        }
        let now_ms = cx.txn.now_ms();
        let delivery = Delivery { at_ms: now_ms, count: 1 };
        for id in ids {
            group.advance(&stream.head, id);
            self.moved = true;
            if self.options.no_ack {
                continue;
            }
            self.delivered.push((id, delivery.count));
            // XGROUP SETID may have gone back to before entries that somebody has.
            let owner = stream.pending(&mut cx.txn, group, id)?.map(|pending| pending.consumer);
            match owner {
                Some(owner) if owner == self.consumer => {
                    stream.put_pending(&mut cx.txn, group, id, self.consumer, delivery);
                }
                Some(owner) => {
                    stream.take_pending(&mut cx.txn, group, id, &owner);
                    self.roster.get(&mut cx.txn, stream, group, &owner)?.pending -= 1;
                    stream.put_pending(&mut cx.txn, group, id, self.consumer, delivery);
                    self.roster.get(&mut cx.txn, stream, group, self.consumer)?.pending += 1;
                }
                None => {
                    stream.add_pending(&mut cx.txn, group, id, self.consumer, delivery);
                    self.roster.get(&mut cx.txn, stream, group, self.consumer)?.pending += 1;
                }
            }
            written.push(Written { key: self.key, id, delivery });
            self.roster.get(&mut cx.txn, stream, group, self.consumer)?.active_ms = Some(now_ms);
        }
        Ok(())
    }

    /// Delivers again what the consumer has not acknowledged.
    fn history(
        &mut self,
        cx: &mut Context<'_, '_>,
        answer: &mut Answer,
        after: StreamId,
        written: &mut Vec<Written<'a>>,
    ) -> RunResult {
        let count = self.options.count;
        let start = after.next().unwrap_or(StreamId::ZERO);
        let known = self.roster.get(&mut cx.txn, &self.stream, &self.group, self.consumer)?.pending;
        let mut pending = Vec::new();
        if known > 0 {
            let span = Span { start, end: StreamId::MAX };
            self.stream.pending_of(&mut cx.txn, &self.group, self.consumer, span, |id, delivery| {
                pending.push((id, delivery));
                pending.len() as u64 != count
            })?;
        }
        for own in written.iter().filter(|own| own.key == self.key && own.id >= start) {
            match pending.binary_search_by_key(&own.id, |&(id, _)| id) {
                Ok(at) => pending[at].1 = own.delivery,
                Err(at) => pending.insert(at, (own.id, own.delivery)),
            }
        }
        if count > 0 {
            pending.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        }
        answer.begin(cx.reply, self.key);
        cx.reply.array(pending.len());
        let at_ms = cx.txn.now_ms();
        let mut finder = Finder::new(&self.stream);
        for (id, delivery) in pending {
            let reply = &mut *cx.reply;
            if finder.find(&mut cx.txn, id, |entry| entry.reply(reply))?.is_none() {
                cx.reply.array(2);
                write_id(cx.reply, id);
                cx.reply.null_array();
                continue;
            }
            let delivery = Delivery { at_ms, count: delivery.count.saturating_add(1) };
            self.stream.put_pending(&mut cx.txn, &self.group, id, self.consumer, delivery);
            self.delivered.push((id, delivery.count));
            written.push(Written { key: self.key, id, delivery });
        }
        Ok(())
    }

    fn save(self, cx: &mut Context<'_, '_>) {
        self.stream.put_group(&mut cx.txn, self.group_name, &self.group);
        self.roster.save(&mut cx.txn, &self.stream, &self.group);
        cx.txn.add_changes(1);
        let receiver = Receiver { key: self.key, group: self.group_name, consumer: self.consumer };
        let now_ms = cx.txn.now_ms();
        let txn = &mut cx.txn;
        if self.is_new && self.delivered.is_empty() {
            receiver.is_new(txn);
        } else if !self.delivered.is_empty() || !self.moved {
            receiver.has(txn, &self.delivered, now_ms, self.group.last);
        }
        if self.moved {
            receiver.group_read(txn, &self.group);
        }
    }
}
