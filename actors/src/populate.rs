//! DEBUG POPULATE: keys made up, and written as a client would write them: the log has them, and slaves get them.

use std::sync::Arc;
use std::sync::mpsc::channel;

use pika_core::commands::table::{self, Entry};
use pika_core::keyspace::slot;
use pika_core::session::Session;

use crate::message::Execute;
use crate::state::State;
use crate::work::{Op, Words, Work};

/// Bytes of keys and values that are on their way at a time.
const AT_A_TIME: usize = 4 << 20;

/// See [`pika_core::server::Server::populate`].
pub fn run(
    state: &Arc<State>,
    session: &Session,
    count: u64,
    prefix: &[u8],
    size: Option<usize>,
) -> Result<(), String> {
    let set = table::find_full(b"set").ok_or("ERR no SET")?;
    let mut shares = Shares { state, session, set, of: vec![Vec::new(); state.partitions().len()], bytes: 0 };
    for number in 0..count {
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        let mut value = format!("value:{number}").into_bytes();
        if let Some(size) = size {
            value.resize(size, 0);
        }
        shares.add(key, value);
        if shares.bytes >= AT_A_TIME {
            shares.write()?;
        }
    }
    shares.write()
}

/// Keys and values for each partition.
struct Shares<'a> {
    state: &'a Arc<State>,
    session: &'a Session,
    set: &'static Entry,
    of: Vec<Vec<(Vec<u8>, Vec<u8>)>>,
    bytes: usize,
}

impl Shares<'_> {
    fn add(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        let owner = slot::partition_of(slot::of_key(&key), self.of.len());
        self.of[owner].push((key, value));
    }

    /// Writes what was added, and waits for it.
    fn write(&mut self) -> Result<(), String> {
        let (answer, answers) = channel();
        let mut waiting = 0;
        for owner in 0..self.of.len() {
            let keys = std::mem::take(&mut self.of[owner]);
            if keys.is_empty() {
                continue;
            }
            let mut work = self.work(&keys);
            work.home = owner;
            work.thread = Some(answer.clone());
            self.state.partitions()[owner].do_send(Execute(Box::new(work)));
            waiting += 1;
        }
        self.bytes = 0;
        drop(answer);
        while waiting > 0 {
            let Ok(mut work) = answers.recv() else { return Err("ERR the server is stopping".into()) };
            let reply = work.reply.take();
            // `+OK` for what was added, a null for what was there; all answers are of one kind if one is an error.
            if let Some(error) = reply.strip_prefix(b"-") {
                return Err(String::from_utf8_lossy(error).lines().next().unwrap_or_default().into());
            }
            waiting -= 1;
        }
        Ok(())
    }

    fn work(&self, keys: &[(Vec<u8>, Vec<u8>)]) -> Work {
        let words = keys.iter().flat_map(|(key, value)| [&b"SET"[..], key, value, b"NX"]);
        let Words { frame, ranges } = Words::copy(words);
        let op = |index: usize| Op {
            entry: self.set,
            words: (index as u32 * 4, 4),
            inline: false,
            database: self.session.database,
            replies: true,
            tracked: false,
        };
        let ops = (0..keys.len()).map(op).collect();
        let mut work = Work::new(frame, ops, (self.session.id, Arc::from(self.session.address.as_str())));
        work.ranges = ranges;
        work
    }
}
