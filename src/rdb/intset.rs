//! Intsets: sets of integers.
//!
//! | bytes | what |
//! |-------|------|
//! | 4     | bytes of each member: 2, 4 or 8 |
//! | 4     | number of members |
//! |       | the members, ascending |
//!
//! All little-endian.

use super::listpack::little_endian;
use super::{Error, Result};

const HEADER: usize = 8;
const BROKEN: Error = Error::Corrupt("an intset");

/// All members of an intset, ascending.
pub fn members(bytes: &[u8]) -> Result<Vec<i64>> {
    let (header, content) = bytes.split_first_chunk::<HEADER>().ok_or(BROKEN)?;
    let word =
        |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize;
    let (width, count) = (word(0), word(4));
    if !matches!(width, 2 | 4 | 8) || content.len() != width.checked_mul(count).ok_or(BROKEN)? {
        return Err(BROKEN);
    }
    let members: Vec<i64> =
        content.chunks_exact(width).filter_map(|member| little_endian(member, width)).collect();
    if members.is_sorted_by(|one, next| one < next) { Ok(members) } else { Err(BROKEN) }
}

/// The intset of some members, which must be ascending.
pub fn encode(members: &[i64]) -> Vec<u8> {
    let fits = |bits: u32| {
        members.iter().all(|member| {
            member.unsigned_abs() >> bits == 0 || {
                // The smallest number has no positive counterpart.
                member.unsigned_abs() == 1 << bits && *member < 0
            }
        })
    };
    let width = if fits(15) {
        2
    } else if fits(31) {
        4
    } else {
        8
    };
    let mut out = Vec::with_capacity(HEADER + members.len() * width);
    out.extend_from_slice(&(width as u32).to_le_bytes());
    out.extend_from_slice(&(members.len() as u32).to_le_bytes());
    for member in members {
        out.extend_from_slice(&member.to_le_bytes()[..width]);
    }
    out
}
