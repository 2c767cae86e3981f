//! All that clients can read from a server, to compare two.

use crate::engine::memory::MemoryEngine;
use crate::resp::{Protocol, Value, parse_value};
use crate::testing::MiniServer;

/// Databases of a server.
const DATABASES: usize = 16;

/// A server that lost its memory and its store, and replays the log on another number of partitions, has what was there;
/// and each value that it has comes back from its DUMP.
pub(super) fn same_after_replay(mut server: MiniServer, now_ms: u64) {
    if server.log.is_empty() {
        return;
    }
    server.write_behind();
    let (log, partitions) = (server.log.clone(), server.partitions.len());
    let mut replayed = MiniServer::open(MemoryEngine::new(), partitions % 3 + 1, log);
    for server in [&mut server, &mut replayed] {
        server.now_ms = now_ms;
        server.protocol = Protocol::Resp2;
        server.keeps_due = false;
    }
    let before = contents(&mut server, false);
    let after = contents(&mut replayed, true);
    assert_eq!(before, after, "what was there before a crash, and what after it");
}

/// A line for each database, and for each key its type, times and value.
fn contents(server: &mut MiniServer, restores: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for database in 0..DATABASES {
        server.database = database;
        // What is due goes first: it counts until somebody finds it.
        let Value::Array(keys) = ask(server, &[b"KEYS", b"*"]) else { panic!("KEYS is an array") };
        let keys =
            keys.into_iter().map(|key| if let Value::Bulk(key) = key { key } else { panic!("a name") });
        let mut keys: Vec<Vec<u8>> = keys.collect();
        keys.sort();
        for key in &keys {
            let value = read(server, key);
            let expires = ask(server, &[b"PEXPIRETIME", key]);
            lines.push(format!("{database} {} {expires:?} {value}", key.escape_ascii()));
            if restores {
                let Value::Bulk(dump) = ask(server, &[b"DUMP", key]) else { panic!("{key:?} is there") };
                let copy = [key, &b" copy"[..]].concat();
                let restored = ask(server, &[b"RESTORE", &copy, b"0", &dump, b"REPLACE"]);
                assert_eq!(restored, Value::Simple(b"OK".to_vec()), "{}", key.escape_ascii());
                assert_eq!(read(server, &copy), value, "{} from its DUMP", key.escape_ascii());
                ask(server, &[b"DEL", &copy]);
            }
        }
    }
    lines
}

fn ask(server: &mut MiniServer, words: &[&[u8]]) -> Value {
    let reply = server.call(words);
    let (value, length) = parse_value(&reply).expect("RESP").expect("a whole reply");
    assert_eq!(length, reply.len());
    value
}

fn read(server: &mut MiniServer, key: &[u8]) -> String {
    let Value::Simple(kind) = ask(server, &[b"TYPE", key]) else { panic!("TYPE is a status") };
    let value = match &kind[..] {
        b"string" => ask(server, &[b"GET", key]),
        b"list" => ask(server, &[b"LRANGE", key, b"0", b"-1"]),
        b"hash" => sorted(ask(server, &[b"HGETALL", key]), 2),
        b"set" => sorted(ask(server, &[b"SMEMBERS", key]), 1),
        b"zset" => ask(server, &[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]),
        b"stream" => Value::Array(vec![
            ask(server, &[b"XRANGE", key, b"-", b"+"]),
            ask(server, &[b"XINFO", b"STREAM", key]),
            ask(server, &[b"XINFO", b"GROUPS", key]),
        ]),
        // It was due, and KEYS showed it by another clock: there is no other clock.
        other => panic!("{} has the type {}", key.escape_ascii(), other.escape_ascii()),
    };
    format!("{} {value:?}", kind.escape_ascii())
}

/// The elements of an array in the order of their names, in groups of so many.
fn sorted(value: Value, size: usize) -> Value {
    let Value::Array(values) = value else { return value };
    let mut groups: Vec<&[Value]> = values.chunks(size).collect();
    groups.sort_by_key(|group| format!("{group:?}"));
    Value::Array(groups.concat())
}
