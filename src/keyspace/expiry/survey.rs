//! How long keys have to live, and how many hashes have fields that expire: for INFO, from the index by time.
//!
//! A survey walks all of the index in small steps, so that whoever takes them can pause between; what it says is as old
//! as its walk is long. Keys are counted one by one. A hash stands in the index once for each field, in the order of
//! their times, so distinct hashes are estimated by the least hashes of their names: exact up to [`SKETCH`], a few
//! percent off beyond.

use std::collections::{BTreeMap, BTreeSet};

use crate::encoding::key::{ExpiryKey, Namespace};
use crate::engine::{Family, Range, Read, ReadError, Tier};

/// How many of the least hashes are kept.
pub const SKETCH: usize = 4096;

/// What a survey found in a namespace.
#[derive(Debug, Clone, Default)]
pub struct Expiries {
    /// Keys that expire.
    pub keys: u64,
    /// Sum of the times at which they do.
    sum_ms: u128,
    /// The least 64-bit hashes of the names of hashes with fields that expire.
    least: BTreeSet<u64>,
}

impl Expiries {
    /// Mean of what the keys have left to live at `now_ms`; 0 if there are none.
    pub fn mean_ttl_ms(&self, now_ms: u64) -> u64 {
        let mean = self.sum_ms.checked_div(u128::from(self.keys)).unwrap_or(0);
        u64::try_from(mean).unwrap_or(u64::MAX).saturating_sub(now_ms)
    }

    /// About how many hashes have fields that expire.
    pub fn hashes(&self) -> u64 {
        match self.least.last() {
            // The share of all values up to the greatest kept one tells how dense they lie.
            Some(&greatest) if self.least.len() == SKETCH => {
                let density = (SKETCH - 1) as f64 / (greatest as f64 / u64::MAX as f64);
                density.round() as u64
            }
            _ => self.least.len() as u64,
        }
    }

    fn add(&mut self, entry: &ExpiryKey<'_>) {
        if entry.field.is_none() {
            self.keys += 1;
            self.sum_ms += u128::from(entry.at_ms);
            return;
        }
        self.least.insert(xxhash_rust::xxh3::xxh3_64(entry.key));
        if self.least.len() > SKETCH {
            self.least.pop_last();
        }
    }
}

/// A walk through the index, under way.
#[derive(Debug, Default)]
pub struct Survey {
    next: Option<Vec<u8>>,
    found: BTreeMap<Namespace, Expiries>,
}

impl Survey {
    /// Looks at up to `limit` entries more, which are at least one. At the end of the index returns what was found in
    /// all of it, by namespace, and begins anew. What was due at `now_ms` when it was met does not count. Reads from
    /// disk.
    pub fn step(
        &mut self,
        engine: &dyn Read,
        now_ms: u64,
        limit: usize,
    ) -> Result<Option<BTreeMap<Namespace, Expiries>>, ReadError> {
        let due = now_ms.saturating_add(1).to_be_bytes().to_vec();
        let lower = self.next.take().filter(|next| *next > due).unwrap_or(due);
        let mut walk = engine.iterate(Family::Expiry, &Range { lower, upper: Vec::new() }, Tier::Disk);
        for _ in 0..limit.max(1) {
            let Some((key, _)) = walk.next()? else {
                return Ok(Some(std::mem::take(&mut self.found)));
            };
            if let Some(entry) = ExpiryKey::parse(key) {
                self.found.entry(entry.namespace).or_default().add(&entry);
            }
            let next = self.next.get_or_insert_default();
            next.clear();
            next.extend_from_slice(key);
            // The first key after this one.
            next.push(0);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::memory::MemoryEngine;
    use crate::engine::{Batch, Change, Engine};
    use crate::testing::MiniServer;

    fn survey(engine: &MemoryEngine, now_ms: u64, limit: usize) -> BTreeMap<Namespace, Expiries> {
        let mut survey = Survey::default();
        for _ in 0..1_000_000 {
            if let Some(found) = survey.step(engine, now_ms, limit).unwrap() {
                return found;
            }
        }
        panic!("a survey ends");
    }

    #[test]
    fn the_mean_and_the_hashes_of_each_database() {
        let mut server = MiniServer::new(3);
        for line in [
            "SET a 1 PX 1000",
            "SET b 1 PX 3000",
            "SET c 1",
            "SET gone 1 PX 1",
            "SET later 1 PX 5",
            "PEXPIRE later 5000",
            "HSET h f 1 g 1",
            "HPEXPIRE h 100 FIELDS 2 f g",
            "HSET i f 1",
            "HPEXPIRE i 200 FIELDS 1 f",
            "HSET plain f 1",
            "SELECT 3",
            "SET x 1 PX 60000",
        ] {
            assert!(!server.ask(line).starts_with("(error)"), "{line}");
        }
        server.write_behind();
        let now_ms = server.now_ms + 2;
        for limit in [0, 1, 2, 3, 100] {
            let found = survey(&server.engine, now_ms, limit);
            let numbers = |namespace: u32| {
                let found = &found[&namespace];
                (found.keys, found.mean_ttl_ms(now_ms), found.hashes())
            };
            assert_eq!(numbers(0), (3, 3000 - 2, 2), "steps of {limit}");
            assert_eq!(numbers(3), (1, 60_000 - 2, 0), "steps of {limit}");
            assert_eq!(found.len(), 2);
        }
        // What expires meanwhile is left out by the next one.
        let found = survey(&server.engine, server.now_ms + 2000, 2);
        assert_eq!((found[&0].keys, found[&0].hashes()), (2, 0));
        assert!(survey(&MemoryEngine::new(), 0, 10).is_empty());
    }

    #[test]
    fn many_hashes_are_about_as_many_as_they_are() {
        for count in [SKETCH - 1, SKETCH, SKETCH + 1, 40_000] {
            let engine = MemoryEngine::new();
            let mut batch = Batch::default();
            for number in 0..count * 2 {
                // Two fields of each.
                let name = format!("hash:{}", number % count);
                let field = Some(if number < count { &b"f"[..] } else { b"g" });
                let at_ms = (number * 7919 % 100_003) as u64 + 10;
                let key = ExpiryKey { at_ms, slot: 1, namespace: 0, key: name.as_bytes(), field };
                batch.0.push(Change::Put(Family::Expiry, key.encode().to_vec().into(), Vec::new().into()));
            }
            engine.write(batch).unwrap();
            let found = survey(&engine, 0, 1 << 20)[&0].hashes() as f64;
            let allowed = if count < SKETCH { 0.0 } else { 0.08 };
            assert!((found / count as f64 - 1.0).abs() <= allowed, "{found} of {count}");
        }
    }

    #[test]
    fn a_mean_of_great_times_does_not_overflow() {
        let mut found = Expiries::default();
        for at_ms in [u64::MAX, u64::MAX - 2] {
            found.add(&ExpiryKey { at_ms, slot: 0, namespace: 0, key: b"k", field: None });
        }
        assert_eq!(found.mean_ttl_ms(1), u64::MAX - 2);
        assert_eq!(Expiries::default().mean_ttl_ms(5), 0);
    }
}
