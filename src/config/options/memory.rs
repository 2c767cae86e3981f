//! The memory budget and the threads.

super::super::row::options! { Memory {
    /// How many bytes of memory the server may use for data: recent writes, hot values, RocksDB's blocks and write
    /// buffers, and clients' buffers together. 0 takes a share of what the machine or the container grants.
    ///
    /// Danger: too much makes the machine swap, or the kernel kill the server.
    MEMORY_BUDGET: Size = Row::size("memory-budget", "0", 0, SIZE_MAX);

    /// How much of the memory for entries (about half of the budget) may hold writes that RocksDB does not have yet, in
    /// percent; the rest caches what was read. When it is full, commands that write wait, and others go on. It takes
    /// effect at the next start.
    MEMORY_OVERLAY_PERCENT: u32 = Row::integer("memory-overlay-percent", "25", 1, 80);

    /// How many threads serve clients and own the data; 0 takes half the cores, at least one.
    THREADS: u32 = Row::integer("threads", "0", 0, 1024).aliases(&[Alias::pika("thread-num")]).fixed();

    /// How many threads read from disk what is not in memory. More help where the disk can do many things at once.
    READ_THREADS: u32 = Row::integer("read-threads", "4", 1, 1024)
        .aliases(&[Alias::pika("io-threads-cold-reads")])
        .fixed();
}}

use super::super::key::Size;
