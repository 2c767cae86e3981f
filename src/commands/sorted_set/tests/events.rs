use super::*;
use crate::config::Events;

/// What happened at the keys since the last time.
fn events(server: &mut MiniServer) -> Vec<String> {
    let events = std::mem::take(&mut server.partitions[0].events);
    events.iter().map(|event| format!("{} {}", event.name, String::from_utf8_lossy(&event.key))).collect()
}

#[test]
fn events_are_those_of_redis() {
    let mut server = MiniServer::new(1);
    server.settings.events = Events::ALL;
    for (line, expected) in [
        ("ZADD k 1 a 2 b 3 c 4 d 5 e", vec!["zadd k"]),
        ("ZADD k 1 a", vec![]),
        ("ZADD k CH 9 a", vec!["zadd k"]),
        ("ZINCRBY k 0 a", vec![]),
        ("ZINCRBY k 1 a", vec!["zincr k"]),
        ("ZADD k INCR 2 a", vec!["zincr k"]),
        ("ZREM k a", vec!["zrem k"]),
        ("ZREM k none", vec![]),
        ("ZREMRANGEBYRANK k 0 0", vec!["zremrangebyrank k"]),
        ("ZREMRANGEBYRANK k 9 9", vec![]),
        ("ZREMRANGEBYSCORE k 3 4", vec!["zremrangebyscore k"]),
        ("ZREMRANGEBYLEX k - +", vec!["zremrangebylex k", "del k"]),
        ("ZADD k 1 a 2 b 3 c 4 d", vec!["zadd k"]),
        ("ZPOPMIN k 0", vec![]),
        ("ZPOPMIN k", vec!["zpopmin k"]),
        ("ZMPOP 1 k MAX COUNT 2", vec!["zpopmax k"]),
        ("BZPOPMIN k 1", vec!["zpopmin k", "del k"]),
        ("ZADD k 1 a", vec!["zadd k"]),
        ("ZUNIONSTORE u 1 k", vec!["zunionstore u"]),
        ("ZINTERSTORE u 1 k", vec!["zinterstore u"]),
        ("ZDIFFSTORE u 1 k", vec!["zdiffstore u"]),
        ("ZRANGESTORE u k 0 -1", vec!["zrangestore u"]),
        ("ZRANGESTORE u none 0 -1", vec!["del u"]),
        ("ZRANGESTORE u none 0 -1", vec![]),
        ("ZREM k a", vec!["zrem k", "del k"]),
    ] {
        server.ask(line);
        assert_eq!(events(&mut server), expected, "{line}");
    }
}

#[test]
fn changes_are_counted_as_redis_counts_them() {
    let mut server = MiniServer::new(1);
    for (line, changes) in [
        ("ZADD k 1 a 2 b 3 c", 3),
        ("ZADD k 1 a 5 b", 1),
        ("ZINCRBY k 1 b", 1),
        ("ZUNIONSTORE u 1 k", 1),
        ("ZRANGESTORE u k 0 1", 1),
        ("ZREM k a b", 2),
        ("ZPOPMIN u 2", 2),
        ("ZRANGESTORE k none 0 1", 1),
    ] {
        let before = server.partitions[0].stats.changes;
        server.ask(line);
        assert_eq!(server.partitions[0].stats.changes - before, changes, "{line}");
    }
}

#[test]
fn the_log_has_pops_of_one_key() {
    let mut server = MiniServer::new(1);
    for (line, effect) in [
        ("ZADD k 1 a 2 b 3 c 4 d 5 e", "ZADD k 1 a 2 b 3 c 4 d 5 e"),
        ("BZPOPMIN none k 0", "ZPOPMIN k"),
        ("BZPOPMAX k 0", "ZPOPMAX k"),
        ("ZMPOP 2 none k MIN", "ZPOPMIN k 1"),
        ("BZMPOP 0 1 k MAX COUNT 9", "ZPOPMAX k 2"),
    ] {
        server.ask(line);
        let record = server.log.last().unwrap();
        let text = String::from_utf8_lossy(&record.payload).into_owned();
        let words: Vec<&str> = text.split("\r\n").skip(2).step_by(2).collect();
        assert_eq!(words.join(" "), effect, "{line}");
    }
}
