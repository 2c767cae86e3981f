//! What MIGRATE asks of the partitions: one piece of work for each step and key, answered on a channel.

use std::sync::Arc;
use std::sync::mpsc::channel;

use pika_core::commands::generic::migrate::{COLLECT, LOOK, REMOVE};
use pika_core::commands::table::Entry;
use pika_core::keyspace::slot;
use pika_core::keyspace::transaction::write_command;
use pika_core::keyspace::watch::Watch;
use pika_core::session::Session;

use crate::message::Execute;
use crate::state::State;
use crate::work::{Op, Words, Work};

/// The partitions, as a client of one database reaches them.
pub(super) struct Keys<'a> {
    state: &'a Arc<State>,
    client: (u64, Arc<str>),
    database: usize,
}

/// A key that was read.
pub(super) struct Read<'k> {
    pub(super) key: &'k [u8],
    /// RESTORE, as a request.
    pub(super) request: Vec<u8>,
    watch: Arc<Watch>,
}

/// What became of a key that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removed {
    /// It is gone.
    Done,
    /// It is not what was read any more.
    Changed,
}

/// A request of so many words.
pub(super) fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_command(&mut bytes, words.iter().copied());
    bytes
}

impl<'a> Keys<'a> {
    pub(super) fn new(state: &'a Arc<State>, session: &Session) -> Keys<'a> {
        let client = (session.id, Arc::from(session.address.as_str()));
        Keys { state, client, database: session.database }
    }

    /// Reads a key, and notices its changes from then on. `None`: there is no such key.
    pub(super) fn read<'k>(&self, key: &'k [u8], replace: bool) -> Result<Option<Read<'k>>, String> {
        let watch = Arc::new(Watch::strict());
        let option: &[&[u8]] = if replace { &[b"REPLACE"] } else { &[] };
        // The look comes first: what changes behind it is noticed.
        let steps = [(&*LOOK, &[][..], false), (&*COLLECT, option, true)];
        let work = self.work(key, &steps, watch.clone());
        let request = self.run(vec![work])?.pop().unwrap_or_default();
        match request.first() {
            Some(b'*') => Ok(Some(Read { key, request, watch })),
            Some(b'-') => Err(String::from_utf8_lossy(&request[1..]).trim_end().to_string()),
            _ => Ok(None),
        }
    }

    /// Removes the keys that are what was read.
    pub(super) fn remove(&self, keys: &[Read<'_>]) -> Result<Vec<Removed>, String> {
        let step = |read: &Read<'_>| self.work(read.key, &[(&*REMOVE, &[][..], true)], read.watch.clone());
        let replies = self.run(keys.iter().map(step).collect())?;
        let became = |reply: Vec<u8>| match reply.as_slice() {
            b":1\r\n" => Ok(Removed::Done),
            b":0\r\n" => Ok(Removed::Changed),
            error => Err(String::from_utf8_lossy(error).trim_start_matches('-').trim_end().to_string()),
        };
        replies.into_iter().map(became).collect()
    }

    /// Steps on a key, each with its options and whether its reply is wanted.
    fn work(
        &self,
        key: &[u8],
        steps: &[(&'static Entry, &[&[u8]], bool)],
        watch: Arc<Watch>,
    ) -> (usize, Box<Work>) {
        let mut ops = Vec::new();
        let mut words: Vec<&[u8]> = Vec::new();
        for &(entry, options, replies) in steps {
            let first = words.len() as u32;
            words.extend([entry.command.name.as_bytes(), key]);
            words.extend(options);
            let count = words.len() as u32 - first;
            let (database, inline, tracked) = (self.database, false, false);
            ops.push(Op { entry, words: (first, count), inline, database, replies, tracked });
        }
        let Words { frame, ranges } = Words::copy(words.into_iter());
        let owner = slot::partition_of(slot::of_key(key), self.state.identity.partitions);
        let mut work = Work::new(frame, ops, self.client.clone());
        work.ranges = ranges;
        work.home = owner;
        work.watch = Some(watch);
        (owner, Box::new(work))
    }

    /// Runs pieces of work, all at the same time. Their replies, in order.
    fn run(&self, pieces: Vec<(usize, Box<Work>)>) -> Result<Vec<Vec<u8>>, String> {
        let count = pieces.len();
        let (answer, answers) = channel();
        for (place, (owner, mut work)) in pieces.into_iter().enumerate() {
            work.places = vec![place as u32];
            work.thread = Some(answer.clone());
            self.state.partitions()[owner].do_send(Execute(work));
        }
        drop(answer);
        let mut replies = vec![Vec::new(); count];
        let mut missing = count;
        while missing > 0 {
            let Ok(mut work) = answers.recv() else { return Err("ERR the server is stopping".into()) };
            replies[work.places[0] as usize] = work.reply.take().to_vec();
            // A long reply is sent in parts; a short one is all there is.
            missing -= 1;
        }
        Ok(replies)
    }
}
