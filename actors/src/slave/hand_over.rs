//! FAILOVER, at both ends of the link: this server hands its role to one of its slaves, or takes over its master's.

use pika_core::keyspace::partition::Role;
use pika_core::replication::slave::{Slave, Stage};

use super::Link;
use crate::message::HandedOver;
use crate::state::now_ms;

impl Link {
    /// Becomes the slave of one of this server's slaves, and asks it to take over; but not if the log ends elsewhere than
    /// at `end` by now: then that slave lacks something.
    pub(super) async fn hand_over(&mut self, host: String, port: u16, end: Option<u64>) {
        if self.state.following.is_slave() {
            return self.tell(HandedOver::Failed("this server is a slave".into()));
        }
        if !self.change_role(Role::Slave, end).await {
            return self.tell(HandedOver::TooEarly);
        }
        self.become_slave(host, port);
        self.release_blocked();
        self.hands_over = true;
        self.machine = Some(Slave::new(now_ms()));
    }

    /// It took over, or refused: then this server is the master again.
    pub(super) async fn handed_over(&mut self, result: Result<(), String>) {
        self.hands_over = false;
        match result {
            Ok(()) => self.tell(HandedOver::Done),
            Err(error) => {
                self.promote().await;
                self.tell(HandedOver::Failed(format!("Failover target rejected psync request: {error}")));
            }
        }
    }

    fn tell(&self, message: HandedOver) {
        if let Some(actor) = self.state.replication.actor.get() {
            actor.do_send(message);
        }
    }

    /// The master asks this slave to take its place.
    pub(super) async fn take_over(&mut self) -> Result<(), String> {
        let Some(link) = self.state.following.link() else { return Ok(()) };
        if link.stage == Stage::Sync {
            return Err("it is in the middle of a full synchronisation".into());
        }
        slog::warn!(self.state.logger, "the master hands its role over");
        self.promote().await;
        Ok(())
    }
}
