use super::*;

const NOW: u64 = 1_700_000_000_000;

fn limits() -> Limits {
    Limits { timeout_ms: 60_000, ping_ms: 10_000, output: (1000, 100, 5000), min_replicas: 1, max_lag_s: 10 }
}

fn id(byte: u8) -> ReplicationId {
    ReplicationId::from_random([byte; 20])
}

/// A log of history 1 from 100 to 500.
fn attach(master: &mut Master, client: u64, announced: Announced, request: Request) -> Start {
    let history = History::new(id(1));
    let log = Log { history: &history, first: 100, end: 500 };
    master.attach(client, "10.0.0.1", announced, &request, log, NOW)
}

fn online(master: &mut Master, client: u64) {
    attach(master, client, Announced::default(), Request::Continue { id: id(1), offset: 500 });
}

#[test]
fn who_has_the_history_goes_on_as_long_as_the_log_has_it() {
    let mut master = Master::default();
    for (offset, id_asked, partial) in
        [(100, 1, true), (500, 1, true), (99, 1, false), (501, 1, false), (300, 2, false)]
    {
        let start =
            attach(&mut master, 1, Announced::default(), Request::Continue { id: id(id_asked), offset });
        match start {
            Start::Partial { from, id: name } => assert!(partial && from == offset && name == id(1)),
            _ => assert!(!partial, "{offset} of history {id_asked}"),
        }
        assert_eq!(master.replica(1).unwrap().stage, if partial { Stage::Online } else { Stage::Waiting });
    }
    attach(&mut master, 1, Announced::default(), Request::Whole);
    assert_eq!(master.counters, Counters { full: 4, partial: 2, refused: 3, refetches: 0 });
}

#[test]
fn a_file_that_ends_with_a_mark_is_followed_by_nothing_until_it_is_acknowledged() {
    let mut master = Master::default();
    attach(&mut master, 1, Announced { eof: true, ..Announced::default() }, Request::Whole);
    master.sending(1, 450, NOW);
    assert_eq!(master.replica(1).unwrap().sent, 450);
    assert_eq!(master.sent_snapshot(1, true, NOW), Some(Stage::Loading));
    assert!(master.acknowledge(1, 450, None, NOW + 1));
    assert_eq!(master.replica(1).unwrap().stage, Stage::Online);
    assert!(!master.acknowledge(1, 451, None, NOW + 2));
}

#[test]
fn a_file_with_a_length_is_followed_by_the_stream() {
    let mut master = Master::default();
    attach(&mut master, 1, Announced::default(), Request::Whole);
    master.sending(1, 450, NOW);
    assert_eq!(master.sent_snapshot(1, false, NOW), Some(Stage::Online));
    assert_eq!(master.sent_snapshot(2, false, NOW), None);
}

#[test]
fn who_wants_the_snapshot_only_is_closed_behind_it() {
    let mut master = Master::default();
    attach(&mut master, 1, Announced { only_snapshot: true, ..Announced::default() }, Request::Whole);
    master.sending(1, 450, NOW);
    assert_eq!(master.sent_snapshot(1, true, NOW), Some(Stage::Served));
    let actions = master.tick(&limits(), 500, NOW);
    assert!(matches!(&actions[0], Action::Close { id: 1, .. }), "{actions:?}");
}

#[test]
fn a_silent_slave_is_closed_and_one_that_loads_is_not() {
    let mut master = Master::default();
    online(&mut master, 1);
    attach(&mut master, 2, Announced::default(), Request::Whole);
    master.sending(2, 450, NOW);
    attach(&mut master, 3, Announced::default(), Request::Whole);
    attach(&mut master, 4, Announced { eof: true, ..Announced::default() }, Request::Whole);
    master.sent_snapshot(4, true, NOW);
    let closed = |master: &mut Master, now_ms: u64| -> Vec<u64> {
        let actions = master.tick(&limits(), 500, now_ms);
        actions
            .iter()
            .filter_map(|action| if let Action::Close { id, .. } = action { Some(*id) } else { None })
            .collect()
    };
    assert_eq!(closed(&mut master, NOW + 60_000), []);
    assert_eq!(closed(&mut master, NOW + 60_001), [1, 2]);
    master.progress(2, None, 500, NOW + 60_000);
    master.acknowledge(1, 500, None, NOW + 60_000);
    assert_eq!(closed(&mut master, NOW + 120_000), []);
}

#[test]
fn only_who_had_caught_up_is_closed_for_falling_behind() {
    let mut master = Master::default();
    attach(&mut master, 1, Announced::default(), Request::Continue { id: id(1), offset: 100 });
    let tick = |master: &mut Master, end: u64, now_ms: u64| {
        master.acknowledge(1, 0, None, now_ms);
        master.tick(&limits(), end, now_ms).iter().any(|action| matches!(action, Action::Close { .. }))
    };
    assert!(!tick(&mut master, 5000, NOW), "it catches up from the log");
    master.progress(1, Some(5000), 5000, NOW);
    assert!(!tick(&mut master, 6000, NOW), "at the hard limit");
    assert!(tick(&mut master, 6001, NOW), "beyond it");
    master.progress(1, Some(6001), 6001, NOW);
    assert!(!tick(&mut master, 6101, NOW), "at the soft limit");
    assert!(!tick(&mut master, 6102, NOW), "beyond it");
    assert!(!tick(&mut master, 6102, NOW + 4999), "not long enough");
    assert!(tick(&mut master, 6102, NOW + 5000), "long enough");
    master.progress(1, Some(6102), 6102, NOW + 5000);
    assert!(!tick(&mut master, 6102, NOW + 6000));
    assert!(!tick(&mut master, 6203, NOW + 7000), "the time begins anew");
}

#[test]
fn pings_come_at_their_period_while_there_are_slaves() {
    let mut master = Master::default();
    assert_eq!(master.tick(&limits(), 0, NOW), []);
    online(&mut master, 1);
    assert_eq!(master.tick(&limits(), 500, NOW), [Action::Ping]);
    assert_eq!(master.tick(&limits(), 500, NOW + 9999), []);
    assert_eq!(master.tick(&limits(), 500, NOW + 10_000), [Action::Ping]);
}

#[test]
fn waits_are_answered_when_enough_have_acknowledged_or_time_is_over() {
    let mut master = Master::default();
    online(&mut master, 1);
    online(&mut master, 2);
    let wait = Wait { offset: 600, replicas: 2, durable: false, local: false, deadline_ms: Some(NOW + 100) };
    let first = master.wait(wait);
    let second = master.wait(Wait { replicas: 3, ..wait });
    let third = master.wait(Wait { replicas: 0, local: true, deadline_ms: None, ..wait });
    assert_eq!(master.answer(0, NOW), []);
    master.acknowledge(1, 600, None, NOW);
    assert_eq!(master.answer(0, NOW), []);
    master.acknowledge(2, 601, None, NOW);
    let answer = |ticket, replicas, local| Action::Answer { ticket, replicas, local };
    assert_eq!(master.answer(0, NOW), [answer(first, 2, false)]);
    assert_eq!(master.answer(600, NOW), [answer(third, 2, true)]);
    assert_eq!(master.answer(600, NOW + 99), []);
    assert_eq!(master.answer(600, NOW + 100), [answer(second, 2, true)]);
    assert!(!master.has_waits());
}

#[test]
fn only_what_is_on_a_slaves_disk_counts_for_waitaof() {
    let mut master = Master::default();
    online(&mut master, 1);
    master.acknowledge(1, 600, Some(550), NOW);
    assert_eq!((master.acknowledged(600, false), master.acknowledged(600, true)), (1, 0));
    assert_eq!(master.acknowledged(550, true), 1);
    assert_eq!(master.acknowledged(601, false), 0);
}

#[test]
fn an_old_acknowledgement_takes_nothing_back() {
    let mut master = Master::default();
    online(&mut master, 1);
    master.acknowledge(1, 600, Some(600), NOW);
    master.acknowledge(1, 400, None, NOW + 5);
    let replica = master.replica(1).unwrap();
    assert_eq!((replica.acknowledged, replica.durable, replica.heard_ms), (600, 600, NOW + 5));
}

#[test]
fn writes_are_refused_while_too_few_slaves_are_in_time() {
    let mut master = Master::default();
    assert!(master.refuses_writes(&limits(), NOW));
    assert!(!master.refuses_writes(&Limits { min_replicas: 0, ..limits() }, NOW));
    assert!(!master.refuses_writes(&Limits { max_lag_s: 0, ..limits() }, NOW));
    online(&mut master, 1);
    assert!(!master.refuses_writes(&limits(), NOW));
    assert!(!master.refuses_writes(&limits(), NOW + 10_999));
    assert!(master.refuses_writes(&limits(), NOW + 11_000));
    master.detach(1);
    assert!(master.refuses_writes(&limits(), NOW));
}

#[test]
fn each_slave_holds_the_log_from_where_it_is() {
    let mut master = Master::default();
    let announced = Announced { port: 6380, ..Announced::default() };
    attach(&mut master, 1, announced.clone(), Request::Continue { id: id(1), offset: 200 });
    attach(&mut master, 2, Announced { ip: "a.b".into(), ..announced }, Request::Whole);
    master.sending(2, 480, NOW);
    assert_eq!(master.pins(), [("replica 10.0.0.1:6380".into(), 200), ("replica a.b:6380".into(), 480)]);
}

/// A master whose history was 2 up to 300, and is 1 now; its log goes from 100 to 500.
fn choice(announced: Announced, history: u8, offset: u64) -> Start {
    let mut history_of_master = History::new(id(2));
    history_of_master.shift(id(1), 300);
    let log = Log { history: &history_of_master, first: 100, end: 500 };
    let request = Request::Continue { id: id(history), offset };
    Master::default().attach(1, "10.0.0.1", announced, &request, log, NOW)
}

fn announced(refetch: bool, earlier: &[(u8, u64)]) -> Announced {
    let earlier = earlier.iter().map(|&(byte, until)| Earlier { id: id(byte), until }).collect();
    Announced { refetch, earlier, ..Announced::default() }
}

#[test]
fn who_has_more_than_this_history_is_told_where_they_parted() {
    for (refetch, earlier, history, offset, common) in [
        (true, &[][..], 2, 350, Some(300)),
        (false, &[], 2, 350, None),
        // A slave that was a master for a while has a name of its own; the others say where that began.
        (true, &[(2, 250)], 9, 400, Some(250)),
        (true, &[(8, 390), (2, 320)], 9, 400, Some(300)),
        (true, &[(1, 450), (2, 320)], 9, 600, Some(450)),
        (true, &[(1, 700)], 9, 800, Some(500)),
        // The log does not have it, or nobody knows.
        (true, &[(2, 99)], 9, 400, None),
        (true, &[(8, 390)], 9, 400, None),
        (true, &[], 9, 400, None),
        // It cannot have been another's longer than it is.
        (true, &[(2, 250)], 9, 200, None),
    ] {
        let what = format!("{earlier:?} {history} {offset}");
        match choice(announced(refetch, earlier), history, offset) {
            Start::Refetch { common: told } => assert_eq!(Some(told), common, "{what}"),
            Start::Full { .. } => assert_eq!(common, None, "{what}"),
            Start::Partial { .. } => panic!("{what} goes on"),
        }
    }
}

#[test]
fn who_has_written_nothing_since_it_took_a_name_goes_on_under_the_one_before() {
    for refetch in [true, false] {
        let start = choice(announced(refetch, &[(2, 250)]), 9, 250);
        assert_eq!(start, Start::Partial { from: 250, id: id(1) });
    }
    assert!(matches!(choice(announced(false, &[(2, 350)]), 9, 350), Start::Full { common: Some(300), .. }));
}
