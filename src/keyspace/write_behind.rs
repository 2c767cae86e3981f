//! How what partitions wrote reaches the engine: in batches, on a thread that serves no client.
//!
//! A [`HandOff`] is what one partition wrote between two moments, each key once, with the log offset that it
//! reaches. [`WriteBehind::apply`] writes one or several of them (those of a transaction over partitions go
//! together) as one engine batch with the positions in it: the data is never apart from the offset that it
//! stands for. Log records at or below a slot's position are not replayed.

use std::sync::Arc;

use super::counts::AllCounts;
use super::handed::{Handed, HandedList, Order};
use super::namespace::Namespaces;
use super::slot;
use super::table::Group;
use crate::encoding::key::{self, ExpiryKey, MetaKey, Namespace, Version};
use crate::encoding::meta::Meta;
use crate::engine::{Batch, Change, Engine, EngineError, Family, Range, Tier};

/// A collection that nothing points at any more; its elements are to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orphan {
    /// Slot of its key.
    pub slot: slot::Slot,
    /// Namespace of its key.
    pub namespace: Namespace,
    /// Which life of the collection.
    pub version: Version,
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct HandOff {
    /// Whose.
    pub partition: usize,
    /// Of how many.
    pub partitions: usize,
    /// The last group in it.
    pub group: Group,
    /// The log offset at the end of that group.
    pub reach: u64,
    /// Each key that was written, once. Shared with the partition, which looks into it until the engine has it.
    pub handed: Arc<HandedList>,
    /// Lists of earlier hand-offs, to be let go here: freeing them takes longer than a partition should wait.
    pub spent: Vec<Arc<HandedList>>,
    /// Collections that died.
    pub orphans: Vec<Orphan>,
    /// The partition's numbers, without what blind writes will turn out to have replaced.
    pub counts: AllCounts,
    /// The lowest collection version not in use.
    pub next_version: Version,
    /// The databases, if they changed.
    pub namespaces: Option<Namespaces>,
    /// Namespaces that died.
    pub dead: Vec<Namespace>,
    /// The libraries of functions, if they changed.
    pub functions: Option<std::sync::Arc<crate::scripting::Registry>>,
}

/// Answer to a hand-off: the engine has it.
#[derive(Debug)]
pub struct Applied {
    /// Whose.
    pub partition: usize,
    /// The last group in it.
    pub group: Group,
    /// Which entries of the hand-off are not worth keeping in memory: removed keys, and the index of expiries.
    pub gone: Vec<u32>,
    /// How many of them were blind.
    pub blind: u64,
    /// Sum of what all blind writes of the partition replaced, as negative numbers.
    pub settled: AllCounts,
}

/// The System key under which a partition's position stands. It names the slots: partitions of another number must
/// not write over it before each of them has handed off.
pub fn position_key(partition: usize, partitions: usize) -> Vec<u8> {
    let slots = slot::range_of(partition, partitions);
    format!("{POSITION_PREFIX}{:05}-{:05}", slots.start, slots.end).into_bytes()
}

/// The System key under which a partition's share of the counts stands.
pub fn counts_key(partition: usize) -> Vec<u8> {
    format!("{COUNTS_PREFIX}{partition:05}").into_bytes()
}

/// System keys of positions begin so.
pub const POSITION_PREFIX: &str = "position/";
/// System keys of counts begin so.
pub const COUNTS_PREFIX: &str = "counts/";
/// System key of the databases' namespaces.
pub const NAMESPACES_KEY: &[u8] = b"namespaces";
/// System key of the lowest unused collection version, `u64` big-endian.
pub const VERSION_KEY: &[u8] = b"next_version";
/// System key of the libraries of functions, as FUNCTION DUMP has them.
pub const FUNCTIONS_KEY: &[u8] = b"functions";

/// System keys of namespaces that died and may still have keys: this and the namespace, `u32` big-endian.
pub const DEAD_PREFIX: &[u8] = b"dead/";

/// The System key that marks a namespace that died.
pub fn dead_key(namespace: Namespace) -> Vec<u8> {
    [DEAD_PREFIX, &namespace.to_be_bytes()].concat()
}

/// A partition's position: first slot `u16`, one past the last `u16`, log offset `u64`; big-endian.
pub fn encode_position(partition: usize, partitions: usize, offset: u64) -> Vec<u8> {
    let range = slot::range_of(partition, partitions);
    let mut out = range.start.to_be_bytes().to_vec();
    out.extend_from_slice(&range.end.to_be_bytes());
    out.extend_from_slice(&offset.to_be_bytes());
    out
}

/// Reads what [`encode_position`] wrote: first slot, one past the last, log offset.
pub fn parse_position(bytes: &[u8]) -> Option<(u16, u16, u64)> {
    Some((
        u16::from_be_bytes(bytes.get(0..2)?.try_into().ok()?),
        u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?),
        u64::from_be_bytes(bytes.get(4..12)?.try_into().ok()?),
    ))
}

/// The writer's state: what blind writes replaced so far, by partition.
#[derive(Debug, Default)]
pub struct WriteBehind {
    settled: Vec<AllCounts>,
}

impl WriteBehind {
    /// Writes hand-offs as one batch.
    pub fn apply(
        &mut self,
        engine: &dyn Engine,
        hand_offs: Vec<HandOff>,
    ) -> Result<Vec<Applied>, EngineError> {
        let mut batch = Batch::default();
        let mut answers = Vec::with_capacity(hand_offs.len());
        for hand_off in &hand_offs {
            if self.settled.len() <= hand_off.partition {
                self.settled.resize_with(hand_off.partition + 1, AllCounts::default);
            }
            let sorted = sorted(&hand_off.handed);
            let blind = self.settle_blind(engine, hand_off, &sorted, &mut batch)?;
            answers.push(self.add(hand_off, &sorted, blind, &mut batch));
        }
        engine.write(batch)?;
        Ok(answers)
    }

    fn add<'a>(
        &mut self,
        hand_off: &'a HandOff,
        sorted: &[&'a Handed],
        blind: u64,
        batch: &mut Batch<'a>,
    ) -> Applied {
        let &HandOff { partition, partitions, group, reach, .. } = hand_off;
        batch.0.extend(sorted.iter().map(|entry| {
            if entry.tombstone {
                Change::Delete(entry.family, entry.key().into())
            } else {
                Change::Put(entry.family, entry.key().into(), entry.value().into())
            }
        }));
        batch.0.extend(hand_off.orphans.iter().map(|orphan| put_orphan(orphan)));
        let mut sum = hand_off.counts.clone();
        sum.add(&self.settled[partition]);
        let mut system = |key: Vec<u8>, value: Vec<u8>| {
            batch.0.push(Change::Put(Family::System, key.into(), value.into()));
        };
        system(counts_key(partition), sum.encode());
        system(position_key(partition, partitions), encode_position(partition, partitions, reach));
        system(VERSION_KEY.to_vec(), hand_off.next_version.to_be_bytes().to_vec());
        if let Some(namespaces) = &hand_off.namespaces {
            system(NAMESPACES_KEY.to_vec(), namespaces.encode());
        }
        if let Some(functions) = &hand_off.functions {
            system(FUNCTIONS_KEY.to_vec(), functions.dump());
        }
        for &namespace in &hand_off.dead {
            system(dead_key(namespace), Vec::new());
        }
        let gone = |(_, entry): &(usize, &Handed)| entry.tombstone || entry.family == Family::Expiry;
        let gone = hand_off.handed.iter().enumerate().filter(gone).map(|(index, _)| index as u32).collect();
        Applied { partition, group, gone, blind, settled: self.settled[partition].clone() }
    }

    /// Finds out what blind writes replaced: takes it out of the counts, the expiry index and the collections.
    fn settle_blind(
        &mut self,
        engine: &dyn Engine,
        HandOff { partition, handed, .. }: &HandOff,
        sorted: &[&Handed],
        batch: &mut Batch<'_>,
    ) -> Result<u64, EngineError> {
        if !handed.has_blind() {
            return Ok(0);
        }
        let blind: Vec<&Handed> = sorted.iter().copied().filter(|entry| entry.blind).collect();
        let keys: Vec<&[u8]> = blind.iter().map(|entry| entry.key()).collect();
        let olds = engine.get_many(Family::Meta, &keys).map_err(|error| match error {
            crate::engine::ReadError::Engine(error) => error,
            crate::engine::ReadError::NotInMemory => EngineError("a read from disk was refused".into()),
        })?;
        for (entry, old) in blind.iter().zip(olds) {
            let Some(old) = old else { continue };
            let (Some(place), Some(meta)) = (MetaKey::parse(entry.key()), Meta::parse(&old)) else {
                return Err(EngineError("a Meta entry does not parse".into()));
            };
            self.settled[*partition].of_mut(place.namespace).add_key(&meta, -1);
            if let Some(at_ms) = meta.expire_ms {
                let MetaKey { slot, namespace, key, .. } = place;
                let index = ExpiryKey { at_ms, slot, namespace, key, field: None }.encode();
                // Before the partition's own changes: if the new value expires at the same time, it stays.
                batch.0.push(Change::Delete(Family::Expiry, index.to_vec().into()));
            }
            if let Some(collection) = meta.collection() {
                let MetaKey { slot, namespace, .. } = place;
                batch.0.push(put_orphan(&Orphan { slot, namespace, version: collection.version }));
            }
        }
        Ok(blind.len() as u64)
    }
}

/// Removes the elements of up to `limit` dead collections: one by one if they are few, as a range if they are many
/// (a range deletion in the store makes every later read pass it). Returns how many collections. Only the thread that
/// applies hand-offs may call it: an orphan's elements are all in the engine before its mark is.
pub fn reclaim_orphans(engine: &dyn Engine, limit: usize) -> Result<usize, EngineError> {
    /// Elements removed one by one.
    const FEW: usize = 1000;
    let failed = |_| EngineError("reading orphans failed".into());
    let mut marks = Vec::new();
    let mut walk = engine.iterate(Family::System, &Range::prefix(key::ORPHAN_PREFIX), Tier::Disk);
    while marks.len() < limit
        && let Some((mark, _)) = walk.next().map_err(failed)?
    {
        marks.push(mark.to_vec());
    }
    drop(walk);
    for mark in &marks {
        let elements = Range::prefix(&mark[key::ORPHAN_PREFIX.len()..]);
        let mut batch = Batch::default();
        let mut walk = engine.iterate(Family::Element, &elements, Tier::Disk);
        while let Some((element, _)) = walk.next().map_err(failed)? {
            batch.0.push(Change::Delete(Family::Element, element.to_vec().into()));
            if batch.0.len() > FEW {
                batch.0 = vec![Change::DeleteRange(Family::Element, elements.clone())];
                break;
            }
        }
        drop(walk);
        batch.0.push(Change::Delete(Family::System, mark.into()));
        engine.write(batch)?;
    }
    Ok(marks.len())
}

/// Forgets dead namespaces whose keys are all gone.
pub fn forget_namespaces(engine: &dyn Engine, namespaces: &[Namespace]) -> Result<(), EngineError> {
    let marks =
        namespaces.iter().map(|&namespace| Change::Delete(Family::System, dead_key(namespace).into()));
    engine.write(Batch(marks.collect()))
}

fn put_orphan(orphan: &Orphan) -> Change<'static> {
    let key = key::orphan(orphan.slot, orphan.namespace, orphan.version);
    Change::Put(Family::System, key.to_vec().into(), Vec::new().into())
}

/// In the engine's order: its memtable then finds the place of each key near that of the last.
fn sorted(handed: &HandedList) -> Vec<&Handed> {
    let mut order: Vec<((Family, Order), &Handed)> =
        handed.runs().map(|entry| (entry.sort_key(), entry)).collect();
    // The stable sort finds the runs, and merges them.
    order.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.key().cmp(b.1.key())));
    order.into_iter().map(|(_, entry)| entry).collect()
}
