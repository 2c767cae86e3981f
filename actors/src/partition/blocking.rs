//! Commands that wait for a key: BLPOP and its like.
//!
//! A command that finds nothing to take stops with a [`Block`]; its partition keeps it, and runs it again when a commit
//! changes one of its keys: in the order of the changes, and for each key in the order in which clients came. Between
//! a change and the commands that it serves nobody else's command runs.
//!
//! A command whose keys are of several partitions is kept by one, and all others are told by [`crate::alarms`]; it then
//! goes around all partitions again, behind those that are there already.
//!
//! Whoever takes the wait out of [`crate::state::ClientHandle::blocked`] decides how it ends: the partition, CLIENT
//! UNBLOCK, or the connection that closes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pika_core::commands::Group;
use pika_core::encoding::key::{self, KeyBuf};
use pika_core::encoding::meta::Type;
use pika_core::keyspace::namespace::Namespaces;
use pika_core::keyspace::slot;
use pika_core::keyspace::transaction::Block;
use pika_core::server::Unblock;

use super::{Host, Step};
use crate::message::{Lend, Wake, Why};
use crate::messaging;
use crate::state::{Blocking, ClientHandle, State, lock};
use crate::work::{Blocked, Exclusive, Words, Work};

/// The Meta keys that a command waits for.
pub fn keys_of(block: &Block, namespaces: &Namespaces, database: usize) -> Vec<KeyBuf> {
    let mut keys: Vec<KeyBuf> =
        block.keys.iter().map(|name| key::meta(slot::of_key(name), namespaces.of(database), name)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The type of the keys that a command waits for.
fn type_waited_for(blocked: &Blocked) -> Option<Type> {
    let command = blocked.work.ops[blocked.work.next].entry.command;
    match command.group {
        Group::List => Some(Type::List),
        Group::SortedSet => Some(Type::SortedSet),
        // A group's reader is told that its stream is gone.
        Group::Stream if !command.is_write() => Some(Type::Stream),
        _ => None,
    }
}

fn handle_of(state: &State, work: &Work) -> Option<Arc<ClientHandle>> {
    lock(&state.clients).get(&work.client_facts.0).cloned()
}

/// A command that waited does not any more.
pub(super) fn served(state: &State, work: &Work) {
    if let Some(handle) = handle_of(state, work) {
        let mut blocking = lock(&handle.blocked);
        if matches!(*blocking, Blocking::Retrying(_)) {
            *blocking = Blocking::No;
        }
    }
}

impl Host {
    /// Keeps a command until one of its keys, all of this partition, changes.
    pub(super) fn wait(&mut self, work: Box<Work>, block: Box<Block>) {
        let database = work.ops[work.next].database;
        let keys = keys_of(&block, self.partition().namespaces(), database);
        let ticket = self.state.alarms.new_ticket();
        for key in &keys {
            self.waiting_for.entry(key.clone()).or_default().push_back(ticket);
        }
        self.keep(Blocked { work, block, ticket, keys, spread: false });
    }

    /// Keeps a command whose alarms, if it has any, are set.
    pub(super) fn keep(&mut self, mut blocked: Blocked) {
        let ticket = blocked.ticket;
        blocked.work.retrying = false;
        if let Some(ms) = blocked.block.timeout_ms {
            // One that was run again in vain waits on for what is left of its time.
            let end = || Instant::now().checked_add(Duration::from_millis(ms));
            blocked.work.deadline = blocked.work.deadline.or_else(end);
        }
        if let Some(end) = blocked.work.deadline {
            let address = self.address.clone();
            actix_rt::spawn(async move {
                tokio::time::sleep_until(end.into()).await;
                address.do_send(Wake { ticket, why: Why::TimedOut });
            });
        }
        self.state.counters.blocked_clients.fetch_add(1, Ordering::Relaxed);
        self.stay(blocked);
        self.follow();
    }

    /// Leaves a command waiting, unless CLIENT UNBLOCK or the end of its connection came while it was run again.
    fn stay(&mut self, blocked: Blocked) {
        let ticket = blocked.ticket;
        let handle = handle_of(&self.state, &blocked.work);
        self.waiting.insert(ticket, blocked);
        let Some(handle) = handle else {
            self.forget(ticket);
            return;
        };
        let mut blocking = lock(&handle.blocked);
        match *blocking {
            Blocking::Gone => {
                self.forget(ticket);
            }
            Blocking::Retrying(Some(how)) => {
                *blocking = Blocking::No;
                drop(blocking);
                self.unblock(ticket, how);
            }
            // A client waits for one thing at a time.
            Blocking::No | Blocking::At(..) | Blocking::Retrying(None) | Blocking::ForReplicas => {
                *blocking = Blocking::At(self.index, ticket);
            }
        }
    }

    /// Whether commits have to say what they change.
    pub(super) fn follow(&mut self) {
        let follows = self.tracking || !self.waiting.is_empty() || !self.state.alarms.is_empty();
        if let Some(partition) = &mut self.partition {
            partition.follows = follows;
        }
    }

    /// Takes a wait out; its command is the caller's to finish.
    fn forget(&mut self, ticket: u64) -> Option<Blocked> {
        let blocked = self.waiting.remove(&ticket)?;
        if blocked.spread {
            self.state.alarms.remove(&blocked.keys, (self.index, ticket));
        }
        for key in &blocked.keys {
            if let Some(queue) = self.waiting_for.get_mut(key) {
                queue.retain(|other| *other != ticket);
                if queue.is_empty() {
                    self.waiting_for.remove(key);
                }
            }
        }
        self.state.counters.blocked_clients.fetch_sub(1, Ordering::Relaxed);
        Some(blocked)
    }

    /// Decides that this partition ends a wait, or runs its command again, unless someone else has decided. `next` is
    /// what the client does from then on.
    fn claim(&self, ticket: u64, next: Blocking) -> bool {
        let Some(blocked) = self.waiting.get(&ticket) else { return false };
        let Some(handle) = handle_of(&self.state, &blocked.work) else { return false };
        let mut blocking = lock(&handle.blocked);
        let mine = *blocking == Blocking::At(self.index, ticket);
        if mine {
            *blocking = next;
            drop(blocking);
            // Whoever waited was not idle.
            lock(&handle.session).active_ms = crate::state::now_ms();
        }
        mine
    }

    /// Looks at what the commits since the last look changed: tells whoever follows, and serves commands that wait.
    pub(super) fn look_at_changes(&mut self) {
        while let Some(partition) = &mut self.partition {
            if !partition.events.is_empty() {
                let events = std::mem::take(&mut partition.events);
                self.state.messaging.publish_events(events, self.settings.events);
            }
            messaging::tell_changes(&self.state, partition, self.cause);
            if std::mem::take(&mut partition.databases_flushed) && self.index == 0 {
                // All partitions were emptied: one of them says so.
                messaging::tell_flush(&self.state, self.cause);
            }
            if partition.databases_changed {
                partition.databases_changed = false;
                self.renew_waits();
                continue;
            }
            if partition.touched.is_empty() {
                return;
            }
            let touched = std::mem::take(&mut partition.touched);
            partition.told = 0;
            for (key, _) in touched {
                if !self.state.alarms.is_empty() {
                    let kind = self.partition.as_ref().and_then(|partition| partition.type_in_memory(&key));
                    for (home, ticket) in self.state.alarms.of(&key) {
                        self.state.partitions()[home].do_send(Wake { ticket, why: Why::Changed(kind) });
                    }
                }
                self.serve(&key);
            }
        }
    }

    /// Databases were exchanged or emptied: the names that commands wait for mean other keys now, which may be there.
    fn renew_waits(&mut self) {
        let mut tickets: Vec<u64> = self.waiting.keys().copied().collect();
        tickets.sort_unstable();
        self.waiting_for.clear();
        let Some(partition) = &self.partition else { return };
        let namespaces = partition.namespaces().clone();
        for ticket in &tickets {
            let Some(blocked) = self.waiting.get_mut(ticket) else { continue };
            let database = blocked.work.ops[blocked.work.next].database;
            let keys = keys_of(&blocked.block, &namespaces, database);
            let before = std::mem::replace(&mut blocked.keys, keys);
            if blocked.spread {
                self.state.alarms.remove(&before, (self.index, *ticket));
                self.state.alarms.add(&blocked.keys, (self.index, *ticket));
            } else {
                for key in &blocked.keys {
                    self.waiting_for.entry(key.clone()).or_default().push_back(*ticket);
                }
            }
        }
        for ticket in tickets {
            self.changed(ticket);
        }
    }

    /// Runs the commands that wait for a key again, in their order, as long as it is there.
    fn serve(&mut self, key: &KeyBuf) {
        let Some(queue) = self.waiting_for.get(key) else { return };
        let mut nothing = false;
        for ticket in Vec::from_iter(queue.iter().copied()) {
            // Whoever comes behind one that found nothing may want another type, or only look. Of nothing only a group's
            // reader is told.
            if nothing && self.waiting.get(&ticket).and_then(type_waited_for).is_some() {
                continue;
            }
            let kind = self.partition.as_ref().and_then(|partition| partition.type_in_memory(key));
            let served = !self.wants_another(ticket, kind) && self.changed(ticket);
            let Some(partition) = &mut self.partition else { break };
            nothing = !served && !partition.may_have(key);
        }
    }

    /// Whether a key of a type is not what a command waits for, whatever its other keys are.
    fn wants_another(&self, ticket: u64, kind: Option<Type>) -> bool {
        let wanted = self.waiting.get(&ticket).and_then(type_waited_for);
        kind.is_some() && wanted.is_some() && kind != wanted
    }

    /// A key of a command that waits has changed. Returns whether the command does not wait any more.
    fn changed(&mut self, ticket: u64) -> bool {
        if !self.claim(ticket, Blocking::Retrying(None)) {
            return false;
        }
        let Some(mut blocked) = self.waiting.remove(&ticket) else { return false };
        blocked.work.retry =
            blocked.block.retry.as_ref().map(|words| Words::copy(words.iter().map(Vec::as_slice)));
        if blocked.spread {
            self.waiting.insert(ticket, blocked);
            if let Some(Blocked { mut work, .. }) = self.forget(ticket) {
                work.retrying = true;
                let exclusive = Box::new(Exclusive { work, held: Vec::new(), task: None });
                self.state.partitions()[0].do_send(Lend(exclusive));
            }
            return true;
        }
        let settings = self.settings.clone();
        let wanted = type_waited_for(&blocked);
        let work = &mut blocked.work;
        let (start, place) = (work.reply.len(), work.next);
        let step = self.step(work, &settings, &mut std::time::Instant::now());
        if let Some(partition) = &mut self.partition {
            messaging::tell_changes(&self.state, partition, work.client_facts.0);
        }
        // A key that became another type is not what it waits for. (If one of the keys is, then it is the target of BLMOVE
        // that has the wrong type.)
        let wrong_type = matches!(step, Step::Next)
            && work.reply.as_slice()[start..].starts_with(b"-WRONGTYPE")
            && wanted.is_some_and(|wanted| {
                let partition = self.partition.as_ref();
                let is = |key| partition.and_then(|partition| partition.type_in_memory(key)) == Some(wanted);
                !blocked.keys.iter().any(|key| is(key))
            });
        if wrong_type {
            work.reply.truncate(start);
            work.next = place;
        }
        if wrong_type || matches!(&step, Step::Park(pika_core::commands::execute::Halt::Block(_))) {
            self.stay(blocked);
            return false;
        }
        served(&self.state, work);
        self.waiting.insert(ticket, blocked);
        let Some(Blocked { work, .. }) = self.forget(ticket) else { return true };
        match step {
            Step::Next => self.finish(work),
            Step::Crowded => self.crowded.push_back(work),
            Step::Park(halt) => self.park(work, halt),
        }
        true
    }

    /// Something happened to a command that waits.
    pub(super) fn wake(&mut self, Wake { ticket, why }: Wake) {
        match why {
            Why::Changed(kind) => {
                if !self.wants_another(ticket, kind) {
                    self.changed(ticket);
                }
            }
            Why::TimedOut => {
                if self.claim(ticket, Blocking::No) {
                    self.end_wait(ticket, None);
                }
            }
            Why::Unblocked(how) => self.unblock(ticket, how),
            Why::Gone => {
                self.forget(ticket);
            }
        }
        self.follow();
    }

    fn unblock(&mut self, ticket: u64, how: Unblock) {
        self.end_wait(ticket, how.error());
    }

    fn end_wait(&mut self, ticket: u64, error: Option<&str>) {
        let Some(Blocked { mut work, block, .. }) = self.forget(ticket) else { return };
        // A call that took no time: what it waited is nobody's work.
        self.statistics.ran(work.ops[work.next].entry.id, 0, error.is_some(), self.track_latency);
        let start = work.reply.len();
        match error {
            Some(text) => {
                work.reply.error(text);
                self.statistics.error(&work.reply.as_slice()[start..]);
            }
            None => block.otherwise.write(&mut work.reply),
        }
        work.finish_op(start);
        self.finish(work);
    }
}
