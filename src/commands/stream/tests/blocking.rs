//! BLOCK: what a client waits for, and how the command goes on.

use super::*;
use crate::commands::execute::{Environment, Halt, execute};
use crate::commands::table;
use crate::keyspace::transaction::{Reach, Source};
use crate::resp::Reply;

/// How a command waits; `None` if it does not.
fn blocked(server: &mut MiniServer, line: &str) -> Option<Block> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for word in line.split(' ') {
        ranges.push((start, start + word.len() as u32));
        start += word.len() as u32 + 1;
    }
    let args = Args::new(line.as_bytes(), &ranges);
    let settings = server.settings.clone();
    let environment = Environment::of_nobody(server.now_ms, &settings, 0);
    let mut reply = Reply::new(Protocol::Resp2);
    let source = Source::One(&mut server.partitions[0]);
    let command = table::find(args.word(0)).unwrap();
    match execute(command, args, source, Reach::SERVING, environment, &mut reply) {
        Err(Halt::Block(block)) => Some(*block),
        Ok(_) => None,
        Err(other) => panic!("{other:?}"),
    }
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn xread_waits_for_what_comes_behind_the_ids_of_now() {
    let mut server = MiniServer::new(1);
    server.ask("XADD a 5-1 f v");
    let expected = |keys: &str, timeout_ms, retry: Option<&str>| {
        let (keys, retry) = (words(keys), retry.map(words));
        Some(Block { keys, timeout_ms, retry, otherwise: Otherwise::NullArray })
    };
    assert_eq!(
        blocked(&mut server, "XREAD BLOCK 0 COUNT 2 STREAMS a b c $ $ 7"),
        expected("a b c", None, Some("XREAD BLOCK 0 COUNT 2 STREAMS a b c 5-1 0-0 7"))
    );
    assert_eq!(
        blocked(&mut server, "XREAD BLOCK 20 STREAMS b +"),
        expected("b", Some(20), Some("XREAD BLOCK 20 STREAMS b 0-0"))
    );
    assert_eq!(blocked(&mut server, "XREAD BLOCK 20 STREAMS a 5-1"), expected("a", Some(20), None));
    assert_eq!(blocked(&mut server, "XREAD BLOCK 20 STREAMS a +"), None);
    assert_eq!(blocked(&mut server, "XREAD BLOCK 20 STREAMS a b 0 $"), None);
    // The last id may be of an entry that is gone: there is nothing to show.
    server.ask("XADD a 6 f v");
    server.ask("XDEL a 6-0");
    assert!(blocked(&mut server, "XREAD BLOCK 20 STREAMS a 5-1").is_some());
}

#[test]
fn xreadgroup_waits_for_new_entries_only() {
    let mut server = MiniServer::new(1);
    server.ask("XGROUP CREATE s g $ MKSTREAM");
    let line = "XREADGROUP GROUP g c BLOCK 0 STREAMS s >";
    let block = blocked(&mut server, line).expect("nothing is there");
    assert_eq!((block.keys, block.timeout_ms, block.retry), (words("s"), None, None));
    assert_eq!(server.ask("XINFO CONSUMERS s g"), "(empty array)");
    assert_eq!(server.ask("XREADGROUP GROUP g c BLOCK 0 STREAMS s 0"), "1) 1) \"s\"\n   2) (empty array)");
    assert_eq!(server.ask("XREADGROUP GROUP g c STREAMS s >"), "(nil)");
    server.ask("XADD s 1 a b");
    assert_eq!(blocked(&mut server, line), None);
    // What a client gets that waited meanwhile.
    server.ask("XGROUP DESTROY s g");
    assert!(
        server.ask(line).starts_with("(error) NOGROUP No such key 's' or consumer group 'g' in XREADGROUP")
    );
    server.ask("SET s x");
    assert!(server.ask(line).starts_with("(error) WRONGTYPE"));
}

#[test]
fn xreadgroup_refuses_what_redis_refuses() {
    let meaningless = |id: &str| {
        format!(
            "(error) ERR The {id} ID is meaningless in the context of XREADGROUP: you want to read the history of \
             this consumer by specifying a proper ID, or use the > ID to get new messages. The {id} ID would just \
             return an empty result set.\n"
        )
    };
    check(
        "XREADGROUP GROUP g c STREAMS s >\nXGROUP CREATE s g 0 MKSTREAM\nXREADGROUP GROUP g c STREAMS s s >\n\
         XREADGROUP COUNT 1 NOACK NOACK STREAMS s >\nXREADGROUP GROUP g c STREAMS s $\n\
         XREADGROUP GROUP g c STREAMS s +\n\
         XREADGROUP GROUP g c STREAMS s x\nXREADGROUP GROUP g c COUNT 1 NOACK\n\
         XREADGROUP GROUP g c NOACK FOO STREAMS s >",
        &format!(
            "(error) NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option\nOK\n\
             (error) ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.\n\
             (error) ERR Missing GROUP option for XREADGROUP\n{}{}\
             (error) ERR Invalid stream ID specified as stream command argument\n\
             (error) ERR syntax error\n(error) ERR syntax error",
            meaningless("$"),
            meaningless("+"),
        ),
    );
}
