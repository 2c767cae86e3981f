//! The Pika daemon: actors, sockets, files, clocks, signals around the core.
//!
//! ```text
//!  listener ──► connection ──► partition ──► binlog          (one message per partition and read;
//!                   │              │            │             local partitions are called directly)
//!                   ▼              ▼            ▼
//!                 admin      write-behind,   segments
//!                            read pool ──► RocksDB
//! ```
//! * [`listener`]: accepts; gives each socket to one of the serving arbiters. [`listening`]: where; it may change.
//! * [`tls`]: encryption: what the configuration says, put to use.
//! * [`eviction`]: the bound of what all clients take together.
//! * [`connection`]: one client: parses what a read brought, routes it, keeps replies in order.
//! * [`partition`]: owns a [`pika_core::keyspace::partition::Partition`]; runs commands; a group of writes a tick.
//! * [`binlog`]: the log's file: group commit, fsync policy, rotation, retention.
//! * [`alarms`]: who waits for keys of several partitions. * [`work`]: what travels between them. * [`elsewhere`]: commands on threads that may wait.
//! * [`write_behind`]: the only writer of RocksDB. * [`reads`]: threads that wait for the disk.
//! * [`compaction`]: rewriting the store by hand, and after a flush.
//! * [`expirer`]: finds what is due. * [`admin`]: INFO, CONFIG, BGSAVE, SHUTDOWN, on a thread that may wait.
//! * [`replication`]: slaves: their links, snapshots, and who waits for them.
//! * [`export`]: all data as an RDB file.
//! * [`slave`]: the link to a master. [`following`]: what all know of it. [`followed`]: its stream on its way through
//!   the partitions. [`loading`]: whole data sets into the store. [`import`]: the same without a server.
//! * [`verify`]: the data compared with another server's.
//! * [`budget`]: how memory is divided. [`file_limit`]: who gets how many file descriptors.
//! * [`state`]: what all of them share. [`service`]: what commands ask of the server.
//! * [`server`]: the order of starting and stopping.

pub mod admin;
pub mod alarms;
pub mod backup;
pub mod binlog;
pub mod budget;
pub mod compaction;
pub mod connection;
pub mod cron;
pub mod elsewhere;
pub mod eviction;
pub mod expirer;
pub mod export;
pub mod file_limit;
pub mod followed;
pub mod following;
pub mod import;
pub mod inbox;
pub mod listener;
pub mod listening;
pub mod loading;
pub mod logging;
pub mod long_reply;
pub mod message;
pub mod messaging;
pub mod migration;
pub mod opening;
pub mod partition;
pub mod populate;
pub mod reads;
pub mod replication;
pub mod router;
pub mod scripts;
pub mod server;
pub mod service;
pub mod shutdown;
pub mod slave;
pub mod socket;
pub mod state;
pub mod system;
pub mod tls;
mod users;
pub mod verify;
pub mod views;
pub mod work;
pub mod write_behind;
