//! Which segments may be removed.
//!
//! Plans only: [`Writer::remove`](super::Writer::remove) carries them out. The safety rule is the same for
//! all of them: only whole segments, from the oldest on, never the last one, none with a record that the
//! flushed data lacks, and none that a pin still needs.

use super::segment::Segment;

/// How much of the log is kept. Removed is what exceeds either limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The bytes that all segments may have together; `None`: no limit.
    pub max_bytes: Option<u64>,
    /// The age in ms that a segment's newest record may have; `None`: no limit.
    pub max_age_ms: Option<u64>,
    /// The time in ms since 1970.
    pub now_ms: u64,
}

/// Holds the log from an offset on: for a slave, a full sync, a backup, an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// For INFO and the server's log.
    pub name: String,
    /// Everything after it is still needed.
    pub offset: u64,
    /// It may hold the log from its segment on as long as that has at most so many bytes; `None`: any number.
    pub max_bytes: Option<u64>,
    /// It holds until this time, in ms since 1970; `None`: for ever.
    pub until_ms: Option<u64>,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The segments to remove, the oldest first.
    pub remove: Vec<Segment>,
    /// The names of the pins that stood in the way and were beyond their cap: they hold no longer. Who holds
    /// one must be told, and begins anew.
    pub dropped_pins: Vec<String>,
    /// What keeps the next segment that should go.
    pub held_by: Option<Holder>,
}

/// What keeps a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The data is not yet flushed that far.
    Data,
    /// It is the last segment.
    Tail,
    /// The pin of this name.
    Pin(String),
}

/// What retention removes now.
///
/// `segments` are all, ascending, as [`Writer::segments`](super::Writer::segments) gives them.
/// `applied_offset` is what the data on disk has reached, durably. A pin beyond its cap is dropped only if it
/// stands in the way.
#[must_use]
pub fn retain(segments: &[Segment], policy: &Policy, applied_offset: u64, pins: &[Pin]) -> Plan {
    let mut bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
    plan(segments, applied_offset, pins, policy.now_ms, |segment, next| {
        let heavy = policy.max_bytes.is_some_and(|max| bytes > max);
        // The next segment was made when this one had its newest record; the last one is never old.
        let age = next.map_or(0, |next| policy.now_ms.saturating_sub(next.created_ms));
        let old = policy.max_age_ms.is_some_and(|max| age > max);
        bytes -= segment.bytes;
        heavy || old
    })
}

/// What PURGELOGSTO removes: the segments wholly at or before `offset`, under the same safety rule.
#[must_use]
pub fn purge_to(segments: &[Segment], offset: u64, now_ms: u64, applied_offset: u64, pins: &[Pin]) -> Plan {
    plan(segments, applied_offset, pins, now_ms, |segment, _| segment.end_offset <= offset)
}

fn plan(
    segments: &[Segment],
    applied_offset: u64,
    pins: &[Pin],
    now_ms: u64,
    mut unwanted: impl FnMut(&Segment, Option<&Segment>) -> bool,
) -> Plan {
    let mut plan = Plan::default();
    for (index, segment) in segments.iter().enumerate() {
        let next = segments.get(index + 1);
        if !unwanted(segment, next) {
            break;
        }
        plan.held_by = if next.is_none() {
            Some(Holder::Tail)
        } else if segment.end_offset > applied_offset {
            Some(Holder::Data)
        } else {
            first_holder(segments, segment, pins, now_ms, &mut plan.dropped_pins)
        };
        if plan.held_by.is_some() {
            break;
        }
        plan.remove.push(*segment);
    }
    plan
}

/// The first pin that holds the segment within its cap. If all that hold it are beyond theirs, they are
/// dropped.
fn first_holder(
    segments: &[Segment],
    segment: &Segment,
    pins: &[Pin],
    now_ms: u64,
    dropped: &mut Vec<String>,
) -> Option<Holder> {
    let mut beyond_cap = Vec::new();
    for pin in pins.iter().filter(|pin| pin.offset < segment.end_offset && !dropped.contains(&pin.name)) {
        let held = segments.iter().filter(|other| other.end_offset > pin.offset);
        let held_bytes: u64 = held.map(|other| other.bytes).sum();
        let heavy = pin.max_bytes.is_some_and(|max| held_bytes > max);
        if !heavy && pin.until_ms.is_none_or(|until| now_ms <= until) {
            return Some(Holder::Pin(pin.name.clone()));
        }
        beyond_cap.push(pin.name.clone());
    }
    dropped.append(&mut beyond_cap);
    None
}
