//! Random commands of all types on a server in miniature, beside a model that does the same plainly.
//!
//! A *life* is drawn from a seed: how many partitions, how big collections grow, how small the cache is. Between
//! commands whatever threads and crashes do to a server happens at random: hand-offs that the store gets later, or
//! never; flushes; memory that is lost and replayed from the log, on another number of partitions; entries that leave
//! the cache; orphans that are reclaimed; what is due that is removed. Every reply is compared, and now and then all
//! that can be read.
//!
//! The store is the engine in memory here, and RocksDB in `rocks.rs`. A failure names its seed;
//! `PIKA_MODEL_SEED=N cargo test -p pika-core model` runs this one life alone, and prints its commands;
//! `PIKA_MODEL_LIVES=1000` runs so many.

mod hash;
mod list;
mod naive;
mod reply;
#[cfg(feature = "rocks")]
mod rocks;
mod set;
mod sorted;
mod stream;
mod text;

use std::collections::VecDeque;

use super::MiniServer;
use crate::engine::memory::MemoryEngine;
use crate::engine::{Batch, Change, Engine, Family};
use crate::keyspace::write_behind;
use naive::Naive;

/// Keys of each type; they lie in different slots.
const KEYS: u8 = 4;
const TYPES: [char; 6] = ['k', 'h', 'l', 't', 'z', 'x'];

/// A store that can be lost down to its last flush.
trait Below {
    type Store: Engine + Clone + 'static;

    /// A new, empty one.
    fn new() -> Self;

    /// The store that is open.
    fn store(&self) -> Self::Store;

    /// Puts on disk what was written.
    fn flush(&mut self);

    /// kill -9, and a new start: the store as its files say it was.
    fn crash(&mut self) -> Self::Store;

    /// From now on what the store is asked for is on disk only, or again is not.
    fn make_cold(&self, cold: bool);
}

/// The engine in memory, and a copy as of the last flush.
struct InMemory {
    store: MemoryEngine,
    flushed: MemoryEngine,
}

impl Below for InMemory {
    type Store = MemoryEngine;

    fn new() -> InMemory {
        InMemory { store: MemoryEngine::new(), flushed: MemoryEngine::new() }
    }

    fn store(&self) -> MemoryEngine {
        self.store.clone()
    }

    fn flush(&mut self) {
        self.flushed = self.store.fork();
    }

    fn crash(&mut self) -> MemoryEngine {
        self.store = self.flushed.fork();
        self.store()
    }

    fn make_cold(&self, cold: bool) {
        self.store.make_cold(cold);
    }
}

/// Random choices of one life.
struct Choose {
    random: fastrand::Rng,
    /// Whether collections outgrow what is kept in one piece; the first two keys of each type do.
    large: bool,
    serial: u64,
}

impl Choose {
    fn key(&mut self, kind: char) -> String {
        format!("{kind}{}", self.random.u8(..KEYS))
    }

    fn big(&self, key: &str) -> bool {
        self.large && (key.ends_with('0') || key.ends_with('1'))
    }

    fn of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.random.usize(..words.len())]
    }

    /// A value; mostly one that comes once, some of a length that stands apart.
    fn word(&mut self) -> String {
        self.serial += 1;
        match self.random.u8(..60) {
            0 => "long".repeat(200),
            1 => "longer".repeat(900),
            2..8 => self.seldom_word(),
            _ => format!("v{}", self.serial),
        }
    }

    /// One of a few values, which come again and again.
    fn seldom_word(&mut self) -> String {
        format!("again{}", self.random.u8(..5))
    }
}

/// Members of a set or a sorted set to be added or removed.
fn members_of(choose: &mut Choose, key: &str) -> Vec<String> {
    let (universe, most) = if choose.big(key) { (1200, 150) } else { (20, 4) };
    let count = choose.random.usize(1..=most);
    // Numbers and words: a set of numbers alone has a form of its own.
    let prefix = if key.ends_with('0') || key.ends_with('2') { "" } else { "m" };
    (0..count).map(|_| format!("{prefix}{}", choose.random.usize(..universe))).collect()
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is a number"))
}

/// A server, its store, and the model.
struct Life<B: Below> {
    below: B,
    server: MiniServer<B::Store>,
    naive: Naive,
    choose: Choose,
    /// Bytes that the tables may keep.
    cache: usize,
    partitions: [usize; 2],
    history: VecDeque<String>,
    talkative: bool,
}

impl<B: Below> Life<B> {
    fn new(seed: u64, talkative: bool) -> Life<B> {
        let mut random = fastrand::Rng::with_seed(seed);
        let partitions = [[1, 3], [3, 1], [1, 1], [3, 3], [2, 3]][random.usize(..5)];
        let cache = [0, 2_000, 20_000, usize::MAX][random.usize(..4)];
        let choose = Choose { large: random.u8(..3) != 0, random, serial: 0 };
        let below = B::new();
        let server = MiniServer::open(below.store(), partitions[0], Vec::new());
        let naive = Naive { now_ms: server.now_ms, ..Naive::default() };
        Life { below, server, naive, choose, cache, partitions, history: VecDeque::new(), talkative }
    }

    fn note(&mut self, what: &str) {
        let short: String = what.chars().take(160).collect();
        if self.talkative {
            println!("{short}");
        }
        self.history.push_back(short);
        if self.history.len() > 40 {
            self.history.pop_front();
        }
    }

    fn generate(&mut self) -> String {
        let choose = &mut self.choose;
        if choose.random.u8(..8) == 0 {
            let kind = TYPES[choose.random.usize(..TYPES.len())];
            let (one, other) = (choose.key(kind), choose.key(kind));
            return match choose.random.u8(..20) {
                0..3 => format!("{} {one} {other}", choose.of(&["DEL", "UNLINK"])),
                3..7 => format!("RENAME {one} {other}"),
                7..12 => format!("COPY {one} {other} REPLACE"),
                12..16 => format!("PEXPIRE {one} {}", choose.random.u16(1..300)),
                16..18 => format!("PERSIST {one}"),
                18 => format!("PEXPIRETIME {one}"),
                _ if choose.random.u8(..5) == 0 => "FLUSHDB".into(),
                _ => format!("EXISTS {one}"),
            };
        }
        [text::generate, hash::generate, list::generate, set::generate, sorted::generate, stream::generate]
            [choose.random.usize(..6)](choose)
    }

    /// One command to both, within the open group.
    fn ask(&mut self, line: &str) {
        self.note(line);
        let words: Vec<&str> = line.split(' ').collect();
        let bytes: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let reply = super::show(&self.server.call_open(&bytes));
        self.compare(&words, &reply);
    }

    fn compare(&mut self, words: &[&str], reply: &str) {
        if let ["SPOP", key, count] = *words {
            let taken: Vec<String> = reply.lines().filter_map(quoted).collect();
            self.naive.ask(&["EXISTS", key]); // What is due is gone first.
            return self.naive.popped(key, number(count) as usize, &taken);
        }
        let expected = self.naive.ask(words);
        // The texts of some errors are others' business.
        let refused = |text: &str| text.starts_with("(error)");
        let same = match &expected {
            reply::Reply::Error(text) if text.starts_with("ERR") || text.starts_with("no such group") => {
                refused(reply)
            }
            _ => reply == expected.show(),
        };
        assert!(same, "{words:?}: {reply:.300}\nnot {:.300}", expected.show());
    }

    /// Several commands as EXEC runs them.
    fn transaction(&mut self) {
        let lines: Vec<String> = (0..self.choose.random.usize(2..6)).map(|_| self.generate()).collect();
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.starts_with("FLUSHDB")).collect();
        self.note(&format!("MULTI of {}", lines.len()));
        lines.iter().for_each(|line| self.note(&format!("    {line}")));
        let replies = self.server.exec(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        for (line, reply) in lines.iter().zip(replies) {
            self.compare(&line.split(' ').collect::<Vec<_>>(), &reply);
        }
    }

    /// What other threads do, time passes, and the power of kill -9.
    fn disturb(&mut self) {
        let now_s = (self.server.now_ms / 1000) as u32;
        match self.choose.random.u8(..40) {
            0..8 => {
                self.note("# hand-off taken");
                self.server.close_groups();
                self.server.take_hand_offs();
            }
            8..14 => {
                self.note("# hand-off applied");
                self.server.finish_hand_off();
            }
            14..16 => {
                self.note("# flush");
                self.below.flush();
            }
            16 => self.crash(),
            17 => {
                self.note("# expire");
                self.server.expire();
            }
            18..20 => {
                self.server.now_ms += self.choose.random.u64(..150);
                self.naive.now_ms = self.server.now_ms;
            }
            20 => {
                self.note("# orphans reclaimed");
                write_behind::reclaim_orphans(&self.server.engine, 2).expect("the store does not fail");
            }
            21 => {
                self.note("# cache dropped");
                self.server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
            }
            22 => self.compare_all(),
            23..26 => self.transaction(),
            _ => {
                self.server.partitions.iter_mut().for_each(|partition| partition.evict(self.cache, now_s));
            }
        }
        let cold = self.choose.random.bool();
        self.below.make_cold(cold);
        // A tick ends at some time; until then its commands are one group.
        if self.choose.random.u8(..3) == 0 {
            self.server.close_groups();
        }
    }

    fn crash(&mut self) {
        self.note("# crash");
        self.server.close_groups();
        self.partitions.swap(0, 1);
        let (log, now_ms) = (std::mem::take(&mut self.server.log), self.server.now_ms);
        let waits = self.server.waits;
        self.server = MiniServer::open(self.below.crash(), self.partitions[0], log);
        self.server.now_ms = now_ms;
        self.server.waits = waits;
    }

    /// All that can be read, and the number of keys once what is due is gone.
    fn compare_all(&mut self) {
        self.note("# compared");
        self.server.expire();
        for kind in TYPES {
            for at in 0..KEYS {
                let key = format!("{kind}{at}");
                self.ask(&format!("PEXPIRETIME {key}"));
                self.read(kind, &key);
            }
        }
        self.ask("DBSIZE");
        self.server.close_groups();
    }

    fn read(&mut self, kind: char, key: &str) {
        match kind {
            'k' => self.ask(&format!("GET {key}")),
            'l' => self.ask(&format!("LRANGE {key} 0 -1")),
            'z' => self.ask(&format!("ZRANGE {key} 0 -1 WITHSCORES")),
            'x' => {
                self.ask(&format!("XRANGE {key} - +"));
                ["g0", "g1"].iter().for_each(|g| self.ask(&format!("XPENDING {key} {g} - + 100000")));
            }
            _ => {
                let command = if kind == 'h' { "HGETALL" } else { "SMEMBERS" };
                let reply = self.server.ask(&format!("{command} {key}"));
                let found: Vec<String> = reply.lines().filter_map(quoted).collect();
                assert_eq!(in_order(kind, found), self.naive.elements(key), "{command} {key}");
            }
        }
    }
}

/// The quoted text at the end of a line of a reply.
fn quoted(line: &str) -> Option<String> {
    let text = &line[line.find('"')? + 1..];
    Some(text.strip_suffix('"')?.to_string())
}

/// A hash's or a set's reply in the order of names, pairs kept together.
fn in_order(kind: char, words: Vec<String>) -> Vec<Vec<String>> {
    let mut pieces: Vec<Vec<String>> =
        words.chunks(if kind == 'h' { 2 } else { 1 }).map(<[String]>::to_vec).collect();
    pieces.sort();
    pieces
}

/// Lives the life of a seed; how often its commands had to wait for the disk.
fn live<B: Below>(seed: u64, commands: usize, talkative: bool) -> usize {
    let mut life = Life::<B>::new(seed, talkative);
    for _ in 0..commands {
        let line = life.generate();
        life.ask(&line);
        life.disturb();
    }
    life.crash();
    life.compare_all();
    // The log alone gives the same as the log and the store.
    let (log, now_ms) = (life.server.log.clone(), life.server.now_ms);
    let waits = life.server.waits;
    let mut replayed = Life::<B>::new(seed, talkative);
    replayed.server = MiniServer::open(replayed.below.store(), 2, log);
    replayed.server.now_ms = now_ms;
    replayed.naive = life.naive;
    replayed.compare_all();
    waits
}

/// Many lives, or the one that `PIKA_MODEL_SEED` names.
fn many<B: Below>(lives: u64, commands: usize) {
    if let Ok(seed) = std::env::var("PIKA_MODEL_SEED") {
        let seed = seed.parse().expect("PIKA_MODEL_SEED is a number");
        live::<B>(seed, commands, true);
        return;
    }
    let asked =
        std::env::var("PIKA_MODEL_LIVES").map(|lives| lives.parse().expect("PIKA_MODEL_LIVES is a number"));
    let lives = asked.unwrap_or(lives);
    let mut waits = 0;
    for seed in 0..lives {
        // Before, since only the output of a test that fails is shown.
        println!("PIKA_MODEL_SEED={seed}");
        waits += live::<B>(seed, commands, false);
    }
    println!("{lives} lives, {waits} waits for the disk");
    assert!(waits > lives as usize, "hardly a command met a miss: {waits}");
}

#[test]
fn the_engine_in_memory_does_what_the_model_does() {
    many::<InMemory>(12, 350);
}

/// A store that comes back from a crash without one of the keys that it had.
struct Lossy(InMemory);

impl Below for Lossy {
    type Store = MemoryEngine;

    fn new() -> Lossy {
        Lossy(InMemory::new())
    }

    fn store(&self) -> MemoryEngine {
        self.0.store()
    }

    fn flush(&mut self) {
        self.0.flush();
    }

    fn crash(&mut self) -> MemoryEngine {
        let store = self.0.crash();
        if let Some((key, _)) = store.dump(Family::Element).pop() {
            store.write(Batch(vec![Change::Delete(Family::Element, key.into())])).expect("it is memory");
        }
        store
    }

    fn make_cold(&self, cold: bool) {
        self.0.make_cold(cold);
    }
}

#[test]
#[should_panic]
fn one_lost_element_is_noticed() {
    many::<Lossy>(12, 350);
}
