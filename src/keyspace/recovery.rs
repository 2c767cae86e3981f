//! From what is in the engine and the log to running partitions.
//!
//! The engine holds, for each range of slots, the log offset that its data reaches. Records above it are run
//! again, by the clock that they carry; those at or below are skipped. A record over several partitions was
//! handed off as one batch, so all slots that it touched agree on whether it is in the engine.

use std::sync::Arc;

use super::counts::AllCounts;
use super::namespace::Namespaces;
use super::partition::{LogRecord, Partition, Shared};
use super::slot::{self, SLOTS};
use super::transaction::{Reach, Source};
use super::write_behind::{self, parse_position};
use crate::commands::execute::{Environment, Halt, execute, key_run};
use crate::commands::{Args, Settings, table};
use crate::encoding::key::Version;
use crate::engine::{Batch, Change, Engine, EngineError, Family, Range, Read, ReadError, Tier};
use crate::resp::{Limits, Parser, Protocol, Reply};

/// What the engine says about itself.
#[derive(Debug)]
pub struct Found {
    /// The databases.
    pub namespaces: Namespaces,
    /// Sum of all partitions' numbers.
    pub counts: AllCounts,
    /// The lowest collection version not in use.
    pub next_version: Version,
    /// Namespaces that died, whose keys compaction drops.
    pub dead: Vec<crate::encoding::key::Namespace>,
    /// For each slot, the log offset that its data reaches.
    position: Vec<u64>,
    /// Keys under which the partitions of the last run left their counts.
    counts_keys: Vec<Vec<u8>>,
    /// Positions as they were found: key, slots, offset.
    positions: Vec<(Vec<u8>, std::ops::Range<usize>, u64)>,
}

impl Found {
    /// The lowest offset that any slot's data reaches: replay begins there.
    pub fn replay_from(&self) -> u64 {
        self.position.iter().copied().min().unwrap_or(0)
    }

    /// Whether no database has a key. Blind writes count when they are settled, and all that the engine has are.
    pub fn is_empty(&self) -> bool {
        (0..self.namespaces.databases())
            .all(|database| self.counts.of(self.namespaces.of(database)).keys() == 0)
    }

    /// The highest offset that any slot's data reaches.
    pub fn reaches(&self) -> u64 {
        self.position.iter().copied().max().unwrap_or(0)
    }
}

/// Reads the System family. A new, empty engine is at offset 0 with nothing in it.
pub fn read(engine: &dyn Read, databases: usize) -> Result<Found, EngineError> {
    let mut found = Found {
        namespaces: Namespaces::new(databases),
        counts: AllCounts::default(),
        next_version: 1,
        dead: Vec::new(),
        position: vec![0; usize::from(SLOTS)],
        counts_keys: Vec::new(),
        positions: Vec::new(),
    };
    let mut entries = engine.iterate(Family::System, &Range::default(), Tier::Disk);
    while let Some((key, value)) = entries.next().map_err(engine_error)? {
        found
            .take(key, value)
            .ok_or_else(|| EngineError(format!("System entry {} does not parse", key.escape_ascii())))?;
    }
    found.namespaces.grow(databases);
    Ok(found)
}

fn engine_error(error: ReadError) -> EngineError {
    match error {
        ReadError::Engine(error) => error,
        ReadError::NotInMemory => EngineError("a read from disk was refused".into()),
    }
}

impl Found {
    fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        if key.starts_with(write_behind::POSITION_PREFIX.as_bytes()) {
            let (first, end, offset) = parse_position(value)?;
            // Entries of earlier numbers of partitions may be there still; the data never went back.
            let slots = usize::from(first)..usize::from(end);
            for position in self.position.get_mut(slots.clone())? {
                *position = offset.max(*position);
            }
            self.positions.push((key.to_vec(), slots, offset));
        } else if key.starts_with(write_behind::COUNTS_PREFIX.as_bytes()) {
            self.counts.add(&AllCounts::parse(value)?);
            self.counts_keys.push(key.to_vec());
        } else if let Some(namespace) = key.strip_prefix(write_behind::DEAD_PREFIX) {
            self.dead.push(crate::encoding::key::Namespace::from_be_bytes(namespace.try_into().ok()?));
        } else if key == write_behind::NAMESPACES_KEY {
            self.namespaces = Namespaces::parse(value)?;
        } else if key == write_behind::VERSION_KEY {
            self.next_version = Version::from_be_bytes(value.try_into().ok()?);
        }
        Some(())
    }
}

/// Puts all counts under the first partition's key, as [`partitions`] gives them to it, and removes positions that
/// later ones have overtaken. Must be done before any partition hands off: each writes its own share of the counts
/// over that of the last run, and only the sum means anything.
pub fn tidy(engine: &dyn Engine, found: &Found) -> Result<(), EngineError> {
    let overtaken = found
        .positions
        .iter()
        .filter(|(_, slots, offset)| found.position[slots.clone()].iter().all(|position| position > offset));
    let stale = found.counts_keys.iter().chain(overtaken.map(|(key, _, _)| key));
    let mut batch = Batch(stale.map(|key| Change::Delete(Family::System, key.clone().into())).collect());
    let sum = found.counts.encode();
    batch.0.push(Change::Put(Family::System, write_behind::counts_key(0).into(), sum.into()));
    engine.write(batch)
}

/// The partitions, before replay. The first one gets all the counts: only their sum means anything.
pub fn partitions(found: &Found, count: usize, shared: &Arc<Shared>) -> Vec<Box<Partition>> {
    (0..count)
        .map(|index| {
            let counts = if index == 0 { found.counts.clone() } else { AllCounts::default() };
            let slots = slot::range_of(index, count);
            let reach = found.position[usize::from(slots.start)..usize::from(slots.end)]
                .iter()
                .copied()
                .min()
                .unwrap_or(0);
            Box::new(Partition::new(index, count, shared.clone(), found.namespaces.clone(), counts, reach))
        })
        .collect()
}

/// Why replay cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayError {
    /// A record's payload is no sequence of commands.
    Malformed {
        /// The record's offset.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine failed.
    Engine(EngineError),
}

impl std::fmt::Display for ReplayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReplayError::Malformed { offset, reason } => write!(f, "log record at {offset}: {reason}"),
            ReplayError::Engine(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Runs log records again.
#[derive(Debug)]
pub struct Replay {
    position: Vec<u64>,
    settings: Settings,
    /// Records that were run.
    pub replayed: u64,
    /// Records that the engine had.
    pub skipped: u64,
    /// Commands that were run.
    pub commands: u64,
}

impl Replay {
    /// From what the engine reaches.
    pub fn new(found: &Found, settings: Settings) -> Replay {
        // What was accepted once must not be refused because the limit is lower now.
        let settings = Settings { max_bulk_len: u64::MAX, ..settings };
        Replay { position: found.position.clone(), settings, replayed: 0, skipped: 0, commands: 0 }
    }

    /// Runs a record, unless the engine has it. Reads from disk as it needs. Nothing may be handed off until all
    /// records were run: slots of one partition may have different positions until then, if the number of
    /// partitions changed. Then hand off all partitions together.
    pub fn apply(
        &mut self,
        partitions: &mut [Box<Partition>],
        record: &LogRecord,
    ) -> Result<bool, ReplayError> {
        if record.end() <= self.position[usize::from(record.first_slot)] {
            self.skipped += 1;
            return Ok(false);
        }
        let malformed = |reason: String| ReplayError::Malformed { offset: record.offset, reason };
        let mut batch = crate::resp::Batch::default();
        // The log holds what was accepted under the limits of its time.
        let limits =
            Limits { max_bulk_len: u64::from(u32::MAX), max_args: i64::from(i32::MAX), ..Limits::default() };
        let consumed = Parser::default()
            .parse(&record.payload, &limits, usize::MAX, &mut batch)
            .map_err(|error| malformed(error.to_string()))?;
        if consumed != record.payload.len() {
            return Err(malformed("ends within a command".into()));
        }
        let mut database = usize::from(record.database);
        for command in &batch.commands {
            let first = command.first as usize;
            let ranges = &batch.ranges[first..first + command.count as usize];
            let args = Args::new(&record.payload, ranges);
            if args.word(0) == b"SELECT" {
                let number = crate::number::parse_i64(args.word(1)).and_then(|n| usize::try_from(n).ok());
                database = number.ok_or_else(|| malformed("selects no database".into()))?;
                continue;
            }
            self.run(partitions, record, database, args).map_err(|error| match error {
                Halt::Engine(error) => ReplayError::Engine(error),
                other => malformed(format!("{} stopped: {other:?}", args.word(0).escape_ascii())),
            })?;
            self.commands += 1;
        }
        // The records are in the log already: the groups only need their end.
        for partition in partitions.iter_mut() {
            partition.end_replayed_group(record.end());
        }
        self.replayed += 1;
        Ok(true)
    }

    fn run(
        &self,
        partitions: &mut [Box<Partition>],
        record: &LogRecord,
        database: usize,
        args: Args<'_>,
    ) -> Result<(), Halt> {
        let command = table::find(args.word(0)).filter(|command| key_run(command).is_some());
        let Some(command) = command else {
            return Err(Halt::Engine(EngineError(format!(
                "log record at {} has a command that this version does not know: {}",
                record.offset,
                args.word(0).escape_ascii()
            ))));
        };
        let environment = Environment {
            now_ms: record.clock_ms,
            settings: &self.settings,
            database,
            atomic: false,
            watch: None,
            no_touch: false,
        };
        let mut reply = Reply::new(Protocol::Resp2);
        let source = match partitions {
            [only] => Source::One(only),
            all => Source::All(all),
        };
        execute(command, args, source, Reach::UNBOUNDED, environment, &mut reply).map(|_| ())
    }
}
