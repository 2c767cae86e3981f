//! One server: its disk, its log, its data, its life. As a master it does what links do in the daemon
//! (`serving.rs`), as a slave what the link's task does (`following.rs`).

use std::collections::BTreeMap;

mod data;
mod following;
mod serving;

pub(super) use data::Data;
use data::{command, run, run_all};
use following::Loading;
pub(super) use serving::Checkpoint;
use serving::Incoming;

use super::super::history::History;
use super::super::master::{Limits, Master};
use super::super::refetch::Touched;
use super::super::slave::{Event, Slave, Stage};
use super::super::stream::Cutter;
use super::network::Network;
use super::{Broken, Others};
use crate::replication::ReplicationId;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) index: usize,
    pub(super) up: bool,
    /// Whom it follows.
    pub(super) master_of: Option<usize>,
    pub(super) history: History,
    pub(super) data: Data,
    pub(super) master: Master,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) full_until_ms: u64,
    pub(super) fetched: u64,
    pub(super) refetched: u64,
    pub(super) writes: u64,
    /// A stream that was cut at the wrong byte, at some time.
    pub(super) failure: Option<String>,
    broken: Broken,
    /// What the store has, at which offset.
    base: (Data, u64),
    /// The log from `first` on.
    log: Vec<u8>,
    first: u64,
    synced: u64,
    incoming: BTreeMap<u64, Incoming>,
    machine: Option<Slave>,
    link: Option<u64>,
    cutter: Cutter,
    transfer: Vec<u8>,
    loading: Option<Loading>,
    /// What differs cannot be told: everything is asked for.
    no_refetch: bool,
    ended_cleanly: Option<u64>,
    fresh: ReplicationId,
}

impl Node {
    pub(super) fn new(index: usize, id: ReplicationId, broken: Broken) -> Node {
        Node {
            index,
            up: true,
            master_of: None,
            history: History::new(id),
            data: Data::new(),
            master: Master::default(),
            checkpoint: None,
            full_until_ms: 0,
            fetched: 0,
            refetched: 0,
            no_refetch: false,
            writes: 0,
            failure: None,
            broken,
            base: (Data::new(), 0),
            log: Vec::new(),
            first: 0,
            synced: 0,
            incoming: BTreeMap::new(),
            machine: None,
            link: None,
            cutter: Cutter::new(1, 16, 0),
            transfer: Vec::new(),
            loading: None,
            ended_cleanly: None,
            fresh: id,
        }
    }

    /// What its log behind an offset can have written; `None` if it cannot be told.
    pub(super) fn touched_since(&self, offset: u64) -> Option<Touched> {
        let mut touched = Touched::default();
        let from = offset.checked_sub(self.first)?;
        touched.add_record(0, self.log.get(from as usize..)?).ok()?;
        Some(touched)
    }

    /// The end of its log.
    pub(super) fn end(&self) -> u64 {
        self.first + self.log.len() as u64
    }

    /// As REPLICAOF NO ONE decides.
    pub(super) fn may_be_promoted(&self) -> bool {
        self.up && self.stage().is_some_and(|stage| stage != Stage::Sync)
    }

    /// Whether the logs agree as far as both have them.
    pub(super) fn same_log(&self, other: &Node) -> bool {
        let from = self.first.max(other.first);
        let tail = |node: &Node| node.log.get((from - node.first) as usize..).unwrap_or_default().to_vec();
        tail(self) == tail(other)
    }

    fn append(&mut self, bytes: &[u8]) {
        self.log.extend_from_slice(bytes);
    }

    /// A client's write.
    pub(super) fn write(&mut self, random: &mut fastrand::Rng) {
        if self.master_of.is_some() {
            return;
        }
        self.writes += 1;
        let (key, value) = (format!("k{}", random.u8(..12)), format!("{}.", random.u16(..)));
        let (key, value) = (key.as_bytes(), value.as_bytes());
        let other = format!("k{}", random.u8(..12));
        let other = other.as_bytes();
        let words: &[&[u8]] = match random.u16(..600) {
            0..=80 => &[b"SET", key, value],
            81..=160 => &[b"DEL", key],
            // What is somewhere else then.
            161..=220 if other != key => &[b"RENAME", key, other],
            221..=280 if other != key => &[b"COPY", key, other, b"REPLACE"],
            281 => &[b"FLUSHALL"],
            // What depends on all that was before tells of everything that is missing, or comes twice.
            _ => &[b"APPEND", key, value],
        };
        run(&mut self.data, words);
        self.append(&command(words));
    }

    /// All is on disk.
    pub(super) fn flush(&mut self) {
        if self.up {
            self.synced = self.end();
            self.base = (self.data.clone(), self.end());
        }
    }

    /// The log lets go of what the store has.
    pub(super) fn cut_log(&mut self) {
        if !self.up {
            return;
        }
        let until = self.base.1;
        self.log.drain(..(until - self.first) as usize);
        self.first = until;
        if self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.of.offset < self.first) {
            self.checkpoint = None;
        }
    }

    /// The process ends; what was not synced is lost, or, if `lost` is false, was written all the same.
    pub(super) fn crash(&mut self, lost: bool, fresh: ReplicationId, keeps_name: bool) {
        self.up = false;
        if lost {
            self.log.truncate((self.synced - self.first) as usize);
        }
        self.synced = self.end();
        let (mut data, offset) = self.base.clone();
        run_all(&mut data, &self.log[(offset - self.first) as usize..]);
        self.data = data;
        self.forget_slaves();
        self.incoming.clear();
        (self.machine, self.link, self.loading) = (None, None, None);
        self.ended_cleanly = keeps_name.then(|| self.end());
        self.fresh = fresh;
    }

    fn forget_slaves(&mut self) {
        let counters = self.master.counters;
        self.master = Master::default();
        self.master.counters = counters;
    }

    /// It starts again. A slave is one by its configuration.
    pub(super) fn start(&mut self, now_ms: u64) {
        self.up = true;
        let end = self.end();
        if let Some(end) = self.ended_cleanly.take() {
            self.history.stop(end);
        }
        self.history.start(end, self.master_of.is_some(), self.fresh);
        self.machine = self.master_of.map(|_| Slave::new(now_ms));
    }

    /// REPLICAOF.
    pub(super) fn follow(&mut self, master: Option<usize>, now_ms: u64) {
        self.master_of = master;
        (self.link, self.loading) = (None, None);
        self.machine = master.map(|_| Slave::new(now_ms));
        self.checkpoint = None;
        if !self.incoming.is_empty() {
            self.incoming.clear();
            self.forget_slaves();
        }
    }

    /// REPLICAOF NO ONE.
    pub(super) fn promote(&mut self, fresh: ReplicationId) {
        self.follow(None, 0);
        self.synced = self.end();
        self.history.shift(fresh, self.end());
    }

    /// A connection is gone.
    pub(super) fn lost(
        &mut self,
        connection: u64,
        network: &mut Network,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) {
        if self.incoming.remove(&connection).is_some() {
            self.master.detach(connection);
        }
        if self.link == Some(connection) {
            self.link = None;
            self.tell(Event::Broken("the connection is lost"), network, now_ms, random);
        }
    }

    /// Time has passed: streams go on, loads end, the machine looks at the clock.
    pub(super) fn clock(
        &mut self,
        network: &mut Network,
        others: &Others,
        limits: &Limits,
        now_ms: u64,
        random: &mut fastrand::Rng,
    ) {
        self.serve(network, limits, now_ms, random);
        if self.loading.as_ref().is_some_and(|loading| now_ms >= loading.at_ms) {
            self.loaded(others, network, now_ms, random);
        }
        if self.machine.is_some() {
            self.tell(Event::Clock, network, now_ms, random);
        }
    }
}
