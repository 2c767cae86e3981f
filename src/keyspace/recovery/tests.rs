//! What replay accepts, and what it refuses.

use super::*;
use crate::engine::memory::MemoryEngine;
use crate::keyspace::transaction::write_command;
use crate::testing::MiniServer;

fn payload(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        write_command(&mut out, line.split(' ').map(str::as_bytes));
    }
    out
}

fn record(offset: u64, database: u16, payload: Vec<u8>) -> LogRecord {
    let last_slot = SLOTS - 1;
    LogRecord { offset, clock_ms: 1_700_000_000_000, database, first_slot: 0, last_slot, payload }
}

/// Replays records into an empty engine.
fn replay(partitions: usize, records: &[LogRecord]) -> Result<u64, ReplayError> {
    let engine = MemoryEngine::new();
    let found = read(&engine, 16).unwrap();
    tidy(&engine, &found).unwrap();
    let shared = Arc::new(Shared::new(Arc::new(engine), found.next_version, 0));
    let mut partitions = super::partitions(&found, partitions, &shared);
    let mut replay = Replay::new(&found, Settings::default());
    for record in records {
        replay.apply(&mut partitions, record)?;
    }
    Ok(replay.commands)
}

#[test]
fn a_command_that_is_refused_ends_the_start_and_is_named() {
    for (lines, command, error) in [
        (
            ["SET a 1", "HSET a f v"],
            "hset",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        (["SET a x", "INCR a"], "incr", "ERR value is not an integer or out of range"),
        (["SET a 1", "Rename b c"], "rename", "ERR no such key"),
        (["SET a 1", "SET a 2 PXAT soon"], "set", "ERR value is not an integer or out of range"),
        (["SET a 1", "SWAPDB 0 16"], "swapdb", "ERR DB index is out of range"),
    ] {
        let first = record(0, 0, payload(&lines[..1]));
        let second = record(first.end(), 0, payload(&[lines[1], "SET after 1"]));
        for partitions in [1, 3] {
            let refused = replay(partitions, &[first.clone(), second.clone()]).unwrap_err();
            assert_eq!(
                refused,
                ReplayError::Refused {
                    offset: first.end(),
                    command: command.into(),
                    error: error.into(),
                    sent: false
                }
            );
            let text = refused.to_string();
            for part in [&format!("log record at {}", first.end()), command, error] {
                assert!(text.contains(part), "{text} names {part}");
            }
        }
    }
}

/// A log that misses a record in its middle is found out, if what follows depends on it.
#[test]
fn a_record_left_out_is_found_out() {
    let mut server = MiniServer::new(1);
    for line in ["SET a 1", "HSET h f 1", "RENAME a b", "HINCRBY h f 2", "DEL b"] {
        assert!(!server.ask(line).starts_with("(error)"), "{line}");
    }
    let records = server.log.clone();
    assert_eq!((records.len(), replay(1, &records)), (5, Ok(5)));
    let without = |index: usize| {
        let mut records = records.clone();
        records.remove(index);
        replay(1, &records)
    };
    assert!(matches!(without(0), Err(ReplayError::Refused { command, .. }) if command == "rename"));
    assert!(without(4).is_ok(), "nothing depends on the last");
}

#[test]
fn what_is_no_command_of_ours_is_named() {
    for (lines, part) in [
        ("GIVE a 1", "a command that this version does not know: give"),
        ("CONFIG SET port 1", "a command that this version does not know: config"),
        ("SET a", "set has 2 words"),
    ] {
        let error = replay(2, &[record(70, 0, payload(&[lines]))]).unwrap_err();
        assert!(matches!(error, ReplayError::Malformed { offset: 70, .. }), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = replay(1, &[record(0, 16, payload(&["SET a 1"]))]).unwrap_err();
    assert_eq!(error.to_string(), "log record at 0: database 16 of 16");
    let cut = payload(&["SET a 1"]);
    let error = replay(1, &[record(0, 0, cut[..cut.len() - 1].to_vec())]).unwrap_err();
    assert_eq!(error.to_string(), "log record at 0: ends within a command");
}

#[test]
fn what_is_for_slaves_only_changes_nothing() {
    let lines = [
        "PING",
        "select 3",
        "MULTI",
        "SET a 1",
        "SELECT 4",
        "SET a 2",
        "EXEC",
        "REPLCONF GETACK *",
        "PUBLISH c m",
    ];
    assert_eq!(replay(2, &[record(0, 0, payload(&lines))]), Ok(2));
}

#[test]
fn the_payloads_are_a_stream_that_names_databases_and_transactions() {
    let mut server = MiniServer::new(2);
    let stream = |server: &MiniServer, from: usize| -> String {
        let texts =
            server.log[from..].iter().map(|record| String::from_utf8_lossy(&record.payload).into_owned());
        let text: String = texts.collect();
        text.split("\r\n").filter(|line| !line.starts_with(['*', '$'])).collect::<Vec<_>>().join(" ")
    };
    server.ask("SET a 1");
    server.database = 5;
    server.ask("SET a 2");
    server.ask("SET b 2");
    assert_eq!(stream(&server, 0), "SET a 1 SELECT 5 SET a 2 SET b 2 ");
    let from = server.log.len();
    server.exec(&["SET {a}b 3"]);
    server.exec(&["SET {a}b 3", "INCR {a}b"]);
    server.database = 0;
    server.ask("SET a 4 PX 10");
    server.now_ms += 20;
    server.ask("APPEND a 5");
    let expected = "SET {a}b 3 MULTI SET {a}b 3 INCR {a}b EXEC SELECT 0 SET a 4 PXAT 1700000000010 MULTI DEL a \
                    APPEND a 5 EXEC ";
    assert_eq!(stream(&server, from), expected);
    let mut end = 0;
    for record in &server.log {
        assert_eq!(record.offset, end);
        end = record.end();
    }
    assert_eq!(server.partitions[0].shared.next_offset(), end);
}

#[test]
fn where_a_reader_begins_the_next_record_names_its_database() {
    let mut server = MiniServer::new(1);
    server.ask("SET a 1");
    let shared = server.partitions[0].shared.clone();
    let at = shared.select_anew();
    let heartbeat = shared.place_heartbeat(7, payload(&["PING"])).unwrap();
    assert_eq!((heartbeat.offset, heartbeat.payload.len()), (at, 14));
    server.ask("SET a 2");
    let last = server.log.last().unwrap();
    assert_eq!(last.offset, at + 14);
    assert_eq!(last.payload, payload(&["SELECT 0", "SET a 2"]));
}

/// Words for a random command: often refused, so that what the log then has is what was not.
fn random_command(random: &mut fastrand::Rng) -> String {
    const FORMS: &[&str] = &[
        "SET K N",
        "SET K N GET",
        "SET K word NX PX MS",
        "SET K N XX KEEPTTL",
        "SETRANGE K 3 xyz",
        "APPEND K 1",
        "INCRBY K N",
        "INCRBYFLOAT K 1.5",
        "GETEX K PX MS",
        "GETDEL K",
        "MSETNX K 1 K 2",
        "MSET K 1 K 2 K 3",
        "SETBIT K 9 1",
        "RENAME K K",
        "RENAMENX K K",
        "COPY K K DB 1 REPLACE",
        "MOVE K 1",
        "DEL K K",
        "PEXPIRE K MS",
        "PEXPIRE K MS GT",
        "PERSIST K",
        "GET K",
        "HSET K F N F N",
        "HSETNX K F 1",
        "HINCRBY K F N",
        "HINCRBYFLOAT K F 0.5",
        "HDEL K F F F",
        "HPEXPIRE K MS FIELDS 2 F F2",
        "HPEXPIRE K MS NX FIELDS 1 F",
        "HPERSIST K FIELDS 1 F",
        "HGETALL K",
        "HRANDFIELD K 3",
        "SWAPDB 0 1",
        "FLUSHDB",
    ];
    let form = match random.u8(0..100) {
        // Seldom, or nothing would ever be there.
        0 => FORMS[FORMS.len() - 1],
        _ => FORMS[random.usize(..FORMS.len() - 1)],
    };
    let words = form.split(' ').map(|word| match word {
        "K" => format!("k{}", random.u8(0..12)),
        "F" => format!("f{}", random.u8(0..200)),
        "N" => random.i32(-50..1000).to_string(),
        "MS" => random.i32(-20..300).to_string(),
        other => other.to_string(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The other half: no legal log is refused, whatever was refused while it was written, however far the engine came
/// before the crash, on any number of partitions.
#[test]
fn no_legal_log_is_refused() {
    let mut refused = 0;
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut server = MiniServer::new(1 + seed as usize % 3);
        for step in 0..700 {
            let reply = server.ask(&random_command(&mut random));
            refused += u32::from(reply.starts_with("(error)"));
            match random.u8(0..20) {
                0 => server.now_ms += random.u64(0..200),
                // A clock may be put back.
                1 if random.bool() => server.now_ms -= random.u64(0..50),
                2 => server.write_behind(),
                3 => server.expire(),
                4 => server.partitions.iter_mut().for_each(|partition| partition.drop_cache()),
                _ => {}
            }
            if step % 100 == 99 {
                // Opening replays what the engine lacks, and panics at a refusal.
                server = server.crash(1 + random.usize(..4));
            }
        }
        let log = server.log.clone();
        server.write_behind();
        let mut again = MiniServer::open(MemoryEngine::new(), 3, log);
        again.write_behind();
        assert_eq!(again.engine.dump(Family::Meta).len(), server.engine.dump(Family::Meta).len());
    }
    assert!(refused > 500, "commands were refused on the way: {refused}");
}

/// Databases that the log speaks of stay, though a later start asks for fewer.
#[test]
fn there_never_are_fewer_databases_than_were() {
    let engine = MemoryEngine::new();
    let more = read(&engine, 32).unwrap();
    assert_eq!(more.namespaces.databases(), 32);
    tidy(&engine, &more).unwrap();
    let fewer = read(&engine, 16).unwrap();
    assert_eq!(fewer.namespaces, more.namespaces);
    assert!(!fewer.namespaces_grew);
    let grown = read(&engine, 40).unwrap();
    assert!(grown.namespaces_grew);
    assert_eq!((grown.namespaces.databases(), grown.namespaces.of(39)), (40, 39));
}
