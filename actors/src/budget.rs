//! How memory is divided: partitions, RocksDB's block cache, its memtables, and what is on its way between them.

use pika_core::config::choice::Compression;
use pika_core::config::{Config, options};
use pika_core::engine::rocks::RocksOptions;

use crate::file_limit::FileLimit;
use crate::state::Budget;
use crate::system;

/// Divides the memory budget.
pub fn budget(config: &Config) -> Budget {
    let limit = system::memory_limit();
    let total = match config.get(options::MEMORY_BUDGET) {
        // What the operating system, buffers and the allocator need stays free.
        0 => limit / 2,
        given => given,
    };
    let percent = u64::from(config.get(options::MEMORY_OVERLAY_PERCENT));
    let write_buffer = match config.get(options::ROCKSDB_WRITE_BUFFER_SIZE) {
        0 => (total / 16).clamp(8 << 20, 64 << 20),
        given => given,
    };
    let hand_off = (total / 32).clamp(1 << 20, 128 << 20);
    // Up to three memtables: one that fills, two that are flushed. A hand-off is there twice while it is written. What is
    // left: the hot table and the block cache.
    let rest = total.saturating_sub(write_buffer * 3 + hand_off * 2).max(16 << 20);
    let tables = rest / 2;
    Budget {
        total,
        overlay: (tables * percent / 100).max(1 << 20),
        tables,
        block_cache: rest - tables,
        write_buffer,
        hand_off,
    }
}

/// RocksDB's limits, as the budget and the options say.
pub fn rocks_options(config: &Config, budget: &Budget, files: &FileLimit) -> RocksOptions {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    RocksOptions {
        cache_bytes: budget.block_cache as usize,
        write_buffer_bytes: budget.write_buffer as usize,
        batch_bytes: budget.hand_off as usize,
        max_open_files: files.store.map_or(-1, |store| i32::try_from(store).unwrap_or(i32::MAX)),
        background_jobs: match config.get(options::ROCKSDB_MAX_BACKGROUND_JOBS) {
            0 => i32::try_from((cores / 2).max(2)).unwrap_or(2),
            given => i32::try_from(given).unwrap_or(2),
        },
        rate_limit: config.get(options::ROCKSDB_RATE_LIMIT),
        compression: match config.get(options::ROCKSDB_COMPRESSION) {
            Compression::None => "none".into(),
            Compression::Lz4 => "lz4".into(),
            Compression::Zstd => "zstd".into(),
        },
        block_bytes: config.get(options::ROCKSDB_BLOCK_SIZE) as usize,
        file_bytes: config.get(options::ROCKSDB_TARGET_FILE_SIZE),
    }
}
