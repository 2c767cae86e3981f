//! What a slave of this server sends on its connection behind PSYNC.
//!
//! Only words about replication are answered by nothing. Any other command would write its reply into the stream, or be
//! waited for in vain: as in Redis, whoever sends one is no slave, and is disconnected with a line in the log.

use pika_core::commands::Flags;
use pika_core::commands::args::Args;
use pika_core::commands::table::{self, Entry};

use super::Core;
use crate::state::lock;

/// Commands that a slave may send on its link.
const OF_SLAVES: [&[u8]; 3] = [b"replconf", b"psync", b"sync"];

impl Core {
    /// Disconnects a slave that sends a command with a reply, be it in the same packet as its SYNC. Whether it did.
    pub(super) fn disconnects_replica(&mut self, args: Args<'_>) -> bool {
        if !self.is_replica {
            return false;
        }
        if OF_SLAVES.iter().any(|name| args.word(0).eq_ignore_ascii_case(name)) {
            return false;
        }
        let entry = table::resolve_as_named(args).ok();
        let mut name = entry.map_or("<unknown>".to_string(), |entry| entry.full_name.to_string());
        if entry.is_some_and(|entry| entry.is_container()) && args.len() > 1 {
            name = format!("{name}|{}", args.word(1).to_ascii_lowercase().escape_ascii());
        }
        let of_keys = [Flags::READONLY, Flags::WRITE, Flags::MAY_REPLICATE];
        if entry.is_some_and(|entry| of_keys.into_iter().any(|flag| entry.command.flags.has(flag))) {
            slog::warn!(
                self.state.logger,
                "== CRITICAL == This master is sending an error to its replica: \
                'ERR Replica can't interact with the keyspace' after processing the command '{}'",
                name
            );
        }
        let address = lock(&self.handle.session).address.clone();
        slog::warn!(
            self.state.logger,
            "Replica generated a reply to command '{}', disconnecting it: id={} addr={}",
            name,
            self.id,
            address
        );
        self.close();
        true
    }

    /// Tells the operator of a slave whose PSYNC is answered with an error.
    pub(super) fn note_refused_synchronization(&self, entry: &Entry, error: &[u8]) {
        if entry.full_name == "psync" && error.starts_with(b"ERR value is not an integer") {
            let address = &lock(&self.handle.session).address;
            slog::warn!(
                self.state.logger,
                "Replica {} asks for synchronization but with a wrong offset",
                address
            );
        }
    }
}
