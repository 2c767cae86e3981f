//! The actor: heartbeats, time limits, and clients that wait for slaves (WAIT, WAITAOF).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::prelude::*;
use pika_core::keyspace::transaction::write_command;
use pika_core::replication::failover::Stage;
use pika_core::replication::master::Action;
use pika_core::server::Unblock;

use crate::elsewhere::to_record;
use crate::message::{Acknowledged, AskReplicas, Await, FailoverBegan, Finished, HandedOver, Kill, Unwait};
use crate::state::{Blocking, State, lock, now_ms};
use crate::work::Work;

/// Asks slaves where they are.
const GET_ACK: &[&[u8]] = &[b"REPLCONF", b"GETACK", b"*"];
/// How often it is looked whether a failover's time is over.
const FAILOVER_LOOK: Duration = Duration::from_millis(20);
/// How often it is looked whether the log has been synced, while a client waits for that.
const LOOK: Duration = Duration::from_millis(10);

/// See the module's documentation.
#[derive(Debug)]
pub struct Replicator {
    pub(super) state: Arc<State>,
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
        self.poll_failover();
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
                    let Some((mut work, durable)) = self.take(ticket) else { continue };
                    if durable {
                        work.reply.array(2);
                        work.reply.integer(i64::from(local));
                    }
                    work.reply.integer(replicas);
                    finish(work);
                }
            }
        }
    }

    /// Takes a command that waits. Its client's wait is over, unless CLIENT UNBLOCK was here before.
    fn take(&mut self, ticket: u64) -> Option<(Box<Work>, bool)> {
        let (work, durable) = self.waiting.remove(&ticket)?;
        self.state.counters.blocked_clients.fetch_sub(1, Ordering::Relaxed);
        if let Some(client) = lock(&self.state.clients).get(&work.client_facts.0) {
            let mut blocking = lock(&client.blocked);
            if *blocking == Blocking::ForReplicas {
                *blocking = Blocking::No;
            }
        }
        Some((work, durable))
    }

    /// Appends a command to the log that is for slaves only. While this master hands its role over, or stops, the log
    /// grows no more.
    fn append(&self, words: &[&[u8]]) {
        if lock(&self.state.replication.failover).stage().is_some() || self.state.shutdown.is_waiting() {
            return;
        }
        self.append_now(words);
    }

    fn append_now(&self, words: &[&[u8]]) {
        let mut payload = Vec::new();
        write_command(&mut payload, words.iter().copied());
        // None on a slave: its log is its master's.
        if let Some(record) = self.state.shared.place_heartbeat(now_ms(), payload) {
            self.state.log.submit(vec![to_record(record)]);
        }
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

    /// Looks again and again, as long as a failover waits for a slave.
    fn poll_until_over(&mut self, ctx: &mut Context<Replicator>) {
        ctx.run_later(FAILOVER_LOOK, |actor, ctx| {
            actor.poll_failover();
            if lock(&actor.state.replication.failover).stage() == Some(Stage::WaitingForSync) {
                actor.poll_until_over(ctx);
            }
        });
    }

    /// CLIENT UNBLOCK, or this server became a slave.
    fn unwait(&mut self, client: u64, how: Unblock) {
        let found = self.waiting.iter().find(|(_, (work, _))| work.client_facts.0 == client);
        let Some((&ticket, &(_, durable))) = found else { return };
        let Some(wait) = lock(&self.state.replication.master).take_wait(ticket) else { return };
        if let Some(error) = how.error() {
            if let Some((mut work, _)) = self.take(ticket) {
                work.reply.error(error);
                finish(work);
            }
            return;
        }
        let replicas = lock(&self.state.replication.master).acknowledged(wait.offset, durable);
        let local = self.state.log.synced() >= wait.offset;
        self.perform(vec![Action::Answer { ticket, replicas, local }]);
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

/// Answers a command that waited.
fn finish(mut work: Box<Work>) {
    work.finish_op(0);
    if let Some(client) = work.client.clone() {
        client.do_send(Finished(work));
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
        if let Some(client) = lock(&self.state.clients).get(&work.client_facts.0) {
            let mut blocking = lock(&client.blocked);
            if *blocking == Blocking::No {
                *blocking = Blocking::ForReplicas;
            }
        }
        let ticket = lock(&self.state.replication.master).wait(wait);
        self.waiting.insert(ticket, (work, wait.durable));
        self.state.counters.blocked_clients.fetch_add(1, Ordering::Relaxed);
        if wait.replicas > 0 && lock(&self.state.replication.master).count() > 0 {
            self.append(GET_ACK);
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
        self.poll_failover();
    }
}

impl Handler<Unwait> for Replicator {
    type Result = ();

    fn handle(&mut self, Unwait { client, how }: Unwait, _: &mut Self::Context) {
        self.unwait(client, how);
    }
}

impl Handler<FailoverBegan> for Replicator {
    type Result = ();

    fn handle(&mut self, _: FailoverBegan, ctx: &mut Self::Context) {
        self.append_now(GET_ACK);
        self.poll_failover();
        self.poll_until_over(ctx);
    }
}

impl Handler<HandedOver> for Replicator {
    type Result = ();

    fn handle(&mut self, message: HandedOver, _: &mut Self::Context) {
        self.handed_over(message);
    }
}

impl Handler<AskReplicas> for Replicator {
    type Result = ();

    fn handle(&mut self, _: AskReplicas, _: &mut Self::Context) {
        self.append_now(GET_ACK);
    }
}
