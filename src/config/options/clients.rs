//! Limits on clients and on what they send.

super::super::row::options! { Clients {
    /// How many clients may be connected at once; one more is answered with an error and closed. Each needs a file
    /// descriptor, so the process's limit on those may lower it at start.
    MAXCLIENTS: u32 = Row::integer("maxclients", "10000", 1, u32::MAX as i64);

    /// After how many seconds without a command an ordinary client is disconnected; 0 for never.
    TIMEOUT: u32 = Row::integer("timeout", "0", 0, INT_MAX);

    /// In how many seconds a client must take each megabyte of a long reply (of HGETALL, SMEMBERS, LRANGE, ZRANGE, XRANGE,
    /// KEYS and their kin), or it is disconnected; 0 for as long as it likes. Such a reply is made piece by piece as
    /// the client takes it, and until its end the moment is kept that it shows: what is deleted meanwhile keeps its room
    /// on the disk.
    LONG_REPLY_TIMEOUT: u32 = Row::integer("long-reply-timeout", "60", 0, INT_MAX);

    /// The longest single string that a client may send, in bytes.
    PROTO_MAX_BULK_LEN: Size = Row::size("proto-max-bulk-len", "512mb", 1 << 20, SIZE_MAX);

    /// How many bytes of a client's unfinished or unanswered requests are kept before it is disconnected.
    CLIENT_QUERY_BUFFER_LIMIT: Size = Row::size("client-query-buffer-limit", "1gb", 1 << 20, SIZE_MAX)
        .aliases(&[Alias::pika("max-conn-rbuf-size")]);

    /// When a client that does not read its replies is disconnected. For each class (normal, replica, pubsub): a hard
    /// limit in bytes, a soft limit in bytes, and for how many seconds the soft one may be exceeded. 0 means no limit.
    /// A class that is not named keeps its limits.
    CLIENT_OUTPUT_BUFFER_LIMIT: BufferLimits = Row::special(
        "client-output-buffer-limit",
        "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60",
        Kind::BufferLimits,
    );

    /// How many bytes the buffers of all clients may take together, or which percentage of `memory-budget`; 0 for any
    /// number. Above it the clients that take most are disconnected, but for those with CLIENT NO-EVICT, and slaves.
    MAXMEMORY_CLIENTS: Portion = Row::special("maxmemory-clients", "0", Kind::SizeOrPercent);

    /// How many keys are remembered on behalf of clients that cache (CLIENT TRACKING). Past it, keys are forgotten and
    /// their clients told to drop them. 0 for no limit.
    TRACKING_TABLE_MAX_KEYS: u64 = Row::integer("tracking-table-max-keys", "1000000", 0, i64::MAX);

    /// After how many milliseconds of one script or function other clients are answered BUSY and may stop it; 0 for
    /// never.
    BUSY_REPLY_THRESHOLD: u64 = Row::integer("busy-reply-threshold", "5000", 0, i64::MAX)
        .aliases(&[Alias::redis("lua-time-limit")]);
}}

use super::super::key::Size;
use super::super::special::{BufferLimits, Portion};
