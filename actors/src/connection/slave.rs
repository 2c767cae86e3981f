//! What a slave refuses its clients.

use pika_core::commands::Flags;
use pika_core::commands::spec::{Command, Queue, Run};
use pika_core::commands::table::Entry;
use pika_core::config::options;

use super::Core;

impl Core {
    /// Why a slave does not run a command, if it does not: it may not write, or its data is stale and the command
    /// depends on data.
    pub(super) fn slave_refusal(&self, entry: &Entry) -> Option<Vec<u8>> {
        let command = entry.command;
        // EXEC is what it runs: this was a master, or up to date, when that was queued.
        let any = |wanted: &dyn Fn(&Command) -> bool| match (command.run, &self.transaction) {
            (Run::Queue(Queue::Run), Some(transaction)) => {
                wanted(command) || transaction.commands().any(wanted)
            }
            _ => wanted(command),
        };
        if any(&Command::is_write) && self.state.config().get(options::REPLICA_READ_ONLY) {
            return Some(crate::partition::READ_ONLY.into());
        }
        if !self.state.following.is_up()
            && any(&|command| !command.flags.has(Flags::STALE))
            && !self.state.config().get(options::REPLICA_SERVE_STALE_DATA)
        {
            let error = b"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
            return Some(error.to_vec());
        }
        None
    }
}
