//! What INFO and the slow log get to know of a partition and its commands.

use std::time::{Duration, Instant};

use pika_core::commands::Flags;
use pika_core::scripting::host::Call;
use pika_core::slowlog::SlowLog;

use super::Host;
use crate::message::Report;
use crate::work::{Op, Work, add_slow};

impl Host {
    pub(super) fn count_calls(&mut self, calls: Vec<Call>) {
        for Call { id, nanos, ran, error } in calls {
            match ran {
                true => self.statistics.ran(id, nanos, error.is_some(), self.track_latency),
                false => self.statistics.rejected(id),
            }
            if let Some(error) = error {
                self.statistics.error(&error);
            }
        }
    }

    pub(super) fn count(&mut self, work: &Work, op: &Op, start: usize, started: &mut Instant, counted: bool) {
        let now = Instant::now();
        let took = now.duration_since(*started);
        *started = now;
        if op.entry.command.flags.has(Flags::INTERNAL) {
            return;
        }
        let reply = &work.reply.as_slice()[start..];
        let failed = reply.first() == Some(&b'-');
        if failed && !counted {
            self.statistics.error(reply);
        }
        self.statistics.ran(op.entry.id, took.as_nanos() as u64, failed, self.track_latency);
        if SlowLog::is_slow(self.slow_threshold, took.as_micros() as u64)
            && !op.entry.command.flags.has(Flags::SKIP_SLOWLOG)
        {
            self.log_slow(work, op, took);
        }
    }

    /// Counts commands that ran on another thread.
    pub(super) fn count_elsewhere(&mut self, work: &mut Work) {
        for (id, nanos, failed) in work.ran.drain(..) {
            self.statistics.ran(id, nanos, failed, self.track_latency);
        }
        self.count_calls(std::mem::take(&mut work.calls));
    }

    pub(super) fn log_slow(&self, work: &Work, op: &Op, took: Duration) {
        add_slow(&self.state, work, op, took);
    }

    pub(super) fn report(&self) -> Report {
        let mut report =
            Report { index: self.index, statistics: self.statistics.clone(), ..Report::default() };
        if let Some(partition) = &self.partition {
            report.stats = partition.stats;
            report.counts = partition.all_counts();
            report.namespaces = Some(partition.namespaces().clone());
            report.dirty_bytes = partition.dirty_bytes();
            report.memory_bytes = partition.memory_bytes();
            report.entries = partition.memory_entries();
        }
        report
    }
}
