//! MIGRATE's words, and its steps in a partition.

use std::sync::Arc;

use crate::commands::Args;
use crate::commands::execute::{Environment, Halt, execute};
use crate::commands::generic::migrate::{COLLECT, LOOK, REMOVE};
use crate::commands::table::Entry;
use crate::keyspace::transaction::{Reach, Source};
use crate::keyspace::watch::Watch;
use crate::resp::{Protocol, Reply};
use crate::server::stand_in::StandIn;
use crate::session::Session;
use crate::testing::MiniServer;

fn ask(line: &str) -> (String, Vec<String>) {
    let server = StandIn::default();
    let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.replace("\"\"", "").into_bytes()).collect();
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let reply = server.call(&mut Session::new(7, 1), &words);
    (String::from_utf8_lossy(&reply).into_owned(), server.done.take())
}

#[test]
fn words_are_read_in_redis_order() {
    assert_eq!(ask("MIGRATE h 1 k 0 0 NOSUCH").0, "-ERR syntax error\r\n");
    assert_eq!(ask("MIGRATE h 1 k x y AUTH").0, "-ERR syntax error\r\n");
    assert_eq!(ask("MIGRATE h 1 k x y AUTH2 u").0, "-ERR syntax error\r\n");
    assert_eq!(ask("MIGRATE h 1 k 0 y").0, "-ERR value is not an integer or out of range\r\n");
    assert_eq!(ask("MIGRATE h 1 k x 0").0, "-ERR value is not an integer or out of range\r\n");
    assert_eq!(
        ask("MIGRATE h 1 k 0 0 KEYS a").0,
        "-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string\r\n"
    );
    assert_eq!(ask("MIGRATE h 1 nothing 0 0").0, "+NOKEY\r\n");
    assert_eq!(ask("MIGRATE nowhere 1 k 0 0").0, "-IOERR error or timeout connecting to the client\r\n");
}

#[test]
fn what_is_asked_of_the_server() {
    let (reply, done) = ask("MIGRATE h 17 \"\" 3 -1 COPY replace AUTH2 u p KEYS a copy");
    assert_eq!(reply, "+OK\r\n");
    let said = &done[0];
    for part in [
        "port: 17",
        "database: 3",
        "timeout: 1s",
        "copy: true",
        "replace: true",
        "credentials: Some(Credentials)",
    ] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    assert!(said.contains(&format!("keys: {:?}", [b"a".to_vec(), b"copy".to_vec()])), "{said}");
    assert!(ask("MIGRATE h 6379x k 0 5").1[0].contains("port: 6379, "));
}

fn step(server: &mut MiniServer, entry: &Entry, words: &[&[u8]], watch: &Arc<Watch>) -> Vec<u8> {
    let frame = words.concat();
    let mut end = 0;
    let ranges: Vec<(u32, u32)> = words
        .iter()
        .map(|word| {
            let start = end;
            end += word.len() as u32;
            (start, end)
        })
        .collect();
    let settings = server.settings.clone();
    let environment = Environment {
        now_ms: server.now_ms,
        settings: &settings,
        database: 0,
        atomic: false,
        watch: Some(watch),
        host: None,
        no_touch: false,
        keeps_due: false,
        user: None,
        scripted: false,
    };
    let mut reply = Reply::new(Protocol::Resp2);
    let source = Source::One(&mut server.partitions[0]);
    let done: Result<_, Halt> =
        execute(entry.command, Args::new(&frame, &ranges), source, Reach::UNBOUNDED, environment, &mut reply);
    done.expect("all is in memory");
    reply.as_slice().to_vec()
}

/// Looks at `key`, runs `between`, and says whether it is removed then.
fn is_removed(before: &[&str], key: &[u8], between: &[&str]) -> bool {
    let mut server = MiniServer::new(1);
    before.iter().for_each(|line| assert!(!server.ask(line).starts_with("(error)"), "{line}"));
    let watch = Arc::new(Watch::strict());
    step(&mut server, &LOOK, &[b"look", key], &watch);
    let restore = step(&mut server, &COLLECT, &[b"collect", key, b"REPLACE"], &watch);
    assert!(restore.starts_with(b"*5\r\n$7\r\nRESTORE\r\n"), "{}", restore.escape_ascii());
    between.iter().for_each(|line| assert!(!server.ask(line).starts_with("(error)"), "{line}"));
    let removed = step(&mut server, &REMOVE, &[b"remove", key], &watch) == b":1\r\n";
    assert_eq!(server.ask(&format!("EXISTS {}", String::from_utf8_lossy(key))) == "(integer) 0", removed);
    if removed {
        server.write_behind();
        let last = server.log.last().expect("there is a record");
        assert!(last.payload.starts_with(b"*2\r\n$3\r\nDEL\r\n"), "{}", last.payload.escape_ascii());
    }
    removed
}

#[test]
fn a_key_is_removed_only_if_it_is_what_was_read() {
    assert!(is_removed(&["SET k v"], b"k", &["GET k", "SET other v"]));
    assert!(!is_removed(&["SET k v"], b"k", &["APPEND k w"]));
    assert!(!is_removed(&["SET k v"], b"k", &["SET k v"]));
    assert!(!is_removed(&["SET k v"], b"k", &["EXPIRE k 100"]));
    assert!(!is_removed(&["HSET k f v"], b"k", &["HDEL k f", "HSET k f v"]));
    let stream = ["XADD k 1-1 f v", "XGROUP CREATE k g 0"];
    assert!(!is_removed(&stream, b"k", &["XREADGROUP GROUP g alice STREAMS k >"]));
    assert!(!is_removed(&stream, b"k", &["XGROUP CREATECONSUMER k g bob"]));
}

#[test]
fn a_key_that_does_not_exist_is_told_by_null() {
    let mut server = MiniServer::new(1);
    let watch = Arc::new(Watch::strict());
    assert_eq!(step(&mut server, &LOOK, &[b"look", b"k"], &watch), b":0\r\n");
    assert_eq!(step(&mut server, &COLLECT, &[b"collect", b"k"], &watch), b"$-1\r\n");
}

#[test]
fn what_is_due_stays_while_clients_are_paused() {
    let mut server = MiniServer::new(1);
    server.ask("SET k v PX 5");
    server.now_ms += 6;
    server.keeps_due = true;
    assert_eq!(server.ask("GET k"), "(nil)");
    assert_eq!(server.partitions[0].stats.expired_keys, 0);
    server.keeps_due = false;
    assert_eq!(server.ask("GET k"), "(nil)");
    assert_eq!(server.partitions[0].stats.expired_keys, 1);
}
