//! The only writer of RocksDB: takes what partitions hand off, and asks for flushes.
//!
//! It never writes what the log lacks, and never lets a memtable go to disk before the log is synced as far as
//! the memtable reaches: so that after any crash the log covers the data.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pika_core::engine::rocks::RocksEngine;
use pika_core::engine::{Engine, EngineError, Family, Range};
use pika_core::keyspace::write_behind::{HandOff, WriteBehind};

use crate::binlog::Log;
use crate::message::AppliedHandOff;
use crate::reads::GIVES_WAY;
use crate::state::{State, lock};

/// How often dead collections are looked for.
const RECLAIM_PERIOD: Duration = Duration::from_millis(200);
/// Dead collections whose elements are removed at a time.
const RECLAIM_COLLECTIONS: usize = 64;
/// How often files of flushed databases are dropped, at the most.
const DROP_PERIOD: Duration = Duration::from_secs(1);
/// How long after a flushed database the store is compacted, at the earliest after the last time.
const COMPACT_PERIOD: Duration = Duration::from_secs(60);

/// What the thread is asked to do, in order.
#[derive(Debug)]
pub enum Job {
    /// Write these as one batch and tell their partitions.
    Apply(Vec<HandOff>),
    /// Put everything on disk, and answer.
    Flush(Sender<()>),
    /// Copy the store into this folder as it is now, and answer.
    Checkpoint(std::path::PathBuf, Sender<Result<(), String>>),
    /// Do this, as the one who writes the store.
    Run(Errand),
    /// Put everything on disk, close the store, and answer.
    Stop(Sender<()>),
}

/// Where jobs go.
#[derive(Debug, Clone)]
pub struct WriteBehindHandle {
    jobs: Sender<Job>,
    /// The offset that RocksDB's files reach.
    pub flushed: Arc<AtomicU64>,
}

impl WriteBehindHandle {
    /// The handle and the queue for [`Writer::start`]. `flushed` is the offset that the files reach already.
    pub fn new(flushed: u64) -> (WriteBehindHandle, Receiver<Job>) {
        let (jobs, queue) = channel();
        (WriteBehindHandle { jobs, flushed: Arc::new(AtomicU64::new(flushed)) }, queue)
    }

    /// Adds a job.
    pub fn send(&self, job: Job) {
        // The thread outlives all senders but those of a process that is ending.
        let _ = self.jobs.send(job);
    }

    /// Flushes, and waits for it.
    pub fn flush(&self) {
        let (done, wait) = channel();
        self.send(Job::Flush(done));
        let _ = wait.recv();
    }
}

/// What someone else wants done with the store, between two batches.
pub struct Errand(pub Box<ErrandRun>);

/// What is done, by the thread that writes the store.
pub type ErrandRun = dyn FnOnce(&mut Writer) -> Result<(), EngineError> + Send;

impl std::fmt::Debug for Errand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Errand")
    }
}

/// The thread's state.
#[derive(Debug)]
pub struct Writer {
    /// The store.
    pub engine: RocksEngine,
    log: Arc<Log>,
    state: Arc<State>,
    core: WriteBehind,
    /// How far each partition's hand-offs reach.
    reaches: Vec<u64>,
    /// A flush is under way and will reach this offset.
    flushing: Option<u64>,
    flushed: Arc<AtomicU64>,
    replay_limit: u64,
    reclaimed_at: Instant,
    compacted_at: Instant,
    /// Namespaces whose keys a compaction has dropped, once it ended.
    dropped: Arc<Mutex<Vec<u32>>>,
    /// Databases were flushed since files were last looked for that have nothing else.
    died: bool,
    dropped_at: Instant,
}

impl Writer {
    /// The writer. `reaches` are the offsets that the store has reached, on disk or in memory, by partition.
    pub fn new(state: Arc<State>, replay_limit: u64, core: WriteBehind, reaches: Vec<u64>) -> Writer {
        Writer {
            engine: state.engine.clone(),
            log: state.log.clone(),
            core,
            reaches,
            flushing: None,
            flushed: state.write_behind.flushed.clone(),
            replay_limit,
            reclaimed_at: Instant::now(),
            compacted_at: Instant::now(),
            dropped: Arc::default(),
            died: false,
            dropped_at: Instant::now(),
            state,
        }
    }

    /// Starts the thread, once there are partitions to tell of what was written.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(mut self, queue: Receiver<Job>) -> std::io::Result<()> {
        std::thread::Builder::new().name("pika-writer".into()).spawn(move || self.run(&queue)).map(|_| ())
    }

    fn run(&mut self, queue: &Receiver<Job>) {
        crate::system::give_way(GIVES_WAY);
        loop {
            match queue.recv_timeout(Duration::from_millis(100)) {
                Ok(job) => {
                    if let Err(error) = self.perform(job) {
                        crate::server::fail_stop(&self.state.logger, &format!("write-behind: {error}"));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.flush_if_due();
            if self.reclaimed_at.elapsed() >= RECLAIM_PERIOD {
                self.reclaimed_at = Instant::now();
                if let Err(error) = self.reclaim() {
                    crate::server::fail_stop(&self.state.logger, &format!("reclaimer: {error}"));
                }
            }
        }
    }

    /// Removes elements of collections that died, a few collections at a time; drops what flushed databases had; and
    /// lets go of namespaces whose keys a compaction has dropped.
    fn reclaim(&mut self) -> Result<(), EngineError> {
        if self.died && self.dropped_at.elapsed() >= DROP_PERIOD {
            self.reclaim_namespaces()?;
        }
        pika_core::keyspace::write_behind::reclaim_orphans(&self.engine, RECLAIM_COLLECTIONS)?;
        let dropped = std::mem::take(&mut *lock(&self.dropped));
        if !dropped.is_empty() {
            pika_core::keyspace::write_behind::forget_namespaces(&self.engine, &dropped)?;
        }
        if self.compacted_at.elapsed() >= COMPACT_PERIOD {
            self.compacted_at = Instant::now();
            let dead = pika_core::keyspace::recovery::read(&self.engine, 1)?.dead;
            if !dead.is_empty() {
                self.compact_for(dead)?;
            }
        }
        Ok(())
    }

    /// Has all of the store rewritten without the keys of dead namespaces, on a thread of its own.
    fn compact_for(&mut self, dead: Vec<u32>) -> Result<(), EngineError> {
        if !crate::compaction::begin(&self.state) {
            return Ok(());
        }
        // The marks must be on disk before what they are about goes.
        self.flush_and_wait()?;
        self.engine.set_dead_namespaces(dead.iter().copied());
        let (state, dropped) = (self.state.clone(), self.dropped.clone());
        std::thread::Builder::new()
            .name("pika-reclaim".into())
            .spawn(move || {
                crate::compaction::run(&state, &crate::compaction::everything(&state));
                if !state.stopping.load(Ordering::Acquire) {
                    lock(&dropped).extend(dead);
                }
                crate::compaction::end(&state);
            })
            .map(|_| ())
            .map_err(|error| EngineError(error.to_string()))
    }

    fn perform(&mut self, job: Job) -> Result<(), EngineError> {
        match job {
            Job::Apply(hand_offs) => {
                for applied in self.apply(hand_offs)? {
                    if let Some(partition) = self.state.partitions().get(applied.partition) {
                        partition.do_send(AppliedHandOff(applied));
                    }
                }
            }
            Job::Flush(done) => {
                self.flush_and_wait()?;
                let _ = done.send(());
            }
            Job::Checkpoint(folder, done) => {
                let result = self.flush_and_wait().and_then(|()| self.engine.checkpoint(&folder));
                let _ = done.send(result.map_err(|error| error.to_string()));
            }
            Job::Run(Errand(errand)) => errand(self)?,
            Job::Stop(done) => {
                self.flush_and_wait()?;
                self.engine.close();
                let _ = done.send(());
            }
        }
        Ok(())
    }

    fn apply(
        &mut self,
        hand_offs: Vec<HandOff>,
    ) -> Result<Vec<pika_core::keyspace::write_behind::Applied>, EngineError> {
        let reach = hand_offs.iter().map(|hand_off| hand_off.reach).max().unwrap_or(0);
        let reaches: Vec<(usize, u64)> =
            hand_offs.iter().map(|hand_off| (hand_off.partition, hand_off.reach)).collect();
        let died = hand_offs.iter().any(|hand_off| !hand_off.dead.is_empty());
        // A compaction puts memtables on disk when it likes: the log must be there before.
        if self.state.compacting.load(Ordering::Acquire) {
            self.log.sync_to(reach);
        } else {
            self.log.wait_written(reach);
        }
        let applied = self.core.apply(&self.engine, hand_offs)?;
        for (partition, reach) in reaches {
            self.reaches[partition] = reach;
        }
        self.died |= died;
        // At once, before anything newer is in the files; but someone may flush all the time.
        if self.died && self.dropped_at.elapsed() >= DROP_PERIOD {
            self.reclaim_namespaces()?;
        }
        Ok(applied)
    }

    /// After FLUSHALL nothing in the store is alive: whole files go at once, before anything newer is in them. First
    /// the flush itself must be on disk: else a loss of power could take it back, and find the files gone.
    fn reclaim_namespaces(&mut self) -> Result<(), EngineError> {
        self.died = false;
        self.dropped_at = Instant::now();
        if self.engine.property("rocksdb.total-sst-files-size") == Some(0) {
            return Ok(());
        }
        self.flush_and_wait()?;
        let found = pika_core::keyspace::recovery::read(&self.engine, 1)?;
        self.engine.set_dead_namespaces(found.dead.iter().copied());
        if found.is_empty() {
            for family in [Family::Meta, Family::Element, Family::Expiry] {
                self.engine.drop_files(family, &Range::default())?;
            }
        }
        Ok(())
    }

    /// Begins a flush when the memtables are full, or when a restart would have to replay too much.
    fn flush_if_due(&mut self) {
        if let Some(reach) = self.flushing
            && self.engine.property("rocksdb.num-immutable-mem-table") == Some(0)
        {
            self.flushed.store(reach, Ordering::Release);
            self.flushing = None;
        }
        let flushed = self.flushing.unwrap_or_else(|| self.flushed.load(Ordering::Relaxed));
        let full = self.engine.unflushed_bytes() >= self.engine.options().write_buffer_bytes as u64;
        let long = self.common_reach().saturating_sub(flushed) >= self.replay_limit;
        if full || long {
            self.sync_log();
            if let Err(error) = self.engine.flush(false) {
                crate::server::fail_stop(&self.state.logger, &format!("flush: {error}"));
            }
            self.flushing = Some(self.common_reach());
        }
    }

    /// All data is other data now, that reaches `offset` of another log; the store's files have it.
    pub fn replaced(&mut self, offset: u64) {
        self.core = WriteBehind::default();
        self.reaches.fill(offset);
        self.flushing = None;
        self.flushed.store(offset, Ordering::Release);
    }

    /// Puts all that was written on disk, the log first.
    ///
    /// # Errors
    /// The store's.
    pub fn flush_and_wait(&mut self) -> Result<(), EngineError> {
        self.sync_log();
        self.engine.flush(true)?;
        self.flushing = None;
        self.flushed.store(self.common_reach(), Ordering::Release);
        Ok(())
    }

    /// Everything before it is in the store, whichever partition it is of.
    fn common_reach(&self) -> u64 {
        self.reaches.iter().copied().min().unwrap_or(0)
    }

    /// The log must be on disk as far as any memtable reaches before one goes there.
    fn sync_log(&self) {
        self.log.sync_to(self.reaches.iter().copied().max().unwrap_or(0));
    }
}
