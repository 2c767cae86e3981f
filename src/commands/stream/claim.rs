//! XCLAIM and XAUTOCLAIM: a consumer takes over what others have not acknowledged.
//!
//! The log gets what came of it: which entries the consumer has now, delivered when and how often.

use super::effects::Receiver;
use super::options::{group_in, id, no_group, start, stream_and_group};
use crate::commands::args::{Args, syntax_error};
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::keyspace::transaction::{Stop, Transaction};
use crate::number::parse_i64;
use crate::resp::Reply;
use crate::types::stream::{
    Delivery, EntryRef, Finder, Group, Pending, Roster, Span, Stream, StreamId, write_id,
};

/// A claim under way. The stream itself does not change.
struct Claim<'a, 's> {
    key: &'a [u8],
    group_name: &'a [u8],
    consumer: &'a [u8],
    stream: &'s Stream,
    group: Group,
    roster: Roster,
    /// The consumer is new.
    is_new: bool,
    /// The group's last id was set.
    moved: bool,
    /// When the entries are said to have been delivered.
    at_ms: u64,
    claimed: Vec<(StreamId, u64)>,
    /// Pending entries whose entries are gone; they leave.
    gone: Vec<StreamId>,
}

impl<'a, 's> Claim<'a, 's> {
    fn begin(
        cx: &mut Context<'_, '_>,
        args: Args<'a>,
        stream: &'s Stream,
        mut group: Group,
        at_ms: u64,
    ) -> Result<Claim<'a, 's>, Stop> {
        let mut roster = Roster::default();
        let is_new = roster.meet(&mut cx.txn, stream, &mut group, args.word(3))?;
        if is_new {
            cx.txn.notify(Events::STREAM, "xgroup-createconsumer", stream.entry());
        }
        Ok(Claim {
            is_new,
            moved: false,
            key: args.word(1),
            group_name: args.word(2),
            consumer: args.word(3),
            stream,
            group,
            roster,
            at_ms,
            claimed: Vec::new(),
            gone: Vec::new(),
        })
    }

    /// Removes a pending entry whose entry is gone.
    fn forget(&mut self, txn: &mut Transaction<'_>, pending: &Pending) -> RunResult {
        self.stream.remove_pending(txn, &mut self.group, pending.id, &pending.consumer);
        self.roster.get(txn, self.stream, &self.group, &pending.consumer)?.pending -= 1;
        self.gone.push(pending.id);
        Ok(())
    }

    /// Gives an entry to the consumer; `old`: who had it.
    fn take(
        &mut self,
        txn: &mut Transaction<'_>,
        id: StreamId,
        old: Option<&Pending>,
        count: u64,
    ) -> RunResult {
        let now_ms = txn.now_ms();
        let delivery = Delivery { at_ms: self.at_ms, count };
        let owner = old.map(|pending| &pending.consumer[..]);
        if let Some(owner) = owner {
            if owner != self.consumer {
                self.stream.take_pending(txn, &self.group, id, owner);
                self.roster.get(txn, self.stream, &self.group, owner)?.pending -= 1;
            }
            self.stream.put_pending(txn, &self.group, id, self.consumer, delivery);
        } else {
            self.stream.add_pending(txn, &mut self.group, id, self.consumer, delivery);
        }
        let consumer = self.roster.get(txn, self.stream, &self.group, self.consumer)?;
        consumer.pending += u64::from(owner != Some(self.consumer));
        consumer.active_ms = Some(now_ms);
        self.claimed.push((id, count));
        Ok(())
    }

    fn finish(self, txn: &mut Transaction<'_>) {
        self.stream.put_group(txn, self.group_name, &self.group);
        self.roster.save(txn, self.stream, &self.group);
        txn.spare_watches();
        txn.add_changes((self.claimed.len() + self.gone.len()) as u64);
        let receiver = Receiver { key: self.key, group: self.group_name, consumer: self.consumer };
        if !self.gone.is_empty() {
            receiver.lost(txn, &self.gone);
        }
        match (self.is_new, self.claimed.is_empty(), self.moved) {
            (true, true, false) => receiver.is_new(txn),
            (true, true, true) => {
                receiver.is_new(txn);
                receiver.group_read(txn, &self.group);
            }
            (false, true, true) => receiver.group_read(txn, &self.group),
            _ => receiver.has(txn, &self.claimed, self.at_ms, self.group.last),
        }
    }
}

/// Answers a claimed entry.
fn write_claimed(reply: &mut Reply, entry: &EntryRef<'_>, only_id: bool) {
    if only_id { write_id(reply, entry.id) } else { entry.reply(reply) }
}

fn is_idle(now_ms: u64, delivery: Delivery, least_ms: i64) -> bool {
    least_ms == 0 || now_ms as i64 - delivery.at_ms as i64 >= least_ms
}

/// The least idle time at word 4, in ms.
fn idle_argument(args: Args<'_>, command: &str) -> Result<i64, Stop> {
    let idle_ms = parse_i64(args.word(4));
    idle_ms
        .map(|idle_ms| idle_ms.max(0))
        .ok_or_else(|| Stop::error(format!("ERR Invalid min-idle-time argument for {command}")))
}

/// The options of XCLAIM, behind its ids.
#[derive(Default)]
struct Options {
    at_ms: Option<i64>,
    count: Option<i64>,
    force: bool,
    only_ids: bool,
    last: StreamId,
}

fn options(args: Args<'_>, first: usize, now_ms: u64) -> Result<Options, Stop> {
    let mut options = Options::default();
    let mut words = args.cursor(first);
    let number = |word: &[u8], name: &str| {
        parse_i64(word).ok_or_else(|| Stop::error(format!("ERR Invalid {name} option argument for XCLAIM")))
    };
    while words.left() > 0 {
        let more = words.left() > 1;
        if words.eat("FORCE") {
            options.force = true;
        } else if words.eat("JUSTID") {
            options.only_ids = true;
        } else if more && words.eat("IDLE") {
            options.at_ms = Some((now_ms as i64).wrapping_sub(number(words.word()?, "IDLE")?));
        } else if more && words.eat("TIME") {
            options.at_ms = Some(number(words.word()?, "TIME")?);
        } else if more && words.eat("RETRYCOUNT") {
            options.count = Some(number(words.word()?, "RETRYCOUNT")?);
        } else if more && words.eat("LASTID") {
            options.last = id(words.word()?)?;
        } else {
            return Err(Stop::quoting(&[b"ERR Unrecognized XCLAIM option '", words.word()?, b"'"]));
        }
    }
    Ok(options)
}

pub(super) fn xclaim(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let Some((stream, mut group)) = stream_and_group(cx, args)? else {
        return Err(no_group(args.word(1), args.word(2), ""));
    };
    let idle_ms = idle_argument(args, "XCLAIM")?;
    // The first word that is no id is an option.
    let ids: Vec<StreamId> = args.from(5).map_while(|word| StreamId::parse(word, 0)).collect();
    let now_ms = cx.txn.now_ms();
    let options = options(args, 5 + ids.len(), now_ms)?;
    let moved = options.last > group.last;
    group.last = group.last.max(options.last);
    // A time that cannot be is now: the client's clock may differ. A master's may, too, but it has the say.
    let at_ms = options.at_ms.and_then(|at_ms| u64::try_from(at_ms).ok());
    let at_ms = at_ms.filter(|&at_ms| at_ms <= now_ms || cx.txn.is_followed()).unwrap_or(now_ms);
    let count = options.count.and_then(|count| u64::try_from(count).ok());
    stream.prefetch_pending(&mut cx.txn, &group, &ids)?;
    let mut claim = Claim::begin(cx, args, &stream, group, at_ms)?;
    claim.moved = moved;
    let mut finder = Finder::new(&stream);
    let mark = cx.reply.deferred();
    for id in ids {
        let pending = stream.pending(&mut cx.txn, &claim.group, id)?;
        let here = cx.reply.len();
        let reply = &mut *cx.reply;
        let found = finder.find(&mut cx.txn, id, |entry| write_claimed(reply, entry, options.only_ids))?;
        let delivered = match &pending {
            Some(pending) if found.is_none() => {
                claim.forget(&mut cx.txn, pending)?;
                None
            }
            Some(pending) => is_idle(now_ms, pending.delivery, idle_ms).then_some(pending.delivery.count),
            None => (found.is_some() && options.force).then_some(1),
        };
        let Some(delivered) = delivered else {
            cx.reply.truncate(here);
            continue;
        };
        let more = u64::from(!options.only_ids);
        let count = count.unwrap_or(delivered.saturating_add(more));
        claim.take(&mut cx.txn, id, pending.as_ref(), count)?;
    }
    cx.reply.set_array_len(mark, claim.claimed.len());
    claim.finish(&mut cx.txn);
    Ok(())
}

pub(super) fn xautoclaim(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    /// So many pending entries are looked at for each that may be claimed.
    const ATTEMPTS: u64 = 10;
    /// Where Redis's arithmetic would end.
    const MOST: i64 = i64::MAX / 16;
    // The key is looked at first, also where the arguments are of no use: its miss is told.
    let entry = cx.txn.lookup(args.word(1))?;
    let idle_ms = idle_argument(args, "XAUTOCLAIM")?;
    let mut at = start(args.word(5))?;
    let (mut count, mut only_ids) = (100u64, false);
    let mut options = args.cursor(6);
    while options.left() > 0 {
        if options.left() > 1 && options.eat("COUNT") {
            let wanted = parse_i64(options.word()?).filter(|wanted| (1..=MOST).contains(wanted));
            count = wanted.ok_or_else(|| Stop::error("ERR COUNT must be > 0"))? as u64;
        } else if options.eat("JUSTID") {
            only_ids = true;
        } else {
            return Err(syntax_error());
        }
    }
    let Some((stream, group)) = group_in(cx, &entry, args)? else {
        return Err(no_group(args.word(1), args.word(2), ""));
    };
    let now_ms = cx.txn.now_ms();
    let mut claim = Claim::begin(cx, args, &stream, group, now_ms)?;
    let mut finder = Finder::new(&stream);
    let mut attempts = count.saturating_mul(ATTEMPTS);
    cx.reply.array(3);
    // The cursor comes first and is known last: what is claimed is written apart.
    let mut claimed = Reply::new(cx.reply.protocol());
    let cursor = 'all: loop {
        let part = part(&mut cx.txn, &claim, at, attempts.min(count.saturating_mul(2)).max(1))?;
        if let Some(first) = part.first().filter(|_| at <= claim.group.lowest) {
            // Whoever comes next need not pass what was acknowledged before it.
            claim.group.lowest = first.id;
        }
        for pending in &part {
            if attempts == 0 || count == 0 {
                break 'all pending.id;
            }
            attempts -= 1;
            let here = claimed.len();
            let reply = &mut claimed;
            let found =
                finder.find(&mut cx.txn, pending.id, |entry| write_claimed(reply, entry, only_ids))?;
            if found.is_none() {
                claim.forget(&mut cx.txn, pending)?;
                count -= 1;
            } else if is_idle(now_ms, pending.delivery, idle_ms) {
                let more = u64::from(!only_ids);
                let times = pending.delivery.count.saturating_add(more);
                claim.take(&mut cx.txn, pending.id, Some(pending), times)?;
                count -= 1;
            } else {
                claimed.truncate(here);
            }
        }
        match part.last().and_then(|last| last.id.next()) {
            Some(next) => at = next,
            None => break StreamId::ZERO,
        }
    };
    write_id(cx.reply, cursor);
    cx.reply.array(claim.claimed.len());
    cx.reply.raw(claimed.as_slice());
    cx.reply.array(claim.gone.len());
    claim.gone.iter().for_each(|&id| write_id(cx.reply, id));
    claim.finish(&mut cx.txn);
    Ok(())
}

/// The next pending entries of a group. What the command wrote lies before them.
fn part(
    txn: &mut Transaction<'_>,
    claim: &Claim<'_, '_>,
    start: StreamId,
    most: u64,
) -> Result<Vec<Pending>, Stop> {
    let mut found = Vec::new();
    let span = Span { start, end: StreamId::MAX };
    claim.stream.pending_in(txn, &claim.group, span, |pending| {
        found.push(pending);
        found.len() as u64 != most
    })?;
    Ok(found)
}
