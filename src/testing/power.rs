//! Partitions, the real log on a simulated disk, and a store below them, whose power is taken at every operation of
//! the disk. Whatever was acknowledged is there afterwards, and what is there is a prefix of what was done.
//!
//! The store is the engine in memory, and a copy of it as of its last flush, which is what a crash leaves: RocksDB has
//! no log of its own, so a killed process loses its memtables as well.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

mod script;

use super::MiniServer;
use crate::binlog::{self, Error, Options, Reader, Record, Writer, retention};
use crate::engine::memory::MemoryEngine;
use crate::files::{Files, Loss, Simulated, Stop};
use crate::keyspace::partition::LogRecord;
use crate::keyspace::{recovery, write_behind};

/// What `appendfsync` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// Answers wait for the disk.
    Always,
    /// The log is synced now and then.
    EverySecond,
    /// The log is synced when a flush needs it.
    No,
}

/// A server with a disk.
struct Machine {
    server: MiniServer,
    writer: Writer,
    files: Simulated,
    /// The store's files.
    flushed: MemoryEngine,
    /// All records that were ever made, in the order of their offsets.
    made: Vec<LogRecord>,
    /// Up to where clients were answered.
    acknowledged: u64,
    policy: Policy,
    /// A log that ought to be synced before a flush is not: what the tests must notice.
    careless: bool,
}

fn folder() -> &'static Path {
    Path::new("/log")
}

fn options() -> Options {
    Options { segment_bytes: 3000, salt: 0x5eed, now_ms: 1_700_000_000_000, ..Options::default() }
}

fn to_record(record: &LogRecord) -> Record {
    Record {
        offset: record.offset,
        clock_ms: record.clock_ms,
        database: record.database,
        first_slot: record.first_slot,
        last_slot: record.last_slot,
        payload: Bytes::from(record.payload.clone()),
    }
}

impl Machine {
    /// Starts as the daemon does: the store, the log, replay.
    fn start(
        files: Simulated,
        flushed: MemoryEngine,
        partitions: usize,
        policy: Policy,
    ) -> Result<Machine, Error> {
        let engine = flushed.fork();
        let found = recovery::read(&engine, 16).expect("what was flushed is sound");
        let shared_files: Arc<dyn Files> = Arc::new(files.clone());
        let recovered = binlog::open(shared_files.clone(), folder(), found.reaches(), options())?;
        let end = recovered.end_offset;
        let mut records = Vec::new();
        if found.replay_from() < end {
            let mut reader = Reader::open(shared_files, folder(), found.replay_from(), end)?;
            while let Some(record) = reader.read()? {
                records.push(record.into());
            }
        }
        // Panics if a record is refused.
        let mut server = MiniServer::open(engine, partitions, records);
        server.log.clear();
        server.partitions[0].shared.set_next_offset(end);
        server.write_behind();
        Ok(Machine {
            server,
            writer: recovered.writer,
            files,
            flushed,
            made: Vec::new(),
            acknowledged: end,
            policy,
            careless: false,
        })
    }

    /// Some clients' commands in one tick: one append, and the answers when the policy lets them go.
    fn tick(&mut self, random: &mut fastrand::Rng) -> Result<(), Error> {
        script::run(&mut self.server, random);
        let records = std::mem::take(&mut self.server.log);
        self.made.extend_from_slice(&records);
        let group: Vec<Record> = records.iter().map(to_record).collect();
        if !group.is_empty() {
            self.writer.append(&group)?;
        }
        if self.policy == Policy::Always {
            self.writer.sync()?;
        }
        self.acknowledged = self.made.last().map_or(self.acknowledged, LogRecord::end);
        Ok(())
    }

    /// What the other threads do between ticks.
    fn background(&mut self, random: &mut fastrand::Rng) -> Result<(), Error> {
        match random.u8(0..10) {
            0 if self.policy == Policy::EverySecond => drop(self.writer.sync()?),
            1..=3 => self.write_behind(),
            4 => {
                self.write_behind();
                self.flush()?;
            }
            5 => drop(write_behind::reclaim_orphans(&self.server.engine, 1).expect("memory does not fail")),
            6 => {
                let reach = recovery::read(&self.flushed, 16).expect("it is sound").replay_from();
                let policy = retention::Policy { max_bytes: Some(4000), ..retention::Policy::default() };
                let plan = retention::retain(self.writer.segments(), &policy, reach, &[]);
                self.writer.remove(&plan.remove)?.perform()?;
            }
            7 => self.server.now_ms += random.u64(0..2000),
            8 => self.server.expire(),
            _ => {}
        }
        Ok(())
    }

    fn write_behind(&mut self) {
        self.server.partitions.iter_mut().for_each(|partition| {
            partition.advance();
        });
        self.server.write_behind();
    }

    /// The log first, then the store.
    fn flush(&mut self) -> Result<(), Error> {
        if !self.careless {
            self.writer.sync()?;
        }
        self.flushed = self.server.engine.fork();
        Ok(())
    }

    fn run(&mut self, random: &mut fastrand::Rng, ticks: usize) -> Result<(), Error> {
        (0..ticks).try_for_each(|_| {
            self.tick(random)?;
            self.background(random)
        })
    }
}

/// One life up to an operation of the disk at which the power goes, and what a start makes of what is left; the text
/// says what is wrong with that.
fn crashed(at: u64, case: &Case) -> Result<(), String> {
    let text = |error: Error| error.to_string();
    let mut random = fastrand::Rng::with_seed(case.seed);
    let (files, empty) = (Simulated::new(), MemoryEngine::new());
    let mut machine = Machine::start(files, empty, case.partitions, case.policy).map_err(text)?;
    machine.careless = case.careless;
    machine.files.ignore_sync(case.lying);
    machine.files.stop_at(at, case.stop);
    let result = machine.run(&mut random, TICKS);
    assert_eq!(result.is_ok(), at == u64::MAX, "the run met the stop at {at}");
    let Machine { files, flushed, made, acknowledged, server, .. } = machine;
    let now_ms = server.now_ms;
    drop(server);
    files.crash(case.loss);
    files.ignore_sync(false);

    let mut again = Machine::start(files, flushed, case.partitions_after, Policy::Always).map_err(text)?;
    let end = again.acknowledged;
    if case.policy == Policy::Always && end < acknowledged {
        return Err(format!("acknowledged up to {acknowledged}, and the log ends at {end}"));
    }
    again.server.now_ms = now_ms;
    let prefix: Vec<LogRecord> = made.iter().filter(|record| record.end() <= end).cloned().collect();
    if prefix.last().map_or(0, LogRecord::end) != end {
        return Err(format!("the log ends at {end}, where no record did"));
    }
    let mut expected = MiniServer::open(MemoryEngine::new(), 1, prefix.clone());
    expected.now_ms = now_ms;
    if script::visible(&mut again.server) != script::visible(&mut expected) {
        return Err(format!("the data is not what the log says up to {end}"));
    }
    // It serves again, and keeps what it acknowledges now.
    again.run(&mut random, 4).map_err(text)?;
    let Machine { files, flushed, made, acknowledged, server, .. } = again;
    files.crash(Loss::All);
    let mut third = Machine::start(files, flushed, 2, Policy::Always).map_err(text)?;
    if third.acknowledged != acknowledged.max(end) {
        return Err("what was acknowledged after the crash is not there".into());
    }
    third.server.now_ms = server.now_ms;
    let all: Vec<LogRecord> = prefix.into_iter().chain(made).collect();
    let mut expected = MiniServer::open(MemoryEngine::new(), 3, all);
    expected.now_ms = server.now_ms;
    if script::visible(&mut third.server) != script::visible(&mut expected) {
        return Err("what was written after the crash is not the same".into());
    }
    Ok(())
}

const TICKS: usize = 40;

#[derive(Debug, Clone, Copy)]
struct Case {
    seed: u64,
    policy: Policy,
    stop: Stop,
    loss: Loss,
    partitions: usize,
    partitions_after: usize,
    lying: bool,
    careless: bool,
}

impl Case {
    /// A life, and the power taken at its operation `at`. Losses, stops and the partitions of the next start take
    /// turns.
    fn new(policy: Policy, seed: u64, at: u64) -> Case {
        let turn = at + seed;
        let loss = match turn % 4 {
            0 => Loss::All,
            1 => Loss::None,
            2 => Loss::Prefix { seed: at },
            _ => Loss::Scattered { seed: at },
        };
        let stop = if (turn / 4).is_multiple_of(2) { Stop::Before } else { Stop::After };
        let partitions = [1, 3, 2][(seed % 3) as usize];
        let partitions_after = if turn.is_multiple_of(5) { 2 } else { partitions };
        Case { seed, policy, stop, loss, partitions, partitions_after, lying: false, careless: false }
    }
}

/// How many operations of the disk a life takes.
fn operations(case: &Case) -> u64 {
    let mut random = fastrand::Rng::with_seed(case.seed);
    let mut machine =
        Machine::start(Simulated::new(), MemoryEngine::new(), case.partitions, case.policy).unwrap();
    machine.careless = case.careless;
    machine.run(&mut random, TICKS).unwrap();
    machine.files.operations()
}

fn every_stop(policy: Policy) {
    let started =
        Machine::start(Simulated::new(), MemoryEngine::new(), 1, policy).unwrap().files.operations();
    let mut met = 0;
    for seed in 0..3 {
        for at in started + 1..=operations(&Case::new(policy, seed, 0)) {
            let case = Case::new(policy, seed, at);
            crashed(at, &case).unwrap_or_else(|what| panic!("at {at}, {case:?}: {what}"));
            met += 1;
        }
    }
    assert!(met > 150, "{met}");
}

#[test]
fn always_keeps_what_was_acknowledged() {
    every_stop(Policy::Always);
}

#[test]
fn everysec_keeps_a_prefix() {
    every_stop(Policy::EverySecond);
}

#[test]
fn no_keeps_a_prefix() {
    every_stop(Policy::No);
}

#[test]
fn nothing_is_lost_without_a_crash() {
    for seed in 0..10 {
        for partitions in [1, 3] {
            let case = Case { loss: Loss::None, partitions, ..Case::new(Policy::No, seed, 0) };
            crashed(u64::MAX, &case).unwrap_or_else(|what| panic!("{case:?}: {what}"));
        }
    }
}

/// The canaries: were a sync left out, be it before an answer or before a flush, the checks above would say so.
#[test]
fn a_sync_left_out_is_noticed() {
    for (policy, lying, careless) in [(Policy::Always, true, false), (Policy::No, false, true)] {
        let mut noticed = 0;
        for seed in 0..60 {
            let case = Case { loss: Loss::All, lying, careless, ..Case::new(policy, seed, 0) };
            noticed += u32::from(crashed(operations(&case), &case).is_err());
        }
        assert!(noticed > 15, "{policy:?}: {noticed}");
    }
}
