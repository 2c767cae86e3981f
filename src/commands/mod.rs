//! What a client can ask: one file per family, one declaration per command.
//!
//! A command is a [`spec::Command`] row and a function. A command on keys gets a [`Context`]: a transaction to
//! read and write through, and a reply to write into. It must be a pure function of those: when it stops with
//! a need, its reply is cut back and it is run again. To add a command, add its row and its function to its
//! family's file; nothing else names commands.

pub mod acl;
mod answer;
pub mod args;
pub mod bitmap;
mod client;
pub mod connection;
mod database;
pub mod document;
pub mod element_scan;
pub mod execute;
pub mod generic;
mod geo;
pub mod hash;
mod help;
mod hyperloglog;
pub mod list;
mod monitor;
pub(crate) mod pubsub;
pub mod redact;
pub mod renamed;
pub mod scripting;
mod server;
pub mod set;
pub mod sorted_set;
pub mod spec;
mod stream;
pub mod string;
pub mod syntax;
pub mod table;
pub mod timeout;
pub mod touched;
mod transactions;

pub use args::Args;
pub use spec::{Arity, Begin, Command, Find, Flags, Group, KeyFlags, Keys, Run};

use std::sync::Arc;

use crate::acl::User;
use crate::config::Events;
use crate::keyspace::transaction::{Stop, Transaction};
use crate::keyspace::watch::Watch;
use crate::resp::Reply;

/// How a command on keys ends.
pub type RunResult = Result<(), Stop>;

/// A command on keys.
pub type KeyRun = fn(&mut Context<'_, '_>, Args<'_>) -> RunResult;

/// What a command on keys works with.
#[derive(Debug)]
pub struct Context<'a, 'b> {
    /// The keyspace.
    pub txn: Transaction<'a>,
    /// Where the answer goes.
    pub reply: &'b mut Reply,
    /// Options that commands depend on.
    pub settings: &'b Settings,
    /// What the client watches.
    pub watch: Option<&'b Arc<Watch>>,
    /// The client's user, if it may not do everything: for what its words do not tell beforehand.
    pub user: Option<&'b User>,
    /// A script calls it: what has no order comes sorted, where Redis does so.
    pub scripted: bool,
}

/// Options that commands on keys depend on; a copy that CONFIG SET replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Longest string, bytes (`proto-max-bulk-len`).
    pub max_bulk_len: u64,
    /// OBJECT ENCODING of a hash says `listpack` up to so many fields.
    pub hash_max_listpack_entries: usize,
    /// OBJECT ENCODING of a hash says `listpack` if no field or value is longer, bytes.
    pub hash_max_listpack_value: usize,
    /// OBJECT ENCODING of a list says `listpack` within this limit: a number of elements, or, negative, -1 to -5, a
    /// size of 4 to 64 KiB.
    pub list_max_listpack_size: i64,
    /// OBJECT ENCODING of a set of integers says `intset` up to so many members.
    pub set_max_intset_entries: usize,
    /// OBJECT ENCODING of a set says `listpack` up to so many members.
    pub set_max_listpack_entries: usize,
    /// OBJECT ENCODING of a set says `listpack` if no member is longer, bytes.
    pub set_max_listpack_value: usize,
    /// OBJECT ENCODING of a sorted set says `listpack` up to so many members.
    pub zset_max_listpack_entries: usize,
    /// OBJECT ENCODING of a sorted set says `listpack` if no member is longer, bytes.
    pub zset_max_listpack_value: usize,
    /// XADD's and XTRIM's `~` trims whole nodes; Redis's have at most so many entries (0: no limit).
    pub stream_node_max_entries: u64,
    /// Redis's stream nodes have at most so many bytes (0: no limit).
    pub stream_node_max_bytes: u64,
    /// A HyperLogLog is kept sparse up to so many bytes.
    pub hll_sparse_max_bytes: usize,
    /// Which events are published.
    pub events: Events,
    /// `maxmemory-policy`: OBJECT FREQ and IDLETIME answer by it.
    pub lfu_policy: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_bulk_len: 512 * 1024 * 1024,
            hash_max_listpack_entries: 128,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_entries: 100,
            stream_node_max_bytes: 4096,
            hll_sparse_max_bytes: 3000,
            events: Events::default(),
            lfu_policy: false,
        }
    }
}
