//! Whether two servers have the same data.
//!
//! Every key has a *position*: its slot and, within the slot, its hash, by which the store orders keys
//! ([`crate::encoding::key`]). So a [`Span`] of positions is the same set of names on every server, however its keys are
//! spread over partitions or databases. Two servers that keep a moment of the same offset ask each other for sums over
//! spans ([`Sum`]); where they differ the span is cut into smaller ones, down to names with their hashes ([`bisect`]).
//!
//! | file | what |
//! |------|------|
//! | [`hash`] | what counts of a key, as one number |
//! | [`bisect`] | from sums to the keys that differ |
//! | [`status`] | how far a comparison is, and what it found |

use crate::encoding::key::order_hash;
use crate::keyspace::slot::{self, SLOTS};

pub mod bisect;
pub mod hash;
pub mod status;

pub use bisect::{Differing, bisect};
pub use hash::hash;
pub use status::{State, Status};

/// Bits of a position below its slot.
const SLOT_BITS: u32 = 32;
/// The most parts that a span is summed up in.
pub const MOST_PARTS: u64 = 4096;
/// Bytes of a [`Sum`] on the wire.
const SUM_BYTES: usize = 24;

/// Whom to compare with.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user, empty for the default one.
    pub user: String,
    /// The password, empty for none.
    pub password: String,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target {{ {}:{} }}", self.host, self.port)
    }
}

/// Positions from one on, up to another that is not in it. A position is the slot times 2³² plus the key's order hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first.
    pub from: u64,
    /// One behind the last; more than `from`, at most [`Span::ALL`]'s.
    pub to: u64,
}

impl Span {
    /// Everything.
    pub const ALL: Span = Span { from: 0, to: (SLOTS as u64) << SLOT_BITS };

    /// From one position up to another; `None` if there is nothing between them, or nothing so far up.
    pub fn new(from: u64, to: u64) -> Option<Span> {
        (from < to && to <= Span::ALL.to).then_some(Span { from, to })
    }

    /// Slots from one on, up to another that is not in it.
    pub fn of_slots(from: u16, to: u16) -> Option<Span> {
        Span::new(u64::from(from) << SLOT_BITS, u64::from(to) << SLOT_BITS)
    }

    /// How many positions it has.
    pub fn length(&self) -> u64 {
        self.to - self.from
    }

    /// Its parts, when it is cut into `parts` as equal as can be: fewer if it has fewer positions.
    pub fn cut(&self, parts: u64) -> Vec<Span> {
        let parts = parts.clamp(1, self.length());
        (0..parts)
            .map(|part| Span { from: self.border(part, parts), to: self.border(part + 1, parts) })
            .collect()
    }

    /// Which of its `parts` a position is in.
    pub fn part_of(&self, position: u64, parts: u64) -> usize {
        let parts = parts.clamp(1, self.length());
        let within = u128::from(position - self.from);
        let mut part = (within * u128::from(parts) / u128::from(self.length())) as u64;
        // A border that was rounded down begins its part a little earlier.
        while part + 1 < parts && self.border(part + 1, parts) <= position {
            part += 1;
        }
        part as usize
    }

    fn border(&self, part: u64, parts: u64) -> u64 {
        self.from + (u128::from(self.length()) * u128::from(part) / u128::from(parts)) as u64
    }

    /// The pieces of slots that it is made of: a slot, and in it order hashes from one up to another (2³² at most).
    pub(crate) fn slots(&self) -> impl Iterator<Item = (u16, u64, u64)> + use<> {
        let Span { from, to } = *self;
        let last = (to - 1) >> SLOT_BITS;
        ((from >> SLOT_BITS)..=last).map(move |slot| {
            let first = slot << SLOT_BITS;
            (slot as u16, from.saturating_sub(first), (to - first).min(1 << SLOT_BITS))
        })
    }
}

/// The position of a key.
pub fn position_of(key: &[u8]) -> u64 {
    position(slot::of_key(key), order_hash(key))
}

/// The position of keys with an order hash in a slot.
pub fn position(slot: u16, order_hash: u32) -> u64 {
    u64::from(slot) << SLOT_BITS | u64::from(order_hash)
}

/// The keys of a part of a span, of all databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many there are.
    pub keys: u64,
    /// The sum of their hashes, modulo 2¹²⁸: their order does not matter.
    pub sum: u128,
}

impl Sum {
    /// Adds a key.
    pub fn add(&mut self, hash: u128) {
        self.keys += 1;
        self.sum = self.sum.wrapping_add(hash);
    }
}

/// Sums as bytes: for each the number of keys (`u64`) and the sum (`u128`), big-endian.
pub fn encode_sums(sums: &[Sum]) -> Vec<u8> {
    let mut out = Vec::with_capacity(sums.len() * SUM_BYTES);
    for sum in sums {
        out.extend(sum.keys.to_be_bytes());
        out.extend(sum.sum.to_be_bytes());
    }
    out
}

/// Reads what [`encode_sums`] wrote; `None` if it is not that.
pub fn decode_sums(bytes: &[u8]) -> Option<Vec<Sum>> {
    let parts = bytes.chunks_exact(SUM_BYTES);
    let rest = parts.remainder().is_empty();
    let sum = |part: &[u8]| {
        let (keys, sum) = part.split_first_chunk::<8>()?;
        Some(Sum { keys: u64::from_be_bytes(*keys), sum: u128::from_be_bytes(sum.try_into().ok()?) })
    };
    parts.map(sum).collect::<Option<Vec<Sum>>>().filter(|_| rest)
}

/// A key by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The database.
    pub database: usize,
    /// The name.
    pub name: Vec<u8>,
}

/// A key and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which key.
    pub key: Key,
    /// [`hash`] of it.
    pub hash: u128,
}

#[cfg(test)]
mod tests;
