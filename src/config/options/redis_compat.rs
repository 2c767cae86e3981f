//! Options of Redis that mean nothing here. They are checked, kept and returned, so that tools and tests made for
//! Redis can set and read them. The help says why, or what to use instead.

use super::super::row::{Alias, INT_MAX, Kind, Row, SIZE_MAX};

const DEFRAG: &str = "Belongs to active defragmentation of Redis's allocator.";
const AOF: &str = "Belongs to the append-only file; the binlog takes its place.";
const RDB: &str = "Belongs to RDB snapshots on disk; data is in RocksDB at all times.";
const EVICTION: &str = "Belongs to eviction; data that does not fit into memory stays on disk.";
const LAZY_FREE: &str = "Values are always freed in the background.";
const ENCODING: &str = "Belongs to how Redis keeps values in memory.";
const DISKLESS: &str = "A full sync sends the files of a checkpoint, or streams an RDB without a file.";
const CPU_LIST: &str = "Threads are not bound to CPUs.";
const SYSLOG: &str = "Logging goes to `logfile`.";
const CRASH: &str = "A crash always leaves a last line and ends the process.";
const KERNEL: &str = "Left to the service manager.";
const SIGNAL: &str = "SIGINT and SIGTERM shut down cleanly; there is nothing to save or to skip.";
const TEST_ONLY: &str = "Used by Redis's own tests.";

pub(in super::super) const ROWS: &[Row] = &[
    Row::boolean("activedefrag", "no").accepted(DEFRAG),
    Row::size("active-defrag-ignore-bytes", "100mb", 1, SIZE_MAX).accepted(DEFRAG),
    Row::integer("active-defrag-cycle-min", "1", 1, 99).accepted(DEFRAG),
    Row::integer("active-defrag-cycle-max", "25", 1, 99).accepted(DEFRAG),
    Row::integer("active-defrag-threshold-lower", "10", 0, 1000).accepted(DEFRAG),
    Row::integer("active-defrag-threshold-upper", "100", 0, 1000).accepted(DEFRAG),
    Row::integer("active-defrag-max-scan-fields", "1000", 1, i64::MAX).accepted(DEFRAG),
    Row::boolean("activerehashing", "yes").accepted("Tables grow in steps by themselves."),
    Row::boolean("always-show-logo", "no").fixed().accepted("There is no logo."),
    Row::boolean("appendonly", "no").accepted("Every write goes to the binlog, which cannot be turned off."),
    Row::text("appendfilename", "appendonly.aof").fixed().accepted(AOF),
    Row::text("appenddirname", "appendonlydir").fixed().accepted(AOF),
    Row::boolean("aof-disable-auto-gc", "no").accepted(AOF),
    Row::boolean("aof-rewrite-incremental-fsync", "yes").accepted(AOF),
    Row::boolean("aof-timestamp-enabled", "no").accepted(AOF),
    Row::boolean("aof-use-rdb-preamble", "yes").accepted(AOF),
    Row::integer("auto-aof-rewrite-percentage", "100", 0, INT_MAX).accepted(AOF),
    Row::size("auto-aof-rewrite-min-size", "64mb", 0, SIZE_MAX).accepted(AOF),
    Row::boolean("no-appendfsync-on-rewrite", "no").accepted(AOF),
    Row::boolean("crash-log-enabled", "yes").accepted(CRASH),
    Row::boolean("crash-memcheck-enabled", "yes").accepted(CRASH),
    Row::text("dbfilename", "dump.rdb").protected().accepted(RDB),
    Row::boolean("disable-thp", "yes").fixed().accepted(KERNEL),
    Row::boolean("dynamic-hz", "yes").accepted("Background work adapts to the load by itself."),
    Row::word("enable-module-command", "no", &["no", "yes", "local"])
        .fixed()
        .accepted("There are no modules."),
    Row::text("ignore-warnings", "").accepted("Belongs to checks of the kernel that Redis makes at start."),
    Row::integer("io-threads", "1", 1, 128).fixed().accepted("Use `threads`."),
    Row::boolean("io-threads-do-reads", "no").fixed().accepted("Use `threads`."),
    Row::boolean("jemalloc-bg-thread", "yes").accepted("Belongs to Redis's allocator."),
    Row::boolean("lazyfree-lazy-eviction", "no").accepted(LAZY_FREE),
    Row::boolean("lazyfree-lazy-expire", "no").accepted(LAZY_FREE),
    Row::boolean("lazyfree-lazy-server-del", "no").accepted(LAZY_FREE),
    Row::boolean("lazyfree-lazy-user-del", "no").accepted(LAZY_FREE),
    Row::boolean("lazyfree-lazy-user-flush", "no").accepted(LAZY_FREE),
    Row::boolean("replica-lazy-flush", "no").aliases(&[Alias::redis("slave-lazy-flush")]).accepted(LAZY_FREE),
    Row::integer("lfu-decay-time", "1", 0, INT_MAX).accepted(EVICTION),
    Row::integer("lfu-log-factor", "10", 0, INT_MAX).accepted(EVICTION),
    Row::integer("list-compress-depth", "0", 0, INT_MAX).accepted(ENCODING),
    Row::text("locale-collate", "").accepted("Strings are compared byte by byte."),
    Row::size("maxmemory", "0", 0, u64::MAX)
        .accepted("Memory is bounded by `memory-budget`; data is not evicted."),
    Row::integer("maxmemory-eviction-tenacity", "10", 0, 100).accepted(EVICTION),
    Row::word(
        "maxmemory-policy",
        "noeviction",
        &[
            "volatile-lru",
            "volatile-lfu",
            "volatile-random",
            "volatile-ttl",
            "allkeys-lru",
            "allkeys-lfu",
            "allkeys-random",
            "noeviction",
        ],
    )
    .accepted(EVICTION),
    Row::integer("maxmemory-samples", "5", 1, INT_MAX).accepted(EVICTION),
    Row::word("oom-score-adj", "no", &["no", "yes", "relative", "absolute"]).accepted(KERNEL),
    Row::special("oom-score-adj-values", "0 200 800", Kind::OomScores).accepted(KERNEL),
    Row::text("proc-title-template", "{title} {listen-addr} {server-mode}")
        .accepted("The process keeps its title."),
    Row::boolean("set-proc-title", "yes").fixed().accepted("The process keeps its title."),
    Row::word("propagation-error-behavior", "ignore", &["ignore", "panic", "panic-on-replicas"])
        .accepted("A replica that cannot apply what its master sent stops replicating, with an error."),
    Row::boolean("rdb-del-sync-files", "no").accepted(RDB),
    Row::boolean("rdb-save-incremental-fsync", "yes").accepted(RDB),
    Row::boolean("rdbchecksum", "yes").fixed().accepted(RDB),
    Row::boolean("rdbcompression", "yes").accepted(RDB),
    Row::special("save", "3600 1 300 100 60 10000", Kind::Save).accepted(RDB),
    Row::boolean("stop-writes-on-bgsave-error", "yes").accepted(RDB),
    Row::size("repl-backlog-size", "1mb", 1, SIZE_MAX)
        .accepted("Replicas catch up from the binlog; use `binlog-retention-bytes`."),
    Row::integer("repl-backlog-ttl", "3600", 0, i64::MAX)
        .accepted("Replicas catch up from the binlog; use `binlog-retention-age`."),
    Row::word("repl-diskless-load", "disabled", &["disabled", "on-empty-db", "swapdb"]).accepted(DISKLESS),
    Row::boolean("repl-diskless-sync", "yes").accepted(DISKLESS),
    Row::integer("repl-diskless-sync-delay", "5", 0, INT_MAX).accepted(DISKLESS),
    Row::integer("repl-diskless-sync-max-replicas", "0", 0, INT_MAX).accepted(DISKLESS),
    Row::boolean("replica-ignore-disk-write-errors", "no")
        .accepted("A replica that cannot write its data stops, so that it never differs silently."),
    Row::boolean("replica-ignore-maxmemory", "yes")
        .aliases(&[Alias::redis("slave-ignore-maxmemory")])
        .accepted(EVICTION),
    Row::word("sanitize-dump-payload", "no", &["no", "yes", "clients"])
        .accepted("What RESTORE and a full sync bring is always checked."),
    Row::text("server-cpulist", "").aliases(&[Alias::redis("server_cpulist")]).fixed().accepted(CPU_LIST),
    Row::text("bio-cpulist", "").aliases(&[Alias::redis("bio_cpulist")]).fixed().accepted(CPU_LIST),
    Row::text("aof-rewrite-cpulist", "")
        .aliases(&[Alias::redis("aof_rewrite_cpulist")])
        .fixed()
        .accepted(CPU_LIST),
    Row::text("bgsave-cpulist", "").aliases(&[Alias::redis("bgsave_cpulist")]).fixed().accepted(CPU_LIST),
    Row::special("shutdown-on-sigint", "default", Kind::Shutdown).accepted(SIGNAL),
    Row::special("shutdown-on-sigterm", "default", Kind::Shutdown).accepted(SIGNAL),
    Row::integer("socket-mark-id", "0", 0, u32::MAX as i64).fixed().accepted("Sockets are not marked."),
    Row::boolean("syslog-enabled", "no").fixed().accepted(SYSLOG),
    Row::text("syslog-ident", "redis").fixed().accepted(SYSLOG),
    Row::word(
        "syslog-facility",
        "local0",
        &["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"],
    )
    .fixed()
    .accepted(SYSLOG),
    Row::integer("rdb-key-save-delay", "0", i32::MIN as i64, INT_MAX).hidden().accepted(TEST_ONLY),
    Row::integer("key-load-delay", "0", i32::MIN as i64, INT_MAX).hidden().accepted(TEST_ONLY),
    Row::integer("loading-process-events-interval-bytes", "2097152", 1024, INT_MAX)
        .hidden()
        .accepted(TEST_ONLY),
    Row::boolean("use-exit-on-panic", "no").hidden().accepted(TEST_ONLY),
    Row::integer("watchdog-period", "0", 0, INT_MAX).hidden().accepted(TEST_ONLY),
    Row::boolean("lua-enable-deprecated-api", "no")
        .fixed()
        .hidden()
        .accepted("Scripts see Redis's current API."),
];
