//! Commands about the server.

mod admin;
mod checkpoint;
mod command;
mod config;
mod debug;
mod debug_data;
mod failover;
mod info;
mod latency;
mod lolwut;
mod memory;
mod refetch;
mod replica;
mod replication;
mod slowlog;
mod verify;

use super::Command;

/// The server commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    admin::BGREWRITEAOF,
    admin::BGSAVE,
    checkpoint::CHECKPOINT,
    command::COMMAND,
    admin::COMPACT,
    admin::COMPACTRANGE,
    config::CONFIG,
    debug::DEBUG,
    admin::DELBACKUP,
    failover::FAILOVER,
    info::INFO,
    admin::LASTSAVE,
    latency::LATENCY,
    lolwut::LOLWUT,
    memory::MEMORY,
    replica::PSYNC,
    admin::PURGELOGSTO,
    refetch::REFETCH,
    replica::REPLCONF,
    replication::REPLICAOF,
    replication::ROLE,
    admin::SAVE,
    admin::SHUTDOWN,
    replication::SLAVEOF,
    slowlog::SLOWLOG,
    replica::SYNC,
    info::TIME,
    verify::VERIFY,
    replica::WAIT,
    replica::WAITAOF,
];

#[cfg(test)]
mod tests;
