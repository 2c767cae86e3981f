//! What a client takes of the memory, and giving back what it does not need.

use std::sync::atomic::Ordering;

use actix::prelude::*;
use bytes::BytesMut;

use super::{Connection, Core, READ_ROOM};
use crate::eviction::{self, ENTRY, IDLE_CLIENT};
use crate::message::Shrink;

impl Core {
    /// Notes what the client takes now, for CLIENT LIST and `maxmemory-clients`; closes it if it is to make room.
    pub(super) fn note_memory(&mut self) {
        if self.closed {
            return;
        }
        if self.under_way == 0 {
            self.handle.input_bytes.store(self.input.len(), Ordering::Relaxed);
        }
        self.handle.input_capacity.store(self.input.capacity() - self.input.len(), Ordering::Relaxed);
        let memory = self.memory();
        if self.state.eviction.note(&self.handle.held, memory) {
            eviction::enforce(&self.state);
        }
        if eviction::is_evicted(&self.handle) {
            self.close();
        }
    }

    /// Room that was never written takes no memory of the machine's, but for what a read may have filled.
    fn memory(&self) -> usize {
        let named = |(bytes, count): (usize, usize)| bytes + count * ENTRY;
        IDLE_CLIENT
            + self.input.len()
            + (self.input.capacity() - self.input.len()).min(READ_ROOM.1)
            + self.parsed.as_ref().map_or(0, |parsed| parsed.frame.len() + parsed.inline.len())
            + self.output.len()
            + self.held_bytes
            + self.transaction.as_ref().map_or(0, |transaction| transaction.memory())
            + self.watch.as_ref().map_or(0, |watch| named(watch.names()))
            + self.interests
    }

    /// What the channels, patterns and prefixes take that a client asked for.
    pub(super) fn note_interests(&mut self, session: &pika_core::session::Session) {
        let counts = &session.subscriptions;
        let prefixes = session.tracking.iter().flat_map(|tracking| &tracking.options.prefixes);
        self.interests = (counts.channels + counts.patterns + counts.shards) * ENTRY
            + prefixes.map(|prefix| prefix.len() + ENTRY).sum::<usize>();
    }
}

impl Handler<Shrink> for Connection {
    type Result = ();

    fn handle(&mut self, _: Shrink, _: &mut Self::Context) {
        let mut core = self.core.borrow_mut();
        if core.input.is_empty() {
            core.input = BytesMut::new();
            core.read_room = READ_ROOM.0;
        }
        if core.output.is_empty() {
            core.output = BytesMut::new();
        }
        if core.under_way == 0 && core.parsed.is_none() {
            core.spare = Default::default();
            core.spare_work = None;
        }
        core.note_memory();
        if !core.input.is_empty() {
            // It waits for the rest of a request: nothing to give back, and nothing to come back for.
            core.handle.input_capacity.store(0, Ordering::Relaxed);
        }
    }
}
