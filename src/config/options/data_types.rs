//! Options of types and of the keyspace.

super::super::row::options! { DataTypes {
    /// The classes of keyspace events to publish, one letter each: `K` and `E` choose the channels; `g$lshzxetd` the
    /// events, all of them with `A`; `n` adds new keys and `m` missing ones. Empty for none.
    NOTIFY_KEYSPACE_EVENTS: Events = Row::special("notify-keyspace-events", "", Kind::Events);

    /// How hard the server looks for expired keys, from 1 to 10. More finds them sooner and takes more of the CPU.
    /// What is expired is never shown, found or not.
    ACTIVE_EXPIRE_EFFORT: u32 = Row::integer("active-expire-effort", "1", 1, 10);

    /// How many times a second background work runs, from 1 to 500.
    HZ: u32 = Row::integer("hz", "10", 0, INT_MAX).clamp(1, 500);

    /// Up to how many fields a hash calls itself `listpack` in OBJECT ENCODING; beyond, `hashtable`. Storage is the
    /// same.
    HASH_MAX_LISTPACK_ENTRIES: u64 = Row::integer("hash-max-listpack-entries", "512", 0, i64::MAX)
        .aliases(&[Alias::redis("hash-max-ziplist-entries")]);

    /// Up to how many bytes each field and value may have for a hash to call itself `listpack`.
    HASH_MAX_LISTPACK_VALUE: Size = Row::size("hash-max-listpack-value", "64", 0, SIZE_MAX)
        .aliases(&[Alias::redis("hash-max-ziplist-value")]);

    /// Up to which size a list calls itself `listpack`: a number of elements if positive; -1 to -5 for 4, 8, 16, 32 or
    /// 64 kB.
    LIST_MAX_LISTPACK_SIZE: i64 = Row::integer("list-max-listpack-size", "-2", i32::MIN as i64, INT_MAX)
        .aliases(&[Alias::redis("list-max-ziplist-size")]);

    /// Up to how many members a set of integers calls itself `intset`.
    SET_MAX_INTSET_ENTRIES: u64 = Row::integer("set-max-intset-entries", "512", 0, i64::MAX);

    /// Up to how many members another set calls itself `listpack`.
    SET_MAX_LISTPACK_ENTRIES: u64 = Row::integer("set-max-listpack-entries", "128", 0, i64::MAX);

    /// Up to how many bytes each member may have for a set to call itself `listpack`.
    SET_MAX_LISTPACK_VALUE: Size = Row::size("set-max-listpack-value", "64", 0, SIZE_MAX);

    /// Up to how many members a sorted set calls itself `listpack`; beyond, `skiplist`.
    ZSET_MAX_LISTPACK_ENTRIES: u64 = Row::integer("zset-max-listpack-entries", "128", 0, i64::MAX)
        .aliases(&[Alias::redis("zset-max-ziplist-entries")]);

    /// Up to how many bytes each member may have for a sorted set to call itself `listpack`.
    ZSET_MAX_LISTPACK_VALUE: Size = Row::size("zset-max-listpack-value", "64", 0, SIZE_MAX)
        .aliases(&[Alias::redis("zset-max-ziplist-value")]);

    /// XADD and XTRIM with `~` trim as Redis would whose nodes have at most so many bytes (0: no limit).
    STREAM_NODE_MAX_BYTES: Size = Row::size("stream-node-max-bytes", "4kb", 0, SIZE_MAX);

    /// XADD and XTRIM with `~` trim as Redis would whose nodes have at most so many entries (0: no limit).
    STREAM_NODE_MAX_ENTRIES: u64 = Row::integer("stream-node-max-entries", "100", 0, i64::MAX);

    /// Up to how many bytes a HyperLogLog is kept in its sparse form.
    HLL_SPARSE_MAX_BYTES: Size = Row::size("hll-sparse-max-bytes", "3000", 0, SIZE_MAX);
}}

use super::super::key::Size;
use super::super::special::Events;
