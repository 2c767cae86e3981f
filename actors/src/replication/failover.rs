//! FAILOVER: clients, the link's task and the replicator around [`pika_core::replication::failover`].

use std::sync::Arc;

use pika_core::replication::failover::{Action, Request, Stage};

use super::replicator::Replicator;
use crate::following::Order;
use crate::message::{FailoverBegan, HandedOver};
use crate::service::Service;
use crate::state::{Hold, State, lock, now_ms};

/// Begins one: writes wait from here on.
///
/// # Errors
/// The text that the client gets.
pub fn begin(state: &Arc<State>, request: &Request) -> Result<(), &'static str> {
    let is_slave = state.following.is_slave();
    {
        let master = lock(&state.replication.master);
        lock(&state.replication.failover).begin(request, is_slave, &master, now_ms())?;
    }
    state.hold_writes(Hold::Failover, true);
    slog::warn!(state.logger, "FAILOVER requested"; "request" => format!("{request:?}"));
    if let Some(actor) = state.replication.actor.get() {
        actor.do_send(FailoverBegan);
    }
    Ok(())
}

/// Gives one up. Returns whether there was one. For threads that may wait.
pub fn abort(state: &Arc<State>) -> bool {
    let action = lock(&state.replication.failover).abort("Failover manually aborted");
    action.map(|action| perform(state, action)).is_some()
}

fn perform(state: &Arc<State>, action: Action) {
    match action {
        Action::Follow { host, port, end } => {
            slog::warn!(state.logger, "failing over"; "to" => format!("{host}:{port}"), "forced" => end.is_none());
            if let Some(orders) = state.following.orders.get() {
                let _ = orders.send(Order::HandOver(host, port, end));
            }
        }
        Action::Abort { reason, was } => {
            slog::warn!(state.logger, "failover aborted"; "reason" => reason);
            if was == Stage::InProgress {
                // The answer is not waited for: this may be the link's own thread's caller.
                let service = Service { state: state.clone() };
                state.apart.run(move || {
                    let _ = pika_core::server::Server::follow(&service, None);
                    service.state.hold_writes(Hold::Failover, false);
                });
            } else {
                state.hold_writes(Hold::Failover, false);
            }
        }
    }
}

impl Replicator {
    /// Looks whether a slave has everything.
    pub(super) fn poll_failover(&mut self) {
        let action = {
            let master = lock(&self.state.replication.master);
            let mut failover = lock(&self.state.replication.failover);
            if failover.stage().is_none() {
                return;
            }
            failover.poll(&master, self.state.shared.next_offset(), now_ms())
        };
        if let Some(action) = action {
            perform(&self.state, action);
        }
    }

    pub(super) fn handed_over(&mut self, message: HandedOver) {
        let mut failover = lock(&self.state.replication.failover);
        match message {
            HandedOver::TooEarly => return failover.wait_on(),
            HandedOver::Done => slog::warn!(self.state.logger, "failover done: this server is a slave now"),
            HandedOver::Failed(reason) => {
                slog::warn!(self.state.logger, "failover aborted"; "reason" => reason);
            }
        }
        failover.done();
        drop(failover);
        self.state.hold_writes(Hold::Failover, false);
    }
}
