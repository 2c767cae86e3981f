//! What is asked to wait, and what the log gets.

use super::*;
use crate::commands::execute::{Environment, Halt, execute};
use crate::commands::{Args, table};
use crate::config::Events;
use crate::keyspace::transaction::{Block, Otherwise, Reach, Source};
use crate::resp::Reply;

/// How a command that finds nothing waits.
#[track_caller]
fn blocked(server: &mut MiniServer, line: &str) -> Block {
    let (mut frame, mut ranges) = (Vec::new(), Vec::new());
    for word in line.split(' ') {
        let start = frame.len() as u32;
        frame.extend_from_slice(word.as_bytes());
        ranges.push((start, frame.len() as u32));
    }
    let args = Args::new(&frame, &ranges);
    let settings = server.settings.clone();
    let environment = Environment::of_nobody(server.now_ms, &settings, 0);
    let source = Source::One(&mut server.partitions[0]);
    let mut reply = Reply::default();
    let command = table::find(args.word(0)).unwrap();
    match execute(command, args, source, Reach::SERVING, environment, &mut reply) {
        Err(Halt::Block(block)) => *block,
        other => panic!("{line}: {other:?}, {:?}", String::from_utf8_lossy(reply.as_slice())),
    }
}

#[test]
fn who_finds_nothing_waits_for_its_keys() {
    let mut server = MiniServer::new(1);
    let keys = |names: &[&str]| names.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>();
    let expected = |names: &[&str], timeout_ms, otherwise| Block {
        keys: keys(names),
        timeout_ms,
        retry: None,
        otherwise,
    };
    let array = Otherwise::NullArray;
    assert_eq!(blocked(&mut server, "BLPOP a b 0"), expected(&["a", "b"], None, array));
    assert_eq!(blocked(&mut server, "BRPOP a 0.5"), expected(&["a"], Some(500), array));
    assert_eq!(blocked(&mut server, "BLMPOP 2 2 a b left"), expected(&["a", "b"], Some(2000), array));
    let moved = Otherwise::NullArrayOrNull;
    assert_eq!(blocked(&mut server, "BLMOVE a b left left 1"), expected(&["a"], Some(1000), moved));
    assert_eq!(blocked(&mut server, "BRPOPLPUSH a b 0"), expected(&["a"], None, moved));
    // The type of a target does not matter before there is something to move.
    server.ask("SET b x");
    assert_eq!(blocked(&mut server, "BRPOPLPUSH a b 0"), expected(&["a"], None, moved));
    let mut reply = Reply::default();
    moved.write(&mut reply);
    moved.write_at_once(&mut reply);
    assert_eq!(reply.as_slice(), b"*-1\r\n$-1\r\n");
}

#[test]
fn who_finds_something_does_not_wait() {
    check(
        "RPUSH b 1 2 3 4 5 6 7\nBLPOP a b 0\nBRPOP a b 0\nBLMOVE b c LEFT RIGHT 0\nBRPOPLPUSH b c 0\n\
         BLMPOP 0 2 a b RIGHT COUNT 2\nLRANGE b 0 -1\nLRANGE c 0 -1\nBLPOP b 0\nEXISTS b",
        "(integer) 7\n1) \"b\"\n2) \"1\"\n1) \"b\"\n2) \"7\"\n\"2\"\n\"6\"\n1) \"b\"\n2) 1) \"5\"\n   2) \"4\"\n1) \"3\"\n\
         1) \"6\"\n2) \"2\"\n1) \"b\"\n2) \"3\"\n(integer) 0",
    );
}

#[test]
fn the_log_gets_commands_that_do_not_wait() {
    let mut server = MiniServer::new(1);
    server.ask("RPUSH l 1 2 3 4 5 6 7 8 9");
    let cases = [
        ("BLPOP none l 0", "LPOP l"),
        ("BRPOP l 0", "RPOP l"),
        ("BLMOVE l k LEFT right 0", "LMOVE l k LEFT right"),
        ("BRPOPLPUSH l k 0", "RPOPLPUSH l k"),
        ("BLMPOP 0 2 none l RIGHT", "RPOP l 1"),
        ("LMPOP 2 none l LEFT COUNT 100", "LPOP l 4"),
        ("LPOP k 1", "LPOP k 1"),
    ];
    for (line, logged) in cases {
        server.ask(line);
        let payload = &server.log.last().unwrap().payload;
        let text = String::from_utf8_lossy(payload).into_owned();
        let words: Vec<&str> = text.split("\r\n").filter(|part| !part.starts_with(['*', '$'])).collect();
        assert_eq!(words.join(" ").trim_end(), logged, "{line}");
    }
}

#[test]
fn events_are_those_of_redis() {
    let mut server = MiniServer::new(1);
    server.settings.events = Events::ALL;
    let cases = [
        ("RPUSH l a b c", "rpush l"),
        ("LPUSH l z y", "lpush l"),
        ("LPUSHX none z", ""),
        ("LSET l 0 x", "lset l"),
        ("LINSERT l BEFORE x w", "linsert l"),
        ("LINSERT l BEFORE none w", ""),
        ("LREM l 0 none", ""),
        ("LREM l 0 w", "lrem l"),
        ("LTRIM l 0 -1", "ltrim l"),
        ("LPOP l 0", ""),
        ("LPOP l", "lpop l"),
        ("RPOP l 1", "rpop l"),
        ("LMOVE l k LEFT RIGHT", "rpush k, lpop l"),
        ("RPOPLPUSH l k", "lpush k, rpop l"),
        ("LMOVE l l LEFT LEFT", "lpush l, lpop l"),
        ("LRANGE l 0 -1", ""),
        ("LMPOP 1 l RIGHT", "rpop l, del l"),
        ("BLPOP k 0", "lpop k"),
        ("BRPOPLPUSH k l 0", "lpush l, rpop k, del k"),
        ("LREM l 0 z", "lrem l, del l"),
        ("RPUSH l a", "rpush l"),
        ("LTRIM l 1 0", "ltrim l, del l"),
        ("LTRIM l 1 0", ""),
    ];
    for (line, expected) in cases {
        server.ask(line);
        let events = std::mem::take(&mut server.partitions[0].events);
        let told: Vec<String> = events
            .iter()
            .map(|event| format!("{} {}", event.name, String::from_utf8_lossy(&event.key)))
            .collect();
        assert_eq!(told.join(", "), expected, "{line}");
    }
}
