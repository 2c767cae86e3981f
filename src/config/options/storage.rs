//! Where data lies, and how RocksDB keeps it.

super::super::row::options! { Storage {
    /// The folder with everything that the server keeps: data, binlog, backups. Relative to the folder that the server
    /// was started in.
    DIR: String = Row::text("dir", "./data").aliases(&[Alias::pika("db-path")]).fixed();

    /// The folder for backups (BGSAVE), inside `dir` if relative. Backups share files with the data by hard links, so
    /// it must be on the same file system.
    BACKUP_DIR: String = Row::text("backup-dir", "backup").aliases(&[Alias::pika("dump-path")]);

    /// How many databases SELECT can choose from, counted from 0.
    ///
    /// Danger: with fewer than before, keys in the databases beyond cannot be reached.
    DATABASES: u32 = Row::integer("databases", "16", 1, INT_MAX).fixed();

    /// How many bytes of the disk are left free: below that, writes are refused, while reads and deletes go on, until
    /// there is space again.
    DISK_RESERVE: Size = Row::size("disk-reserve", "1gb", 0, SIZE_MAX);

    /// How many files RocksDB may keep open; -1 for all that the system's limit leaves. Fewer save file descriptors and
    /// memory, and cost reads. If the limit is too low, they are fewer.
    ROCKSDB_MAX_OPEN_FILES: i64 = Row::integer("rocksdb-max-open-files", "4096", -1, INT_MAX)
        .aliases(&[Alias::pika("max-cache-files")])
        .fixed();

    /// How many threads flush and compact; 0 takes half the cores, at least two.
    ROCKSDB_MAX_BACKGROUND_JOBS: u32 = Row::integer("rocksdb-max-background-jobs", "0", 0, 1024)
        .aliases(&[Alias::pika("max-background-jobs")])
        .fixed();

    /// How many bytes a second flushes and compactions may write; 0 for no limit.
    ///
    /// Danger: a limit below what comes in makes compactions fall behind, and in the end slows down writers.
    ROCKSDB_RATE_LIMIT: Size = Row::size("rocksdb-rate-limit", "0", 0, SIZE_MAX)
        .aliases(&[Alias::pika("rate-limiter-bandwidth")])
        .fixed();

    /// How blocks are compressed on disk. Files written before a change keep theirs until they are compacted.
    ROCKSDB_COMPRESSION: Compression = Row::choice::<Compression>("rocksdb-compression", "lz4").fixed();

    /// How many bytes RocksDB reads and caches at a time. Larger blocks compress better, smaller ones suit single keys.
    ROCKSDB_BLOCK_SIZE: Size = Row::size("rocksdb-block-size", "4kb", 1 << 10, 1 << 20)
        .aliases(&[Alias::pika("block-size")])
        .fixed();

    /// The size in bytes of a data file of the first level.
    ROCKSDB_TARGET_FILE_SIZE: Size = Row::size("rocksdb-target-file-size", "64mb", 1 << 20, 4 << 30)
        .aliases(&[Alias::pika("target-file-size-base")])
        .fixed();

    /// How many bytes RocksDB collects in memory before it writes a file; 0 takes a share of the memory budget.
    ROCKSDB_WRITE_BUFFER_SIZE: Size = Row::size("rocksdb-write-buffer-size", "0", 0, 16 << 30)
        .aliases(&[Alias::pika("write-buffer-size")]);
}}

use super::super::choice::Compression;
use super::super::key::Size;
