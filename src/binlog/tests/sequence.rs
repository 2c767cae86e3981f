//! The sequencer.

use super::*;

#[test]
fn any_order_comes_out_in_order() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..300 {
        let lengths: Vec<usize> = (0..random.usize(1..40)).map(|_| random.usize(1..9)).collect();
        let wanted = records(1000, &lengths);
        let mut sent = wanted.clone();
        random.shuffle(&mut sent);
        let mut sequencer = Sequencer::new(1000);
        let mut got = Vec::new();
        for (count, record) in sent.into_iter().enumerate() {
            sequencer.push(record, &mut got).unwrap();
            assert_eq!(got.len() + sequencer.waiting(), count + 1);
            assert_eq!(got, wanted[..got.len()]);
            assert_eq!(sequencer.next_offset(), got.last().map_or(1000, Record::end_offset));
            assert_eq!(sequencer.gap().is_some(), sequencer.waiting() > 0);
        }
        assert_eq!((got, sequencer.waiting_bytes()), (wanted, 0));
    }
}

#[test]
fn the_gap_is_named() {
    let mut sequencer = Sequencer::new(0);
    let mut ready = Vec::new();
    sequencer.push(record(10, 5), &mut ready).unwrap();
    sequencer.push(record(4, 6), &mut ready).unwrap();
    assert_eq!((sequencer.gap(), sequencer.waiting_bytes()), (Some(0..4), 11));
    sequencer.push(record(0, 4), &mut ready).unwrap();
    assert_eq!((sequencer.gap(), sequencer.next_offset(), ready.len()), (None, 15, 3));
}

#[test]
fn overlaps_are_refused() {
    for (offset, length) in [(0, 4), (9, 1), (9, 2), (10, 10), (12, 3), (19, 5), (20, 1), (24, 9), (11, 30)] {
        let mut sequencer = Sequencer::new(10);
        let mut ready = Vec::new();
        sequencer.push(record(20, 5), &mut ready).unwrap();
        let result = sequencer.push(record(offset, length), &mut ready);
        let fits = offset >= 10 && offset + length as u64 <= 20;
        assert_eq!(result.is_ok(), fits, "{offset} {length}");
        if !fits {
            assert!(matches!(result, Err(Error::OutOfOrder { found, .. }) if found == offset));
        }
    }
}
