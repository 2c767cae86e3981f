//! Commands that run on a thread that may wait: reads on a kept moment of their partition, and commands to which
//! whole partitions are lent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pika_core::binlog::Record;
use pika_core::commands::execute::{Environment, Halt, execute};
use pika_core::commands::{Args, Settings};
use pika_core::keyspace::partition::{LogRecord, Partition};
use pika_core::keyspace::table::Group;
use pika_core::keyspace::transaction::{Reach, Source};
use pika_core::keyspace::view::View;
use pika_core::slowlog::SlowLog;

use crate::message::Return;
use crate::state::State;
use crate::work::{Exclusive, Op, Work, add_slow};
use crate::write_behind::Job;

/// A partition's record, for the log's writer.
pub fn to_record(record: LogRecord) -> Record {
    Record {
        offset: record.offset,
        clock_ms: record.clock_ms,
        database: record.database,
        first_slot: record.first_slot,
        last_slot: record.last_slot,
        payload: Bytes::from(record.payload),
    }
}

/// Runs the next command against a view. If it needs more than the view holds, its needs grow, and it comes back
/// without having run.
pub fn run_on_view(work: &mut Work, view: &View, settings: &Settings, now_ms: u64, state: &State) {
    let op = work.ops[work.next];
    let start = work.reply.len();
    let began = Instant::now();
    let environment = Environment { now_ms, settings, database: op.database };
    let words = &work.ranges[op.words.0 as usize..(op.words.0 + op.words.1) as usize];
    let args = Args::new(if op.inline { &work.inline } else { &work.frame }, words);
    let source = Source::View(view);
    match execute(op.entry.command, args, source, Reach::UNBOUNDED, environment, &mut work.reply) {
        Ok(_) => {
            slow_elsewhere(state, work, &op, began.elapsed());
            finish_op(work, &op, start);
        }
        Err(Halt::Need(needs)) => work.needs.extend(needs),
        Err(Halt::Settle) => {}
        Err(Halt::Block(block)) => {
            block.otherwise.write(&mut work.reply);
            finish_op(work, &op, start);
        }
        Err(Halt::Engine(error)) => crate::server::fail_stop(&state.logger, &error.to_string()),
    }
}

fn finish_op(work: &mut Work, op: &Op, start: usize) {
    if !op.replies {
        work.reply.truncate(start);
    }
    let end = work.reply.len();
    if let Some(ends) = &mut work.ends {
        ends.push(end);
    }
    work.next += 1;
    work.needs.clear();
}

/// Runs a command over lent partitions on a thread that may wait, and sends the states home.
pub fn run_exclusive_elsewhere(exclusive: Box<Exclusive>, state: &Arc<State>, now_ms: u64) {
    let shared = state.clone();
    state.reads.run(move || {
        let Exclusive { mut work, mut held } = *exclusive;
        let settings = shared.settings();
        let op = work.ops[work.next];
        let start = work.reply.len();
        let environment = Environment { now_ms, settings: &settings, database: op.database };
        let words = &work.ranges[op.words.0 as usize..(op.words.0 + op.words.1) as usize];
        let args = Args::new(if op.inline { &work.inline } else { &work.frame }, words);
        let source = if held.len() == 1 { Source::One(&mut held[0]) } else { Source::All(&mut held) };
        let began = Instant::now();
        match execute(op.entry.command, args, source, Reach::UNBOUNDED, environment, &mut work.reply) {
            Ok(_) => {}
            Err(Halt::Block(block)) => block.otherwise.write(&mut work.reply),
            Err(Halt::Engine(error)) => crate::server::fail_stop(&shared.logger, &error.to_string()),
            // States are settled before they are lent, and nothing bounds the reads.
            Err(halt) => crate::server::fail_stop(&shared.logger, &format!("{halt:?} with all states lent")),
        }
        slow_elsewhere(&shared, &work, &op, began.elapsed());
        finish_op(&mut work, &op, start);
        send_home(held, work, &shared);
    });
}

fn slow_elsewhere(state: &State, work: &Work, op: &Op, took: Duration) {
    let threshold = state.config().get(pika_core::config::options::SLOWLOG_LOG_SLOWER_THAN);
    if SlowLog::is_slow(threshold, took.as_micros() as u64) {
        add_slow(state, work, op, took);
    }
}

#[expect(clippy::vec_box, reason = "partitions move between threads one by one, and are large")]
fn send_home(mut held: Vec<Box<Partition>>, mut work: Box<Work>, state: &State) {
    let mut groups: Vec<Option<(Group, u64)>> = vec![None; held.len()];
    let written = held[0].close_group();
    let handed_off = written.is_some();
    if let Some((group, records)) = written {
        let end = records.last().map_or(0, LogRecord::end);
        groups[0] = Some((group, end));
        for (partition, slot) in held.iter_mut().zip(&mut groups).skip(1) {
            *slot = Some((partition.end_group(end), end));
        }
        state.log.submit(records.into_iter().map(to_record).collect());
        // What one command wrote over several partitions reaches RocksDB in one batch.
        let hand_offs: Vec<_> = held
            .iter_mut()
            .map(|partition| partition.hand_off().expect("each has a group that just ended"))
            .collect();
        state.write_behind.send(Job::Apply(hand_offs));
    }
    let home = work.home;
    for (partition, group) in held.iter_mut().zip(&mut groups) {
        if partition.index == home {
            // The reply speaks of all that is in the log's queue by now, whichever partition wrote it.
            if group.is_none() {
                *group = partition.advance();
            }
            work.hold = group.map_or(0, |(group, _)| group);
        }
    }
    let mut work = Some(work);
    for (partition, group) in held.into_iter().zip(groups) {
        let index = partition.index;
        let work = if index == home { work.take() } else { None };
        state.partitions()[index].do_send(Return { state: partition, group, handed_off, work });
    }
}
