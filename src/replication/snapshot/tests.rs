use super::*;
use crate::rdb::{Item, Reader};
use crate::testing::MiniServer;

fn snapshot(server: &mut MiniServer) -> Snapshot {
    let mut partitions: Vec<&mut Partition> =
        server.partitions.iter_mut().map(|partition| &mut **partition).collect();
    Snapshot::take(&mut partitions)
}

fn origin() -> Origin {
    Origin { id: ReplicationId::NONE, redis_version: "7.4.0", now_s: 1_700_000_000, used_memory: 1 }
}

fn written(snapshot: &Snapshot) -> (Vec<u8>, Progress) {
    snapshot.write(Vec::new(), &origin(), &Settings::default(), &mut |_| ()).unwrap()
}

/// Database, key and expiry of all keys of a file, in order of these.
fn keys(file: &[u8]) -> Vec<(u64, String, Option<u64>)> {
    let mut reader = Reader::new(file).unwrap();
    let mut found = Vec::new();
    while let Some(item) = reader.next().unwrap() {
        if let Item::Key(key) = item {
            found.push((key.database, String::from_utf8_lossy(&key.key).into_owned(), key.expire_ms));
        }
    }
    found.sort();
    found
}

fn filled(partitions: usize) -> MiniServer {
    let mut server = MiniServer::new(partitions);
    for line in [
        "SET string value",
        "SET number 12345 PXAT 1800000000000",
        "APPEND string more",
        "HSET hash a 1 b 2",
        "RPUSH list a b c",
        "SADD set a b 1",
        "ZADD sorted 1 a 2.5 b",
        "XADD stream 1-1 a b",
        "XGROUP CREATE stream group 0",
        "SETRANGE long 100000 end",
    ] {
        server.ask(line);
    }
    server.database = 3;
    server.ask("SET other 1");
    server.database = 0;
    server
}

#[test]
fn it_has_all_keys_of_all_databases_wherever_they_are() {
    for partitions in [1, 3] {
        for behind in [false, true] {
            let mut server = filled(partitions);
            if behind {
                server.write_behind();
                // These are in memory only.
                server.ask("SET number 5 PXAT 1800000000000");
                server.ask("DEL set");
                server.ask("SADD set a b 1");
            }
            let snapshot = snapshot(&mut server);
            assert_eq!(snapshot.offset(), server.partitions[0].shared.next_offset());
            let (file, progress) = written(&snapshot);
            assert_eq!((progress.keys, progress.bytes), (9, file.len() as u64));
            let mut expected: Vec<_> = ["hash", "list", "long", "set", "sorted", "stream", "string"]
                .map(|key| (0, key.to_string(), None))
                .to_vec();
            expected.push((0, "number".into(), Some(1_800_000_000_000)));
            expected.push((3, "other".into(), None));
            expected.sort();
            assert_eq!(keys(&file), expected);
        }
    }
}

#[test]
fn what_is_written_later_is_not_in_it() {
    let mut server = filled(2);
    let snapshot = snapshot(&mut server);
    let (before, _) = written(&snapshot);
    server.ask("SET new 1");
    server.ask("DEL string");
    server.ask("FLUSHALL");
    server.write_behind();
    assert_eq!(written(&snapshot).0, before);
}

#[test]
fn what_was_flushed_is_not_in_it() {
    let mut server = filled(2);
    server.write_behind();
    server.ask("FLUSHALL");
    server.ask("SET new 1");
    server.write_behind();
    assert_eq!(keys(&written(&snapshot(&mut server)).0), [(0, "new".to_string(), None)]);
}

#[test]
fn keys_whose_time_has_come_are_in_it_with_their_time() {
    let mut server = MiniServer::new(1);
    server.ask("SET k v PX 10");
    server.now_ms += 100;
    assert_eq!(keys(&written(&snapshot(&mut server)).0), [(0, "k".to_string(), Some(1_700_000_000_010))]);
}

#[test]
fn only_fields_that_expire_need_the_newer_version() {
    let mut server = filled(2);
    assert_eq!(snapshot(&mut server).version().unwrap(), rdb::REDIS_7_0);
    server.ask("HPEXPIREAT hash 1800000000000 FIELDS 1 a");
    assert_eq!(snapshot(&mut server).version().unwrap(), rdb::REDIS_7_4);
    let (file, _) = written(&snapshot(&mut server));
    assert_eq!(&file[..9], b"REDIS0012");
    server.ask("HPERSIST hash FIELDS 1 a");
    assert_eq!(snapshot(&mut server).version().unwrap(), rdb::REDIS_7_0);
}

#[test]
fn sums_do_not_depend_on_partitions_or_on_where_the_data_is() {
    use crate::replication::verify::bisect::{Answer, Question};
    use crate::replication::verify::{Key, Span, position_of};

    let mut asked = Vec::new();
    for (partitions, behind) in [(1, false), (3, false), (3, true)] {
        let mut server = filled(partitions);
        if behind {
            server.write_behind();
        }
        // Another way to the same list.
        server.ask("RPUSH other-list z b");
        server.ask("LPUSH other-list a");
        server.ask("LREM other-list 1 z");
        let moment = snapshot(&mut server);
        let ask = |question| moment.answer(&question, &mut || true).unwrap().expect("an answer");
        let all = ask(Question::Sums(Span::ALL, 4096));
        let Answer::Sums(sums) = &all else { panic!("{all:?}") };
        assert_eq!(sums.iter().map(|sum| sum.keys).sum::<u64>(), 10);
        let Answer::Names(mut names) = ask(Question::Names(Span::ALL)) else { panic!("names") };
        names.sort_by(|one, other| one.key.cmp(&other.key));
        assert_eq!(
            names.last().map(|found| found.key.clone()),
            Some(Key { database: 3, name: b"other".to_vec() })
        );
        // Where one key is, it is alone.
        let at = position_of(b"hash");
        let Answer::Names(one) = ask(Question::Names(Span::new(at, at + 1).unwrap())) else {
            panic!("a name")
        };
        assert_eq!(one.iter().map(|found| &found.key.name[..]).collect::<Vec<_>>(), [b"hash"]);
        let found = moment.find(&Key { database: 0, name: b"number".to_vec() }).unwrap();
        assert_eq!(found.and_then(|(_, expire_ms)| expire_ms), Some(1_800_000_000_000));
        for (database, name) in [(1, "number"), (0, "numbe"), (99, "number")] {
            assert!(moment.find(&Key { database, name: name.into() }).unwrap().is_none());
        }
        assert!(moment.answer(&Question::Sums(Span::ALL, 1), &mut || false).unwrap().is_none());
        asked.push((all, names));
    }
    assert_eq!(asked[0], asked[1]);
    assert_eq!(asked[1], asked[2]);
    let mut server = filled(1);
    server.ask("HDEL hash a");
    let other = snapshot(&mut server).answer(&Question::Names(Span::ALL), &mut || true).unwrap();
    assert_ne!(other, Some(Answer::Names(asked.remove(0).1)));
}

/// What redis-server 7.0.15 answers for this data.
#[test]
fn its_digest_is_that_of_redis() {
    for partitions in [1, 3] {
        let mut server = MiniServer::new(partitions);
        assert_eq!(snapshot(&mut server).digest().unwrap().to_string(), "0".repeat(40));
        for line in [
            "SET s hello",
            "SET n 12",
            "EXPIRE s 1000",
            "RPUSH l a b 3",
            "SADD st x y 7",
            "ZADD z 1.5 a 2 b 1e300 c -0.1 d inf e",
            "HSET h f v g w",
            "XADD x 1-1 a b c d",
            "XADD x 2-0 e f",
        ] {
            server.ask(line);
        }
        let digests = [
            ("s", "655ac46b180ad2f61a3cee25f0b1780fa2ec879a"),
            ("l", "09eb1fc9381ee92790d59930ab462945f8cd948b"),
            ("st", "a6afcc473373536adb071da403abcb70a693d104"),
            ("z", "fd8c755d32ea428fb8e6688a5e390adda9511ee9"),
            ("h", "d127864ed50239662bf61bafc9bda63c17da5b37"),
            ("x", "39d25dc25b10abcd04980b20ed46e9e068e0c307"),
        ];
        for (key, digest) in digests {
            assert_eq!(server.ask(&format!("DEBUG DIGEST-VALUE {key}")), format!("*1\r\n+{digest}\r\n"));
        }
        assert_eq!(
            server.ask("DEBUG DIGEST-VALUE n nope"),
            format!("*2\r\n+d037c4eb8a8b36b602fbced4000daeab0714c1e3\r\n+{}\r\n", "0".repeat(40))
        );
        server.database = 3;
        server.ask("SET other there");
        let digest = snapshot(&mut server).digest().unwrap().to_string();
        assert_eq!(digest, "406999e61dfb7662db73a873a51ab44387fdf07c");
    }
}
