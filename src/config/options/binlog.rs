//! The log of writes: when it is safe on disk, and how long it is kept.

super::super::row::options! { Binlog {
    /// When a write is safe on disk. `always`: before it is answered, and clients that write together share the wait.
    /// `everysec`: within about a second. `no`: when the operating system likes.
    ///
    /// Danger: when the machine fails, the last two lose what was answered since. A crash of the server alone loses
    /// nothing.
    APPENDFSYNC: AppendFsync = Row::choice::<AppendFsync>("appendfsync", "everysec");

    /// After how many bytes the binlog starts a new file.
    BINLOG_SEGMENT_SIZE: Size = Row::size("binlog-segment-size", "64mb", 1 << 20, 1 << 30)
        .aliases(&[Alias::pika("binlog-file-size")]);

    /// How many bytes of binlog are kept for replicas and for restoring to a point in time. What the data does not
    /// hold yet is kept in any case. Under its old name, which counts files, a file is 100 MiB.
    BINLOG_RETENTION_BYTES: Size = Row::size("binlog-retention-bytes", "1gb", 0, SIZE_MAX)
        .aliases(&[Alias::scaled("expire-logs-nums", 100 << 20)]);

    /// After how many seconds a binlog file is removed, even if there would be room for it; 0 for never. Under its old
    /// name it counts days.
    BINLOG_RETENTION_AGE: u64 = Row::integer("binlog-retention-age", "604800", 0, i64::MAX)
        .aliases(&[Alias::scaled("expire-logs-days", 86_400)]);

    /// How many bytes of binlog may have to be replayed after a crash. A smaller number starts faster and flushes more
    /// often.
    BINLOG_REPLAY_LIMIT: Size = Row::size("binlog-replay-limit", "128mb", 1 << 20, SIZE_MAX);

    /// Whether the server starts when the end of its log is torn, as after a loss of power, and leaves out what is no
    /// whole record; with `no` it does not start, and changes nothing. The same for the append-only files that are
    /// imported.
    AOF_LOAD_TRUNCATED: bool = Row::boolean("aof-load-truncated", "yes");

    /// How many milliseconds apart recent writes are moved from memory to RocksDB, if their amount does not ask for it
    /// before. They are in the binlog long before. A key that is written often moves once an interval.
    WRITE_BEHIND_INTERVAL_MS: u32 = Row::integer("write-behind-interval-ms", "2000", 1, 60000);
}}

use super::super::choice::AppendFsync;
use super::super::key::Size;
