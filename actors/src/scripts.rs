//! Scripts that run on threads that may wait: which they are, for how long, and how they are stopped; and what a script
//! asks of the shell ([`ScriptHost`]).
//!
//! A script that has run longer than `busy-reply-threshold` is *busy*: who needs a partition that it holds is answered
//! BUSY from then on, and SCRIPT KILL or FUNCTION KILL may stop it, unless it has written. Who needs none is answered so
//! while all partitions are held.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pika_core::commands::table::Entry;
use pika_core::commands::{Args, scripting};
use pika_core::config::options;
use pika_core::monitor;
use pika_core::scripting::host::{Call, Control, Host, Running, Standing};
use pika_core::server::{Kill, RunningScript, Server};
use pika_core::session::Session;

use crate::message::Busy;
use crate::messaging;
use crate::service::Service;
use crate::state::{State, lock, now_us};

const RUNS: u8 = 0;
const WROTE: u8 = 1;
const KILLED: u8 = 2;

/// A script that runs on a thread that may wait.
#[derive(Debug)]
struct Held {
    name: String,
    words: Vec<Vec<u8>>,
    is_function: bool,
    /// The partition that it holds; `None`: all.
    partition: Option<usize>,
    began: Instant,
    phase: AtomicU8,
    busy: AtomicBool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Scripts {
    running: Mutex<Vec<Arc<Held>>>,
    busy: AtomicUsize,
}

/// What a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// This partition.
    Partition(usize),
    /// All of them.
    All,
    /// None.
    None,
}

impl Scripts {
    /// What a command is answered that needs what a busy script holds.
    pub fn refusal(&self, needs: Needs) -> Option<&'static str> {
        if self.busy.load(Ordering::Acquire) == 0 {
            return None;
        }
        let running = lock(&self.running);
        let mut busy = running.iter().filter(|held| held.busy.load(Ordering::Acquire));
        let found = busy.find(|held| match (held.partition, needs) {
            (None, _) | (Some(_), Needs::All) => true,
            (Some(held), Needs::Partition(needed)) => held == needed,
            (Some(_), Needs::None) => false,
        });
        found.map(|held| scripting::busy_text(held.is_function))
    }

    /// As [`Scripts::refusal`]; what the command needs is found out only if any script is busy.
    pub fn refusal_if_any(&self, needs: impl FnOnce() -> Needs) -> Option<&'static str> {
        if self.busy.load(Ordering::Acquire) == 0 { None } else { self.refusal(needs()) }
    }

    /// Stops busy scripts, or functions.
    pub fn kill(&self, functions: bool) -> Kill {
        let running = lock(&self.running);
        let mut answer = Kill::NotBusy;
        for held in running.iter().filter(|held| held.busy.load(Ordering::Acquire)) {
            let phase = held.phase.load(Ordering::Acquire);
            let next = match () {
                () if phase == WROTE => Kill::Wrote,
                () if held.is_function != functions => Kill::Other,
                () => match held.phase.compare_exchange(RUNS, KILLED, Ordering::AcqRel, Ordering::Acquire) {
                    Err(WROTE) => Kill::Wrote,
                    _ => Kill::Done,
                },
            };
            if answer != Kill::Done {
                answer = next;
            }
        }
        answer
    }

    /// Stops all scripts that have written nothing. Returns whether others run.
    pub fn stop_all(&self) -> bool {
        let running = lock(&self.running);
        running.iter().fold(false, |others, held| {
            let killed = held.phase.compare_exchange(RUNS, KILLED, Ordering::AcqRel, Ordering::Acquire);
            others || killed == Err(WROTE)
        })
    }

    /// The busy script that has run longest.
    pub fn longest(&self) -> Option<RunningScript> {
        let running = lock(&self.running);
        let busy = running.iter().filter(|held| held.busy.load(Ordering::Acquire));
        busy.min_by_key(|held| held.began).map(|held| RunningScript {
            name: held.name.clone(),
            words: held.words.clone(),
            duration_ms: held.began.elapsed().as_millis() as u64,
        })
    }
}

/// The control of one script; it is forgotten with this.
#[derive(Debug)]
struct Ticket {
    held: Arc<Held>,
    threshold: Duration,
    state: Arc<State>,
}

impl Control for Ticket {
    fn may_go_on(&self) -> bool {
        let held = &self.held;
        if !self.threshold.is_zero()
            && !held.busy.load(Ordering::Relaxed)
            && held.began.elapsed() > self.threshold
        {
            held.busy.store(true, Ordering::Release);
            self.state.scripts.busy.fetch_add(1, Ordering::AcqRel);
            for (index, partition) in self.state.partitions().iter().enumerate() {
                if held.partition.is_none_or(|held| held == index) {
                    partition.do_send(Busy);
                }
            }
        }
        held.phase.load(Ordering::Acquire) != KILLED
    }

    fn may_write(&self) -> bool {
        let phase = &self.held.phase;
        phase.compare_exchange(RUNS, WROTE, Ordering::AcqRel, Ordering::Acquire) != Err(KILLED)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let scripts = &self.state.scripts;
        lock(&scripts.running).retain(|held| !Arc::ptr_eq(held, &self.held));
        if self.held.busy.load(Ordering::Acquire) {
            scripts.busy.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Time that a script may take on a thread that serves clients, µs. A look at it comes every thousand instructions.
const IN_PLACE_US: u64 = 5000;

thread_local! {
    static HURRY: Arc<Hurry> = Arc::default();
}

/// Watches over the time of the script that this serving thread runs.
#[derive(Debug, Default)]
struct Hurry {
    /// When it was looked at first; 0 before.
    began_us: AtomicU64,
}

impl Control for Hurry {
    fn may_go_on(&self) -> bool {
        let now_us = now_us();
        match self.began_us.load(Ordering::Relaxed) {
            0 => self.began_us.store(now_us, Ordering::Relaxed),
            began_us => return now_us.saturating_sub(began_us) < IN_PLACE_US,
        }
        true
    }

    fn may_write(&self) -> bool {
        true
    }
}

/// What one run of a script asks of the shell.
#[derive(Debug)]
pub struct ScriptHost<'a> {
    service: Service,
    client: (u64, &'a str),
    /// The partition that it runs over; `None`: all.
    partition: Option<usize>,
    /// What its commands did, for statistics.
    pub calls: RefCell<Vec<Call>>,
    /// Its own error was counted with one of them.
    pub counted: Cell<bool>,
}

impl<'a> ScriptHost<'a> {
    /// The host of a client's script.
    pub fn new(state: &Arc<State>, client: (u64, &'a str), partition: Option<usize>) -> ScriptHost<'a> {
        let service = Service { state: state.clone() };
        ScriptHost { service, client, partition, calls: RefCell::default(), counted: Cell::new(false) }
    }
}

impl Host for ScriptHost<'_> {
    fn server(&self) -> &dyn Server {
        &self.service
    }

    fn session(&self) -> Session {
        let client = lock(&self.service.state.clients).get(&self.client.0).cloned();
        client.map_or_else(
            || Session::new(self.client.0, now_us() / 1000),
            |client| lock(&client.session).clone(),
        )
    }

    fn now_us(&self) -> u64 {
        now_us()
    }

    fn standing(&self) -> Standing {
        let state = &self.service.state;
        let mut standing = Standing {
            few_replicas: state.replication.refuses_writes.load(Ordering::Relaxed),
            full: state.disk_full.load(Ordering::Relaxed),
            ..Standing::default()
        };
        if state.following.is_slave() {
            let config = state.config();
            standing.read_only = config.get(options::REPLICA_READ_ONLY);
            standing.stale = !state.following.is_up() && !config.get(options::REPLICA_SERVE_STALE_DATA);
        }
        standing
    }

    fn begin(&self, running: Running<'_>) -> Arc<dyn Control> {
        let state = &self.service.state;
        let held = Arc::new(Held {
            name: running.name.to_string(),
            words: running.args.words().map(<[u8]>::to_vec).collect(),
            is_function: running.is_function,
            partition: self.partition.filter(|_| state.identity.partitions > 1),
            began: Instant::now(),
            phase: AtomicU8::new(RUNS),
            busy: AtomicBool::new(false),
        });
        lock(&state.scripts.running).push(held.clone());
        let threshold = Duration::from_millis(state.config().get(options::BUSY_REPLY_THRESHOLD));
        Arc::new(Ticket { held, threshold, state: state.clone() })
    }

    fn begin_in_place(&self) -> Option<Arc<dyn Control>> {
        HURRY.with(|hurry| {
            hurry.began_us.store(0, Ordering::Relaxed);
            Some(hurry.clone() as Arc<dyn Control>)
        })
    }

    fn will_read(&self, entry: &Entry, args: Args<'_>) {
        let state = &self.service.state;
        if !state.messaging.is_tracking() {
            return;
        }
        let client = lock(&state.clients).get(&self.client.0).cloned();
        let tracks = client.is_some_and(|client| {
            lock(&client.session).tracking.as_ref().is_some_and(|tracking| tracking.remembers())
        });
        if tracks {
            messaging::remember(state, self.client.0, entry.command.keys_of(args));
        }
    }

    fn ran(&self, call: Call) {
        self.calls.borrow_mut().push(call);
    }

    fn counted(&self) {
        self.counted.set(true);
    }

    fn is_monitored(&self) -> bool {
        self.service.state.messaging.is_monitored()
    }

    fn show(&self, database: usize, entry: &Entry, args: Args<'_>) {
        let words = pika_core::commands::redact::words(entry, args);
        let line = monitor::line(now_us(), database, "lua", words.into_iter());
        self.service.state.messaging.show(line);
    }

    fn log(&self, level: u8, text: &[u8]) {
        let logger = &self.service.state.logger;
        let text = String::from_utf8_lossy(text);
        match level {
            0 | 1 => slog::debug!(logger, "script: {}", text),
            2 => slog::info!(logger, "script: {}", text),
            _ => slog::warn!(logger, "script: {}", text),
        }
    }
}
