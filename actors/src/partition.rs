//! The partition actor: runs commands on the keyspace that it owns.
//!
//! Its [`Host`] is reached in two ways: by messages from other arbiters, and by direct calls from the
//! connections of its own arbiter (the same thread: no hop, no copy). Both bring [`Work`]: the commands of one
//! client's read, in order. Work that cannot go on (a key is on disk, there is no room to write) is put aside
//! and taken up again; other clients' work goes on.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::prelude::*;
use pika_core::commands::args::Args;
use pika_core::commands::execute::{Environment, Halt, execute, missing};
use pika_core::commands::{Flags, Run, Settings};
use pika_core::encoding::key::KeyBuf;
use pika_core::engine::{Read, Tier};
use pika_core::info::Statistics;
use pika_core::keyspace::expiry;
use pika_core::keyspace::partition::{NextCommand, Partition, Role};
use pika_core::keyspace::table::Group;
use pika_core::keyspace::transaction::{Need, Place, Reach, Source};
use pika_core::keyspace::view::View;
use pika_core::keyspace::write_behind::Applied;
use pika_core::scripting::host::Host as Asked;

use crate::connection::Core;
use crate::elsewhere::{give_back, run_exclusive_elsewhere, run_on_view};
use crate::message::*;
use crate::messaging;
use crate::scripts::{Needs, ScriptHost};
use crate::state::{State, now_ms};
use crate::work::{Blocked, Exclusive, Op, Work};

/// What the partition's thread knows; shared with the connections of its arbiter.
#[derive(Debug)]
pub struct Host {
    /// Which partition.
    pub index: usize,
    partition: Option<Box<Partition>>,
    state: Arc<State>,
    address: Addr<PartitionActor>,
    settings: Arc<Settings>,
    config_version: u64,
    slow_threshold: i64,
    track_latency: bool,
    /// Counters of this arbiter's commands.
    pub statistics: Statistics,
    /// Work and messages that wait for the state to come home.
    away: VecDeque<Deferred>,
    /// Hand-offs that the engine got while the state was away. They are told to it in their order, first of all.
    applied_away: VecDeque<Applied>,
    /// Work that waits for entries from disk.
    fetching: HashMap<u64, Box<Work>>,
    next_ticket: u64,
    /// Work that waits for room in the overlay.
    crowded: VecDeque<Box<Work>>,
    /// Work that waits for blind writes to settle. All later work waits behind it (a hand-off's time): else new
    /// blind writes would keep it waiting for ever.
    settling: Vec<Deferred>,
    tick_sent: bool,
    /// Groups that the log does not have yet, and where they end in it.
    unlogged: VecDeque<(Group, u64)>,
    logged: Group,
    /// Local connections and remote work whose replies wait for a group.
    held_clients: VecDeque<(Group, Rc<RefCell<Core>>)>,
    held_work: VecDeque<(Group, Box<Work>)>,
    /// Long replies that begin when the log has a group.
    held_replies: Vec<Begin>,
    under_way: usize,
    last_hand_off: Instant,
    timer_set: bool,
    interval: Duration,
    /// Keys whose time had come were removed since the last hand-off.
    expiring: bool,
    overlay_limit: usize,
    /// Bytes of entries that are handed off at once.
    hand_off_limit: usize,
    /// Bytes of log after which there is a hand-off.
    log_limit: u64,
    table_limit: usize,
    draining: Vec<std::sync::mpsc::Sender<()>>,
    /// Commands that wait for a key, by number; and for each key their numbers, in the order in which they came.
    waiting: HashMap<u64, Blocked>,
    waiting_for: HashMap<KeyBuf, VecDeque<u64>>,
    now_ms: u64,
    /// Some client tracks keys.
    tracking: bool,
    /// The client whose command ran last; 0: it was none's.
    cause: u64,
}

#[derive(Debug)]
enum Deferred {
    Work(Box<Work>),
    Lend(Box<Exclusive>),
    /// A script that is to run on a thread that may wait.
    Lone(Box<Work>),
    Expire(Vec<expiry::Due>),
}

mod actor;
mod blocking;
mod counting;
mod following;
mod groups;
mod hand_off;
mod lending;
mod long_replies;

pub use actor::PartitionActor;
pub use blocking::keys_of;
pub use hand_off::HAND_OFFS;

/// How often a script fetches what it needs from disk before it runs where it can wait.
const MOST_ATTEMPTS: u32 = 8;

thread_local! {
    static HOST: RefCell<Option<Rc<RefCell<Host>>>> = const { RefCell::new(None) };
}

/// The host of this arbiter's partition.
pub fn local_host() -> Option<Rc<RefCell<Host>>> {
    HOST.with(|host| host.borrow().clone())
}

/// How running a piece of work ended.
#[derive(Debug)]
pub enum Ran {
    /// All commands were run.
    Done(Box<Work>),
    /// The replies so far are many bytes: send them, then go on with the rest.
    Paused(Box<Work>),
    /// The host keeps it, and sends [`Finished`] when it is done.
    Kept,
}

enum Step {
    Next,
    Park(Halt),
    Crowded,
}

impl Host {
    /// A script holds the state for too long: who waits for it is answered.
    fn answer_busy(&mut self) {
        let Some(text) = self.state.scripts.refusal(Needs::Partition(self.index)) else { return };
        if self.partition.is_some() {
            return;
        }
        for deferred in std::mem::take(&mut self.away) {
            match deferred {
                Deferred::Work(mut work) if work.is_refusable() => {
                    work.refuse_rest(text);
                    self.finish(work);
                }
                Deferred::Lend(exclusive) if exclusive.task.is_none() && exclusive.work.is_refusable() => {
                    let Exclusive { mut work, held, .. } = *exclusive;
                    work.refuse_rest(text);
                    match held.is_empty() {
                        true => self.finish(work),
                        false => give_back(held, work, &self.state),
                    }
                }
                other => self.away.push_back(other),
            }
        }
    }

    fn partition(&mut self) -> &mut Partition {
        self.partition.as_mut().expect("callers check that the state is at home")
    }

    /// Takes over options that changed.
    fn refresh(&mut self) {
        let tracking = self.state.messaging.is_tracking();
        if tracking != self.tracking {
            self.tracking = tracking;
            self.follow();
        }
        let version = self.state.config_version.load(Ordering::Acquire);
        if version != self.config_version {
            use pika_core::config::options;
            let config = self.state.config();
            self.config_version = version;
            self.settings = self.state.settings();
            self.slow_threshold = config.get(options::SLOWLOG_LOG_SLOWER_THAN);
            self.track_latency = config.get(options::LATENCY_TRACKING);
            self.interval = Duration::from_millis(u64::from(config.get(options::WRITE_BEHIND_INTERVAL_MS)));
            // What the last hand-off lacks is replayed as well; most of the limit is for what the memtables hold.
            self.log_limit = config.get(options::BINLOG_REPLAY_LIMIT) / 4;
        }
    }

    /// Runs a client's commands as far as they go, or until their replies have more than `reply_bytes`.
    pub fn run(&mut self, mut work: Box<Work>, reply_bytes: usize) -> Ran {
        if work.void {
            // It came home from all partitions, and none of it is to be run.
            return Ran::Done(work);
        }
        if self.partition.is_none()
            && work.is_refusable()
            && let Some(text) = self.state.scripts.refusal(Needs::Partition(self.index))
        {
            work.refuse_rest(text);
            return Ran::Done(work);
        }
        if self.partition.is_none() || !self.settling.is_empty() {
            self.away.push_back(Deferred::Work(work));
            return Ran::Kept;
        }
        self.refresh();
        self.now_ms = now_ms();
        self.cause = work.client_facts.0;
        if work.atomic && !work.begun {
            work = match self.begin_atomic(work) {
                Some(work) if work.void => return Ran::Done(work),
                Some(work) => work,
                None => return Ran::Kept,
            };
        }
        self.fetch_ahead(&work);
        let settings = self.settings.clone();
        let mut started = Instant::now();
        while work.next < work.ops.len() {
            match self.step(&mut work, &settings, &mut started) {
                Step::Next => {
                    if work.atomic {
                        continue;
                    }
                    self.look_at_changes();
                    if work.reply.len() > reply_bytes && work.next < work.ops.len() {
                        return Ran::Paused(work);
                    }
                }
                Step::Crowded => {
                    self.crowded.push_back(work);
                    self.send_tick();
                    return Ran::Kept;
                }
                Step::Park(halt) => {
                    self.park(work, halt);
                    return Ran::Kept;
                }
            }
        }
        if work.atomic {
            match &work.followed {
                Some(followed) => work.hold = followed.end(&mut [self.partition()]),
                None => self.partition().end_atomic(),
            }
            self.look_at_changes();
        }
        let (limit, now_s) = (self.table_limit, (self.now_ms / 1000) as u32);
        self.partition().evict(limit, now_s);
        Ran::Done(work)
    }

    /// Has the processor fetch the keys of a pipeline's next commands while it begins with the first.
    fn fetch_ahead(&mut self, work: &Work) {
        /// Fewer are not worth it; more would push each other out of the cache.
        const COMMANDS: std::ops::RangeInclusive<usize> = 4..=64;
        let ops = &work.ops[work.next..];
        if !COMMANDS.contains(&ops.len()) {
            return;
        }
        let next = |op: &Op| {
            let words = work.args(op);
            NextCommand { key: words.word(1), second: words.word(2), last: words.word(words.len() - 1) }
        };
        self.partition().fetch_ahead(ops[0].database, ops.iter().map(next));
    }

    /// Begins commands that happen together, once nothing can hold them up: no blind write is on its way (one of them
    /// may ask for counts), and their keys are in memory. What they need beyond that, they read elsewhere, with the
    /// state lent to them.
    fn begin_atomic(&mut self, mut work: Box<Work>) -> Option<Box<Work>> {
        if work.followed.is_some() {
            return self.begin_followed(work);
        }
        if work.watch.as_ref().is_some_and(|watch| watch.is_void(self.now_ms)) {
            work.void = true;
            return Some(work);
        }
        if !self.partition().is_settled() {
            self.park(work, Halt::Settle);
            return None;
        }
        if self.partition().dirty_bytes() > self.overlay_limit {
            self.crowded.push_back(work);
            self.send_tick();
            return None;
        }
        let mut work = self.fetched(work, |_, _| true)?;
        self.partition().begin_atomic();
        work.begun = true;
        Some(work)
    }

    /// The work, if the keys of those of its commands that look at them are in memory; else they are fetched first.
    fn fetched(&mut self, work: Box<Work>, looks: impl Fn(&Op, Args<'_>) -> bool) -> Option<Box<Work>> {
        let (settings, state) = (self.settings.clone(), self.state.clone());
        let mut needs = Vec::new();
        for op in work.ops.iter().filter(|op| looks(op, work.args(op))) {
            let environment = environment(&work, op.database, self.now_ms, &settings, &state);
            let partition = self.partition.as_mut()?;
            match missing(op.entry.command, work.args(op), Source::One(partition), environment) {
                Ok(more) => needs.extend(more),
                Err(error) => crate::server::fail_stop(&state.logger, &error.to_string()),
            }
        }
        if needs.is_empty() {
            return Some(work);
        }
        self.fetch(work, needs);
        None
    }

    fn step(&mut self, work: &mut Work, settings: &Settings, started: &mut Instant) -> Step {
        let op = work.ops[work.next];
        let flags = op.entry.command.flags;
        let may_write = flags.has(Flags::WRITE) || matches!(op.entry.command.run, Run::Script(_));
        if may_write && !work.atomic && self.partition().dirty_bytes() > self.overlay_limit {
            return Step::Crowded;
        }
        let start = work.reply.len();
        let refused = |partition: &Partition, state: &State| refused_on_slave(work, partition, state);
        if flags.has(Flags::WRITE)
            && self.partition.as_ref().is_some_and(|partition| refused(partition, &self.state))
        {
            work.reply.error(READ_ONLY);
            self.statistics.error(&work.reply.as_slice()[start..]);
            self.statistics.rejected(op.entry.id);
            work.finish_op(start);
            return Step::Next;
        }
        if flags.has(Flags::DENYOOM)
            && work.followed.is_none()
            && self.state.disk_full.load(Ordering::Relaxed)
        {
            work.reply.error("OOM command not allowed when the disk has less room than 'disk-reserve'");
            self.statistics.error(&work.reply.as_slice()[start..]);
            self.statistics.rejected(op.entry.id);
            work.finish_op(start);
            return Step::Next;
        }
        // Its arguments borrow the work that the reply is part of.
        let mut reply = std::mem::take(&mut work.reply);
        let mut environment = environment(work, op.database, self.now_ms, settings, &self.state);
        let is_script = matches!(op.entry.command.run, Run::Script(_));
        let (client, address) = &work.client_facts;
        let host = is_script.then(|| ScriptHost::new(&self.state, (*client, address), Some(self.index)));
        environment.host = host.as_ref().map(|host| host as &dyn Asked);
        let partition = self.partition.as_mut().expect("checked by the caller");
        if op.tracked {
            // Of what changed before, this client need not be told.
            messaging::tell_changes(&self.state, partition, work.client_facts.0);
            partition.follows = true;
            let keys = op.entry.command.keys_of(work.next_args());
            messaging::remember(&self.state, work.client_facts.0, keys);
        }
        let source = Source::One(partition);
        let done =
            execute(op.entry.command, work.next_args(), source, Reach::SERVING, environment, &mut reply);
        let (calls, counted) =
            host.map_or((Vec::new(), false), |host| (host.calls.take(), host.counted.get()));
        work.reply = reply;
        let done = match done {
            Ok(done) => done,
            Err(halt) => return Step::Park(halt),
        };
        work.hold = work.hold.max(done.group);
        if done.wrote {
            self.send_tick();
        }
        self.count_calls(calls);
        self.count(work, &op, start, started, counted);
        work.finish_op(start);
        Step::Next
    }

    /// Counts what the commands of a script did.
    fn park(&mut self, mut work: Box<Work>, halt: Halt) {
        match halt {
            Halt::Engine(error) => crate::server::fail_stop(&self.state.logger, &error.to_string()),
            Halt::Block(block) => self.wait(work, block),
            Halt::Need(_) if work.begun => self.lend_to_reader(work),
            Halt::Elsewhere(place) => self.send_elsewhere(work, place),
            Halt::Settle => {
                self.settling.push(Deferred::Work(work));
                self.close_group();
                self.hand_off();
            }
            Halt::Need(needs) => {
                self.state.counters.disk_waits.fetch_add(1, Ordering::Relaxed);
                let ranges = needs.iter().any(|need| matches!(need, Need::Range(..)));
                let command = work.ops[work.next].entry.command;
                let is_script = matches!(command.run, Run::Script(_));
                work.attempts += u32::from(is_script);
                if is_script && (ranges || work.attempts > MOST_ATTEMPTS) {
                    return self.send_elsewhere(work, Place::Alone);
                }
                let writes = command.is_write();
                if ranges && writes {
                    self.lend_to_reader(work);
                } else if ranges || !work.needs.is_empty() {
                    work.needs.extend(needs);
                    self.view(work);
                } else {
                    self.fetch(work, needs);
                }
            }
        }
    }

    /// Has entries read from disk, and takes the work up again when they are there.
    fn fetch(&mut self, work: Box<Work>, needs: Vec<Need>) {
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        self.fetching.insert(ticket, work);
        let (engine, address, state) = (self.state.engine.clone(), self.address.clone(), self.state.clone());
        self.state.reads.run(move || {
            let mut entries = Vec::with_capacity(needs.len());
            for need in needs {
                let Need::Key(family, key) = need else { continue };
                match engine.get(family, &key, Tier::Disk) {
                    Ok(value) => entries.push((family, key.to_vec(), value)),
                    Err(error) => crate::server::fail_stop(&state.logger, &format!("read: {error:?}")),
                }
            }
            address.do_send(Fetched { ticket, entries });
        });
    }

    /// Keeps this moment, and has the command read it on another thread.
    fn view(&mut self, mut work: Box<Work>) {
        let needs = work.needs.clone();
        let view = View::keep(&mut [self.partition()], &needs);
        // What the view shows and the log lacks, the reply must wait for.
        work.hold = work.hold.max(view.group);
        self.send_tick();
        let (address, settings, now_ms) = (self.address.clone(), self.settings.clone(), self.now_ms);
        let state = self.state.clone();
        self.state.views.run(move || {
            run_on_view(&mut work, &view, &settings, now_ms, &state);
            address.do_send(Viewed(work));
        });
    }

    /// A write that needs ranges from disk: the whole state goes to a thread that may wait.
    fn lend_to_reader(&mut self, work: Box<Work>) {
        // What a transaction has written so far stays in its record.
        if !work.begun {
            self.close_group();
        }
        let Some(partition) = self.partition.take() else { return };
        let exclusive = Box::new(Exclusive { work, held: vec![partition], task: None });
        run_exclusive_elsewhere(exclusive, &self.state, self.now_ms);
    }

    /// A script that cannot end here runs on a thread that may wait: over this partition, or over all.
    fn send_elsewhere(&mut self, work: Box<Work>, place: Place) {
        let single = self.state.identity.partitions == 1;
        if place == Place::Everywhere && !single {
            let exclusive = Box::new(Exclusive { work, held: Vec::new(), task: None });
            return self.state.partitions()[0].do_send(Lend(exclusive));
        }
        if single && !self.partition().is_settled() {
            // It may ask for counts, and nothing settles while the state is away.
            self.settling.push(Deferred::Lone(work));
            self.close_group();
            self.hand_off();
            return;
        }
        self.lend_to_reader(work);
    }

    fn resume(&mut self, work: Box<Work>) {
        // One part of several is put together before it is sent; else many bytes leave before more are made.
        let whole = work.ends.is_some() || work.thread.is_some();
        let limit = if whole { usize::MAX } else { crate::connection::OUTPUT_PAUSE };
        if let Ran::Done(work) | Ran::Paused(work) = self.run(work, limit) {
            self.finish(work);
        }
    }

    fn expire(&mut self, due: Vec<expiry::Due>) {
        if self.partition.is_none() {
            self.away.push_back(Deferred::Expire(due));
            return;
        }
        if self.partition().role != Role::Master {
            // Its master says what goes.
            return;
        }
        self.refresh();
        self.now_ms = now_ms();
        self.cause = 0;
        let events = self.settings.events;
        for entry in due {
            let now_ms = self.now_ms;
            let result = expiry::remove_due(self.partition(), Reach::SERVING, now_ms, &entry, events);
            match result {
                Ok(()) => {}
                Err(pika_core::keyspace::transaction::Stop::Engine(error)) => {
                    crate::server::fail_stop(&self.state.logger, &error.to_string());
                }
                // On disk: it is read, and the expirer comes by again.
                Err(pika_core::keyspace::transaction::Stop::Need(needs)) => self.warm(needs),
                Err(_) => {}
            }
        }
        // Several fields of a hash that go at once are one event.
        self.partition().events.dedup();
        self.look_at_changes();
        self.expiring = true;
        self.send_tick();
    }

    /// Has entries read into memory for whoever asks next.
    fn warm(&mut self, needs: Vec<Need>) {
        let (engine, address) = (self.state.engine.clone(), self.address.clone());
        self.state.reads.run(move || {
            let entries = needs
                .into_iter()
                .filter_map(|need| match need {
                    Need::Key(family, key) => {
                        let value = engine.get(family, &key, Tier::Disk).ok()?;
                        Some((family, key.to_vec(), value))
                    }
                    Need::Range(..) => None,
                })
                .collect();
            address.do_send(Fetched { ticket: 0, entries });
        });
    }
}

/// What a client is told who writes on a slave.
pub const READ_ONLY: &str = "READONLY You can't write against a read only replica.";

/// Whether a client's write came when this server was a master still, and runs when it is a slave: it waited for the
/// disk, or was on its way. Its effects would reach no log.
pub fn refused_on_slave(work: &Work, partition: &Partition, state: &State) -> bool {
    partition.role == Role::Slave
        && work.followed.is_none()
        && state.config().get(pika_core::config::options::REPLICA_READ_ONLY)
}

/// What the next command of a piece of work runs against.
pub fn environment<'a>(
    work: &'a Work,
    database: usize,
    now_ms: u64,
    settings: &'a Settings,
    state: &State,
) -> Environment<'a> {
    let Work { no_touch, .. } = *work;
    // What a master sent may write blindly.
    let atomic = work.atomic && work.followed.is_none();
    let keeps_due = state.paused.load(Ordering::Relaxed) && state.current_pause().is_some();
    let user = work.user_of_next();
    let watch = work.watch.as_ref();
    let nobody = Environment::of_nobody(now_ms, settings, database);
    Environment { atomic, watch, no_touch, keeps_due, user, ..nobody }
}
