use crate::testing::{MiniServer, check};

mod compared;
mod field;

#[test]
fn bits_are_set_and_read() {
    check(
        "SETBIT k 1 1\nGET k\nSETBIT k 1 1\nSETBIT k 1 0\nSETBIT k 0 0\nGET k\nSET k @\nSETBIT k 2 1\nGET k\n\
         SETBIT k 19 1\nGET k\nGETBIT k 19\nGETBIT k 20\nGETBIT k 1000\nGETBIT missing 0\nSET k 1 PX 100\n\
         OBJECT ENCODING k\nSETBIT k 6 1\nGET k\nOBJECT ENCODING k\nPEXPIRETIME k",
        r#"
(integer) 0
"@"
(integer) 1
(integer) 1
(integer) 0
"\x00"
OK
(integer) 0
"`"
(integer) 0
"`\x00\x10"
(integer) 1
(integer) 0
(integer) 0
(integer) 0
OK
"int"
(integer) 0
"3"
"raw"
(integer) 1700000000100
"#,
    );
}

#[test]
fn a_string_that_was_to_be_changed_in_part_is_raw_also_if_it_had_the_wanted_bits() {
    check(
        "SET k 2\nSETBIT k 0 0\nOBJECT ENCODING k\nSET k 2\nBITFIELD k SET u8 0 50\nOBJECT ENCODING k\nGET k\n\
         SET k 2\nBITFIELD k GET u8 0\nGETBIT k 0\nOBJECT ENCODING k",
        r#"
OK
(integer) 0
"raw"
OK
1) (integer) 50
"raw"
"2"
OK
1) (integer) 50
(integer) 0
"int"
"#,
    );
}

#[test]
fn bits_out_of_range_are_refused() {
    let mut server = MiniServer::new(1);
    server.ask("HSET h f v");
    let offset = "(error) ERR bit offset is not an integer or out of range";
    for place in
        ["-1", "abc", "4294967296", "9223372036854775807", "-9223372036854775808", "9223372036854775808"]
    {
        assert_eq!(server.ask(&format!("SETBIT h {place} 2")), offset, "{place}");
        assert_eq!(server.ask(&format!("GETBIT h {place}")), offset, "{place}");
    }
    for bit in ["2", "-1", "abc", "10", "4294967297", "01", "\"\""] {
        let reply = server.ask(&format!("SETBIT h 0 {bit}"));
        assert_eq!(reply, "(error) ERR bit is not an integer or out of range", "{bit}");
    }
    assert!(server.ask("SETBIT h 0 1").starts_with("(error) WRONGTYPE"));
    assert!(server.ask("GETBIT h 0").starts_with("(error) WRONGTYPE"));
    assert_eq!(server.ask("GETBIT k 4294967295"), "(integer) 0");
}

#[test]
fn random_bits_are_those_of_a_list_of_booleans() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut server = MiniServer::new(1);
    let mut bits = vec![false; 800];
    for _ in 0..2000 {
        let (place, bit) = (random.usize(0..bits.len()), random.bool());
        let old = std::mem::replace(&mut bits[place], bit);
        let reply = server.ask(&format!("SETBIT k {place} {}", u8::from(bit)));
        assert_eq!(reply, format!("(integer) {}", u8::from(old)));
        let place = random.usize(0..bits.len());
        assert_eq!(server.ask(&format!("GETBIT k {place}")), format!("(integer) {}", u8::from(bits[place])));
    }
}

#[test]
fn bits_are_counted() {
    check(
        "BITCOUNT k\nBITCOUNT k 0 1000 BIT\nSET k foobar\nBITCOUNT k\nBITCOUNT k 0 0\nBITCOUNT k 1 1\nBITCOUNT k 1 -2\nBITCOUNT k -2 1\n\
         BITCOUNT k 0 1000\nBITCOUNT k -6 -7\nBITCOUNT k -100 -200\nBITCOUNT k -200 -100\nBITCOUNT k 5 30 BIT\nBITCOUNT k 3 -19 bit\nBITCOUNT k 0 -1 byte\n\
         BITCOUNT k 6 7\nBITCOUNT k 0\nBITCOUNT k 0 1 hello\nBITCOUNT none 0\nBITCOUNT k a 1\nBITCOUNT k 0 1 BIT 2\nHSET h f v\nBITCOUNT h\nBITCOUNT h 0",
        r#"
(integer) 0
(integer) 0
OK
(integer) 26
(integer) 4
(integer) 6
(integer) 18
(integer) 0
(integer) 26
(integer) 0
(integer) 0
(integer) 4
(integer) 17
(integer) 16
(integer) 26
(integer) 0
(error) ERR syntax error
(error) ERR syntax error
(error) ERR syntax error
(error) ERR value is not an integer or out of range
(error) ERR syntax error
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(error) ERR syntax error
"#,
    );
}

#[test]
fn bits_are_found() {
    check(
        "BITPOS k 0\nBITPOS k 1\nBITPOS k 0 5 7 BIT\nSET k \"\\x00\\xff\\xf0\"\nBITPOS k 1\nBITPOS k 0\nBITPOS k 1 2\nBITPOS k 0 1\nBITPOS k 0 1 1\n\
         BITPOS k 1 0 0\nBITPOS k 0 9 -1 BIT\nBITPOS k 1 -2 -1 byte\nSET k \"\\xff\\xff\"\nBITPOS k 0\nBITPOS k 0 0\nBITPOS k 0 0 -1\nBITPOS k 0 2\nBITPOS k 1 1 0\n\
         SET k \"\"\nBITPOS k 0\nBITPOS k 2\nBITPOS k x\nBITPOS k 0 x\nBITPOS k 0 0 0 FOO\nBITPOS k 0 0 x BIT\nBITPOS k 0 0 0 BIT 1\nHSET h f v\nBITPOS h 0",
        r#"
(integer) 0
(integer) -1
(integer) 0
OK
(integer) 8
(integer) 0
(integer) 16
(integer) 20
(integer) -1
(integer) -1
(integer) 20
(integer) 8
OK
(integer) 16
(integer) 16
(integer) -1
(integer) -1
(integer) -1
OK
(integer) -1
(error) ERR The bit argument must be 1 or 0.
(error) ERR value is not an integer or out of range
(error) ERR value is not an integer or out of range
(error) ERR syntax error
(error) ERR value is not an integer or out of range
(error) ERR syntax error
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
"#,
    );
}

#[test]
fn strings_are_combined() {
    check(
        "SET {a} \"\\x01\\x02\\xff\\xff\" PX 100\nSET {b} \"\\x01\\x02\\xf0\"\nBITOP AND {r} {a} {b}\nGET {r}\nBITOP or {r} {a} {b} none\nGET {r}\n\
         BITOP XOR {r} {a} {b}\nGET {r}\nBITOP NOT {a} {a}\nGET {a}\nPTTL {a}\nOBJECT ENCODING {a}\nBITOP AND {r} none {a}\nGET {r}\nBITOP AND {r} none\nEXISTS {r}\n\
         BITOP NOT {r} {a} {b}\nBITOP NAND {r} {a} {b}\nHSET h f v\nBITOP OR {r} {a} h\nEXISTS {r}\nBITOP OR h {a}\nTYPE h\nBITOP XOR {b} {b} {b} {b}\nGET {b}",
        r#"
OK
OK
(integer) 4
"\x01\x02\xf0\x00"
(integer) 4
"\x01\x02\xff\xff"
(integer) 4
"\x00\x00\x0f\xff"
(integer) 4
"\xfe\xfd\x00\x00"
(integer) -1
"raw"
(integer) 4
"\x00\x00\x00\x00"
(integer) 0
(integer) 0
(error) ERR BITOP NOT must be called with a single source key.
(error) ERR syntax error
(integer) 1
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(integer) 0
(integer) 4
string
(integer) 3
"\x01\x02\xf0"
"#,
    );
}

#[test]
fn changes_and_events() {
    let mut server = MiniServer::new(1);
    server.settings.events = crate::config::Events::ALL;
    for (line, changes, events) in [
        ("SETBIT k 0 0", 1, "setbit"),
        ("SETBIT k 0 0", 0, ""),
        ("SETBIT k 0 1", 1, "setbit"),
        ("SETBIT k 90 0", 1, "setbit"),
        ("SETBIT k 900000 1", 1, "setbit"),
        ("SETBIT k 500000 1", 1, "setbit"),
        ("SETBIT k 500000 1", 0, ""),
        ("BITFIELD l SET i5 0 0", 1, "setbit"),
        ("BITFIELD l SET i5 0 0", 0, ""),
        ("BITFIELD l SET i5 0 1 SET i5 0 2 GET u8 0 SET i5 0 2", 2, "setbit"),
        ("BITFIELD k INCRBY u8 800000 1 INCRBY u8 200000 1", 2, "setbit"),
        ("BITOP NOT m l", 1, "set"),
        ("BITOP OR m none", 1, "del"),
        ("BITOP OR m none", 0, ""),
    ] {
        let before = server.partitions[0].stats.changes;
        server.partitions[0].events.clear();
        server.ask(line);
        let names: Vec<_> = server.partitions[0].events.iter().map(|event| event.name).collect();
        assert_eq!(server.partitions[0].stats.changes - before, changes, "{line}");
        assert_eq!(names.join(" "), events, "{line}");
    }
}
