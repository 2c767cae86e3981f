use crate::commands::string::tests::effects;
use crate::testing::{MiniServer, check};

#[test]
fn incr_and_its_kin_count() {
    check(
        "INCR k\nINCR k\nDECR k\nDECR k\nDECR k\nINCRBY k 10\nDECRBY k -5\nDECRBY k 4\nGET k\nSET k 17179869184\nINCRBY k 17179869184\n\
         SET k 5 PX 100\nINCR k\nPEXPIRETIME k\n# wait 100\nINCR k\nPEXPIRETIME k",
        r#"
(integer) 1
(integer) 2
(integer) 1
(integer) 0
(integer) -1
(integer) 9
(integer) 14
(integer) 10
"10"
OK
(integer) 34359738368
OK
(integer) 6
(integer) 1700000000100
(integer) 1
(integer) -1
"#,
    );
}

#[test]
fn incr_stops_at_the_ends() {
    check(
        "SET n 9223372036854775807\nINCR n\nINCRBY n 1\nINCRBY n 9223372036854775807\nDECR n\nSET n -9223372036854775808\nDECR n\nDECRBY n 1\n\
         INCRBY n -1\nINCRBY n -9223372036854775808\nDECRBY n -9223372036854775808\nINCRBY n 9223372036854775808\n\
         INCRBY n 9223372036854775807\nINCRBY n 4294967296\nDECRBY n 2147483648\nINCRBY n 0\nDECRBY m -9223372036854775808\nEXISTS m",
        r#"
OK
(error) ERR increment or decrement would overflow
(error) ERR increment or decrement would overflow
(error) ERR increment or decrement would overflow
(integer) 9223372036854775806
OK
(error) ERR increment or decrement would overflow
(error) ERR increment or decrement would overflow
(error) ERR increment or decrement would overflow
(error) ERR increment or decrement would overflow
(error) ERR decrement would overflow
(error) ERR value is not an integer or out of range
(integer) -1
(integer) 4294967295
(integer) 2147483647
(integer) 2147483647
(error) ERR decrement would overflow
(integer) 0
"#,
    );
}

#[test]
fn incr_takes_only_integers() {
    let mut server = MiniServer::new(1);
    for value in
        ["\"\"", "\"  11\"", "\"11  \"", "-0", "01", "+1", "1.0", "abc", "9223372036854775808", "\"1\\x00\""]
    {
        server.ask(&format!("SET k {value}"));
        let not_an_integer = "(error) ERR value is not an integer or out of range";
        assert_eq!(server.ask("INCR k"), not_an_integer, "{value}");
        server.ask("SET k 1");
        assert_eq!(server.ask(&format!("INCRBY k {value}")), not_an_integer, "{value}");
        assert_eq!(server.ask(&format!("DECRBY k {value}")), not_an_integer, "{value}");
    }
    server.ask("HSET h f v");
    for line in
        ["INCR h", "DECR h", "INCRBY h 1", "DECRBY h 1", "INCRBYFLOAT h 1", "INCRBYFLOAT h abc", "APPEND h x"]
    {
        let expected = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
        assert_eq!(server.ask(line), expected, "{line}");
    }
    assert_eq!(server.ask("DECRBY h abc"), "(error) ERR value is not an integer or out of range");
}

#[test]
fn incrbyfloat_adds() {
    check(
        "INCRBYFLOAT k 1\nINCRBYFLOAT k 0.25\nGET k\nSET k 3.0e3\nINCRBYFLOAT k 200\nSET k 17179869184\nINCRBYFLOAT k 1.5\nSET k 1\n\
         INCRBYFLOAT k -1.1\nINCRBYFLOAT k abc\nINCRBYFLOAT k \" 1\"\nINCRBYFLOAT k +inf\nINCRBYFLOAT k nan\nSET k abc\nINCRBYFLOAT k 1\n\
         SET k \"\"\nINCRBYFLOAT k 1\nSET k \"1\\x002\"\nINCRBYFLOAT k 1\nSET k 1 EX 10\nINCRBYFLOAT k 0.5\nPEXPIRETIME k\nSET k 0.1\n\
         INCRBYFLOAT k 0.2\nINCRBYFLOAT k -0.3",
        r#"
"1"
"1.25"
"1.25"
OK
"3200"
OK
"17179869185.5"
OK
"-0.1"
(error) ERR value is not a valid float
(error) ERR value is not a valid float
(error) ERR increment would produce NaN or Infinity
(error) ERR value is not a valid float
OK
(error) ERR value is not a valid float
OK
(error) ERR value is not a valid float
OK
(error) ERR value is not a valid float
OK
"1.5"
(integer) 1700000010000
OK
"0.3"
"0"
"#,
    );
    assert_eq!(effects("INCRBYFLOAT k 0.1\nINCRBYFLOAT k 0.2"), ["SET k 0.1 KEEPTTL", "SET k 0.3 KEEPTTL"]);
    assert_eq!(effects("SETEX k 1 0.1\nINCRBYFLOAT k 0.2")[1], "SET k 0.3 KEEPTTL");
}

#[test]
fn append_adds() {
    check(
        "APPEND k \"\"\nEXISTS k\nAPPEND k ab\nAPPEND k \"\"\nAPPEND k c\nGET k\nSET k 1\nAPPEND k 2\nINCR k\nSET k v PX 100\nAPPEND k w\n\
         PEXPIRETIME k\n# wait 100\nAPPEND k x\nGET k",
        r#"
(integer) 0
(integer) 1
(integer) 2
(integer) 2
(integer) 3
"abc"
OK
(integer) 2
(integer) 13
OK
(integer) 2
(integer) 1700000000100
(integer) 1
"x"
"#,
    );
}

#[test]
fn setrange_replaces_and_fills_up() {
    check(
        "SETRANGE k 0 \"\"\nEXISTS k\nSETRANGE k 1 foo\nGET k\nSET k foo\nSETRANGE k 0 b\nGET k\nSETRANGE k 0 \"\"\nSETRANGE k 1 b\nGET k\n\
         SETRANGE k 4 bar\nGET k\nSETRANGE k 2 xyzzy!\nGET k\nSET k 1234 PX 100\nSETRANGE k 5 2\nGET k\nPEXPIRETIME k\nSETRANGE k 4 abc\nGET k",
        r#"
(integer) 0
(integer) 0
(integer) 4
"\x00foo"
OK
(integer) 3
"boo"
(integer) 3
(integer) 3
"bbo"
(integer) 7
"bbo\x00bar"
(integer) 8
"bbxyzzy!"
OK
(integer) 6
"1234\x002"
(integer) 1700000000100
(integer) 7
"1234abc"
"#,
    );
}

#[test]
fn setrange_refuses_what_is_out_of_range() {
    check(
        "SETRANGE k -1 x\nSETRANGE k -1 \"\"\nSETRANGE k abc x\nSETRANGE k 536870912 x\nSETRANGE k 536870908 world\nSETRANGE k 4294967296 x\n\
         SETRANGE k 9223372036854775807 x\nSETRANGE k 9223372036854775757 x\nSETRANGE k 9223372036854775807 \"\"\nSETRANGE k -9223372036854775808 x\n\
         SETRANGE k 9223372036854775808 x\nEXISTS k\nHSET h f v\nSETRANGE h 0 \"\"\nSETRANGE h 9223372036854775807 x\nSETRANGE h -1 x",
        r#"
(error) ERR offset is out of range
(error) ERR offset is out of range
(error) ERR value is not an integer or out of range
(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)
(integer) 0
(error) ERR offset is out of range
(error) ERR value is not an integer or out of range
(integer) 0
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(error) ERR offset is out of range
"#,
    );
}

#[test]
fn strings_stay_within_the_limit_but_the_log_was_within_it() {
    const TOO_LONG: &str = "(error) ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    let mut server = MiniServer::new(1);
    server.settings.max_bulk_len = 10;
    assert_eq!(server.ask("APPEND k 12345"), "(integer) 5");
    assert_eq!(server.ask("APPEND k 67890"), "(integer) 10");
    assert_eq!(server.ask("APPEND k 1"), TOO_LONG);
    assert_eq!(server.ask("APPEND k \"\""), "(integer) 10");
    assert_eq!(server.ask("SETRANGE k 9 x"), "(integer) 10");
    assert_eq!(server.ask("SETRANGE k 10 x"), TOO_LONG);
    assert_eq!(server.ask("SETRANGE k 8 xyz"), TOO_LONG);
    server.settings.max_bulk_len = 5;
    let mut server = server.crash(2);
    assert_eq!(server.ask("GET k"), "\"123456789x\"");
}

#[test]
fn what_was_changed_in_place_is_raw() {
    check(
        "APPEND k 1\nOBJECT ENCODING k\nAPPEND k 2\nOBJECT ENCODING k\nINCR k\nOBJECT ENCODING k\nSETRANGE k 0 \"\"\n\
         OBJECT ENCODING k\nSETRANGE k 0 2\nGET k\nOBJECT ENCODING k\nGETEX k EX 10\nOBJECT ENCODING k\nSET k 5\n\
         OBJECT ENCODING k\nAPPEND k \"\"\nOBJECT ENCODING k\nSETRANGE j 0 12\nOBJECT ENCODING j",
        r#"
(integer) 1
"int"
(integer) 2
"raw"
(integer) 13
"int"
(integer) 2
"int"
(integer) 2
"23"
"raw"
"23"
"raw"
OK
"int"
(integer) 1
"raw"
(integer) 2
"raw"
"#,
    );
}
