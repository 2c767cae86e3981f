//! MULTI, EXEC, DISCARD, UNWATCH of one client: the queue, and how what was queued is run.
//!
//! EXEC sends all commands on keys as one piece of work: to the partition that owns all their keys and all that is
//! watched, or around all of them. Commands about the connection or the server run when that is done, in their order:
//! they neither see nor change keys. Then all replies leave as one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use pika_core::acl::{self, Context, Denial, Foreseen, User};
use pika_core::commands::spec::{Queue, Run};
use pika_core::commands::table::Entry;
use pika_core::commands::{Args, Command, Flags};
use pika_core::keyspace::table::Group;
use pika_core::number::parse_i64;
use pika_core::resp::Reply;

use super::{Assembly, Core};
use crate::message::{Administer, Execute, Lend};
use crate::partition::Ran;
use crate::router::{Route, route};
use crate::state::lock;
use crate::work::{Exclusive, Op, Work};

/// A command that waits for EXEC.
#[derive(Debug, Clone, Copy)]
struct Queued {
    entry: &'static Entry,
    /// First index into the places of words, and how many.
    words: (u32, u32),
}

/// What was queued since MULTI.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    frame: Vec<u8>,
    ranges: Vec<(u32, u32)>,
    commands: Vec<Queued>,
    /// A command was refused: EXEC will be, too.
    refused: bool,
}

impl Transaction {
    /// Adds a command.
    pub(super) fn push(&mut self, entry: &'static Entry, args: Args<'_>) {
        let first = self.ranges.len() as u32;
        for word in args.words() {
            let start = self.frame.len() as u32;
            self.frame.extend_from_slice(word);
            self.ranges.push((start, self.frame.len() as u32));
        }
        self.commands.push(Queued { entry, words: (first, args.len() as u32) });
    }

    /// What it takes; bytes.
    pub(super) fn memory(&self) -> usize {
        self.frame.len()
            + self.ranges.len() * size_of::<(u32, u32)>()
            + self.commands.len() * size_of::<Queued>()
    }

    /// What is queued.
    pub(super) fn commands(&self) -> impl Iterator<Item = &'static Command> {
        self.commands.iter().map(|queued| queued.entry.command)
    }

    /// A command could not be queued.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }
}

/// An EXEC that is under way.
#[derive(Debug)]
pub(super) struct Execution {
    began: Instant,
    entry: &'static Entry,
    frame: Bytes,
    ranges: Vec<(u32, u32)>,
    /// Commands that are not about keys, and the places of their replies.
    rest: VecDeque<(usize, Queued)>,
    /// Commands that do not run for want of rights, by their places: ACL LOG gets them in their turn.
    denials: VecDeque<(usize, Arc<User>, Denial)>,
    /// What was watched had changed.
    pub(super) void: bool,
    /// A script was in the way for too long.
    refused: Option<&'static str>,
}

/// What EXEC answers that is refused for this error.
fn aborted(error: &[u8]) -> Vec<u8> {
    let why = error.strip_prefix(b"ERR ").unwrap_or(error);
    [b"EXECABORT Transaction discarded because of: ", why].concat()
}

impl Core {
    /// Runs MULTI, EXEC, DISCARD or UNWATCH. Returns whether it is done.
    pub(super) fn run_queue(&mut self, what: Queue, entry: &'static Entry) -> bool {
        let refusal = match (what, &self.transaction) {
            (Queue::Begin, Some(_)) => Some("ERR MULTI calls can not be nested"),
            (Queue::Run, None) => Some("ERR EXEC without MULTI"),
            (Queue::Discard, None) => Some("ERR DISCARD without MULTI"),
            _ => None,
        };
        if let Some(text) = refusal {
            self.count_queue(entry, Instant::now(), true);
            self.answer_error(text.as_bytes());
            return true;
        }
        match what {
            Queue::Run => return self.exec(entry),
            Queue::Begin => {
                self.transaction = Some(Transaction::default());
                self.handle.queued.store(0, Ordering::Relaxed);
            }
            Queue::Discard => {
                self.end_transaction();
                self.watch = None;
            }
            // Within MULTI it is queued, where it has no effect: see `exec`.
            Queue::Unwatch => self.watch = None,
        }
        self.count_queue(entry, Instant::now(), false);
        self.answer(|reply| reply.ok());
        true
    }

    /// EXEC itself is refused: what was queued and watched is forgotten all the same.
    pub(super) fn refuse_exec(&mut self, error: &[u8]) {
        self.end_transaction();
        self.watch = None;
        self.answer_error(&aborted(error));
    }

    /// Forgets what was queued.
    pub(super) fn end_transaction(&mut self) -> Option<Transaction> {
        self.handle.queued.store(-1, Ordering::Relaxed);
        self.transaction.take()
    }

    /// Queues a command of a transaction. Returns whether it is to be run at once instead.
    pub(super) fn queue(&mut self, entry: &'static Entry, args: Args<'_>) -> bool {
        if matches!(entry.command.run, Run::Watch(_)) {
            self.answer_error(b"ERR WATCH inside MULTI is not allowed");
            return false;
        }
        if entry.command.flags.has(Flags::UNQUEUED) {
            return true;
        }
        let Some(transaction) = &mut self.transaction else { return true };
        if entry.command.flags.has(Flags::NO_MULTI) {
            transaction.refuse();
            self.host.borrow_mut().statistics.rejected(entry.id);
            self.answer_error(b"ERR Command not allowed inside a transaction");
        } else {
            transaction.push(entry, args);
            self.handle.queued.fetch_add(1, Ordering::Relaxed);
            self.answer(|reply| reply.simple("QUEUED"));
        }
        false
    }

    fn count_queue(&self, entry: &Entry, began: Instant, failed: bool) {
        self.host.borrow_mut().statistics.ran(entry.id, began.elapsed().as_nanos() as u64, failed, true);
    }

    /// Answers a command of this connection.
    pub(super) fn answer(&mut self, write: impl FnOnce(&mut Reply)) {
        let mut reply = Reply::new(self.protocol);
        write(&mut reply);
        if self.replies || self.reply_permit() {
            self.append(reply.take(), 0);
        }
    }

    fn exec(&mut self, entry: &'static Entry) -> bool {
        let Some(transaction) = self.end_transaction() else { return true };
        let watch = self.watch.take();
        if transaction.refused {
            self.count_queue(entry, Instant::now(), true);
            self.answer_error(b"EXECABORT Transaction discarded because of previous errors.");
            return true;
        }
        let Transaction { frame, ranges, commands, .. } = transaction;
        let frame = Bytes::from(frame);
        let partitions = self.state.identity.partitions;
        let (mut ops, mut places, mut rest) = (Vec::new(), Vec::new(), VecDeque::new());
        let (mut owner, mut database) = (None, self.database);
        let mut everywhere = false;
        let mut foreseen: Option<Foreseen> = None;
        let mut denials = VecDeque::new();
        let mut later_users = Vec::new();
        let remembers = self.tracking.as_ref().is_some_and(|tracking| tracking.remembers());
        self.end_caching(entry);
        let mut replies: Vec<Option<BytesMut>> = commands.iter().map(|_| None).collect();
        for (place, queued) in commands.iter().enumerate() {
            let Queued { entry, words } = *queued;
            let args = Args::new(&frame, &ranges[words.0 as usize..(words.0 + words.1) as usize]);
            // Its user's rights may have changed since it was queued, or will by what stands before it.
            let user = match &foreseen {
                None => self.rights.limited(),
                Some(foreseen) => Some(foreseen.user()).filter(|user| !user.is_unlimited()),
            };
            if let Some(user) = user
                && let Err(denial) = acl::may_run(user, entry, args)
            {
                let mut reply = Reply::new(self.protocol);
                reply.error(denial.in_exec());
                self.host.borrow_mut().statistics.error(reply.as_slice());
                replies[place] = Some(reply.take());
                denials.push_back((place, user.clone(), denial));
                continue;
            }
            self.show(entry, args, database);
            match route(entry.command, args, partitions) {
                Route::Partition(one) => {
                    everywhere |= owner.replace(one).is_some_and(|before| before != one);
                }
                Route::All => everywhere = true,
                Route::Session | Route::Queue(_) | Route::Admin => {
                    if entry.command.flags.has(Flags::SELECTS) {
                        let number = parse_i64(args.word(1)).and_then(|number| usize::try_from(number).ok());
                        let databases =
                            self.state.config().get(pika_core::config::options::DATABASES) as usize;
                        database = number.filter(|number| *number < databases).unwrap_or(database);
                    }
                    if Foreseen::concerns(entry) {
                        foreseen.get_or_insert_with(|| self.foreseen()).run(entry, args);
                    }
                    rest.push_back((place, *queued));
                    continue;
                }
            }
            // What a script turns out to need cannot be fetched half-way.
            let is_script = matches!(entry.command.run, Run::Script(_));
            everywhere |= is_script && partitions > 1;
            self.wrote |= entry.command.is_write() || is_script;
            if is_script && foreseen.is_some() {
                later_users.push((ops.len(), user.cloned()));
            }
            let tracked = remembers && entry.command.flags.has(Flags::READONLY) && !is_script;
            ops.push(Op { entry, words, inline: false, database, replies: true, tracked });
            places.push(place as u32);
        }
        let now_ms = crate::state::now_ms();
        let void = ops.is_empty() && watch.as_ref().is_some_and(|watch| watch.is_void(now_ms));
        self.assembly = Some(Assembly {
            replies,
            hold: 0,
            execution: Some(Execution {
                began: Instant::now(),
                entry,
                frame: frame.clone(),
                ranges: ranges.clone(),
                rest,
                denials,
                void,
                refused: None,
            }),
        });
        if ops.is_empty() {
            return self.go_on_with_assembly();
        }
        // What is watched may be another partition's.
        everywhere |= watch.is_some() && partitions > 1;
        let mut work = self.new_work(frame, Bytes::new(), ops);
        work.ranges = ranges;
        work.atomic = true;
        work.watch = watch;
        work.ends = Some(Vec::new());
        work.places = places;
        work.later_users = later_users;
        self.start_part(work, if everywhere { None } else { owner })
    }

    /// Runs a piece of work whose replies are put together later: in one partition, or around all of them. Returns
    /// whether all is done.
    fn start_part(&mut self, mut work: Box<Work>, owner: Option<usize>) -> bool {
        let local = self.host.borrow().index;
        self.under_way += 1;
        match owner {
            Some(owner) if owner == local => {
                work.home = owner;
                let ran = self.host.borrow_mut().run(work, usize::MAX);
                match ran {
                    Ran::Done(work) | Ran::Paused(work) => {
                        let hold = work.hold;
                        self.take_part(work, hold)
                    }
                    Ran::Kept => false,
                }
            }
            Some(owner) => {
                work.home = owner;
                self.state.partitions()[owner].do_send(Execute(work));
                false
            }
            None => {
                work.home = local;
                let exclusive = Box::new(Exclusive { work, held: Vec::new(), task: None });
                self.state.partitions()[0].do_send(Lend(exclusive));
                false
            }
        }
    }

    /// Runs what EXEC has left to run, and lets the replies go when all are there. Returns whether they are.
    pub(super) fn go_on_with_assembly(&mut self) -> bool {
        while self.under_way == 0 {
            let Some(execution) = self.assembly.as_mut().and_then(|assembly| assembly.execution.as_mut())
            else {
                break;
            };
            if execution.void {
                break;
            }
            let Some((place, queued)) = execution.rest.pop_front() else { break };
            let Queued { entry, words } = queued;
            let (frame, ranges) = (execution.frame.clone(), execution.ranges.clone());
            let before = execution.denials.partition_point(|(denied, ..)| *denied < place);
            let denials: Vec<_> = execution.denials.drain(..before).collect();
            self.log_denials(denials);
            let op =
                Op { entry, words, inline: false, database: self.database, replies: true, tracked: false };
            let mut work = self.new_work(frame, Bytes::new(), vec![op]);
            work.ranges = ranges;
            let args = work.args(&op);
            match route(entry.command, args, self.state.identity.partitions) {
                Route::Admin => {
                    work.ends = Some(Vec::new());
                    work.places = vec![place as u32];
                    let session = lock(&self.handle.session).clone();
                    if let Some(admin) = self.state.admin.get() {
                        self.under_way += 1;
                        admin.do_send(Administer { work, session });
                    }
                }
                // UNWATCH: what was watched is forgotten already.
                Route::Queue(_) => {
                    let mut reply = Reply::new(self.protocol);
                    reply.ok();
                    self.put_reply(place, reply.take());
                }
                _ => {
                    let (reply, _) = self.run_session(&work, entry, true);
                    self.put_reply(place, reply);
                }
            }
        }
        if self.under_way > 0 {
            return false;
        }
        if let Some(assembly) = self.assembly.take() {
            self.finish_assembly(assembly);
        }
        true
    }

    fn put_reply(&mut self, place: usize, reply: BytesMut) {
        if let Some(assembly) = &mut self.assembly {
            assembly.replies[place] = Some(reply);
        }
    }

    fn log_denials(&self, denials: impl IntoIterator<Item = (usize, Arc<User>, Denial)>) {
        for (_, user, denial) in denials {
            self.log_denial(&user, &denial, Context::Multi);
        }
    }

    fn finish_assembly(&mut self, assembly: Assembly) {
        let Assembly { replies, hold, mut execution } = assembly;
        let mut all = Reply::new(self.protocol);
        if let Some(execution) = &mut execution {
            if execution.refused.is_none() && !execution.void {
                self.log_denials(execution.denials.drain(..));
            }
            if let Some(why) = execution.refused {
                all.error(aborted(why.as_bytes()))
            } else if execution.void {
                all.null_array()
            } else {
                all.array(replies.len())
            }
            self.count_queue(execution.entry, execution.began, execution.refused.is_some());
            if !(self.replies || self.reply_permit()) {
                return;
            }
        }
        let mut all = all.take();
        if execution.is_none_or(|execution| !execution.void) {
            replies.into_iter().flatten().for_each(|reply| all.extend_from_slice(&reply));
        }
        self.append(all, hold);
    }

    /// Replies of one piece of work of several. Returns whether all are there.
    pub(super) fn take_part(&mut self, mut work: Box<Work>, hold: Group) -> bool {
        self.under_way -= 1;
        let assembly = self.assembly.as_mut();
        if let (Some(assembly), Some(ends)) = (assembly, &work.ends) {
            assembly.hold = assembly.hold.max(hold);
            if let Some(execution) = &mut assembly.execution {
                execution.void |= work.void;
                execution.refused = execution.refused.or(work.refused);
            }
            let mut rest = work.reply.take();
            let mut start = 0;
            match (&work.places[..], &ends[..]) {
                // The admin actor knows of no ends.
                (&[place], []) if !work.void => assembly.replies[place as usize] = Some(rest),
                _ => {
                    for (&place, &end) in work.places.iter().zip(ends) {
                        assembly.replies[place as usize] = Some(rest.split_to(end - start));
                        start = end;
                    }
                }
            }
        }
        self.go_on_with_assembly()
    }
}
