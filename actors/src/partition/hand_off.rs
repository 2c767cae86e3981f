//! When what was written goes to the write-behind thread, and who goes on when the engine has it.

use std::time::{Duration, Instant};

use actix::prelude::*;
use pika_core::config::Events;
use pika_core::keyspace::partition::Partition;

use super::{Host, PartitionActor};
use crate::state::now_ms;
use crate::write_behind::Job;

/// Hand-offs of one partition that may be under way. What is written meanwhile gathers and is coalesced.
pub const HAND_OFFS: usize = 2;
/// How soon blind writes are handed off, and what was removed since its time had come: the expirer finds it again until
/// the engine knows.
const BLIND_INTERVAL: Duration = Duration::from_millis(50);
/// So many keys are handed off at once if there are blind writes among them: the answer to them must not take long.
const BLIND_KEYS: usize = 16 * 1024;

impl Host {
    /// Whether it is time for the next hand-off. What is written often is handed off seldom: only its last value has to
    /// reach the engine. What was written blindly goes soon, since nobody knows the numbers of keys until it is there.
    pub(super) fn is_hand_off_due(&self) -> bool {
        let Some(partition) = &self.partition else { return false };
        let blind = partition.has_queued_blind()
            && (partition.queued() >= BLIND_KEYS || self.last_hand_off.elapsed() >= BLIND_INTERVAL);
        partition.has_queued()
            && (blind
                || partition.queued_bytes() >= self.hand_off_limit
                || partition.log_behind() >= self.log_limit
                || (self.last_hand_off.elapsed() >= BLIND_INTERVAL
                    && (self.expiring || self.is_end_awaited(partition)))
                || self.last_hand_off.elapsed() >= self.interval)
    }

    /// Whether something expires before it would be handed off, and somebody is to be told.
    fn is_end_awaited(&self, partition: &Partition) -> bool {
        let told = self.settings.events != Events::default() || partition.follows;
        told && partition.first_due_ms() < now_ms() + self.interval.as_millis() as u64
    }

    pub(super) fn hand_off_if_due(&mut self, ctx: &mut Context<PartitionActor>) {
        if self.is_hand_off_due() {
            self.hand_off();
        }
        let queued = self.partition.as_ref().is_some_and(|partition| partition.has_queued());
        if queued && !self.timer_set {
            self.timer_set = true;
            ctx.run_later(self.interval.min(BLIND_INTERVAL), |actor, ctx| {
                let mut host = actor.host.borrow_mut();
                host.timer_set = false;
                host.close_group();
                host.hand_off_if_due(ctx);
            });
        }
    }

    /// Hands what was written to the write-behind thread, unless enough is under way.
    pub(super) fn hand_off(&mut self) {
        if self.under_way >= HAND_OFFS {
            return;
        }
        let Some(partition) = &mut self.partition else { return };
        if partition.has_open_group() {
            return;
        }
        self.last_hand_off = Instant::now();
        self.expiring = false;
        if let Some(hand_off) = partition.hand_off() {
            self.under_way += 1;
            self.state.write_behind.send(Job::Apply(vec![hand_off]));
        }
    }

    /// Tells the state, if it is at home, what the engine got. Returns whether there was anything to tell.
    pub(super) fn tell_applied(&mut self) -> bool {
        let Some(partition) = &mut self.partition else { return false };
        let some = !self.applied_away.is_empty();
        for applied in self.applied_away.drain(..) {
            self.under_way = self.under_way.saturating_sub(1);
            partition.applied(applied);
        }
        some
    }

    /// Whether somebody waits for what is queued to reach the engine.
    pub(super) fn is_waited_for(&self) -> bool {
        !(self.settling.is_empty() && self.crowded.is_empty() && self.draining.is_empty())
    }

    /// Goes on with what waited for the engine.
    pub(super) fn applied(&mut self) {
        self.close_group();
        if self.partition.as_ref().is_some_and(|partition| partition.is_settled()) {
            for waiting in std::mem::take(&mut self.settling) {
                self.take_up(waiting);
            }
            self.take_up_all();
        }
        let waiting = std::mem::take(&mut self.crowded);
        for work in waiting {
            self.resume(work);
        }
        self.close_group();
        // Whoever waits wants everything that is there now in the engine.
        if self.is_hand_off_due() || self.is_waited_for() {
            self.hand_off();
        }
        let idle = self.under_way == 0 && self.partition.as_ref().is_some_and(|p| !p.has_queued());
        if idle {
            self.draining.drain(..).for_each(|done| {
                let _ = done.send(());
            });
        }
    }
}
