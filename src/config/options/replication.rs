//! Options of masters and replicas.

super::super::row::options! { Replication {
    /// The host and port of the server to replicate; empty for none. At run time use the command REPLICAOF.
    ///
    /// Danger: the data of this server is replaced by the master's.
    REPLICAOF: Master = Row::special("replicaof", "", Kind::Master).aliases(&[Alias::redis("slaveof")]).fixed();

    /// The user that a replica logs in to its master as; empty for `default`.
    MASTERUSER: String = Row::text("masteruser", "").secret();

    /// The password that a replica logs in to its master with; empty for none.
    MASTERAUTH: String = Row::text("masterauth", "").secret();

    /// The address that a replica connects to its master from; empty for the one that the operating system picks. With
    /// one, a full sync comes as an RDB file, whatever `full-sync-files` says.
    BIND_SOURCE_ADDR: String = Row::text("bind-source-addr", "");

    /// Whether a replica refuses writes of its clients.
    ///
    /// Danger: what is written to a replica differs from its master, and is lost with the next full sync.
    REPLICA_READ_ONLY: bool = Row::boolean("replica-read-only", "yes").aliases(&[Alias::redis("slave-read-only")]);

    /// Whether a replica that has lost its master, or is in its first sync, answers from the data that it has; if not,
    /// most commands get an error.
    REPLICA_SERVE_STALE_DATA: bool = Row::boolean("replica-serve-stale-data", "yes")
        .aliases(&[Alias::redis("slave-serve-stale-data")]);

    /// Which replica Sentinel promotes first: the one with the lowest number. One with 0 is never promoted.
    REPLICA_PRIORITY: u32 = Row::integer("replica-priority", "100", 0, INT_MAX)
        .aliases(&[Alias::redis("slave-priority")]);

    /// Whether the master lists this replica, so that Sentinel finds it.
    REPLICA_ANNOUNCED: bool = Row::boolean("replica-announced", "yes");

    /// The address that a replica gives its master, for networks that translate addresses; empty for the one that the
    /// master sees.
    REPLICA_ANNOUNCE_IP: String = Row::text("replica-announce-ip", "").aliases(&[Alias::redis("slave-announce-ip")]);

    /// The port that a replica gives its master; 0 for the one that it listens on.
    REPLICA_ANNOUNCE_PORT: u16 = Row::integer("replica-announce-port", "0", 0, 65535)
        .aliases(&[Alias::redis("slave-announce-port")]);

    /// After how many seconds of silence a master or a replica takes the other for gone. Must be more than
    /// `repl-ping-replica-period`.
    REPL_TIMEOUT: u32 = Row::integer("repl-timeout", "60", 1, INT_MAX);

    /// How many seconds apart a master pings its replicas.
    REPL_PING_REPLICA_PERIOD: u32 = Row::integer("repl-ping-replica-period", "10", 1, INT_MAX)
        .aliases(&[Alias::redis("repl-ping-slave-period")]);

    /// Whether the stream to replicas waits to fill packets: less traffic, and up to 40 ms more delay.
    REPL_DISABLE_TCP_NODELAY: bool = Row::boolean("repl-disable-tcp-nodelay", "no");

    /// How many replicas must be connected and in time (`min-replicas-max-lag`) for this master to take writes; 0 for
    /// any number.
    MIN_REPLICAS_TO_WRITE: u32 = Row::integer("min-replicas-to-write", "0", 0, INT_MAX)
        .aliases(&[Alias::redis("min-slaves-to-write")]);

    /// How many seconds ago a replica may last have reported to be in time.
    MIN_REPLICAS_MAX_LAG: u32 = Row::integer("min-replicas-max-lag", "10", 0, INT_MAX)
        .aliases(&[Alias::redis("min-slaves-max-lag")]);

    /// How many bytes a second a full sync may send; 0 for no limit.
    FULL_SYNC_RATE_LIMIT: Size = Row::size("full-sync-rate-limit", "0", 0, SIZE_MAX)
        .aliases(&[Alias::pika("throttle-bytes-per-second")]);

    /// Whether a full sync between two Pikas moves the files of a checkpoint, which can be resumed, instead of an RDB
    /// file. Both must say so.
    FULL_SYNC_FILES: bool = Row::boolean("full-sync-files", "yes");

    /// How many seconds a checkpoint is kept for replicas after it was last used: so long a replica whose full sync
    /// was interrupted can go on with it.
    FULL_SYNC_CHECKPOINT_KEEP_SECONDS: u32 =
        Row::integer("full-sync-checkpoint-keep-seconds", "3600", 1, INT_MAX);
}}

use super::super::key::Size;
use super::super::special::Master;
