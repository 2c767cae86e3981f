//! Choosing fields at random, each with the same chance.

use std::collections::HashSet;

use super::Hash;
use super::read::{Form, live};
use crate::encoding::meta::Collection;
use crate::encoding::packed_hash::Field;
use crate::engine::Range;
use crate::keyspace::transaction::{Stop, Transaction};

/// A big hash of no more fields is looked through.
const FEW: u64 = 256;
/// Choosing one field by its place costs about as much as looking through so many.
const COST_OF_A_CHOICE: u64 = 50;
/// How many fields the part of a hash is to hold, about, that is looked at to choose one.
const PART: u64 = 16;
/// No part holds more, but by a chance of less than 10^-9.
const FULLEST_PART: u32 = 48;
/// A hash of which so many parts gave nothing has few live fields and is looked through.
const PARTS: usize = 128;

type Owned = (Vec<u8>, Vec<u8>);

fn owned(field: Field<'_>) -> Owned {
    (field.name.to_vec(), field.value.to_vec())
}

fn shown(field: &Owned) -> Field<'_> {
    Field { name: &field.0, expire_ms: None, value: &field.1 }
}

impl Hash<'_> {
    /// Shows `count` fields, each chosen among all, until `visit` returns false. Shows none if there is none.
    pub fn choose_repeated(
        &self,
        txn: &mut Transaction<'_>,
        count: u64,
        mut visit: impl FnMut(Field<'_>) -> bool,
    ) -> Result<(), Stop> {
        let mut random = txn.random.fork();
        let mut left = count;
        match self.form {
            Form::Packed(payload) => {
                let fields: Vec<Field<'_>> = live(payload, txn.now_ms()).collect();
                show_repeated(&mut random, fields.len(), left, |place| visit(fields[place]));
            }
            Form::Elements(head) => {
                while left > 0
                    && by_place(head, count)
                    && let Some(field) = self.at_random(txn, head, &mut random)?
                {
                    left -= 1;
                    if !visit(shown(&field)) {
                        return Ok(());
                    }
                }
                if left > 0 {
                    // What was shown so far was chosen fairly, and so is the rest.
                    let all = self.all(txn)?;
                    show_repeated(&mut random, all.len(), left, |place| visit(shown(&all[place])));
                }
            }
        }
        Ok(())
    }

    /// Shows `count` different fields, or all if there are not so many.
    pub fn choose_distinct(
        &self,
        txn: &mut Transaction<'_>,
        count: u64,
        mut visit: impl FnMut(Field<'_>),
    ) -> Result<(), Stop> {
        let mut random = txn.random.fork();
        if count >= self.len(txn.now_ms()) {
            return self.each(txn, |field| {
                visit(field);
                true
            });
        }
        // Less than the number of fields in memory or on disk.
        let count = count as usize;
        match self.form {
            Form::Packed(payload) => {
                let mut fields: Vec<Field<'_>> = live(payload, txn.now_ms()).collect();
                for place in 0..count {
                    let other = random.usize(place..fields.len());
                    fields.swap(place, other);
                    visit(fields[place]);
                }
            }
            Form::Elements(head) => {
                let chosen = match self.distinct_by_place(txn, head, count, &mut random)? {
                    Some(chosen) => chosen,
                    None => self.reservoir(txn, count, &mut random)?,
                };
                chosen.iter().for_each(|field| visit(shown(field)));
            }
        }
        Ok(())
    }

    fn distinct_by_place(
        &self,
        txn: &mut Transaction<'_>,
        head: Collection,
        count: usize,
        random: &mut fastrand::Rng,
    ) -> Result<Option<Vec<Owned>>, Stop> {
        if !by_place(head, count as u64) {
            return Ok(None);
        }
        let mut names = HashSet::new();
        let mut chosen = Vec::new();
        // There are fifty times as many: few are chosen twice, unless most of them are due.
        for _ in 0..2 * count + 16 {
            let Some(field) = self.at_random(txn, head, random)? else { break };
            if names.insert(field.0.clone()) {
                chosen.push(field);
            }
            if chosen.len() == count {
                return Ok(Some(chosen));
            }
        }
        Ok(None)
    }

    /// A field of a big hash, found by a random place in the order of hashes. `None` if luck was out.
    ///
    /// A part of fixed width is laid at a random place, so each field is in it with the same chance. One of the
    /// fields in it is taken, and kept with a chance that grows with their number, so that being among many is
    /// no disadvantage.
    fn at_random(
        &self,
        txn: &mut Transaction<'_>,
        head: Collection,
        random: &mut fastrand::Rng,
    ) -> Result<Option<Owned>, Stop> {
        const PLACES: u64 = 1 << 32;
        let width = (PLACES / head.len.max(1) * PART).clamp(1, PLACES);
        for _ in 0..PARTS {
            let start = random.u64(0..PLACES);
            let end = start + width;
            let (mut seen, mut taken) = (0, None);
            let mut take = |_: u32, field: Field<'_>| {
                seen += 1;
                if random.u32(0..seen) == 0 {
                    taken = Some(owned(field));
                }
                true
            };
            self.walk_part(txn, head, self.part(head, start, end.min(PLACES)), &mut take)?;
            if end > PLACES {
                self.walk_part(txn, head, self.part(head, 0, end - PLACES), &mut take)?;
            }
            if taken.is_some() && random.u32(0..FULLEST_PART) < seen {
                return Ok(taken);
            }
        }
        Ok(None)
    }

    /// The Element keys with hashes from `start` to before `end`, which is up to 2^32.
    fn part(&self, head: Collection, start: u64, end: u64) -> Range {
        let upper = match u32::try_from(end) {
            Ok(end) => self.position(head, end).to_vec(),
            Err(_) => self.whole(head).upper,
        };
        Range { lower: self.position(head, start as u32).to_vec(), upper }
    }

    fn all(&self, txn: &mut Transaction<'_>) -> Result<Vec<Owned>, Stop> {
        let mut all = Vec::new();
        self.each(txn, |field| {
            all.push(owned(field));
            true
        })?;
        Ok(all)
    }

    /// Chooses `count` fields in one pass over all.
    fn reservoir(
        &self,
        txn: &mut Transaction<'_>,
        count: usize,
        random: &mut fastrand::Rng,
    ) -> Result<Vec<Owned>, Stop> {
        let (mut seen, mut chosen) = (0, Vec::new());
        self.each(txn, |field| {
            seen += 1;
            if chosen.len() < count {
                chosen.push(owned(field));
            } else if let Some(place) = chosen.get_mut(random.usize(0..seen)) {
                *place = owned(field);
            }
            true
        })?;
        Ok(chosen)
    }
}

/// Whether to choose so many fields one by one, rather than to look through all.
fn by_place(head: Collection, count: u64) -> bool {
    head.len > FEW && count.saturating_mul(COST_OF_A_CHOICE) < head.len
}

fn show_repeated(random: &mut fastrand::Rng, among: usize, count: u64, mut visit: impl FnMut(usize) -> bool) {
    for _ in 0..count {
        if among == 0 || !visit(random.usize(0..among)) {
            return;
        }
    }
}
