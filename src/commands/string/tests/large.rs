//! Large strings that were changed in part, and so stand in fragments: every command that reads strings.

use crate::testing::{MiniServer, check};

/// A string of 20,000 bytes in fragments, at three keys; one of them ends with a number.
const THREE: &str = "SETRANGE {t}a 19997 xyz\nSETRANGE {t}b 19997 xyz\nSETRANGE {t}c 19999 1\n";

const MADE: &str = "(integer) 20000\n(integer) 20000\n(integer) 20000\n";

#[track_caller]
fn check_three(script: &str, expected: &str) {
    check(&format!("{THREE}{script}"), &format!("{MADE}{}", expected.trim_start()));
}

#[test]
fn they_are_read() {
    check_three(
        "STRLEN {t}a\nGETRANGE {t}a -4 -1\nGETRANGE {t}a 19990 30000\nGETRANGE {t}a 20000 30000\nGETRANGE {t}a 0 1\nSUBSTR {t}a -3 -2\n\
         OBJECT ENCODING {t}a\nOBJECT REFCOUNT {t}a\nTYPE {t}a\nLCS {t}a {t}c\nSET {t}d xzz\nLCS {t}a {t}d\nLCS {t}d {t}a LEN",
        r#"
(integer) 20000
"\x00xyz"
"\x00\x00\x00\x00\x00\x00\x00xyz"
""
"\x00\x00"
"xy"
"raw"
(integer) 1
string
(error) ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len
OK
"xz"
(integer) 2
"#,
    );
}

#[test]
fn they_are_no_numbers() {
    check_three(
        "INCR {t}c\nDECRBY {t}c 5\nINCRBYFLOAT {t}c 1\nSTRLEN {t}c\nBITFIELD {t}c INCRBY u8 #19999 1\nGETRANGE {t}c -1 -1",
        r#"
(error) ERR value is not an integer or out of range
(error) ERR value is not an integer or out of range
(error) ERR value is not a valid float
(integer) 20000
1) (integer) 50
"2"
"#,
    );
}

#[test]
fn they_keep_their_expiry_and_give_way() {
    check_three(
        "PEXPIRE {t}a 100\nSETRANGE {t}a 5 v\nAPPEND {t}a w\nSETBIT {t}a 300000 1\nBITFIELD {t}a SET u8 0 1\nPEXPIRETIME {t}a\nPERSIST {t}a\n\
         PEXPIRETIME {t}a\nGETEX {t}a PX 50\n# wait 50\nSTRLEN {t}a\nSET {t}b 1\nGET {t}b\nSETNX {t}c 2\nSET {t}c 3 XX KEEPTTL\nGET {t}c\nDBSIZE",
        &format!(
            r#"
(integer) 1
(integer) 20000
(integer) 20001
(integer) 0
1) (integer) 0
(integer) 1700000000100
(integer) 1
(integer) -1
"{}"
(integer) 0
OK
"1"
(integer) 0
OK
"3"
(integer) 2
"#,
            expected_a()
        ),
    );
}

/// What `{t}a` holds after its changes.
fn expected_a() -> String {
    let mut bytes = vec![0; 37501];
    bytes[0] = 1;
    bytes[5] = b'v';
    bytes[19997..20001].copy_from_slice(b"xyzw");
    bytes[37500] = 0x80;
    bytes.escape_ascii().to_string()
}

#[test]
fn they_are_taken_and_compared() {
    let mut server = MiniServer::new(2);
    let value = [vec![0; 19997], b"xyz".to_vec()].concat();
    let bulk = [b"$20000\r\n", &value[..], b"\r\n"].concat();
    let renew = |server: &mut MiniServer| drop(server.ask("DEL k") + &server.ask("SETRANGE k 19997 xyz"));
    for words in [&[&b"GETSET"[..], b"k", b"1"][..], &[b"SET", b"k", b"1", b"GET"], &[b"GETDEL", b"k"]] {
        renew(&mut server);
        assert_eq!(server.call(words), bulk);
        assert!(server.ask("GET k").len() < 10);
    }
    renew(&mut server);
    assert_eq!(server.ask("SET k 1 VX x"), "(integer) -1");
    assert_eq!(server.ask("DELVX k x"), "(integer) -1");
    assert_eq!(server.call(&[b"SET", b"k", &value, b"VX", &value]), b":1\r\n");
    renew(&mut server);
    assert_eq!(server.call(&[b"DELVX", b"k", &value]), b":1\r\n");
    renew(&mut server);
    let found = server.call(&[b"PKSCANRANGE", b"STRING_WITH_VALUE", b"", b""]);
    assert_eq!(found, [b"*2\r\n$0\r\n\r\n*2\r\n$1\r\nk\r\n", &bulk[..]].concat());
}

#[test]
fn several_cold_ones_are_fetched_together() {
    let mut server = MiniServer::new(1);
    for key in ["a", "b", "c"] {
        server.ask(&format!("SETRANGE {key} 100000 x"));
        server.call(&[b"SETRANGE", key.as_bytes(), b"0", &[7; 50_000]]);
    }
    for (line, waits) in [
        ("STRLEN a", 1),
        ("GET a", 2),
        ("GETRANGE a 4000 4200", 2),
        ("MGET a b c", 2),
        ("BITCOUNT a", 2),
        ("BITOP AND d a b c", 2),
        ("BITFIELD a SET u8 0 1 SET u8 100000 2 GET u8 300000", 2),
        ("SETRANGE a 4090 0123456789", 2),
        ("SETBIT a 7 1", 2),
    ] {
        server.write_behind();
        server.partitions[0].drop_cache();
        server.engine.make_cold(true);
        let before = server.waits;
        server.ask(line);
        server.engine.make_cold(false);
        assert_eq!(server.waits - before, waits, "{line}: its keys, then all its fragments");
    }
}
