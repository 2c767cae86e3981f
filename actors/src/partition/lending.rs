//! The state on its way: lent to commands over all partitions, come home, and what waited for that.

use pika_core::commands::spec::Run;

use super::{Deferred, Host, blocking};
use crate::elsewhere::run_exclusive_elsewhere;
use crate::message::{Lend, Return};
use crate::state::now_ms;
use crate::work::Exclusive;

impl Host {
    /// Lends the state to a command over all partitions, or runs the command if this is the last of them.
    pub(super) fn lend(&mut self, mut exclusive: Box<Exclusive>) {
        self.refresh();
        let Some(partition) = &self.partition else {
            self.away.push_back(Deferred::Lend(exclusive));
            return;
        };
        let work = &exclusive.work;
        let everywhere =
            work.atomic || matches!(work.ops[work.next].entry.command.run, Run::All(_) | Run::Script(_));
        let settled = partition.is_settled();
        if everywhere && !settled {
            // It may ask for counts, and nothing settles while the state is away.
            self.settling.push(Deferred::Lend(exclusive));
            self.close_group();
            self.hand_off();
            return;
        }
        self.close_group();
        exclusive.held.extend(self.partition.take());
        match self.state.partitions().get(self.index + 1) {
            Some(next) => next.do_send(Lend(exclusive)),
            None => run_exclusive_elsewhere(exclusive, &self.state, now_ms()),
        }
    }

    pub(super) fn come_home(&mut self, message: Return) {
        self.partition = Some(message.state);
        if message.replaced {
            // These were groups of other data; the log has them.
            self.unlogged.clear();
        }
        self.under_way += usize::from(message.handed_off);
        let told = self.tell_applied();
        if let Some((group, end)) = message.group {
            self.unlogged.push_back((group, end));
        }
        let committed = self.state.log.committed();
        self.release(committed);
        if let Some(blocked) = message.blocked {
            self.keep(blocked);
        }
        self.follow();
        self.now_ms = now_ms();
        self.cause = message.cause;
        self.look_at_changes();
        if let Some(mut work) = message.work {
            if std::mem::take(&mut work.retrying) {
                blocking::served(&self.state, &work);
            }
            self.count_elsewhere(&mut work);
            // The one command that went around; the rest of its read follows here.
            self.resume(work);
        }
        if told {
            self.applied();
        }
        self.take_up_all();
    }

    pub(super) fn take_up_all(&mut self) {
        while self.partition.is_some()
            && self.settling.is_empty()
            && let Some(deferred) = self.away.pop_front()
        {
            self.take_up(deferred);
        }
    }

    pub(super) fn take_up(&mut self, deferred: Deferred) {
        match deferred {
            Deferred::Work(work) => self.resume(work),
            Deferred::Lend(exclusive) => self.lend(exclusive),
            Deferred::Lone(work) => match self.partition.is_some() {
                true => self.lend_to_reader(work),
                false => self.away.push_back(Deferred::Lone(work)),
            },
            Deferred::Expire(due) => self.expire(due),
        }
    }
}
