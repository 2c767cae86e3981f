//! Loading beside, and the moment of the switch.

use super::*;
use crate::engine::memory::MemoryEngine;
use crate::keyspace::recovery;
use crate::rdb::HashField;

fn item(database: u64, key: &str, value: Value, expire_ms: Option<u64>) -> KeyItem {
    KeyItem { database, key: key.into(), expire_ms, idle_s: None, frequency: None, value }
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn hash(fields: usize) -> Value {
    let field = |n: usize| HashField { name: format!("f{n}").into(), value: vec![b'v'; 50], expire_ms: None };
    Value::Hash((0..fields).map(field).collect())
}

fn loader(engine: &Arc<MemoryEngine>) -> Loader {
    let found = recovery::read(&**engine, 16).expect("readable");
    let begin = Begin { namespaces: found.namespaces, next_version: found.next_version };
    let loader = Loader::new(engine.clone(), begin, Settings::default());
    engine.write(loader.marks()).expect("writable");
    loader
}

fn pass(loader: &mut Loader, writer: &mut LoadWriter, engine: &Arc<MemoryEngine>) {
    if let Some(hand_off) = loader.hand_off() {
        let applied = writer.apply(&**engine, hand_off).expect("writable");
        loader.applied(applied, 0);
    }
}

/// How many keys each database shows, as the next start would find them.
fn keys(engine: &Arc<MemoryEngine>) -> Vec<i64> {
    let found = recovery::read(&**engine, 16).expect("readable");
    (0..2).map(|database| found.counts.of(found.namespaces.of(database)).keys()).collect()
}

fn switch(loader: Loader, engine: &Arc<MemoryEngine>, restart: Option<LogRestart>) -> Tally {
    let offset = restart.as_ref().map_or(7, |restart| restart.offset);
    let switch = Switch { loaded: loader.finish(), offset, partitions: 2, restart };
    switch.apply(&**engine).expect("writable");
    switch.loaded.tally
}

#[test]
fn loaded_data_is_shown_all_at_once() {
    let engine = Arc::new(MemoryEngine::default());
    let mut first = loader(&engine);
    let mut writer = LoadWriter::default();
    first.put(item(0, "old", text("1"), None), None).expect("fits");
    pass(&mut first, &mut writer, &engine);
    switch(first, &engine, None);
    assert_eq!(keys(&engine), [1, 0]);

    let mut second = loader(&engine);
    let mut writer = LoadWriter::default();
    for n in 0..100 {
        second.put(item(n % 2, &format!("k{n}"), text("v"), (n % 10 == 0).then_some(9)), None).expect("fits");
        second.put(item(0, &format!("h{n}"), hash(n as usize * 10 + 1), None), None).expect("fits");
        if n % 7 == 0 {
            pass(&mut second, &mut writer, &engine);
        }
        assert_eq!(keys(&engine), [1, 0], "nothing is shown yet");
    }
    pass(&mut second, &mut writer, &engine);
    let restart = LogRestart { offset: 1000, id: [b'a'; 40], database: 3 };
    let tally = switch(second, &engine, Some(restart.clone()));
    assert_eq!(keys(&engine), [150, 50]);
    assert_eq!((tally.keys(), tally.expiring), (200, 10));
    assert_eq!(tally.to_string(), "200 keys (100 string, 100 hash), 10 with an expiry");
    let found = recovery::read(&*engine, 16).expect("readable");
    assert_eq!((found.log_restart.clone(), found.stream_database), (Some(restart), 3));
    assert_eq!((found.replay_from(), found.reaches()), (1000, 1000));
    assert_eq!(found.abandoned, []);
    assert_eq!(found.dead.len(), 32, "of the data at first, and of the first load");
    restarted(&*engine).expect("writable");
    assert_eq!(recovery::read(&*engine, 16).expect("readable").log_restart, None);
}

#[test]
fn a_load_that_ends_early_leaves_the_data_and_marks_of_what_to_drop() {
    let engine = Arc::new(MemoryEngine::default());
    let mut first = loader(&engine);
    let mut writer = LoadWriter::default();
    first.put(item(0, "old", text("1"), None), None).expect("fits");
    pass(&mut first, &mut writer, &engine);
    switch(first, &engine, None);
    let mut second = loader(&engine);
    second.put(item(0, "new", text("1"), None), None).expect("fits");
    pass(&mut second, &mut LoadWriter::default(), &engine);
    drop(second);
    let found = recovery::read(&*engine, 16).expect("readable");
    assert_eq!((keys(&engine), found.abandoned.len(), found.is_empty()), (vec![1, 0], 16, false));
    recovery::tidy(&*engine, &found).expect("writable");
    let after = recovery::read(&*engine, 16).expect("readable");
    assert_eq!(after.abandoned, []);
    assert!(found.abandoned.iter().all(|namespace| after.dead.contains(namespace)));
    assert!(after.namespaces.next() > found.abandoned[15], "a dead namespace is not given again");
    // A third load keeps clear of it.
    let mut third = loader(&engine);
    third.put(item(1, "newer", text("1"), None), None).expect("fits");
    pass(&mut third, &mut LoadWriter::default(), &engine);
    switch(third, &engine, None);
    assert_eq!(keys(&engine), [0, 1]);
}

#[test]
fn what_has_expired_is_left_out_only_where_it_is_asked_for() {
    let engine = Arc::new(MemoryEngine::default());
    let mut load = loader(&engine);
    load.put(item(0, "past", text("1"), Some(99)), Some(99)).expect("fits");
    load.put(item(0, "future", text("1"), Some(100)), Some(99)).expect("fits");
    load.put(item(0, "kept", text("1"), Some(1)), None).expect("fits");
    assert_eq!((load.tally.keys(), load.tally.expired), (2, 1));
    let error = load.put(item(16, "k", text("1"), None), None).expect_err("no such database");
    assert_eq!(error, LoadError::Database { number: 16, of: 16 });
}

#[test]
fn a_key_that_comes_twice_is_counted_once() {
    let engine = Arc::new(MemoryEngine::default());
    let mut load = loader(&engine);
    let mut writer = LoadWriter::default();
    for _ in 0..2 {
        load.put(item(0, "k", hash(1000), None), None).expect("fits");
        pass(&mut load, &mut writer, &engine);
    }
    switch(load, &engine, None);
    assert_eq!(keys(&engine), [1, 0]);
}

#[test]
fn commands_of_an_append_only_file_may_empty_databases() {
    let engine = Arc::new(MemoryEngine::default());
    let mut load = loader(&engine);
    let mut writer = LoadWriter::default();
    let mut run = |line: &str| {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let (mut frame, mut ranges) = (Vec::new(), Vec::new());
        for word in words {
            let start = frame.len() as u32;
            frame.extend_from_slice(word);
            ranges.push((start, frame.len() as u32));
        }
        let done = load.run(0, crate::commands::Args::new(&frame, &ranges), 5);
        pass(&mut load, &mut writer, &engine);
        done
    };
    for line in ["SET a 1", "INCR a", "FLUSHALL", "INCR a", "RPUSH l x", "INCR a"] {
        run(line).expect(line);
    }
    for (line, part) in [("INCR l", "WRONGTYPE"), ("NOSUCH", "does not know"), ("SET a", "2 words")] {
        assert!(run(line).expect_err(line).to_string().contains(part), "{line}");
    }
    assert_eq!(load.tally.commands, 6);
    switch(load, &engine, None);
    assert_eq!(keys(&engine), [2, 0]);
    let found = recovery::read(&*engine, 16).expect("readable");
    assert_eq!(found.abandoned, []);
}

#[test]
fn a_restart_of_the_log_reads_back() {
    let restart = LogRestart { offset: 1 << 40, id: [b'7'; 40], database: 9 };
    assert_eq!(LogRestart::parse(&restart.encode()), Some(restart.clone()));
    assert_eq!(LogRestart::parse(&restart.encode()[1..]), None);
    assert_eq!(LogRestart::parse(b""), None);
}
