use crate::config::Events;
use crate::testing::{MiniServer, check};

mod algebra;
mod compared;
mod random;
mod scan;

/// A server with a set of `count` members m0, m1, ….
fn with_set(partitions: usize, count: usize) -> MiniServer {
    let mut server = MiniServer::new(partitions);
    add(&mut server, "s", 0..count);
    server
}

/// Adds members m… to a set.
fn add(server: &mut MiniServer, key: &str, numbers: impl Iterator<Item = usize>) {
    let members: Vec<String> = numbers.map(|number| format!("m{number}")).collect();
    for members in members.chunks(100) {
        server.ask(&format!("SADD {key} {}", members.join(" ")));
    }
}

/// Nothing is in memory any more.
fn cool(server: &mut MiniServer) {
    server.write_behind();
    server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
}

/// The elements of a flat array, unquoted.
fn items(reply: &str) -> Vec<String> {
    let text = |line: &str| {
        let (_, rest) = line.trim().split_once(") ").unwrap_or(("", line));
        rest.trim_matches('"').to_string()
    };
    if reply == "(empty array)" { Vec::new() } else { reply.lines().map(text).collect() }
}

/// As [`items`], sorted.
fn sorted(reply: &str) -> Vec<String> {
    let mut items = items(reply);
    items.sort();
    items
}

/// What the log got, a command a line.
fn logged(server: &MiniServer, from: usize) -> Vec<String> {
    let words = |payload: &[u8]| {
        let text = String::from_utf8_lossy(payload).into_owned();
        let lines: Vec<String> =
            text.split("\r\n").filter(|line| !line.starts_with(['*', '$'])).map(str::to_string).collect();
        lines.join(" ").trim().to_string()
    };
    server.log[from..].iter().map(|record| words(&record.payload)).collect()
}

#[test]
fn members_are_added_found_and_removed() {
    check(
        "SADD s a b a c\nSADD s a d\nSCARD s\nSCARD none\nSISMEMBER s a\nSISMEMBER s z\nSISMEMBER none a\n\
         SMISMEMBER s a z b\nSMISMEMBER none a b\nSMEMBERS s\nSMEMBERS none\nSREM s a z a\nSREM none a\nSMEMBERS s\n\
         SREM s b c d e\nEXISTS s\nSADD s \"\"\nSISMEMBER s \"\"\nSMEMBERS s\nSREM s \"\"\nEXISTS s",
        r#"(integer) 3
(integer) 1
(integer) 4
(integer) 0
(integer) 1
(integer) 0
(integer) 0
1) (integer) 1
2) (integer) 0
3) (integer) 1
1) (integer) 0
2) (integer) 0
1) "a"
2) "b"
3) "c"
4) "d"
(empty array)
(integer) 1
(integer) 0
1) "b"
2) "c"
3) "d"
(integer) 3
(integer) 0
(integer) 1
(integer) 1
1) ""
(integer) 1
(integer) 0"#,
    );
}

#[test]
fn integers_stand_in_their_order() {
    check(
        "SADD s 10 9 -3 100\nSMEMBERS s\nSADD s a 1\nSMEMBERS s\nSINTER s s",
        "(integer) 4\n1) \"-3\"\n2) \"9\"\n3) \"10\"\n4) \"100\"\n(integer) 2\n1) \"-3\"\n2) \"9\"\n3) \"10\"\n\
         4) \"100\"\n5) \"a\"\n6) \"1\"\n1) \"-3\"\n2) \"9\"\n3) \"10\"\n4) \"100\"\n5) \"a\"\n6) \"1\"",
    );
}

#[test]
fn errors_are_those_of_redis() {
    let wrong = "(error) WRONGTYPE Operation against a key holding the wrong kind of value\n";
    check(
        "SET str x\nSADD str a\nSREM str a\nSCARD str\nSISMEMBER str a\nSMISMEMBER str a\nSMEMBERS str\nSPOP str\n\
         SPOP str 1\nSRANDMEMBER str\nSRANDMEMBER str 1\nSSCAN str 0 foo",
        &format!("OK\n{}", wrong.repeat(11)),
    );
    check(
        "SET str x\nSADD s a b c\nSPOP s -1\nSPOP s x\nSPOP none x\nSPOP str -1\nSPOP s 1 2\nSPOP none 0\n\
         SPOP none 5\nSPOP none\nSRANDMEMBER s x\nSRANDMEMBER none -9223372036854775808\nSRANDMEMBER s 1 2\n\
         SRANDMEMBER str x\nSRANDMEMBER none\nSRANDMEMBER none 3\nSRANDMEMBER none -3\nSPOP s 0\nSSCAN s x\n\
         SSCAN none x\nSSCAN s 0 COUNT 0\nSSCAN s 0 COUNT x\nSSCAN s 0 NOVALUES\nSMISMEMBER s",
        "OK\n(integer) 3\n(error) ERR value is out of range, must be positive\n\
         (error) ERR value is out of range, must be positive\n(error) ERR value is out of range, must be positive\n\
         (error) ERR value is out of range, must be positive\n(error) ERR syntax error\n(empty array)\n\
         (empty array)\n(nil)\n(error) ERR value is not an integer or out of range\n\
         (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\n\
         (error) ERR syntax error\n(error) ERR value is not an integer or out of range\n(nil)\n(empty array)\n\
         (empty array)\n(empty array)\n(error) ERR invalid cursor\n(error) ERR invalid cursor\n\
         (error) ERR syntax error\n(error) ERR value is not an integer or out of range\n(error) ERR syntax error\n\
         (error) ERR wrong number of arguments for 'smismember' command",
    );
}

#[test]
fn a_member_moves() {
    let wrong = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
    check(
        "SADD s 1 a b\nSADD t 2 3\nSET str x\nSMOVE s t a\nSMOVE s t a\nSMOVE s t zz\nSMOVE none t a\nSMOVE none str a\n\
         SMOVE s str b\nSMOVE s str zz\nSMOVE str s a\nSMOVE s s b\nSMOVE s s zz\nSMOVE s new 1\nSMOVE s new b\n\
         EXISTS s\nSMEMBERS new\nSMEMBERS t\nSADD u a\nSMOVE u t a\nEXISTS u\nSCARD t",
        &format!(
            "(integer) 3\n(integer) 2\nOK\n(integer) 1\n(integer) 0\n(integer) 0\n(integer) 0\n(integer) 0\n{wrong}\n\
             {wrong}\n{wrong}\n(integer) 1\n(integer) 0\n(integer) 1\n(integer) 1\n(integer) 0\n1) \"1\"\n2) \"b\"\n\
             1) \"2\"\n2) \"3\"\n3) \"a\"\n(integer) 1\n(integer) 1\n(integer) 0\n(integer) 3"
        ),
    );
}

#[test]
fn a_big_set_answers_as_a_small_one() {
    for cold in [false, true] {
        let mut server = with_set(2, 1000);
        assert_eq!(server.ask("SCARD s"), "(integer) 1000");
        if cold {
            cool(&mut server);
            server.engine.make_cold(true);
        }
        assert_eq!(server.ask("SISMEMBER s m999"), "(integer) 1");
        assert_eq!(server.ask("SISMEMBER s m1000"), "(integer) 0");
        assert_eq!(server.ask("SMISMEMBER s m1 x m2"), "1) (integer) 1\n2) (integer) 0\n3) (integer) 1");
        assert_eq!(items(&server.ask("SMEMBERS s")).len(), 1000);
        assert_eq!(server.ask("SADD s m7 new"), "(integer) 1");
        assert_eq!(server.ask("SREM s m7 m7 m8 nope"), "(integer) 2");
        assert_eq!(server.ask("SMOVE s t m9"), "(integer) 1");
        assert_eq!(server.ask("SMOVE t s m9"), "(integer) 1");
        assert_eq!(server.ask("SCARD s"), "(integer) 999");
    }
}

#[test]
fn several_missing_members_are_one_wait() {
    let mut server = with_set(1, 300);
    cool(&mut server);
    server.engine.make_cold(true);
    server.ask("SCARD s");
    for line in ["SMISMEMBER s m1 m2 m3 m4", "SADD s m5 m6 a b", "SREM s m8 m9 m10"] {
        let before = server.waits;
        server.ask(line);
        assert_eq!(server.waits - before, 1, "{line}");
    }
}

#[test]
fn an_update_of_a_big_set_writes_one_element() {
    let mut server = with_set(1, 300);
    server.write_behind();
    server.ask("SADD s m5");
    assert_eq!(server.partitions[0].queued(), 0, "nothing new");
    server.ask("SADD s new");
    assert_eq!(server.partitions[0].queued(), 2, "the element, and the length");
}

#[test]
fn one_command_can_make_a_big_set() {
    let numbers: Vec<String> = (0..5000).map(|number: u32| (number % 4000).to_string()).collect();
    let mut words: Vec<&[u8]> = vec![b"SADD", b"s"];
    words.extend(numbers.iter().map(String::as_bytes));
    for cold in [false, true] {
        let mut server = MiniServer::new(1);
        server.engine.make_cold(cold);
        assert_eq!(server.call(&words), b":4000\r\n");
        assert_eq!(server.ask("SISMEMBER s 3999"), "(integer) 1");
        assert_eq!(items(&server.ask("SMEMBERS s")).len(), 4000);
        assert_eq!(server.call(&words), b":0\r\n");
    }
}

#[test]
fn replies_know_sets_in_resp3() {
    let mut server = MiniServer::new(1);
    server.protocol = crate::resp::Protocol::Resp3;
    for (words, reply) in [
        ("SADD z 1", &b":1\r\n"[..]),
        ("SPOP z 0", b"~0\r\n"),
        ("SRANDMEMBER z 1", b"*1\r\n$1\r\n1\r\n"),
        ("SRANDMEMBER z", b"$1\r\n1\r\n"),
        ("SMEMBERS z", b"~1\r\n$1\r\n1\r\n"),
        ("SMEMBERS none", b"~0\r\n"),
        ("SINTER z z", b"~1\r\n$1\r\n1\r\n"),
        ("SDIFF z", b"~1\r\n$1\r\n1\r\n"),
        ("SUNION none", b"~0\r\n"),
        ("SPOP none 2", b"~0\r\n"),
        ("SRANDMEMBER none 2", b"*0\r\n"),
        ("SPOP none", b"_\r\n"),
        ("SRANDMEMBER none", b"_\r\n"),
        ("SMISMEMBER z 1", b"*1\r\n:1\r\n"),
        ("SSCAN z 0", b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\n1\r\n"),
        ("SSCAN none 0", b"*2\r\n$1\r\n0\r\n*0\r\n"),
        ("SPOP z 5", b"~1\r\n$1\r\n1\r\n"),
    ] {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        assert_eq!(server.call(&words).escape_ascii().to_string(), reply.escape_ascii().to_string());
    }
}

#[test]
fn events_are_those_of_redis() {
    let mut server = MiniServer::new(1);
    server.settings.events = Events::ALL;
    server.ask("SADD s a b c d e");
    server.ask("SADD other x");
    server.ask("SADD big 1 2 3 x");
    let mut told = |line: &str| {
        server.partitions[0].events.clear();
        server.ask(line);
        let events: Vec<String> = server.partitions[0]
            .events
            .iter()
            .map(|event| format!("{} {}", event.name, String::from_utf8_lossy(&event.key)))
            .collect();
        events.join(", ")
    };
    for (line, events) in [
        ("SADD s a", ""),
        ("SADD s f", "sadd s"),
        ("SREM s none", ""),
        ("SREM s f", "srem s"),
        ("SMOVE s other a", "srem s, sadd other"),
        ("SMOVE other s none", ""),
        ("SMOVE s s b", ""),
        ("SMOVE other new x", "srem other, sadd new"),
        ("SMOVE new other x", "srem new, del new, sadd other"),
        ("SMOVE other s x", "srem other, sadd s"),
        ("SMOVE other s a", "srem other, del other, sadd s"),
        ("SPOP s", "spop s"),
        ("SPOP s 2", "spop s"),
        ("SPOP s 0", ""),
        ("SPOP s 100", "spop s, del s"),
        ("SPOP s", ""),
        ("SPOP s 2", ""),
        ("SINTERSTORE i big big", "sinterstore i"),
        ("SUNIONSTORE i big none", "sunionstore i"),
        ("SDIFFSTORE i big none", "sdiffstore i"),
        ("SDIFFSTORE i big big", "del i"),
        ("SINTERSTORE i big none", ""),
        ("SREM big 1 2 3 x", "srem big, del big"),
    ] {
        assert_eq!(told(line), events, "{line}");
    }
}

#[test]
fn spop_of_a_big_set_takes_each_member_once_and_none_that_was_removed_or_is_not_there() {
    let mut server = MiniServer::new(2);
    let mut members: std::collections::BTreeSet<String> = (0..1300).map(|n| format!("m{n}")).collect();
    let names: Vec<&str> = members.iter().map(String::as_str).collect();
    server.ask(&format!("SADD s {}", names.join(" ")));
    let mut popped = 0;
    while !members.is_empty() {
        // Between two of them others are removed and added, some of which had been chosen already.
        if popped % 3 == 0 && members.len() > 1 {
            let gone = members.pop_first().unwrap();
            assert_eq!(server.ask(&format!("SREM s {gone}")), "(integer) 1");
        }
        if popped % 7 == 0 && popped < 300 {
            server.ask(&format!("SADD s new{popped}"));
            members.insert(format!("new{popped}"));
        }
        let member = server.ask("SPOP s").trim_matches('"').to_string();
        assert!(members.remove(&member), "{member} after {popped}");
        popped += 1;
        assert_eq!(server.ask("SCARD s"), format!("(integer) {}", members.len()));
    }
    assert_eq!(server.ask("EXISTS s"), "(integer) 0");
}

#[test]
fn spop_of_a_big_set_does_not_prefer_members() {
    // Of four sets of 1,600 members 500 are popped: each quarter of the names loses about as many.
    let mut gone = [0; 4];
    for _ in 0..4 {
        let mut server = MiniServer::new(1);
        let names: Vec<String> = (0..1600).map(|number| number.to_string()).collect();
        server.ask(&format!("SADD s {}", names.join(" ")));
        for _ in 0..500 {
            let number: usize = server.ask("SPOP s").trim_matches('"').parse().unwrap();
            gone[number / 400] += 1;
        }
    }
    assert!(gone.iter().all(|&count| (400..600).contains(&count)), "{gone:?}");
}
