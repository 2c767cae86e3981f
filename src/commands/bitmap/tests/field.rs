//! BITFIELD and BITFIELD_RO.

use crate::testing::{MiniServer, check};

#[test]
fn fields_are_read_set_and_added_to() {
    check(
        "BITFIELD k\nEXISTS k\nBITFIELD k SET i8 0 -100 SET i8 0 101 GET i8 0\nBITFIELD k SET u8 #0 65 set u8 #1 66 Set u8 #2 67\nGET k\n\
         BITFIELD k INCRBY u8 #0 10 INCRBY i5 100 1 GET u4 0\nSTRLEN k\nBITFIELD none GET u8 0 GET i64 1000\nEXISTS none\n\
         BITFIELD k SET i64 1 -1 GET u63 1 GET i64 0\nSET n 1234\nBITFIELD n GET u32 0 GET u32 16\nOBJECT ENCODING n\nBITFIELD n INCRBY u8 24 1\n\
         GET n\nOBJECT ENCODING n",
        r#"
(empty array)
(integer) 0
1) (integer) 0
2) (integer) -100
3) (integer) 101
1) (integer) 101
2) (integer) 0
3) (integer) 0
"ABC"
1) (integer) 75
2) (integer) 1
3) (integer) 4
(integer) 14
1) (integer) 0
2) (integer) 0
(integer) 0
1) (integer) -7600802936536432640
2) (integer) 9223372036854775807
3) (integer) 9223372036854775807
OK
1) (integer) 825373492
2) (integer) 859045888
"int"
1) (integer) 53
"1235"
"raw"
"#,
    );
}

#[test]
fn overflow_has_three_ways() {
    check(
        "BITFIELD k SET u8 0 200 OVERFLOW SAT INCRBY u8 0 100 OVERFLOW fail INCRBY u8 0 1 GET u8 0 OVERFLOW WRAP INCRBY u8 0 2\n\
         BITFIELD k OVERFLOW SAT SET i8 0 1000 SET u8 8 -1 INCRBY i8 0 -300 GET i8 0\nBITFIELD k OVERFLOW FAIL SET i8 0 200 GET i8 0\n\
         BITFIELD k OVERFLOW SAT SET i8 0 -9223372036854775808 GET i8 0\n\
         BITFIELD new OVERFLOW FAIL INCRBY u2 100 9\nSTRLEN new\nBITFIELD k SET i64 0 9223372036854775807 INCRBY i64 0 1 OVERFLOW SAT INCRBY i64 0 -1",
        r#"
1) (integer) 0
2) (integer) 255
3) (nil)
4) (integer) 255
5) (integer) 1
1) (integer) 1
2) (integer) 0
3) (integer) -128
4) (integer) -128
1) (nil)
2) (integer) -128
1) (integer) -128
2) (integer) 127
1) (nil)
(integer) 13
1) (integer) 9223090561878065152
2) (integer) -9223372036854775808
3) (integer) -9223372036854775808
"#,
    );
}

#[test]
fn what_cannot_be_read_is_refused() {
    let mut server = MiniServer::new(1);
    server.ask("HSET h f v");
    let syntax = "(error) ERR syntax error";
    let kind = "(error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    let offset = "(error) ERR bit offset is not an integer or out of range";
    for (words, expected) in [
        ("GET u8", syntax),
        ("FOO u8 0", syntax),
        ("SET u8 0", syntax),
        ("OVERFLOW", syntax),
        ("OVERFLOW none", "(error) ERR Invalid OVERFLOW type specified"),
        ("GET u64 0", kind),
        ("GET i65 0", kind),
        ("GET u0 0", kind),
        ("GET I8 0", kind),
        ("GET 8 0", kind),
        ("GET u8 -1", offset),
        ("GET u8 #-1", offset),
        ("GET u8 4294967296", offset),
        ("GET u8 #536870912", offset),
        ("GET i64 #9223372036854775807", offset),
        ("SET u8 0 x", "(error) ERR value is not an integer or out of range"),
        ("GET u8 0", "(error) WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SET u8 0 1", "(error) WRONGTYPE Operation against a key holding the wrong kind of value"),
    ] {
        assert_eq!(server.ask(&format!("BITFIELD h {words}")), expected, "{words}");
    }
    let write = "(error) ERR BITFIELD_RO only supports the GET subcommand";
    assert_eq!(server.ask("BITFIELD_RO h GET u8 0 SET u8 0 1"), write);
    assert_eq!(
        server.ask("BITFIELD_RO k OVERFLOW SAT GET u8 0 GET i3 #511"),
        "1) (integer) 0\n2) (integer) 0"
    );
    assert_eq!(server.ask("BITFIELD_RO k"), "(empty array)");
}
