//! What `notify-keyspace-events` tells of: which events, in which order.

use crate::config::Events;
use crate::testing::MiniServer;

/// The events of a script, `key event`, one after another; those of other databases with their number.
#[track_caller]
fn told(script: &str) -> Vec<String> {
    let all = |cold: bool, partitions: usize| {
        let mut server = MiniServer::new(partitions);
        server.settings.events = Events::ALL.and(Events::NEW).and(Events::KEY_MISS);
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.strip_prefix("# wait ") {
                Some(ms) => server.now_ms += ms.parse::<u64>().expect("milliseconds"),
                None if line == "# expire" => server.expire(),
                None => {
                    if cold {
                        server.write_behind();
                        server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
                        server.engine.make_cold(true);
                    }
                    let reply = server.ask(line);
                    assert!(!reply.starts_with("(error)"), "{line}: {reply}");
                    server.engine.make_cold(false);
                }
            }
        }
        let events = server.partitions.iter_mut().flat_map(|partition| std::mem::take(&mut partition.events));
        let show = |event: crate::keyspace::transaction::Event| {
            let key = event.key.escape_ascii().to_string();
            let place = if event.database == 0 { String::new() } else { format!("{}:", event.database) };
            format!("{place}{key} {}", event.name)
        };
        events.map(show).collect::<Vec<_>>()
    };
    let hot = all(false, 1);
    assert_eq!(all(true, 1), hot, "cold");
    let mut scattered = all(false, 3);
    let mut sorted = hot.clone();
    scattered.sort();
    sorted.sort();
    assert_eq!(scattered, sorted, "in three partitions");
    hot
}

#[test]
fn keys_come_and_go() {
    assert_eq!(
        told("SET k v\nSET k w\nDEL k none\nSET k v\nUNLINK k"),
        ["k new", "k set", "k set", "k del", "k new", "k set", "k del"]
    );
    assert_eq!(
        told("GET none\nEXISTS none\nSET k v\nGET k"),
        ["none keymiss", "none keymiss", "k new", "k set"]
    );
}

#[test]
fn a_key_was_missed_though_the_command_ends_with_an_error() {
    let mut server = MiniServer::new(1);
    server.settings.events = Events::ALL.and(Events::KEY_MISS);
    let mut told = |line: &str| {
        let reply = server.ask(line);
        assert!(reply.starts_with("(error)"), "{line}: {reply}");
        let events = std::mem::take(&mut server.partitions[0].events);
        let misses = std::mem::take(&mut server.partitions[0].stats.keyspace_misses);
        (events.iter().map(|event| event.name).collect::<Vec<_>>(), misses)
    };
    assert_eq!(told("XREADGROUP GROUP g c STREAMS none >"), (vec!["keymiss"], 1));
    assert_eq!(told("XINFO STREAM none"), (vec!["keymiss"], 1));
    assert_eq!(told("XAUTOCLAIM none g c x 0"), (vec!["keymiss"], 1));
    // What it would have done was not done.
    assert_eq!(told("HSET k f v g"), (vec![], 0));
}

#[test]
fn reading_streams_looks_twice_at_each_key() {
    assert_eq!(told("XREAD STREAMS a b 0 0"), ["a keymiss", "b keymiss", "a keymiss", "b keymiss"]);
    assert_eq!(told("XREAD BLOCK 10 STREAMS a 0"), ["a keymiss", "a keymiss"]);
}

#[test]
fn expiries_are_set_and_taken() {
    assert_eq!(
        told("SET k v\nPEXPIRE k 1000\nPERSIST k\nPERSIST k\nEXPIREAT k 1"),
        ["k new", "k set", "k expire", "k persist", "k del"]
    );
}

#[test]
fn what_expired_is_told_by_whoever_finds_it() {
    assert_eq!(told("SET k v PX 10\n# wait 20\n# expire"), ["k new", "k set", "k expire", "k expired"]);
    assert_eq!(told("SET k v PXAT 1"), ["k new", "k set", "k expire", "k expired"]);
    assert_eq!(
        told("SET k v PX 10\n# wait 20\nGET k\n# expire"),
        ["k new", "k set", "k expire", "k expired", "k keymiss"]
    );
    assert_eq!(
        told("SET k v PX 10\n# wait 20\nSET k w\n# expire"),
        ["k new", "k set", "k expire", "k expired", "k new", "k set"]
    );
}

#[test]
fn keys_move() {
    assert_eq!(
        told("SET a v\nRENAME a b\nSET c v\nRENAME c b"),
        [
            "a new",
            "a set",
            "b new",
            "a rename_from",
            "b rename_to",
            "c new",
            "c set",
            "b new",
            "c rename_from",
            "b rename_to"
        ]
    );
    assert_eq!(
        told("SET a v\nCOPY a b\nCOPY a b REPLACE\nMOVE a 3"),
        [
            "a new",
            "a set",
            "b new",
            "b copy_to",
            "b new",
            "b copy_to",
            "3:a new",
            "a move_from",
            "3:a move_to"
        ]
    );
}

#[test]
fn hashes() {
    assert_eq!(
        told("HSET h a 1 b 2\nHMSET h c 3\nHSETNX h c 4\nHSETNX h d 4\nHINCRBY h a 1\nHINCRBYFLOAT h a 1"),
        ["h new", "h hset", "h hset", "h hset", "h hincrby", "h hincrbyfloat"]
    );
    assert_eq!(
        told("HSET h a 1 b 2\nHDEL h none\nHDEL h a\nHDEL h b"),
        ["h new", "h hset", "h hdel", "h hdel", "h del"]
    );
    assert_eq!(
        told(
            "HSET h a 1 b 2\nHEXPIRE h 100 FIELDS 2 a none\nHPERSIST h FIELDS 2 a b\nHPERSIST h FIELDS 1 b
             HPEXPIREAT h 1 FIELDS 1 a\nHPEXPIRE h 10 FIELDS 1 b\n# wait 20\n# expire"
        ),
        ["h new", "h hset", "h hexpire", "h hpersist", "h hdel", "h hexpire", "h hexpired", "h del"]
    );
}

#[test]
fn an_emptied_database_is_no_event() {
    assert_eq!(told("SET k v\nFLUSHDB\nFLUSHALL\nSWAPDB 0 1"), ["k new", "k set"]);
}
