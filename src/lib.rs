//! The core of Pika: Redis's dialect, the keyspace, the log and the formats.
//!
//! Synchronous and deterministic: no sockets, no threads, no clock. Time and bytes come in, effects go out;
//! the `pika` package in `actors/` is the shell that owns the rest. Layers, each using only those above it:
//!
//! 1. bytes: [`resp`], [`number`], [`glob`], [`rdb`], [`files`], [`engine`];
//! 2. what is on disk: [`encoding`];
//! 3. the keyspace of a partition: [`keyspace`];
//! 4. what a data type can do: [`types`];
//! 5. what a client can ask: [`commands`], with [`session`] (one client), [`server`] (what commands ask of the
//!    shell), [`acl`] (who may ask), [`config`], [`info`] and [`slowlog`] (what the server tells of itself);
//! 6. what clients get that they did not ask for just now: [`pubsub`], [`tracking`], [`monitor`], as [`push`];
//! 7. what leaves the process: [`binlog`], and [`replication`].

pub mod acl;
pub mod binlog;
pub mod commands;
pub mod config;
pub mod encoding;
pub mod engine;
pub mod files;
pub mod glob;
pub mod info;
pub mod keyspace;
pub mod monitor;
pub mod number;
pub mod pubsub;
pub mod push;
pub mod rdb;
pub mod replication;
pub mod resp;
pub mod scripting;
pub mod server;
pub mod session;
pub mod slowlog;
#[doc(hidden)]
pub mod testing;
pub mod tracking;
pub mod types;
