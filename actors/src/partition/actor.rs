//! The actor: what each message does to its [`Host`].

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use pika_core::info::Statistics;
use pika_core::keyspace::partition::Partition;

use super::{HOST, Host};
use crate::message::*;
use crate::state::{State, now_ms};

/// The actor of one partition; see [`super`].
#[derive(Debug)]
pub struct PartitionActor {
    pub(super) host: Rc<RefCell<Host>>,
}

impl PartitionActor {
    /// Starts the actor on the current arbiter.
    pub fn start_here(partition: Box<Partition>, state: Arc<State>, threads: usize) -> Addr<PartitionActor> {
        PartitionActor::create(move |ctx| {
            let budget = state.budget;
            let host = Rc::new(RefCell::new(Host {
                index: partition.index,
                partition: Some(partition),
                address: ctx.address(),
                settings: state.settings(),
                state,
                config_version: 0,
                slow_threshold: 10_000,
                track_latency: true,
                statistics: Statistics::default(),
                away: VecDeque::new(),
                applied_away: VecDeque::new(),
                fetching: HashMap::new(),
                next_ticket: 0,
                crowded: VecDeque::new(),
                settling: Vec::new(),
                tick_sent: false,
                unlogged: VecDeque::new(),
                logged: 0,
                held_clients: VecDeque::new(),
                held_work: VecDeque::new(),
                held_replies: Vec::new(),
                under_way: 0,
                last_hand_off: Instant::now(),
                timer_set: false,
                interval: Duration::from_millis(2),
                expiring: false,
                overlay_limit: budget.overlay as usize / threads,
                hand_off_limit: budget.hand_off as usize / threads,
                log_limit: u64::MAX,
                table_limit: budget.tables as usize / threads,
                draining: Vec::new(),
                waiting: HashMap::new(),
                waiting_for: HashMap::new(),
                now_ms: 0,
                tracking: false,
                cause: 0,
            }));
            HOST.with(|slot| *slot.borrow_mut() = Some(host.clone()));
            PartitionActor { host }
        })
    }
}

impl Actor for PartitionActor {
    type Context = Context<PartitionActor>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Messages come only from bounded senders (see message.rs); the default of 16 would only cost wake-ups.
        ctx.set_mailbox_capacity(1024);
    }
}

impl Handler<Execute> for PartitionActor {
    type Result = ();

    fn handle(&mut self, Execute(work): Execute, _: &mut Self::Context) {
        self.host.borrow_mut().resume(work);
    }
}

impl Handler<Tick> for PartitionActor {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Self::Context) {
        let mut host = self.host.borrow_mut();
        host.close_group();
        host.tick_sent = false;
        let committed = host.state.log.committed();
        host.release(committed);
        host.hand_off_if_due(ctx);
    }
}

impl Handler<Logged> for PartitionActor {
    type Result = ();

    fn handle(&mut self, Logged(offset): Logged, _: &mut Self::Context) {
        self.host.borrow_mut().release(offset);
    }
}

impl Handler<AppliedHandOff> for PartitionActor {
    type Result = ();

    fn handle(&mut self, AppliedHandOff(applied): AppliedHandOff, _: &mut Self::Context) {
        let mut host = self.host.borrow_mut();
        host.applied_away.push_back(applied);
        if host.tell_applied() {
            host.applied();
        }
    }
}

impl Handler<Fetched> for PartitionActor {
    type Result = ();

    fn handle(&mut self, message: Fetched, ctx: &mut Self::Context) {
        let mut host = self.host.borrow_mut();
        if host.partition.is_none() {
            ctx.notify_later(message, Duration::from_millis(1));
            return;
        }
        let now_s = (now_ms() / 1000) as u32;
        for (family, key, value) in message.entries {
            host.partition().insert_read(family, &key, value.as_deref(), now_s);
        }
        if let Some(work) = host.fetching.remove(&message.ticket) {
            host.resume(work);
        }
    }
}

impl Handler<Viewed> for PartitionActor {
    type Result = ();

    fn handle(&mut self, Viewed(mut work): Viewed, _: &mut Self::Context) {
        let mut host = self.host.borrow_mut();
        host.count_elsewhere(&mut work);
        if host.partition.is_some() && !work.needs.is_empty() {
            host.refresh();
            host.now_ms = now_ms();
            host.view(work);
        } else {
            host.resume(work);
        }
    }
}

impl Handler<Begin> for PartitionActor {
    type Result = ();

    fn handle(&mut self, begin: Begin, _: &mut Self::Context) {
        self.host.borrow_mut().begin_reply(begin);
    }
}

impl Handler<Lend> for PartitionActor {
    type Result = ();

    fn handle(&mut self, Lend(exclusive): Lend, _: &mut Self::Context) {
        self.host.borrow_mut().lend(exclusive);
    }
}

impl Handler<Return> for PartitionActor {
    type Result = ();

    fn handle(&mut self, message: Return, _: &mut Self::Context) {
        let mut host = self.host.borrow_mut();
        host.come_home(message);
        host.send_tick();
    }
}

impl Handler<Busy> for PartitionActor {
    type Result = ();

    fn handle(&mut self, _: Busy, _: &mut Self::Context) {
        self.host.borrow_mut().answer_busy();
    }
}

impl Handler<Expire> for PartitionActor {
    type Result = ();

    fn handle(&mut self, Expire(due): Expire, _: &mut Self::Context) {
        self.host.borrow_mut().expire(due);
    }
}

impl Handler<Wake> for PartitionActor {
    type Result = ();

    fn handle(&mut self, wake: Wake, ctx: &mut Self::Context) {
        let mut host = self.host.borrow_mut();
        if host.partition.is_none() || !host.settling.is_empty() {
            ctx.notify_later(wake, Duration::from_millis(1));
            return;
        }
        host.refresh();
        host.now_ms = now_ms();
        host.wake(wake);
        host.look_at_changes();
    }
}

impl Handler<Observe> for PartitionActor {
    type Result = ();

    fn handle(&mut self, Observe(answer): Observe, _: &mut Self::Context) {
        let _ = answer.send(self.host.borrow().report());
    }
}

impl Handler<Control> for PartitionActor {
    type Result = ();

    fn handle(&mut self, control: Control, ctx: &mut Self::Context) {
        let mut host = self.host.borrow_mut();
        match control {
            Control::ResetStatistics => {
                host.statistics = Statistics::default();
                if let Some(partition) = &mut host.partition {
                    partition.stats = Default::default();
                }
            }
            Control::Drain(done) => {
                if host.partition.is_none() {
                    ctx.notify_later(Control::Drain(done), Duration::from_millis(1));
                    return;
                }
                host.draining.push(done);
                host.close_group();
                host.hand_off();
                // Answers at once if nothing is under way.
                host.applied();
            }
            Control::DropCache => {
                if let Some(partition) = &mut host.partition {
                    partition.drop_cache();
                }
            }
            Control::Reconfigure => host.refresh(),
            Control::Advance => {
                host.close_group();
                if let Some(partition) = &mut host.partition {
                    partition.advance();
                }
                host.hand_off();
                host.send_tick();
            }
        }
    }
}
