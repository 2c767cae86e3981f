//! The keyspace of one partition: what is in memory, what is below it in the engine, and how commands see it.
//!
//! * [`slot`]: key → slot → partition.
//! * [`table`]: the memory of a partition: entries written lately (the overlay) or read lately (the cache).
//! * [`coverage`]: of which parts of the key space a table holds all there is.
//! * [`partition`]: a partition's whole state; the only owner of its part of the keyspace.
//! * [`shared`]: what all partitions share: the store, versions, the end of the log.
//! * [`transaction`]: what a command sees: reads through memory and engine, gathers writes, all or nothing.
//! * [`handed`]: what was written and is on its way to the engine, in lists that can be read in order.
//! * [`write_behind`]: how what was written reaches the engine.
//! * [`namespace`], [`counts`]: databases and the exact numbers kept about them.
//! * [`view`]: a kept moment, for reading elsewhere.
//! * [`load`]: a whole data set beside the one that is served, and the moment at which it takes its place.
//! * [`recovery`]: from engine and log to running partitions.
//! * [`compaction`]: which parts of the store a compaction by hand rewrites.
//! * [`expiry`]: what is due, and its removal through the log.

pub mod compaction;
pub mod counts;
pub mod coverage;
pub mod drawn;
pub mod expiry;
pub mod handed;
pub mod load;
pub mod namespace;
pub mod partition;
pub mod recovery;
pub mod shared;
pub mod slot;
pub mod table;
pub mod transaction;
pub mod view;
pub mod watch;
pub mod write_behind;
