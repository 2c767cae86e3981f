//! Generic commands and those on databases, through a server in miniature.

use crate::testing::{MiniServer, check};

mod collections;
mod dump;
mod dumped_types;
mod each_type;
mod events;
mod migrate;
mod model;
mod scans;

#[test]
fn keys_are_counted_removed_and_typed() {
    check(
        "SET a 1\nSET b 2\nEXISTS a b c a\nTOUCH a c\nTYPE a\nTYPE c\nDEL a a c\nUNLINK b c\nEXISTS a b\nDBSIZE\nDEL a",
        "OK\nOK\n(integer) 3\n(integer) 1\nstring\nnone\n(integer) 1\n(integer) 1\n(integer) 0\n(integer) 0\n(integer) 0",
    );
}

#[test]
fn expiries_are_set_told_and_removed() {
    check(
        "SET k v\nTTL k\nPTTL k\nEXPIRETIME k\nPEXPIRETIME k\nEXPIRE k 100\nTTL k\nPTTL k\nEXPIRETIME k\nPEXPIRETIME k
         # wait 1600
         TTL k\nPTTL k\nPERSIST k\nPERSIST k\nTTL k\nPEXPIRE k 10\n
         # wait 9
         EXISTS k
         # wait 1
         EXISTS k\nTTL k\nPTTL k\nEXPIRETIME k\nPEXPIRETIME k\nPERSIST k\nEXPIRE k 10\nDEL k\nDBSIZE",
        "OK\n(integer) -1\n(integer) -1\n(integer) -1\n(integer) -1\n(integer) 1\n(integer) 100\n(integer) 100000
(integer) 1700000100\n(integer) 1700000100000
(integer) 98\n(integer) 98400\n(integer) 1\n(integer) 0\n(integer) -1\n(integer) 1\n(integer) 1\n(integer) 0
(integer) -2\n(integer) -2\n(integer) -2\n(integer) -2\n(integer) 0\n(integer) 0\n(integer) 0\n(integer) 0",
    );
    check(
        "SET k v\nEXPIREAT k 1700000001\nPTTL k\nPEXPIREAT k 1700000002345\nPTTL k\nEXPIRE k 0\nEXISTS k
         SET k v\nEXPIRE k -1\nEXISTS k\nSET k v\nEXPIREAT k 1\nGET k\nSET k v\nPEXPIREAT k -5\nGET k\nDBSIZE",
        "OK\n(integer) 1\n(integer) 1000\n(integer) 1\n(integer) 2345\n(integer) 1\n(integer) 0
OK\n(integer) 1\n(integer) 0\nOK\n(integer) 1\n(nil)\nOK\n(integer) 1\n(nil)\n(integer) 0",
    );
}

#[test]
fn conditions_on_expiries_hold_as_in_redis() {
    check(
        "SET k v\nEXPIRE k 100 XX\nEXPIRE k 100 GT\nTTL k\nEXPIRE k 100 LT\nTTL k\nPERSIST k\nEXPIRE k 100 nx
         EXPIRE k 200 NX\nEXPIRE k 200 XX\nTTL k\nEXPIRE k 100 GT\nEXPIRE k 200 GT\nEXPIRE k 300 GT\nTTL k
         EXPIRE k 400 LT\nEXPIRE k 300 LT\nEXPIRE k 50 LT\nTTL k\nEXPIRE k 60 XX LT\nEXPIRE k 60 XX GT\nTTL k
         EXPIRE none 5 NX",
        "OK\n(integer) 0\n(integer) 0\n(integer) -1\n(integer) 1\n(integer) 100\n(integer) 1\n(integer) 1
(integer) 0\n(integer) 1\n(integer) 200\n(integer) 0\n(integer) 0\n(integer) 1\n(integer) 300
(integer) 0\n(integer) 0\n(integer) 1\n(integer) 50\n(integer) 0\n(integer) 1\n(integer) 60\n(integer) 0",
    );
    let incompatible = "(error) ERR NX and XX, GT or LT options at the same time are not compatible";
    check(
        "SET k v\nEXPIRE k 10 FOO\nEXPIRE k 10 NX XX\nPEXPIRE k 10 NX GT\nEXPIREAT k 10 LT NX\nPEXPIREAT k 10 GT LT
         EXPIRE k x GT LT\nEXPIRE k x\nEXPIRE none 9223372036854775807\nTTL k",
        &format!(
            "OK\n(error) ERR Unsupported option FOO\n{incompatible}\n{incompatible}\n{incompatible}
(error) ERR GT and LT options at the same time are not compatible
(error) ERR GT and LT options at the same time are not compatible
(error) ERR value is not an integer or out of range
(error) ERR invalid expire time in 'expire' command\n(integer) -1"
        ),
    );
}

/// The integers at which arithmetic goes wrong.
const LIMITS: [i64; 15] = [
    0,
    1,
    -1,
    1 << 31,
    -(1 << 31),
    (1 << 31) - 1,
    1 << 32,
    -(1 << 32),
    i64::MAX,
    i64::MIN,
    i64::MAX / 1000,
    i64::MAX / 1000 + 1,
    i64::MIN / 1000,
    i64::MIN / 1000 - 1,
    i64::MAX - 1_700_000_000_000,
];

#[test]
fn extreme_times_are_refused_or_kept_exactly() {
    const NOW: i128 = 1_700_000_000_000;
    for (name, scale, base) in
        [("expire", 1000, NOW), ("pexpire", 1, NOW), ("expireat", 1000, 0), ("pexpireat", 1, 0)]
    {
        for time in LIMITS {
            let mut server = MiniServer::new(1);
            server.ask("SET k v");
            let reply = server.ask(&format!("{name} k {time}"));
            // Redis looks at the product and at the sum, each of which must fit.
            let product = i128::from(time) * scale;
            let fits = |number: i128| i64::try_from(number).is_ok();
            if !fits(product) || !fits(product + base) {
                assert_eq!(reply, format!("(error) ERR invalid expire time in '{name}' command"), "{time}");
                assert_eq!(server.ask("TTL k"), "(integer) -1");
                continue;
            }
            assert_eq!(reply, "(integer) 1", "{name} {time}");
            let at = product + base;
            let left = if at <= NOW { -2 } else { at - NOW };
            assert_eq!(server.ask("PTTL k"), format!("(integer) {left}"), "{name} {time}");
            let at = if at <= NOW { -2 } else { at };
            assert_eq!(server.ask("PEXPIRETIME k"), format!("(integer) {at}"), "{name} {time}");
        }
    }
}

#[test]
fn no_integer_argument_breaks_a_command() {
    let lines = [
        "MOVE k @",
        "COPY k l DB @",
        "SWAPDB @ 0",
        "SWAPDB 0 @",
        "SCAN @",
        "SCAN 0 COUNT @",
        "SCANX string k COUNT @",
        "PKSCANRANGE string \"\" \"\" LIMIT @",
        "PKRSCANRANGE string \"\" \"\" LIMIT @",
        "PKPATTERNMATCHDEL k @",
    ];
    for line in lines {
        for number in LIMITS {
            let mut server = MiniServer::new(2);
            server.ask("SET k v");
            let reply = server.ask(&line.replace('@', &number.to_string()));
            let index = line.contains("DB") || line.contains("MOVE");
            let valid_index = (0..16).contains(&number);
            if index && !valid_index {
                assert!(reply.starts_with("(error) ERR "), "{line} {number}: {reply}");
            }
            assert!(!reply.is_empty());
        }
    }
}

#[test]
fn keys_are_renamed_copied_and_moved() {
    check(
        "SET a 1\nEXPIRE a 100\nSET b 2\nRENAME a c\nGET a\nGET c\nTTL c\nRENAMENX c b\nRENAMENX b d\nGET d\nRENAME c d
         GET d\nTTL d\nRENAME d d\nRENAMENX d d\nRENAME none d\nRENAME none none\nRENAMENX none d\nDBSIZE",
        "OK\n(integer) 1\nOK\nOK\n(nil)\n\"1\"\n(integer) 100\n(integer) 0\n(integer) 1\n\"2\"\nOK
\"1\"\n(integer) 100\nOK\n(integer) 0\n(error) ERR no such key\n(error) ERR no such key
(error) ERR no such key\n(integer) 1",
    );
    check(
        "SET a 1\nEXPIRE a 100\nCOPY a b\nGET b\nTTL b\nSET a 2\nCOPY a b\nCOPY a b REPLACE\nGET b\nTTL b\nCOPY none b
         COPY a c DB 3\nEXISTS c\nSELECT 3\nGET c\nSELECT 0\nCOPY a a DB 3\nCOPY a a DB 3 REPLACE\nCOPY a a\nCOPY a a DB 0
         COPY a b DB\nCOPY a b FOO\nCOPY a b DB 16\nCOPY a b DB x\nCOPY a b DB 4294967296\nCOPY none none",
        "OK\n(integer) 1\n(integer) 1\n\"1\"\n(integer) 100\nOK\n(integer) 0\n(integer) 1\n\"2\"\n(integer) -1\n(integer) 0
(integer) 1\n(integer) 0\nOK\n\"2\"\nOK\n(integer) 1\n(integer) 1
(error) ERR source and destination objects are the same\n(error) ERR source and destination objects are the same
(error) ERR syntax error\n(error) ERR syntax error\n(error) ERR DB index is out of range
(error) ERR value is not an integer or out of range
(error) ERR value is out of range, value must between -2147483648 and 2147483647
(error) ERR source and destination objects are the same",
    );
    check(
        "SET a 1\nEXPIRE a 100\nMOVE a 9\nEXISTS a\nDBSIZE\nSET a 2\nMOVE a 9\nMOVE none 9\nMOVE none 0\nMOVE a 16\nMOVE a -1
         MOVE a x\nSELECT 9\nGET a\nTTL a\nDBSIZE",
        "OK\n(integer) 1\n(integer) 1\n(integer) 0\n(integer) 0\nOK\n(integer) 0\n(integer) 0
(error) ERR source and destination objects are the same\n(error) ERR DB index is out of range
(error) ERR DB index is out of range\n(error) ERR value is not an integer or out of range
OK\n\"1\"\n(integer) 100\n(integer) 1",
    );
}

#[test]
fn what_has_expired_is_no_source_and_no_obstacle() {
    check(
        "SET a 1\nSET b 2\nPEXPIRE b 5\nSELECT 1\nSET a 3\nPEXPIRE a 5\nSELECT 0
         # wait 5
         RENAMENX a b\nGET b\nRENAME a c\nCOPY a c\nMOVE b 1\nSELECT 1\nGET b\nDBSIZE\nSELECT 0\nSET a 4\nMOVE a 1\nSELECT 1\nGET a\nDBSIZE",
        "OK\nOK\n(integer) 1\nOK\nOK\n(integer) 1\nOK\n(integer) 1\n\"1\"\n(error) ERR no such key\n(integer) 0\n(integer) 1
OK\n\"1\"\n(integer) 2\nOK\nOK\n(integer) 1\nOK\n\"4\"\n(integer) 2",
    );
}

#[test]
fn databases_are_counted_emptied_and_exchanged() {
    check(
        "SET a 1\nSET b 1\nSELECT 1\nSET a 2\nFLUSHDB\nDBSIZE\nKEYS *\nGET a\nSET a 3\nSELECT 0\nDBSIZE\nSWAPDB 0 1\nGET a
         DBSIZE\nSELECT 1\nGET a\nDBSIZE\nFLUSHALL ASYNC\nDBSIZE\nSELECT 0\nDBSIZE\nSET a 4\nFLUSHDB sync\nGET a\nDBSIZE
         SWAPDB x 1\nSWAPDB 1 x\nSWAPDB 1 16\nSWAPDB -1 0\nSWAPDB 4294967296 0\nSWAPDB 1 1\nFLUSHDB x\nFLUSHALL ASYNC SYNC",
        "OK\nOK\nOK\nOK\nOK\n(integer) 0\n(empty array)\n(nil)\nOK\nOK\n(integer) 2\nOK\n\"3\"
(integer) 1\nOK\n\"1\"\n(integer) 2\nOK\n(integer) 0\nOK\n(integer) 0\nOK\nOK\n(nil)\n(integer) 0
(error) ERR invalid first DB index\n(error) ERR invalid second DB index\n(error) ERR DB index is out of range
(error) ERR DB index is out of range\n(error) ERR invalid first DB index\nOK\n(error) ERR syntax error
(error) ERR syntax error",
    );
}

#[test]
fn objects_tell_encoding_references_and_use() {
    check(
        "SET a 12\nSET b 9223372036854775808\nSET c 01\nSET d aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
         SET e aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nOBJECT ENCODING a\nOBJECT ENCODING b\nOBJECT ENCODING c
         OBJECT ENCODING d\nOBJECT ENCODING e\nOBJECT ENCODING none\nOBJECT REFCOUNT a\nOBJECT REFCOUNT b
         OBJECT REFCOUNT none\nOBJECT IDLETIME none\nOBJECT FREQ none\nOBJECT FREQ a",
        "OK\nOK\nOK\nOK\nOK\n\"int\"\n\"embstr\"\n\"embstr\"\n\"embstr\"\n\"raw\"\n(nil)\n(integer) 2147483647\n(integer) 1
(nil)\n(nil)\n(nil)\n(error) ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
that when switching between policies at runtime LRU and LFU data will take some time to adjust.",
    );
}

#[test]
fn looking_at_a_key_is_no_use_of_it() {
    let mut server = MiniServer::new(2);
    server.ask("SET k v");
    server.now_ms += 10_000;
    for line in
        ["TYPE k", "TTL k", "PTTL k", "EXPIRETIME k", "EXISTS k", "OBJECT ENCODING k", "OBJECT REFCOUNT k"]
    {
        server.ask(line);
        assert_eq!(server.ask("OBJECT IDLETIME k"), "(integer) 10", "{line}");
    }
    server.settings.lfu_policy = true;
    assert!(server.ask("OBJECT IDLETIME k").starts_with("(error) ERR An LFU maxmemory policy is selected"));
    assert_eq!(server.ask("OBJECT FREQ k"), "(integer) 5");
    server.settings.lfu_policy = false;
    for line in ["TOUCH k", "GET k", "EXPIRE k 100", "PERSIST k"] {
        server.now_ms += 5_000;
        server.ask(line);
        assert_eq!(server.ask("OBJECT IDLETIME k"), "(integer) 0", "{line}");
    }
}

#[test]
fn rows_are_in_order_and_complete() {
    for rows in [super::COMMANDS, super::object::SUBCOMMANDS] {
        assert!(rows.is_sorted_by_key(|row| row.name));
        for row in rows {
            assert!(row.summary.ends_with('.') && row.complexity.len() > 3, "{}", row.name);
            assert_ne!(
                row.is_write(),
                row.flags.has(super::Flags::READONLY) || row.name == "help" || row.name == "object"
            );
        }
    }
}
