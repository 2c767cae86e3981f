//! Which keys a log can have written; and that fetching these again makes a server the same as the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::touched::MOST_KEYS;
use super::*;
use crate::binlog::record::SENT;
use crate::commands::Settings;
use crate::engine::memory::MemoryEngine;
use crate::keyspace::load::{LogRestart, Patcher, restarted};
use crate::keyspace::partition::{LogRecord, Partition};
use crate::keyspace::recovery;
use crate::keyspace::transaction::write_command;
use crate::replication::snapshot::Snapshot;
use crate::replication::verify::{Key, Span};
use crate::testing::MiniServer;

fn payload(lines: &[&str]) -> Vec<u8> {
    let mut payload = Vec::new();
    for line in lines {
        write_command(&mut payload, line.split(' ').map(str::as_bytes));
    }
    payload
}

/// The keys of a record that begins in database 0, as `database:name`.
fn keys(lines: &[&str]) -> Result<Vec<String>, Unbounded> {
    let mut touched = Touched::default();
    touched.add_record(0, &payload(lines))?;
    let show = |key: &Key| format!("{}:{}", key.database, String::from_utf8_lossy(&key.name));
    Ok(touched.keys().map(show).collect())
}

#[test]
fn all_keys_that_a_command_names_count() {
    for (lines, expected) in [
        (&["SET a 1"][..], &["0:a"][..]),
        (&["MSET b 1 a 2"], &["0:a", "0:b"]),
        (&["RENAME a b"], &["0:a", "0:b"]),
        (&["SUNIONSTORE d s t"], &["0:d", "0:s", "0:t"]),
        (&["LMOVE a b LEFT LEFT"], &["0:a", "0:b"]),
        (&["SELECT 3", "SET a 1", "SELECT 1", "DEL b"], &["1:b", "3:a"]),
        (&["MULTI", "SET a 1", "SELECT 2", "INCR a", "EXEC", "SET b 1"], &["0:a", "2:a", "2:b"]),
        // Of both databases.
        (&["MOVE a 5"], &["0:a", "5:a"]),
        (&["COPY a b"], &["0:a", "0:b"]),
        (&["COPY a b REPLACE DB 2"], &["0:a", "0:b", "2:a", "2:b"]),
        (&["COPY a DB DB 2"], &["0:DB", "0:a", "2:DB", "2:a"]),
        // Whatever it writes is among its words.
        (&["SORT l STORE d"], &["0:STORE", "0:d", "0:l"]),
        // What is no data.
        (&["PING", "REPLCONF GETACK *", "PUBLISH c m", "SCRIPT FLUSH"], &[]),
    ] {
        assert_eq!(keys(lines).as_deref(), Ok(&expected.map_to_strings()[..]), "{lines:?}");
    }
}

trait Strings {
    fn map_to_strings(&self) -> Vec<String>;
}

impl Strings for &[&str] {
    fn map_to_strings(&self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn what_cannot_be_told_from_the_words_ends_it() {
    for line in [
        "FLUSHALL",
        "FLUSHDB",
        "SWAPDB 0 1",
        "FUNCTION LOAD x",
        "FUNCTION FLUSH",
        "FUNCTION DELETE x",
        "FUNCTION RESTORE x",
        "EVAL x 0",
        "FCALL x 0",
        "NEVERHEARD a b",
        "MOVE a nowhere",
        "COPY a b DB",
    ] {
        let name = line.split(' ').next().unwrap_or_default();
        assert_eq!(keys(&["SET a 1", line]), Err(Unbounded::Command(name.into())), "{line}");
    }
    let broken = b"*2\r\n$3\r\nDEL\r\n$1\r\n";
    assert_eq!(Touched::default().add_record(0, broken), Err(Unbounded::Malformed));
    assert_eq!(
        Touched::default().add_record(0, b"SET a 1\r\n"),
        Err(Unbounded::Malformed),
        "an inline command"
    );
}

#[test]
fn it_is_bounded() {
    let mut touched = Touched::default();
    for number in 0..MOST_KEYS {
        touched.add_record(0, &payload(&[&format!("SET k{number} 1")])).expect("few enough");
        // The same key once more is none more.
        touched.add_record(0, &payload(&["SET k0 1"])).expect("few enough");
    }
    assert_eq!((touched.len(), touched.commands), (MOST_KEYS, 2 * MOST_KEYS as u64));
    assert_eq!(touched.add_record(0, &payload(&["SET another 1"])), Err(Unbounded::Keys));
    let (long, mut touched) = ("v".repeat(1 << 20), Touched::default());
    let ended = (0..100).map(|_| touched.add_record(0, &payload(&[&format!("SET k {long}")])));
    assert_eq!(ended.filter(Result::is_err).count(), 100 - 63, "behind 64 MiB of log");
}

/// The moment of all that a server has.
fn moment(server: &mut MiniServer) -> Snapshot {
    let mut partitions: Vec<&mut Partition> =
        server.partitions.iter_mut().map(|partition| &mut **partition).collect();
    Snapshot::take(&mut partitions)
}

/// All keys, each with a hash of what it holds and when it expires.
fn hashes(server: &mut MiniServer) -> BTreeMap<(usize, Vec<u8>), u128> {
    let mut found = BTreeMap::new();
    let visit = &mut |database, key: crate::encoding::key::MetaKey<'_>, _, hash| {
        found.insert((database, key.key.to_vec()), hash);
        true
    };
    moment(server).walk(Span::ALL, visit).expect("memory does not fail");
    found
}

/// A command of any type, on few keys, so that they meet each other in every state.
fn any_command(random: &mut fastrand::Rng) -> String {
    const FORMS: &[&str] = &[
        "SET K V",
        "SET K V PX 50",
        "SET K V NX",
        "GETSET K V",
        "APPEND K V",
        "SETRANGE K 3 V",
        "INCR K",
        "MSET K V L V",
        "INCRBYFLOAT K 1.5",
        "SETBIT K 7 1",
        "BITOP OR K L M",
        "BITFIELD K INCRBY u8 0 1",
        "GETDEL K",
        "GETEX K PX 30",
        "GETEX K PERSIST",
        "DEL K",
        "UNLINK K L",
        "RENAME K L",
        "RENAMENX K L",
        "COPY K L REPLACE",
        "COPY K L DB 1",
        "COPY K K DB 1 REPLACE",
        "MOVE K 1",
        "EXPIRE K 100",
        "PEXPIRE K 20",
        "PERSIST K",
        "RPUSH K V W",
        "LPUSH K V",
        "LPOP K 2",
        "RPOPLPUSH K L",
        "LMOVE K L LEFT RIGHT",
        "LMPOP 2 K L LEFT",
        "LTRIM K 1 2",
        "LINSERT K BEFORE V W",
        "LREM K 0 V",
        "LSET K 0 W",
        "SADD K V W X",
        "SREM K V",
        "SPOP K",
        "SPOP K 2",
        "SMOVE K L V",
        "SUNIONSTORE K L M",
        "SINTERSTORE K L M",
        "SDIFFSTORE K L M",
        "ZADD K 1 V 2 W",
        "ZINCRBY K 1 V",
        "ZREM K V",
        "ZPOPMIN K",
        "ZMPOP 2 K L MAX",
        "ZUNIONSTORE K 2 L M",
        "ZINTERSTORE K 2 L M",
        "ZDIFFSTORE K 2 L M",
        "ZRANGESTORE K L 0 1",
        "ZREMRANGEBYRANK K 0 0",
        "GEOADD K 13.3 38.1 V",
        "GEOSEARCHSTORE K L FROMLONLAT 13 38 BYRADIUS 500 km",
        "GEORADIUS K 13 38 500 km STORE L",
        "GEORADIUS K 13 38 500 km STORE L STORE M",
        "HSET K f V g W",
        "HDEL K f",
        "HINCRBY K n 1",
        "HSETNX K f V",
        "HPEXPIRE K 30 FIELDS 1 f",
        "HPERSIST K FIELDS 1 f",
        "XADD K * f V",
        "XADD K MAXLEN 2 * f V",
        "XTRIM K MAXLEN 1",
        "XDEL K 1-1",
        "XGROUP CREATE K g 0 MKSTREAM",
        "XGROUP DESTROY K g",
        "XREADGROUP GROUP g c COUNT 1 STREAMS K >",
        "XAUTOCLAIM K g d 0 0",
        "XSETID K 9999999999999-1",
        "PFADD K V",
        "PFMERGE K L M",
        "PFCOUNT K",
        "SORT K ALPHA STORE L",
        "SORT K BY nosort GET * STORE L",
        "TOUCH K",
        "GET K",
        "HGETALL K",
        "RESTORE K 0 nothing",
        "BLPOP K 0",
        "BLMOVE K L LEFT LEFT 0",
        "DELVX K 1",
    ];
    let keys = ["a", "b", "c", "d", "e", "f"];
    let form = FORMS[random.usize(..FORMS.len())];
    let word = |word: &str| match word {
        "K" | "L" | "M" => keys[random.usize(..keys.len())].to_string(),
        "V" | "W" | "X" => format!("v{}", random.u8(..6)),
        other => other.to_string(),
    };
    form.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Something happens to a server.
fn go_on(server: &mut MiniServer, random: &mut fastrand::Rng) -> String {
    server.database = usize::from(random.u8(..4) == 0);
    match random.u8(..20) {
        0 => {
            server.now_ms += random.u64(1..60);
            "time".into()
        }
        1 => {
            server.expire();
            "expiry".into()
        }
        2 => {
            let lines: Vec<String> = (0..random.usize(1..4)).map(|_| any_command(random)).collect();
            let words: Vec<&str> =
                lines.iter().map(String::as_str).filter(|line| !line.starts_with('B')).collect();
            server.exec(&words);
            lines.join("; ")
        }
        _ => {
            let line = any_command(random);
            // What would wait has nothing to do here.
            if !line.starts_with("BL") {
                server.ask(&line);
            }
            line
        }
    }
}

fn touched(records: &[LogRecord]) -> Touched {
    let mut touched = Touched::default();
    for record in records {
        touched.add_record(usize::from(record.database), &record.payload).expect("all can be told");
    }
    touched
}

#[test]
fn no_command_changes_a_key_that_its_record_does_not_tell_of() {
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut server = MiniServer::new(1 + seed as usize % 3);
        let mut before = hashes(&mut server);
        for _ in 0..150 {
            let logged = server.log.len();
            let what = go_on(&mut server, &mut random);
            let after = hashes(&mut server);
            let told = touched(&server.log[logged..]);
            let told: BTreeSet<_> = told.keys().map(|key| (key.database, key.name.clone())).collect();
            for key in before.keys().chain(after.keys()) {
                let same = before.get(key) == after.get(key);
                assert!(same || told.contains(key), "seed {seed}, {what}: {key:?} changed, told: {told:?}");
            }
            before = after;
        }
    }
}

/// Two servers of a common past, each of which went on by itself; where their logs part, as a number of records.
fn parted(random: &mut fastrand::Rng) -> ([MiniServer; 2], usize) {
    let mut first = MiniServer::new(random.usize(1..4));
    for _ in 0..random.usize(..80) {
        go_on(&mut first, random);
    }
    let (log, now_ms) = (first.log.clone(), first.now_ms);
    let end = log.len();
    let sent = log.iter().map(|record| LogRecord { clock_ms: record.clock_ms | SENT, ..record.clone() });
    let mut second = MiniServer::open(MemoryEngine::new(), random.usize(1..4), sent.collect());
    second.now_ms = now_ms;
    let mut both = [first, second];
    for server in &mut both {
        for _ in 0..random.usize(..60) {
            go_on(server, random);
        }
        server.write_behind();
    }
    (both, end)
}

/// Puts the values that the master has at a moment into the slave's store, and starts it again. With `keys` only those.
fn refetched(
    slave: MiniServer,
    master: &mut MiniServer,
    keys: &BTreeSet<Key>,
    partitions: usize,
) -> MiniServer {
    let moment = moment(master);
    let engine = slave.engine.fork();
    let found = recovery::read(&engine, 16).expect("sound");
    let mut patcher = Patcher::new(Arc::new(engine.clone()), &found, 0, Settings::default()).expect("sound");
    for key in keys {
        let dumped = moment.dump(key, &Settings::default()).expect("memory does not fail");
        let value = dumped.map(|(dump, expire_ms)| (decode(&dump).expect("whole"), expire_ms));
        patcher.put(key.database, &key.name, value).expect("it fits");
    }
    let restart = LogRestart { offset: moment.offset(), id: [b'a'; 40], database: 0 };
    let patch = patcher.finish(restart.clone(), partitions).expect("there is something");
    let patched = patch.apply(&engine).expect("memory does not fail");
    let found = recovery::read(&engine, 16).expect("sound");
    assert_eq!((found.replay_from(), found.reaches()), (restart.offset, restart.offset));
    assert_eq!(found.log_restart.as_ref(), Some(&restart));
    assert!(found.next_version >= patched.next_version);
    restarted(&engine).expect("memory does not fail");
    let mut server = MiniServer::open(engine, partitions, Vec::new());
    server.now_ms = master.now_ms;
    server
}

#[test]
fn a_server_that_fetches_again_what_either_can_have_written_has_what_its_master_has() {
    let mut missed = 0;
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let ([slave, mut master], end) = parted(&mut random);
        let (lost, since) = (touched(&slave.log[end..]), touched(&master.log[end..]));
        let all: BTreeSet<Key> = lost.keys().chain(since.keys()).cloned().collect();
        let mut after = refetched(slave, &mut master, &all, 1 + seed as usize % 3);
        assert_eq!(hashes(&mut after), hashes(&mut master), "seed {seed}");
        for database in 0..2 {
            (after.database, master.database) = (database, database);
            assert_eq!(after.ask("DBSIZE"), master.ask("DBSIZE"), "seed {seed}");
        }
        // It goes on as any server does.
        for server in [&mut after, &mut master] {
            server.database = 0;
            for line in
                ["SADD a 1", "DEL b", "SET b x", "HSET c f 1", "RPUSH d 1", "XADD e 9999999999999-9 f 1"]
            {
                server.ask(line);
            }
        }
        assert_eq!(hashes(&mut after), hashes(&mut master), "seed {seed}");
        // The half of it would not do: the comparison sees that.
        let mut random = fastrand::Rng::with_seed(seed);
        let ([slave, mut master], _) = parted(&mut random);
        let half: BTreeSet<Key> = lost.keys().cloned().collect();
        let mut after = refetched(slave, &mut master, &half, 2);
        missed += usize::from(hashes(&mut after) != hashes(&mut master));
    }
    assert!(missed > 200, "what the master wrote alone is seen to be missing: {missed}");
}
