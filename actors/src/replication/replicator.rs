//! The actor: heartbeats, time limits, and clients that wait for slaves (WAIT, WAITAOF).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::prelude::*;
use pika_core::keyspace::transaction::write_command;
use pika_core::replication::master::Action;

use crate::elsewhere::to_record;
use crate::message::{Acknowledged, Await, Finished, Kill};
use crate::state::{State, lock, now_ms};
use crate::work::Work;

/// How often it is looked whether the log has been synced, while a client waits for that.
const LOOK: Duration = Duration::from_millis(10);

/// See the module's documentation.
#[derive(Debug)]
pub struct Replicator {
    state: Arc<State>,
    /// Commands that wait, by the number of their wait, and whether they are WAITAOF.
    waiting: HashMap<u64, (Box<Work>, bool)>,
    looks: bool,
}

impl Replicator {
    /// The actor for a server.
    pub fn new(state: Arc<State>) -> Replicator {
        Replicator { state, waiting: HashMap::new(), looks: false }
    }

    fn every_second(&mut self) {
        let limits = super::limits(&self.state.config());
        let end = self.state.log.committed();
        let actions = lock(&self.state.replication.master).tick(&limits, end, now_ms());
        self.perform(actions);
        if self.state.following.link().is_some() {
            // One that came while this server became a slave.
            super::drop_all(&self.state);
        }
        super::checkpoint::sweep(&self.state);
        self.forget_gone();
        self.answer();
        super::refresh(&self.state);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Close { id, reason } => {
                    slog::warn!(self.state.logger, "closing a slave"; "slave" => id, "reason" => reason);
                    let address =
                        lock(&self.state.clients).get(&id).and_then(|client| client.address.get().cloned());
                    super::detach(&self.state, id);
                    if let Some(address) = address {
                        address.do_send(Kill);
                    }
                }
                Action::Ping => self.append(&[b"PING"]),
                Action::Answer { ticket, replicas, local } => {
                    let Some((mut work, durable)) = self.waiting.remove(&ticket) else { continue };
                    self.state.counters.blocked_clients.fetch_sub(1, Ordering::Relaxed);
                    if durable {
                        work.reply.array(2);
                        work.reply.integer(i64::from(local));
                    }
                    work.reply.integer(replicas);
                    work.finish_op(0);
                    if let Some(client) = work.client.clone() {
                        client.do_send(Finished(work));
                    }
                }
            }
        }
    }

    /// Appends a command to the log that is for slaves only.
    fn append(&self, words: &[&[u8]]) {
        // A slave's log is its master's.
        if self.state.following.link().is_some() {
            return;
        }
        let mut payload = Vec::new();
        write_command(&mut payload, words.iter().copied());
        let record = self.state.shared.place_heartbeat(now_ms(), payload);
        self.state.log.submit(vec![to_record(record)]);
    }

    fn answer(&mut self) {
        let synced = self.state.log.synced();
        let answers = lock(&self.state.replication.master).answer(synced, now_ms());
        self.perform(answers);
    }

    /// Of clients that are gone nobody waits any more.
    fn forget_gone(&mut self) {
        let clients = lock(&self.state.clients);
        let gone: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, (work, _))| !clients.contains_key(&work.client_facts.0))
            .map(|(ticket, _)| *ticket)
            .collect();
        drop(clients);
        for ticket in gone {
            self.waiting.remove(&ticket);
            lock(&self.state.replication.master).forget_wait(ticket);
            self.state.counters.blocked_clients.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn look_later(&mut self, ctx: &mut Context<Replicator>) {
        if !self.looks {
            self.looks = true;
            ctx.run_later(LOOK, |actor, ctx| {
                actor.looks = false;
                actor.answer();
                if actor.waiting.values().any(|(_, durable)| *durable) {
                    actor.look_later(ctx);
                }
            });
        }
    }
}

impl Actor for Replicator {
    type Context = Context<Replicator>;

    fn started(&mut self, ctx: &mut Self::Context) {
        super::refresh(&self.state);
        ctx.run_interval(Duration::from_secs(1), |actor, _| actor.every_second());
    }
}

impl Handler<Await> for Replicator {
    type Result = ();

    fn handle(&mut self, Await { work, wait }: Await, ctx: &mut Self::Context) {
        let ticket = lock(&self.state.replication.master).wait(wait);
        self.waiting.insert(ticket, (work, wait.durable));
        self.state.counters.blocked_clients.fetch_add(1, Ordering::Relaxed);
        if wait.replicas > 0 && lock(&self.state.replication.master).count() > 0 {
            self.append(&[b"REPLCONF", b"GETACK", b"*"]);
        }
        if let Some(deadline_ms) = wait.deadline_ms {
            let left = Duration::from_millis(deadline_ms.saturating_sub(now_ms()));
            ctx.run_later(left, |actor, _| actor.answer());
        }
        if wait.local {
            self.look_later(ctx);
        }
        self.answer();
    }
}

impl Handler<Acknowledged> for Replicator {
    type Result = ();

    fn handle(&mut self, _: Acknowledged, _: &mut Self::Context) {
        self.answer();
    }
}
