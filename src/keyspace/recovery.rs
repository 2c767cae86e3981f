//! From what is in the engine and the log to running partitions.
//!
//! The engine holds, for each range of slots, the log offset that its data reaches. Records above it are run
//! again, by the clock that they carry; those at or below are skipped. A record over several partitions was
//! handed off as one batch, so all slots that it touched agree on whether it is in the engine.
//!
//! The log has only what succeeded, in a form that succeeds again on the same state. So an error reply during
//! replay says that the state is not the one that the log goes on from, and ends the start: going on would make of
//! it a state that never was.

use std::sync::Arc;

use super::counts::AllCounts;
use super::load::{self, LogRestart};
use super::namespace::Namespaces;
use super::partition::{LogRecord, Partition, Role, Shared};
use super::slot::{self, SLOTS};
use super::transaction::{Reach, Source};
use super::write_behind::{self, parse_position};
use crate::binlog::record::SENT;
use crate::commands::execute::{Environment, Halt, execute, key_run};
use crate::commands::{Args, Command, Settings, table};
use crate::config::Events;
use crate::encoding::key::Version;
use crate::engine::{Batch, Change, Engine, EngineError, Family, Range, Read, ReadError, Tier};
use crate::replication::stream;
use crate::resp::{Limits, Parser, Protocol, Reply};
use crate::scripting::Registry;

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
    /// Namespaces of a load that did not end: their keys are to be dropped.
    pub abandoned: Vec<crate::encoding::key::Namespace>,
    /// The data was replaced, and the log is still that of the data before.
    pub log_restart: Option<LogRestart>,
    /// The database that the stream has selected where the log begins.
    pub stream_database: u16,
    /// The libraries of functions, as FUNCTION DUMP has them; empty if there are none.
    pub functions: Vec<u8>,
    /// For each slot, the log offset that its data reaches.
    position: Vec<u64>,
    /// Keys under which the partitions of the last run left their counts.
    counts_keys: Vec<Vec<u8>>,
    /// Positions as they were found: key, slots, offset.
    positions: Vec<(Vec<u8>, std::ops::Range<usize>, u64)>,
    /// The engine lacks some of `namespaces`: there are more databases than there were.
    namespaces_grew: bool,
}

impl Found {
    /// The lowest offset that any slot's data reaches: replay begins there.
    pub fn replay_from(&self) -> u64 {
        self.position.iter().copied().min().unwrap_or(0)
    }

    /// Whether no database has a key, and none is being loaded. Blind writes count when they are settled, and all that the engine has are.
    pub fn is_empty(&self) -> bool {
        // What is being loaded no database shows yet.
        self.abandoned.is_empty()
            && (0..self.namespaces.databases())
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
        abandoned: Vec::new(),
        log_restart: None,
        stream_database: 0,
        functions: Vec::new(),
        position: vec![0; usize::from(SLOTS)],
        counts_keys: Vec::new(),
        positions: Vec::new(),
        namespaces_grew: true,
    };
    let mut entries = engine.iterate(Family::System, &Range::default(), Tier::Disk);
    while let Some((key, value)) = entries.next().map_err(engine_error)? {
        found
            .take(key, value)
            .ok_or_else(|| EngineError(format!("System entry {} does not parse", key.escape_ascii())))?;
    }
    if !found.functions.is_empty() {
        Registry::parse(&found.functions)
            .map_err(|error| EngineError(format!("the libraries of functions do not load: {error}")))?;
    }
    found.namespaces_grew |= found.namespaces.databases() < databases;
    found.namespaces.grow(databases);
    if let Some(last) = found.abandoned.iter().max() {
        found.namespaces.skip_to(last + load::GAP);
    }
    Ok(found)
}

fn engine_error(error: ReadError) -> EngineError {
    match error {
        ReadError::Engine(error) => error,
        ReadError::NotInMemory => EngineError("a read from disk was refused".into()),
    }
}

impl Found {
    /// The System keys that say how far the data reaches, and its counts.
    pub(super) fn system_keys(&self) -> Vec<Vec<u8>> {
        let positions = self.positions.iter().map(|(key, _, _)| key.clone());
        positions.chain(self.counts_keys.iter().cloned()).collect()
    }

    /// The libraries of functions. [`read`] refuses a store in which they do not load.
    pub fn libraries(&self) -> Registry {
        match self.functions.is_empty() {
            true => Registry::default(),
            false => Registry::parse(&self.functions).unwrap_or_default(),
        }
    }

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
        } else if let Some(namespace) = key.strip_prefix(load::LOADING_PREFIX) {
            self.abandoned.push(crate::encoding::key::Namespace::from_be_bytes(namespace.try_into().ok()?));
        } else if key == load::RESTART_KEY {
            self.log_restart = Some(LogRestart::parse(value)?);
        } else if key == load::STREAM_DATABASE_KEY {
            self.stream_database = u16::from_be_bytes(value.try_into().ok()?);
        } else if key == write_behind::FUNCTIONS_KEY {
            self.functions = value.to_vec();
        } else if key == write_behind::NAMESPACES_KEY {
            self.namespaces = Namespaces::parse(value)?;
            self.namespaces_grew = false;
        } else if key == write_behind::VERSION_KEY {
            self.next_version = Version::from_be_bytes(value.try_into().ok()?);
        }
        Some(())
    }
}

/// Puts all counts under the first partition's key, as [`partitions`] gives them to it, and removes positions that
/// later ones have overtaken. Must be done before any partition hands off: each writes its own share of the counts
/// over that of the last run, and only the sum means anything.
///
/// Databases that are new are put on disk at once: the log may speak of them from now on, and the next start may ask
/// for fewer.
pub fn tidy(engine: &dyn Engine, found: &Found) -> Result<(), EngineError> {
    let overtaken = found
        .positions
        .iter()
        .filter(|(_, slots, offset)| found.position[slots.clone()].iter().all(|position| position > offset));
    let stale = found.counts_keys.iter().chain(overtaken.map(|(key, _, _)| key));
    let mut batch = Batch(stale.map(|key| Change::Delete(Family::System, key.clone().into())).collect());
    let sum = found.counts.encode();
    batch.0.push(Change::Put(Family::System, write_behind::counts_key(0).into(), sum.into()));
    if found.namespaces_grew || !found.abandoned.is_empty() {
        let key = write_behind::NAMESPACES_KEY.to_vec();
        batch.0.push(Change::Put(Family::System, key.into(), found.namespaces.encode().into()));
    }
    engine.write(batch)?;
    abandon(engine, &found.abandoned)?;
    if found.namespaces_grew || !found.abandoned.is_empty() { engine.flush(true) } else { Ok(()) }
}

/// Has the keys of loads that did not end dropped.
///
/// # Errors
/// The store's.
pub fn abandon(
    engine: &dyn Engine,
    namespaces: &[crate::encoding::key::Namespace],
) -> Result<(), EngineError> {
    let mut batch = Batch::default();
    for &namespace in namespaces {
        batch.0.push(Change::Delete(Family::System, load::mark(namespace).into()));
        batch.0.push(Change::Put(
            Family::System,
            write_behind::dead_key(namespace).into(),
            Vec::new().into(),
        ));
    }
    engine.write(batch)
}

/// The partitions, before replay. The first one gets all the counts: only their sum means anything.
pub fn partitions(found: &Found, count: usize, shared: &Arc<Shared>) -> Vec<Box<Partition>> {
    shared.set_functions(Arc::new(found.libraries()));
    (0..count)
        .map(|index| {
            let counts = if index == 0 { found.counts.clone() } else { AllCounts::default() };
            let slots = slot::range_of(index, count);
            let reach = found.position[usize::from(slots.start)..usize::from(slots.end)]
                .iter()
                .copied()
                .min()
                .unwrap_or(0);
            let mut partition =
                Partition::new(index, count, shared.clone(), found.namespaces.clone(), counts, reach);
            // Nobody ever handed off: there is nothing below, of databases that were flushed neither.
            if found.is_empty() && found.reaches() == 0 {
                partition.begin_empty();
            }
            Box::new(partition)
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
    /// A command of the log is refused: the data is not what the log goes on from.
    Refused {
        /// The offset of the record that has it.
        offset: u64,
        /// Its name, in lower case.
        command: String,
        /// The error that a client would get.
        error: String,
        /// A master sent it: it was refused when it came, too.
        sent: bool,
    },
    /// The engine failed.
    Engine(EngineError),
}

impl std::fmt::Display for ReplayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReplayError::Malformed { offset, reason } => write!(f, "log record at {offset}: {reason}"),
            ReplayError::Refused { offset, command, error, .. } => {
                write!(
                    f,
                    "log record at {offset}: {command} is refused: {error}. The data is not what the log goes on from"
                )
            }
            ReplayError::Engine(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ReplayError {}

impl ReplayError {
    /// Whether it is of a command that a master sent, which was answered with an error when it came, too. The rest of
    /// its record has run.
    pub fn is_of_master(&self) -> bool {
        matches!(self, ReplayError::Refused { sent: true, .. })
    }
}

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
        // Nobody listens to events of long ago.
        let settings = Settings { max_bulk_len: u64::MAX, events: Events::default(), ..settings };
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
        // What a master sent it ran by clocks of its own, and said what expired.
        let role = if record.clock_ms & SENT != 0 { Role::Follower } else { Role::Master };
        partitions.iter_mut().for_each(|partition| partition.role = role);
        let mut refused = None;
        for command in &batch.commands {
            let first = command.first as usize;
            let ranges = &batch.ranges[first..first + command.count as usize];
            let args = Args::new(&record.payload, ranges);
            if is_of_stream_only(args.word(0)) {
                continue;
            }
            if args.word(0).eq_ignore_ascii_case(b"select") {
                let number = crate::number::parse_i64(args.word(1)).and_then(|n| usize::try_from(n).ok());
                database = number.ok_or_else(|| malformed("selects no database".into()))?;
                continue;
            }
            if stream::is_passed_over(args) {
                continue;
            }
            match self.run(partitions, record, database, args) {
                Err(error) if error.is_of_master() => refused = refused.or(Some(error)),
                run => run?,
            }
            self.commands += 1;
        }
        // The records are in the log already: the groups only need their end.
        for partition in partitions.iter_mut() {
            partition.end_replayed_group(record.end());
            partition.role = Role::Master;
        }
        self.replayed += 1;
        refused.map_or(Ok(true), Err)
    }

    fn run(
        &self,
        partitions: &mut [Box<Partition>],
        record: &LogRecord,
        database: usize,
        args: Args<'_>,
    ) -> Result<(), ReplayError> {
        let offset = record.offset;
        let name = || args.word(0).escape_ascii().to_string().to_ascii_lowercase();
        let malformed = |reason: String| ReplayError::Malformed { offset, reason };
        let Some(command) = command_of(args) else {
            return Err(malformed(format!("a command that this version does not know: {}", name())));
        };
        if !command.arity.accepts(args.len()) {
            return Err(malformed(format!("{} has {} words", name(), args.len())));
        }
        let databases = partitions.first().map_or(0, |partition| partition.namespaces().databases());
        if database >= databases {
            return Err(malformed(format!("database {database} of {databases}")));
        }
        let environment = Environment::of_nobody(record.clock_ms & !SENT, &self.settings, database);
        let mut reply = Reply::new(Protocol::Resp2);
        let source = match partitions {
            [only] => Source::One(only),
            all => Source::All(all),
        };
        execute(command, args, source, Reach::UNBOUNDED, environment, &mut reply).map_err(
            |error| match error {
                Halt::Engine(error) => ReplayError::Engine(error),
                other => malformed(format!("{} stopped: {other:?}", name())),
            },
        )?;
        match reply.as_slice() {
            [b'-', error @ ..] => Err(ReplayError::Refused {
                offset,
                command: name(),
                error: String::from_utf8_lossy(error).trim_end().to_string(),
                sent: record.clock_ms & SENT != 0,
            }),
            _ => Ok(()),
        }
    }
}

/// Whether a command is in the log for the sake of slaves, and changes nothing: heartbeats, what asks for an
/// acknowledgement, messages to subscribers, and the borders of transactions, which a record has as a whole or not.
fn is_of_stream_only(name: &[u8]) -> bool {
    let names = [&b"MULTI"[..], b"EXEC", b"PING", b"REPLCONF", b"PUBLISH", b"SPUBLISH"];
    names.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// The row of a logged command, or of its subcommand; `None` if it is none that runs on keys.
pub(super) fn command_of(args: Args<'_>) -> Option<&'static Command> {
    let command = table::find(args.word(0))?;
    let subcommand = (args.len() > 1).then(|| command.subcommand(args.word(1))).flatten();
    [subcommand, Some(command)].into_iter().flatten().find(|command| key_run(command).is_some())
}

#[cfg(test)]
mod tests;
