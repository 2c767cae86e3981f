//! The walk through the index by time that finds what is due, in passes from its beginning to the present.
//!
//! What a step has found is removed through a partition and the write-behind thread, so it stands in the index for a
//! while: a pass looks at nothing twice, and the next one should begin when what this one found is gone. The index is a
//! queue in an LSM tree: where it was emptied lie tombstones, which every look from the beginning would wade through. So
//! most passes begin shortly before the present; what came into the index later than that is found by a whole one.

use super::{Due, due};
use crate::engine::{Read, ReadError};

/// How much older than the pass before a pass begins, in ms: entries that reach the index so late are found at once.
pub const LATE_MS: u64 = 5_000;
/// How long after a pass from the beginning the next one is, in ms, at the least.
pub const WHOLE_MS: u64 = 5_000;
/// It is also so many times as long as the pass took.
const WHOLE_REST: u64 = 20;
/// Entries that a pass finds, at most: those that are on disk are read into memory by one pass and removed by the next,
/// so it must come before they are evicted.
pub const MOST: usize = 16 * 1024;

/// Where the walk is.
#[derive(Debug, Default)]
pub struct Sweep {
    pass: Option<Pass>,
    /// A pass has found all that was due before, but for what came later.
    floor_ms: u64,
    /// When a pass begins at the beginning again.
    whole_at_ms: u64,
}

#[derive(Debug)]
struct Pass {
    began_ms: u64,
    whole: bool,
    /// The next entry to look at, if there is one.
    cursor: Vec<u8>,
    found: usize,
}

/// What a step found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What is due, the oldest first.
    pub due: Vec<Due>,
    /// If the pass has ended: how much all of it found.
    pub ended: Option<usize>,
}

impl Sweep {
    /// Goes on with the pass, or begins one: finds at most `limit` entries due at `now_ms` (in ms since 1970). Reads
    /// from disk.
    ///
    /// # Errors
    /// The engine's.
    pub fn step(&mut self, engine: &dyn Read, now_ms: u64, limit: usize) -> Result<Step, ReadError> {
        let mut pass = self.pass.take().unwrap_or_else(|| {
            // The clock may have been set back.
            let whole = now_ms >= self.whole_at_ms || now_ms < self.floor_ms;
            let cursor = if whole { Vec::new() } else { self.floor_ms.to_be_bytes().to_vec() };
            Pass { began_ms: now_ms, whole, cursor, found: 0 }
        });
        let due = due(engine, &pass.cursor, now_ms, limit)?;
        pass.found += due.len();
        let reached = due.len() < limit;
        let mut ended = None;
        if reached || pass.found >= MOST {
            ended = Some(pass.found);
            if reached {
                self.floor_ms = pass.began_ms.saturating_sub(LATE_MS);
                if pass.whole {
                    let took = now_ms.saturating_sub(pass.began_ms);
                    self.whole_at_ms = now_ms + WHOLE_MS.max(took * WHOLE_REST);
                }
            }
        } else {
            if let Some(last) = due.last() {
                pass.cursor.clone_from(&last.index_key);
                pass.cursor.push(0);
            }
            self.pass = Some(pass);
        }
        Ok(Step { due, ended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::MemoryEngine;
    use crate::engine::{Batch, Change, Engine, Family};

    fn key(at_ms: u64, name: &str) -> Vec<u8> {
        [&at_ms.to_be_bytes()[..], name.as_bytes()].concat()
    }

    fn put(engine: &MemoryEngine, keys: &[Vec<u8>]) {
        let puts = keys.iter().map(|key| Change::Put(Family::Expiry, key.into(), b"".into()));
        engine.write(Batch(puts.collect())).unwrap();
    }

    fn found(step: Step) -> Vec<Vec<u8>> {
        step.due.into_iter().map(|due| due.index_key).collect()
    }

    #[test]
    fn a_pass_finds_what_is_due_once_and_ends() {
        let engine = MemoryEngine::default();
        let keys: Vec<_> = (1..=7).map(|at| key(at, "k")).collect();
        put(&engine, &keys);
        let mut sweep = Sweep::default();
        assert_eq!(found(sweep.step(&engine, 5, 2).unwrap()), keys[..2]);
        assert_eq!(found(sweep.step(&engine, 5, 2).unwrap()), keys[2..4], "though nothing was removed");
        let last = sweep.step(&engine, 5, 2).unwrap();
        assert_eq!((last.ended, found(last)), (Some(5), keys[4..5].to_vec()));
        // The next one finds what is still there.
        assert_eq!(found(sweep.step(&engine, 6, 100).unwrap()), keys[..6]);
    }

    #[test]
    fn most_passes_begin_shortly_before_the_present_and_some_at_the_beginning() {
        let engine = MemoryEngine::default();
        let mut sweep = Sweep::default();
        assert_eq!(sweep.step(&engine, 100_000, 10).unwrap(), Step { due: Vec::new(), ended: Some(0) });
        let (old, late) = (key(100_000 - LATE_MS - 1, "old"), key(100_000 - LATE_MS, "late"));
        put(&engine, &[old.clone(), late.clone()]);
        assert_eq!(
            found(sweep.step(&engine, 100_000 + WHOLE_MS - 1, 10).unwrap()),
            std::slice::from_ref(&late)
        );
        assert_eq!(found(sweep.step(&engine, 100_000 + WHOLE_MS, 10).unwrap()), [old, late]);
    }

    #[test]
    fn a_clock_that_is_set_back_hides_nothing() {
        let engine = MemoryEngine::default();
        let mut sweep = Sweep::default();
        sweep.step(&engine, 100_000, 10).unwrap();
        let keys = [key(1_000, "k")];
        put(&engine, &keys);
        assert_eq!(found(sweep.step(&engine, 2_000, 10).unwrap()), keys);
    }

    #[test]
    fn a_long_pass_ends_and_the_next_begins_where_it_began() {
        let engine = MemoryEngine::default();
        let keys: Vec<_> = (0..MOST as u64 + 10).map(|at| key(at, "k")).collect();
        put(&engine, &keys);
        let mut sweep = Sweep::default();
        let step = sweep.step(&engine, 1_000_000, MOST).unwrap();
        assert_eq!((step.ended, step.due.len()), (Some(MOST), MOST));
        assert_eq!(found(sweep.step(&engine, 1_000_000, 1).unwrap()), keys[..1]);
    }
}
