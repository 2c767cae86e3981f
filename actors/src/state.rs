//! What all actors share: options, counters, clients, and where the others are.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use actix::Addr;
use actix_rt::ArbiterHandle;
use pika_core::acl::Access;
use pika_core::commands::Settings;
use pika_core::config::{Config, Events, options};
use pika_core::encoding::key::Namespace;
use pika_core::engine::rocks::RocksEngine;
use pika_core::info::Statistics;
use pika_core::keyspace::expiry::survey::Expiries;
use pika_core::keyspace::partition::Shared;
use pika_core::keyspace::watch::Watch;
use pika_core::server::Identity;
use pika_core::server::{Pause, Unblock};
use pika_core::session::Session;
use pika_core::slowlog::SlowLog;

use crate::alarms::Alarms;
use crate::binlog::Log;
use crate::connection::Connection;
use crate::file_limit::FileLimit;
use crate::following::Following;
use crate::inbox::Inbox;
use crate::messaging::Messaging;
use crate::partition::PartitionActor;
use crate::reads::ReadPool;
use crate::replication::Replication;
use crate::views::Views;
use crate::write_behind::WriteBehindHandle;

/// Locks, whether or not another thread panicked while it held the lock: a panic ends the process anyway.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// "Now", Unix time in microseconds.
pub fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros() as u64)
}

/// "Now", Unix time in ms.
pub fn now_ms() -> u64 {
    now_us() / 1000
}

/// A client as other threads see it.
#[derive(Debug)]
pub struct ClientHandle {
    /// Its session, as of its last read.
    pub session: Mutex<Session>,
    /// Its actor.
    pub address: OnceLock<Addr<Connection>>,
    /// Bytes of replies that wait to be written.
    pub output_bytes: AtomicUsize,
    /// Bytes read and not run yet.
    pub input_bytes: AtomicUsize,
    /// Bytes that the input buffer has room for.
    pub input_capacity: AtomicUsize,
    /// The memory that it takes.
    pub held: crate::eviction::Held,
    /// File descriptor of its socket.
    pub fd: AtomicI64,
    /// How many commands wait for EXEC; -1: it is in no transaction.
    pub queued: AtomicI64,
    /// What it watches.
    pub watch: Mutex<Weak<Watch>>,
    /// What waits to be sent to it beside replies.
    pub inbox: Inbox,
    /// The command that waits for a key: its partition and its number there. Whoever takes it decides how the wait
    /// ends.
    pub blocked: Mutex<Blocking>,
}

/// Whether a client waits for a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Blocking {
    /// No.
    #[default]
    No,
    /// Yes: the partition that keeps its command, and the command's number there.
    At(usize, u64),
    /// Its command is being run again, since a key changed. If it has to wait on, it does not: CLIENT UNBLOCK was here.
    Retrying(Option<Unblock>),
    /// Its command waits for slaves (WAIT, WAITAOF).
    ForReplicas,
    /// It never will again: the connection is closed.
    Gone,
}

/// Counters that several threads add to.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections refused.
    pub rejected_connections: AtomicU64,
    /// Commands run.
    pub commands: AtomicU64,
    /// Bytes read.
    pub input_bytes: AtomicU64,
    /// Bytes written.
    pub output_bytes: AtomicU64,
    /// Reads from sockets.
    pub reads: AtomicU64,
    /// Writes to sockets.
    pub writes: AtomicU64,
    /// Commands that had to wait for the disk.
    pub disk_waits: AtomicU64,
    /// Clients that wait for a key now.
    pub blocked_clients: AtomicU64,
    /// Bytes written to slaves; they count among the others too.
    pub replication_output_bytes: AtomicU64,
    /// Clients closed at their output limit.
    pub output_limit_disconnections: AtomicU64,
    /// Clients closed for `maxmemory-clients`.
    pub evicted_clients: AtomicU64,
    /// Clients closed since they did not take a long reply.
    pub long_replies_given_up: AtomicU64,
}

/// What the memory budget was divided into; bytes.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// All together.
    pub total: u64,
    /// Partitions: what RocksDB lacks.
    pub overlay: u64,
    /// Partitions: all entries, the overlay included.
    pub tables: u64,
    /// RocksDB's block cache.
    pub block_cache: u64,
    /// RocksDB's memtables, before they are flushed.
    pub write_buffer: u64,
    /// What partitions hand off at once, all together, to be written to RocksDB as one batch.
    pub hand_off: u64,
}

/// Why writes are held up by the server itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Hold {
    /// FAILOVER.
    Failover = 1,
    /// SHUTDOWN that waits for slaves.
    Shutdown = 2,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct State {
    /// What does not change.
    pub identity: Identity,
    /// Where lines for the operator go.
    pub logger: slog::Logger,
    /// The store.
    pub engine: RocksEngine,
    /// The log.
    pub log: Arc<Log>,
    /// How memory is divided.
    pub budget: Budget,
    /// How file descriptors are divided.
    pub files: FileLimit,
    /// Threads that wait for the disk.
    pub reads: ReadPool,
    /// Threads that make long replies, from kept moments.
    pub views: Views,
    /// Threads that run commands over lent partitions.
    pub lent: ReadPool,
    /// Threads that wait for other servers.
    pub apart: ReadPool,
    /// Connections of MIGRATE to other servers.
    pub links: crate::migration::Links,
    /// Counters of the commands that the admin actor runs.
    pub admin_statistics: Mutex<Statistics>,
    /// The writer of the store.
    pub write_behind: WriteBehindHandle,
    /// Partitions' actors, in order.
    pub partitions: OnceLock<Vec<Addr<PartitionActor>>>,
    /// The threads that serve clients.
    pub serving: OnceLock<Vec<ArbiterHandle>>,
    /// Where clients connect.
    pub listening: crate::listening::Listening,
    /// Encryption.
    pub tls: crate::tls::Tls,
    /// The bound of what all clients take together.
    pub eviction: crate::eviction::Eviction,
    /// The admin actor.
    pub admin: OnceLock<Addr<crate::admin::Admin>>,
    /// Users, and what was refused to them.
    pub access: Access,
    config: RwLock<Arc<Config>>,
    settings: RwLock<Arc<Settings>>,
    /// Grows with each change of `config`.
    pub config_version: AtomicU64,
    /// Clients by id.
    pub clients: Mutex<HashMap<u64, Arc<ClientHandle>>>,
    /// How many clients there are, those being set up included.
    pub client_count: AtomicUsize,
    next_client: AtomicU64,
    /// CLIENT PAUSE: until when, ms, and whether only writes wait.
    pause: Mutex<Option<Pause>>,
    /// Whether `pause` is set at all, or writes are held up.
    pub paused: AtomicBool,
    /// Why writes are held up, beside CLIENT PAUSE: bits of [`Hold`].
    held: AtomicU8,
    /// Counters.
    pub counters: Counters,
    /// Who waits for keys of several partitions.
    pub alarms: Alarms,
    /// Pub/sub, MONITOR, the tracking of keys.
    pub messaging: Messaging,
    /// SLOWLOG.
    pub slow_log: Mutex<SlowLog>,
    /// The process is ending.
    pub stopping: AtomicBool,
    /// DEBUG SET-ACTIVE-EXPIRE.
    pub active_expire: AtomicBool,
    /// What the last survey of expiries found.
    pub expiries: Mutex<BTreeMap<Namespace, Expiries>>,
    /// The disk has less room than `disk-reserve`.
    pub disk_full: AtomicBool,
    /// What BGSAVE is at.
    pub backup: Mutex<crate::backup::Progress>,
    /// What the start found.
    pub started: crate::opening::StartReport,
    /// Where the configuration came from.
    pub config_path: Option<std::path::PathBuf>,
    /// A compaction is running: see [`crate::compaction`].
    pub compacting: AtomicBool,
    /// How far it is.
    pub compaction: Mutex<crate::compaction::Progress>,
    /// Slaves, and which history the data is of.
    pub replication: Replication,
    /// What all partitions share.
    pub shared: Arc<Shared>,
    /// Whether this is a slave, and of whom.
    pub following: Following,
    /// Scripts that run on threads that may wait.
    pub scripts: crate::scripts::Scripts,
    /// Most memory ever seen in use.
    pub peak_memory: AtomicU64,
    /// When the process started.
    pub start: Instant,
    /// SHUTDOWN that waits for slaves.
    pub shutdown: crate::shutdown::Waiting,
    /// Commands and bytes at the last sample, and rates since: ops, input, output a second.
    pub rates: Mutex<[f64; 3]>,
}

/// What [`State::new`] is made from.
#[derive(Debug)]
pub struct Parts {
    /// See [`State`].
    pub identity: Identity,
    /// See [`State`].
    pub logger: slog::Logger,
    /// See [`State`].
    pub engine: RocksEngine,
    /// See [`State`].
    pub log: Arc<Log>,
    /// See [`State`].
    pub budget: Budget,
    /// See [`State`].
    pub files: FileLimit,
    /// See [`State`].
    pub reads: ReadPool,
    /// See [`State`].
    pub views: Views,
    /// See [`State`].
    pub lent: ReadPool,
    /// See [`State`].
    pub apart: ReadPool,
    /// See [`State`].
    pub write_behind: WriteBehindHandle,
    /// The options.
    pub config: Config,
    /// See [`State`].
    pub access: Access,
    /// See [`State`].
    pub config_path: Option<std::path::PathBuf>,
    /// See [`State`].
    pub started: crate::opening::StartReport,
    /// See [`State`].
    pub replication: Replication,
    /// See [`State`].
    pub shared: Arc<Shared>,
}

impl State {
    /// The pause of clients that is in force, whoever wanted it.
    pub fn current_pause(&self) -> Option<Pause> {
        if !self.paused.load(Ordering::Relaxed) {
            return None;
        }
        let asked = self.client_pause();
        match (asked, self.held.load(Ordering::Acquire) > 0) {
            (Some(Pause { writes_only: false, .. }), _) | (_, false) => asked,
            _ => Some(Pause { until_ms: u64::MAX, writes_only: true }),
        }
    }

    /// What CLIENT PAUSE asked for. What has ended is forgotten.
    pub fn client_pause(&self) -> Option<Pause> {
        let mut pause = lock(&self.pause);
        if pause.is_some_and(|current| current.until_ms <= now_ms()) {
            *pause = None;
            self.paused.store(self.held.load(Ordering::Acquire) > 0, Ordering::Relaxed);
        }
        *pause
    }

    /// Sets what CLIENT PAUSE asks for.
    pub fn set_client_pause(&self, asked: Option<Pause>) {
        let mut pause = lock(&self.pause);
        *pause = asked;
        self.paused.store(asked.is_some() || self.held.load(Ordering::Acquire) > 0, Ordering::Relaxed);
    }

    /// Holds up commands that write, and what expires, or lets them go on.
    pub fn hold_writes(&self, why: Hold, on: bool) {
        let pause = lock(&self.pause);
        match on {
            true => self.held.fetch_or(why as u8, Ordering::AcqRel),
            false => self.held.fetch_and(!(why as u8), Ordering::AcqRel),
        };
        let held = self.held.load(Ordering::Acquire) > 0;
        self.paused.store(pause.is_some() || held, Ordering::Relaxed);
    }

    /// The state at the start.
    pub fn new(parts: Parts) -> State {
        let settings = settings_of(&parts.config);
        let messaging = Messaging::default();
        messaging.configure(&parts.config);
        State {
            messaging,
            access: parts.access,
            replication: parts.replication,
            shared: parts.shared,
            following: Following::default(),
            identity: parts.identity,
            logger: parts.logger,
            engine: parts.engine,
            log: parts.log,
            budget: parts.budget,
            files: parts.files,
            reads: parts.reads,
            views: parts.views,
            lent: parts.lent,
            apart: parts.apart,
            links: Default::default(),
            admin_statistics: Mutex::default(),
            write_behind: parts.write_behind,
            partitions: OnceLock::new(),
            serving: OnceLock::new(),
            listening: Default::default(),
            tls: Default::default(),
            eviction: Default::default(),
            admin: OnceLock::new(),
            config: RwLock::new(Arc::new(parts.config)),
            settings: RwLock::new(Arc::new(settings)),
            config_version: AtomicU64::new(1),
            clients: Mutex::default(),
            client_count: AtomicUsize::new(0),
            next_client: AtomicU64::new(1),
            pause: Mutex::default(),
            paused: AtomicBool::new(false),
            held: AtomicU8::new(0),
            counters: Counters::default(),
            alarms: Alarms::default(),
            slow_log: Mutex::default(),
            stopping: AtomicBool::new(false),
            active_expire: AtomicBool::new(true),
            expiries: Mutex::default(),
            disk_full: AtomicBool::new(false),
            backup: Mutex::new(crate::backup::Progress::new(now_ms() / 1000)),
            started: parts.started,
            config_path: parts.config_path,
            compacting: AtomicBool::new(false),
            compaction: Mutex::default(),
            scripts: Default::default(),
            peak_memory: AtomicU64::new(0),
            start: Instant::now(),
            shutdown: Default::default(),
            rates: Mutex::default(),
        }
    }

    /// The options as they are now.
    pub fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those that commands on keys depend on.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the options.
    pub fn replace_config(&self, config: Config) {
        let settings = Arc::new(settings_of(&config));
        self.messaging.configure(&config);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        self.config_version.fetch_add(1, Ordering::Release);
    }

    /// An id that no client has had.
    pub fn new_client_id(&self) -> u64 {
        self.next_client.fetch_add(1, Ordering::Relaxed)
    }

    /// The partitions' actors. Empty before the server has started.
    pub fn partitions(&self) -> &[Addr<PartitionActor>] {
        self.partitions.get().map_or(&[], Vec::as_slice)
    }
}

/// The options that commands on keys depend on.
pub fn settings_of(config: &Config) -> Settings {
    Settings {
        max_bulk_len: config.get(options::PROTO_MAX_BULK_LEN),
        hash_max_listpack_entries: config.get(options::HASH_MAX_LISTPACK_ENTRIES) as usize,
        hash_max_listpack_value: config.get(options::HASH_MAX_LISTPACK_VALUE) as usize,
        list_max_listpack_size: config.get(options::LIST_MAX_LISTPACK_SIZE),
        set_max_intset_entries: config.get(options::SET_MAX_INTSET_ENTRIES) as usize,
        set_max_listpack_entries: config.get(options::SET_MAX_LISTPACK_ENTRIES) as usize,
        set_max_listpack_value: config.get(options::SET_MAX_LISTPACK_VALUE) as usize,
        zset_max_listpack_entries: config.get(options::ZSET_MAX_LISTPACK_ENTRIES) as usize,
        zset_max_listpack_value: config.get(options::ZSET_MAX_LISTPACK_VALUE) as usize,
        stream_node_max_entries: config.get(options::STREAM_NODE_MAX_ENTRIES),
        stream_node_max_bytes: config.get(options::STREAM_NODE_MAX_BYTES),
        hll_sparse_max_bytes: config.get(options::HLL_SPARSE_MAX_BYTES) as usize,
        events: wanted_events(config.get(options::NOTIFY_KEYSPACE_EVENTS)),
        ..Settings::default()
    }
}

/// Without a channel to publish on, no event is wanted.
fn wanted_events(events: Events) -> Events {
    let published = events.contains(Events::KEYSPACE) || events.contains(Events::KEYEVENT);
    if published { events } else { Events::default() }
}
