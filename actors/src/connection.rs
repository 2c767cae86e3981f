//! The connection actor: one client.
//!
//! Each read brings a frame of commands. They are run in order: runs of key commands go to their partitions,
//! one piece of work each; commands about the connection run here; those about the server go to the admin actor.
//! While anything is under way elsewhere, nothing more is read: TCP pushes back.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use actix::prelude::*;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use pika_core::commands::spec::{Command, Queue, Run};
use pika_core::commands::table::{self, Entry};
use pika_core::commands::{Args, Flags};
use pika_core::config::options;
use pika_core::keyspace::table::Group;
use pika_core::keyspace::transaction::Stop;
use pika_core::keyspace::watch::Watch;
use pika_core::resp::{Batch, Limits, Parser, Protocol, Reply};
use pika_core::server::SessionContext;
use pika_core::session::Replies;

use crate::message::{Administer, Execute, Finished, Kill, Lend, Wake, Why};
use crate::partition::{Host, Ran};
use crate::router::{Route, route};
use crate::service::Service;
use crate::socket::{ReadHalf, WriteHalf};
use crate::state::{Blocking, ClientHandle, State, lock, now_us};
use crate::work::{Exclusive, Op, Work};

mod transaction;

use transaction::Transaction;

/// Replies that may wait for their client before it is read no further; bytes.
pub const OUTPUT_PAUSE: usize = 256 * 1024;
/// Room for a read: at first, and at most while no large argument is expected; bytes.
const READ_ROOM: (usize, usize) = (4 * 1024, 64 * 1024);
/// Room for one read of a large argument, whatever its header says; bytes.
const LARGE_READ_ROOM: usize = 4 * 1024 * 1024;
/// Bytes read from a client whose commands are being run elsewhere, at most.
const READ_AHEAD: usize = 4 * 1024;
/// Commands taken from a frame at a time.
const BATCH: usize = 1024;

/// A frame whose commands are being run.
#[derive(Debug)]
struct Parsed {
    frame: Bytes,
    inline: Bytes,
    batch: Batch,
    next: usize,
    failure: Option<Vec<u8>>,
}

/// Replies of several pieces of work, until all are there.
#[derive(Debug)]
struct Assembly {
    replies: Vec<Option<BytesMut>>,
    hold: Group,
    /// It is EXEC's.
    execution: Option<transaction::Execution>,
}

/// A connection's state; shared by its actor, its reader, and its arbiter's partition (all of one thread).
#[derive(Debug)]
pub struct Core {
    state: Arc<State>,
    host: Rc<RefCell<Host>>,
    me: Option<Rc<RefCell<Core>>>,
    address: Option<Addr<Connection>>,
    handle: Arc<ClientHandle>,
    id: u64,
    client_address: Arc<str>,
    write_half: Rc<WriteHalf>,
    input: BytesMut,
    parser: Parser,
    read_room: usize,
    parsed: Option<Parsed>,
    /// Places of words, operations and a piece of work that were used and may be again.
    spare: (Vec<(u32, u32)>, Vec<Op>),
    spare_work: Option<Box<Work>>,
    /// The rest of a run of commands whose replies so far have to leave first.
    paused: Option<Box<Work>>,
    under_way: usize,
    assembly: Option<Assembly>,
    /// What was queued since MULTI.
    transaction: Option<Transaction>,
    watch: Option<Arc<Watch>>,
    resets: u64,
    /// Replies that may leave.
    output: BytesMut,
    /// Replies that wait for the log, in order.
    held: VecDeque<(Group, BytesMut)>,
    held_bytes: usize,
    writer_waits: bool,
    over_soft_limit_since: Option<Instant>,
    limits: Limits,
    query_limit: u64,
    config_version: u64,
    close_after_output: bool,
    closed: bool,
    reader: Option<Waker>,
    protocol: Protocol,
    database: usize,
    authenticated: bool,
    /// CLIENT REPLY is ON: every reply is sent.
    replies: bool,
}

/// The actor.
#[derive(Debug)]
pub struct Connection {
    core: Rc<RefCell<Core>>,
}

/// A read ended with so many bytes.
struct Brought;

struct Reader {
    half: ReadHalf,
    core: Rc<RefCell<Core>>,
}

impl Stream for Reader {
    type Item = Brought;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Option<Brought>> {
        let shared = self.core.clone();
        let mut core = shared.borrow_mut();
        if core.closed {
            return Poll::Ready(None);
        }
        if !core.wants_input() {
            core.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let room = core.room_for_read();
        core.input.reserve(room);
        let read = self.half.poll_read(cx, &mut core.input);
        match read {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(count)) if count > 0 => {
                let counters = &core.state.counters;
                counters.reads.fetch_add(1, Ordering::Relaxed);
                counters.input_bytes.fetch_add(count as u64, Ordering::Relaxed);
                core.read_room = if count >= core.read_room {
                    (core.read_room * 2).min(READ_ROOM.1)
                } else {
                    core.read_room
                };
                Poll::Ready(Some(Brought))
            }
            Poll::Ready(_) => Poll::Ready(None),
        }
    }
}

impl Core {
    fn wants_input(&self) -> bool {
        if self.under_way > 0 && !self.close_after_output {
            // A little is read ahead: the end of the connection is seen while a command waits.
            return self.input.len() < READ_AHEAD;
        }
        self.under_way == 0
            && self.parsed.is_none()
            && self.paused.is_none()
            && !self.close_after_output
            && self.output.len() + self.held_bytes < OUTPUT_PAUSE
    }

    fn room_for_read(&self) -> usize {
        match self.parser.bytes_wanted() {
            0 => self.read_room,
            // As much as has come already, at most: a header's number alone gets nothing.
            wanted => wanted.min(self.input.len().max(self.read_room)).clamp(self.read_room, LARGE_READ_ROOM),
        }
    }

    /// Goes on with what the client sent, as far as possible.
    fn process(&mut self) {
        self.refresh();
        let stopping = self.state.stopping.load(Ordering::Relaxed);
        while self.under_way == 0 && !self.closed && !self.close_after_output && !stopping {
            if !self.go_on() {
                break;
            }
            if self.parsed.is_none() && !self.parse() {
                break;
            }
            if !self.dispatch() {
                break;
            }
        }
        self.flush();
        if self.wants_input()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }

    fn refresh(&mut self) {
        let version = self.state.config_version.load(Ordering::Acquire);
        if version != self.config_version {
            let config = self.state.config();
            self.config_version = version;
            self.limits.max_bulk_len = config.get(options::PROTO_MAX_BULK_LEN);
            self.query_limit = config.get(options::CLIENT_QUERY_BUFFER_LIMIT);
        }
    }

    /// Takes the complete commands from the input. Returns whether there are any.
    fn parse(&mut self) -> bool {
        if self.input.is_empty() {
            return false;
        }
        if self.input.len() as u64 > self.query_limit {
            slog::warn!(self.state.logger, "closing a client that reached the query buffer limit";
                "client" => &self.client_address);
            self.close();
            return false;
        }
        self.limits.authenticated = self.authenticated;
        let at_most = if self.authenticated { BATCH } else { 1 };
        let mut batch = Batch { ranges: std::mem::take(&mut self.spare.0), ..Batch::default() };
        batch.clear();
        let (consumed, failure) = match self.parser.parse(&self.input, &self.limits, at_most, &mut batch) {
            Ok(consumed) => (consumed, None),
            Err(failure) => {
                let mut text = b"ERR ".to_vec();
                text.extend_from_slice(&failure.error.message());
                (failure.consumed, Some(text))
            }
        };
        self.handle.input_bytes.store(self.input.len(), Ordering::Relaxed);
        if batch.commands.is_empty() && failure.is_none() {
            // Blank lines and empty arrays are consumed without being commands.
            let _ = self.input.split_to(consumed);
            self.spare.0 = batch.ranges;
            return false;
        }
        let frame = self.input.split_to(consumed).freeze();
        let inline = Bytes::from(std::mem::take(&mut batch.inline));
        self.parsed = Some(Parsed { frame, inline, batch, next: 0, failure });
        true
    }

    /// Runs commands of the frame until its end, or until something is under way. Returns whether it came to the
    /// end.
    fn dispatch(&mut self) -> bool {
        let Some(mut parsed) = self.parsed.take() else { return true };
        let first = parsed.next;
        let done = self.dispatch_parsed(&mut parsed);
        self.state.counters.commands.fetch_add((parsed.next - first) as u64, Ordering::Relaxed);
        if done {
            if let Some(text) = parsed.failure.take() {
                let mut reply = Reply::new(self.protocol);
                reply.error_bytes(&text);
                self.host.borrow_mut().statistics.error(reply.as_slice());
                self.append(reply.take(), 0);
                self.close_after_output = true;
            }
            if self.spare.0.is_empty() {
                self.spare.0 = parsed.batch.ranges;
            }
        } else if parsed.next < parsed.batch.commands.len() || parsed.failure.is_some() {
            self.parsed = Some(parsed);
        }
        done
    }

    fn dispatch_parsed(&mut self, parsed: &mut Parsed) -> bool {
        let partitions = self.state.identity.partitions;
        let mut ops: Vec<Op> = std::mem::take(&mut self.spare.1);
        let mut owners: Vec<usize> = Vec::new();
        ops.clear();
        while parsed.next < parsed.batch.commands.len() {
            if self.close_after_output || self.closed {
                break;
            }
            let command = parsed.batch.commands[parsed.next];
            let words =
                &parsed.batch.ranges[command.first as usize..(command.first + command.count) as usize];
            let args = Args::new(if command.inline { &parsed.inline } else { &parsed.frame }, words);
            let entry = match self.admit(args) {
                Ok(entry) => entry,
                Err(Some(error)) => {
                    if let Some(transaction) = &mut self.transaction {
                        transaction.refuse();
                    }
                    if !self.run_ops(parsed, &mut ops, &mut owners) {
                        return false;
                    }
                    parsed.next += 1;
                    self.answer_error(&error);
                    continue;
                }
                Err(None) => {
                    // Paused: this command is looked at again a little later.
                    if self.run_ops(parsed, &mut ops, &mut owners) {
                        self.come_back();
                    }
                    return false;
                }
            };
            let where_to = route(entry.command, args, partitions);
            if self.transaction.is_some()
                && !matches!(where_to, Route::Queue(Queue::Begin | Queue::Run | Queue::Discard))
                && !self.queue(entry, args)
            {
                parsed.next += 1;
                continue;
            }
            // What waits, or begins to watch, is a piece of work of its own: what came before it is answered.
            let alone =
                entry.command.flags.has(Flags::BLOCKING) || matches!(entry.command.run, Run::Watch(_));
            if alone && !ops.is_empty() && !self.run_ops(parsed, &mut ops, &mut owners) {
                return false;
            }
            match where_to {
                Route::Partition(owner) => {
                    let replies = self.replies || self.reply_permit();
                    ops.push(Op {
                        entry,
                        words: (command.first, command.count),
                        inline: command.inline,
                        database: self.database,
                        replies,
                    });
                    if partitions > 1 {
                        owners.push(owner);
                    }
                    parsed.next += 1;
                    if alone && !self.run_ops(parsed, &mut ops, &mut owners) {
                        return false;
                    }
                }
                other => {
                    // What came before must be done first.
                    if !ops.is_empty() && !self.run_ops(parsed, &mut ops, &mut owners) {
                        return false;
                    }
                    parsed.next += 1;
                    if !self.run_elsewhere(parsed, other, entry, command.first, command.count, command.inline)
                    {
                        return false;
                    }
                }
            }
        }
        self.note_command(&ops);
        self.run_ops(parsed, &mut ops, &mut owners)
    }

    /// Checks name, number of words, authentication and pause. `Err(None)`: not now.
    fn admit(&mut self, args: Args<'_>) -> Result<&'static Entry, Option<Vec<u8>>> {
        let entry = match table::resolve(args) {
            Ok(entry) => entry,
            Err(refusal) => {
                if let Some(id) = refusal.id {
                    self.host.borrow_mut().statistics.rejected(id);
                }
                return Err(Some(refusal.error));
            }
        };
        let flags = entry.command.flags;
        if !self.authenticated && !flags.has(Flags::NO_AUTH) {
            self.host.borrow_mut().statistics.rejected(entry.id);
            return Err(Some(b"NOAUTH Authentication required.".to_vec()));
        }
        if self.state.paused.load(Ordering::Relaxed) && self.is_paused(entry.command) {
            return Err(None);
        }
        Ok(entry)
    }

    fn is_paused(&self, command: &Command) -> bool {
        let mut pause = lock(&self.state.pause);
        let Some(current) = *pause else { return false };
        if current.until_ms <= now_us() / 1000 {
            *pause = None;
            self.state.paused.store(false, Ordering::Relaxed);
            return false;
        }
        let keyless = matches!(command.run, Run::Session(_) | Run::Queue(_) | Run::Admin(_) | Run::Container);
        let writes = command.is_write() || command.flags.has(Flags::MAY_REPLICATE);
        !keyless && (!current.writes_only || writes)
    }

    fn come_back(&self) {
        if let Some(address) = self.address.clone() {
            actix_rt::spawn(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                address.do_send(Resume);
            });
        }
    }

    /// Whether the reply to the next command is sent, if CLIENT REPLY is not simply ON.
    fn reply_permit(&mut self) -> bool {
        let mut session = lock(&self.handle.session);
        let permit = session.take_reply_permit();
        self.replies = session.replies == Replies::On;
        permit
    }

    /// Notes for CLIENT LIST when the client was active, and its last command.
    fn note_command(&self, ops: &[Op]) {
        if let Some(op) = ops.last() {
            let mut session = lock(&self.handle.session);
            session.active_ms = now_us() / 1000;
            session.last_command = Some(&op.entry.full_name);
        }
    }

    fn answer_error(&mut self, text: &[u8]) {
        let mut reply = Reply::new(self.protocol);
        reply.error_bytes(text);
        self.host.borrow_mut().statistics.error(reply.as_slice());
        if self.replies || self.reply_permit() {
            self.append(reply.take(), 0);
        }
    }

    /// Queues a command of a transaction. Returns whether it is to be run at once instead.
    fn queue(&mut self, entry: &'static Entry, args: Args<'_>) -> bool {
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
            self.answer(|reply| reply.simple("QUEUED"));
        }
        false
    }

    fn work(&mut self, parsed: &Parsed, ops: Vec<Op>) -> Box<Work> {
        let watched = ops.iter().any(|op| matches!(op.entry.command.run, Run::Watch(_)));
        let mut work = self.new_work(parsed.frame.clone(), parsed.inline.clone(), ops);
        if watched {
            work.watch = Some(self.watch.get_or_insert_default().clone());
        }
        work
    }

    fn new_work(&mut self, frame: Bytes, inline: Bytes, ops: Vec<Op>) -> Box<Work> {
        if let Some(mut work) = self.spare_work.take() {
            work.frame = frame;
            work.inline = inline;
            work.ops = ops;
            work.next = 0;
            work.hold = 0;
            work.reply = Reply::new(self.protocol);
            return work;
        }
        Box::new(Work {
            frame,
            inline,
            ranges: Vec::new(),
            ops,
            next: 0,
            reply: Reply::new(self.protocol),
            ends: None,
            places: Vec::new(),
            hold: 0,
            needs: Vec::new(),
            client: self.address.clone(),
            client_facts: (self.id, self.client_address.clone()),
            home: 0,
            atomic: false,
            begun: false,
            void: false,
            watch: None,
            retry: None,
            ran: Vec::new(),
        })
    }

    /// Runs a run of key commands. Returns whether all is done (else something is under way).
    fn run_ops(&mut self, parsed: &mut Parsed, ops: &mut Vec<Op>, owners: &mut Vec<usize>) -> bool {
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

    fn run_in_one(&mut self, parsed: &mut Parsed, ops: Vec<Op>, owner: usize, local: usize) -> bool {
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
    fn go_on(&mut self) -> bool {
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
    fn run_here(&mut self, work: Box<Work>) -> bool {
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
    fn keep_for_later(&mut self, mut work: Box<Work>) {
        self.spare = (std::mem::take(&mut work.ranges), std::mem::take(&mut work.ops));
        if work.ends.is_none() && work.needs.is_empty() && work.watch.is_none() {
            // Lets go of what was read: the input buffer is used again.
            work.frame = Bytes::new();
            work.inline = Bytes::new();
            self.spare_work = Some(work);
        }
    }

    fn run_in_several(&mut self, parsed: &Parsed, ops: Vec<Op>, owners: &[usize], local: usize) {
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
    fn run_elsewhere(
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
        let op = Op { entry, words: (first, count), inline, database: self.database, replies };
        if route != Route::Session {
            self.note_command(&[op]);
        }
        let mut work = self.work(parsed, vec![op]);
        work.ranges = parsed.batch.ranges.clone();
        match route {
            Route::Session => {
                let (reply, permit) = self.run_session(&work, entry);
                if permit {
                    self.append(reply, 0);
                }
                true
            }
            Route::Queue(what) => self.run_queue(what, entry),
            Route::Admin => {
                let session = lock(&self.handle.session).clone();
                self.under_way += 1;
                if let Some(admin) = self.state.admin.get() {
                    admin.do_send(Administer { work, session });
                }
                false
            }
            Route::All | Route::Partition(_) => {
                self.under_way += 1;
                work.home = self.host.borrow().index;
                let exclusive = Exclusive { work, held: Vec::new() };
                self.state.partitions()[0].do_send(Lend(Box::new(exclusive)));
                false
            }
        }
    }

    /// Runs a command about the connection. Its reply, and whether it is sent.
    fn run_session(&mut self, work: &Work, entry: &'static Entry) -> (BytesMut, bool) {
        let began = Instant::now();
        let op = work.ops[0];
        let args = work.args(&op);
        let mut reply = Reply::new(self.protocol);
        let service = Service { state: self.state.clone() };
        let mut session = lock(&self.handle.session).clone();
        session.last_command = Some(&entry.full_name);
        session.active_ms = now_us() / 1000;
        let result = match entry.command.run {
            Run::Session(run) => {
                let mut context = SessionContext {
                    session: &mut session,
                    server: &service,
                    reply: &mut reply,
                    now_us: now_us(),
                };
                run(&mut context, args)
            }
            _ => Err(Stop::error(format!("ERR wrong number of arguments for '{}' command", entry.full_name))),
        };
        if let Err(Stop::Error(text)) = result {
            reply.truncate(0);
            reply.error(&text);
        }
        if std::mem::replace(&mut self.resets, session.resets) != session.resets {
            self.transaction = None;
            self.watch = None;
        }
        let permit = session.take_reply_permit();
        self.protocol = session.protocol;
        self.database = session.database;
        self.authenticated = session.authenticated;
        self.replies = session.replies == Replies::On;
        self.close_after_output |= session.closing;
        *lock(&self.handle.session) = session;
        let failed = reply.as_slice().first() == Some(&b'-');
        let took = began.elapsed();
        {
            let mut host = self.host.borrow_mut();
            if failed {
                host.statistics.error(reply.as_slice());
            }
            host.statistics.ran(entry.id, took.as_nanos() as u64, failed, true);
        }
        let threshold = self.state.config().get(options::SLOWLOG_LOG_SLOWER_THAN);
        if pika_core::slowlog::SlowLog::is_slow(threshold, took.as_micros() as u64)
            && !entry.command.flags.has(Flags::SKIP_SLOWLOG)
        {
            crate::work::add_slow(&self.state, work, &op, took);
        }
        (reply.take(), permit)
    }

    /// Adds replies that may leave when the log has `group`.
    fn append(&mut self, bytes: BytesMut, group: Group) {
        let logged = if group == 0 { 0 } else { self.host.borrow().logged() };
        if self.held.is_empty() && group <= logged {
            if self.output.is_empty() {
                self.output = bytes;
            } else {
                self.output.unsplit(bytes);
            }
        } else if !bytes.is_empty() {
            self.held_bytes += bytes.len();
            self.held.push_back((group, bytes));
            if let Some(me) = self.me.clone() {
                // What waits behind others waits for them too.
                let group = self.held.iter().map(|(group, _)| *group).fold(group, Group::max);
                self.host.borrow_mut().hold_client(group, me);
            }
        }
        self.check_output_limit();
    }

    /// The log has everything up to this group.
    pub fn released(&mut self, logged: Group) {
        while self.held.front().is_some_and(|(group, _)| *group <= logged) {
            if let Some((_, bytes)) = self.held.pop_front() {
                self.held_bytes -= bytes.len();
                if self.output.is_empty() {
                    self.output = bytes;
                } else {
                    self.output.unsplit(bytes);
                }
            }
        }
        self.flush();
        if self.paused.is_some()
            && let Some(address) = &self.address
        {
            // Not from here: the partition that calls is needed for it.
            address.do_send(Resume);
        }
        if self.wants_input()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }

    fn check_output_limit(&mut self) {
        let waiting = self.output.len() + self.held_bytes;
        self.handle.output_bytes.store(waiting, Ordering::Relaxed);
        if waiting < OUTPUT_PAUSE {
            self.over_soft_limit_since = None;
            return;
        }
        let limit = self.state.config().get(options::CLIENT_OUTPUT_BUFFER_LIMIT).normal;
        let over = |bytes: u64| bytes > 0 && waiting as u64 > bytes;
        let soft = over(limit.soft_bytes);
        let since = *self.over_soft_limit_since.get_or_insert_with(Instant::now);
        if !soft {
            self.over_soft_limit_since = None;
        }
        if over(limit.hard_bytes) || (soft && since.elapsed().as_secs() >= limit.soft_seconds) {
            slog::warn!(self.state.logger, "closing a client at its output buffer limit";
                "client" => &self.client_address, "bytes" => waiting);
            self.state.counters.output_limit_disconnections.fetch_add(1, Ordering::Relaxed);
            self.close();
        }
    }

    /// Writes what may leave, as far as the socket takes it.
    fn flush(&mut self) {
        if self.writer_waits || self.closed {
            return;
        }
        while !self.output.is_empty() {
            match self.write_half.try_write(&self.output) {
                Ok(count) => {
                    self.state.counters.writes.fetch_add(1, Ordering::Relaxed);
                    self.state.counters.output_bytes.fetch_add(count as u64, Ordering::Relaxed);
                    if count == self.output.len() {
                        self.output.clear();
                    } else {
                        let _ = self.output.split_to(count);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait_for_room();
                    return;
                }
                Err(_) => {
                    self.close();
                    return;
                }
            }
        }
        self.handle.output_bytes.store(self.held_bytes, Ordering::Relaxed);
        if self.close_after_output && self.held.is_empty() && self.under_way == 0 {
            self.close();
        }
    }

    fn wait_for_room(&mut self) {
        let Some(me) = self.me.clone() else { return };
        self.writer_waits = true;
        let half = self.write_half.clone();
        actix_rt::spawn(async move {
            let ready = half.writable().await;
            let mut core = me.borrow_mut();
            core.writer_waits = false;
            match ready {
                Ok(()) => core.process(),
                Err(_) => core.close(),
            }
        });
    }

    fn close(&mut self) {
        if self.closed {
            return;
        }
        self.closed = true;
        self.output = BytesMut::new();
        self.held.clear();
        self.parsed = None;
        self.paused = None;
        self.input = BytesMut::new();
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        if let Some(address) = self.address.take() {
            address.do_send(Kill);
        }
    }
}

impl Connection {
    /// Starts the actor of a socket on the current arbiter.
    pub fn start_here(
        halves: (ReadHalf, WriteHalf),
        state: Arc<State>,
        host: Rc<RefCell<Host>>,
        handle: Arc<ClientHandle>,
    ) {
        let (read_half, write_half) = halves;
        let (id, client_address, authenticated) = {
            let session = lock(&handle.session);
            (session.id, Arc::from(session.address.as_str()), session.authenticated)
        };
        let core = Rc::new(RefCell::new(Core {
            state,
            host,
            me: None,
            address: None,
            handle,
            id,
            client_address,
            write_half: Rc::new(write_half),
            input: BytesMut::new(),
            parser: Parser::default(),
            read_room: READ_ROOM.0,
            parsed: None,
            spare: Default::default(),
            spare_work: None,
            paused: None,
            under_way: 0,
            assembly: None,
            transaction: None,
            watch: None,
            resets: 0,
            output: BytesMut::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            writer_waits: false,
            over_soft_limit_since: None,
            limits: Limits::default(),
            query_limit: u64::MAX,
            config_version: 0,
            close_after_output: false,
            closed: false,
            reader: None,
            protocol: Protocol::Resp2,
            database: 0,
            authenticated,
            replies: true,
        }));
        core.borrow_mut().me = Some(core.clone());
        Connection::create(move |ctx| {
            let address = ctx.address();
            {
                let mut this = core.borrow_mut();
                let _ = this.handle.address.set(address.clone());
                this.address = Some(address);
            }
            ctx.add_stream(Reader { half: read_half, core: core.clone() });
            Connection { core }
        });
    }
}

impl Actor for Connection {
    type Context = Context<Connection>;

    fn stopped(&mut self, _: &mut Self::Context) {
        let mut core = self.core.borrow_mut();
        core.closed = true;
        core.me = None;
        core.address = None;
        core.reader = None;
        let blocking = std::mem::replace(&mut *lock(&core.handle.blocked), Blocking::Gone);
        if let Blocking::At(partition, ticket) = blocking {
            core.state.partitions()[partition].do_send(Wake { ticket, why: Why::Gone });
        }
        lock(&core.state.clients).remove(&core.id);
        core.state.client_count.fetch_sub(1, Ordering::AcqRel);
    }
}

impl StreamHandler<Brought> for Connection {
    fn handle(&mut self, _: Brought, _: &mut Self::Context) {
        self.core.borrow_mut().process();
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        // The client is gone, or sent its last: what it sent before is done, its replies are not waited for.
        self.core.borrow_mut().closed = true;
        ctx.stop();
    }
}

impl Handler<Finished> for Connection {
    type Result = ();

    fn handle(&mut self, Finished(mut work): Finished, _: &mut Self::Context) {
        let mut core = self.core.borrow_mut();
        if core.closed {
            return;
        }
        if work.ends.is_some() {
            core.take_part(work, 0);
        } else {
            core.under_way -= 1;
            // It waited for the log where it was.
            core.append(work.reply.take(), 0);
            if work.next < work.ops.len() {
                core.paused = Some(work);
            }
        }
        core.process();
    }
}

/// Connection → itself: look again at what was paused.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Resume;

impl Handler<Resume> for Connection {
    type Result = ();

    fn handle(&mut self, _: Resume, _: &mut Self::Context) {
        self.core.borrow_mut().process();
    }
}

impl Handler<Kill> for Connection {
    type Result = ();

    fn handle(&mut self, _: Kill, ctx: &mut Self::Context) {
        let mut core = self.core.borrow_mut();
        core.closed = true;
        core.address = None;
        ctx.stop();
    }
}
