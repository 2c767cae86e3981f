//! Retention.

use super::retention::{Holder, Pin, Plan, Policy, purge_to, retain};
use super::*;

fn segments(random: &mut fastrand::Rng) -> Vec<Segment> {
    let (mut offset, mut clock) = (random.u64(..1000), 1_000_000);
    let mut segments = Vec::new();
    for _ in 0..random.usize(1..12) {
        let (first_offset, created_ms) = (offset, clock);
        offset += random.u64(1..100);
        clock += random.u64(..1000);
        let bytes = 64 + (offset - first_offset) * 2;
        segments.push(Segment { first_offset, end_offset: offset, bytes, created_ms, epoch: 1 });
    }
    segments
}

fn pins(random: &mut fastrand::Rng, segments: &[Segment]) -> Vec<Pin> {
    let range = segments[0].first_offset..=segments[segments.len() - 1].end_offset;
    let mut pin = |index: usize| Pin {
        name: format!("slave{index}"),
        offset: random.u64(range.clone()),
        max_bytes: random.bool().then(|| random.u64(..1500)),
        until_ms: random.bool().then(|| 1_000_000 + random.u64(..10_000)),
    };
    let count = fastrand::Rng::with_seed(range.start().wrapping_add(1)).usize(..4);
    (0..count).map(&mut pin).collect()
}

fn beyond_cap(pin: &Pin, segments: &[Segment], now_ms: u64) -> bool {
    let needed = segments.iter().filter(|segment| segment.end_offset > pin.offset);
    let held: u64 = needed.map(|segment| segment.bytes).sum();
    pin.max_bytes.is_some_and(|max| held > max) || pin.until_ms.is_some_and(|until| until < now_ms)
}

/// The safety rule, whatever was asked for.
fn assert_safe(plan: &Plan, segments: &[Segment], applied: u64, pins: &[Pin], now_ms: u64) {
    assert_eq!(plan.remove, segments[..plan.remove.len()], "the oldest, in order");
    assert!(plan.remove.len() < segments.len(), "the last one stays");
    let Some(last) = plan.remove.last() else { return };
    assert!(last.end_offset <= applied);
    for pin in pins {
        let dropped = plan.dropped_pins.contains(&pin.name);
        assert!(dropped || pin.offset >= last.end_offset, "{pin:?} holds {last:?}");
        assert!(!dropped || pin.offset < last.end_offset, "{pin:?} was in nobody's way");
        assert!(!dropped || beyond_cap(pin, segments, now_ms), "{pin:?} was within its cap");
    }
}

#[test]
fn plans_are_safe_and_as_wide_as_may_be() {
    let mut random = fastrand::Rng::with_seed(4);
    let (mut removed, mut dropped, mut held) = (0, 0, 0);
    for _ in 0..20_000 {
        let segments = segments(&mut random);
        let pins = pins(&mut random, &segments);
        let end = segments.last().unwrap().end_offset;
        let applied = if random.bool() { end } else { random.u64(segments[0].first_offset..=end) };
        let now_ms = 1_000_000 + random.u64(..12_000);
        let total: u64 = segments.iter().map(|segment| segment.bytes).sum();
        let policy = Policy {
            max_bytes: random.bool().then(|| random.u64(..total * 2)),
            max_age_ms: random.bool().then(|| random.u64(..10_000)),
            now_ms,
        };
        let plan = retain(&segments, &policy, applied, &pins);
        assert_safe(&plan, &segments, applied, &pins, now_ms);
        let left: u64 = segments[plan.remove.len()..].iter().map(|segment| segment.bytes).sum();
        // Too much is left only if something holds it.
        let too_much = policy.max_bytes.is_some_and(|max| left > max);
        assert!(!too_much || plan.held_by.is_some());
        let next = segments.get(plan.remove.len() + 1).map_or(u64::MAX, |next| next.created_ms);
        let too_old = policy.max_age_ms.is_some_and(|max| now_ms.saturating_sub(next) > max);
        assert!(!too_old || plan.held_by.is_some());
        if !too_much && !too_old {
            assert_eq!(plan.held_by, None);
        }
        removed += plan.remove.len();
        dropped += plan.dropped_pins.len();
        held += usize::from(matches!(plan.held_by, Some(Holder::Pin(_))));
        let target = random.u64(..end + 50);
        let purge = purge_to(&segments, target, now_ms, applied, &pins);
        assert_safe(&purge, &segments, applied, &pins, now_ms);
        assert!(purge.remove.last().is_none_or(|last| last.end_offset <= target));
    }
    assert!(removed > 5000 && dropped > 500 && held > 500, "{removed} {dropped} {held}");
}

fn three() -> Vec<Segment> {
    let segment = |first_offset| {
        let created_ms = first_offset * 10;
        Segment { first_offset, end_offset: first_offset + 100, bytes: 300, created_ms, epoch: 1 }
    };
    vec![segment(0), segment(100), segment(200)]
}

fn pin(offset: u64, max_bytes: Option<u64>) -> Pin {
    Pin { name: format!("at {offset}"), offset, max_bytes, until_ms: None }
}

fn ends(plan: &Plan) -> Vec<u64> {
    plan.remove.iter().map(|segment| segment.end_offset).collect()
}

#[test]
fn limits_at_and_beyond() {
    let by = |max_bytes, max_age_ms, now_ms| {
        ends(&retain(&three(), &Policy { max_bytes, max_age_ms, now_ms }, 300, &[]))
    };
    assert_eq!(by(None, None, u64::MAX), [0u64; 0]);
    assert_eq!(by(Some(900), None, 0), [0u64; 0]);
    assert_eq!(by(Some(899), None, 0), [100]);
    assert_eq!(by(Some(600), None, 0), [100]);
    assert_eq!(by(Some(0), None, 0), [100, 200]);
    assert_eq!(by(None, Some(50), 1050), [0u64; 0]);
    assert_eq!(by(None, Some(50), 1051), [100]);
    assert_eq!(by(None, Some(0), u64::MAX), [100, 200]);
    assert_eq!(by(None, Some(50), 0), [0u64; 0], "a clock that went back");
}

#[test]
fn caps_at_and_beyond() {
    let policy = Policy { max_bytes: Some(0), ..Policy::default() };
    let plan = |applied, pins: &[Pin]| retain(&three(), &policy, applied, pins);
    assert_eq!(ends(&plan(99, &[])), [0u64; 0]);
    assert_eq!(plan(99, &[]).held_by, Some(Holder::Data));
    assert_eq!(ends(&plan(100, &[])), [100]);
    assert_eq!(plan(300, &[]).held_by, Some(Holder::Tail));
    // A pin at a segment's end does not need it.
    assert_eq!(ends(&plan(300, &[pin(100, None)])), [100]);
    assert_eq!(ends(&plan(300, &[pin(99, Some(900))])), [0u64; 0]);
    let beyond = plan(300, &[pin(99, Some(899)), pin(150, None)]);
    assert_eq!((ends(&beyond), &beyond.dropped_pins[..]), (vec![100], &["at 99".to_owned()][..]));
    assert_eq!(beyond.held_by, Some(Holder::Pin("at 150".to_owned())));
    // Nothing is won by dropping one while another holds the same segment.
    let both = plan(300, &[pin(99, Some(0)), pin(98, None)]);
    assert_eq!((ends(&both), both.dropped_pins.len()), (vec![], 0));
    let until = |until_ms| Pin { until_ms: Some(until_ms), ..pin(0, None) };
    let at = |now_ms, pin| ends(&retain(&three(), &Policy { now_ms, ..policy }, 300, &[pin]));
    assert_eq!((at(7, until(7)), at(8, until(7))), (vec![], vec![100, 200]));
}

#[test]
fn purging_by_hand() {
    let purge = |offset, applied, pins: &[Pin]| ends(&purge_to(&three(), offset, 0, applied, pins));
    assert_eq!(purge(99, 300, &[]), [0u64; 0]);
    assert_eq!(purge(100, 300, &[]), [100]);
    assert_eq!(purge(u64::MAX, 300, &[]), [100, 200]);
    assert_eq!(purge(u64::MAX, 150, &[]), [100]);
    assert_eq!(purge(u64::MAX, 300, &[pin(120, None)]), [100]);
}

#[test]
fn only_the_oldest_are_removed() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    writer.append(&records(0, &[400, 400, 400, 400])).unwrap();
    let all = writer.segments().to_vec();
    assert!(matches!(writer.remove(&all), Err(Error::Invalid(_))));
    assert!(matches!(writer.remove(&all[1..2]), Err(Error::Invalid(_))));
    // One that somebody removed by hand is gone; that was the aim.
    files.remove(&path(&all[0].name())).unwrap();
    assert_eq!(writer.remove(&all[..2]).unwrap().perform().unwrap(), all[0].bytes + all[1].bytes);
    assert_eq!(writer.facts().oldest_offset, 800);
    assert_eq!(read_all(&files, 800, 1600).unwrap().len(), 2);
    drop(writer);
    assert_eq!(open_at(&files, 800).unwrap().oldest_offset, 800);
}
