//! What a master sent, in one partition.

use pika_core::commands::Flags;
use pika_core::commands::execute::missing;
use pika_core::keyspace::partition::Role;
use pika_core::keyspace::transaction::Source;

use super::{Host, environment};
use crate::work::Work;

impl Host {
    /// Begins commands of a master's stream, which nothing may hold up half-way: until the last of them has run, this
    /// partition has reached no offset that it could hand off with. So what they read is fetched first. What they turn
    /// out to need beyond that, they read elsewhere, with the state lent to them.
    pub(super) fn begin_followed(&mut self, mut work: Box<Work>) -> Option<Box<Work>> {
        if self.partition().dirty_bytes() > self.overlay_limit {
            self.crowded.push_back(work);
            self.send_tick();
            return None;
        }
        let settings = self.settings.clone();
        let mut needs = Vec::new();
        let state = self.state.clone();
        for op in &work.ops {
            // It does not look at what it replaces.
            let words = work.args(op);
            let blind = op.entry.command.name == "set" && words.len() == 3;
            if blind || !op.entry.command.flags.has(Flags::WRITE) {
                continue;
            }
            let environment = environment(&work, op.database, self.now_ms, &settings, &state);
            let partition = self.partition.as_mut()?;
            match missing(op.entry.command, words, Source::One(partition), environment) {
                Ok(more) => needs.extend(more),
                Err(error) => crate::server::fail_stop(&self.state.logger, &error.to_string()),
            }
        }
        if !needs.is_empty() {
            self.fetch(work, needs);
            return None;
        }
        self.partition().role = Role::Follower;
        work.begun = true;
        Some(work)
    }
}
