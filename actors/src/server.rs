//! The order of starting and stopping.
//!
//! Start: data folder, store, log, replay; then downstream first: write-behind thread, binlog, partitions, admin,
//! expirer, listener. Stop: clients, partitions' last writes, log, store.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::prelude::*;
use pika_core::acl::Access;
use pika_core::binlog::{self, Reader};
use pika_core::config::choice::AppendFsync;
use pika_core::config::{Config, options};
use pika_core::encoding::FORMAT_VERSION;
use pika_core::engine::Engine;
use pika_core::engine::rocks::{RocksEngine, RocksOptions};
use pika_core::files;
use pika_core::keyspace::namespace::Namespaces;
use pika_core::keyspace::partition::{LogRecord, Partition, Role, Shared};
use pika_core::keyspace::recovery;
use pika_core::keyspace::write_behind::WriteBehind;
use pika_core::replication::{History, MasterLink, ReplicationId};
use pika_core::server::{Identity, Shutdown};

use crate::binlog::{Binlog, Log};
use crate::budget::{budget, rocks_options};
use crate::file_limit::FileLimit;
use crate::partition::PartitionActor;
use crate::reads::ReadPool;
use crate::replication::replicator::Replicator;
use crate::service::Service;
use crate::state::{Parts, State, now_ms};
use crate::system;
use crate::tls::Contexts;
use crate::views::Views;
use crate::write_behind::{self, Job, WriteBehindHandle};

/// Threads for commands that wait for other servers. A server that does not answer holds one for its timeout.
const APART_THREADS: usize = 4;
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

/// Ends the process at once: data on disk is right, memory may not be. The log makes the restart exact.
pub fn fail_stop(logger: &slog::Logger, text: &str) -> ! {
    slog::crit!(logger, "stopping at once: the data on disk is safe, a restart goes on from it"; "cause" => text);
    let _ = writeln!(std::io::stderr(), "pika: fatal: {text}");
    // The asynchronous logger gets a moment to write its last line.
    std::thread::sleep(Duration::from_millis(50));
    std::process::abort();
}

/// A configuration that is whole, and where it came from.
#[derive(Debug)]
pub struct Start {
    /// The options.
    pub config: Config,
    /// Users that the configuration names.
    pub users: Vec<Vec<Vec<u8>>>,
    /// Commands that clients know by another name, or by none.
    pub renames: Vec<(String, String)>,
    /// The folder or file they came from.
    pub config_path: Option<std::path::PathBuf>,
    /// For lines to the operator.
    pub logger: slog::Logger,
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
fn threads(config: &Config) -> usize {
    match config.get(options::THREADS) {
        0 => (std::thread::available_parallelism().map_or(1, usize::from) / 2).max(1),
        given => given as usize,
    }
}

/// The store, the log and the partitions, as the last run left them.
#[expect(clippy::vec_box, reason = "partitions move between threads one by one, and are large")]
pub(crate) struct Opened {
    pub(crate) engine: RocksEngine,
    writer: binlog::Writer,
    partitions: Vec<Box<Partition>>,
    write_behind: WriteBehind,
    report: StartReport,
    /// The offset that the store's files reach.
    flushed: u64,
    /// The offset that the store reaches, in memory.
    reach: u64,
}

impl Opened {
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
    open_data(config, rocks_options(config, &budget, &files), threads(config), logger)
}

fn open_data(
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
    let mut write_behind = WriteBehind::default();
    partitions.iter_mut().for_each(|partition| {
        partition.advance();
    });
    let hand_offs: Vec<_> = partitions.iter_mut().filter_map(|partition| partition.hand_off()).collect();
    for applied in write_behind.apply(&engine, hand_offs).map_err(|error| error.to_string())? {
        partitions[applied.partition].applied(applied);
    }
    let report = StartReport { replayed_records: replayed, cut_bytes: recovered.cut_bytes };
    Ok(Opened {
        engine,
        writer: recovered.writer,
        partitions,
        write_behind,
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
    let opened = open_data(config, rocks_options(config, &budget(config), &files), 1, logger)?;
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
        let record = record.to_record();
        let record = LogRecord {
            offset: record.offset,
            clock_ms: record.clock_ms,
            database: record.database,
            first_slot: record.first_slot,
            last_slot: record.last_slot,
            payload: record.payload.to_vec(),
        };
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

/// Runs the server until it is told to stop.
pub fn run(start: Start) -> Result<(), String> {
    let Start { config, users, renames, config_path, logger } = start;
    pika_core::commands::renamed::rename(&renames)?;
    let files = FileLimit::at_start(&config)?;
    let config = files.apply(config, &logger)?;
    let folder = std::path::PathBuf::from(config.get(options::DIR));
    let _lock = open_folder(&folder)?;
    let access = Access::new(crate::users::at_start(&config, &users)?);
    crate::backup::sweep(&folder.join(config.get(options::BACKUP_DIR)));
    let keep = config.get(options::FULL_SYNC_CHECKPOINT_KEEP_SECONDS);
    crate::slave::sweep(&folder, Duration::from_secs(u64::from(keep)));
    let threads = threads(&config);
    let budget = budget(&config);
    // Redis's own test suite waits for `PID: …` here, and below for `Ready to accept`, as other start scripts do.
    slog::info!(logger, "pika is starting"; "version" => env!("CARGO_PKG_VERSION"), "PID" => std::process::id(),
        "dir" => %folder.display(), "partitions" => threads, "memory-budget" => budget.total,
        "files" => files.limit);
    // Sockets first: a port that is taken is found out before anything is replayed.
    let bound = crate::listening::bind(&config).map_err(|error| error.to_string())?;
    let contexts = Contexts::of(&config).map_err(|reason| format!("Failed to configure TLS: {reason}"))?;
    let opened = open_data(&config, rocks_options(&config, &budget, &files), threads, &logger)?;
    let always = config.get(options::APPENDFSYNC) == AppendFsync::Always;
    let log =
        Arc::new(Log::new(opened.writer, config.get(options::BINLOG_SEGMENT_SIZE), always, logger.clone()));
    let shared = opened.partitions.first().map(|partition| partition.shared.clone());
    let shared = shared.ok_or("there are no partitions")?;
    let master = config.get(options::REPLICAOF).cloned();
    let history = crate::replication::open_history(&folder, shared.next_offset(), master.is_some())?;
    let (write_behind_handle, queue) = WriteBehindHandle::new(opened.flushed);
    let reads = ReadPool::start("pika-read", config.get(options::READ_THREADS) as usize)
        .map_err(|error| error.to_string())?;
    let views = Views::new(config.get(options::READ_THREADS) as usize);
    // Each partition can be lent once.
    let lent = ReadPool::start("pika-lent", threads).map_err(|error| error.to_string())?;
    let apart = ReadPool::start("pika-apart", APART_THREADS).map_err(|error| error.to_string())?;
    let replay_limit = config.get(options::BINLOG_REPLAY_LIMIT);
    write_pid_file(&config);
    let state = Arc::new(State::new(Parts {
        identity: identity(config_path.as_deref(), threads),
        logger: logger.clone(),
        engine: opened.engine,
        log,
        budget,
        files,
        reads,
        views,
        lent,
        apart,
        write_behind: write_behind_handle,
        config,
        access,
        config_path,
        started: opened.report,
        replication: crate::replication::Replication::new(history, folder.clone()),
        shared,
    }));
    state.tls.replace(contexts);
    crate::eviction::configure(&state, &state.config());
    let mut opened_partitions = opened.partitions;
    let _ = state.following.shared.set(opened_partitions[0].shared.clone());
    if let Some(master) = master {
        state.following.set(Some(MasterLink::new(master.host, master.port, now_ms())));
        opened_partitions.iter_mut().for_each(|partition| partition.role = Role::Slave);
        state.shared.set_follows(true);
    }
    crate::replication::checkpoint::open(&state);
    write_behind::start(state.clone(), queue, replay_limit, opened.write_behind, opened.reach)
        .map_err(|error| error.to_string())?;
    // What was replayed is in memtables only: the positions on disk are those of the last run.
    let system = System::new();
    let result = system.block_on(serve(state.clone(), opened_partitions, bound));
    result.map_err(|error| error.to_string())?;
    Ok(())
}

#[expect(clippy::vec_box, reason = "partitions move between threads one by one, and are large")]
async fn serve(
    state: Arc<State>,
    partitions: Vec<Box<Partition>>,
    bound: crate::listening::Bound,
) -> std::io::Result<()> {
    let threads = partitions.len();
    let mut arbiters = Vec::new();
    let mut addresses = Vec::new();
    for (index, partition) in partitions.into_iter().enumerate() {
        let arbiter = named_arbiter(format!("pika-serve-{index}"));
        let (tell, told) = tokio::sync::oneshot::channel();
        let shared = state.clone();
        arbiter.spawn_fn(move || {
            let _ = tell.send(PartitionActor::start_here(partition, shared, threads));
        });
        addresses.push(told.await.map_err(std::io::Error::other)?);
        arbiters.push(arbiter);
    }
    let _ = state.partitions.set(addresses);
    let binlog_arbiter = named_arbiter("pika-binlog".into());
    let shared = state.clone();
    let _ = state.log.actor.set(Binlog::start_in_arbiter(&binlog_arbiter.handle(), |_| Binlog::new(shared)));
    let sync_arbiter = named_arbiter("pika-sync".into());
    let shared = state.clone();
    let replicator = Replicator::start_in_arbiter(&sync_arbiter.handle(), |_| Replicator::new(shared));
    let _ = state.replication.actor.set(replicator);
    let _ = state.replication.arbiter.set(sync_arbiter.handle());
    let admin_arbiter = named_arbiter("pika-admin".into());
    let shared = state.clone();
    let admin =
        crate::admin::Admin::start_in_arbiter(&admin_arbiter.handle(), |_| crate::admin::Admin::new(shared));
    let _ = state.admin.set(admin);
    let link_arbiter = named_arbiter("pika-link".into());
    let (tell, told) = tokio::sync::oneshot::channel();
    let shared = state.clone();
    link_arbiter.spawn_fn(move || {
        crate::slave::start_here(shared);
        let _ = tell.send(());
    });
    told.await.map_err(std::io::Error::other)?;
    crate::expirer::start(state.clone())?;
    crate::cron::start(state.clone())?;
    let handles: Vec<_> = arbiters.iter().map(Arbiter::handle).collect();
    let _ = state.serving.set(handles.clone());
    crate::listening::start(bound, &state, &handles)?;
    let config = state.config();
    slog::info!(state.logger, "Ready to accept connections"; "port" => config.get(options::PORT),
        "tls-port" => config.get(options::TLS_PORT));
    drop(config);
    loop {
        wait_for_signal(&state).await?;
        let service = Service { state: state.clone() };
        let stop = move || crate::shutdown::run(&service, Shutdown::default());
        // If it returns, SHUTDOWN ABORT was there: as in Redis, the server goes on.
        let _ = tokio::task::spawn_blocking(stop).await;
    }
}

fn named_arbiter(name: String) -> Arbiter {
    Arbiter::with_tokio_rt(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_name(name.clone())
            .build()
            .expect("a runtime of one thread")
    })
}

async fn wait_for_signal(state: &State) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    slog::info!(state.logger, "stopping"; "signal" => name);
    Ok(())
}

fn identity(config_path: Option<&Path>, partitions: usize) -> Identity {
    Identity {
        version: env!("CARGO_PKG_VERSION").into(),
        git_sha: option_env!("PIKA_GIT_SHA").unwrap_or("00000000").into(),
        git_dirty: false,
        run_id: system::random_hex(40),
        process_id: std::process::id(),
        os: system::os(),
        executable: std::env::current_exe().map_or_else(|_| "pika".into(), |path| path.display().to_string()),
        config_file: config_path.map_or_else(String::new, |path| path.display().to_string()),
        started_ms: now_ms(),
        partitions,
    }
}

fn write_pid_file(config: &Config) {
    let path = config.get(options::PIDFILE);
    if !path.is_empty() {
        // As in Redis, a pid file that cannot be written stops nobody.
        let _ = fs::write(path, format!("{}\n", std::process::id()));
    }
}

/// Changes which history the data is of, durably. Only on threads that may wait.
pub fn change_history(state: &State, change: impl FnOnce(&mut History)) {
    if let Err(error) = state.replication.change_history(change) {
        fail_stop(&state.logger, &format!("the history's file: {error}"));
    }
}

/// This server goes on as the origin of a history of its own, from the end of its log on.
pub fn begin_history(state: &State, end: u64) {
    change_history(state, |history| history.shift(crate::replication::new_id(), end));
}

/// Everything that was written reaches the disk, and the process ends with status 0.
pub fn stop(service: &Service) -> Result<(), String> {
    let state = &service.state;
    state.stopping.store(true, Ordering::Release);
    let began = Instant::now();
    service.leave_master();
    if state.scripts.stop_all() {
        // Nothing of it is in the log, nor is anybody told that it happened: for the next start it never did.
        slog::warn!(state.logger, "a script that has written is cut off: nothing of it is kept");
        state.log.sync();
        std::thread::sleep(Duration::from_millis(20));
        std::process::exit(0);
    }
    service.drain();
    state.log.sync();
    let end = state.log.synced();
    if let Err(error) = state.replication.change_history(|history| history.stop(end)) {
        // The next start takes it for a crash: slaves go on all the same.
        slog::error!(state.logger, "the end of the history could not be written"; "error" => %error);
    }
    let (done, wait) = std::sync::mpsc::channel();
    state.write_behind.send(Job::Stop(done));
    let _ = wait.recv();
    let pid_file = state.config().get(options::PIDFILE).to_string();
    let socket = state.config().get(options::UNIXSOCKET).to_string();
    for file in [pid_file, socket].into_iter().filter(|file| !file.is_empty()) {
        let _ = fs::remove_file(file);
    }
    slog::info!(state.logger, "stopped; nothing is left to replay"; "ms" => began.elapsed().as_millis() as u64);
    // The asynchronous logger gets a moment to write its last line.
    std::thread::sleep(Duration::from_millis(20));
    std::process::exit(0);
}
