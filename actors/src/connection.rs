//! The connection actor: one client.
//!
//! Each read brings a frame of commands. They are run in order: runs of key commands go to their partitions,
//! one piece of work each; commands about the connection run here; those about the server go to the admin actor.
//! While anything is under way elsewhere, nothing more is read: TCP pushes back.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Instant;

use actix::prelude::*;
use bytes::{Bytes, BytesMut};
use pika_core::commands::Args;
use pika_core::config::options;
use pika_core::keyspace::table::Group;
use pika_core::keyspace::watch::Watch;
use pika_core::push::Push;
use pika_core::replication::handshake::Request;
use pika_core::replication::master::Wait;
use pika_core::resp::{Batch, Limits, Parser, Protocol};
use pika_core::tracking::Tracking;

use crate::long_reply::Receiver;
use crate::message::{Begun, Deliver, Finished, Kill, Wake, Why};
use crate::partition::Host;
use crate::socket::{ReadHalf, WriteHalf};
use crate::state::{Blocking, ClientHandle, State, lock};
use crate::work::{Op, Work};

mod access;
mod dispatch;
mod memory;
mod output;
mod pushes;
mod reader;
mod replica;
mod running;
mod session;
mod slave;
mod transaction;

use reader::{Brought, Reader};
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

impl Parsed {
    /// The words of one of its commands.
    fn args(&self, command: pika_core::resp::Command) -> Args<'_> {
        let words = &self.batch.ranges[command.first as usize..(command.first + command.count) as usize];
        Args::new(if command.inline { &self.inline } else { &self.frame }, words)
    }
}

/// Replies of several pieces of work, until all are there.
#[derive(Debug)]
struct Assembly {
    replies: Vec<Option<BytesMut>>,
    hold: Group,
    /// It is EXEC's.
    execution: Option<transaction::Execution>,
}

/// Allocations that the next read uses again.
#[derive(Debug, Default)]
struct Spare {
    ranges: Vec<(u32, u32)>,
    ops: Vec<Op>,
    commands: Vec<pika_core::resp::Command>,
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
    spare: Spare,
    /// A piece of work that was used and may be again.
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
    /// A long reply, that is being sent piece by piece; the rest behind it, when that is there.
    long_reply: Option<Receiver>,
    rest: Option<Box<Work>>,
    writer_waits: bool,
    /// Waits until the socket takes more.
    writing: Option<tokio::task::JoinHandle<()>>,
    /// Of the bytes that wait, so many are messages, at most.
    pushed_bytes: usize,
    /// Messages that its own command brought about, whose reply is under way.
    later: Vec<Arc<Push>>,
    /// Bytes of the channels, patterns and prefixes that it asked for.
    interests: usize,
    /// It is subscribed to anything.
    subscribed: bool,
    /// It may not run all commands: see [`Core::refusal`].
    restricted: bool,
    /// It waits for the end of CLIENT PAUSE.
    postponed: bool,
    /// A [`Resume`] that looks for that end is under way.
    comes_back: bool,
    tracking: Option<Tracking>,
    no_touch: bool,
    over_soft_limit_since: Option<Instant>,
    /// Below, no limit of its class is reached; bytes.
    least_limit: usize,
    limits: Limits,
    query_limit: u64,
    config_version: u64,
    close_after_output: bool,
    closed: bool,
    reader: Option<Waker>,
    protocol: Protocol,
    database: usize,
    authenticated: bool,
    /// Its user.
    rights: access::Rights,
    /// CLIENT REPLY is ON: every reply is sent.
    replies: bool,
    /// It is a slave's: a link writes to its socket, and nothing else does.
    is_replica: bool,
    /// It becomes a slave's when what was answered before has left.
    replicates: Option<Request>,
    /// Its command waits for slaves.
    waits: Option<Wait>,
    /// It has sent writes since its session last heard where the log ends.
    wrote: bool,
}

/// The actor.
#[derive(Debug)]
pub struct Connection {
    core: Rc<RefCell<Core>>,
}

impl Core {
    fn wants_input(&self) -> bool {
        if (self.under_way > 0 || self.postponed) && !self.close_after_output {
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
            // What is too much is not run.
            if self.parsed.as_ref().is_some_and(|parsed| parsed.frame.len() > READ_ROOM.1) {
                self.note_memory();
                if self.closed {
                    break;
                }
            }
            if !self.dispatch() {
                break;
            }
        }
        self.take_pushes();
        self.flush();
        self.note_memory();
        if self.wants_input()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }

    fn refresh(&mut self) {
        self.refresh_rights();
        let version = self.state.config_version.load(Ordering::Acquire);
        if version != self.config_version {
            let config = self.state.config();
            self.config_version = version;
            self.limits.max_bulk_len = config.get(options::PROTO_MAX_BULK_LEN);
            self.query_limit = config.get(options::CLIENT_QUERY_BUFFER_LIMIT);
            let normal = config.get(options::CLIENT_OUTPUT_BUFFER_LIMIT).normal;
            let limits = [normal.hard_bytes, normal.soft_bytes].into_iter().filter(|&bytes| bytes > 0);
            let least = limits.min().map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
            self.least_limit = least.min(OUTPUT_PAUSE);
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
        let (id, client_address, authenticated, rights) = {
            let session = lock(&handle.session);
            let rights = access::Rights::new(&state, &session);
            (session.id, Arc::from(session.address.as_str()), session.authenticated, rights)
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
            long_reply: None,
            rest: None,
            writer_waits: false,
            writing: None,
            pushed_bytes: 0,
            later: Vec::new(),
            interests: 0,
            subscribed: false,
            restricted: false,
            postponed: false,
            comes_back: false,
            tracking: None,
            no_touch: false,
            over_soft_limit_since: None,
            least_limit: OUTPUT_PAUSE,
            limits: Limits::default(),
            query_limit: u64::MAX,
            config_version: 0,
            close_after_output: false,
            closed: false,
            reader: None,
            protocol: Protocol::Resp2,
            database: 0,
            authenticated,
            rights,
            replies: true,
            is_replica: false,
            replicates: None,
            waits: None,
            wrote: false,
        }));
        core.borrow_mut().me = Some(core.clone());
        Connection::create(move |ctx| {
            let address = ctx.address();
            {
                let mut this = core.borrow_mut();
                let _ = this.handle.address.set(address.clone());
                this.address = Some(address);
            }
            ctx.add_stream(Reader::new(read_half, core.clone()));
            Connection { core }
        });
    }
}

impl Actor for Connection {
    type Context = Context<Connection>;

    fn stopped(&mut self, _: &mut Self::Context) {
        let mut core = self.core.borrow_mut();
        core.let_go();
        core.me = None;
        core.address = None;
        core.reader = None;
        let blocking = std::mem::replace(&mut *lock(&core.handle.blocked), Blocking::Gone);
        if let Blocking::At(partition, ticket) = blocking {
            core.state.partitions()[partition].do_send(Wake { ticket, why: Why::Gone });
        }
        lock(&core.state.clients).remove(&core.id);
        if core.is_replica {
            crate::replication::detach(&core.state, core.id);
        }
        crate::messaging::forget(&core.state, core.id);
        core.state.eviction.forget(&core.handle.held);
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
        if core.long_reply.is_some() {
            core.rest = Some(work);
            core.flush();
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

impl Handler<Begun> for Connection {
    type Result = ();

    fn handle(&mut self, Begun(receiver): Begun, _: &mut Self::Context) {
        let mut core = self.core.borrow_mut();
        if !core.closed {
            core.take_pushes();
            core.long_reply = Some(receiver);
            core.flush();
        }
    }
}

/// Connection → itself: look again at what was paused.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Resume;

impl Handler<Resume> for Connection {
    type Result = ();

    fn handle(&mut self, _: Resume, _: &mut Self::Context) {
        let mut core = self.core.borrow_mut();
        core.comes_back = false;
        core.process();
    }
}

impl Handler<Deliver> for Connection {
    type Result = ();

    fn handle(&mut self, _: Deliver, _: &mut Self::Context) {
        let mut core = self.core.borrow_mut();
        core.take_pushes();
        core.flush();
        core.check_output_limit();
        core.note_memory();
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
