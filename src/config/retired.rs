//! Directives that a configuration file may hold and that do nothing here: loading warns of them by name.

/// Directives of Redis that are not options, or that it no longer knows.
const REDIS: &[(&str, &str)] = &[
    ("loadmodule", "there are no modules"),
    ("list-max-ziplist-entries", "use `list-max-listpack-size`"),
    ("list-max-ziplist-value", "use `list-max-listpack-size`"),
    ("lua-replicate-commands", "scripts are always replicated as their effects"),
    ("vm-enabled", "Redis dropped it long ago"),
];

const TUNING: &str = "RocksDB's tuning here is in the `rocksdb-…` options";
const BUDGET: &str = "use `memory-budget`";
const POOLS: &str = "use `threads` and `read-threads`";
const CACHE: &str = "there is one cache, bounded by `memory-budget`";
const CODIS: &str = "slots are part of every key";
const SYNC: &str = "full sync is part of the replication protocol; see `full-sync-rate-limit`";
const COMPACTION: &str = "compaction runs by itself; see `rocksdb-rate-limit`";
const USERS: &str = "make ACL users of it: see docs/security.md";
const MODE: &str = "there is one mode";
const DUMP: &str = "backups are managed by the commands that make them";

/// Options of older versions of Pika that have no counterpart.
const PIKA: &[(&str, &str)] = &[
    ("db-instance-num", TUNING),
    ("rocksdb-ttl-second", TUNING),
    ("rocksdb-periodic-second", TUNING),
    ("run-id", "a new one is made at start"),
    ("master-run-id", "kept with the data"),
    ("rtc-cache-read", POOLS),
    ("thread-pool-size", POOLS),
    ("slow-cmd-pool", POOLS),
    ("slow-cmd-thread-pool-size", POOLS),
    ("admin-thread-pool-size", POOLS),
    ("slow-cmd-list", POOLS),
    ("admin-cmd-list", POOLS),
    ("sync-thread-num", POOLS),
    ("sync-binlog-thread-num", POOLS),
    ("log-path", "the log goes to `logfile`, the binlog below `dir`"),
    ("log-retention-time", "rotate `logfile` with the system's tools"),
    ("arena-block-size", TUNING),
    ("userpass", USERS),
    ("userblacklist", USERS),
    ("root-connection-num", "connections are not reserved"),
    ("instance-mode", MODE),
    ("replication-num", MODE),
    ("consensus-level", MODE),
    ("dump-prefix", DUMP),
    ("dump-expire", DUMP),
    ("slowlog-write-errorlog", "see SLOWLOG GET"),
    ("db-sync-path", SYNC),
    ("db-sync-speed", SYNC),
    ("rsync-timeout-ms", SYNC),
    ("max-rsync-parallel-num", SYNC),
    ("internal-used-unfinished-full-sync", SYNC),
    ("sync-window-size", SYNC),
    ("network-interface", "use `bind`"),
    ("compact-cron", COMPACTION),
    ("compact-interval", COMPACTION),
    ("disable_auto_compactions", COMPACTION),
    ("max-subcompactions", COMPACTION),
    ("small-compaction-threshold", COMPACTION),
    ("small-compaction-duration-threshold", COMPACTION),
    ("max-cache-statistic-keys", COMPACTION),
    ("max-compaction-bytes", COMPACTION),
    ("min-check-resume-ratio", "use `disk-reserve`"),
    ("least-free-disk-resume-size", "use `disk-reserve`"),
    ("manually-resume-interval", "use `disk-reserve`"),
    ("write-binlog", "the binlog cannot be turned off"),
    ("server-id", "made by the server"),
    ("replication-id", "made by the server"),
    ("binlog-writer-num", "the binlog has one writer"),
    ("max-write-buffer-size", BUDGET),
    ("max-write-buffer-num", BUDGET),
    ("max-total-wal-size", "use `binlog-replay-limit`"),
    ("max-client-response-size", "use `client-output-buffer-limit`"),
    ("min-write-buffer-number-to-merge", TUNING),
    ("level0-stop-writes-trigger", TUNING),
    ("level0-slowdown-writes-trigger", TUNING),
    ("level0-file-num-compaction-trigger", TUNING),
    ("enable-db-statistics", TUNING),
    ("db-statistics-level", TUNING),
    ("compression", "use `rocksdb-compression`"),
    ("compression_per_level", "use `rocksdb-compression`"),
    ("max-background-flushes", TUNING),
    ("max-background-compactions", TUNING),
    ("delayed-write-rate", TUNING),
    ("max-bytes-for-level-multiplier", TUNING),
    ("slotmigrate", CODIS),
    ("slotmigrate-thread-num", CODIS),
    ("thread-migrate-keys-num", CODIS),
    ("default-slot-num", CODIS),
    ("block-cache", BUDGET),
    ("num-shard-bits", TUNING),
    ("share-block-cache", BUDGET),
    ("enable-partitioned-index-filters", TUNING),
    ("cache-index-and-filter-blocks", TUNING),
    ("pin_l0_filter_and_index_blocks_in_cache", TUNING),
    ("optimize-filters-for-hits", TUNING),
    ("level-compaction-dynamic-level-bytes", TUNING),
    ("rate-limiter-mode", "see `rocksdb-rate-limit`"),
    ("rate-limiter-refill-period-us", "see `rocksdb-rate-limit`"),
    ("rate-limiter-fairness", "see `rocksdb-rate-limit`"),
    ("rate-limiter-auto-tuned", "see `rocksdb-rate-limit`"),
    ("enable-blob-files", TUNING),
    ("min-blob-size", TUNING),
    ("blob-file-size", TUNING),
    ("blob-compression-type", TUNING),
    ("enable-blob-garbage-collection", TUNING),
    ("blob-garbage-collection-age-cutoff", TUNING),
    ("blob-garbage-collection-force-threshold", TUNING),
    ("blob-cache", TUNING),
    ("blob-num-shard-bits", TUNING),
    ("cache-num", CACHE),
    ("cache-model", CACHE),
    ("cache-type", CACHE),
    ("zset-cache-field-num-per-key", CACHE),
    ("zset-cache-start-direction", CACHE),
    ("cache-maxmemory", CACHE),
    ("cache-maxmemory-policy", CACHE),
    ("cache-maxmemory-samples", CACHE),
    ("cache-lfu-decay-time", CACHE),
    ("max-key-size-in-cache", CACHE),
    ("wash-data", "data of older versions is imported by replication"),
];

/// Why a directive does nothing, or what to use instead; `None` for a name that is not of this list.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    let mut all = REDIS.iter().chain(PIKA);
    all.find(|(retired, _)| retired.eq_ignore_ascii_case(name)).map(|(_, reason)| *reason)
}
