//! Sorted sets: scores as bytes that sort, and what stands where.
//!
//! | place | key | value |
//! |-------|-----|-------|
//! | Meta, small (bit 5 clear) | | a leaf of [`super::tree_node`]: for each member its score and the member as one key |
//! | Meta, big (bit 5 set) | | [`Collection`], the next node's id (varint), the root of the tree (a node) |
//! | Element | collection prefix, [`MEMBER`] (1), hash of the member `u32`, the member | its score |
//! | Element | collection prefix, [`NODE`] (1), id of the node `u64` | a node of [`super::tree_node`] |
//!
//! A score is eight bytes, big-endian: the bits of the double, all inverted if it is negative, else the first one.
//! So the bytes sort as the scores do, and score and member together as sorted sets do. There is no NaN, and no
//! negative zero.

use super::key::{self, KeyBuf, Namespace, Version};
use super::meta::Collection;
use super::varint;
use crate::keyspace::slot::Slot;

/// The kind of an Element key that names a member.
pub const MEMBER: u8 = 0;
/// The kind of an Element key that names a node.
pub const NODE: u8 = 1;
/// Number of bytes of a score.
pub const SCORE: usize = 8;
/// Number of bytes of an Element key before the hash of the member.
pub const MEMBER_PREFIX: usize = key::COLLECTION_PREFIX + 1;

const SIGN: u64 = 1 << 63;

/// A score as a number that sorts as it does. Never `u64::MAX`.
pub fn ordered(score: f64) -> u64 {
    // Negative zero becomes zero: the two are equal, and have to stand side by side.
    let bits = (score + 0.0).to_bits();
    if bits & SIGN != 0 { !bits } else { bits | SIGN }
}

/// The bytes of a score.
pub fn score_bytes(score: f64) -> [u8; SCORE] {
    ordered(score).to_be_bytes()
}

/// The score of these bytes; `None` if there are fewer than eight.
pub fn score(bytes: &[u8]) -> Option<f64> {
    let ordered = u64::from_be_bytes(*bytes.first_chunk::<SCORE>()?);
    Some(f64::from_bits(if ordered & SIGN != 0 { ordered & !SIGN } else { !ordered }))
}

/// Takes apart what the tree has of a member; `None` if it is too short.
pub fn split(key: &[u8]) -> Option<(f64, &[u8])> {
    Some((score(key)?, &key[SCORE..]))
}

/// What the tree has of a member.
pub fn joined(score: f64, member: &[u8]) -> KeyBuf {
    let mut out = KeyBuf::with_capacity(SCORE + member.len());
    out.extend_from_slice(&score_bytes(score));
    out.extend_from_slice(member);
    out
}

fn kind(slot: Slot, namespace: Namespace, version: Version, kind: u8) -> KeyBuf {
    let mut out = key::collection(slot, namespace, version);
    out.push(kind);
    out
}

/// The prefix of the Element keys of all members.
pub fn members(slot: Slot, namespace: Namespace, version: Version) -> KeyBuf {
    kind(slot, namespace, version, MEMBER)
}

/// The first possible Element key of a member at or after a hash.
pub fn member_position(slot: Slot, namespace: Namespace, version: Version, hash: u32) -> KeyBuf {
    let mut out = members(slot, namespace, version);
    out.extend_from_slice(&hash.to_be_bytes());
    out
}

/// The Element key of a member.
pub fn member(slot: Slot, namespace: Namespace, version: Version, member: &[u8]) -> KeyBuf {
    let mut out = member_position(slot, namespace, version, key::order_hash(member));
    out.extend_from_slice(member);
    out
}

/// The hash and the name of a member, by its Element key; `None` if it is too short.
pub fn parse_member(key: &[u8]) -> Option<(u32, &[u8])> {
    let (hash, name) = key.get(MEMBER_PREFIX..)?.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*hash), name))
}

/// The prefix of the Element keys of all nodes.
pub fn nodes(slot: Slot, namespace: Namespace, version: Version) -> KeyBuf {
    kind(slot, namespace, version, NODE)
}

/// The part of a big sorted set's payload behind its [`Collection`].
pub fn tree(payload: &[u8], head: Collection) -> Option<&[u8]> {
    let mut length = Vec::with_capacity(10);
    varint::write(&mut length, head.len);
    payload.get(size_of::<Version>() + length.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_sort_as_their_bytes() {
        let scores = [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.5,
            -f64::MIN_POSITIVE,
            0.0,
            f64::from_bits(1),
            f64::MIN_POSITIVE,
            1.0,
            1.0 + f64::EPSILON,
            f64::MAX,
            f64::INFINITY,
        ];
        for pair in scores.windows(2) {
            assert!(score_bytes(pair[0]) < score_bytes(pair[1]), "{pair:?}");
        }
        for value in scores {
            assert_eq!(score(&score_bytes(value)).map(f64::to_bits), Some(value.to_bits()));
        }
        assert_eq!(score_bytes(-0.0), score_bytes(0.0));
        assert!(ordered(f64::INFINITY) < u64::MAX);
        assert_eq!(score(b"1234567"), None);
    }

    #[test]
    fn the_bytes_are_those_of_the_document() {
        assert_eq!(score_bytes(0.0), [0x80, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(score_bytes(1.0), [0xbf, 0xf0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(score_bytes(-1.0), [0x40, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(&joined(1.0, b"a")[..], b"\xbf\xf0\0\0\0\0\0\0a");
        let key = member(1, 2, 3, b"a");
        let hash = key::order_hash(b"a").to_be_bytes();
        let expected = [&b"\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x03\0"[..], &hash, b"a"].concat();
        assert_eq!(key[..], expected);
        assert_eq!(parse_member(&key), Some((key::order_hash(b"a"), &b"a"[..])));
        assert_eq!(&nodes(1, 2, 3)[..], b"\0\x01\0\0\0\x02\0\0\0\0\0\0\0\x03\x01");
    }

    #[test]
    fn the_tree_stands_behind_the_collection() {
        for len in [0, 127, 128, u64::MAX] {
            let head = Collection { version: 7, len };
            let mut payload = head.encode();
            payload.extend_from_slice(b"tree");
            assert_eq!(tree(&payload, head), Some(&b"tree"[..]));
        }
    }
}
