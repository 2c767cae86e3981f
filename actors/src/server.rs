//! The order of starting and stopping.
//!
//! Start: data folder, store, log, replay; then downstream first: write-behind thread, binlog, partitions, admin,
//! expirer, listener. Stop: clients, partitions' last writes, log, store.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use actix::prelude::*;
use pika_core::acl::Access;
use pika_core::config::choice::AppendFsync;
use pika_core::config::{Config, options};
use pika_core::keyspace::partition::{Partition, Role};
use pika_core::replication::{History, MasterLink};
use pika_core::server::{Identity, Shutdown};

use crate::binlog::{Binlog, Log};
use crate::budget::{budget, rocks_options};
use crate::file_limit::FileLimit;
use crate::opening::{open_data, open_folder, threads};
use crate::partition::PartitionActor;
use crate::reads::ReadPool;
use crate::replication::replicator::Replicator;
use crate::service::Service;
use crate::state::{Parts, State, now_ms};
use crate::system;
use crate::tls::Contexts;
use crate::views::Views;
use crate::write_behind::{Job, WriteBehindHandle, Writer};

/// Threads for commands that wait for other servers. A server that does not answer holds one for its timeout.
const APART_THREADS: usize = 4;
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
    let reaches = opened.reaches();
    let always = config.get(options::APPENDFSYNC) == AppendFsync::Always;
    let log =
        Arc::new(Log::new(opened.writer, config.get(options::BINLOG_SEGMENT_SIZE), always, logger.clone()));
    let shared = opened.partitions.first().map(|partition| partition.shared.clone());
    let shared = shared.ok_or("there are no partitions")?;
    let master = config.get(options::REPLICAOF).cloned();
    let history = crate::replication::open_history(&folder, shared.next_offset(), master.is_some())?;
    let (write_behind_handle, queue) = WriteBehindHandle::new(opened.flushed);
    // Nobody has to wait for that: it is in the partitions' memory. It is the first of all hand-offs.
    if !opened.hand_offs.is_empty() {
        write_behind_handle.send(Job::Apply(opened.hand_offs));
    }
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
    let writer = Writer::new(state.clone(), replay_limit, opened.write_behind, reaches);
    let system = System::new();
    let result = system.block_on(serve(state.clone(), opened_partitions, (writer, queue), bound));
    result.map_err(|error| error.to_string())?;
    Ok(())
}

#[expect(clippy::vec_box, reason = "partitions move between threads one by one, and are large")]
async fn serve(
    state: Arc<State>,
    partitions: Vec<Box<Partition>>,
    (writer, queue): (Writer, Receiver<Job>),
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
    // It tells the partitions what the store has.
    writer.start(queue)?;
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
