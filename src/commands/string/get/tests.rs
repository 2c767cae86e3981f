use super::bounds;
use crate::commands::string::tests::effects;
use crate::testing::{MiniServer, check};

#[test]
fn get_reads() {
    check(
        "GET k\nSET k v\nGET k\nHSET h f v\nGET h\nGET\nGET a b\nSET k \"a\\x00\\r\\nb\"\nGET k",
        r#"
(nil)
OK
"v"
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(error) ERR wrong number of arguments for 'get' command
(error) ERR wrong number of arguments for 'get' command
OK
"a\x00\r\nb"
"#,
    );
}

#[test]
fn strlen_counts_bytes() {
    check(
        "STRLEN k\nSET k \"\"\nSTRLEN k\nSET k \"a\\x00b\"\nSTRLEN k\nSET k -555\nSTRLEN k\nHSET h f v\nSTRLEN h",
        r#"
(integer) 0
OK
(integer) 0
OK
(integer) 3
OK
(integer) 4
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
"#,
    );
}

#[test]
fn mget_reads_many() {
    check(
        "MSET a 1 c 3\nHSET h f v\nMGET a b c h a\nMGET b\nSET b v PX 5\n# wait 5\nMGET b a\nMGET",
        r#"
OK
(integer) 1
1) "1"
2) (nil)
3) "3"
4) (nil)
5) "1"
1) (nil)
OK
1) (nil)
2) "1"
(error) ERR wrong number of arguments for 'mget' command
"#,
    );
}

#[test]
fn mget_waits_once_for_all_of_its_keys() {
    let mut server = MiniServer::new(1);
    server.ask("MSET a 1 b 2 c 3");
    server.write_behind();
    server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
    server.engine.make_cold(true);
    assert_eq!(server.ask("MGET a b c"), "1) \"1\"\n2) \"2\"\n3) \"3\"");
    assert_eq!(server.waits, 1);
}

#[test]
fn getrange_at_all_bounds() {
    check(
        "SET k Hello\nGETRANGE k 0 3\nGETRANGE k 0 -1\nGETRANGE k -4 -1\nGETRANGE k 5 3\nGETRANGE k 4 5000\nGETRANGE k -5000 10000\n\
         GETRANGE k 0 -100\nGETRANGE k -100 -200\nGETRANGE k -100 -100\nGETRANGE k -3 -100\nGETRANGE k 3 -100\nGETRANGE k 4 -1\nGETRANGE k 5 -1\n\
         GETRANGE k -1 -2\nSUBSTR k 1 3\nGETRANGE missing 0 -1\nGETRANGE missing 0 abc\nGETRANGE k abc 0\nHSET h f v\nGETRANGE h 0 1\nGETRANGE h 0 x\n\
         SET e \"\"\nGETRANGE e 0 -1\nGETRANGE e 0 -5",
        r#"
OK
"Hell"
"Hello"
"ello"
""
"o"
"Hello"
"H"
""
"H"
""
""
"o"
""
""
"ell"
""
(error) ERR value is not an integer or out of range
(error) ERR value is not an integer or out of range
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(error) ERR value is not an integer or out of range
OK
""
""
"#,
    );
}

/// What Redis 7.0.15 answers.
#[test]
fn getrange_with_boundary_integers() {
    let numbers: [i64; 13] = [
        0,
        1,
        -1,
        1 << 31,
        -(1 << 31),
        (1 << 31) - 1,
        1 << 32,
        -(1 << 32),
        (1 << 32) + 1,
        i64::MAX,
        i64::MIN,
        i64::MAX - 1,
        i64::MIN + 1,
    ];
    for start in numbers {
        for end in numbers {
            let far = |index: i64| if index < 0 { (index + 3).max(0) } else { index.min(3) };
            let expected: &[u8] = if (start < 0 && end < 0 && start > end) || far(start) > far(end).min(2) {
                b""
            } else {
                &b"bar"[far(start) as usize..=far(end).min(2) as usize]
            };
            let range = bounds(3, start, end);
            let found = &b"bar"[range.start as usize..range.end as usize];
            assert_eq!(found, expected, "{start} {end}");
        }
    }
}

#[test]
fn getset_returns_the_old_value() {
    check(
        "GETSET k 1\nGETSET k 2\nGET k\nSET k v PX 100\nGETSET k w\nPEXPIRETIME k\nHSET h f v\nGETSET h v",
        r#"
(nil)
"1"
"2"
OK
"v"
(integer) -1
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
"#,
    );
    assert_eq!(effects("GETSET k 1\nGETSET k 2"), ["SET k 1", "SET k 2"]);
}

#[test]
fn getdel_removes() {
    check(
        "GETDEL k\nSET k v PX 100\nGETDEL k\nEXISTS k\nHSET h f v\nGETDEL h\nSET k v PX 5\n# wait 5\nGETDEL k",
        r#"
(nil)
OK
"v"
(integer) 0
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
OK
(nil)
"#,
    );
    assert_eq!(effects("SET k v\nGETDEL k\nGETDEL k"), ["SET k v", "DEL k"]);
}

#[test]
fn getex_changes_the_time() {
    check(
        "SET k v\nGETEX k\nPEXPIRETIME k\nGETEX k EX 10\nPEXPIRETIME k\nGETEX k PX 10\nPEXPIRETIME k\nGETEX k EXAT 1700000020\nPEXPIRETIME k\n\
         GETEX k PXAT 1700000020001\nPEXPIRETIME k\nGETEX k\nPEXPIRETIME k\nGETEX k PERSIST\nPEXPIRETIME k\nGETEX k persist persist\n\
         GETEX k EX 1 EX 2\nPEXPIRETIME k\nGETEX k EXAT 1\nEXISTS k\nGETEX k EX 0\nGETEX k EX abc\nGETEX k nonsense",
        r#"
OK
"v"
(integer) -1
"v"
(integer) 1700000010000
"v"
(integer) 1700000000010
"v"
(integer) 1700000020000
"v"
(integer) 1700000020001
"v"
(integer) 1700000020001
"v"
(integer) -1
"v"
"v"
(integer) 1700000002000
"v"
(integer) 0
(nil)
(nil)
(error) ERR syntax error
"#,
    );
}

#[test]
fn getex_refuses() {
    let mut server = MiniServer::new(1);
    server.ask("SET k v");
    server.ask("HSET h f v");
    for words in ["EX", "EX 10 PERSIST", "PERSIST EX 10", "EX 1 PX 1", "KEEPTTL", "NX", "GET", "VX v"] {
        assert_eq!(server.ask(&format!("GETEX k {words}")), "(error) ERR syntax error", "{words}");
    }
    for time in ["EX 0", "PX -1", "EX 9223372036854775807", "EXAT -9223372036854775808", "PXAT 0"] {
        let expected = "(error) ERR invalid expire time in 'getex' command";
        assert_eq!(server.ask(&format!("GETEX k {time}")), expected, "{time}");
    }
    let not_an_integer = "(error) ERR value is not an integer or out of range";
    assert_eq!(server.ask("GETEX k EX abc"), not_an_integer);
    assert!(server.ask("GETEX h EX abc").starts_with("(error) WRONGTYPE"));
    assert_eq!(server.ask("PEXPIRETIME k"), "(integer) -1");
}

#[test]
fn getex_logs_the_time_alone() {
    assert_eq!(effects("SET k v\nGETEX k\nGETEX k PERSIST"), ["SET k v"]);
    assert_eq!(
        effects("SET k v\nGETEX k EX 10\nGETEX k PERSIST"),
        ["SET k v", "PEXPIREAT k 1700000010000", "PERSIST k"]
    );
    assert_eq!(effects("SET k v\nGETEX k EXAT 1"), ["SET k v", "DEL k"]);
}
