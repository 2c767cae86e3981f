//! Replication, the master's side: the threads, sockets and clocks around [`pika_core::replication::master`].
//!
//! | file | what |
//! |------|------|
//! | [`checkpoint`] | data sets as files, for slaves that are Pikas |
//! | [`failover`] | this master's role handed to a slave |
//! | [`feed`] | the newest bytes of the log in memory, shared by all slaves, and who is told of more |
//! | [`link`] | one slave: its task sends it what it is to get |
//! | [`full`] | snapshots for slaves that need everything |
//! | [`refetch`] | what a slave with writes of its own asks |
//! | [`replicator`] | the actor: heartbeats, time limits, and clients that wait for slaves |
//!
//! All of it runs on the arbiter `pika-sync` and on threads that may wait. A serving thread does no more for a slave
//! than to read its acknowledgements, and to put what it logs into the feed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use actix::Addr;
use actix_rt::ArbiterHandle;
use pika_core::binlog::retention::Pin;
use pika_core::config::{Config, options};
use pika_core::files::Real;
use pika_core::keyspace::transaction::write_command;
use pika_core::replication::failover::Failover;
use pika_core::replication::handshake::{Announced, Request};
use pika_core::replication::master::{Limits, Log, Master, Start};
use pika_core::replication::{History, ReplicationId};
use tokio::sync::Notify;

use crate::elsewhere::to_record;
use crate::message::Acknowledged;
use crate::socket::Accepted;
use crate::state::{State, lock, now_ms};

pub mod checkpoint;
pub mod failover;
pub mod feed;
pub mod full;
pub mod link;
pub mod refetch;
pub mod replicator;

use replicator::Replicator;

/// What all threads know of this server's slaves.
#[derive(Debug)]
pub struct Replication {
    /// The state machine.
    pub master: Mutex<Master>,
    /// Which history the data is of.
    pub history: Mutex<History>,
    /// Too few slaves are in time: writes are refused.
    pub refuses_writes: AtomicBool,
    /// There are slaves.
    attached: AtomicBool,
    /// FAILOVER.
    pub failover: Mutex<Failover>,
    /// Snapshots that slaves wait for.
    pub syncs: full::Syncs,
    /// Data sets as files.
    pub checkpoints: checkpoint::Checkpoints,
    /// VERIFY.
    pub verification: crate::verify::Verification,
    /// The actor, once it runs.
    pub actor: OnceLock<Addr<Replicator>>,
    /// Where links run.
    pub arbiter: OnceLock<ArbiterHandle>,
    /// What links are told, by the id of their client.
    signals: Mutex<HashMap<u64, Arc<Signals>>>,
    folder: PathBuf,
}

/// What a link is told.
#[derive(Debug, Default)]
pub struct Signals {
    /// Its connection is gone, or must go.
    pub closing: Notify,
    /// Its slave has acknowledged the snapshot.
    pub online: Notify,
}

/// A new id.
pub fn new_id() -> ReplicationId {
    let mut random = [0; ReplicationId::LENGTH / 2];
    fastrand::fill(&mut random);
    ReplicationId::from_random(random)
}

/// Reads the history of a data folder whose log ends at `end`, or begins one, and makes durable what is new.
///
/// # Errors
/// A text for the operator: the file cannot be read or written, or is damaged.
pub fn open_history(folder: &std::path::Path, end: u64, is_slave: bool) -> Result<History, String> {
    let found = History::load(&Real, folder)?;
    let is_new = found.is_none();
    let mut history = found.unwrap_or_else(|| History::new(new_id()));
    if is_new || history.start(end, is_slave, new_id()) {
        history.store(&Real, folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(history)
}

/// The name of the history of a data folder that is only read; all zeros if it has none.
///
/// # Errors
/// A text for the operator: the file cannot be read, or is damaged.
pub fn open_history_unchanged(config: &Config) -> Result<ReplicationId, String> {
    let found = History::load(&Real, std::path::Path::new(config.get(options::DIR)))?;
    Ok(found.map_or(ReplicationId::NONE, |history| history.id()))
}

impl Replication {
    /// Without slaves. `folder` is the data folder.
    pub fn new(history: History, folder: PathBuf) -> Replication {
        Replication {
            master: Mutex::default(),
            history: Mutex::new(history),
            refuses_writes: AtomicBool::new(false),
            attached: AtomicBool::new(false),
            failover: Mutex::default(),
            syncs: full::Syncs::default(),
            checkpoints: Default::default(),
            verification: Default::default(),
            actor: OnceLock::new(),
            arbiter: OnceLock::new(),
            signals: Mutex::default(),
            folder,
        }
    }

    /// Changes the history, durably.
    ///
    /// # Errors
    /// Those of the disk; then nothing has changed.
    pub fn change_history(&self, change: impl FnOnce(&mut History)) -> std::io::Result<()> {
        let mut history = lock(&self.history);
        let mut changed = history.clone();
        change(&mut changed);
        changed.store(&Real, &self.folder)?;
        *history = changed;
        Ok(())
    }

    /// What a link is told.
    fn signals_of(&self, id: u64) -> Arc<Signals> {
        lock(&self.signals).entry(id).or_default().clone()
    }
}

/// The options that matter to the state machine.
pub fn limits(config: &Config) -> Limits {
    let output = config.get(options::CLIENT_OUTPUT_BUFFER_LIMIT).replica;
    Limits {
        timeout_ms: u64::from(config.get(options::REPL_TIMEOUT)) * 1000,
        ping_ms: u64::from(config.get(options::REPL_PING_REPLICA_PERIOD)) * 1000,
        output: (output.hard_bytes, output.soft_bytes, output.soft_seconds.saturating_mul(1000)),
        min_replicas: config.get(options::MIN_REPLICAS_TO_WRITE),
        max_lag_s: u64::from(config.get(options::MIN_REPLICAS_MAX_LAG)),
    }
}

/// A client became a slave: from here on its socket is written to by a link.
pub fn attach(
    state: &Arc<State>,
    id: u64,
    peer: String,
    announced: Announced,
    request: Request,
    socket: Accepted,
) {
    let shared = state.clone();
    if let Some(arbiter) = state.replication.arbiter.get() {
        arbiter.spawn(link::run(shared, id, peer, announced, request, socket));
    }
}

/// Registers a slave, and decides what it gets.
fn begin(
    state: &State,
    id: u64,
    peer: &str,
    announced: Announced,
    request: &Request,
) -> (Start, Arc<Signals>) {
    let facts = state.log.facts();
    let start = {
        let history = lock(&state.replication.history);
        let log = Log { history: &history, first: facts.oldest_offset, end: state.log.committed() };
        lock(&state.replication.master).attach(id, peer, announced, request, log, now_ms())
    };
    refresh(state);
    (start, state.replication.signals_of(id))
}

/// A client's connection has ended.
pub fn detach(state: &State, id: u64) {
    if let Some(signals) = lock(&state.replication.signals).remove(&id) {
        signals.closing.notify_one();
    }
    if lock(&state.replication.master).detach(id) {
        refresh(state);
    }
}

/// Ends the links to all slaves. They come back and ask anew: under which name the history goes on, and from where.
pub fn drop_all(state: &State) {
    let ids: Vec<u64> = lock(&state.replication.master).replicas().map(|(id, _)| id).collect();
    for id in ids {
        let address = lock(&state.clients).get(&id).and_then(|client| client.address.get().cloned());
        detach(state, id);
        if let Some(address) = address {
            address.do_send(crate::message::Kill);
        }
    }
}

/// Has all slaves run a command that changes nothing here, behind what this thread has written so far. On a slave, or
/// without slaves, nothing happens.
pub fn tell_all(state: &State, database: usize, words: &[&[u8]]) {
    if !state.replication.attached.load(Ordering::Acquire) {
        return;
    }
    let mut payload = Vec::new();
    write_command(&mut payload, words.iter().copied());
    if let Some(record) = state.shared.place_message(now_ms(), database, payload) {
        state.log.submit(vec![to_record(record)]);
    }
}

/// REPLCONF ACK.
pub fn acknowledge(state: &State, id: u64, offset: u64, durable: Option<u64>) {
    let (online, waits) = {
        let mut master = lock(&state.replication.master);
        (master.acknowledge(id, offset, durable, now_ms()), master.has_waits())
    };
    let waits = waits || lock(&state.replication.failover).stage().is_some();
    if online {
        state.replication.signals_of(id).online.notify_one();
    }
    if waits && let Some(actor) = state.replication.actor.get() {
        actor.do_send(Acknowledged);
    }
    if state.replication.refuses_writes.load(Ordering::Relaxed) {
        refresh(state);
    }
}

/// Looks again whether writes are to be refused, and which parts of the log slaves need.
pub fn refresh(state: &State) {
    let config = state.config();
    let (refuses, pins) = {
        let master = lock(&state.replication.master);
        state.replication.attached.store(master.count() > 0, Ordering::Release);
        (master.refuses_writes(&limits(&config), now_ms()), master.pins())
    };
    state.replication.refuses_writes.store(refuses, Ordering::Relaxed);
    let max_bytes = most_pinned(&config);
    let mut all = lock(&state.log.pins);
    all.retain(|pin| !pin.name.starts_with("replica "));
    all.extend(pins.into_iter().map(|(name, offset)| Pin { name, offset, max_bytes, until_ms: None }));
}

/// The most of the log that is kept for a slave, or for a checkpoint; bytes.
fn most_pinned(config: &Config) -> Option<u64> {
    let retained = config.get(options::BINLOG_RETENTION_BYTES);
    // Without a limit on the log there is none for slaves.
    (retained > 0).then(|| retained.saturating_mul(PINNED).max(LEAST_PINNED))
}

/// A slave that is behind may hold so many times the log that is kept anyway.
const PINNED: u64 = 4;
/// And at least so much of it; bytes.
const LEAST_PINNED: u64 = 1 << 30;
