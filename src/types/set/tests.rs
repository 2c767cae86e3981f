use super::*;
use crate::keyspace::transaction::{Reach, Source};
use crate::testing::MiniServer;

const NOW_MS: u64 = 1_700_000_000_000;

/// Runs `work` in a transaction and commits it.
fn run<T>(server: &mut MiniServer, work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Stop>) -> T {
    let source = Source::One(&mut server.partitions[0]);
    let mut txn = Transaction::new(source, Reach::UNBOUNDED, NOW_MS, 0);
    let result = work(&mut txn).unwrap();
    txn.effect(&[b"DEL", b"none"]);
    txn.commit(std::iter::empty());
    result
}

fn meta(server: &mut MiniServer, key: &[u8]) -> Vec<u8> {
    run(server, |txn| Ok(txn.entry(key)?.meta().unwrap().encode()))
}

fn is_packed(server: &mut MiniServer, key: &[u8]) -> bool {
    !Meta::parse(&meta(server, key)).unwrap().by_elements
}

fn add(server: &mut MiniServer, key: &str, members: impl Iterator<Item = String>) {
    let members: Vec<String> = members.collect();
    for members in members.chunks(50) {
        server.ask(&format!("SADD {key} {}", members.join(" ")));
    }
}

#[test]
fn a_set_is_packed_up_to_the_limits() {
    // 4096 bytes are one of form, two of length, and the member.
    for (count, length, packed) in
        [(PACKED_MEMBERS, 8, true), (PACKED_MEMBERS + 1, 8, false), (1, 4093, true), (1, 4094, false)]
    {
        for command in ["SADD s", "SUNIONSTORE s t"] {
            let mut server = MiniServer::new(1);
            let members = (0..count).map(|number| format!("{number:0length$}"));
            let key = if command == "SADD s" { "s" } else { "t" };
            add(&mut server, key, members);
            if key == "t" {
                server.ask(command);
            }
            assert_eq!(is_packed(&mut server, b"s"), packed, "{count} of {length} by {command}");
        }
    }
}

#[test]
fn bytes_of_the_stored_value_are_these() {
    let mut server = MiniServer::new(1);
    server.ask("SADD i 10 9");
    assert_eq!(meta(&mut server, b"i"), b"\x03\x00\x019\x0210");
    server.ask("SADD i b");
    assert_eq!(meta(&mut server, b"i"), b"\x03\x01\x019\x0210\x01b");
    server.ask("SUNIONSTORE l i");
    server.ask("PEXPIREAT l 9000000000000");
    assert_eq!(meta(&mut server, b"l"), b"\x13\x00\x00\x08\x2f\x79\xcd\x90\x00\x01\x019\x0210\x01b");
    add(&mut server, "i", (0..300).map(|number| format!("m{number}")));
    let big = meta(&mut server, b"i");
    assert_eq!((big[0], big.len()), (0x23, 1 + 8 + 2 + 1));
    assert_eq!(big[9..], [0xaf, 0x02, 2], "303 members, a hashtable");
}

#[test]
fn the_encoding_is_redis_s_and_sticks() {
    let mut server = MiniServer::new(1);
    let encoding = |server: &mut MiniServer| server.ask("OBJECT ENCODING s");
    let numbers = |from: usize, to: usize| (from..to).map(|number| number.to_string());
    server.ask("SADD s 1 2 3");
    assert_eq!(encoding(&mut server), "\"intset\"");
    server.ask("SADD s a");
    assert_eq!(encoding(&mut server), "\"listpack\"");
    server.ask("SREM s a");
    assert_eq!(encoding(&mut server), "\"listpack\"", "it does not come back");
    server.ask(&format!("SADD s {}", "x".repeat(64)));
    assert_eq!(encoding(&mut server), "\"listpack\"");
    server.ask(&format!("SADD s {}", "y".repeat(65)));
    assert_eq!(encoding(&mut server), "\"hashtable\"");
    server.ask("DEL s");
    add(&mut server, "s", numbers(0, 512));
    assert_eq!(encoding(&mut server), "\"intset\"");
    server.ask("SADD s 512");
    assert_eq!(encoding(&mut server), "\"hashtable\"");
    server.ask("DEL s");
    add(&mut server, "s", numbers(0, 128));
    server.ask("SADD s a");
    assert_eq!(encoding(&mut server), "\"hashtable\"", "too many for a listpack");
    server.ask("DEL s");
    add(&mut server, "s", (0..128).map(|number| format!("m{number}")));
    assert_eq!(encoding(&mut server), "\"listpack\"");
    server.ask("SADD s m128");
    assert_eq!(encoding(&mut server), "\"hashtable\"");
    server.ask("DEL s");
    server.ask("SADD s 213244124402402314402033402");
    assert_eq!(encoding(&mut server), "\"listpack\"", "an integer of more than 64 bits");
    // By the number of arguments.
    server.ask("DEL s");
    server.ask(&format!("SADD s {}", "1 ".repeat(513)));
    assert_eq!(encoding(&mut server), "\"hashtable\"");
}

#[test]
fn the_encoding_of_a_result_is_redis_s() {
    let mut server = MiniServer::new(1);
    add(&mut server, "ints", (0..600).map(|number| number.to_string()));
    server.ask("SADD mixed 1 2 3 a");
    server.ask("SADD other 1 2 b");
    for (line, encoding) in [
        ("SUNIONSTORE s ints none", "hashtable"),
        ("SINTERSTORE s ints mixed", "intset"),
        ("SINTERSTORE s mixed other", "intset"),
        ("SINTERSTORE s mixed mixed", "listpack"),
        ("SDIFFSTORE s ints mixed", "hashtable"),
        ("SDIFFSTORE s mixed ints", "listpack"),
        ("SUNIONSTORE s mixed other", "listpack"),
        ("SUNIONSTORE s mixed ints", "hashtable"),
    ] {
        server.ask(line);
        assert_eq!(server.ask("OBJECT ENCODING s"), format!("\"{encoding}\""), "{line}");
    }
    server.ask("SADD t 7");
    server.ask("SMOVE mixed t a");
    assert_eq!(server.ask("OBJECT ENCODING t"), "\"listpack\"");
    server.ask("SMOVE mixed new 1");
    assert_eq!(server.ask("OBJECT ENCODING new"), "\"intset\"");
}

#[test]
fn a_copy_is_a_set_of_its_own() {
    for count in [3, 300] {
        let mut server = MiniServer::new(2);
        add(&mut server, "s", (0..count).map(|number| format!("m{number}")));
        server.ask("PEXPIRE s 1000");
        let encoding = server.ask("OBJECT ENCODING s");
        for key in ["copy", "{s}copy"] {
            assert_eq!(server.ask(&format!("COPY s {key}")), "(integer) 1");
            server.ask("SREM s m0");
            assert_eq!(server.ask(&format!("SCARD {key}")), format!("(integer) {count}"));
            assert_eq!(server.ask(&format!("SISMEMBER {key} m0")), "(integer) 1");
            assert_eq!(server.ask(&format!("OBJECT ENCODING {key}")), encoding);
            assert_eq!(server.ask(&format!("PTTL {key}")), "(integer) 1000");
            server.ask("SADD s m0");
        }
        server.ask("RENAME s renamed");
        assert_eq!(server.ask("SCARD renamed"), format!("(integer) {count}"));
        assert_eq!(server.ask("TYPE renamed"), "set");
        let bytes: u64 = server.ask("MEMORY USAGE renamed").trim_start_matches("(integer) ").parse().unwrap();
        assert!(bytes > 2 * count && bytes < 200 * count + 200, "{bytes}");
    }
}

#[test]
fn a_longer_member_of_raised_limits_is_no_listpack() {
    let mut server = MiniServer::new(1);
    server.settings.set_max_listpack_value = 3;
    server.ask("SADD s 1 2 1000");
    assert_eq!(server.ask("OBJECT ENCODING s"), "\"intset\"");
    server.ask("SADD s a");
    assert_eq!(server.ask("OBJECT ENCODING s"), "\"hashtable\"", "1000 does not fit");
}
