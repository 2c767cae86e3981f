//! Reading a sorted set.

use std::ops::Range as Ranks;

use smallvec::SmallVec;

use super::{Form, SortedSet, corrupt};
use crate::encoding::key::KeyBuf;
use crate::encoding::{sorted_set as layout, tree_node};
use crate::engine::{Family, Range};
use crate::keyspace::transaction::{Need, Stop, Transaction};

/// Walks over more members say beforehand how many there will be.
const LONG_WALK: u64 = 64;

/// Scores between two, each of which may be left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRange {
    /// The least.
    pub min: f64,
    /// The least itself is left out.
    pub min_excluded: bool,
    /// The greatest.
    pub max: f64,
    /// The greatest itself is left out.
    pub max_excluded: bool,
}

/// One end of a range of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before all members.
    Lowest,
    /// Behind all members.
    Highest,
    /// This one, included.
    Included(&'a [u8]),
    /// This one, left out.
    Excluded(&'a [u8]),
}

/// Members between two, in the order of their bytes. Only sorted sets with one score for all members have such an
/// order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// Where it begins.
    pub min: LexBound<'a>,
    /// Where it ends.
    pub max: LexBound<'a>,
}

impl LexRange<'_> {
    /// Whether a member is not before the range.
    fn reaches(&self, member: &[u8]) -> bool {
        match self.min {
            LexBound::Lowest => true,
            LexBound::Highest => false,
            LexBound::Included(min) => member >= min,
            LexBound::Excluded(min) => member > min,
        }
    }

    /// Whether a member is not behind the range.
    fn holds_until(&self, member: &[u8]) -> bool {
        match self.max {
            LexBound::Lowest => false,
            LexBound::Highest => true,
            LexBound::Included(max) => member <= max,
            LexBound::Excluded(max) => member < max,
        }
    }

    /// Whether no member can be in it.
    fn is_empty(&self) -> bool {
        use LexBound::{Excluded, Highest, Included, Lowest};
        match (self.min, self.max) {
            (Highest, _) | (_, Lowest) => true,
            (Lowest, _) | (_, Highest) => false,
            (Included(min), Included(max)) => min > max,
            (Included(min) | Excluded(min), Included(max) | Excluded(max)) => min >= max,
        }
    }
}

/// A score and its member, by the key that the tree has of them.
fn parts(key: &[u8]) -> (f64, &[u8]) {
    // Every key has a score: it was written with one.
    layout::split(key).unwrap_or((0.0, b""))
}

impl<'a> SortedSet<'a> {
    /// The score of a member.
    pub fn score(&mut self, txn: &mut Transaction<'_>, member: &[u8]) -> Result<Option<f64>, Stop> {
        match &self.form {
            Form::Packed(leaf) => {
                let found =
                    tree_node::keys(leaf).find(|key| key.content.get(layout::SCORE..) == Some(member));
                Ok(found.map(|key| parts(key.content).0))
            }
            Form::Big(big) => {
                if let Some(fresh) = &big.fresh {
                    return Ok(fresh.get(member).copied());
                }
                let key = layout::member(self.entry.slot, self.entry.namespace, big.version, member);
                let Some(value) = txn.read(Family::Element, self.entry.slot, &key)? else { return Ok(None) };
                layout::score(&value).map(Some).ok_or_else(corrupt)
            }
        }
    }

    /// The scores of several members: those on disk are asked for together.
    pub fn scores<'m>(
        &mut self,
        txn: &mut Transaction<'_>,
        members: impl Iterator<Item = &'m [u8]> + Clone,
    ) -> Result<Vec<Option<f64>>, Stop> {
        let mut scores = Vec::with_capacity(members.size_hint().0);
        for member in members.clone() {
            match self.score(txn, member) {
                Ok(score) => scores.push(score),
                Err(stop) => return Err(self.need_members(txn, stop, members)),
            }
        }
        Ok(scores)
    }

    /// A command that lacks one of its members will lack others: asks for all of them at once.
    fn need_members<'m>(
        &self,
        txn: &mut Transaction<'_>,
        stop: Stop,
        members: impl Iterator<Item = &'m [u8]>,
    ) -> Stop {
        let (Stop::Need(_), Form::Big(big)) = (&stop, &self.form) else { return stop };
        let (slot, namespace) = (self.entry.slot, self.entry.namespace);
        let keys: Vec<KeyBuf> =
            members.map(|member| layout::member(slot, namespace, big.version, member)).collect();
        txn.prefetch_elements(slot, &keys).err().unwrap_or(stop)
    }

    /// How many members are before a place in the order of scores and members.
    fn rank_of_key(&mut self, txn: &mut Transaction<'_>, key: &[u8]) -> Result<u64, Stop> {
        match &mut self.form {
            Form::Packed(leaf) => Ok(tree_node::place(leaf, key).index),
            Form::Big(big) => big.tree.rank(txn, key),
        }
    }

    /// How many members are before one, and its score; `None` if it is not there.
    pub fn rank(&mut self, txn: &mut Transaction<'_>, member: &[u8]) -> Result<Option<(u64, f64)>, Stop> {
        let Some(score) = self.score(txn, member)? else { return Ok(None) };
        let rank = self.rank_of_key(txn, &layout::joined(score, member))?;
        Ok(Some((rank, score)))
    }

    /// The ranks of the members with scores in a range.
    pub fn ranks_by_score(
        &mut self,
        txn: &mut Transaction<'_>,
        range: &ScoreRange,
    ) -> Result<Ranks<u64>, Stop> {
        let before = |score: f64| layout::ordered(score).to_be_bytes();
        // No score is so great that there is no next number.
        let behind = |score: f64| (layout::ordered(score) + 1).to_be_bytes();
        let lower = if range.min_excluded { behind(range.min) } else { before(range.min) };
        let upper = if range.max_excluded { before(range.max) } else { behind(range.max) };
        if lower >= upper {
            return Ok(0..0);
        }
        Ok(self.rank_of_key(txn, &lower)?..self.rank_of_key(txn, &upper)?)
    }

    /// The ranks of the members in a range of members. If the scores are not all the same there is no such range,
    /// and the answer is that of Redis for small sorted sets; it depends on the direction.
    pub fn ranks_by_member(
        &mut self,
        txn: &mut Transaction<'_>,
        range: &LexRange<'_>,
        backwards: bool,
    ) -> Result<Ranks<u64>, Stop> {
        if range.is_empty() || self.is_empty() {
            return Ok(0..0);
        }
        if let Form::Packed(leaf) = &self.form {
            let members: SmallVec<[&[u8]; 128]> =
                tree_node::keys(leaf).map(|key| parts(key.content).1).collect();
            return Ok(look_through(&members, range, backwards));
        }
        let mut first = [0; layout::SCORE];
        self.walk(txn, 0, 1, false, |score, _| {
            first = layout::score_bytes(score);
            true
        })?;
        let start = match range.min {
            LexBound::Included(min) => self.rank_of_key(txn, &[&first, min].concat())?,
            LexBound::Excluded(min) => self.rank_of_key(txn, &[&first, min, b"\0"].concat())?,
            LexBound::Lowest | LexBound::Highest => 0,
        };
        let end = match range.max {
            LexBound::Included(max) => self.rank_of_key(txn, &[&first, max, b"\0"].concat())?,
            LexBound::Excluded(max) => self.rank_of_key(txn, &[&first, max].concat())?,
            LexBound::Lowest | LexBound::Highest => self.len(),
        };
        Ok(start..end.max(start))
    }

    /// Shows `count` scores and members in order, from the one with `from` members before it; with `backwards` from
    /// the one with `from` behind it, in reverse order. Stops early when there are no more, or `visit` returns
    /// false.
    pub fn walk(
        &mut self,
        txn: &mut Transaction<'_>,
        from: u64,
        count: u64,
        backwards: bool,
        mut visit: impl FnMut(f64, &[u8]) -> bool,
    ) -> Result<(), Stop> {
        self.announce(txn, count.min(self.len().saturating_sub(from)))?;
        let mut visit = |key: &[u8]| {
            let (score, member) = parts(key);
            visit(score, member)
        };
        match &mut self.form {
            Form::Packed(leaf) => {
                let (from, count) = (clamp(from), clamp(count));
                if backwards {
                    let keys: SmallVec<[&[u8]; 128]> = tree_node::keys(leaf).map(|key| key.content).collect();
                    keys.iter().rev().skip(from).take(count).all(|key| visit(key));
                } else {
                    tree_node::keys(leaf).skip(from).take(count).all(|key| visit(key.content));
                }
                Ok(())
            }
            Form::Big(big) => big.tree.walk(txn, from, count, backwards, &mut visit),
        }
    }

    /// Shows all scores and members, in order, until `visit` returns false.
    pub fn each(
        &mut self,
        txn: &mut Transaction<'_>,
        visit: impl FnMut(f64, &[u8]) -> bool,
    ) -> Result<(), Stop> {
        self.walk(txn, 0, u64::MAX, false, visit)
    }

    /// Says that so many members will be looked at in the tree.
    pub(super) fn announce(&self, txn: &mut Transaction<'_>, count: u64) -> Result<(), Stop> {
        match &self.form {
            Form::Big(big) if count > LONG_WALK => {
                let prefix = layout::nodes(self.entry.slot, self.entry.namespace, big.version);
                txn.spend(Family::Element, &Range::prefix(&prefix), count)
            }
            _ => Ok(()),
        }
    }

    /// Shows members with their hashes and scores in the order of hashes, and then of members, from a hash on, until
    /// `visit` returns false. Only for a sorted set that is not packed.
    pub fn each_by_hash(
        &self,
        txn: &mut Transaction<'_>,
        from: u32,
        mut visit: impl FnMut(u32, f64, &[u8]) -> bool,
    ) -> Result<(), Stop> {
        let Form::Big(big) = &self.form else { return Ok(()) };
        let (slot, namespace) = (self.entry.slot, self.entry.namespace);
        let range = Range {
            lower: layout::member_position(slot, namespace, big.version, from).to_vec(),
            upper: Range::prefix(&layout::members(slot, namespace, big.version)).upper,
        };
        let mut sound = true;
        txn.range(Family::Element, slot, &range, |key, value| {
            let (Some((hash, member)), Some(score)) = (layout::parse_member(key), layout::score(value))
            else {
                sound = false;
                return false;
            };
            visit(hash, score, member)
        })?;
        if sound { Ok(()) } else { Err(corrupt()) }
    }

    /// All of the tree, as a need; `None` if it is packed.
    pub fn tree_need(&self) -> Option<Need> {
        let Form::Big(big) = &self.form else { return None };
        let prefix = layout::nodes(self.entry.slot, self.entry.namespace, big.version);
        Some(Need::Range(Family::Element, Range::prefix(&prefix)))
    }
}

/// A number of members of a packed sorted set.
fn clamp(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A range of members, found by looking at one after the other, as Redis does in its compact form.
fn look_through(members: &[&[u8]], range: &LexRange<'_>, backwards: bool) -> Ranks<u64> {
    let (Some(first), Some(last)) = (members.first(), members.last()) else { return 0..0 };
    if !range.reaches(last) || !range.holds_until(first) {
        return 0..0;
    }
    let (start, end) = if backwards {
        let last = members.iter().rposition(|member| range.holds_until(member));
        let end = last.map_or(0, |last| last + 1);
        let before = members[..end].iter().rposition(|member| !range.reaches(member));
        (before.map_or(0, |before| before + 1), end)
    } else {
        let start = members.iter().position(|member| range.reaches(member)).unwrap_or(members.len());
        let length = members[start..].iter().position(|member| !range.holds_until(member));
        (start, length.map_or(members.len(), |length| start + length))
    };
    start as u64..end as u64
}
