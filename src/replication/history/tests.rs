use super::*;
use crate::files::{Loss, Simulated, Stop};

fn id(digit: u8) -> ReplicationId {
    ReplicationId::from_random([digit * 0x11; 20])
}

fn folder() -> &'static Path {
    Path::new("/data")
}

#[test]
fn an_id_is_forty_hexadecimal_digits() {
    assert_eq!(id(10).as_str(), "a".repeat(40));
    assert_eq!(ReplicationId::parse("A".repeat(40).as_bytes()), Some(id(10)));
    assert_eq!(ReplicationId::parse(b"?"), None);
    assert_eq!(ReplicationId::parse("a".repeat(41).as_bytes()), None);
    assert_eq!(ReplicationId::parse("g".repeat(40).as_bytes()), None);
}

#[test]
fn a_slave_goes_on_within_the_present_history() {
    let history = History::new(id(1));
    assert_eq!(history.accepts(&id(1), 0, 100), Ok(()));
    assert_eq!(history.accepts(&id(1), 100, 100), Ok(()));
    assert_eq!(history.accepts(&id(1), 101, 100), Err(Mismatch::AheadOfLog { end: 100 }));
    assert_eq!(history.accepts(&id(2), 0, 100), Err(Mismatch::UnknownId));
}

#[test]
fn an_earlier_id_holds_up_to_the_fork() {
    let mut history = History::new(id(1));
    history.shift(id(2), 100);
    assert_eq!(history.id(), id(2));
    assert_eq!(history.earlier(), [Earlier { id: id(1), until: 100 }]);
    assert_eq!(history.accepts(&id(1), 100, 500), Ok(()));
    assert_eq!(history.accepts(&id(1), 101, 500), Err(Mismatch::BeyondFork { until: 100 }));
    assert_eq!(history.accepts(&id(2), 500, 500), Ok(()));
}

#[test]
fn all_earlier_ids_are_remembered_up_to_a_limit() {
    let mut history = History::new(id(0));
    for step in 1..=15 {
        history.shift(id(step), u64::from(step) * 10);
    }
    assert_eq!(history.accepts(&id(3), 40, 1000), Ok(()));
    assert_eq!(history.accepts(&id(3), 41, 1000), Err(Mismatch::BeyondFork { until: 40 }));
    for step in 0..=u8::try_from(EARLIER).unwrap() {
        history.shift(ReplicationId::from_random([step; 20]), 200);
    }
    assert_eq!(history.earlier().len(), EARLIER);
    assert_eq!(history.accepts(&id(3), 0, 1000), Err(Mismatch::UnknownId));
}

#[test]
fn a_log_that_lost_its_end_forks_before_earlier_forks() {
    let mut history = History::new(id(1));
    history.shift(id(2), 100);
    history.shift(id(3), 60);
    assert_eq!(history.accepts(&id(1), 60, 500), Ok(()));
    assert_eq!(history.accepts(&id(1), 61, 500), Err(Mismatch::BeyondFork { until: 60 }));
}

#[test]
fn an_id_that_comes_back_is_not_remembered_twice() {
    let mut history = History::new(id(1));
    history.shift(id(2), 100);
    history.follow(id(1), 200);
    assert_eq!(history.earlier(), [Earlier { id: id(2), until: 200 }]);
    history.follow(id(1), 300);
    assert_eq!(history.earlier(), [Earlier { id: id(2), until: 200 }]);
}

#[test]
fn a_full_sync_forgets_what_was_before() {
    let mut history = History::new(id(1));
    history.shift(id(2), 100);
    history.begin_full_sync();
    assert!(history.is_incomplete());
    history.adopt(id(3));
    assert_eq!(history, History::new(id(3)));
}

#[test]
fn after_a_clean_stop_the_history_goes_on() {
    let mut history = History::new(id(1));
    history.stop(100);
    assert!(history.start(100, false, id(2)), "the mark of the clean stop is gone");
    assert_eq!(history.id(), id(1));
    assert!(history.start(100, false, id(2)), "now it was no clean stop");
    assert_eq!((history.id(), history.earlier()), (id(2), &[Earlier { id: id(1), until: 100 }][..]));
}

#[test]
fn a_log_that_does_not_end_where_it_stopped_is_another_history() {
    let mut history = History::new(id(1));
    history.stop(100);
    history.start(90, false, id(2));
    assert_eq!(history.accepts(&id(1), 91, 200), Err(Mismatch::BeyondFork { until: 90 }));
}

#[test]
fn a_slave_that_starts_keeps_its_masters_history() {
    let mut history = History::new(id(1));
    assert!(!history.start(100, true, id(2)));
    assert_eq!(history.id(), id(1));
}

#[test]
fn what_is_stored_is_loaded() {
    let files = Simulated::default();
    assert_eq!(History::load(&files, folder()), Ok(None));
    let mut history = History::new(id(1));
    history.shift(id(2), 100);
    history.shift(id(3), 250);
    history.begin_full_sync();
    history.stop(300);
    for _ in 0..2 {
        history.store(&files, folder()).unwrap();
        assert_eq!(History::load(&files, folder()), Ok(Some(history.clone())));
        history.abandon_full_sync();
    }
}

#[test]
fn the_file_is_as_documented() {
    let mut history = History::new(id(1));
    history.shift(id(2), 100);
    history.stop(120);
    let text = String::from_utf8(history.encode()).unwrap();
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    let begin = format!("pika-replication 1\nid {two}\nearlier {one} 100\nended 120\ncrc ");
    assert_eq!(&text[..begin.len()], begin);
    assert_eq!(text.len(), begin.len() + 9);
}

#[test]
fn a_damaged_file_is_refused() {
    let mut history = History::new(id(1));
    history.shift(id(2), 100);
    let whole = history.encode();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        assert!(History::decode(&damaged).is_err(), "byte {at}");
        assert!(History::decode(&whole[..at]).is_err(), "cut at {at}");
    }
    let newer = String::from_utf8(whole).unwrap().replacen("replication 1", "replication 2", 1);
    let error = History::decode(newer.as_bytes()).unwrap_err();
    assert_eq!(error, "it has format version 2, this Pika reads version 1");
}

#[test]
fn a_crash_leaves_the_old_file_or_the_new_one() {
    let (old, mut new) = (History::new(id(1)), History::new(id(1)));
    new.shift(id(2), 100);
    let first = Simulated::default();
    old.store(&first, folder()).unwrap();
    let before = first.operations();
    new.store(&first, folder()).unwrap();
    let after = first.operations();
    for operation in before + 1..=after {
        for seed in 0..20 {
            let files = Simulated::default();
            old.store(&files, folder()).unwrap();
            files.stop_at(operation, Stop::Before);
            let _ = new.store(&files, folder());
            files.crash(Loss::Scattered { seed });
            let found = History::load(&files, folder()).unwrap().unwrap();
            assert!(found == old || found == new, "operation {operation}, seed {seed}");
        }
    }
}

#[test]
fn a_promotion_with_data_that_was_to_be_replaced_begins_a_history_that_nobody_shares() {
    let mut history = History::new(id(1));
    history.begin_full_sync();
    history.shift(id(2), 100);
    assert!(!history.is_incomplete() && history.earlier().is_empty());
    assert_eq!(history.id(), id(2));
    assert_eq!(History::decode(&history.encode()), Ok(history));
    // A start as a master is one, too.
    let mut history = History::new(id(1));
    history.begin_full_sync();
    assert!(history.start(100, false, id(3)));
    assert_eq!((history.id(), history.is_incomplete(), history.earlier().len()), (id(3), false, 0));
    // A slave goes on to fetch its data.
    let mut history = History::new(id(1));
    history.begin_full_sync();
    assert!(!history.start(100, true, id(3)));
    assert!(history.is_incomplete());
}
