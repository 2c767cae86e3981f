//! Several sets at once: what is in all of them, in one only, in any.
//!
//! Two ways. *Probing* goes through one set and looks each member up in the others: as dear as that one set is big.
//! *Merging* goes through all of them side by side, in the order of hashes, which is the same for every set. Both take
//! members in portions, so memory holds some of them at a time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::read::{Set, Stored};
use crate::keyspace::transaction::{Need, Stop, Transaction};

/// How many members the first portion has, and the largest one.
const FIRST_PORTION: usize = 32;
const LARGEST_PORTION: usize = 1024;
/// Where a set is to be read elsewhere, so are the others, as a whole if they are at most so many times as big. Of
/// bigger ones only what is looked up: keeping the moment of a set costs what of it was written lately.
const MUCH_BIGGER: u64 = 16;

type Place = (u32, Vec<u8>);

/// Goes through a set portion by portion, in the order of hashes.
struct Portions<'s, 'a> {
    set: &'s Set<'a>,
    next: Option<Place>,
    size: usize,
}

impl<'s, 'a> Portions<'s, 'a> {
    fn new(set: &'s Set<'a>) -> Portions<'s, 'a> {
        Portions { set, next: Some((0, Vec::new())), size: FIRST_PORTION }
    }

    /// The next members; none if all were shown.
    fn next(&mut self, txn: &mut Transaction<'_>) -> Result<VecDeque<Place>, Stop> {
        let mut portion = VecDeque::new();
        let Some((hash, member)) = self.next.take() else { return Ok(portion) };
        // What is packed is at hand as a whole.
        let most = if self.set.is_packed() { usize::MAX } else { self.size };
        self.set.each_ordered(txn, (hash, &member), |hash, member| {
            portion.push_back((hash, member.to_vec()));
            portion.len() < most
        })?;
        if portion.len() == most
            && let Some((hash, member)) = portion.back()
        {
            // The least name after this one.
            self.next = Some((*hash, [member, &b"\0"[..]].concat()));
        }
        self.size = (self.size * 2).min(LARGEST_PORTION);
        Ok(portion)
    }
}

/// Shows the members of `first` that are in all of `others` (if `wanted`), or in none of them, until `visit` returns
/// false.
pub fn probe(
    txn: &mut Transaction<'_>,
    first: &Set<'_>,
    others: &[&Set<'_>],
    wanted: bool,
    mut visit: impl FnMut(&mut Transaction<'_>, &[u8]) -> bool,
) -> Result<(), Stop> {
    if let Stored::Packed(members) = &first.stored {
        // In their own order, as Redis answers.
        for member in members.clone() {
            match is_wanted(txn, others, wanted, member) {
                Ok(true) if !visit(txn, member) => return Ok(()),
                Ok(_) => {}
                Err(stop) => return Err(need_members(txn, first, others, stop)),
            }
        }
        return Ok(());
    }
    let mut portions = Portions::new(first);
    loop {
        let portion = portions.next(txn).map_err(|stop| need_sets(first, others, stop))?;
        if portion.is_empty() {
            return Ok(());
        }
        for (_, member) in &portion {
            match is_wanted(txn, others, wanted, member) {
                Ok(true) if !visit(txn, member) => return Ok(()),
                Ok(_) => {}
                Err(stop) => {
                    let stop = need_members(txn, first, others, stop);
                    return Err(need_sets(first, others, stop));
                }
            }
        }
    }
}

fn is_wanted(
    txn: &mut Transaction<'_>,
    others: &[&Set<'_>],
    wanted: bool,
    member: &[u8],
) -> Result<bool, Stop> {
    for other in others {
        if other.contains(txn, member)? != wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where one look-up has to wait, so will others: asks for all of them at once.
fn need_members(txn: &mut Transaction<'_>, first: &Set<'_>, others: &[&Set<'_>], stop: Stop) -> Stop {
    if !matches!(stop, Stop::Need(_)) {
        return stop;
    }
    let mut members = Vec::new();
    let gathered = first.each(txn, |member| {
        members.push(member.to_vec());
        true
    });
    if let Err(stop) = gathered {
        return stop;
    }
    let mut needs = Vec::new();
    for other in others {
        let Stored::Elements(elements) = &other.stored else { continue };
        match elements.prefetch(txn, members.iter().map(Vec::as_slice)) {
            Err(Stop::Need(more)) => needs.extend(more),
            Err(other) => return other,
            Ok(()) => {}
        }
    }
    if needs.is_empty() { stop } else { Stop::Need(needs) }
}

/// If a range has to be read elsewhere, those of the other sets are needed too, unless they are much bigger.
fn need_sets(first: &Set<'_>, others: &[&Set<'_>], stop: Stop) -> Stop {
    match stop {
        Stop::Need(needs) if needs.iter().any(|need| matches!(need, Need::Range(..))) => {
            let most = first.len().saturating_mul(MUCH_BIGGER);
            let small = others.iter().copied().filter(|other| other.len() <= most);
            Stop::Need(whole(std::iter::once(first).chain(small)))
        }
        other => other,
    }
}

fn whole<'s, 'a: 's>(sets: impl Iterator<Item = &'s Set<'a>>) -> Vec<Need> {
    sets.filter_map(|set| match &set.stored {
        Stored::Elements(elements) => Some(elements.need()),
        Stored::Packed(_) => None,
    })
    .collect()
}

/// Shows each member of any of `sets` once, in the order of hashes, until `visit` returns false. `visit` also gets
/// whether the member is in the first set and in no other one.
pub fn merge(
    txn: &mut Transaction<'_>,
    sets: &[&Set<'_>],
    mut visit: impl FnMut(&mut Transaction<'_>, &[u8], bool) -> bool,
) -> Result<(), Stop> {
    let mut sources: Vec<(Portions<'_, '_>, VecDeque<Place>)> =
        sets.iter().map(|set| (Portions::new(set), VecDeque::new())).collect();
    let mut heads = BinaryHeap::new();
    let mut refill = |txn: &mut Transaction<'_>, heads: &mut BinaryHeap<Reverse<(Place, usize)>>, index| {
        let (portions, buffer): &mut (Portions<'_, '_>, VecDeque<Place>) = &mut sources[index];
        if buffer.is_empty() {
            *buffer = portions.next(txn).map_err(|stop| match stop {
                Stop::Need(_) => Stop::Need(whole(sets.iter().copied())),
                other => other,
            })?;
        }
        if let Some(place) = buffer.pop_front() {
            heads.push(Reverse((place, index)));
        }
        Ok::<(), Stop>(())
    };
    for index in 0..sets.len() {
        refill(txn, &mut heads, index)?;
    }
    while let Some(Reverse((place, index))) = heads.pop() {
        refill(txn, &mut heads, index)?;
        let mut only_first = index == 0;
        while let Some(Reverse((other, _))) = heads.peek()
            && *other == place
        {
            only_first = false;
            if let Some(Reverse((_, index))) = heads.pop() {
                refill(txn, &mut heads, index)?;
            }
        }
        if !visit(txn, &place.1, only_first) {
            break;
        }
    }
    Ok(())
}
