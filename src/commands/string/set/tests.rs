use crate::commands::string::tests::effects;
use crate::testing::{MiniServer, check};

#[test]
fn set_replaces_whatever_was_there() {
    check(
        "SET k v\nGET k\nSET k \"\"\nGET k\nSET k v PX 100\nSET k w\nPEXPIRETIME k\nHSET h f v\nSET h v\nGET h",
        r#"
OK
"v"
OK
""
OK
OK
(integer) -1
(integer) 1
OK
"v"
"#,
    );
}

#[test]
fn set_under_a_condition() {
    check(
        "SET k 1 NX\nSET k 2 nx\nGET k\nSET j 1 XX\nSET k 3 xX\nGET k\nSET k v NX NX\nSET k v NX XX\nSET k v XX NX\nGET j",
        r#"
OK
(nil)
"1"
(nil)
OK
"3"
(nil)
(error) ERR syntax error
(error) ERR syntax error
(nil)
"#,
    );
    check(
        "HSET h f v\nSET h v NX\nSET h v NX GET\nSET h v GET\nSET h v XX GET\nSET h v XX\nGET h",
        r#"
(integer) 1
(nil)
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(error) WRONGTYPE Operation against a key holding the wrong kind of value
OK
"v"
"#,
    );
}

#[test]
fn set_get_returns_the_old_value() {
    check(
        "SET k 1 GET\nSET k 2 GET\nSET k 3 NX GET\nGET k\nSET k 4 GET XX\nGET k\nSET j 1 XX GET\nEXISTS j\nSET j 1 GET NX\nGET j\nSET j 2 GET PX 5\n# wait 5\nGET j",
        r#"
(nil)
"1"
"2"
"2"
"2"
"4"
(nil)
(integer) 0
(nil)
"1"
"1"
(nil)
"#,
    );
}

#[test]
fn set_with_a_time() {
    check(
        "SET k v EX 10\nPEXPIRETIME k\nSET k v px 1500\nPEXPIRETIME k\nSET k v EXAT 1700000020\nPEXPIRETIME k\n\
         SET k v PXAT 1700000020500\nPEXPIRETIME k\nSET k w KEEPTTL\nPEXPIRETIME k\nSET k x KEEPTTL XX GET KEEPTTL\n\
         PEXPIRETIME k\n# wait 20500\nGET k\nSET k v KEEPTTL\nPEXPIRETIME k\nSET k v EX 10 EX 20\nPEXPIRETIME k",
        r#"
OK
(integer) 1700000010000
OK
(integer) 1700000001500
OK
(integer) 1700000020000
OK
(integer) 1700000020500
OK
(integer) 1700000020500
"w"
(integer) 1700000020500
(nil)
OK
(integer) -1
OK
(integer) 1700000040500
"#,
    );
}

#[test]
fn set_with_a_time_that_has_passed() {
    check(
        "SET k v\nSET k w EXAT 1\nEXISTS k\nSET k v PXAT 1\nSET k v\nSET k w PXAT 1700000000000 GET\nGET k\nSET k v\n\
         SET k w PXAT 5 NX\nGET k\nHSET h f v\nSET h v PXAT 5\nEXISTS h\nSET k v PXAT 1700000000001\nGET k\n\
         # wait 1\nSET k w NX EXAT 1\nGET k",
        r#"
OK
OK
(integer) 0
OK
OK
"v"
(nil)
OK
(nil)
"v"
(integer) 1
OK
(integer) 0
OK
"v"
OK
(nil)
"#,
    );
}

#[test]
fn set_refuses_bad_times() {
    let invalid = [
        "EX 0",
        "EX -1",
        "EX 9223372036854775807",
        "EX 9223372036854775",
        "PX 9223372036854775807",
        "PX -9223372036854775808",
        "EXAT 0",
        "EXAT 9223372036854775807",
        "EXAT 9223372036854776",
        "PXAT 0",
        "PXAT -9223372036854775808",
        "EX -4294967296",
        "PX -2147483648",
    ];
    let mut server = MiniServer::new(1);
    for time in invalid {
        assert_eq!(
            server.ask(&format!("SET k v {time}")),
            "(error) ERR invalid expire time in 'set' command",
            "{time}"
        );
    }
    for time in ["EX abc", "EX 9223372036854775808", "EX \"\"", "PX 1.5", "EXAT 0x10", "PXAT +1", "EX -0"] {
        let reply = server.ask(&format!("SET k v {time}"));
        assert_eq!(reply, "(error) ERR value is not an integer or out of range", "{time}");
    }
    let words = [
        "EX",
        "nonsense",
        "EX 10 PX 10",
        "KEEPTTL EX 10",
        "EX 10 KEEPTTL",
        "PERSIST",
        "EX abc nonsense",
        "PXAT 1 EXAT 1",
        "GET NX XX",
        "VX",
        "VX a VX b",
        "VX a NX",
        "VX a GET",
    ];
    for words in words {
        assert_eq!(server.ask(&format!("SET k v {words}")), "(error) ERR syntax error", "{words}");
    }
    assert_eq!(server.ask("EXISTS k"), "(integer) 0");
    for (time, expected) in [
        ("EXAT 9223372036854775", "9223372036854775000"),
        ("PXAT 9223372036854775807", "9223372036854775807"),
        ("EX 4294967296", "5994967296000"),
        ("PX 2147483648", "1702147483648"),
    ] {
        assert_eq!(server.ask(&format!("SET k v {time}")), "OK", "{time}");
        assert_eq!(server.ask("PEXPIRETIME k"), format!("(integer) {expected}"), "{time}");
    }
}

#[test]
fn set_vx_compares_and_sets() {
    check(
        "SET k new VX old\nEXISTS k\nSET k old\nSET k new VX other\nGET k\nSET k new vx old\nGET k\n\
         SET k v VX new EX 10\nPEXPIRETIME k\nSET k w KEEPTTL VX v\nPEXPIRETIME k\nSET k x VX w\nPEXPIRETIME k\n\
         SET k NX VX x\nGET k\nHSET h f v\nSET h v VX v\nSET k y VX NX PXAT 1\nEXISTS k",
        r#"
(integer) 0
(integer) 0
OK
(integer) -1
"old"
(integer) 1
"new"
(integer) 1
(integer) 1700000010000
(integer) 1
(integer) 1700000010000
(integer) 1
(integer) -1
(integer) 1
"NX"
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(integer) 1
(integer) 0
"#,
    );
}

#[test]
fn delvx_compares_and_removes() {
    check(
        "DELVX k v\nSET k v\nDELVX k w\nDELVX k v\nEXISTS k\nHSET h f v\nDELVX h v\nDELVX k",
        r#"
(integer) 0
OK
(integer) -1
(integer) 1
(integer) 0
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(error) ERR wrong number of arguments for 'delvx' command
"#,
    );
}

#[test]
fn setnx_only_sets_what_is_missing() {
    check(
        "SETNX k v\nSETNX k w\nGET k\nHSET h f v\nSETNX h v\nSET k v PX 10\n# wait 9\nSETNX k w\n# wait 1\nSETNX k w\nGET k\nPEXPIRETIME k",
        r#"
(integer) 1
(integer) 0
"v"
(integer) 1
(integer) 0
OK
(integer) 0
(integer) 1
"w"
(integer) -1
"#,
    );
}

#[test]
fn setex_and_psetex() {
    check(
        "SETEX k 10 v\nPEXPIRETIME k\nGET k\nPSETEX k 1500 w\nPEXPIRETIME k\n# wait 1500\nGET k\nSETEX k 0 v\nSETEX k abc v\n\
         SETEX k 9223372036854775807 v\nSETEX k -1 v\nPSETEX k 0 v\nPSETEX k -9223372036854775808 v\n\
         PSETEX k 9223372036854775807 v\nPSETEX k 9223372036854775808 v\nEXISTS k\nHSET h f v\nSETEX h 1 v\nGET h",
        r#"
OK
(integer) 1700000010000
"v"
OK
(integer) 1700000001500
(nil)
(error) ERR invalid expire time in 'setex' command
(error) ERR value is not an integer or out of range
(error) ERR invalid expire time in 'setex' command
(error) ERR invalid expire time in 'setex' command
(error) ERR invalid expire time in 'psetex' command
(error) ERR invalid expire time in 'psetex' command
(error) ERR invalid expire time in 'psetex' command
(error) ERR value is not an integer or out of range
(integer) 0
(integer) 1
OK
"v"
"#,
    );
}

#[test]
fn pksetexat_takes_any_second() {
    check(
        "PKSETEXAT k 1700000010 v\nPEXPIRETIME k\nGET k\nPKSETEXAT k 1700000000 v\nEXISTS k\nSET k v\nPKSETEXAT k -5 v\nEXISTS k\n\
         PKSETEXAT k 0 v\nPKSETEXAT k abc v\nPKSETEXAT k 9223372036854775807 v\nPKSETEXAT k -9223372036854775808 v",
        r#"
OK
(integer) 1700000010000
"v"
OK
(integer) 0
OK
OK
(integer) 0
OK
(error) ERR value is not an integer or out of range
(error) ERR invalid expire time in 'pksetexat' command
(error) ERR invalid expire time in 'pksetexat' command
"#,
    );
}

#[test]
fn mset_sets_all() {
    check(
        "MSET a 1 b 2 c 3\nMGET a b c\nMSET a x a y\nGET a\nSET b v EX 10\nHSET h f v\nMSET b w h v\nMGET b h\nPEXPIRETIME b\n\
         MSET a\nMSET a 1 b\nMSET",
        r#"
OK
1) "1"
2) "2"
3) "3"
OK
"y"
OK
(integer) 1
OK
1) "w"
2) "v"
(integer) -1
(error) ERR wrong number of arguments for 'mset' command
(error) ERR wrong number of arguments for 'mset' command
(error) ERR wrong number of arguments for 'mset' command
"#,
    );
}

#[test]
fn msetnx_sets_all_or_nothing() {
    check(
        "MSETNX a 1 b 2\nMSETNX c 1 b 3 d 4\nMGET a b c d\nMSETNX c x c y\nGET c\nHSET h f v\nMSETNX d 1 h 1\nEXISTS d\n\
         SET e v PX 5\n# wait 5\nMSETNX d 1 e 2\nMGET d e\nMSETNX a 1 b\nMSETNX a",
        r#"
(integer) 1
(integer) 0
1) "1"
2) "2"
3) (nil)
4) (nil)
(integer) 1
"y"
(integer) 1
(integer) 0
(integer) 0
OK
(integer) 1
1) "1"
2) "2"
(error) ERR wrong number of arguments for 'msetnx' command
(error) ERR wrong number of arguments for 'msetnx' command
"#,
    );
}

#[test]
fn sets_that_do_not_ask_do_not_look() {
    for partitions in [1, 3] {
        let mut server = MiniServer::new(partitions);
        server.ask("MSET a 1 b 2 c 3 d 4 e 5");
        server.write_behind();
        server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
        server.engine.make_cold(true);
        for line in
            ["SET a x", "SET b x EX 10", "SETEX c 10 x", "MSET d x e y d z", "PKSETEXAT f 1800000000 x"]
        {
            assert_eq!(server.ask(line), "OK", "{line}");
        }
        assert_eq!(server.waits, 0, "with {partitions} partitions");
        assert_eq!(
            server.ask("MGET a b c d e f"),
            "1) \"x\"\n2) \"x\"\n3) \"x\"\n4) \"z\"\n5) \"y\"\n6) \"x\""
        );
        assert_eq!(server.waits, 0, "what was just written is in memory");
    }
}

#[test]
fn the_log_holds_what_came_out() {
    assert_eq!(effects("SET k v"), ["SET k v"]);
    assert_eq!(effects("set k v"), ["set k v"]);
    assert_eq!(effects("SET k v EX 10"), ["SET k v PXAT 1700000010000"]);
    assert_eq!(effects("SET k v NX GET PX 1"), ["SET k v PXAT 1700000000001"]);
    assert_eq!(
        effects("SETEX k 1 v\nSET k w XX KEEPTTL"),
        ["SET k v PXAT 1700000001000", "SET k w PXAT 1700000001000"]
    );
    assert_eq!(
        effects("PSETEX k 1 v\n# wait 1\nSET k v XX\nSET k v KEEPTTL"),
        ["SET k v PXAT 1700000000001", "DEL k", "SET k v"]
    );
    assert_eq!(effects("SET k v\nSET k w NX\nSET j v XX\nSETNX k w"), ["SET k v"]);
    assert_eq!(
        effects("SET k v\nSET k w VX v EX 1\nSET k w VX v\nDELVX k v\nDELVX k w"),
        ["SET k v", "SET k w PXAT 1700000001000", "DEL k"]
    );
    assert_eq!(effects("SET k v\nSET k v EXAT 1\nSET k v EXAT 1"), ["SET k v", "DEL k"]);
    assert_eq!(effects("PKSETEXAT k 1700000001 v"), ["SET k v PXAT 1700000001000"]);
    assert_eq!(effects("MSET a 1 b 2\nMSETNX b 1 c 2\nMSETNX c 1"), ["MSET a 1 b 2", "MSETNX c 1"]);
}
