use crate::testing::{MiniServer, check};

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
