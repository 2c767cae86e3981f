//! What travels: the commands of one client's read, in order, with their replies so far.

use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use bytes::Bytes;
use pika_core::commands::table::Entry;
use pika_core::commands::{Args, redact};
use pika_core::keyspace::partition::Partition;
use pika_core::keyspace::table::Group;
use pika_core::keyspace::transaction::Need;
use pika_core::resp::Reply;

use crate::connection::Connection;
use crate::state::{State, lock, now_ms};

/// One command of a client.
#[derive(Debug, Clone, Copy)]
pub struct Op {
    /// Which.
    pub entry: &'static Entry,
    /// Its words: first index into [`Work::ranges`], and how many.
    pub words: (u32, u32),
    /// Whether the words stand in [`Work::inline`] instead of [`Work::frame`].
    pub inline: bool,
    /// The selected database.
    pub database: usize,
    /// Whether the reply is sent (CLIENT REPLY).
    pub replies: bool,
}

/// Commands of one client, in order, and their replies so far.
#[derive(Debug)]
pub struct Work {
    /// What the client sent.
    pub frame: Bytes,
    /// Decoded words of inline commands.
    pub inline: Bytes,
    /// Places of the words.
    pub ranges: Vec<(u32, u32)>,
    /// The commands.
    pub ops: Vec<Op>,
    /// The next one to run.
    pub next: usize,
    /// Replies so far.
    pub reply: Reply,
    /// Where each reply ends, if the work is one part of several.
    pub ends: Option<Vec<usize>>,
    /// For each command its place among all of the read, if it is one part of several.
    pub places: Vec<u32>,
    /// The replies may leave when the log has this group.
    pub hold: Group,
    /// What the next command needs that a view has to hold.
    pub needs: Vec<Need>,
    /// Where the replies go, if not back to a caller on the same arbiter.
    pub client: Option<Addr<Connection>>,
    /// For the slow log.
    pub client_facts: (u64, Arc<str>),
    /// The partition that keeps it.
    pub home: usize,
}

impl Work {
    /// The words of a command.
    pub fn args(&self, op: &Op) -> Args<'_> {
        let words = &self.ranges[op.words.0 as usize..(op.words.0 + op.words.1) as usize];
        Args::new(if op.inline { &self.inline } else { &self.frame }, words)
    }
}

/// A command over all partitions, on its way through them.
#[derive(Debug)]
pub struct Exclusive {
    /// The command (exactly one).
    pub work: Box<Work>,
    /// States lent so far, in order.
    pub held: Vec<Box<Partition>>,
}

/// Adds a command to the slow log.
pub fn add_slow(state: &State, work: &Work, op: &Op, took: Duration) {
    let words = redact::words(op.entry, work.args(op));
    let max_len = state.config().get(pika_core::config::options::SLOWLOG_MAX_LEN);
    let name = lock(&state.clients)
        .get(&work.client_facts.0)
        .map(|client| lock(&client.session).name.clone())
        .unwrap_or_default();
    lock(&state.slow_log).add(
        words.into_iter(),
        now_ms() / 1000,
        took.as_micros() as u64,
        (&work.client_facts.1, &name),
        max_len,
    );
}
