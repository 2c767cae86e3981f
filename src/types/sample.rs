//! Choosing elements of a collection at random, each with the same chance.

use std::collections::HashSet;

use super::elements::{Elements, PLACES};
use crate::keyspace::transaction::{Stop, Transaction};

/// A big collection of no more elements is looked through.
const FEW: u64 = 256;
/// Choosing one element by its place costs about as much as looking through so many.
const COST_OF_A_CHOICE: u64 = 50;
/// How many elements the part of a collection is to hold, about, that is looked at to choose one.
const PART: u64 = 16;
/// No part holds more, but by a chance of less than 10^-9.
const FULLEST_PART: u32 = 48;
/// A collection of which so many parts gave nothing has few live elements and is looked through.
const PARTS: usize = 128;

/// Name and content of an element; the content of a set's member is empty.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// Takes the value of an element apart at a time in ms; `None` if the element is hidden.
pub type Content = for<'e> fn(&'e [u8], u64) -> Result<Option<&'e [u8]>, Stop>;

/// What is chosen from.
#[derive(Debug)]
pub enum Population<'a> {
    /// These.
    Packed(Vec<Pair<'a>>),
    /// The elements of a big collection that are not hidden.
    Elements(Elements<'a>, Content),
}

type Owned = (Vec<u8>, Vec<u8>);

fn owned((name, content): Pair<'_>) -> Owned {
    (name.to_vec(), content.to_vec())
}

fn shown(pair: &Owned) -> Pair<'_> {
    (&pair.0, &pair.1)
}

impl Population<'_> {
    /// Shows `count` elements, each chosen among all, until `visit` returns false. Shows none if there is none.
    pub fn choose_repeated(
        &self,
        txn: &mut Transaction<'_>,
        count: u64,
        mut visit: impl FnMut(Pair<'_>) -> bool,
    ) -> Result<(), Stop> {
        let mut random = txn.random.fork();
        let mut left = count;
        let elements = match self {
            Population::Packed(pairs) => {
                show_repeated(&mut random, pairs.len(), left, |place| visit(pairs[place]));
                return Ok(());
            }
            Population::Elements(elements, _) => elements,
        };
        while left > 0
            && by_place(elements, count)
            && let Some(pair) = self.at_random(txn, elements, &mut random)?
        {
            left -= 1;
            if !visit(shown(&pair)) {
                return Ok(());
            }
        }
        if left > 0 {
            // What was shown so far was chosen fairly, and so is the rest.
            let all = self.all(txn)?;
            show_repeated(&mut random, all.len(), left, |place| visit(shown(&all[place])));
        }
        Ok(())
    }

    /// Shows `count` different elements, or all if there are not so many.
    pub fn choose_distinct(
        &self,
        txn: &mut Transaction<'_>,
        count: u64,
        mut visit: impl FnMut(Pair<'_>),
    ) -> Result<(), Stop> {
        let mut random = txn.random.fork();
        let len = match self {
            Population::Packed(pairs) => pairs.len() as u64,
            Population::Elements(elements, _) => elements.head.len,
        };
        if count >= len {
            return self.each(txn, &mut visit);
        }
        // Less than the number of elements in memory or on disk.
        let count = count as usize;
        match self {
            Population::Packed(pairs) => {
                let mut pairs = pairs.clone();
                for place in 0..count {
                    let other = random.usize(place..pairs.len());
                    pairs.swap(place, other);
                    visit(pairs[place]);
                }
            }
            Population::Elements(elements, _) => {
                let chosen = match self.distinct_by_place(txn, elements, count, &mut random)? {
                    Some(chosen) => chosen,
                    None => self.reservoir(txn, count, &mut random)?,
                };
                chosen.iter().for_each(|pair| visit(shown(pair)));
            }
        }
        Ok(())
    }

    fn distinct_by_place(
        &self,
        txn: &mut Transaction<'_>,
        elements: &Elements<'_>,
        count: usize,
        random: &mut fastrand::Rng,
    ) -> Result<Option<Vec<Owned>>, Stop> {
        if !by_place(elements, count as u64) {
            return Ok(None);
        }
        let mut names = HashSet::new();
        let mut chosen = Vec::new();
        // There are fifty times as many: few are chosen twice, unless most of them are hidden.
        for _ in 0..2 * count + 16 {
            let Some(pair) = self.at_random(txn, elements, random)? else { break };
            if names.insert(pair.0.clone()) {
                chosen.push(pair);
            }
            if chosen.len() == count {
                return Ok(Some(chosen));
            }
        }
        Ok(None)
    }

    /// An element of a big collection, found by a random place in the order of hashes. `None` if luck was out.
    ///
    /// A part of fixed width is laid at a random place, so each element is in it with the same chance. One of the
    /// elements in it is taken, and kept with a chance that grows with their number, so that being among many is
    /// no disadvantage.
    fn at_random(
        &self,
        txn: &mut Transaction<'_>,
        elements: &Elements<'_>,
        random: &mut fastrand::Rng,
    ) -> Result<Option<Owned>, Stop> {
        let width = (PLACES / elements.head.len.max(1) * PART).clamp(1, PLACES);
        for _ in 0..PARTS {
            let start = random.u64(0..PLACES);
            let end = start + width;
            let (mut seen, mut taken) = (0, None);
            let mut take = |pair: Pair<'_>| {
                seen += 1;
                if random.u32(0..seen) == 0 {
                    taken = Some(owned(pair));
                }
            };
            self.walk_part(txn, (start, end.min(PLACES)), &mut take)?;
            if end > PLACES {
                self.walk_part(txn, (0, end - PLACES), &mut take)?;
            }
            if taken.is_some() && random.u32(0..FULLEST_PART) < seen {
                return Ok(taken);
            }
        }
        Ok(None)
    }

    fn each(&self, txn: &mut Transaction<'_>, visit: &mut impl FnMut(Pair<'_>)) -> Result<(), Stop> {
        match self {
            Population::Packed(pairs) => {
                pairs.iter().for_each(|pair| visit(*pair));
                Ok(())
            }
            Population::Elements(..) => self.walk_part(txn, (0, PLACES), visit),
        }
    }

    /// Shows the elements of a big collection whose hashes are in `part` (half-open) and that are not hidden.
    fn walk_part(
        &self,
        txn: &mut Transaction<'_>,
        part: (u64, u64),
        visit: &mut impl FnMut(Pair<'_>),
    ) -> Result<(), Stop> {
        let Population::Elements(elements, content) = self else { return Ok(()) };
        let (now_ms, mut failed) = (txn.expiry_clock_ms(), None);
        elements
            .walk(txn, &elements.part(part.0, part.1), |_, name, value| {
                match content(value, now_ms) {
                    Ok(Some(content)) => visit((name, content)),
                    Ok(None) => {}
                    Err(stop) => failed = Some(stop),
                }
                failed.is_none()
            })
            .map_err(|stop| elements.need_whole(stop))?;
        failed.map_or(Ok(()), Err)
    }

    fn all(&self, txn: &mut Transaction<'_>) -> Result<Vec<Owned>, Stop> {
        let mut all = Vec::new();
        self.each(txn, &mut |pair| all.push(owned(pair)))?;
        Ok(all)
    }

    /// Chooses `count` elements in one pass over all.
    fn reservoir(
        &self,
        txn: &mut Transaction<'_>,
        count: usize,
        random: &mut fastrand::Rng,
    ) -> Result<Vec<Owned>, Stop> {
        let (mut seen, mut chosen) = (0, Vec::new());
        self.each(txn, &mut |pair| {
            seen += 1;
            if chosen.len() < count {
                chosen.push(owned(pair));
            } else if let Some(place) = chosen.get_mut(random.usize(0..seen)) {
                *place = owned(pair);
            }
        })?;
        Ok(chosen)
    }
}

/// Whether to choose so many elements one by one, rather than to look through all.
fn by_place(elements: &Elements<'_>, count: u64) -> bool {
    elements.head.len > FEW && count.saturating_mul(COST_OF_A_CHOICE) < elements.head.len
}

fn show_repeated(random: &mut fastrand::Rng, among: usize, count: u64, mut visit: impl FnMut(usize) -> bool) {
    for _ in 0..count {
        if among == 0 || !visit(random.usize(0..among)) {
            return;
        }
    }
}
