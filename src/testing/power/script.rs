//! What the clients of a life do: commands of all types, few keys of each, so that most of them meet something; and what
//! can be seen afterwards.

use crate::testing::MiniServer;

/// Letters of the keys that hold each type; each has keys 0 to 2.
const COLLECTIONS: [char; 7] = ['h', 'l', 's', 'z', 'x', 'b', 'p'];
/// Keys of strings.
const STRINGS: u8 = 9;
const GROUP: &str = "readers";

/// Some clients' commands of one tick; each line alone, or all of them as one transaction.
pub(super) fn run(server: &mut MiniServer, random: &mut fastrand::Rng) {
    let lines: Vec<String> = (0..random.usize(1..5)).map(|_| command(random)).collect();
    if random.u8(0..6) == 0 {
        server.exec(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    } else {
        lines.iter().for_each(|line| drop(server.ask(line)));
    }
}

fn command(random: &mut fastrand::Rng) -> String {
    let string = |random: &mut fastrand::Rng| format!("k{}", random.u8(0..STRINGS));
    let (one, other) = (string(random), string(random));
    match random.u8(0..22) {
        0 => format!("SET {one} {}", random.u16(..)),
        1 => format!("SET {one} {} PX {}", random.u16(..), random.u32(1..5000)),
        2 => format!("APPEND {one} +"),
        3 => format!("MSET {one} 1 {other} 2"),
        4 => format!("RENAME {one} {other}"),
        5 => format!("DEL {one} {other}"),
        6 => format!("INCR n{}", random.u8(0..3)),
        7 if random.u8(0..4) == 0 => "FLUSHDB".into(),
        7 => format!("COPY {one} {other} DB 1 REPLACE"),
        8 if random.u8(0..4) == 0 => "SWAPDB 0 1".into(),
        8 => format!("PERSIST {one}"),
        9 | 10 => of_any_collection(random),
        11..=13 => of_hash(random),
        14 | 15 => of_list(random),
        16 | 17 => of_set(random),
        18 | 19 => of_sorted_set(random),
        20 => of_stream(random),
        _ => of_bits(random),
    }
}

fn key(letter: char, random: &mut fastrand::Rng) -> String {
    format!("{letter}{}", random.u8(0..3))
}

/// Short, or long enough that some of them make a collection that is no longer one value.
fn text(random: &mut fastrand::Rng) -> String {
    let long = random.u8(0..3) == 0;
    let length = if long { random.usize(200..1500) } else { random.usize(1..8) };
    char::from(random.u8(b'a'..=b'e')).to_string().repeat(length)
}

/// What is done to a key of any type.
fn of_any_collection(random: &mut fastrand::Rng) -> String {
    let letter = COLLECTIONS[random.usize(0..COLLECTIONS.len())];
    let (one, other) = (key(letter, random), key(letter, random));
    match random.u8(0..8) {
        0 => format!("DEL {one}"),
        1 => format!("UNLINK {one} {other}"),
        2 | 3 => format!("PEXPIRE {one} {}", random.u32(1..5000)),
        4 => format!("PERSIST {one}"),
        5 => format!("RENAME {one} {other}"),
        6 => format!("COPY {one} {other} REPLACE"),
        _ => format!("MOVE {one} 1"),
    }
}

fn of_hash(random: &mut fastrand::Rng) -> String {
    let (key, field) = (key('h', random), random.u8(0..20));
    match random.u8(0..5) {
        0 | 1 => format!("HSET {key} f{field} {}", text(random)),
        2 => format!("HDEL {key} f{field} f{}", random.u8(0..20)),
        3 => format!("HPEXPIRE {key} {} FIELDS 1 f{field}", random.u32(1..5000)),
        _ => format!("HINCRBY {key} n{field} 2"),
    }
}

fn of_list(random: &mut fastrand::Rng) -> String {
    let (one, other) = (key('l', random), key('l', random));
    match random.u8(0..9) {
        0 | 1 => format!("RPUSH {one} {} {}", text(random), text(random)),
        2 => format!("LPUSH {one} {}", text(random)),
        3 => format!("LPOP {one} 2"),
        4 => format!("BLMOVE {one} {other} LEFT RIGHT 1"),
        5 => format!("BRPOP {one} {other} 1"),
        6 => format!("LSET {one} 1 {}", text(random)),
        7 => format!("LTRIM {one} 1 -2"),
        _ => format!("LINSERT {one} BEFORE a {}", text(random)),
    }
}

fn of_set(random: &mut fastrand::Rng) -> String {
    let (one, other) = (key('s', random), key('s', random));
    match random.u8(0..6) {
        0 => format!("SADD {one} {} {}", text(random), text(random)),
        1 => format!("SADD {one} {}", random.u8(..)),
        2 => format!("SPOP {one} 2"),
        3 => format!("SREM {one} a b c"),
        4 => format!("SUNIONSTORE {one} {one} {other}"),
        _ => format!("SMOVE {one} {other} a"),
    }
}

fn of_sorted_set(random: &mut fastrand::Rng) -> String {
    let (one, other) = (key('z', random), key('z', random));
    match random.u8(0..7) {
        0 | 1 => format!("ZADD {one} {} {} {} {}", random.u8(..), text(random), random.u8(..), text(random)),
        2 => format!("ZINCRBY {one} 1.5 {}", text(random)),
        3 => format!("ZPOPMIN {one}"),
        4 => format!("ZREMRANGEBYRANK {one} 0 1"),
        5 => format!("ZUNIONSTORE {one} 2 {one} {other}"),
        _ => format!("GEOADD {one} 13.4 52.5 {}", text(random)),
    }
}

fn of_stream(random: &mut fastrand::Rng) -> String {
    let key = key('x', random);
    match random.u8(0..9) {
        0..=2 => format!("XADD {key} * f {}", text(random)),
        3 => format!("XADD {key} MAXLEN 5 * f {}", text(random)),
        4 => format!("XGROUP CREATE {key} {GROUP} 0 MKSTREAM"),
        5 => format!("XREADGROUP GROUP {GROUP} c{} COUNT 2 STREAMS {key} >", random.u8(0..2)),
        6 => format!("XAUTOCLAIM {key} {GROUP} c0 0 0 COUNT 1"),
        7 => format!("XTRIM {key} MAXLEN 3"),
        _ => format!("XGROUP DELCONSUMER {key} {GROUP} c1"),
    }
}

fn of_bits(random: &mut fastrand::Rng) -> String {
    let bits = key('b', random);
    match random.u8(0..5) {
        // Beyond one fragment.
        0 | 1 => format!("SETBIT {bits} {} 1", random.u32(0..400_000)),
        2 => format!("BITFIELD {bits} INCRBY u8 #{} 7", random.u8(..)),
        3 => format!("BITOP NOT {bits} {}", key('b', random)),
        _ => format!("PFADD {} {}", key('p', random), text(random)),
    }
}

/// Everything that a client can see.
pub(super) fn visible(server: &mut MiniServer) -> String {
    let mut text = String::new();
    for database in 0..2 {
        server.ask(&format!("SELECT {database}"));
        text += &format!("database {database}: {}\n", server.ask("DBSIZE"));
        let strings = (0..STRINGS).map(|n| format!("k{n}"));
        let others =
            COLLECTIONS.iter().chain(&['n']).flat_map(|letter| (0..3).map(move |n| format!("{letter}{n}")));
        for key in strings.chain(others) {
            let value = content(server, &key);
            if let Some(value) = value {
                text += &format!("{key}: {value} {}\n", server.ask(&format!("PEXPIRETIME {key}")));
            }
        }
    }
    server.ask("SELECT 0");
    text
}

fn content(server: &mut MiniServer, key: &str) -> Option<String> {
    let value = match server.ask(&format!("TYPE {key}")).as_str() {
        "none" => return None,
        "hash" => {
            let fields =
                (0..20).flat_map(|n| [format!("f{n}"), format!("n{n}")]).collect::<Vec<_>>().join(" ");
            server.ask(&format!("HMGET {key} {fields}"))
                + &server.ask(&format!("HPEXPIRETIME {key} FIELDS 40 {fields}"))
        }
        "list" => server.ask(&format!("LRANGE {key} 0 -1")),
        "set" => server.ask(&format!("SORT {key} ALPHA")),
        "zset" => server.ask(&format!("ZRANGE {key} 0 -1 WITHSCORES")),
        "stream" => {
            server.ask(&format!("XRANGE {key} - +"))
                + &server.ask(&format!("XINFO GROUPS {key}"))
                + &server.ask(&format!("XPENDING {key} {GROUP} - + 100"))
        }
        _ => server.ask(&format!("GET {key}")),
    };
    Some(value)
}
