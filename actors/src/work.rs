//! What travels: the commands of one client's read, in order, with their replies so far.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;
use std::time::Instant;

use actix::Addr;
use bytes::Bytes;
use pika_core::acl::User;
use pika_core::commands::table::Entry;
use pika_core::commands::{Args, redact};
use pika_core::encoding::key::KeyBuf;
use pika_core::keyspace::partition::Partition;
use pika_core::keyspace::table::Group;
use pika_core::keyspace::transaction::{Block, Need};
use pika_core::keyspace::watch::Watch;
use pika_core::resp::Reply;

use crate::connection::Connection;
use crate::followed::{Followed, Task};
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
    /// Its keys are remembered, for the client to be told of their changes.
    pub tracked: bool,
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
    /// A thread that waits for the replies, instead of a client.
    pub thread: Option<Sender<Box<Work>>>,
    /// For the slow log.
    pub client_facts: (u64, Arc<str>),
    /// The partition that keeps it.
    pub home: usize,
    /// The commands happen together (EXEC).
    pub atomic: bool,
    /// That has begun.
    pub begun: bool,
    /// It did not happen: what was watched had changed.
    pub void: bool,
    /// It did not happen: a script was in the way for too long, and the client gets this.
    pub refused: Option<&'static str>,
    /// What the client watches: WATCH adds to it, EXEC looks at it.
    pub watch: Option<Arc<Watch>>,
    /// The next command has waited for a key, and is this now.
    pub retry: Option<Words>,
    /// The next command has waited, and is on its way around the partitions again.
    pub retrying: bool,
    /// The number under which it waited for keys of several partitions: it keeps its place among those that wait.
    pub ticket: Option<u64>,
    /// When the next command's wait for a key ends.
    pub deadline: Option<Instant>,
    /// Reading keys leaves no trace (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// The client's user, if it may not do everything.
    pub user: Option<Arc<User>>,
    /// Scripts of a transaction behind commands that change rights: which, and the user as whom they call commands.
    pub later_users: Vec<(usize, Option<Arc<User>>)>,
    /// Commands that ran elsewhere: which, nanoseconds, whether it failed.
    pub ran: Vec<(usize, u64, bool)>,
    /// What commands of scripts did elsewhere.
    pub calls: Vec<pika_core::scripting::host::Call>,
    /// How often the next command, a script, was run in vain.
    pub attempts: u32,
    /// It is of a master's stream.
    pub followed: Option<Followed>,
}

/// The words of a command that stand by themselves.
#[derive(Debug, Clone)]
pub struct Words {
    /// All, one after another.
    pub frame: Bytes,
    /// Their places.
    pub ranges: Vec<(u32, u32)>,
}

impl Words {
    /// A copy.
    pub fn copy<'a>(words: impl Iterator<Item = &'a [u8]>) -> Words {
        let (mut frame, mut ranges) = (Vec::new(), Vec::new());
        for word in words {
            let start = frame.len() as u32;
            frame.extend_from_slice(word);
            ranges.push((start, frame.len() as u32));
        }
        Words { frame: frame.into(), ranges }
    }
}

impl Work {
    /// Work on commands whose words stand in `frame`, for a client (its number and its address).
    pub fn new(frame: Bytes, ops: Vec<Op>, client_facts: (u64, Arc<str>)) -> Work {
        Work {
            frame,
            inline: Bytes::new(),
            ranges: Vec::new(),
            ops,
            next: 0,
            reply: Reply::default(),
            ends: None,
            places: Vec::new(),
            hold: 0,
            needs: Vec::new(),
            client: None,
            thread: None,
            client_facts,
            home: 0,
            atomic: false,
            begun: false,
            void: false,
            refused: None,
            watch: None,
            retry: None,
            retrying: false,
            ticket: None,
            deadline: None,
            no_touch: false,
            user: None,
            later_users: Vec::new(),
            ran: Vec::new(),
            calls: Vec::new(),
            attempts: 0,
            followed: None,
        }
    }

    /// The words of the next command.
    pub fn next_args(&self) -> Args<'_> {
        match &self.retry {
            Some(words) => Args::new(&words.frame, &words.ranges),
            None => self.args(&self.ops[self.next]),
        }
    }

    /// The user as whom the next command, if it is a script, calls commands; `None` if it may do everything.
    pub fn user_of_next(&self) -> Option<&User> {
        match self.later_users.iter().find(|(op, _)| *op == self.next) {
            Some((_, user)) => user.as_deref(),
            None => self.user.as_deref(),
        }
    }

    /// The next command is done: cuts its reply if nobody wants it, and goes on to the one behind it. `start` is where
    /// its reply begins.
    pub fn finish_op(&mut self, start: usize) {
        if !self.ops[self.next].replies {
            self.reply.truncate(start);
        }
        let end = self.reply.len();
        if let Some(ends) = &mut self.ends {
            ends.push(end);
        }
        self.next += 1;
        self.attempts = 0;
        self.retry = None;
        self.ticket = None;
        self.deadline = None;
    }

    /// Whether a client waits for it who can be answered BUSY instead: what has to happen together has not begun.
    pub fn is_refusable(&self) -> bool {
        !self.begun && !self.retrying && self.followed.is_none() && self.client.is_some()
    }

    /// Answers all commands that have not run with an error, or what happens together as a whole.
    pub fn refuse_rest(&mut self, text: &'static str) {
        if self.atomic {
            self.void = true;
            self.refused = Some(text);
            return;
        }
        while self.next < self.ops.len() {
            let start = self.reply.len();
            self.reply.error(text);
            self.finish_op(start);
        }
    }

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
    /// What is done with all of them instead of a command.
    pub task: Option<Task>,
}

/// A piece of work whose next command waits for a key.
#[derive(Debug)]
pub struct Blocked {
    /// The work.
    pub work: Box<Work>,
    /// What it waits for.
    pub block: Box<Block>,
    /// Its number.
    pub ticket: u64,
    /// The Meta keys that it waits for.
    pub keys: Vec<KeyBuf>,
    /// They are of several partitions.
    pub spread: bool,
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
