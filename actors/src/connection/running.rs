//! Running commands: pieces of work for partitions, and what comes back.

use std::sync::Arc;

use bytes::Bytes;
use pika_core::commands::spec::Run;
use pika_core::commands::table::Entry;
use pika_core::resp::Reply;

use super::{Assembly, Core, OUTPUT_PAUSE, Parsed};
use crate::message::{Administer, Await, Execute, Lend};
use crate::partition::Ran;
use crate::router::Route;
use crate::state::lock;
use crate::work::{Exclusive, Op, Work};

impl Core {
    pub(super) fn work(&mut self, parsed: &Parsed, ops: Vec<Op>) -> Box<Work> {
        let watched = ops.iter().any(|op| matches!(op.entry.command.run, Run::Watch(_)));
        let mut work = self.new_work(parsed.frame.clone(), parsed.inline.clone(), ops);
        if watched {
            let watch = self.watch.get_or_insert_default().clone();
            *lock(&self.handle.watch) = Arc::downgrade(&watch);
            work.watch = Some(watch);
        }
        work
    }

    pub(super) fn new_work(&mut self, frame: Bytes, inline: Bytes, ops: Vec<Op>) -> Box<Work> {
        if let Some(mut work) = self.spare_work.take() {
            work.later_users.clear();
            work.frame = frame;
            work.inline = inline;
            work.ops = ops;
            work.next = 0;
            work.hold = 0;
            work.reply = Reply::new(self.protocol);
            work.no_touch = self.no_touch;
            work.user = self.rights.limited().cloned();
            return work;
        }
        let mut work = Work::new(frame, ops, (self.id, self.client_address.clone()));
        work.inline = inline;
        work.reply = Reply::new(self.protocol);
        work.client = self.address.clone();
        work.no_touch = self.no_touch;
        work.user = self.rights.limited().cloned();
        Box::new(work)
    }

    /// Runs a run of key commands. Returns whether all is done (else something is under way).
    pub(super) fn run_ops(
        &mut self,
        parsed: &mut Parsed,
        ops: &mut Vec<Op>,
        owners: &mut Vec<usize>,
    ) -> bool {
        if ops.is_empty() {
            return true;
        }
        let local = self.host.borrow().index;
        let first = owners.first().copied().unwrap_or(local);
        if owners.iter().all(|&owner| owner == first) {
            owners.clear();
            return self.run_in_one(parsed, std::mem::take(ops), first, local);
        }
        let owners = std::mem::take(owners);
        self.run_in_several(parsed, std::mem::take(ops), &owners, local);
        self.under_way == 0
    }

    pub(super) fn run_in_one(
        &mut self,
        parsed: &mut Parsed,
        ops: Vec<Op>,
        owner: usize,
        local: usize,
    ) -> bool {
        let mut work = self.work(parsed, ops);
        work.home = owner;
        let whole = parsed.next >= parsed.batch.commands.len();
        // The last use of the places takes them, the others copy.
        work.ranges =
            if whole { std::mem::take(&mut parsed.batch.ranges) } else { parsed.batch.ranges.clone() };
        if owner != local {
            self.under_way += 1;
            self.state.partitions()[owner].do_send(Execute(work));
            return false;
        }
        if self.output.is_empty() && self.held.is_empty() {
            // Replies are written where they leave from.
            work.reply = Reply::with_buffer(std::mem::take(&mut self.output), self.protocol);
        }
        self.run_here(work)
    }

    /// Goes on with what was paused, if its client has taken enough of the replies. Returns whether nothing is left.
    pub(super) fn go_on(&mut self) -> bool {
        let Some(work) = self.paused.take() else { return true };
        self.flush();
        if self.output.len() + self.held_bytes >= OUTPUT_PAUSE {
            self.paused = Some(work);
            return false;
        }
        if self.closed {
            return false;
        }
        if work.home != self.host.borrow().index {
            self.under_way += 1;
            self.state.partitions()[work.home].do_send(Execute(work));
            return false;
        }
        self.run_here(work)
    }

    /// Runs work of this arbiter's own partition. Returns whether it is done.
    pub(super) fn run_here(&mut self, work: Box<Work>) -> bool {
        let ran = self.host.borrow_mut().run(work, OUTPUT_PAUSE);
        match ran {
            Ran::Paused(mut work) => {
                self.append(work.reply.take(), work.hold);
                self.paused = Some(work);
                self.go_on()
            }
            Ran::Done(mut work) => {
                self.append(work.reply.take(), work.hold);
                self.keep_for_later(work);
                true
            }
            Ran::Kept => {
                self.under_way += 1;
                false
            }
        }
    }

    /// Keeps the allocations of a piece of work that is done.
    pub(super) fn keep_for_later(&mut self, mut work: Box<Work>) {
        self.spare.ranges = std::mem::take(&mut work.ranges);
        self.spare.ops = std::mem::take(&mut work.ops);
        if work.ends.is_none() && work.needs.is_empty() && work.watch.is_none() {
            // Lets go of what was read: the input buffer is used again.
            work.frame = Bytes::new();
            work.inline = Bytes::new();
            self.spare_work = Some(work);
        }
    }

    pub(super) fn run_in_several(&mut self, parsed: &Parsed, ops: Vec<Op>, owners: &[usize], local: usize) {
        let count = ops.len();
        self.assembly =
            Some(Assembly { replies: (0..count).map(|_| None).collect(), hold: 0, execution: None });
        let mut parts: Vec<(Vec<Op>, Vec<u32>)> = vec![Default::default(); self.state.identity.partitions];
        for (place, (op, &owner)) in ops.into_iter().zip(owners).enumerate() {
            parts[owner].0.push(op);
            parts[owner].1.push(place as u32);
        }
        let mut own = None;
        for (owner, (ops, places)) in parts.into_iter().enumerate().filter(|(_, (ops, _))| !ops.is_empty()) {
            let mut work = self.work(parsed, ops);
            work.ranges = parsed.batch.ranges.clone();
            work.ends = Some(Vec::new());
            work.places = places;
            work.home = owner;
            self.under_way += 1;
            if owner == local {
                own = Some(work);
            } else {
                self.state.partitions()[owner].do_send(Execute(work));
            }
        }
        // The own part last: the others run meanwhile.
        if let Some(work) = own {
            let ran = self.host.borrow_mut().run(work, usize::MAX);
            if let Ran::Done(work) | Ran::Paused(work) = ran {
                let hold = work.hold;
                self.take_part(work, hold);
            }
        }
    }

    /// Runs a command that is not one partition's. Returns whether it is done.
    pub(super) fn run_elsewhere(
        &mut self,
        parsed: &Parsed,
        route: Route,
        entry: &'static Entry,
        first: u32,
        count: u32,
        inline: bool,
    ) -> bool {
        // A command about the connection may change what CLIENT REPLY says: it is asked for when it has run.
        let replies = route == Route::Session || self.replies || self.reply_permit();
        let tracked = self.tracks(entry);
        let op = Op { entry, words: (first, count), inline, database: self.database, replies, tracked };
        if route != Route::Session {
            self.note_command(&[op]);
        }
        let mut work = self.work(parsed, vec![op]);
        work.ranges = parsed.batch.ranges.clone();
        if !matches!(route, Route::Session | Route::Queue(_)) {
            self.show(entry, work.args(&op), self.database);
        }
        match route {
            Route::Session => {
                let (reply, permit) = self.run_session(&work, entry, false);
                if let Some(wait) = self.waits.take()
                    && let Some(replicator) = self.state.replication.actor.get()
                {
                    work.ops[0].replies = permit;
                    self.under_way += 1;
                    replicator.do_send(Await { work, wait });
                    return false;
                }
                if permit {
                    self.append(reply, 0);
                }
                // In the database that SELECT chose.
                self.show(entry, work.args(&op), self.database);
                true
            }
            Route::Queue(what) => {
                let done = self.run_queue(what, entry);
                // EXEC behind what it runs.
                self.show(entry, work.args(&op), self.database);
                done
            }
            Route::Admin => {
                let session = lock(&self.handle.session).clone();
                self.under_way += 1;
                if let Some(admin) = self.state.admin.get() {
                    admin.do_send(Administer { work, session });
                }
                false
            }
            Route::All | Route::Partition(_) => {
                self.wrote |= entry.command.is_write() || matches!(entry.command.run, Run::Script(_));
                self.under_way += 1;
                work.home = self.host.borrow().index;
                let exclusive = Exclusive { work, held: Vec::new(), task: None };
                self.state.partitions()[0].do_send(Lend(Box::new(exclusive)));
                false
            }
        }
    }
}
