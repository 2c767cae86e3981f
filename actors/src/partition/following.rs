//! What a master sent, in one partition.

use pika_core::commands::Flags;
use pika_core::keyspace::partition::Role;

use super::Host;
use crate::work::Work;

impl Host {
    /// Begins commands of a master's stream, which nothing may hold up half-way: until the last of them has run, this
    /// partition has reached no offset that it could hand off with. So what they read is fetched first. What they turn
    /// out to need beyond that, they read elsewhere, with the state lent to them.
    pub(super) fn begin_followed(&mut self, work: Box<Work>) -> Option<Box<Work>> {
        if self.partition().dirty_bytes() > self.overlay_limit {
            self.crowded.push_back(work);
            self.send_tick();
            return None;
        }
        let mut work = self.fetched(work, |op, words| {
            // A plain SET does not look at what it replaces.
            let blind = op.entry.command.name == "set" && words.len() == 3;
            op.entry.command.flags.has(Flags::WRITE) && !blind
        })?;
        self.partition().role = Role::Follower;
        work.begun = true;
        Some(work)
    }
}
