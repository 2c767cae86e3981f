//! The log's file: who appends, who syncs, who is told.
//!
//! With `appendfsync everysec` or `no` a partition writes its group itself, under a lock that is held for one
//! `write()` into the page cache: no thread hop between a command and its reply. With `always`, and when a
//! segment is full (the old one is synced first), groups go to the [`Binlog`] actor, whose thread may wait for
//! the disk; it commits all groups that arrived meanwhile with one sync. fsync never runs on a serving thread.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use actix::prelude::*;
use pika_core::binlog::{self, Facts, Record, Recovered, Segment, Sequencer, Writer, retention};
use pika_core::config::Config;
use pika_core::config::choice::AppendFsync;
use pika_core::config::options;

use crate::message::{Append, Logged};
use crate::replication::feed::Feed;
use crate::state::{State, lock, now_ms};

/// Opens the log of a data folder, or begins one at `at_least`.
///
/// # Errors
/// For the operator.
pub fn open_log(config: &Config, at_least: u64) -> Result<Recovered, String> {
    let folder = Path::new(config.get(options::DIR)).join("binlog");
    let log_options = binlog::Options {
        segment_bytes: config.get(options::BINLOG_SEGMENT_SIZE),
        salt: fastrand::u64(..),
        now_ms: now_ms(),
        refuses_torn_tail: !config.get(options::AOF_LOAD_TRUNCATED),
        ..binlog::Options::default()
    };
    binlog::open(Arc::new(pika_core::files::Real), &folder, at_least, log_options)
        .map_err(|error| format!("binlog: {error}"))
}

/// Removes a log whose data is gone, durably.
///
/// # Errors
/// For the operator.
pub fn remove_log(folder: &Path) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    std::fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(fail)
}

#[derive(Debug)]
struct Inner {
    sequencer: Sequencer,
    writer: Writer,
}

/// The log, shared.
#[derive(Debug)]
pub struct Log {
    inner: Mutex<Inner>,
    logger: slog::Logger,
    /// Everything before is written (and synced, if the policy is `always`).
    committed: AtomicU64,
    synced: AtomicU64,
    /// Groups go to the actor.
    detour: AtomicBool,
    always: AtomicBool,
    segment_bytes: AtomicU64,
    /// Held while segments are removed, so that they go in order.
    removing: Mutex<()>,
    /// Shared by those that sync.
    syncing: RwLock<()>,
    waiters: Mutex<()>,
    progress: Condvar,
    /// The actor, once it runs.
    pub actor: OnceLock<Addr<Binlog>>,
    /// What slaves read.
    pub feed: Feed,
    /// Offsets that backups and slaves hold.
    pub pins: Mutex<Vec<retention::Pin>>,
}

impl Log {
    /// Over a writer that recovery opened.
    pub fn new(writer: Writer, segment_bytes: u64, always: bool, logger: slog::Logger) -> Log {
        let end = writer.written_offset();
        Log {
            inner: Mutex::new(Inner { sequencer: Sequencer::new(end), writer }),
            logger,
            committed: AtomicU64::new(end),
            synced: AtomicU64::new(end),
            detour: AtomicBool::new(always),
            always: AtomicBool::new(always),
            segment_bytes: AtomicU64::new(segment_bytes),
            removing: Mutex::default(),
            syncing: RwLock::default(),
            waiters: Mutex::default(),
            progress: Condvar::new(),
            actor: OnceLock::new(),
            feed: Feed::default(),
            pins: Mutex::default(),
        }
    }

    /// Appends a partition's group, or sends it to the actor. Returns how far the log is committed.
    pub fn submit(&self, records: Vec<Record>) -> u64 {
        if self.detour.load(Ordering::Acquire) {
            if let Some(actor) = self.actor.get() {
                actor.do_send(Append(records));
            }
            return self.committed();
        }
        let mut inner = lock(&self.inner);
        let bytes: u64 = records.iter().map(|record| record.payload.len() as u64 + 64).sum();
        let tail = inner.writer.segments().last().map_or(0, |segment| segment.bytes);
        if tail + bytes > self.segment_bytes.load(Ordering::Relaxed)
            && let Some(actor) = self.actor.get()
        {
            self.detour.store(true, Ordering::Release);
            drop(inner);
            actor.do_send(Append(records));
            return self.committed();
        }
        let mine = records.len();
        let appended = self.append(&mut inner, records);
        let written = inner.writer.written_offset();
        drop(inner);
        self.commit(written);
        if appended > mine
            && let Some(actor) = self.actor.get()
        {
            // Records of other partitions had waited for these: theirs must be told.
            actor.do_send(Append(Vec::new()));
        }
        written
    }

    /// Appends what is next in order; how many records that was.
    fn append(&self, inner: &mut Inner, records: Vec<Record>) -> usize {
        let mut ready = Vec::with_capacity(records.len());
        let result = records
            .into_iter()
            .try_for_each(|record| inner.sequencer.push(record, &mut ready))
            .and_then(|()| if ready.is_empty() { Ok(0) } else { inner.writer.append(&ready) });
        if let Err(error) = result {
            crate::server::fail_stop(&self.logger, &format!("binlog: {error}"));
        }
        self.feed.push(&ready);
        ready.len()
    }

    fn commit(&self, offset: u64) {
        self.committed.fetch_max(offset, Ordering::Release);
        self.feed.wake();
    }

    /// Appends a piece of a master's stream, at its offsets; with `appendfsync always`, durably. Returns how far the
    /// log is then. Only for the thread of the link, which may wait for the disk.
    pub fn append_followed(&self, records: Vec<Record>) -> u64 {
        let mut inner = lock(&self.inner);
        self.append(&mut inner, records);
        let written = inner.writer.written_offset();
        drop(inner);
        if self.always.load(Ordering::Acquire) {
            self.sync();
        }
        self.commit(written);
        self.progress.notify_all();
        written
    }

    /// Throws the log away and begins one at `offset`. Only while no partition can append, on a thread that may wait.
    ///
    /// # Errors
    /// For the operator; what is left of either log is anybody's guess, so the process must end.
    pub fn restart(&self, offset: u64, config: &Config) -> Result<(), String> {
        let folder = Path::new(config.get(options::DIR)).join("binlog");
        // What is under way is about the old log.
        let _removed = lock(&self.removing);
        let _synced = self.syncing.write().unwrap_or_else(PoisonError::into_inner);
        let mut inner = lock(&self.inner);
        remove_log(&folder)?;
        let writer = open_log(config, offset)?.writer;
        *inner = Inner { sequencer: Sequencer::new(offset), writer };
        self.committed.store(offset, Ordering::Release);
        self.synced.store(offset, Ordering::Release);
        Ok(())
    }

    /// How far writes may be answered: written, or synced if the policy is `always`.
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// How far the log is on disk.
    pub fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Waits until the log has everything before `offset`. Only for threads that serve no one.
    pub fn wait_written(&self, offset: u64) {
        let mut guard = lock(&self.waiters);
        while self.committed() < offset {
            // A commit that comes between the look and the wait is seen at the time-out.
            let waited = self.progress.wait_timeout(guard, Duration::from_millis(1));
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Syncs, if the disk does not have everything before `offset`. Only for threads that serve no one.
    pub fn sync_to(&self, offset: u64) {
        self.wait_written(offset);
        if self.synced() < offset {
            self.sync();
        }
    }

    /// Syncs what is written. The lock is free meanwhile.
    pub fn sync(&self) {
        let _of_one_log = self.syncing.read().unwrap_or_else(PoisonError::into_inner);
        let handle = lock(&self.inner).writer.sync_handle();
        let result = handle.sync().and_then(|end| {
            lock(&self.inner).writer.synced(end)?;
            Ok(end)
        });
        match result {
            Ok(end) => {
                self.synced.fetch_max(end, Ordering::Release);
            }
            Err(error) => crate::server::fail_stop(&self.logger, &format!("binlog sync: {error}")),
        }
    }

    /// Removes the segments that `plan` chooses; how many, and their bytes. Only for threads that serve no one: the
    /// files go while others append.
    ///
    /// # Errors
    /// Nobody knows what is on disk then, so the process must end.
    pub fn remove(&self, plan: impl FnOnce(&[Segment]) -> Vec<Segment>) -> binlog::Result<(usize, u64)> {
        let _in_order = lock(&self.removing);
        let (count, removal) = self.with_writer(|writer| {
            let segments = plan(writer.segments());
            writer.remove(&segments).map(|removal| (segments.len(), removal))
        })?;
        removal.perform().map(|bytes| (count, bytes))
    }

    /// Facts for INFO.
    pub fn facts(&self) -> Facts {
        lock(&self.inner).writer.facts()
    }

    /// Runs something short on the writer, with nothing appended meanwhile.
    pub fn with_writer<T>(&self, run: impl FnOnce(&mut Writer) -> T) -> T {
        run(&mut lock(&self.inner).writer)
    }

    /// Takes over `appendfsync` and the segments' size.
    pub fn configure(&self, policy: AppendFsync, segment_bytes: u64) {
        self.segment_bytes.store(segment_bytes, Ordering::Relaxed);
        let always = policy == AppendFsync::Always;
        self.always.store(always, Ordering::Release);
        if always {
            self.detour.store(true, Ordering::Release);
        }
        // From `always` to another: the actor ends the detour with its next group.
    }
}

/// The actor: groups that may have to wait for the disk, the sync every second, retention.
#[derive(Debug)]
pub struct Binlog {
    state: Arc<State>,
    queue: Vec<Record>,
    flush_sent: bool,
}

impl Binlog {
    /// The actor for a server.
    pub fn new(state: Arc<State>) -> Binlog {
        Binlog { state, queue: Vec::new(), flush_sent: false }
    }

    fn every_second(&mut self) {
        let config = self.state.config();
        let log = &self.state.log;
        if config.get(options::APPENDFSYNC) == AppendFsync::EverySecond && log.synced() < log.committed() {
            log.sync();
        }
        self.retain();
        for partition in self.state.partitions() {
            partition.do_send(crate::message::Control::Advance);
        }
        if !log.always.load(Ordering::Acquire) && self.queue.is_empty() {
            self.end_detour();
        }
    }

    fn end_detour(&mut self) {
        self.state.log.detour.store(self.state.log.always.load(Ordering::Acquire), Ordering::Release);
    }

    /// Removes segments that nothing needs.
    fn retain(&self) {
        let config = self.state.config();
        let limit = |value: u64| (value > 0).then_some(value);
        let policy = retention::Policy {
            max_bytes: limit(config.get(options::BINLOG_RETENTION_BYTES)),
            max_age_ms: limit(config.get(options::BINLOG_RETENTION_AGE).saturating_mul(1000)),
            now_ms: now_ms(),
        };
        let flushed = self.state.write_behind.flushed.load(Ordering::Acquire);
        let pins = lock(&self.state.log.pins).clone();
        let mut dropped = Vec::new();
        let removed = self.state.log.remove(|segments| {
            let plan = retention::retain(segments, &policy, flushed, &pins);
            dropped = plan.dropped_pins;
            plan.remove
        });
        if !dropped.is_empty() {
            slog::warn!(self.state.logger, "the log is cut though it is still needed: it would grow beyond its limit";
                "by" => dropped.join(", "));
        }
        match removed {
            Ok((0, _)) => {}
            Ok((_, bytes)) => slog::info!(self.state.logger, "removed old log segments"; "bytes" => bytes),
            Err(error) => crate::server::fail_stop(&self.state.logger, &format!("binlog retention: {error}")),
        }
    }
}

impl Actor for Binlog {
    type Context = Context<Binlog>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(Duration::from_secs(1), |binlog, _| binlog.every_second());
    }
}

impl Handler<Append> for Binlog {
    type Result = ();

    fn handle(&mut self, Append(records): Append, ctx: &mut Self::Context) {
        self.queue.extend(records);
        if !self.flush_sent {
            // Runs when the mailbox is empty: all groups that arrived meanwhile share one write and one sync.
            self.flush_sent = true;
            ctx.notify(Commit);
        }
    }
}

/// Binlog → itself: the mailbox is empty, commit what it brought.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct Commit;

impl Handler<Commit> for Binlog {
    type Result = ();

    fn handle(&mut self, _: Commit, _: &mut Self::Context) {
        self.flush_sent = false;
        let records = std::mem::take(&mut self.queue);
        let log = &self.state.log;
        let written = {
            let mut inner = lock(&log.inner);
            log.append(&mut inner, records);
            inner.writer.written_offset()
        };
        if log.always.load(Ordering::Acquire) {
            log.sync();
        }
        log.commit(written);
        log.progress.notify_all();
        for partition in self.state.partitions() {
            partition.do_send(Logged(written));
        }
        self.end_detour();
    }
}
