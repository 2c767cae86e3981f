//! Consumer groups.

use super::*;

const NOGROUP: &str = "(error) NOGROUP No such consumer group 'g' for key name 's'\n";
const NOKEY: &str = "(error) NOGROUP No such key 's' or consumer group 'g'";

#[test]
fn xgroup_answers_as_redis() {
    let missing = "(error) ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to \
                   use the MKSTREAM option to create an empty stream automatically.\n";
    let form = |name: &str| {
        format!(
            "(error) ERR unknown subcommand or wrong number of arguments for '{name}'. Try XGROUP HELP.\n"
        )
    };
    check(
        "SET str x\nXGROUP CREATE str g 0\nXGROUP CREATE s g 0\nXGROUP SETID s g 0\nXGROUP DESTROY s g\n\
         XGROUP CREATE s g x MKSTREAM\nEXISTS s\nXGROUP CREATE s g $ MKSTREAM ENTRIESREAD -1\nXGROUP CREATE s g $\n\
         XGROUP CREATE s h 0 FOO\nXGROUP CREATE s h 0 ENTRIESREAD -2\nXGROUP CREATECONSUMER s g c\n\
         XGROUP CREATECONSUMER s g c\nXGROUP DELCONSUMER s g c\nXGROUP DELCONSUMER s g c\nXGROUP SETID s g 5 X 1\n\
         XGROUP SETID s g - ENTRIESREAD 2\nXGROUP DESTROY s g\nXGROUP DESTROY s g\nXGROUP SETID s g 0\n\
         XGROUP CREATECONSUMER s g c\nXGROUP DELCONSUMER s g c\nXACK s g 1\nXACK none g x\nXPENDING s g\n\
         XCLAIM s g c x 1\nXAUTOCLAIM s g c 0 0\nXREADGROUP GROUP g c STREAMS s >\nXINFO CONSUMERS s g\n\
         XINFO GROUPS none",
        &format!(
            "OK\n(error) WRONGTYPE Operation against a key holding the wrong kind of value\n\
            {missing}{missing}{missing}\
             (error) ERR Invalid stream ID specified as stream command argument\n(integer) 0\nOK\n\
             (error) BUSYGROUP Consumer Group name already exists\n{}\
             (error) ERR value for ENTRIESREAD must be positive or -1\n(integer) 1\n(integer) 0\n(integer) 0\n\
             (integer) 0\n{}OK\n(integer) 1\n(integer) 0\n{NOGROUP}{NOGROUP}{NOGROUP}(integer) 0\n(integer) 0\n\
             {NOKEY}\n{NOKEY}\n{NOKEY}\n{NOKEY} in XREADGROUP with GROUP option\n{NOGROUP}(error) ERR no such key",
            form("CREATE"),
            form("SETID"),
        ),
    );
}

#[test]
fn entries_are_delivered_once_and_stay_pending_until_acknowledged() {
    check(
        "XADD s 1 a 1\nXADD s 2 a 2\nXADD s 3 a 3\nXGROUP CREATE s g 0\nXREADGROUP GROUP g c COUNT 2 STREAMS s >\n\
         # wait 5\nXREADGROUP GROUP g d STREAMS s >\nXREADGROUP GROUP g d STREAMS s >\nXPENDING s g\n\
         XPENDING s g - + 9\n\
         XPENDING s g (1 + 9 c\nXPENDING s g IDLE 1 - + 9\nXPENDING s g - + 9 nobody\nXACK s g 1 1 9\nXACK s g x\n\
         XREADGROUP GROUP g c STREAMS s 0\nXPENDING s g - + 9 c\nXACK s g 2 3\nXPENDING s g\n\
         XREADGROUP GROUP g c STREAMS s 0",
        "\"1-0\"\n\"2-0\"\n\"3-0\"\nOK\n\
         1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n      2) 1) \"2-0\"\n\
         \x20        2) 1) \"a\"\n            2) \"2\"\n\
         1) 1) \"s\"\n   2) 1) 1) \"3-0\"\n         2) 1) \"a\"\n            2) \"3\"\n(nil)\n\
         1) (integer) 3\n2) \"1-0\"\n3) \"3-0\"\n4) 1) 1) \"c\"\n      2) \"2\"\n   2) 1) \"d\"\n      2) \"1\"\n\
         1) 1) \"1-0\"\n   2) \"c\"\n   3) (integer) 5\n   4) (integer) 1\n\
         2) 1) \"2-0\"\n   2) \"c\"\n   3) (integer) 5\n   4) (integer) 1\n\
         3) 1) \"3-0\"\n   2) \"d\"\n   3) (integer) 0\n   4) (integer) 1\n\
         1) 1) \"2-0\"\n   2) \"c\"\n   3) (integer) 5\n   4) (integer) 1\n\
         1) 1) \"1-0\"\n   2) \"c\"\n   3) (integer) 5\n   4) (integer) 1\n\
         2) 1) \"2-0\"\n   2) \"c\"\n   3) (integer) 5\n   4) (integer) 1\n(empty array)\n(integer) 1\n\
         (error) ERR Invalid stream ID specified as stream command argument\n\
         1) 1) \"s\"\n   2) 1) 1) \"2-0\"\n         2) 1) \"a\"\n            2) \"2\"\n\
         1) 1) \"2-0\"\n   2) \"c\"\n   3) (integer) 0\n   4) (integer) 2\n(integer) 2\n\
         1) (integer) 0\n2) (nil)\n3) (nil)\n4) (nil)\n1) 1) \"s\"\n   2) (empty array)",
    );
}

#[test]
fn history_shows_what_is_gone_and_setid_delivers_again() {
    check(
        "XGROUP CREATE s g $ MKSTREAM\nXADD s 1 a 1\nXREADGROUP GROUP g c STREAMS s >\nXADD s MAXLEN 1 2 a 2\n\
         XREADGROUP GROUP g c STREAMS s >\nXREADGROUP GROUP g c STREAMS s 0-1\nXGROUP SETID s g -\n\
         XREADGROUP GROUP g d COUNT 9 STREAMS s >\nXPENDING s g - + 9\nXGROUP DELCONSUMER s g c\nXPENDING s g\n\
         XREADGROUP GROUP g e STREAMS s s 0 >",
        "OK\n\"1-0\"\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n\"2-0\"\n\
         1) 1) \"s\"\n   2) 1) 1) \"2-0\"\n         2) 1) \"a\"\n            2) \"2\"\n\
         1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) (nil)\n      2) 1) \"2-0\"\n         2) 1) \"a\"\n\
         \x20           2) \"2\"\nOK\n\
         1) 1) \"s\"\n   2) 1) 1) \"2-0\"\n         2) 1) \"a\"\n            2) \"2\"\n\
         1) 1) \"1-0\"\n   2) \"c\"\n   3) (integer) 0\n   4) (integer) 1\n\
         2) 1) \"2-0\"\n   2) \"d\"\n   3) (integer) 0\n   4) (integer) 1\n(integer) 1\n\
         1) (integer) 1\n2) \"2-0\"\n3) \"2-0\"\n4) 1) 1) \"d\"\n      2) \"1\"\n1) 1) \"s\"\n   2) (empty array)",
    );
}

#[test]
fn a_key_given_twice_sees_what_the_first_reading_did() {
    check(
        "XADD s 1 a 1\nXADD s 2 a 2\nXGROUP CREATE s g 0\nXREADGROUP GROUP g c COUNT 1 STREAMS s s s > 0 >\n\
         XPENDING s g - + 9",
        "\"1-0\"\n\"2-0\"\nOK\n\
         1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n\
         2) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n\
         3) 1) \"s\"\n   2) 1) 1) \"2-0\"\n         2) 1) \"a\"\n            2) \"2\"\n\
         1) 1) \"1-0\"\n   2) \"c\"\n   3) (integer) 0\n   4) (integer) 2\n\
         2) 1) \"2-0\"\n   2) \"c\"\n   3) (integer) 0\n   4) (integer) 1",
    );
}

#[test]
fn claims_move_entries_and_forget_those_that_are_gone() {
    check(
        "XADD s 1 a 1\nXADD s 2 a 2\nXADD s 3 a 3\nXGROUP CREATE s g 0\nXREADGROUP GROUP g c STREAMS s >\n\
        # wait 100\n\
         XCLAIM s g d 101 1\nXCLAIM s g d 100 1 IDLE 30\nXCLAIM s g e 0 1 JUSTID RETRYCOUNT 7 TIME 1\n\
         XPENDING s g - + 9\n\
         XDEL s 2\nXCLAIM s g d 0 2 3 9\nXCLAIM s g d 0 9 FORCE\nXACK s g 3\nXCLAIM s g d 0 3 FORCE LASTID 9\n\
         XPENDING s g - + 9\nXCLAIM s g d x 1\nXCLAIM s g d 0 1 FOO\nXCLAIM s g d 0 1 IDLE x\nXINFO CONSUMERS s g",
        "\"1-0\"\n\"2-0\"\n\"3-0\"\nOK\n\
         1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n      2) 1) \"2-0\"\n\
         \x20        2) 1) \"a\"\n            2) \"2\"\n      3) 1) \"3-0\"\n         2) 1) \"a\"\n\
         \x20           2) \"3\"\n\
         (empty array)\n1) 1) \"1-0\"\n   2) 1) \"a\"\n      2) \"1\"\n1) \"1-0\"\n\
         1) 1) \"1-0\"\n   2) \"e\"\n   3) (integer) 1700000000099\n   4) (integer) 7\n\
         2) 1) \"2-0\"\n   2) \"c\"\n   3) (integer) 100\n   4) (integer) 1\n\
         3) 1) \"3-0\"\n   2) \"c\"\n   3) (integer) 100\n   4) (integer) 1\n(integer) 1\n\
         1) 1) \"3-0\"\n   2) 1) \"a\"\n      2) \"3\"\n(empty array)\n(integer) 1\n\
         1) 1) \"3-0\"\n   2) 1) \"a\"\n      2) \"3\"\n\
         1) 1) \"1-0\"\n   2) \"e\"\n   3) (integer) 1700000000099\n   4) (integer) 7\n\
         2) 1) \"3-0\"\n   2) \"d\"\n   3) (integer) 0\n   4) (integer) 2\n\
         (error) ERR Invalid min-idle-time argument for XCLAIM\n(error) ERR Unrecognized XCLAIM option 'FOO'\n\
         (error) ERR Invalid IDLE option argument for XCLAIM\n\
         1) 1) \"name\"\n   2) \"c\"\n   3) \"pending\"\n   4) (integer) 0\n   5) \"idle\"\n\
         \x20  6) (integer) 100\n   7) \"inactive\"\n   8) (integer) 100\n\
         2) 1) \"name\"\n   2) \"d\"\n   3) \"pending\"\n   4) (integer) 1\n   5) \"idle\"\n   6) (integer) 0\n\
         \x20  7) \"inactive\"\n   8) (integer) 0\n\
         3) 1) \"name\"\n   2) \"e\"\n   3) \"pending\"\n   4) (integer) 1\n   5) \"idle\"\n   6) (integer) 0\n\
         \x20  7) \"inactive\"\n   8) (integer) 0",
    );
}

#[test]
fn xautoclaim_goes_through_what_is_pending_with_a_cursor() {
    check(
        "XADD s 1 a 1\nXADD s 2 a 2\nXADD s 3 a 3\nXGROUP CREATE s g 0\nXREADGROUP GROUP g c STREAMS s >\n\
        XDEL s 1 2\n\
         XAUTOCLAIM s g d 0 0 COUNT 1\nXAUTOCLAIM s g d 0 2 COUNT 1 JUSTID\nXAUTOCLAIM s g d 1 - \n\
         XAUTOCLAIM s g d 0 (2\n\
         XAUTOCLAIM s g d 0 0 COUNT 0\nXAUTOCLAIM s g d x 0\nXAUTOCLAIM s g d 0 0 FOO\nXPENDING s g - + 9",
        "\"1-0\"\n\"2-0\"\n\"3-0\"\nOK\n\
         1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n      2) 1) \"2-0\"\n\
         \x20        2) 1) \"a\"\n            2) \"2\"\n      3) 1) \"3-0\"\n         2) 1) \"a\"\n\
         \x20           2) \"3\"\n\
         (integer) 2\n1) \"2-0\"\n2) (empty array)\n3) 1) \"1-0\"\n1) \"3-0\"\n2) (empty array)\n3) 1) \"2-0\"\n\
         1) \"0-0\"\n2) (empty array)\n3) (empty array)\n\
         1) \"0-0\"\n2) 1) 1) \"3-0\"\n      2) 1) \"a\"\n         2) \"3\"\n3) (empty array)\n\
         (error) ERR COUNT must be > 0\n(error) ERR Invalid min-idle-time argument for XAUTOCLAIM\n\
         (error) ERR syntax error\n\
         1) 1) \"3-0\"\n   2) \"d\"\n   3) (integer) 0\n   4) (integer) 2",
    );
}

/// `entries-read` and `lag` of group `g`.
fn progress(server: &mut MiniServer) -> (String, String) {
    let reply = server.ask("XINFO GROUPS s");
    let lines: Vec<&str> = reply.lines().map(str::trim).collect();
    let value = |at: usize| lines[at].split_once(") ").unwrap().1.replace("(integer) ", "");
    (value(9), value(11))
}

#[test]
fn lag_is_what_is_left_to_read_as_far_as_that_can_be_told() {
    let mut server = MiniServer::new(1);
    let mut step = |lines: &str, read: &str, lag: &str| {
        lines.split("; ").for_each(|line| drop(server.ask(line)));
        assert_eq!(progress(&mut server), (read.into(), lag.into()), "{lines}");
    };
    step("XGROUP CREATE s g 0 MKSTREAM", "(nil)", "0");
    step("XADD s 1 a b; XADD s 2 a b; XADD s 3 a b; XADD s 4 a b; XADD s 5 a b", "(nil)", "5");
    step("XREADGROUP GROUP g c COUNT 1 STREAMS s >", "1", "4");
    step("XDEL s 3", "1", "(nil)");
    step("XREADGROUP GROUP g c COUNT 1 STREAMS s >", "(nil)", "(nil)");
    step("XREADGROUP GROUP g c COUNT 9 STREAMS s >", "5", "0");
    step("XADD s 6 a b", "5", "1");
    step("XTRIM s MINID 5; XGROUP SETID s g 0", "(nil)", "2");
    step("XTRIM s MAXLEN 0", "(nil)", "0");
    step("DEL s; XGROUP CREATE s g $ MKSTREAM; XADD s 1 a b; XREADGROUP GROUP g c STREAMS s >", "1", "0");
    // A hole behind what was read, and before the first entry.
    step("XADD s 2 a b; XADD s 3 a b; XDEL s 1 2", "1", "1");
}

#[test]
fn xinfo_full_shows_everything() {
    check(
        "XADD s 1 a 1\nXADD s 2 a 2\nXGROUP CREATE s g 0\nXREADGROUP GROUP g c COUNT 1 STREAMS s >\n\
         XGROUP CREATECONSUMER s g d\nXINFO STREAM s FULL\nXINFO STREAM s FULL COUNT\nXINFO STREAM s FOO",
        "\"1-0\"\n\"2-0\"\nOK\n1) 1) \"s\"\n   2) 1) 1) \"1-0\"\n         2) 1) \"a\"\n            2) \"1\"\n\
        (integer) 1\n\
         1) \"length\"\n2) (integer) 2\n3) \"radix-tree-keys\"\n4) (integer) 1\n5) \"radix-tree-nodes\"\n\
         6) (integer) 2\n\
         7) \"last-generated-id\"\n8) \"2-0\"\n9) \"max-deleted-entry-id\"\n10) \"0-0\"\n11) \"entries-added\"\n\
         12) (integer) 2\n13) \"recorded-first-entry-id\"\n14) \"1-0\"\n15) \"entries\"\n\
         16) 1) 1) \"1-0\"\n      2) 1) \"a\"\n         2) \"1\"\n   2) 1) \"2-0\"\n      2) 1) \"a\"\n\
         \x20        2) \"2\"\n\
         17) \"groups\"\n18) 1) 1) \"name\"\n      2) \"g\"\n      3) \"last-delivered-id\"\n      4) \"1-0\"\n\
         \x20     5) \"entries-read\"\n      6) (integer) 1\n      7) \"lag\"\n      8) (integer) 1\n\
         \x20     9) \"pel-count\"\n      10) (integer) 1\n      11) \"pending\"\n\
         \x20     12) 1) 1) \"1-0\"\n            2) \"c\"\n            3) (integer) 1700000000000\n\
         \x20           4) (integer) 1\n\
         \x20     13) \"consumers\"\n      14) 1) 1) \"name\"\n            2) \"c\"\n            3) \"seen-time\"\n\
         \x20           4) (integer) 1700000000000\n            5) \"active-time\"\n\
         \x20           6) (integer) 1700000000000\n\
         \x20           7) \"pel-count\"\n            8) (integer) 1\n            9) \"pending\"\n\
         \x20           10) 1) 1) \"1-0\"\n                  2) (integer) 1700000000000\n\
         \x20                 3) (integer) 1\n\
         \x20        2) 1) \"name\"\n            2) \"d\"\n            3) \"seen-time\"\n\
         \x20           4) (integer) 1700000000000\n            5) \"active-time\"\n            6) (integer) -1\n\
         \x20           7) \"pel-count\"\n            8) (integer) 0\n            9) \"pending\"\n\
         \x20           10) (empty array)\n\
         (error) ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.\n\
         (error) ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.",
    );
}
