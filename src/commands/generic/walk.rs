//! Walks over the keys of a database in the order of storage: by slot, then by hash.
//!
//! Within each slot the keys of all namespaces follow each other: those of other databases, and of emptied ones
//! that were not dropped yet. A few in the way are stepped over; past many the walk jumps, with a new range.

use crate::encoding::key::{self, MetaKey, Namespace};
use crate::encoding::meta::Meta;
use crate::engine::{EngineError, Family, Range};
use crate::glob::literal_prefix;
use crate::keyspace::slot::{self, SLOTS, Slot};
use crate::keyspace::transaction::{Need, Stop, Transaction};

/// So many foreign keys are stepped over before a jump, which costs about as much.
const STEPPED_OVER: usize = 16;
/// How many slots the first range of a bounded walk spans, and how many times as many each further one. Ranges
/// begin small because keeping a view of one costs as much as was written lately in all of it; and grow,
/// because a small database is spread thinly over all slots.
const FIRST_WINDOW: Slot = 4;
const WINDOW_GROWTH: Slot = 8;

/// How a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// To the end, as far as it may be; a view of it keeps everything.
    Whole,
    /// Soon stopped: small ranges first, and no more than so many jumps.
    Bounded {
        /// Jumps over foreign keys, at least 1, before it pauses.
        jumps: usize,
    },
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walked {
    /// No more keys.
    End,
    /// `visit` said so.
    Stopped,
    /// It has jumped often enough; nothing before this slot is left.
    Paused(Slot),
}

/// Shows the keys of a namespace, from the Meta key (or the beginning of one) `start` up to the slot `end`, until
/// `visit` returns false. Shows expired ones as well.
pub(super) fn walk(
    txn: &mut Transaction<'_>,
    namespace: Namespace,
    start: &[u8],
    end: Slot,
    pace: Pace,
    mut visit: impl FnMut(MetaKey<'_>, Meta<'_>) -> bool,
) -> Result<Walked, Stop> {
    let first = start_slot(start);
    let mut jumps = 0;
    for piece in txn.pieces() {
        let piece = piece.start.max(first)..piece.end.min(end);
        let mut slot = piece.start;
        let mut lower = if slot == first { start.to_vec() } else { begin(slot, namespace) };
        let (mut window, mut window_end) = (FIRST_WINDOW, slot);
        while slot < piece.end {
            if slot >= window_end {
                window_end = match pace {
                    Pace::Whole => piece.end,
                    Pace::Bounded { .. } => slot.saturating_add(window).min(piece.end),
                };
                window = window.saturating_mul(WINDOW_GROWTH);
            }
            let range = Range { lower, upper: window_end.to_be_bytes().to_vec() };
            let ended = stretch(txn, namespace, slot, &range, &mut visit)
                .map_err(|stop| if pace == Pace::Whole { whole_need(stop, first, end) } else { stop })?;
            slot = match ended {
                Stretch::Stopped => return Ok(Walked::Stopped),
                Stretch::Done => window_end,
                Stretch::Jump(target) => {
                    jumps += 1;
                    match pace {
                        Pace::Bounded { jumps: most } if jumps > most => return Ok(Walked::Paused(target)),
                        _ => target,
                    }
                }
            };
            lower = begin(slot, namespace);
        }
    }
    Ok(Walked::End)
}

fn begin(slot: Slot, namespace: Namespace) -> Vec<u8> {
    key::meta_slot(slot, namespace).to_vec()
}

fn start_slot(start: &[u8]) -> Slot {
    start.first_chunk().map_or(0, |bytes| Slot::from_be_bytes(*bytes))
}

/// What a walk to the end needs is all of it at once: partition by partition, it would begin anew for each.
fn whole_need(stop: Stop, first: Slot, end: Slot) -> Stop {
    match stop {
        Stop::Need(needs) if needs.iter().any(|need| matches!(need, Need::Range(..))) => {
            let (lower, upper) = (first.to_be_bytes().to_vec(), end.to_be_bytes().to_vec());
            Stop::Need(vec![Need::Range(Family::Meta, Range { lower, upper })])
        }
        other => other,
    }
}

enum Stretch {
    Done,
    Stopped,
    /// Many foreign keys stand before the next own one, which is in this slot or after.
    Jump(Slot),
}

fn stretch(
    txn: &mut Transaction<'_>,
    namespace: Namespace,
    slot: Slot,
    range: &Range,
    visit: &mut impl FnMut(MetaKey<'_>, Meta<'_>) -> bool,
) -> Result<Stretch, Stop> {
    let (mut foreign, mut corrupt, mut ended) = (0, false, Stretch::Done);
    txn.range(Family::Meta, slot, range, |key, value| {
        let (Some(key), Some(meta)) = (MetaKey::parse(key), Meta::parse(value)) else {
            corrupt = true;
            return false;
        };
        if key.namespace != namespace {
            foreign += 1;
            if foreign > STEPPED_OVER {
                // Own keys of this slot come after those of lower namespaces and before those of higher ones.
                ended = Stretch::Jump(key.slot + Slot::from(key.namespace > namespace));
                return false;
            }
            return true;
        }
        foreign = 0;
        if !visit(key, meta) {
            ended = Stretch::Stopped;
            return false;
        }
        true
    })?;
    if corrupt {
        return Err(Stop::Engine(EngineError("a Meta entry does not parse".into())));
    }
    Ok(ended)
}

/// The slots that a key can be in that matches a pattern: one, if the pattern begins with a whole `{tag}` or has
/// no special bytes; else all.
pub(super) fn tag_slots(pattern: &[u8]) -> std::ops::Range<Slot> {
    let prefix = literal_prefix(pattern);
    let tagged = memchr::memchr(b'{', prefix)
        .is_some_and(|open| memchr::memchr(b'}', &prefix[open + 1..]).is_some_and(|length| length > 0));
    if tagged || prefix.len() == pattern.len() {
        let slot = slot::of_key(prefix);
        slot..slot + 1
    } else {
        0..SLOTS
    }
}
