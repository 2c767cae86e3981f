//! A store filled through the ordinary ways, taken over by another.

use super::super::{LogRestart, Switch};
use super::*;
use crate::engine::Engine;
use crate::engine::memory::MemoryEngine;
use crate::keyspace::recovery;
use crate::testing::MiniServer;

/// A store as commands left it, all of it at the log's end; and that end.
fn store(partitions: usize, script: &[&str]) -> (MemoryEngine, u64) {
    let mut server = MiniServer::new(partitions);
    for line in script {
        server.ask(line);
    }
    settle(&mut server);
    (server.engine.clone(), server.partitions[0].shared.next_offset())
}

fn settle(server: &mut MiniServer) {
    // A partition that wrote nothing of late says so.
    server.partitions.iter_mut().for_each(|partition| {
        partition.advance();
    });
    server.write_behind();
}

fn begin(engine: &MemoryEngine, databases: usize) -> Begin {
    let found = recovery::read(engine, databases).expect("readable");
    Begin { namespaces: found.namespaces, next_version: found.next_version }
}

fn adopt(from: &MemoryEngine, offset: u64, to: &MemoryEngine) -> Result<(), AdoptionError> {
    let found = recovery::read(from, 1).expect("readable");
    let adoption = Adoption::new(&found, offset, &begin(to, 16))?;
    to.write(adoption.marks())?;
    for family in COPIED {
        let mut last: Option<Vec<u8>> = None;
        adoption.copy(from, family, &mut |key, value| {
            assert!(last.as_deref().is_none_or(|last| last < key), "tables are sorted");
            last = Some(key.to_vec());
            to.write(Batch(vec![Change::Put(family, key.to_vec().into(), value.to_vec().into())]))
        })?;
    }
    to.write(adoption.orphans(from)?)?;
    let restart = LogRestart { offset, id: [b'a'; 40], database: 0 };
    Switch { loaded: adoption.finish(), offset, partitions: 3, restart: Some(restart) }.apply(to)?;
    Ok(())
}

/// What a server over a store answers.
fn ask(engine: &MemoryEngine, partitions: usize, lines: &[&str]) -> Vec<String> {
    let mut server = MiniServer::open(engine.clone(), partitions, Vec::new());
    lines.iter().map(|line| server.ask(line)).collect()
}

const SCRIPT: &[&str] = &[
    "SELECT 3",
    "SET three 3",
    "SWAPDB 3 1",
    "SELECT 0",
    "SET gone 1",
    "FLUSHDB",
    "SET string value PX 100000000",
    "SADD set a b c",
    "ZADD sorted 1 one 2 two",
    "RPUSH list x y z",
    "XADD stream 1-1 f v",
    "HSET hash f v",
];

const QUESTIONS: &[&str] = &[
    "DBSIZE",
    "GET string",
    "PEXPIRETIME string",
    "SMEMBERS set",
    "ZRANGE sorted 0 -1 WITHSCORES",
    "LRANGE list 0 -1",
    "XRANGE stream - +",
    "HGETALL hash",
    "HLEN big",
    "HGET big f777",
    "EXISTS gone old",
    "SELECT 1",
    "GET three",
    "DBSIZE",
];

#[test]
fn another_store_is_taken_over_whatever_the_partitions_and_namespaces_of_both() {
    let big: Vec<String> = (0..1000).map(|n| format!("HSET big f{n} {n}")).collect();
    let script: Vec<&str> = SCRIPT.iter().copied().chain(big.iter().map(String::as_str)).collect();
    for (there, here) in [(1, 1), (1, 3), (3, 1), (2, 3)] {
        let (from, offset) = store(there, &script);
        let (to, _) = store(here, &["SET old data", "FLUSHALL", "SET old other", "SELECT 1", "SET one 1"]);
        adopt(&from, offset, &to).expect("it fits");
        assert_eq!(ask(&to, here, QUESTIONS), ask(&from, there, QUESTIONS), "{there} to {here}");
        let found = recovery::read(&to, 16).expect("readable");
        assert_eq!((found.replay_from(), found.reaches(), found.abandoned), (offset, offset, Vec::new()));
    }
}

#[test]
fn elements_that_nobody_owns_any_more_are_given_back() {
    let mut script: Vec<String> = (0..1000).map(|n| format!("HSET big f{n} {n}")).collect();
    script.push("DEL big".into());
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (from, offset) = store(1, &script);
    let (to, _) = store(1, &[]);
    adopt(&from, offset, &to).expect("it fits");
    let elements = |engine: &MemoryEngine| {
        let mut all = engine.iterate(Family::Element, &Range::default(), Tier::Disk);
        std::iter::from_fn(|| all.next().expect("readable").map(|_| ())).count()
    };
    assert_eq!(elements(&to), 1000);
    crate::keyspace::write_behind::reclaim_orphans(&to, 100).expect("writable");
    assert_eq!(elements(&to), 0);
}

#[test]
fn a_store_of_no_one_moment_or_with_more_databases_is_refused() {
    let (from, offset) = store(2, &["SET a 1", "SELECT 15", "SET b 2"]);
    let found = recovery::read(&from, 1).expect("readable");
    let to = MemoryEngine::new();
    let refused = |offset, databases| {
        Adoption::new(&found, offset, &begin(&to, databases)).err().map(|error| error.to_string())
    };
    assert_eq!(refused(offset, 16), None);
    assert!(refused(offset, 15).is_some_and(|why| why.contains("raise `databases`")));
    assert!(refused(offset - 1, 16).is_some_and(|why| why.contains("is not of offset")));
}
