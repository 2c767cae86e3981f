//! The hash of an element: MurmurHash64A (Austin Appleby, public domain) with the seed that Redis uses.

use super::{GREATEST, INDEX_BITS, REGISTERS};

const SEED: u64 = 0xadc8_3b19;
const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
const SHIFT: u32 = 47;

/// The register of an element, and the number that it gives it.
pub fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur_64a(element, SEED);
    let index = hash as usize & (REGISTERS - 1);
    let rest = hash >> INDEX_BITS;
    (index, (rest.trailing_zeros() as u8 + 1).min(GREATEST))
}

/// MurmurHash64A, reading words as little-endian on every machine.
pub(super) fn murmur_64a(bytes: &[u8], seed: u64) -> u64 {
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        hash ^= (word ^ word >> SHIFT).wrapping_mul(FACTOR);
        hash = hash.wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}
