//! Commands that run on a thread that may wait: reads on a kept moment of their partition, and commands to which
//! whole partitions are lent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pika_core::binlog::Record;
use pika_core::commands::execute::{Halt, execute};
use pika_core::commands::{Flags, Run, Settings};
use pika_core::keyspace::partition::{LogRecord, Partition, Role};
use pika_core::keyspace::table::Group;
use pika_core::keyspace::transaction::{Block, Committed, Need, Reach, Source};
use pika_core::keyspace::view::View;
use pika_core::scripting::Host;
use pika_core::slowlog::SlowLog;

use crate::followed::Outcome;
use crate::long_reply::{PIECE, Sender, Unwanted};
use crate::message::{Kill, Lend, Return, Viewed};
use crate::messaging;
use crate::partition::{READ_ONLY, environment, keys_of, refused_on_slave};
use crate::scripts::ScriptHost;
use crate::state::{State, lock};
use crate::work::{Blocked, Exclusive, Op, Work, add_slow};
use crate::write_behind::Job;

/// A command over all partitions that needs more than so much, and learns of it bit by bit (SORT by other keys), runs
/// while they are lent.
const MOST_NEEDS: usize = 256;

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
///
/// A long reply leaves piece by piece, unless it has to be put together with others first.
pub fn run_on_view(work: &mut Work, view: &View, settings: &Settings, now_ms: u64, state: &Arc<State>) {
    let start = work.reply.len();
    let whole = work.ends.is_some() || work.atomic || work.thread.is_some() || work.followed.is_some();
    let mut waited = None;
    match &work.client {
        _ if whole => {}
        _ if !work.ops[work.next].replies => work.reply.leave_to(Box::new(Unwanted), PIECE),
        Some(client) => {
            let (sender, time) =
                Sender::new(state.clone(), client.clone(), (work.home, work.hold), view.given_up.clone());
            work.reply.leave_to(Box::new(sender), PIECE);
            waited = Some(time);
        }
        None => {}
    }
    let waited = || waited.as_deref().map_or(Duration::ZERO, |waited| *lock(waited));
    let done = run_timed(work, Source::View(view), (Reach::UNBOUNDED, settings, now_ms), state, waited);
    let gone = work.reply.stay();
    match done {
        Err(Halt::Need(_)) if gone > 0 && work.ops[work.next].replies => {
            // Commands ask for all they need before they let anything go: this is a defect.
            let command = work.ops[work.next].entry.full_name.as_str();
            slog::error!(state.logger, "a long reply could not be ended"; "command" => command);
            work.client.iter().for_each(|client| client.do_send(Kill));
            work.finish_op(start);
            work.needs.clear();
        }
        Ok(_) => {
            work.finish_op(start);
            work.needs.clear();
        }
        Err(Halt::Need(needs)) => work.needs.extend(needs),
        // It is looked at again where it came from.
        Err(Halt::Settle | Halt::Block(_) | Halt::Elsewhere(_)) => work.needs.clear(),
        Err(Halt::Engine(error)) => crate::server::fail_stop(&state.logger, &error.to_string()),
    }
}

/// Runs the next command. Its reply is in the work, and the work not yet past it.
fn run_next(
    work: &mut Work,
    source: Source<'_>,
    settings: &Settings,
    now_ms: u64,
    state: &Arc<State>,
) -> Result<Committed, Halt> {
    run_within(work, source, Reach::UNBOUNDED, settings, now_ms, state)
}

fn run_within(
    work: &mut Work,
    source: Source<'_>,
    reach: Reach,
    settings: &Settings,
    now_ms: u64,
    state: &Arc<State>,
) -> Result<Committed, Halt> {
    run_timed(work, source, (reach, settings, now_ms), state, || Duration::ZERO)
}

/// `waited` says how much of the time that the command took was not its own.
fn run_timed(
    work: &mut Work,
    source: Source<'_>,
    (reach, settings, now_ms): (Reach, &Settings, u64),
    state: &Arc<State>,
    waited: impl Fn() -> Duration,
) -> Result<Committed, Halt> {
    let op = work.ops[work.next];
    let began = Instant::now();
    let mut reply = std::mem::take(&mut work.reply);
    let start = reply.len();
    let mut environment = environment(work, op.database, now_ms, settings, state);
    let partition = match &source {
        Source::One(partition) => Some(partition.index),
        Source::All(_) | Source::View(_) => None,
    };
    let is_script = matches!(op.entry.command.run, Run::Script(_));
    let host =
        is_script.then(|| ScriptHost::new(state, (work.client_facts.0, &work.client_facts.1), partition));
    environment.host = host.as_ref().map(|host| host as &dyn Host);
    let done = execute(op.entry.command, work.next_args(), source, reach, environment, &mut reply);
    if let Some(host) = host {
        let calls = host.calls.take();
        work.calls.extend(calls);
    }
    work.reply = reply;
    if done.is_ok() && !op.entry.command.flags.has(Flags::INTERNAL) {
        let took = began.elapsed().saturating_sub(waited());
        let failed = work.reply.as_slice().get(start) == Some(&b'-') && !work.reply.has_left();
        work.ran.push((op.entry.id, took.as_nanos() as u64, failed));
        slow_elsewhere(state, work, &op, took);
    }
    done
}

/// Runs a command, or commands that happen together, over lent partitions on a thread that may wait, and sends the
/// states home.
pub fn run_exclusive_elsewhere(exclusive: Box<Exclusive>, state: &Arc<State>, now_ms: u64) {
    let shared = state.clone();
    state.lent.run(move || {
        let Exclusive { mut work, mut held, task } = *exclusive;
        if let Some(task) = task {
            let outcome = task.run(&mut held);
            return crate::followed::send_home(held, work, outcome, &shared);
        }
        let settings = shared.settings();
        if held.len() > 1 && is_read(&work) && work.needs.len() <= MOST_NEEDS {
            (work, held) = match read_over_all(work, held, &shared, now_ms) {
                Some(lent) => lent,
                None => return,
            };
        }
        work.needs.clear();
        if work.atomic && !work.begun {
            work.void = work.watch.as_ref().is_some_and(|watch| watch.is_void(now_ms));
            work.begun = true;
            match &work.followed {
                Some(_) => held.iter_mut().for_each(|partition| partition.role = Role::Follower),
                None => held[0].begin_atomic(),
            }
        }
        let mut blocked = None;
        while !work.void && work.next < work.ops.len() {
            let start = work.reply.len();
            let op = work.ops[work.next];
            if op.tracked {
                // Of what changed before, this client need not be told.
                let client = work.client_facts.0;
                held.iter_mut().for_each(|partition| messaging::tell_changes(&shared, partition, client));
                messaging::remember(&shared, client, op.entry.command.keys_of(work.next_args()));
            }
            if op.entry.command.is_write() && refused_on_slave(&work, &held[0], &shared) {
                work.reply.error(READ_ONLY);
                work.finish_op(start);
                if !work.atomic {
                    break;
                }
                continue;
            }
            let source = if held.len() == 1 { Source::One(&mut held[0]) } else { Source::All(&mut held) };
            match run_next(&mut work, source, &settings, now_ms, &shared) {
                Ok(_) => work.finish_op(start),
                Err(Halt::Block(block)) => {
                    blocked = Some(block);
                    break;
                }
                Err(Halt::Elsewhere(_)) if held.len() == 1 && shared.identity.partitions > 1 => {
                    // A script needs other partitions too. Nothing of it has happened.
                    return go_around(held, work, &shared);
                }
                Err(Halt::Engine(error)) => crate::server::fail_stop(&shared.logger, &error.to_string()),
                // States are settled before they are lent, and nothing bounds the reads.
                Err(halt) => {
                    crate::server::fail_stop(&shared.logger, &format!("{halt:?} with all states lent"))
                }
            }
            if !work.atomic {
                break;
            }
        }
        if work.followed.is_some() {
            return crate::followed::send_home(held, work, Outcome::Same, &shared);
        }
        held[0].end_atomic();
        send_home(held, work, blocked, &shared);
    });
}

/// Sends a state home that is not enough for its command, and the command around all partitions.
#[expect(clippy::vec_box, reason = "partitions move between threads one by one, and are large")]
fn go_around(held: Vec<Box<Partition>>, work: Box<Work>, state: &State) {
    return_all(held, work.client_facts.0, state);
    state.partitions()[0].do_send(Lend(Box::new(Exclusive { work, held: Vec::new(), task: None })));
}

/// Sends states home that were lent for nothing.
#[expect(clippy::vec_box, reason = "partitions move between threads one by one, and are large")]
fn return_all(held: Vec<Box<Partition>>, cause: u64, state: &State) {
    for partition in held {
        let index = partition.index;
        state.partitions()[index].do_send(Return {
            state: partition,
            group: None,
            handed_off: false,
            replaced: false,
            cause,
            work: None,
            blocked: None,
        });
    }
}

/// Sends states home that were lent to a command which was refused on its way, and answers it.
pub fn give_back(held: Vec<Box<Partition>>, work: Box<Work>, state: &State) {
    return_all(held, work.client_facts.0, state);
    if let Some(client) = work.client.clone() {
        client.do_send(crate::message::Finished(work));
    }
}

/// Whether the next command only reads, and by itself.
fn is_read(work: &Work) -> bool {
    let command = work.ops[work.next].entry.command;
    !work.atomic
        && command.flags.has(Flags::READONLY)
        && !command.flags.has(Flags::BLOCKING)
        && !matches!(command.run, Run::Script(_))
}

/// Runs a command that only reads over all partitions. If that takes long, their moment is kept, and they go home before
/// it runs. A command that only lacks single entries comes back, to be run while they stay.
#[expect(clippy::vec_box, reason = "partitions move between threads one by one, and are large")]
fn read_over_all(
    mut work: Box<Work>,
    mut held: Vec<Box<Partition>>,
    state: &Arc<State>,
    now_ms: u64,
) -> Option<(Box<Work>, Vec<Box<Partition>>)> {
    let settings = state.settings();
    let op = work.ops[work.next];
    if op.tracked {
        // Of what changed before, this client need not be told.
        let client = work.client_facts.0;
        held.iter_mut().for_each(|partition| messaging::tell_changes(state, partition, client));
        messaging::remember(state, client, op.entry.command.keys_of(work.next_args()));
    }
    if work.needs.is_empty() {
        let start = work.reply.len();
        match run_within(&mut work, Source::All(&mut held), Reach::SERVING, &settings, now_ms, state) {
            Ok(_) => {
                work.finish_op(start);
                send_home(held, work, None, state);
                return None;
            }
            Err(Halt::Need(needs)) if needs.iter().any(|need| matches!(need, Need::Range(..))) => {
                work.needs = needs;
            }
            Err(Halt::Need(_)) => return Some((work, held)),
            Err(Halt::Engine(error)) => crate::server::fail_stop(&state.logger, &error.to_string()),
            // States are settled before they are lent, and such a command waits for no key.
            Err(halt) => crate::server::fail_stop(&state.logger, &format!("{halt:?} with all states lent")),
        }
    }
    let mut partitions: Vec<&mut Partition> = held.iter_mut().map(|partition| &mut **partition).collect();
    let view = View::keep(&mut partitions, &work.needs);
    // What the view shows is in the log's queue by now, whichever partition wrote it.
    let home = work.home;
    let mut groups: Vec<Option<(Group, u64)>> = vec![None; held.len()];
    if let Some(partition) = held.get_mut(home) {
        groups[home] = partition.advance();
        work.hold = work.hold.max(groups[home].map_or(0, |(group, _)| group));
    }
    let cause = work.client_facts.0;
    for (partition, group) in held.into_iter().zip(groups) {
        let index = partition.index;
        let (handed_off, work, blocked) = (false, None, None);
        let home = Return { state: partition, group, handed_off, replaced: false, cause, work, blocked };
        state.partitions()[index].do_send(home);
    }
    let shared = state.clone();
    state.views.run(move || {
        let before = work.next;
        run_on_view(&mut work, &view, &settings, now_ms, &shared);
        drop(view);
        if work.next > before {
            shared.partitions()[home].do_send(Viewed(work));
        } else {
            // Around again, for a view of more.
            shared.partitions()[0].do_send(Lend(Box::new(Exclusive { work, held: Vec::new(), task: None })));
        }
    });
    None
}

fn slow_elsewhere(state: &State, work: &Work, op: &Op, took: Duration) {
    let threshold = state.config().get(pika_core::config::options::SLOWLOG_LOG_SLOWER_THAN);
    if SlowLog::is_slow(threshold, took.as_micros() as u64) {
        add_slow(state, work, op, took);
    }
}

#[expect(clippy::vec_box, reason = "partitions move between threads one by one, and are large")]
fn send_home(mut held: Vec<Box<Partition>>, mut work: Box<Work>, block: Option<Box<Block>>, state: &State) {
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
    let (home, cause) = (work.home, work.client_facts.0);
    for (partition, group) in held.iter_mut().zip(&mut groups) {
        if partition.index == home {
            // The reply speaks of all that is in the log's queue by now, whichever partition wrote it.
            if group.is_none() {
                *group = partition.advance();
            }
            work.hold = group.map_or(0, |(group, _)| group);
        }
    }
    let (mut blocked, mut work) = (None, Some(work));
    if let Some(block) = block
        && let Some(mut work) = work.take()
    {
        // The alarms are set while all states are held: no change can pass unseen.
        let keys = keys_of(&block, held[0].namespaces(), work.ops[work.next].database);
        let ticket = *work.ticket.get_or_insert_with(|| state.alarms.new_ticket());
        state.alarms.add(&keys, (home, ticket));
        held.iter_mut().for_each(|partition| partition.follows = true);
        blocked = Some(Blocked { work, block, ticket, keys, spread: true });
    }
    // Home first: what a change elsewhere sends there must find the command that waits.
    let mut all: Vec<_> = held.into_iter().zip(groups).collect();
    all.sort_by_key(|(partition, _)| partition.index != home);
    for (partition, group) in all {
        let index = partition.index;
        let (work, blocked) = if index == home { (work.take(), blocked.take()) } else { (None, None) };
        state.partitions()[index].do_send(Return {
            state: partition,
            group,
            handed_off,
            replaced: false,
            cause,
            work,
            blocked,
        });
    }
}
