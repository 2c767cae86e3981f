//! A server in miniature, for tests of all that needs no sockets: partitions over an engine, time that is told,
//! the log in memory. Every way that a command can take in the daemon (hot, cold, elsewhere, over several
//! partitions, again after a crash) can be taken here, deterministically.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::commands::execute::{Environment, Halt, execute};
use crate::commands::{Args, Run, Settings, table};
use crate::engine::memory::MemoryEngine;
use crate::engine::{Engine, Family, Tier};
use crate::keyspace::expiry;
use crate::keyspace::partition::{LogRecord, Partition, Shared};
use crate::keyspace::recovery;
use crate::keyspace::slot;
use crate::keyspace::transaction::{Need, Place, Reach, Source};
use crate::keyspace::view::View;
use crate::keyspace::watch::Watch;
use crate::keyspace::write_behind::{HandOff, WriteBehind};
use crate::resp::{Protocol, Reply};

#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod pieces;
mod words;

use pieces::Gone;
pub use words::show;
use words::split;

/// See the module's documentation.
#[derive(Debug)]
pub struct MiniServer<E = MemoryEngine> {
    /// The store below.
    pub engine: E,
    /// The partitions.
    pub partitions: Vec<Box<Partition>>,
    /// The log so far.
    pub log: Vec<LogRecord>,
    /// "Now", Unix time in ms; only the test moves it.
    pub now_ms: u64,
    /// Options.
    pub settings: Settings,
    /// The selected database.
    pub database: usize,
    /// Protocol of the replies.
    pub protocol: Protocol,
    writer: WriteBehind,
    /// Hand-offs that the store does not have yet, in order; each of the partitions that handed off together.
    under_way: VecDeque<Vec<HandOff>>,
    /// What WATCH adds to.
    pub watch: Option<Arc<Watch>>,
    /// What is due is not removed (CLIENT PAUSE).
    pub keeps_due: bool,
    /// Commands run as if within EXEC.
    pub atomic: bool,
    /// How many commands had to wait for a read from disk, or run elsewhere.
    pub waits: usize,
}

impl MiniServer {
    /// A new, empty server of so many partitions.
    pub fn new(partitions: usize) -> MiniServer {
        MiniServer::open(MemoryEngine::new(), partitions, Vec::new())
    }
}

impl<E: Engine + Clone + 'static> MiniServer<E> {
    /// A server over an engine and the log of an earlier one: replays what the engine lacks.
    pub fn open(engine: E, partitions: usize, log: Vec<LogRecord>) -> MiniServer<E> {
        let found = recovery::read(&engine, 16).expect("the engine's own records are sound");
        recovery::tidy(&engine, &found).expect("memory does not fail");
        let end = log.last().map_or(0, LogRecord::end);
        let shared = Arc::new(Shared::new(Arc::new(engine.clone()), found.next_version, end));
        let mut server = MiniServer {
            engine,
            partitions: recovery::partitions(&found, partitions, &shared),
            log: Vec::new(),
            now_ms: 1_700_000_000_000,
            settings: Settings::default(),
            database: 0,
            protocol: Protocol::Resp2,
            writer: WriteBehind::default(),
            under_way: VecDeque::new(),
            watch: None,
            atomic: false,
            keeps_due: false,
            waits: 0,
        };
        let mut replay = recovery::Replay::new(&found, server.settings.clone());
        for record in &log {
            replay.apply(&mut server.partitions, record).expect("the log replays");
        }
        // Tests of effects are about database 0, and want to see the effects alone.
        shared.select(0);
        server.log = log;
        server
    }

    /// Runs one command given as words; the raw reply.
    pub fn call(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let reply = self.call_open(words);
        self.close_groups();
        reply
    }

    /// Runs commands, each given as a line, as EXEC does: all together, as one record of the log. Their replies.
    pub fn exec(&mut self, lines: &[&str]) -> Vec<String> {
        self.write_behind();
        self.atomic = true;
        self.partitions[0].begin_atomic();
        let replies = lines.iter().map(|line| {
            let words = split(line);
            show(&self.call_open(&words.iter().map(Vec::as_slice).collect::<Vec<_>>()))
        });
        let replies = replies.collect();
        self.partitions[0].end_atomic();
        self.atomic = false;
        if self.partitions.len() > 1 {
            self.barrier()
        } else {
            self.close_groups()
        }
        replies
    }

    fn call_open(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let mut frame = Vec::new();
        let mut ranges = Vec::new();
        for word in words {
            let start = frame.len() as u32;
            frame.extend_from_slice(word);
            ranges.push((start, frame.len() as u32));
        }
        let args = Args::new(&frame, &ranges);
        let mut reply = Reply::new(self.protocol);
        let name = String::from_utf8_lossy(words[0]).into_owned();
        if name.eq_ignore_ascii_case("select") {
            self.database = String::from_utf8_lossy(words[1]).parse().expect("a database");
            return b"+OK\r\n".to_vec();
        }
        let mut command = table::find(words[0]).unwrap_or_else(|| panic!("no command {name}"));
        if !command.subcommands.is_empty() {
            command = command.subcommand(words[1]).unwrap_or_else(|| panic!("no subcommand of {name}"));
        }
        if !command.arity.accepts(words.len()) {
            return format!("-ERR wrong number of arguments for '{}' command\r\n", command.name).into_bytes();
        }
        self.run(command, args, &mut reply);
        reply.as_slice().to_vec()
    }

    fn run(&mut self, command: &'static crate::commands::Command, args: Args<'_>, reply: &mut Reply) {
        let count = self.partitions.len();
        let mut owners: Vec<usize> =
            command.keys_of(args).map(|key| slot::partition_of(slot::of_key(key), count)).collect();
        owners.sort_unstable();
        owners.dedup();
        let mut target = match command.run {
            _ if self.atomic => None,
            Run::All(_) => None,
            Run::Cursor(word, _) => Some(crate::commands::generic::cursor_partition(args.word(word), count)),
            _ if command.names_unknown_keys(args) || owners.len() > 1 => None,
            _ => Some(owners.first().copied().unwrap_or(0)),
        };
        if target.is_none() && !self.atomic {
            self.close_groups();
        }
        let mut reach = if self.atomic { Reach::UNBOUNDED } else { Reach::SERVING };
        let mut kept: Vec<Need> = Vec::new();
        let mut attempts = 0;
        loop {
            let (settings, watch) = (self.settings.clone(), self.watch.clone());
            let environment = Environment {
                now_ms: self.now_ms,
                settings: &settings,
                database: self.database,
                atomic: self.atomic,
                watch: watch.as_ref(),
                host: None,
                no_touch: false,
                keeps_due: self.keeps_due,
                user: None,
                scripted: false,
            };
            let view = (!kept.is_empty()).then(|| match target {
                Some(index) => View::keep(&mut [&mut self.partitions[index]], &kept),
                None => {
                    View::keep(&mut self.partitions.iter_mut().map(|p| &mut **p).collect::<Vec<_>>(), &kept)
                }
            });
            let source = match (&view, target) {
                (Some(view), _) => Source::View(view),
                (None, Some(index)) => Source::One(&mut self.partitions[index]),
                (None, None) if count == 1 => Source::One(&mut self.partitions[0]),
                (None, None) => Source::All(&mut self.partitions),
            };
            // A long reply leaves in pieces as early as it may: all that can go wrong with them does here.
            let pieces = view.as_ref().map(|_| Gone::default());
            if let Some(pieces) = &pieces {
                reply.leave_to(Box::new(pieces.clone()), 1);
            }
            // A view is read on a thread that may wait.
            let within = if view.is_some() { Reach::UNBOUNDED } else { reach };
            let done = execute(command, args, source, within, environment, reply);
            let gone = reply.stay();
            match done {
                Ok(done) => {
                    if let Some(pieces) = pieces {
                        pieces.put_before(reply);
                    }
                    if done.barrier && !self.atomic {
                        self.barrier();
                    }
                    return;
                }
                Err(Halt::Engine(error)) => panic!("the engine failed: {error}"),
                Err(Halt::Settle) => self.write_behind(),
                Err(Halt::Elsewhere(place)) => {
                    self.waits += 1;
                    if !self.atomic {
                        self.write_behind();
                    }
                    reach = Reach::UNBOUNDED;
                    kept.clear();
                    if place == Place::Everywhere {
                        target = None;
                    }
                }
                // As if the time were over at once: what MULTI does.
                Err(Halt::Block(block)) => return block.otherwise.write(reply),
                Err(Halt::Need(needs)) => {
                    assert_eq!(gone, 0, "{} needs more after pieces of its reply have left", command.name);
                    self.waits += 1;
                    let ranges = needs.iter().any(|need| matches!(need, Need::Range(..)));
                    // A script may need elements of a collection that it makes, which is another one in each run.
                    const MOST_ATTEMPTS: usize = 8;
                    let is_script = matches!(command.run, Run::Script(_));
                    attempts += 1;
                    if (is_script && attempts > MOST_ATTEMPTS)
                        || ((is_script || command.is_write()) && ranges)
                    {
                        reach = Reach::UNBOUNDED;
                    } else if ranges || !kept.is_empty() {
                        kept.extend(needs);
                    } else {
                        self.fetch(&needs);
                    }
                }
            }
        }
    }

    fn fetch(&mut self, needs: &[Need]) {
        for need in needs {
            let Need::Key(family, key) = need else { continue };
            let value = self.engine.get(*family, key, Tier::Disk).expect("memory does not fail");
            let slot = u16::from_be_bytes([key[0], key[1]]);
            let owner = slot::partition_of(slot, self.partitions.len());
            let now_s = (self.now_ms / 1000) as u32;
            self.partitions[owner].insert_read(*family, key, value.as_deref(), now_s);
        }
    }

    fn close_groups(&mut self) {
        for partition in &mut self.partitions {
            if let Some((_, records)) = partition.close_group() {
                self.log.extend(records);
            }
        }
    }

    /// What one transaction wrote over several partitions is handed off together.
    fn barrier(&mut self) {
        self.close_barrier();
        self.hand_off();
    }

    fn close_barrier(&mut self) {
        let (first, rest) = self.partitions.split_first_mut().expect("there is a partition");
        if let Some((_, records)) = first.close_group() {
            let end = records.last().map_or(0, LogRecord::end);
            self.log.extend(records);
            rest.iter_mut().for_each(|partition| {
                partition.end_group(end);
            });
        }
    }

    fn hand_off(&mut self) {
        self.take_hand_offs();
        while self.finish_hand_off() {}
    }

    /// The partitions hand off what they wrote in closed groups; the store does not have it yet.
    fn take_hand_offs(&mut self) {
        let taken: Vec<_> = self.partitions.iter_mut().filter_map(|partition| partition.hand_off()).collect();
        if !taken.is_empty() {
            self.under_way.push_back(taken);
        }
    }

    /// The store gets the oldest of what was handed off. False if nothing is under way.
    fn finish_hand_off(&mut self) -> bool {
        let Some(hand_offs) = self.under_way.pop_front() else { return false };
        for applied in self.writer.apply(&self.engine, hand_offs).expect("the store takes it") {
            self.partitions[applied.partition].applied(applied);
        }
        true
    }

    /// Lets everything written so far reach the engine.
    pub fn write_behind(&mut self) {
        self.close_groups();
        self.hand_off();
    }

    /// Removes what is due.
    pub fn expire(&mut self) {
        self.write_behind();
        for due in expiry::due(&self.engine, &[], self.now_ms, 1000).expect("memory does not fail") {
            let Some((slot, _)) = expiry::place_of(&due) else { continue };
            let owner = slot::partition_of(slot, self.partitions.len());
            expiry::remove_due(
                &mut self.partitions[owner],
                Reach::UNBOUNDED,
                self.now_ms,
                &due,
                self.settings.events,
            )
            .unwrap_or_else(|stop| panic!("expiry stopped: {stop:?}"));
        }
        self.write_behind();
    }

    /// Runs a command given as text, split at blanks ("quoted words" with \x escapes are one); the reply as
    /// redis-cli shows it.
    pub fn ask(&mut self, line: &str) -> String {
        let words = split(line);
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        show(&self.call(&words))
    }
}

impl MiniServer {
    /// As after kill -9: the engine as it is, the log as it is, memory gone.
    pub fn crash(self, partitions: usize) -> MiniServer {
        let now_ms = self.now_ms;
        let (settings, database, protocol) = (self.settings, self.database, self.protocol);
        let mut server = MiniServer::open(self.engine.fork(), partitions, self.log);
        server.now_ms = now_ms;
        server.settings = settings;
        server.database = database;
        server.protocol = protocol;
        server
    }

    /// All live keys of the selected database, sorted.
    pub fn keys(&mut self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        self.write_behind();
        for (_, key) in self.engine.dump(Family::Meta).iter().map(|(key, value)| (value, key)) {
            found.push(key[crate::encoding::key::META_PREFIX..].to_vec());
        }
        found.sort();
        found
    }
}

/// Runs each line of `script` on a new server and compares the replies, one a line; an array's elements are
/// indented as redis-cli shows them. Runs it hot, cold, in several partitions, and again after a crash.
#[track_caller]
pub fn check(script: &str, expected: &str) {
    let lines = |text: &str| {
        text.lines()
            .map(str::trim_end)
            .filter(|line| !line.trim().is_empty())
            .map(str::to_string)
            .collect::<Vec<_>>()
    };
    #[cfg(test)]
    fuzz::keep_script(script);
    let expected = lines(expected).join("\n");
    let expected = expected.as_str();
    for partitions in [1, 3] {
        for cold in [false, true] {
            let mut server = MiniServer::new(partitions);
            let mut replies = Vec::new();
            for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
                if let Some(ms) = line.strip_prefix("# wait ") {
                    server.now_ms += ms.parse::<u64>().expect("milliseconds");
                    continue;
                }
                if cold {
                    server.write_behind();
                    server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
                    server.engine.make_cold(true);
                }
                replies.push(server.ask(line));
                server.engine.make_cold(false);
            }
            assert_eq!(replies.join("\n"), expected, "with {partitions} partitions, cold: {cold}");
            if !cold {
                same_after_crash(server, partitions);
            }
        }
    }
}

/// A server that lost its memory and replays its log holds what one that wrote everything behind holds.
#[track_caller]
fn same_after_crash(mut server: MiniServer, partitions: usize) {
    let log = server.log.clone();
    server.write_behind();
    let mut replayed = MiniServer::open(MemoryEngine::new(), partitions + 1, log);
    replayed.write_behind();
    let visible =
        |engine: &MemoryEngine| engine.dump(Family::Meta).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(visible(&server.engine), visible(&replayed.engine), "keys after replay");
    assert_eq!(
        server.engine.dump(Family::Expiry),
        replayed.engine.dump(Family::Expiry),
        "expiries after replay"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_there_hot_cold_and_after_a_crash() {
        check("SET k v\nGET k\nSET k w\nGET k\nGET other", "OK\n\"v\"\nOK\n\"w\"\n(nil)");
        let mut server = MiniServer::new(2);
        server.ask("SET a 1");
        server.write_behind();
        server.ask("SET b 2");
        let mut server = server.crash(3);
        assert_eq!((server.ask("GET a"), server.ask("GET b")), ("\"1\"".into(), "\"2\"".into()));
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod power;
