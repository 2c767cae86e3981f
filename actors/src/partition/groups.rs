//! The writes of a tick: one group, which the log gets, and the replies that wait until it has it.

use std::cell::RefCell;
use std::rc::Rc;

use pika_core::keyspace::partition::LogRecord;
use pika_core::keyspace::table::Group;

use super::Host;
use crate::connection::Core;
use crate::elsewhere::to_record;
use crate::message::*;
use crate::work::Work;

impl Host {
    pub(super) fn send_tick(&mut self) {
        if !self.tick_sent {
            self.tick_sent = true;
            self.address.do_send(Tick);
        }
    }

    /// Gives what was written so far its place in the log: what the same client does next comes behind it there.
    pub fn place_writes(&mut self) {
        self.close_group();
    }

    /// Ends the tick's group and gives it to the log. Replies are let go by the next tick, not here: the caller may
    /// be the connection that they belong to.
    pub(super) fn close_group(&mut self) {
        let Some(partition) = self.partition.as_mut() else { return };
        let Some((group, records)) = partition.close_group() else { return };
        let end = records.last().map_or(0, LogRecord::end);
        self.unlogged.push_back((group, end));
        self.state.log.submit(records.into_iter().map(to_record).collect());
        self.send_tick();
    }

    /// Lets replies go that waited for the log to come this far.
    pub(super) fn release(&mut self, committed: u64) {
        while let Some(&(group, end)) = self.unlogged.front() {
            if end > committed {
                break;
            }
            self.logged = group;
            self.unlogged.pop_front();
        }
        // Groups without records count as logged when all before them are.
        if self.unlogged.is_empty()
            && let Some(partition) = &self.partition
        {
            self.logged = self.logged.max(partition.open_group() - 1);
        }
        while self.held_clients.front().is_some_and(|(group, _)| *group <= self.logged) {
            if let Some((_, core)) = self.held_clients.pop_front() {
                core.borrow_mut().released(self.logged);
            }
        }
        self.begin_held_replies();
        while self.held_work.front().is_some_and(|(group, _)| *group <= self.logged) {
            if let Some((_, work)) = self.held_work.pop_front() {
                deliver(work);
            }
        }
    }

    /// The last group that the log has.
    pub fn logged(&self) -> Group {
        self.logged
    }

    /// Has a local connection told when the log has a group.
    pub fn hold_client(&mut self, group: Group, core: Rc<RefCell<Core>>) {
        self.held_clients.push_back((group, core));
        self.send_tick();
    }

    /// Work is done: its replies leave when the log has what they speak of.
    pub(super) fn finish(&mut self, work: Box<Work>) {
        if work.hold <= self.logged {
            deliver(work);
        } else {
            let place = self.held_work.partition_point(|(group, _)| *group <= work.hold);
            self.held_work.insert(place, (work.hold, work));
            self.send_tick();
        }
    }
}

fn deliver(mut work: Box<Work>) {
    if let Some(followed) = work.followed.take() {
        followed.done(work);
        return;
    }
    if let Some(thread) = work.thread.take() {
        // Whoever waited may have given up.
        let _ = thread.send(work);
    } else if let Some(client) = work.client.clone() {
        client.do_send(Finished(work));
    }
}
