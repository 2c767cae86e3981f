//! A master's stream on its way through the partitions, and what is done with the states of all of them at once.
//!
//! The link's task cuts the stream into pieces, appends them to the log, and then sends each partition its commands of
//! a read as one [`Work`]. They run there together, into one group that ends at the offset behind the read: so what a
//! partition hands off is always the state at an offset. The task goes on with the next read when all have answered.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use pika_core::keyspace::partition::{Partition, Role};
use pika_core::resp::{Protocol, Reply};
use tokio::sync::mpsc::UnboundedSender;

use crate::message::{Lend, Return};
use crate::state::State;
use crate::work::{Exclusive, Op, Work};
use crate::write_behind::Job;

/// What work of a master's stream carries.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The offset behind the read that it is of.
    pub end: u64,
    /// Who wants to know that it has run: gets the first error that a command was answered with.
    pub answer: UnboundedSender<Option<String>>,
}

impl Followed {
    /// All of it has run, in these partitions, whose state is of its offset now. Returns the group that its answer
    /// waits for: none, as the log had it before it ran.
    pub fn end(&self, held: &mut [&mut Partition]) -> u64 {
        for partition in held {
            partition.role = Role::Slave;
            partition.end_replayed_group(self.end);
        }
        0
    }

    /// Answers.
    pub fn done(&self, work: Box<Work>) {
        let _ = self.answer.send(first_error(&work));
    }
}

/// The first error among the replies, with the command that it answers.
fn first_error(work: &Work) -> Option<String> {
    let (mut start, replies) = (0, work.reply.as_slice());
    for (op, &end) in work.ops.iter().zip(work.ends.iter().flatten()) {
        if let Some([b'-', error @ ..]) = replies.get(start..end) {
            let error = String::from_utf8_lossy(error);
            return Some(format!("{}: {}", op.entry.full_name, error.trim_end()));
        }
        start = end;
    }
    None
}

/// Something done with the states of all partitions at once, on a thread that may wait.
pub struct Task {
    run: Box<TaskRun>,
    outcome: Outcome,
}

type TaskRun = dyn FnOnce(&mut [Box<Partition>]) + Send;

/// What a task has done to the states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It looked at them.
    Same,
    /// They are of other data.
    Replaced,
    /// Each has a hand-off under way.
    HandedOff,
}

impl Task {
    /// Does it. Returns what it has done.
    pub fn run(self, held: &mut [Box<Partition>]) -> Outcome {
        (self.run)(held);
        self.outcome
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task")
    }
}

/// Work of nobody's connection.
pub fn work(frame: Bytes, ranges: Vec<(u32, u32)>, ops: Vec<Op>, followed: Option<Followed>) -> Box<Work> {
    let mut work = Work::new(frame, ops, (0, Arc::from("master")));
    work.ranges = ranges;
    work.reply = Reply::new(Protocol::Resp2);
    work.ends = Some(Vec::new());
    work.atomic = true;
    work.followed = followed;
    Box::new(work)
}

/// Has a task done with all partitions' states, between two commands: a look at one moment, a change of role.
pub fn with_all(state: &State, task: impl FnOnce(&mut [Box<Partition>]) + Send + 'static) {
    lend_all(state, Task { run: Box::new(task), outcome: Outcome::Same });
}

/// As [`with_all`], for a task that puts other data into their place; what they wrote before is in the log by then.
pub fn replace_all(state: &State, task: impl FnOnce(&mut [Box<Partition>]) + Send + 'static) {
    lend_all(state, Task { run: Box::new(task), outcome: Outcome::Replaced });
}

/// As [`with_all`], for a task that hands off each of them.
pub fn hand_off_all(state: &State, task: impl FnOnce(&mut [Box<Partition>]) + Send + 'static) {
    lend_all(state, Task { run: Box::new(task), outcome: Outcome::HandedOff });
}

fn lend_all(state: &State, task: Task) {
    let work = work(Bytes::new(), Vec::new(), Vec::new(), None);
    let exclusive = Exclusive { work, held: Vec::new(), task: Some(task) };
    state.partitions()[0].do_send(Lend(Box::new(exclusive)));
}

/// Sends states home after a piece of a master's stream, or a task.
pub fn send_home(mut held: Vec<Box<Partition>>, work: Box<Work>, outcome: Outcome, state: &State) {
    let mut handed_off = outcome == Outcome::HandedOff;
    if let Some(followed) = &work.followed {
        let mut all: Vec<&mut Partition> = held.iter_mut().map(|partition| &mut **partition).collect();
        followed.end(&mut all);
        if held.len() > 1 {
            // What one command wrote over several partitions reaches RocksDB in one batch.
            let hand_offs: Vec<_> = held.iter_mut().filter_map(|partition| partition.hand_off()).collect();
            handed_off = hand_offs.len() == held.len();
            state.write_behind.send(Job::Apply(hand_offs));
        }
    }
    let (home, mut work) = (held[0].index, Some(work).filter(|work| work.followed.is_some()));
    for partition in held {
        let index = partition.index;
        let work = if index == home { work.take() } else { None };
        state.partitions()[index].do_send(Return {
            state: partition,
            group: None,
            handed_off,
            replaced: outcome == Outcome::Replaced,
            cause: 0,
            work,
            blocked: None,
        });
    }
}
