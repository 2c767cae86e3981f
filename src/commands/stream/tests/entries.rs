//! Entries: adding, reading, removing, trimming.

use super::*;

const TOP: &str =
    "(error) ERR The ID specified in XADD is equal or smaller than the target stream top item\n";
const INVALID: &str = "(error) ERR Invalid stream ID specified as stream command argument\n";
const WRONG: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value\n";
const SYNTAX: &str = "(error) ERR syntax error\n";
const INTEGER: &str = "(error) ERR value is not an integer or out of range\n";

#[test]
fn new_entries_get_greater_ids() {
    check(
        "XADD s * a 1\nXADD s * a 2\nXADD s 1700000000005-* a 3\nXADD s 1700000000005-* a 4\nXADD s 1-* a 5\n\
         XADD s 1700000000005-1 a 6\nXADD s * a 7\n# wait 6\nXADD s * a 8\nXLEN s\nXADD t 0-* a 1\nXADD t 0 a 1\n\
         XADD t 18446744073709551615-18446744073709551615 a 1\nXADD t * a 1\nTYPE t\nOBJECT ENCODING t",
        &format!(
            "\"1700000000000-0\"\n\"1700000000000-1\"\n\"1700000000005-0\"\n\"1700000000005-1\"\n{TOP}{TOP}\
             \"1700000000005-2\"\n\"1700000000006-0\"\n(integer) 6\n\"0-1\"\n\
             (error) ERR The ID specified in XADD must be greater than 0-0\n\
             \"18446744073709551615-18446744073709551615\"\n\
             (error) ERR The stream has exhausted the last possible ID, unable to add more items\n\
             stream\n\"stream\""
        ),
    );
}

#[test]
fn xadd_refuses_what_redis_refuses_in_its_order() {
    let arity = "(error) ERR wrong number of arguments for 'xadd' command\n";
    let both = "(error) ERR syntax error, MAXLEN and MINID options at the same time are not compatible\n";
    let tilde = "(error) ERR syntax error, LIMIT cannot be used without the special ~ option\n";
    check(
        "SET str x\nXADD s * a\nXADD s * a b c\nXADD s NOMKSTREAM MAXLEN 1\nXADD s MAXLEN 1 MINID 2 * a b\n\
         XADD s MAXLEN -1 * a b\nXADD s MAXLEN x * a b\nXADD s MINID + * a b\nXADD s LIMIT 1 * a b\n\
         XADD s LIMIT 0 * a b\nXADD s MAXLEN 1 LIMIT 1 * a b\nXADD s MAXLEN ~ 1 LIMIT -1 * a b\nXADD s x a b\n\
         XADD s - a b\nXADD str * a b\nXADD str NOMKSTREAM 0-0 a b\nEXISTS s\nXADD s NOMKSTREAM * a b\nEXISTS s",
        &format!(
            "OK\n{arity}{arity}{arity}{both}(error) ERR The MAXLEN argument must be >= 0.\n{INTEGER}{INVALID}\
             (error) ERR syntax error, LIMIT cannot be used without specifying a trimming strategy\n{tilde}{tilde}\
             (error) ERR The LIMIT argument must be >= 0.\n{INVALID}{INVALID}{WRONG}\
             (error) ERR The ID specified in XADD must be greater than 0-0\n(integer) 0\n(nil)\n(integer) 0"
        ),
    );
}

#[test]
fn ranges_take_intervals_both_ways_and_a_count() {
    check(
        "XADD s 1-1 a 1\nXADD s 1-2 b 2\nXADD s 3 a 1 b 2\nXRANGE s - +\nXREVRANGE s + - COUNT 1\nXRANGE s (1-1 1\n\
         XRANGE s 2 (3\nXRANGE s - + COUNT 0\nXRANGE none - + COUNT 0\nXRANGE s (+ -\nXRANGE s - (0-0\n\
         XRANGE s (18446744073709551615-18446744073709551615 +\nXRANGE s - + COUNT\nXRANGE s - + COUNT x\n\
         XRANGE s 3 1",
        &format!(
            "\"1-1\"\n\"1-2\"\n\"3-0\"\n\
             1) 1) \"1-1\"\n   2) 1) \"a\"\n      2) \"1\"\n2) 1) \"1-2\"\n   2) 1) \"b\"\n      2) \"2\"\n\
             3) 1) \"3-0\"\n   2) 1) \"a\"\n      2) \"1\"\n      3) \"b\"\n      4) \"2\"\n\
             1) 1) \"3-0\"\n   2) 1) \"a\"\n      2) \"1\"\n      3) \"b\"\n      4) \"2\"\n\
             1) 1) \"1-2\"\n   2) 1) \"b\"\n      2) \"2\"\n\
             1) 1) \"3-0\"\n   2) 1) \"a\"\n      2) \"1\"\n      3) \"b\"\n      4) \"2\"\n(nil)\n\
             (empty array)\n{INVALID}\
             (error) ERR invalid end ID for the interval\n(error) ERR invalid start ID for the interval\n\
             {SYNTAX}{INTEGER}(empty array)"
        ),
    );
}

#[test]
fn an_empty_stream_stays() {
    check(
        "XADD s MAXLEN 0 5-1 a b\nXLEN s\nXRANGE s - +\nXADD s 5-1 a b\nXADD s 5-* a b\nXDEL s 5-2 5-2 9\n\
        EXISTS s\n\
         XINFO STREAM s\nXDEL s x\nXDEL none 1\nXTRIM s MAXLEN 5\nXTRIM none MAXLEN 5\nXTRIM s\nXTRIM s FOO 1",
        &format!(
            "\"5-1\"\n(integer) 0\n(empty array)\n{TOP}\"5-2\"\n(integer) 1\n(integer) 1\n\
             1) \"length\"\n2) (integer) 0\n3) \"radix-tree-keys\"\n4) (integer) 0\n5) \"radix-tree-nodes\"\n\
             6) (integer) 1\n7) \"last-generated-id\"\n8) \"5-2\"\n9) \"max-deleted-entry-id\"\n10) \"5-2\"\n\
             11) \"entries-added\"\n12) (integer) 2\n13) \"recorded-first-entry-id\"\n14) \"0-0\"\n15) \"groups\"\n\
             16) (integer) 0\n17) \"first-entry\"\n18) (nil)\n19) \"last-entry\"\n20) (nil)\n\
             {INVALID}(integer) 0\n(integer) 0\n(integer) 0\n\
             (error) ERR wrong number of arguments for 'xtrim' command\n{SYNTAX}"
        ),
    );
}

#[test]
fn xsetid_keeps_ids_growing() {
    let smaller = |what: &str| format!("(error) ERR The ID specified in XSETID is smaller than {what}\n");
    check(
        "XSETID s 1-1\nXADD s 1-1 a b\nXADD s 2-2 a b\nXADD s 3-3 a b\nXDEL s 3-3\nXSETID s 2-5\nXSETID s 4\n\
         XDEL s 2-2\nXSETID s 3-3\nXSETID s 1\nXSETID s 5 MAXDELETEDID 6\nXSETID s 5 ENTRIESADDED -1\n\
         XSETID s 5 ENTRIESADDED 0\nXSETID s 5 ENTRIESADDED\nXSETID s 5 ENTRIESADDED 9 MAXDELETEDID 4-0\n\
         XADD s 5 a b\nXADD s 5-* a b\nXSETID s 6 MAXDELETEDID 0-0\nXADD t 4 a b\nXSETID t 3",
        &format!(
            "(error) ERR no such key\n\"1-1\"\n\"2-2\"\n\"3-3\"\n(integer) 1\n{}OK\n(integer) 1\nOK\n{}{}\
             (error) ERR entries_added must be positive\n\
             (error) ERR The entries_added specified in XSETID is smaller than the target stream length\n\
             {SYNTAX}OK\n\
             {TOP}\"5-1\"\nOK\n\"4-0\"\n{}",
            smaller("current max_deleted_entry_id"),
            smaller("current max_deleted_entry_id"),
            smaller("the provided max_deleted_entry_id"),
            smaller("the target stream top item"),
        ),
    );
}

/// A server whose nodes have so many entries, and a stream `s` of ids `1-0` to `count-0`.
fn stream_of(node_entries: u64, count: u64) -> MiniServer {
    let mut server = MiniServer::new(1);
    server.settings.stream_node_max_entries = node_entries;
    for ms in 1..=count {
        server.ask(&format!("XADD s {ms} a b"));
    }
    server
}

#[test]
fn a_tilde_trims_whole_nodes_up_to_a_limit() {
    let mut server = stream_of(10, 100);
    let mut ask = |line: &str, expected: &str| assert_eq!(server.ask(line), expected, "{line}");
    ask("XADD s MAXLEN ~ 55 LIMIT 30 101 a b", "\"101-0\"");
    ask("XLEN s", "(integer) 71");
    ask("XADD s MAXLEN ~ 55 LIMIT 30 102 a b", "\"102-0\"");
    ask("XLEN s", "(integer) 62");
    ask("XTRIM s MINID ~ 59", "(integer) 10");
    ask("XTRIM s MINID = 59", "(integer) 8");
    ask("XTRIM s MAXLEN ~ 0 LIMIT 1", "(integer) 0");
    ask("XTRIM s MAXLEN ~ 43 LIMIT 0", "(integer) 0");
    ask("XTRIM s MAXLEN ~ 42 LIMIT 0", "(integer) 2");
    ask("XTRIM s MAXLEN 41", "(integer) 1");
    ask("XRANGE s - + COUNT 1", "1) 1) \"62-0\"\n   2) 1) \"a\"\n      2) \"b\"");
    server.settings.stream_node_max_entries = 1;
    let mut server = stream_of(1, 102);
    assert_eq!(server.ask("XTRIM s MAXLEN ~ 1"), "(integer) 100");
}

#[test]
fn what_was_trimmed_leaves_the_engine_a_part_at_a_time() {
    let mut server = stream_of(1, 1000);
    server.ask("XTRIM s MAXLEN 0");
    server.write_behind();
    let left = |server: &MiniServer| server.engine.dump(crate::engine::Family::Element).len() as u64;
    let part = crate::types::stream::DEAD_NODES;
    assert_eq!(left(&server), 1000 - part);
    for _ in 0..3 {
        server.ask("XADD s MAXLEN 0 * a b");
    }
    server.write_behind();
    assert_eq!(left(&server), 0);
}

#[test]
fn xread_shows_what_is_behind_ids() {
    check(
        "XADD {s}1 1 a b\nXADD {s}2 1 c d\nXADD {s}2 2 e f\nXREAD COUNT 1 STREAMS {s}1 {s}2 {s}3 0 0 0\n\
         XREAD STREAMS {s}1 {s}2 1 1\nXREAD STREAMS {s}1 $\nXREAD BLOCK 10 STREAMS {s}1 $\nXREAD STREAMS {s}2 +\n\
         XDEL {s}2 2\nXREAD COUNT 9 STREAMS {s}2 +\nXREAD STREAMS {s}2 1",
        "\"1-0\"\n\"1-0\"\n\"2-0\"\n\
         1) 1) \"{s}1\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"b\"\n\
         2) 1) \"{s}2\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"c\"\n            2) \"d\"\n\
         1) 1) \"{s}2\"\n   2) 1) 1) \"2-0\"\n         2) 1) \"e\"\n            2) \"f\"\n(nil)\n(nil)\n\
         1) 1) \"{s}2\"\n   2) 1) 1) \"2-0\"\n         2) 1) \"e\"\n            2) \"f\"\n(integer) 1\n\
         1) 1) \"{s}2\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"c\"\n            2) \"d\"\n(nil)",
    );
}

#[test]
fn xread_refuses_what_redis_refuses() {
    let timeout = "(error) ERR timeout is ";
    check(
        "SET str x\nXREAD COUNT 1 BLOCK 5\nXREAD STREAMS a\nXREAD STREAMS a b 0\nXREAD COUNT x STREAMS a 0\n\
         XREAD BLOCK x STREAMS a 0\nXREAD BLOCK -1 STREAMS a 0\nXREAD BLOCK 9223372036854775807 STREAMS a 0\n\
         XREAD STREAMS a >\nXREAD STREAMS a -\nXREAD STREAMS str 0\nXREAD GROUP g c STREAMS a 0\n\
         XREAD NOACK STREAMS a 0",
        &format!(
            "OK\n{SYNTAX}(error) ERR wrong number of arguments for 'xread' command\n\
             (error) ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.\n\
             {INTEGER}{timeout}not an integer or out of range\n{timeout}negative\n{timeout}out of range\n\
             (error) ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> \
             option.\n{INVALID}{WRONG}\
             (error) ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.\n\
             (error) ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."
        ),
    );
}

#[test]
fn resp3_has_maps() {
    let mut server = MiniServer::new(1);
    server.protocol = Protocol::Resp3;
    server.ask("XADD s 1 a b");
    assert_eq!(
        server.call(&[b"XREAD", b"STREAMS", b"s", b"0"]),
        b"%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
    );
    assert!(server.call(&[b"XINFO", b"STREAM", b"s"]).starts_with(b"%10\r\n"));
    assert!(server.call(&[b"XINFO", b"STREAM", b"s", b"FULL"]).starts_with(b"%9\r\n"));
    assert_eq!(server.call(&[b"XREAD", b"STREAMS", b"s", b"1"]), b"_\r\n");
}

#[test]
fn a_stream_is_copied_renamed_and_removed_whole() {
    check(
        "XADD {s}a 1 a b\nXGROUP CREATE {s}a g 0\nXREADGROUP GROUP g c STREAMS {s}a >\nCOPY {s}a {s}b\n\
         XADD {s}a 2 a b\nXACK {s}a g 1\nXLEN {s}b\nXPENDING {s}b g\nRENAME {s}b c\nXRANGE c - +\nXLEN {s}b\n\
         XPENDING c g - + 1\nRENAME {s}a {s}c\nXLEN {s}c\nDEL {s}c\nXADD {s}c 1 a b\nXINFO GROUPS {s}c",
        "\"1-0\"\nOK\n1) 1) \"{s}a\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"b\"\n\
        (integer) 1\n\
         \"2-0\"\n(integer) 1\n(integer) 1\n1) (integer) 1\n2) \"1-0\"\n3) \"1-0\"\n4) 1) 1) \"c\"\n\
         \x20     2) \"1\"\nOK\n\
         1) 1) \"1-0\"\n   2) 1) \"a\"\n      2) \"b\"\n(integer) 0\n\
         1) 1) \"1-0\"\n   2) \"c\"\n   3) (integer) 0\n   4) (integer) 1\nOK\n(integer) 2\n(integer) 1\n\"1-0\"\n\
         (empty array)",
    );
}
