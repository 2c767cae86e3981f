//! A master's stream: into the log, and to the partitions.

use std::path::Path;
use std::sync::Arc;

use pika_core::binlog::record::SENT;
use pika_core::binlog::{Reader, Record};
use pika_core::config::options;
use pika_core::files::Real;
use pika_core::keyspace::recovery;
use pika_core::pubsub::Kind;
use pika_core::replication::stream::{Cut, Cutter, Owner, Piece, StreamError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::followed::{self, Followed};
use crate::message::{Execute, Lend};
use crate::state::{State, now_ms};
use crate::work::{Exclusive, Op};

/// The stream from a place on.
#[derive(Debug)]
pub(super) struct Feed {
    cutter: Cutter,
    answer: UnboundedSender<Option<String>>,
    answers: UnboundedReceiver<Option<String>>,
}

/// What was logged and run.
#[derive(Debug)]
pub(super) struct Step {
    /// The offset behind it.
    pub(super) offset: u64,
    /// The master wants to know it.
    pub(super) get_ack: bool,
    /// A command that was answered with an error.
    pub(super) refused: Option<String>,
}

impl Feed {
    /// From the end of the log on.
    ///
    /// # Errors
    /// The log cannot be read.
    pub(super) fn new(state: &Arc<State>) -> Result<Feed, String> {
        let (partitions, databases) =
            (state.identity.partitions, state.config().get(options::DATABASES) as usize);
        let (answer, answers) = unbounded_channel();
        let database = selected_at_end(state)?;
        Ok(Feed { cutter: Cutter::new(partitions, databases, database), answer, answers })
    }

    /// Adds what came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.cutter.push(bytes);
    }

    /// The database that the stream has selected at the end of what was run.
    pub(super) fn selected(&self) -> u16 {
        self.cutter.selected() as u16
    }

    /// Bytes that wait for the rest of their command or transaction.
    pub(super) fn waiting(&self) -> usize {
        self.cutter.waiting()
    }

    /// Logs and runs the next complete commands; `None` if there are none.
    pub(super) async fn step(&mut self, state: &Arc<State>) -> Result<Option<Step>, StreamError> {
        let (mut selected, most) = loop {
            let selected = state.following.steps.lock().await;
            let offset = state.log.committed();
            let mut halts = state.following.halt.subscribe();
            let halt = *halts.borrow_and_update();
            match halt {
                Some(at) if at <= offset => {
                    // Who halts it holds its own time limit, and lets it go on whatever comes.
                    drop(selected);
                    let _ = halts.wait_for(|halt| halt.is_none_or(|at| at > offset)).await;
                }
                _ => break (selected, halt.map_or(u64::MAX, |at| at - offset)),
            }
        };
        let Some(cut) = self.cutter.cut_up_to(most)? else { return Ok(None) };
        let mut offset = state.log.committed();
        let clock_ms = now_ms() | SENT;
        let records = cut.pieces.iter().map(|piece| {
            let (start, end) = piece.bytes;
            let record = Record {
                offset,
                clock_ms,
                database: piece.database as u16,
                first_slot: piece.slots.0,
                last_slot: piece.slots.1,
                payload: cut.frame.slice(start as usize..end as usize),
            };
            offset = record.end_offset();
            record
        });
        let records: Vec<Record> = records.collect();
        let end = offset;
        let ends: Vec<u64> = records.iter().map(Record::end_offset).collect();
        state.log.append_followed(records);
        let mut refused = None;
        let mut first = 0;
        while first < cut.pieces.len() {
            let rest = &cut.pieces[first..];
            let together =
                rest.iter().position(|piece| piece.owner == Owner::All).unwrap_or(rest.len()).max(1);
            let reach = ends[first + together - 1];
            let sent = self.send(state, &cut, &rest[..together], reach);
            for _ in 0..sent {
                let error = self.answers.recv().await.flatten();
                refused = refused.or(error);
            }
            deliver_messages(state, &cut, &rest[..together]);
            first += together;
        }
        // Only now: a partition that says that it has nothing before the end of the log must not mean what is still
        // on its way to it.
        state.following.set_log_end(end);
        *selected = self.selected();
        Ok(Some(Step { offset: end, get_ack: cut.get_ack, refused }))
    }

    /// Sends pieces to their partitions. Returns how many answers will come.
    fn send(&self, state: &Arc<State>, cut: &Cut, pieces: &[Piece], end: u64) -> usize {
        let followed = Followed { end, answer: self.answer.clone() };
        if let [Piece { owner: Owner::All, .. }] = pieces {
            let mut work = followed::work(cut.frame.clone(), cut.ranges.clone(), ops(pieces), Some(followed));
            if work.ops.is_empty() {
                return 0;
            }
            work.home = 0;
            let exclusive = Exclusive { work, held: Vec::new(), task: None };
            state.partitions()[0].do_send(Lend(Box::new(exclusive)));
            return 1;
        }
        let mut sent = 0;
        for (index, partition) in state.partitions().iter().enumerate() {
            let own: Vec<Piece> =
                pieces.iter().filter(|piece| piece.owner == Owner::One(index)).cloned().collect();
            if own.is_empty() {
                continue;
            }
            let mut work =
                followed::work(cut.frame.clone(), cut.ranges.clone(), ops(&own), Some(followed.clone()));
            work.home = index;
            partition.do_send(Execute(work));
            sent += 1;
        }
        sent
    }
}

fn ops(pieces: &[Piece]) -> Vec<Op> {
    let commands = pieces.iter().flat_map(|piece| &piece.commands);
    commands
        .map(|command| Op {
            entry: command.entry,
            words: command.words,
            inline: false,
            database: command.database,
            replies: true,
            tracked: false,
        })
        .collect()
}

/// Messages for this server's own subscribers.
fn deliver_messages(state: &State, cut: &Cut, pieces: &[Piece]) {
    for &(first, count) in pieces.iter().flat_map(|piece| &piece.messages) {
        let word = |index: u32| {
            let (start, end) = cut.ranges[(first + index) as usize];
            &cut.frame[start as usize..end as usize]
        };
        if count == 3 {
            let kind = if word(0).len() == "spublish".len() { Kind::Shard } else { Kind::Channel };
            state.messaging.publish(kind, word(1), word(2), 0);
        }
    }
}

/// The database that the stream has selected at the end of the log: what its last record says.
fn selected_at_end(state: &State) -> Result<usize, String> {
    let folder = Path::new(state.config().get(options::DIR)).join("binlog");
    let (first, end) = state.log.with_writer(|writer| {
        let segments = writer.segments();
        let last = segments.iter().rev().find(|segment| segment.end_offset > segment.first_offset);
        (last.map(|segment| segment.first_offset), writer.written_offset())
    });
    let fail = |error: &dyn std::fmt::Display| format!("binlog: {error}");
    let Some(first) = first else {
        let found = recovery::read(&state.engine, 1).map_err(|error| fail(&error))?;
        return Ok(usize::from(found.stream_database));
    };
    let mut reader = Reader::open(Arc::new(Real), &folder, first, end).map_err(|error| fail(&error))?;
    let mut selected = 0;
    while let Some(record) = reader.read().map_err(|error| fail(&error))? {
        selected = usize::from(record.header.database);
        if let Some(last) = pika_core::replication::stream::last_selected(record.payload) {
            selected = last;
        }
    }
    Ok(selected)
}
