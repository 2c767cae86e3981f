//! From a data folder to running partitions: its lock and format, the store, the log, and what is replayed of it.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pika_core::binlog::{self, Reader};
use pika_core::config::{Config, options};
use pika_core::encoding::FORMAT_VERSION;
use pika_core::engine::Engine;
use pika_core::engine::rocks::{RocksEngine, RocksOptions};
use pika_core::files;
use pika_core::keyspace::namespace::Namespaces;
use pika_core::keyspace::partition::{LogRecord, Partition, Shared};
use pika_core::keyspace::recovery;
use pika_core::keyspace::write_behind::{HandOff, WriteBehind};
use pika_core::replication::{History, ReplicationId};

use crate::budget::{budget, rocks_options};
use crate::file_limit::FileLimit;

/// How long a start waits for the data folder's lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// What the start found and did.
#[derive(Debug, Clone, Copy, Default)]
pub struct StartReport {
    /// Log records that were run again.
    pub replayed_records: u64,
    /// Bytes of a torn tail that were cut off the log.
    pub cut_bytes: u64,
}

/// Refuses a data folder (or backup) of another format.
pub fn check_format(folder: &Path) -> Result<(), String> {
    let path = folder.join("FORMAT");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    match text.trim().parse::<u32>() {
        Ok(FORMAT_VERSION) => Ok(()),
        Ok(other) => Err(format!(
            "{} says format {other}; this version of pika reads and writes format {FORMAT_VERSION}",
            path.display()
        )),
        Err(_) => Err(format!("{} holds no format number", path.display())),
    }
}

/// Opens or makes the data folder, and takes its lock, which lives as long as what is returned.
pub(crate) fn open_folder(folder: &Path) -> Result<fs::File, String> {
    let fail = |error: std::io::Error| format!("data folder {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(fail)?;
    let lock_path = folder.join("LOCK");
    let lock_file = fs::File::create(&lock_path).map_err(fail)?;
    let in_use = || format!("data folder {} is in use by another process", folder.display());
    let began = Instant::now();
    // A process that was just killed may take a while to go: gigabytes of memory are given back first.
    while rustix::fs::flock(&lock_file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        if began.elapsed() > LOCK_PATIENCE {
            return Err(in_use());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    if folder.join("FORMAT").exists() {
        check_format(folder)?;
    } else {
        let mut file = fs::File::create(folder.join("FORMAT")).map_err(fail)?;
        writeln!(file, "{FORMAT_VERSION}").and_then(|()| file.sync_all()).map_err(fail)?;
    }
    Ok(lock_file)
}

/// How many partitions (and serving threads) there are.
pub(crate) fn threads(config: &Config) -> usize {
    match config.get(options::THREADS) {
        0 => (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1),
        given => given as usize,
    }
}

/// The store, the log and the partitions, as the last run left them.
#[expect(clippy::vec_box, reason = "partitions move between threads one by one, and are large")]
pub(crate) struct Opened {
    pub(crate) engine: RocksEngine,
    pub(crate) writer: binlog::Writer,
    pub(crate) partitions: Vec<Box<Partition>>,
    pub(crate) write_behind: WriteBehind,
    /// What was replayed, on its way to the store: before anything else that the partitions hand off.
    pub(crate) hand_offs: Vec<HandOff>,
    pub(crate) report: StartReport,
    /// The offset that the store's files reach.
    pub(crate) flushed: u64,
    /// The offset that the log reaches.
    pub(crate) reach: u64,
}

impl Opened {
    /// Writes what was replayed to the store.
    fn apply(&mut self) -> Result<(), String> {
        let hand_offs = std::mem::take(&mut self.hand_offs);
        let applied = self.write_behind.apply(&self.engine, hand_offs).map_err(|error| error.to_string())?;
        for applied in applied {
            self.partitions[applied.partition].applied(applied);
        }
        Ok(())
    }

    /// How far the store reaches by now, by partition.
    pub(crate) fn reaches(&self) -> Vec<u64> {
        let waits = |index: usize| self.hand_offs.iter().any(|hand_off| hand_off.partition == index);
        (0..self.partitions.len()).map(|index| if waits(index) { self.flushed } else { self.reach }).collect()
    }

    /// How many keys there are.
    pub(crate) fn keys(&self) -> i64 {
        let namespaces = self.namespaces();
        let of = |partition: &Partition| {
            let counts = partition.all_counts();
            (0..namespaces.databases()).map(|database| counts.of(namespaces.of(database)).keys()).sum::<i64>()
        };
        self.partitions.iter().map(|partition| of(partition)).sum()
    }

    /// Puts all that is in memory on disk, the log first.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        self.writer.sync().map_err(|error| error.to_string())?;
        self.engine.flush(true).map_err(|error| error.to_string())
    }

    pub(crate) fn namespaces(&self) -> Namespaces {
        self.partitions[0].namespaces().clone()
    }

    pub(crate) fn next_version(&self) -> u64 {
        self.partitions[0].shared.next_version()
    }

    pub(crate) fn end_offset(&self) -> u64 {
        self.reach
    }

    pub(crate) fn partitions(&self) -> usize {
        self.partitions.len()
    }
}

/// Opens the data of a folder whose lock is held, for a program that serves nobody.
pub(crate) fn open_offline(config: &Config, logger: &slog::Logger) -> Result<Opened, String> {
    let files = FileLimit::at_start(config)?;
    let budget = budget(config);
    let mut opened = open_data(config, rocks_options(config, &budget, &files), threads(config), logger)?;
    opened.apply()?;
    Ok(opened)
}

pub(crate) fn open_data(
    config: &Config,
    rocks_options: RocksOptions,
    threads: usize,
    logger: &slog::Logger,
) -> Result<Opened, String> {
    let folder = Path::new(config.get(options::DIR));
    let engine =
        RocksEngine::open(&folder.join("rocksdb"), rocks_options).map_err(|error| error.to_string())?;
    let found = recovery::read(&engine, config.get(options::DATABASES) as usize)
        .map_err(|error| error.to_string())?;
    engine.set_dead_namespaces(found.dead.iter().copied());
    if !found.abandoned.is_empty() {
        slog::warn!(logger, "an import or a full synchronisation did not end: the data of before is whole, and what \
            was loaded is dropped"; "namespaces" => found.abandoned.len());
    }
    let log_folder = folder.join("binlog");
    let log_files: Arc<dyn files::Files> = Arc::new(files::Real);
    if let Some(restart) = &found.log_restart {
        // The process ended between the data of a full synchronisation and its log.
        slog::warn!(logger, "the log is of the data before the last full synchronisation; it begins anew";
            "offset" => restart.offset);
        crate::binlog::remove_log(&log_folder)?;
        let id = ReplicationId::parse(&restart.id).ok_or("the store names no history of its data")?;
        History::new(id).store(&files::Real, folder).map_err(|error| error.to_string())?;
    }
    let recovered = crate::binlog::open_log(config, found.reaches())?;
    if found.log_restart.is_some() {
        pika_core::keyspace::load::restarted(&engine).map_err(|error| error.to_string())?;
    }
    if recovered.cut_bytes > 0 {
        slog::warn!(logger, "cut a torn tail off the log"; "bytes" => recovered.cut_bytes);
    }
    let end = recovered.end_offset;
    let shared = Arc::new(Shared::new(Arc::new(engine.clone()), found.next_version, end));
    let mut partitions = recovery::partitions(&found, threads, &shared);
    let began = Instant::now();
    let mut replay = recovery::Replay::new(&found, crate::state::settings_of(config));
    let log_range = found.replay_from()..end;
    let replayed = run_again(&mut replay, &mut partitions, log_files, &log_folder, log_range, logger)?;
    if replayed > 0 {
        slog::info!(logger, "replayed the log"; "records" => replayed,
            "bytes" => end - found.replay_from(), "ms" => began.elapsed().as_millis() as u64);
    }
    recovery::tidy(&engine, &found).map_err(|error| error.to_string())?;
    partitions.iter_mut().for_each(|partition| {
        partition.advance();
    });
    let hand_offs: Vec<_> = partitions.iter_mut().filter_map(|partition| partition.hand_off()).collect();
    let report = StartReport { replayed_records: replayed, cut_bytes: recovered.cut_bytes };
    Ok(Opened {
        engine,
        writer: recovered.writer,
        partitions,
        write_behind: WriteBehind::default(),
        hand_offs,
        report,
        flushed: found.replay_from(),
        reach: end,
    })
}

/// The partitions of a data folder whose server does not run, and the folder's lock.
///
/// # Errors
/// A text for the operator: there is no data, it is in use, or cannot be read.
pub fn open_for_reading(
    config: &Config,
    logger: &slog::Logger,
) -> Result<(Vec<Box<Partition>>, fs::File), String> {
    let folder = Path::new(config.get(options::DIR));
    check_format(folder)?;
    let files = FileLimit::at_start(config)?;
    let lock = open_folder(folder)?;
    let mut opened = open_data(config, rocks_options(config, &budget(config), &files), 1, logger)?;
    opened.apply()?;
    Ok((opened.partitions, lock))
}

/// Runs the log's records of a range of offsets. Returns how many of them the data lacked.
fn run_again(
    replay: &mut recovery::Replay,
    partitions: &mut [Box<Partition>],
    log_files: Arc<dyn files::Files>,
    folder: &Path,
    range: std::ops::Range<u64>,
    logger: &slog::Logger,
) -> Result<u64, String> {
    let std::ops::Range { start: from, end } = range;
    if from >= end {
        return Ok(0);
    }
    let mut reader =
        Reader::open(log_files, folder, from, end).map_err(|error| format!("binlog: {error}"))?;
    let mut shown = Instant::now();
    while let Some(record) = reader.read().map_err(|error| format!("binlog: {error}"))? {
        let record = LogRecord::from(record);
        if let Err(error) = replay.apply(partitions, &record) {
            // A command of a master that was refused when it came: it was answered with an error and changed nothing,
            // and does so again. The whole data set is fetched anew, as it would have been without the crash.
            if !error.is_of_master() {
                return Err(error.to_string());
            }
            slog::error!(logger, "the data differs from the master's"; "error" => %error);
        }
        if shown.elapsed() >= Duration::from_secs(1) {
            shown = Instant::now();
            slog::info!(logger, "replaying the log"; "offset" => record.end(), "of" => end);
        }
    }
    Ok(replay.replayed)
}
