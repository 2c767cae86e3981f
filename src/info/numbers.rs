//! The numbers that INFO shows, as the shell gathers them.

use super::Statistics;
use crate::keyspace::counts::Counts;
use crate::replication::master::{Counters, Replica};
use crate::replication::verify::Status;

/// All numbers. What a server cannot tell stays 0.
#[derive(Debug, Clone, Default)]
pub struct Numbers {
    /// Connections.
    pub clients: ClientNumbers,
    /// Memory.
    pub memory: MemoryNumbers,
    /// Backups and the log's durability.
    pub persistence: PersistenceNumbers,
    /// Counters since the start or CONFIG RESETSTAT.
    pub stats: StatsNumbers,
    /// Replication.
    pub replication: ReplicationNumbers,
    /// Processor time.
    pub cpu: CpuNumbers,
    /// Commands and errors.
    pub commands: Statistics,
    /// The databases that hold keys, by number.
    pub keyspace: Vec<(usize, DatabaseNumbers)>,
    /// Data on disk.
    pub data: DataNumbers,
    /// The log.
    pub binlog: BinlogNumbers,
    /// Names and values of RocksDB's properties and tickers, in the order to show them in.
    pub rocksdb: Vec<(String, String)>,
}

/// Connections.
#[derive(Debug, Clone, Default)]
pub struct ClientNumbers {
    /// Now.
    pub connected: u64,
    /// Waiting for a key.
    pub blocked: u64,
    /// Of blocked ones, those whose wait has an end.
    pub in_timeout_table: u64,
    /// Largest buffer of requests lately, bytes.
    pub max_input_buffer: u64,
    /// Largest buffer of replies lately, bytes.
    pub max_output_buffer: u64,
    /// Put off by a pause.
    pub paused: u64,
    /// Tracking keys.
    pub tracking: u64,
    /// Subscribed to anything.
    pub pubsub: u64,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Default)]
pub struct MemoryNumbers {
    /// Scripts that are known.
    pub scripts: u64,
    /// Bytes of their texts.
    pub script_bytes: u64,
    /// Functions.
    pub functions: u64,
    /// What the server counts as its own.
    pub used: u64,
    /// The most that it ever was.
    pub peak: u64,
    /// What it was at the start.
    pub startup: u64,
    /// Resident, as the system sees it.
    pub rss: u64,
    /// What the program asked the allocator for.
    pub allocated: u64,
    /// Pages that the allocator uses for it.
    pub active: u64,
    /// Pages that the allocator holds.
    pub resident: u64,
    /// Of the machine, or of its control group.
    pub total_system: u64,
    /// The budget (`maxmemory`), as it was resolved.
    pub budget: u64,
    /// Buffers of clients.
    pub clients: u64,
    /// Partitions: what was written lately and is not in RocksDB yet.
    pub overlay: u64,
    /// Partitions: what was read lately.
    pub cache: u64,
    /// RocksDB: blocks.
    pub block_cache: u64,
    /// RocksDB: of these, pinned.
    pub block_cache_pinned: u64,
    /// RocksDB: memtables.
    pub memtables: u64,
    /// RocksDB: indexes and filters outside of the block cache.
    pub table_readers: u64,
    /// Records of the log on their way to the file.
    pub log_buffer: u64,
}

/// Backups and the log's durability.
#[derive(Debug, Clone, Default)]
pub struct PersistenceNumbers {
    /// Whether data is being loaded or replayed.
    pub loading: bool,
    /// Writes since the last backup.
    pub changes_since_save: u64,
    /// Whether a backup is being made.
    pub saving: bool,
    /// When the last good one was made, Unix time in seconds.
    pub last_save_s: u64,
    /// Whether the last one failed.
    pub last_save_failed: bool,
    /// How long the last one took, seconds.
    pub last_save_duration_s: Option<u64>,
    /// How long the one being made has taken so far, seconds.
    pub current_save_duration_s: Option<u64>,
    /// How many were made.
    pub saves: u64,
    /// Whether the last write to the log failed.
    pub log_write_failed: bool,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes of the log that no sync has covered.
    pub log_unsynced_bytes: u64,
    /// Syncs that are running or wait.
    pub pending_syncs: u64,
    /// Syncs that were late.
    pub delayed_syncs: u64,
    /// Records of the log that the start replayed.
    pub replayed_records: u64,
    /// Bytes of a torn tail that the start cut off the log.
    pub truncated_bytes: u64,
}

/// Counters since the start or CONFIG RESETSTAT.
#[derive(Debug, Clone, Default)]
pub struct StatsNumbers {
    /// Connections accepted.
    pub connections: u64,
    /// Connections refused, since there were too many.
    pub rejected_connections: u64,
    /// Commands run.
    pub commands: u64,
    /// Commands a second, lately.
    pub ops_per_sec: u64,
    /// Bytes read from clients.
    pub input_bytes: u64,
    /// Bytes written to clients.
    pub output_bytes: u64,
    /// Kilobytes a second read from clients, lately.
    pub input_kbps: f64,
    /// Kilobytes a second written to clients, lately.
    pub output_kbps: f64,
    /// Keys removed because their time had come.
    pub expired_keys: u64,
    /// Fields of hashes removed because their time had come.
    pub expired_fields: u64,
    /// Keys that a read found.
    pub hits: u64,
    /// Keys that a read did not find.
    pub misses: u64,
    /// Commands that had to wait for the disk.
    pub disk_waits: u64,
    /// Connections to other servers that MIGRATE keeps for its next use.
    pub migrate_sockets: u64,
    /// Reads from sockets.
    pub reads: u64,
    /// Writes to sockets.
    pub writes: u64,
    /// Clients closed since their replies took too much memory.
    pub output_limit_disconnections: u64,
    /// Clients closed for `maxmemory-clients`.
    pub evicted_clients: u64,
    /// Clients closed since they did not take a long reply.
    pub long_reply_disconnections: u64,
    /// Whether a compaction that someone asked for is running.
    pub compacting: bool,
    /// Channels that have subscribers.
    pub channels: u64,
    /// Patterns that have subscribers.
    pub patterns: u64,
    /// Shard channels that have subscribers.
    pub shard_channels: u64,
    /// Keys that clients track.
    pub tracked_keys: u64,
    /// Pairs of such a key and a client.
    pub tracked_items: u64,
    /// Prefixes of keys that clients have broadcast to them.
    pub tracked_prefixes: u64,
}

/// Replication.
#[derive(Debug, Clone, Default)]
pub struct ReplicationNumbers {
    /// Id of the history.
    pub id: String,
    /// Offset of the log's end.
    pub offset: u64,
    /// Bytes of the log that a slave can still ask for.
    pub backlog: u64,
    /// The history before, and the last offset up to which it is the same.
    pub earlier: Option<(String, u64)>,
    /// The slaves.
    pub replicas: Vec<Replica>,
    /// How many of them are in time, if writes depend on it.
    pub good: Option<u32>,
    /// Bytes sent to slaves.
    pub output_bytes: u64,
    /// Synchronisations since the start.
    pub syncs: Counters,
    /// Now, Unix time in ms.
    pub now_ms: u64,
    /// The comparison with another server's data that is under way, or was the last.
    pub verify: Status,
}

/// Processor time, in seconds.
#[derive(Debug, Clone, Default)]
pub struct CpuNumbers {
    /// In the kernel.
    pub system: f64,
    /// Outside of it.
    pub user: f64,
    /// Of children, in the kernel.
    pub system_children: f64,
    /// Of children, outside of it.
    pub user_children: f64,
}

/// One database.
#[derive(Debug, Clone, Copy, Default)]
pub struct DatabaseNumbers {
    /// Its keys.
    pub counts: Counts,
    /// Hashes that have fields with an expiry.
    pub with_field_expiry: i64,
    /// Mean of what its keys have left to live, ms; 0 if unknown.
    pub mean_ttl_ms: u64,
}

/// Data on disk.
#[derive(Debug, Clone, Default)]
pub struct DataNumbers {
    /// Bytes of RocksDB's files.
    pub db_size: u64,
    /// Bytes of backups that are not shared with it.
    pub backup_size: u64,
    /// Free bytes of the disk.
    pub disk_free: u64,
    /// Size of the disk.
    pub disk_total: u64,
    /// How blocks are compressed.
    pub compression: String,
    /// Whether writes are refused since the disk is full or failed.
    pub writes_refused: bool,
    /// Why.
    pub refused_reason: String,
    /// Writes that wait to be written behind, bytes.
    pub write_behind_bytes: u64,
    /// Estimated bytes that compactions still have to rewrite.
    pub pending_compaction_bytes: u64,
    /// The compaction that someone asked for.
    pub compaction: CompactionNumbers,
}

/// A compaction of all or a part of the store, in pieces.
#[derive(Debug, Clone, Copy, Default)]
pub struct CompactionNumbers {
    /// Pieces that are done.
    pub done: u64,
    /// All pieces, 0 before they are known.
    pub pieces: u64,
    /// How long it has been running, s; `None` if it is not.
    pub current_s: Option<u64>,
    /// How long the last one took, s; `None` if there was none.
    pub last_s: Option<u64>,
}

/// The log.
#[derive(Debug, Clone, Default)]
pub struct BinlogNumbers {
    /// Its files.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The oldest offset in it.
    pub first_offset: u64,
    /// Where it ends.
    pub end_offset: u64,
    /// Up to where it is synced.
    pub synced_offset: u64,
    /// Up to where RocksDB's files cover it.
    pub flushed_offset: u64,
    /// The epoch of its history.
    pub epoch: u64,
    /// What keeps old segments from being removed: a name and an offset.
    pub pins: Vec<(String, u64)>,
}
