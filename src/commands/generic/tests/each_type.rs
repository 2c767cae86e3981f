//! What commands on keys of any type say of each of them.

use super::*;

const MAKE: [(&str, &str, &str); 6] = [
    ("string", "APPEND {} some_text_behind_text", "raw"),
    ("list", "RPUSH {} e{n}", "listpack"),
    ("set", "SADD {} m{n}", "hashtable"),
    ("zset", "ZADD {} {n} m{n}", "skiplist"),
    ("hash", "HSET {} f{n} v", "hashtable"),
    ("stream", "XADD {} {n}-1 f v", "stream"),
];

/// A big key of each type, of its name, and a small one.
fn filled(partitions: usize) -> MiniServer {
    let mut server = MiniServer::new(partitions);
    for (kind, line, _) in MAKE {
        for n in 1..=800 {
            server.ask(&line.replace("{}", kind).replace("{n}", &n.to_string()));
        }
        server.ask(&line.replace("{}", &format!("small_{kind}")).replace("{n}", "1"));
    }
    server
}

#[test]
fn types_encodings_sizes_and_ages_are_told() {
    for cold in [false, true] {
        let mut server = filled(2);
        if cold {
            server.write_behind();
            server = server.crash(3);
        }
        for (kind, _, encoding) in MAKE {
            assert_eq!(server.ask(&format!("TYPE {kind}")), kind);
            assert_eq!(server.ask(&format!("OBJECT ENCODING {kind}")), format!("\"{encoding}\""));
            assert_eq!(server.ask(&format!("OBJECT IDLETIME {kind}")), "(integer) 0");
            let (mut cursor, mut keys) = ("0".to_string(), Vec::new());
            loop {
                let reply = server.ask(&format!("SCAN {cursor} TYPE {kind} COUNT 100"));
                let mut words = reply.lines().filter_map(|line| Some(line.split('"').nth(1)?.to_string()));
                cursor = words.next().unwrap();
                keys.extend(words);
                if cursor == "0" {
                    break;
                }
            }
            keys.sort();
            assert!(keys.len() == 2 && keys.contains(&kind.to_string()), "{kind}: {keys:?}");
            let usage = |server: &mut MiniServer, key: &str| -> i64 {
                let reply = server.ask(&format!("MEMORY USAGE {key} SAMPLES 0"));
                reply.strip_prefix("(integer) ").unwrap().parse().unwrap()
            };
            let (big, small) = (usage(&mut server, kind), usage(&mut server, &format!("small_{kind}")));
            assert!(small > 20 && big > 2000 && big > 4 * small, "{kind}: {big}, {small}");
            let line = server.ask(&format!("DEBUG OBJECT {kind}"));
            let dumped = server.call(&[b"DUMP", kind.as_bytes()]);
            let envelope = dumped.len() - dumped.iter().position(|&byte| byte == b'\n').unwrap() - 3;
            let length = format!("serializedlength:{} ", envelope - 11);
            assert!(line.contains(&format!("encoding:{encoding} ")) && line.contains(&length), "{line}");
        }
    }
}

#[test]
fn each_type_is_counted_moved_and_removed() {
    for partitions in [1, 3] {
        let mut server = filled(partitions);
        for (kind, _, _) in MAKE {
            assert_eq!(server.ask(&format!("COPY {kind} copy_{kind}")), "(integer) 1");
            assert_eq!(server.ask(&format!("RENAME {kind} moved_{kind}")), "OK");
            assert_eq!(server.ask(&format!("MOVE small_{kind} 5")), "(integer) 1");
            let dumps =
                ["copy", "moved"].map(|name| server.call(&[b"DUMP", format!("{name}_{kind}").as_bytes()]));
            assert!(dumps[0].len() > 100 && dumps[0] == dumps[1], "{kind}");
        }
        assert_eq!(server.ask("DBSIZE"), "(integer) 12");
        assert_eq!(server.ask("PKPATTERNMATCHDEL copy_* 6"), "(integer) 6");
        assert_eq!(
            server.ask("DEL moved_string moved_list moved_set moved_zset moved_hash moved_stream"),
            "(integer) 6"
        );
        assert_eq!(server.ask("DBSIZE"), "(integer) 0");
        server.ask("SELECT 5");
        assert_eq!(server.ask("DBSIZE"), "(integer) 6");
    }
}
